//! Memory contexts of our own. Each lies below the one that goes with the process, so
//! that nobody else deletes it: it is there exactly as long as its value.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Memory that a load begins with. It needs little of it: the rest is there for
/// what is kept of an error, when the server has no more to give.
pub const RESERVE: usize = 64 * 1024;

/// A memory context that goes when this value does, and everything in it.
pub struct Context(pg_sys::MemoryContext);

impl Context {
    /// Makes a context. What is freed by [`Context::reset`] is given back to the system
    /// but for the first `keep` bytes.
    pub fn new(name: &'static CStr, keep: usize) -> Self {
        // SAFETY: the name is static, as the server demands; `keep` and the
        // largest block are multiples of the allocation unit.
        Context(unsafe {
            pg_sys::AllocSetContextCreateInternal(
                pg_sys::TopMemoryContext,
                name.as_ptr(),
                0,
                keep,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            )
        })
    }

    /// Frees everything in it.
    pub fn reset(&mut self) {
        // SAFETY: the context lives as long as `self`.
        unsafe { pg_sys::MemoryContextReset(self.0) }
    }

    /// Runs `body` with this as the current context, whatever way it ends. What it
    /// returns is none of the server's values: those may lie in the context.
    pub fn within<R: Send>(&self, body: impl FnOnce() -> R) -> R {
        let _back = self.switch_to();
        body()
    }

    /// Makes this the current context until what is returned goes, be it in an error.
    pub(in crate::pg) fn switch_to(&self) -> Back {
        // SAFETY: the context lives as long as `self`.
        Back(unsafe { pg_sys::MemoryContextSwitchTo(self.0) })
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
        // SAFETY: nobody else deletes it.
        unsafe { pg_sys::MemoryContextDelete(self.0) }
    }
}

/// Switches back to the context that was current.
pub(in crate::pg) struct Back(pg_sys::MemoryContext);

impl Drop for Back {
    fn drop(&mut self) {
        // SAFETY: it was current when our call began, and lives on.
        unsafe { pg_sys::MemoryContextSwitchTo(self.0) };
    }
}
