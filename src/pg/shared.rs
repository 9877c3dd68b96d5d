//! Memory that a session shares with its workers.

use pgrx::pg_sys;
use std::ptr::NonNull;

/// A segment of shared memory, mapped as long as this value lives, across
/// transactions. It goes with the last process that has it mapped.
pub struct Segment {
    segment: NonNull<pg_sys::dsm_segment>,
}

impl Segment {
    /// A new one, all zero. Raises where there is no memory for it.
    pub fn new(size: usize) -> Self {
        // SAFETY: without the flag that allows NULL, the call raises instead.
        let segment = Segment::mapped(unsafe { pg_sys::dsm_create(size, 0) });
        let segment = segment.expect("dsm_create raises");
        // SAFETY: the segment is at least that long, and nobody else knows of it.
        unsafe { segment.start().write_bytes(0, size) };
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

    /// Its first byte, aligned for anything.
    pub fn start(&self) -> *mut u8 {
        // SAFETY: mapped as long as `self`.
        unsafe { pg_sys::dsm_segment_address(self.segment.as_ptr()).cast() }
    }

    /// Its length in bytes.
    pub fn length(&self) -> usize {
        // SAFETY: mapped as long as `self`.
        unsafe { pg_sys::dsm_segment_map_length(self.segment.as_ptr()) }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: mapped by `mapped`; nothing points into it any more.
        unsafe { pg_sys::dsm_detach(self.segment.as_ptr()) }
    }
}
