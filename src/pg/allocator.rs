//! The allocator of this library: the system's, with a reserve. Where Rust code
//! has no way to fail, of ours or beneath us, a small allocation that fails ends
//! the process, and the server with it. It gets the reserve instead, and the
//! load fails at the next chance.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Address space that is kept for small allocations: as much as the system's
/// allocator takes at a time, some times over. It is never written to.
const RESERVE: usize = 2 * 1024 * 1024;

/// Larger allocations are asked for in ways that may fail.
const SMALL: usize = 64 * 1024;

static RESERVED: AtomicPtr<libc::c_void> = AtomicPtr::new(ptr::null_mut());

#[global_allocator]
static ALLOCATOR: WithReserve = WithReserve;

struct WithReserve;

impl WithReserve {
    fn retry(&self, size: usize, allocate: impl Fn() -> *mut u8) -> *mut u8 {
        let allocated = allocate();
        if allocated.is_null() && size <= SMALL && give_up() { allocate() } else { allocated }
    }
}

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        self.retry(layout.size(), || unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        self.retry(layout.size(), || unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises; a failed call leaves the block as it was.
        self.retry(size, || unsafe { System.realloc(block, layout, size) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Gives the reserve back to the system; `false` where there is none.
fn give_up() -> bool {
    let reserved = RESERVED.swap(ptr::null_mut(), Ordering::Relaxed);
    // SAFETY: it was mapped by `refill`, and nobody else has it now.
    !reserved.is_null() && unsafe { libc::munmap(reserved, RESERVE) } == 0
}

/// Sees to it that there is a reserve; an error is its size.
pub fn refill() -> Result<(), usize> {
    if !is_low() {
        return Ok(());
    }
    // SAFETY: a new mapping of no file.
    let reserved = unsafe {
        libc::mmap(
            ptr::null_mut(),
            RESERVE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if reserved == libc::MAP_FAILED {
        return Err(RESERVE);
    }
    RESERVED.store(reserved, Ordering::Relaxed);
    Ok(())
}

/// Whether the reserve is gone: there is no memory left.
fn is_low() -> bool {
    RESERVED.load(Ordering::Relaxed).is_null()
}
