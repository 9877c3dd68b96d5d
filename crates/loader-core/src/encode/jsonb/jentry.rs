//! The words that say what is where in a jsonb datum (`jsonb.h` of the server).

/// The types of JEntries, and the flag of an end offset.
pub(super) const STRING: u32 = 0;
pub(super) const NUMERIC: u32 = 0x1000_0000;
pub(super) const FALSE: u32 = 0x2000_0000;
pub(super) const TRUE: u32 = 0x3000_0000;
pub(super) const NULL: u32 = 0x4000_0000;
pub(super) const CONTAINER: u32 = 0x5000_0000;
const HAS_OFF: u32 = 0x8000_0000;

/// One JEntry in so many stores an end offset (`JB_OFFSET_STRIDE`).
const STRIDE: usize = 32;

/// The JEntry of entry `index`, which has `length` bytes that end at `end`.
#[inline(always)]
pub(super) fn entry(kind: u32, index: usize, length: usize, end: usize) -> u32 {
    if index.is_multiple_of(STRIDE) { kind | HAS_OFF | end as u32 } else { kind | length as u32 }
}
