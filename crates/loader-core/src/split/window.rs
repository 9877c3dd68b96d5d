//! A window on the stream: the bytes from the start of the record in hand on,
//! as many as were needed so far. It grows when asked and moves when told.

use crate::memory;
use crate::stream::{Error, Source};

/// Bytes asked of the source at a time. Large enough to make calls cheap, small
/// enough that a cancel request is seen at once.
const BLOCK: usize = 256 * 1024;

/// Bytes of a window at first.
const SMALLEST: usize = 16 * 1024;

/// Once this many bytes are done with, the rest is moved to the front.
const SLACK: usize = 4 * BLOCK;

pub(super) struct Window<S: Source> {
    source: S,
    bytes: Vec<u8>,
    /// Bytes that hold data.
    end: usize,
    /// Offset of `bytes[0]` in the stream.
    base: u64,
    eof: bool,
    /// What is known of the bytes behind a fence: up to where there are some, and
    /// whether nothing follows those.
    behind: Option<(usize, bool)>,
}

impl<S: Source> Window<S> {
    pub(super) fn new(source: S) -> Self {
        Window { source, bytes: Vec::new(), end: 0, base: 0, eof: false, behind: None }
    }

    pub(super) fn source(&self) -> &S {
        &self.source
    }

    pub(super) fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    pub(super) fn into_source(self) -> S {
        self.source
    }

    /// The bytes at hand.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Whether nothing follows the bytes at hand.
    pub(super) fn eof(&self) -> bool {
        self.eof
    }

    /// The offset in the stream of index `at`.
    pub(super) fn offset(&self, at: usize) -> u64 {
        self.base + at as u64
    }

    /// Reads one more block, or up to the end of the stream. The number of bytes
    /// depends on the stream only, not on how many the source hands out at a
    /// time: what is decided by them is the same for every read size.
    pub(super) fn grow(&mut self) -> Result<(), Error> {
        let wanted = self.end + BLOCK;
        while !self.eof && self.end < wanted {
            if self.end == self.bytes.len() {
                // Doubling, as a push would, but one that can fail. A small file has a small window.
                let capacity = SMALLEST.max(self.bytes.len() * 2);
                let more = capacity - self.bytes.len();
                memory::reserve_exact(&mut self.bytes, more)?;
                memory::resize(&mut self.bytes, capacity, 0)?;
            }
            let room = wanted.min(self.bytes.len());
            match self.source.read(&mut self.bytes[self.end..room])? {
                0 => self.eof = true,
                n => self.end += n,
            }
        }
        self.source.poll()
    }

    /// Lets the stream end at `at`, until the fence is lifted.
    pub(super) fn fence(&mut self, at: usize) {
        self.behind.get_or_insert((self.end, self.eof));
        (self.end, self.eof) = (at, true);
    }

    /// Lets the stream go on. Returns whether there was a fence.
    pub(super) fn lift_fence(&mut self) -> bool {
        let Some(behind) = self.behind.take() else { return false };
        (self.end, self.eof) = behind;
        true
    }

    /// Asks the source whether to go on.
    pub(super) fn poll(&mut self) -> Result<(), Error> {
        self.source.poll()
    }

    /// Whether the bytes before `at`, which are done with, are so many that they
    /// should be forgotten.
    pub(super) fn is_worth_a_move(&self, at: usize) -> bool {
        at >= SLACK || at >= self.end
    }

    /// Goes on at `offset`, which is not before the bytes at hand, as if what lies
    /// before it had been read and forgotten: it has index 0 then.
    pub(super) fn jump(&mut self, offset: u64) -> Result<(), Error> {
        match offset.checked_sub(self.offset(self.end)) {
            Some(ahead) => {
                self.source.skip(ahead)?;
                (self.base, self.end) = (offset, 0);
            }
            None => {
                self.drop_front((offset - self.base) as usize);
            }
        }
        Ok(())
    }

    /// Forgets the bytes before `at`. Returns by how much all indexes have become
    /// less.
    pub(super) fn drop_front(&mut self, at: usize) -> usize {
        let held = self.behind.map_or(self.end, |(end, _)| end);
        self.bytes.copy_within(at..held, 0);
        self.end -= at;
        if let Some((end, _)) = &mut self.behind {
            *end -= at;
        }
        self.base += at as u64;
        // A giant record is gone: so is its buffer.
        if self.bytes.len() > 4 * SLACK && held - at < SLACK {
            self.bytes.truncate(SLACK);
            self.bytes.shrink_to_fit();
        }
        at
    }
}
