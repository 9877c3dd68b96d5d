//! The file's own bytes in a buffer: looked at before they are used, and some of those that
//! were used kept, where they may have to be gone through again.

use super::{Error, Source};
use crate::memory::{self, OutOfMemory};

/// Bytes of compressed input that are read at a time. No more can be looked at.
pub(super) const BLOCK: usize = 64 * 1024;

pub(super) struct Block<S: Source> {
    pub source: S,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// So many bytes before `start` are kept.
    keep: usize,
    /// Where in the file `start` is.
    position: u64,
}

impl<S: Source> Block<S> {
    pub fn new(source: S) -> Result<Self, Error> {
        let bytes = memory::filled(BLOCK, 0)?;
        Ok(Block { source, bytes, start: 0, end: 0, keep: 0, position: 0 })
    }

    /// From now on, so many bytes are kept that were used.
    pub fn keep(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        self.keep = bytes;
        memory::resize(&mut self.bytes, BLOCK + 2 * bytes, 0)
    }

    /// The bytes at hand.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Where in the file they begin.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Sees to it that so many are at hand, or all that are left; of a block at most.
    pub fn want(&mut self, bytes: usize) -> Result<&[u8], Error> {
        while self.end - self.start < bytes.min(BLOCK) {
            if self.end == self.bytes.len() {
                let from = self.start.saturating_sub(self.keep);
                self.bytes.copy_within(from..self.end, 0);
                self.start -= from;
                self.end -= from;
            }
            match self.source.read(&mut self.bytes[self.end..])? {
                0 => break,
                n => self.end += n,
            }
        }
        Ok(self.bytes())
    }

    /// The first so many of them are used.
    pub fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.position += bytes as u64;
    }

    /// Goes back to a place that lies no further back than what is kept.
    pub fn go_back_to(&mut self, position: u64) {
        let back = self.position.saturating_sub(position).min(self.start.min(self.keep) as u64);
        self.start -= back as usize;
        self.position -= back;
    }

    /// Uncompressed bytes take the short way, without a copy in between.
    pub fn read_through(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if self.start == self.end {
            return self.source.read(buf);
        }
        let n = buf.len().min(self.end - self.start);
        buf[..n].copy_from_slice(&self.bytes[self.start..self.start + n]);
        self.consume(n);
        Ok(n)
    }

    /// Uncompressed bytes are passed over beneath, but for those at hand.
    pub fn skip_through(&mut self, bytes: u64) -> Result<(), Error> {
        let held = bytes.min((self.end - self.start) as u64);
        self.consume(held as usize);
        if bytes > held { self.source.skip(bytes - held) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_can_be_gone_back_to() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n / 251) as u8 ^ n as u8).collect();
        let mut block = Block::new(&bytes[..]).expect("memory");
        block.keep(100_000).expect("memory");
        while block.position() < 700_000 {
            block.want(1).expect("bytes");
            block.consume(1);
        }
        block.go_back_to(600_000);
        assert_eq!(block.position(), 600_000);
        while block.position() < 1_000_000 {
            let at = block.position() as usize;
            assert_eq!(block.want(1).expect("bytes")[0], bytes[at], "{at}");
            block.consume(1);
        }
        assert_eq!(block.want(1).expect("the end"), b"");
        block.go_back_to(0);
        assert_eq!(block.position(), 900_000);
    }
}
