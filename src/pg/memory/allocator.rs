//! The allocator of this library: the system's, with a reserve. Where Rust code
//! has no way to fail, of ours or beneath us, a small allocation that fails ends
//! the process, and the server with it. It gets memory of the reserve instead, and
//! the load fails at the next chance: [`refill`] and [`is_low`] tell.
//!
//! The reserve is kept mapped and dealt out here, not given back to the system: there
//! any thread, and the server, could be quicker. It is dealt out from its start to its
//! end, and is whole again when all of it has come back. Requests that may fail cannot
//! be told from those that may not, so the larger ones, of which there is a way to
//! fail, get none of its second half, and threads beside the backend none of its last
//! quarter: the backend reports the error. (This file is a part of a test of the core,
//! too: it knows nothing of the server.)

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Address space of the reserve. It is not written to before it is needed.
const RESERVE: usize = 4 * 1024 * 1024;

/// Larger allocations are asked for in ways that may fail.
const SMALL: usize = 64 * 1024;

/// Larger ones than this get none of the reserve's second half.
const TINY: usize = 4 * 1024;

/// A process that holds more of the reserve than this has to give some back first.
const HELD: u64 = RESERVE as u64 / 4;

/// Where the reserve is; null before it is mapped.
static START: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// How many of its blocks are in use, in the high half, and how many of its bytes are
/// dealt out, in the low half.
static DEALT: AtomicU64 = AtomicU64::new(0);

/// It was needed since [`refill`] last said that all is well.
static LOW: AtomicBool = AtomicBool::new(false);

/// The thread that called [`refill`]: the backend's.
static BACKEND: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: WithReserve = WithReserve;

struct WithReserve;

