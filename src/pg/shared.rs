//! Memory that a session shares with its workers.

use pgrx::pg_sys;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

/// A segment of shared memory, mapped as long as this value lives, across
/// transactions. It goes with the last process that has it mapped.
pub struct Segment {
    segment: NonNull<pg_sys::dsm_segment>,
}

impl Segment {
    /// A new one of so many words, all zero. Raises where there is no memory for it.
    pub fn new(words: usize) -> Self {
        // SAFETY: without the flag that allows NULL, the call raises instead.
        let segment = Segment::mapped(unsafe { pg_sys::dsm_create(words * size_of::<AtomicU64>(), 0) });
        let segment = segment.expect("dsm_create raises");
        for word in segment.words() {
            word.store(0, Ordering::Relaxed);
        }
        segment
    }

    /// The one of that handle; `None` where it has gone.
    pub fn attach(handle: u32) -> Option<Self> {
        // SAFETY: any handle may be asked for.
        Segment::mapped(unsafe { pg_sys::dsm_attach(handle) })
    }

    fn mapped(segment: *mut pg_sys::dsm_segment) -> Option<Self> {
        let segment = NonNull::new(segment)?;
        // SAFETY: just mapped. Without this the end of the transaction would unmap it.
        unsafe { pg_sys::dsm_pin_mapping(segment.as_ptr()) };
        Some(Segment { segment })
    }

    /// What [`Segment::attach`] finds it by.
    pub fn handle(&self) -> u32 {
        // SAFETY: mapped as long as `self`.
        unsafe { pg_sys::dsm_segment_handle(self.segment.as_ptr()) }
    }

    /// All of it.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: mapped as long as `self`, aligned to a page; every process has
        // it as atomic words and nothing else, and any bits make one.
        unsafe {
            let start = pg_sys::dsm_segment_address(self.segment.as_ptr());
            let length = pg_sys::dsm_segment_map_length(self.segment.as_ptr());
            slice::from_raw_parts(start.cast(), length / size_of::<AtomicU64>())
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: mapped by `mapped`; nothing points into it any more.
        unsafe { pg_sys::dsm_detach(self.segment.as_ptr()) }
    }
}
