//! Threads beside the backend. They never call the server; what the server
//! does to the process, signals and its end, is kept from them here.

use crate::pg::memory::allocator;
use pgrx::{pg_guard, pg_sys};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// What a thread takes beside its stack, and more: thread-local variables, and what
/// the system's allocator keeps for it.
const BESIDE: usize = 4 * 1024 * 1024;

/// A load needs less of the backend's stack than this, bytes.
const STACK: usize = 256 * 1024;

/// Prepares this process for a lack of memory, while there is some.
///
/// What raising an error takes of thread-local variables is allocated: at the first error of a
/// session there may be no memory for them, and where it cannot be noted that they have to be
/// dropped the process ends. And the stack grows to what a load needs of it: it grows by itself
/// as it is used, and where the system finds no room for that the process is killed.
pub fn warm_up() {
    // Caught here, and shown to nobody: the hook of pgrx only notes where it was.
    let _ = std::panic::catch_unwind(|| std::panic::panic_any(()));
    grow_stack();
}

#[inline(never)]
fn grow_stack() {
    std::hint::black_box(&[0u8; STACK]);
}

/// Whether there is memory for one more thread with a stack of so many bytes. One that
/// finds none for its thread-local variables ends the process.
pub fn has_room(stack: usize) -> bool {
    !allocator::is_low() && allocator::has_room(stack + BESIDE)
}

/// Runs `body`; threads that it starts have all signals blocked. The server's
/// handlers must run in the backend's own thread.
pub fn without_signals<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: sets of signals of this frame; the one that was in force is put
    // back when the guard goes.
    let _restore = unsafe {
        let mut all = std::mem::zeroed();
        let mut before = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        Restore(before)
    };
    body()
}

struct Restore(libc::sigset_t);

impl Drop for Restore {
    fn drop(&mut self) {
        // SAFETY: the set was in force before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}

type Action = Rc<dyn Fn()>;

thread_local! {
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
    /// Never dropped: to note that it has to be would take memory that there may not be.
    static ACTIONS: RefCell<ManuallyDrop<Vec<Action>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// While it is alive, the end of the process runs its action first: a FATAL
/// error leaves without unwinding.
pub struct AtExit(Action);

impl AtExit {
    /// Runs `action` if the process ends.
    pub fn new(action: impl Fn() + 'static) -> Self {
        if !REGISTERED.replace(true) {
            // SAFETY: the function is there as long as the library is loaded,
            // which is to the end of the process.
            unsafe { pg_sys::before_shmem_exit(Some(run_actions), pg_sys::Datum::null()) };
        }
        let action: Action = Rc::new(action);
        ACTIONS.with_borrow_mut(|actions| actions.push(action.clone()));
        AtExit(action)
    }
}

impl Drop for AtExit {
    fn drop(&mut self) {
        ACTIONS.with_borrow_mut(|actions| actions.retain(|action| !Rc::ptr_eq(action, &self.0)));
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn run_actions(_code: i32, _argument: pg_sys::Datum) {
    for action in ManuallyDrop::into_inner(ACTIONS.take()) {
        action();
    }
}
