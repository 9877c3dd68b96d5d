//! CONTEXT lines: words that every error raised meanwhile gains, without being
//! caught, so that it keeps all its own fields.

use pgrx::{pg_guard, pg_sys};
use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};
use std::fmt::{self, Write};

unsafe extern "C-unwind" {
    fn errcontext_msg(format: *const c_char, ...) -> c_int;
}

/// The longest line: a path may have 4,096 bytes.
const LINE: usize = 5 * 1024;

/// Writes the line. Called while the server reports an error: it must not
/// allocate.
pub type Describe<'a> = &'a dyn Fn(&mut dyn Write) -> fmt::Result;

/// Runs `body`; what is reported meanwhile gains the line of `describe`.
pub fn with_context<R>(describe: Describe<'_>, body: impl FnOnce() -> R) -> R {
    let mut callback = pg_sys::ErrorContextCallback {
        // SAFETY: reads a variable of this single-threaded process.
        previous: unsafe { pg_sys::error_context_stack },
        callback: Some(report),
        arg: (&raw const describe).cast_mut().cast::<c_void>(),
    };
    let _pop = Pop(callback.previous);
    // SAFETY: `callback` and what it points at outlive `_pop`, which unhooks it.
    unsafe { pg_sys::error_context_stack = &raw mut callback };
    body()
}

struct Pop(*mut pg_sys::ErrorContextCallback);

impl Drop for Pop {
    fn drop(&mut self) {
        // SAFETY: what was there before is still there.
        unsafe { pg_sys::error_context_stack = self.0 };
    }
}

thread_local! {
    /// Where the error arose that is on its way.
    static NOTE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`; if it is left by an error, the words of `place` are kept for who contains
/// that. The CONTEXT of the error itself has words of others too, which may be contents.
pub fn noting<R>(place: impl Fn() -> String, body: impl FnOnce() -> R) -> R {
    let note = Noting(place);
    let result = body();
    // One that was caught within is over.
    take_note();
    drop(note);
    result
}

/// What was noted of the error that is being contained.
pub(in crate::pg) fn take_note() -> Option<String> {
    NOTE.take()
}

struct Noting<F: Fn() -> String>(F);

impl<F: Fn() -> String> Drop for Noting<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            NOTE.set(Some((self.0)()));
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn report(arg: *mut c_void) {
    let mut line = Line { bytes: [0; LINE], used: 0 };
    // SAFETY: `with_context` put it there, and is still running.
    let describe = unsafe { *arg.cast::<Describe<'_>>() };
    // A line that does not fit is cut.
    let _ = describe(&mut line);
    // SAFETY: the line ends with a NUL byte, and is copied by the server.
    unsafe {
        pg_sys::set_errcontext_domain(std::ptr::null());
        errcontext_msg(c"%s".as_ptr(), line.bytes.as_ptr());
    }
}

/// A C string of limited length.
struct Line {
    bytes: [u8; LINE],
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut fits = text.len().min(LINE - 1 - self.used);
        while !text.is_char_boundary(fits) {
            fits -= 1;
        }
        self.bytes[self.used..self.used + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.used += fits;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}
