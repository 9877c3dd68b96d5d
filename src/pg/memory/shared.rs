//! Memory that a session shares with its workers.

use pgrx::pg_sys;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells versions of the library apart: a session may have the old one when its workers
/// get the new one.
pub const VERSION: u64 = {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let (mut number, mut at) = (0u64, 0);
    while at < version.len() {
        number = number.wrapping_mul(257).wrapping_add(version[at] as u64);
        at += 1;
    }
    number
};

/// At the very end of a segment: how many words are told, and the version.
const FOOT: usize = 2;

/// A segment of shared memory, mapped as long as this value lives, across
/// transactions. It goes with the last process that has it mapped.
///
/// Its first words are for whom it is made. What its maker tells those who attach is
/// behind them, where nobody writes any more.
pub struct Segment {
    segment: NonNull<pg_sys::dsm_segment>,
    /// How many words are told; `None` where another version has made it.
    told: Option<usize>,
}

impl Segment {
    /// A new one of so many words, or more, all zero, and those that it tells. Raises
    /// where there is no memory for it.
    pub(in crate::pg) fn new(words: usize, told: &[u64]) -> Self {
        let size = (words + told.len() + FOOT) * size_of::<AtomicU64>();
        // SAFETY: without the flag that allows NULL, the call raises instead.
        let segment = Segment::mapped(unsafe { pg_sys::dsm_create(size, 0) });
        let mut segment = segment.expect("dsm_create raises");
        segment.all().iter().for_each(|word| word.store(0, Ordering::Relaxed));
        let foot = [told.len() as u64, VERSION];
        let behind = segment.all().len() - FOOT - told.len();
        for (word, &value) in segment.all()[behind..].iter().zip(told.iter().chain(&foot)) {
            word.store(value, Ordering::Relaxed);
        }
        segment.told = Some(told.len());
        segment
    }

    /// The one of that handle, which a session of ours has made; `None` where it has gone.
    pub(in crate::pg) fn attach(handle: u32) -> Option<Self> {
        // SAFETY: any handle may be asked for.
        Segment::mapped(unsafe { pg_sys::dsm_attach(handle) })
    }

    fn mapped(segment: *mut pg_sys::dsm_segment) -> Option<Self> {
        let segment = NonNull::new(segment)?;
        // SAFETY: just mapped. Without this the end of the transaction would unmap it.
        unsafe { pg_sys::dsm_pin_mapping(segment.as_ptr()) };
        let mut segment = Segment { segment, told: None };
        if let [.., told, version] = segment.all()
            && version.load(Ordering::Relaxed) == VERSION
        {
            let told = told.load(Ordering::Relaxed) as usize;
            segment.told = Some(told).filter(|&told| told <= segment.all().len() - FOOT);
        }
        Some(segment)
    }

    /// What its maker has told; `None` where another version has made it.
    pub(in crate::pg) fn told(&self) -> Option<Vec<u64>> {
        let told = self.told?;
        let behind = &self.all()[..self.all().len() - FOOT];
        Some(behind[behind.len() - told..].iter().map(|word| word.load(Ordering::Relaxed)).collect())
    }

    /// What [`Segment::attach`] finds it by.
    pub fn handle(&self) -> u32 {
        // SAFETY: mapped as long as `self`.
        unsafe { pg_sys::dsm_segment_handle(self.segment.as_ptr()) }
    }

    /// The words that it was made for.
    pub fn words(&self) -> &[AtomicU64] {
        let behind = self.told.map_or(0, |told| told + FOOT);
        &self.all()[..self.all().len() - behind]
    }

    fn all(&self) -> &[AtomicU64] {
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