// SAFETY: blocks are the system's, or parts of the reserve that nobody else has until
// they are given back.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        let block = if may() { unsafe { System.alloc(layout) } } else { ptr::null_mut() };
        if block.is_null() { deal_out(layout) } else { block }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        let block = if may() { unsafe { System.alloc_zeroed(layout) } } else { ptr::null_mut() };
        if !block.is_null() {
            return block;
        }
        let block = deal_out(layout);
        if !block.is_null() {
            // SAFETY: a block of that size. It may have been used before.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let of_reserve = is_of_reserve(block);
        if !of_reserve && may() {
            // SAFETY: the caller's promises; a failed call leaves the block as it was.
            let moved = unsafe { System.realloc(block, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: by the caller's promises a size of that alignment; the old block has
        // so many bytes, the new one too, and they are not the same.
        unsafe {
            let wanted = Layout::from_size_align_unchecked(size, layout.align());
            let moved = if of_reserve { self.alloc(wanted) } else { deal_out(wanted) };
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, size.min(layout.size()));
                self.dealloc(block, layout);
            }
            moved
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_of_reserve(block) {
            take_back(block, layout.size());
        } else {
            // SAFETY: the caller's promises, and it is not of the reserve.
            unsafe { System.dealloc(block, layout) }
        }
    }
}

fn is_of_reserve(block: *mut u8) -> bool {
    block.addr().wrapping_sub(START.load(Ordering::Acquire).addr()) < RESERVE
}

/// A block of the reserve; null where it has none for this.
#[cold]
fn deal_out(layout: Layout) -> *mut u8 {
    let start = START.load(Ordering::Acquire);
    let size = layout.size();
    if size > SMALL || start.is_null() {
        return ptr::null_mut();
    }
    LOW.store(true, Ordering::Relaxed);
    let most = match size > TINY {
        true => RESERVE / 2,
        false if this_thread() == BACKEND.load(Ordering::Relaxed) => RESERVE,
        false => RESERVE / 4 * 3,
    };
    let mut dealt = DEALT.load(Ordering::Acquire);
    loop {
        let (blocks, used) = (dealt >> 32, dealt as u32 as usize);
        let at = (start.addr() + used).next_multiple_of(layout.align()) - start.addr();
        if at + size > most {
            return ptr::null_mut();
        }
        let next = (blocks + 1) << 32 | (at + size) as u64;
        match DEALT.compare_exchange_weak(dealt, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return start.wrapping_add(at),
            Err(now) => dealt = now,
        }
    }
}

/// Takes back a block of the reserve.
#[cold]
fn take_back(block: *mut u8, size: usize) {
    let at = block.addr() - START.load(Ordering::Acquire).addr();
    let mut dealt = DEALT.load(Ordering::Acquire);
    loop {
        let (blocks, used) = ((dealt >> 32) - 1, dealt & u64::from(u32::MAX));
        let used = match blocks {
            0 => 0,
            // The last one: what is before it may be in use.
            _ if used == (at + size) as u64 => at as u64,
            _ => used,
        };
        match DEALT.compare_exchange_weak(dealt, blocks << 32 | used, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return,
            Err(now) => dealt = now,
        }
    }
}

/// Sees to it that there is a reserve; an error is its size. Called by the backend, at
/// the start of what may need it and now and then: that memory ran out meanwhile is an
/// error as long as there is none again.
pub fn refill() -> Result<(), usize> {
    if START.load(Ordering::Acquire).is_null() {
        map()?;
    }
    if LOW.load(Ordering::Relaxed) {
        let used = DEALT.load(Ordering::Acquire) & u64::from(u32::MAX);
        if used > HELD || !has_room(RESERVE) {
            return Err(RESERVE);
        }
        LOW.store(false, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether memory has run out, and whoever is at work should stop. Any thread may ask.
pub fn is_low() -> bool {
    LOW.load(Ordering::Relaxed)
}

/// As [`is_low`], for a loop that has to end then; an error is the size of the reserve.
pub fn check() -> Result<(), usize> {
    if is_low() { Err(RESERVE) } else { Ok(()) }
}

/// Whether there is so much address space in one piece.
pub fn has_room(bytes: usize) -> bool {
    if !may() {
        return false;
    }
    let mapped = new_mapping(bytes);
    // SAFETY: just mapped, and nobody knows of it.
    !mapped.is_null() && unsafe { libc::munmap(mapped.cast(), bytes) } == 0
}

fn map() -> Result<(), usize> {
    // What is thread-local is allocated when it is first asked for, in ways that end
    // the process if there is no memory.
    if !has_room(RESERVE) {
        return Err(RESERVE);
    }
    let _ = std::thread::current();
    let mapped = new_mapping(RESERVE);
    if mapped.is_null() {
        return Err(RESERVE);
    }
    BACKEND.store(this_thread(), Ordering::Relaxed);
    START.store(mapped, Ordering::Release);
    Ok(())
}

/// So many bytes of zeros that take no memory yet; null where there is no room.
fn new_mapping(bytes: usize) -> *mut u8 {
    // SAFETY: a new mapping of no file.
    let mapped = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if mapped == libc::MAP_FAILED { ptr::null_mut() } else { mapped.cast() }
}

/// The thread; asking takes no memory.
fn this_thread() -> usize {
    // SAFETY: has no conditions.
    (unsafe { libc::pthread_self() }) as usize
}

/// Whether the system may be asked: tests refuse.
#[inline(always)]
fn may() -> bool {
    #[cfg(any(test, feature = "pg_test"))]
    return failing::may();
    #[cfg(not(any(test, feature = "pg_test")))]
    true
}

/// For tests: the system has no memory at one call, or from that on.
#[cfg(any(test, feature = "pg_test"))]
pub mod failing {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    static CALLS: AtomicU64 = AtomicU64::new(0);
    static FAILS: AtomicU64 = AtomicU64::new(u64::MAX);
    static FOR_GOOD: AtomicBool = AtomicBool::new(false);

    pub(super) fn may() -> bool {
        if FAILS.load(Ordering::Relaxed) == u64::MAX {
            return true;
        }
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let fails = FAILS.load(Ordering::Relaxed);
        call < fails || (call > fails && !FOR_GOOD.load(Ordering::Relaxed))
    }

    /// Runs `body`; the call of that number, from 0, fails meanwhile, and with
    /// `for_good` each one after it. Returns what `body` does and whether there were as
    /// many calls.
    pub fn during<R>(call: u64, for_good: bool, body: impl FnOnce() -> R) -> (R, bool) {
        CALLS.store(0, Ordering::Relaxed);
        FOR_GOOD.store(for_good, Ordering::Relaxed);
        FAILS.store(call, Ordering::Relaxed);
        let result = {
            let _off = Off;
            body()
        };
        (result, CALLS.load(Ordering::Relaxed) > call)
    }

    /// Ends it, whatever way the body ends.
    struct Off;

    impl Drop for Off {
        fn drop(&mut self) {
            FAILS.store(u64::MAX, Ordering::Relaxed);
        }
    }

    /// How much of the reserve is in use.
    pub fn held() -> u64 {
        super::DEALT.load(Ordering::Acquire) & u64::from(u32::MAX)
    }
}
