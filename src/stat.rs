//! What the file system says of a file: device, inode, size and times. They tell one state
//! of a file from another.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NANOS: i64 = 1_000_000_000;

/// Some file systems count times in steps of two seconds. A file that was written to less than
/// this ago may be written to again without a change of its times.
const SETTLING: i64 = 3 * NANOS;

/// A time that is no multiple of this comes from a file system that counts in shorter steps: those of the
/// kernel's clock. Nobody writes to a file twice at one of its times if so much lies between.
const STEP: i64 = NANOS / 100;
const SHORT_SETTLING: i64 = 10 * STEP;

/// The stat of a file. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStat {
    pub device: u64,
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When the contents were last written to. Programs can set this time.
    pub mtime_ns: i64,
    /// When the contents or anything else of the file last changed, by the system's clock.
    pub ctime_ns: i64,
    /// When the file system was asked.
    asked_ns: i64,
}

impl FileStat {
    /// What the file system says now.
    pub fn of(metadata: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(NANOS).saturating_add(nanos);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        FileStat {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime_ns: nanos(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanos(metadata.ctime(), metadata.ctime_nsec()),
            asked_ns: i64::try_from(now.as_nanos()).unwrap_or(i64::MAX),
        }
    }

    /// What the file system said some time ago.
    pub fn remembered(device: u64, inode: u64, size: u64, mtime_ns: i64, ctime_ns: i64) -> Self {
        FileStat { device, inode, size, mtime_ns, ctime_ns, asked_ns: 0 }
    }

    /// Whether it is the same state of the same file.
    pub fn is_same(&self, other: &FileStat) -> bool {
        FileStat { asked_ns: 0, ..*self } == FileStat { asked_ns: 0, ..*other }
    }

    /// Whether the file had been as it is for long enough that a change shows in its times.
    /// A later look that finds the same may then trust that nothing has changed.
    pub fn is_settled(&self) -> bool {
        self.asked_ns.saturating_sub(self.mtime_ns.max(self.ctime_ns)) >= SETTLING
    }

    /// The same, of a file that was seen to be as it is for so long, by a clock that nobody sets. Where the
    /// file system counts in short steps, that need not be as long.
    pub fn after_settling(&self, settled: Duration) -> Self {
        // Writing changes the ctime, and no program sets it.
        let in_short_steps = self.ctime_ns.rem_euclid(STEP) != 0;
        let age = self.asked_ns.saturating_sub(self.mtime_ns.max(self.ctime_ns));
        let is_settled = settled.as_nanos() >= SHORT_SETTLING as u128 && age >= SHORT_SETTLING;
        if in_short_steps && is_settled { self.as_settled() } else { *self }
    }

    /// The same, of a file that nobody writes to any more.
    pub fn as_settled(&self) -> Self {
        FileStat { asked_ns: i64::MAX, ..*self }
    }

    /// When it was last written to: microseconds since 1970.
    pub fn mtime_micros(&self) -> i64 {
        self.mtime_ns.div_euclid(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that was written at a time, seen so much later.
    fn seen(ctime_ns: i64, later: i64) -> FileStat {
        FileStat { asked_ns: ctime_ns + later, ..FileStat::remembered(1, 2, 3, ctime_ns, ctime_ns) }
    }

    #[test]
    fn what_has_settled_for_a_short_time_is_known_where_times_are_exact() {
        let is_settled = |stat: FileStat, settled: i64| {
            stat.after_settling(Duration::from_nanos(settled as u64)).is_settled()
        };
        let exact = 5 * NANOS + 123_456_789;
        assert!(is_settled(seen(exact, SHORT_SETTLING), SHORT_SETTLING));
        assert!(!is_settled(seen(exact, SHORT_SETTLING - 1), SHORT_SETTLING));
        assert!(!is_settled(seen(exact, SHORT_SETTLING), SHORT_SETTLING - 1));
        // In steps of a second, or of ten milliseconds.
        for coarse in [5 * NANOS, 5 * NANOS + 3 * STEP] {
            assert!(!is_settled(seen(coarse, SETTLING - 1), SETTLING));
            assert!(is_settled(seen(coarse, SETTLING), 0));
        }
    }
}
