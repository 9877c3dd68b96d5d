//! Where a stream of lines can be cut in ranges.

use crate::memory;
use crate::stream::{Error, Source};

/// Bytes that are looked at at a time: a line may be far longer than memory.
const BLOCK: usize = 64 * 1024;

/// Finds places to cut, in the order of the stream.
pub struct Cuts<S: Source> {
    source: S,
    block: Vec<u8>,
    /// Offset of the block in the stream, and how much of it holds data.
    base: u64,
    length: usize,
}

impl<S: Source> Cuts<S> {
    /// The source stands at the start of the stream.
    pub fn new(source: S) -> Result<Self, Error> {
        let block = memory::filled(BLOCK, 0)?;
        Ok(Cuts { source, block, base: 0, length: 0 })
    }

    /// The first place at `offset` or behind it that lies right behind a newline, or
    /// the end of the stream, which is not before `offset`. `offset` is not 0 and
    /// not before the place that was found last.
    pub fn after(&mut self, offset: u64) -> Result<u64, Error> {
        // A newline in front of the offset will do.
        let mut from = (offset - 1).max(self.base);
        loop {
            let end = self.base + self.length as u64;
            if from > end {
                self.source.skip(from - end)?;
                (self.base, self.length) = (from, 0);
            } else {
                let block = &self.block[(from - self.base) as usize..self.length];
                if let Some(at) = memchr::memchr(b'\n', block) {
                    return Ok(from + at as u64 + 1);
                }
                from = end;
                (self.base, self.length) = (end, 0);
            }
            self.length = self.source.read(&mut self.block)?;
            if self.length == 0 {
                return Ok(self.base);
            }
            self.source.poll()?;
        }
    }

    /// Gives the source back, wherever it stands.
    pub fn into_source(self) -> S {
        self.source
    }
}
