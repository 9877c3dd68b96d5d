//! Memory contexts of our own.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Memory that a load begins with. It needs little of it: the rest is there for
/// what is kept of an error, when the server has no more to give.
pub const RESERVE: usize = 64 * 1024;

/// A memory context that goes when this value does, and everything in it.
pub struct Context(pg_sys::MemoryContext);

impl Context {
    /// Makes a context below the current one. What is freed by [`Context::reset`]
    /// is given back to the system but for the first `keep` bytes.
    pub fn new(name: &'static CStr, keep: usize) -> Self {
        // SAFETY: the name is static, as the server demands; `keep` and the
        // largest block are multiples of the allocation unit.
        Context(unsafe {
            pg_sys::AllocSetContextCreateInternal(
                pg_sys::CurrentMemoryContext,
                name.as_ptr(),
                0,
                keep,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            )
        })
    }

    /// As [`Context::new`], but below none that goes before the process does.
    pub fn for_process(name: &'static CStr, keep: usize) -> Self {
        // SAFETY: switched back at once.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
            let context = Context::new(name, keep);
            pg_sys::MemoryContextSwitchTo(before);
            context
        }
    }

    /// The context that is current.
    pub fn current() -> Current {
        // SAFETY: a plain variable of this single-threaded process.
        Current(unsafe { pg_sys::CurrentMemoryContext })
    }

    /// Frees everything in it.
    pub fn reset(&mut self) {
        // SAFETY: the context lives as long as `self`.
        unsafe { pg_sys::MemoryContextReset(self.0) }
    }

    /// Runs `body` with this as the current context, whatever way it ends.
    pub fn within<R>(&self, body: impl FnOnce() -> R) -> R {
        // SAFETY: the context lives as long as `self`.
        let _back = Back(unsafe { pg_sys::MemoryContextSwitchTo(self.0) });
        body()
    }

    /// Makes this the current context and returns the one that was.
    ///
    /// # Safety
    /// The caller switches back before `self` goes.
    pub unsafe fn enter(&self) -> pg_sys::MemoryContext {
        // SAFETY: the context lives as long as `self`.
        unsafe { pg_sys::MemoryContextSwitchTo(self.0) }
    }

    /// Allocates in it.
    pub fn alloc(&self, size: usize) -> *mut u8 {
        // SAFETY: the context lives as long as `self`; raises where there is no memory.
        unsafe { pg_sys::MemoryContextAlloc(self.0, size).cast() }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: nobody else deletes it: its parent outlives our call.
        unsafe { pg_sys::MemoryContextDelete(self.0) }
    }
}

/// A context that was current, and lives longer than the transaction.
pub struct Current(pg_sys::MemoryContext);

impl Current {
    /// Makes it current again: the server's transactions bring their own.
    pub fn enter_again(&self) {
        // SAFETY: it lives on.
        unsafe { pg_sys::MemoryContextSwitchTo(self.0) };
    }
}

/// Switches back to the context that was current.
struct Back(pg_sys::MemoryContext);

impl Drop for Back {
    fn drop(&mut self) {
        // SAFETY: it was current when our call began, and lives on.
        unsafe { pg_sys::MemoryContextSwitchTo(self.0) };
    }
}
