//! The ledger of one stream: every byte is loaded, rejected or framing.

use std::ops::{Add, Sub};

/// Counts of records and bytes. Bytes are those of the decompressed stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Good records.
    pub records: u64,
    /// Of these, records that a strict reading would have rejected.
    pub tolerated: u64,
    /// Rejected records, and what stands between records and was rejected.
    pub rejects: u64,
    /// Bytes of good records.
    pub bytes_loaded: u64,
    /// Bytes of rejected records.
    pub bytes_rejected: u64,
    /// Bytes of what lies between records.
    pub bytes_framing: u64,
    /// Of these, bytes of what stands before and behind records on their lines.
    pub bytes_prefix: u64,
    /// Bytes of the stream that have been accounted for by position.
    pub stream_bytes: u64,
}

impl Tally {
    /// Whether every byte of the stream stands in exactly one column.
    pub fn balances(&self) -> bool {
        self.stream_bytes == self.bytes_loaded + self.bytes_rejected + self.bytes_framing
    }

    /// Moves records of `bytes` in all from good to rejected: the verdict of the
    /// server or of the database's encoding came after the splitter's.
    pub fn overrule(&mut self, records: u64, bytes: u64) {
        self.records -= records;
        self.rejects += records;
        self.bytes_loaded -= bytes;
        self.bytes_rejected += bytes;
    }
}

/// What two parts of a stream come to.
impl Add for Tally {
    type Output = Tally;

    fn add(self, other: Tally) -> Tally {
        Tally {
            records: self.records + other.records,
            tolerated: self.tolerated + other.tolerated,
            rejects: self.rejects + other.rejects,
            bytes_loaded: self.bytes_loaded + other.bytes_loaded,
            bytes_rejected: self.bytes_rejected + other.bytes_rejected,
            bytes_framing: self.bytes_framing + other.bytes_framing,
            bytes_prefix: self.bytes_prefix + other.bytes_prefix,
            stream_bytes: self.stream_bytes + other.stream_bytes,
        }
    }
}

/// What came after an earlier state of the same ledger.
impl Sub for Tally {
    type Output = Tally;

    fn sub(self, earlier: Tally) -> Tally {
        Tally {
            records: self.records - earlier.records,
            tolerated: self.tolerated - earlier.tolerated,
            rejects: self.rejects - earlier.rejects,
            bytes_loaded: self.bytes_loaded - earlier.bytes_loaded,
            bytes_rejected: self.bytes_rejected - earlier.bytes_rejected,
            bytes_framing: self.bytes_framing - earlier.bytes_framing,
            bytes_prefix: self.bytes_prefix - earlier.bytes_prefix,
            stream_bytes: self.stream_bytes - earlier.stream_bytes,
        }
    }
}
