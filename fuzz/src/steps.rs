//! A source that hands out so many bytes a read.

use loader_core::stream::{Error, Source};

/// Bytes, and how many of them a read gets.
pub struct Steps {
    rest: Vec<u8>,
    at: usize,
    step: usize,
}

impl Steps {
    /// All of `bytes`, `step` at a time.
    pub fn new(bytes: &[u8], step: usize) -> Self {
        Steps { rest: bytes.to_vec(), at: 0, step }
    }
}

impl Source for Steps {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = buf.len().min(self.step).min(self.rest.len() - self.at);
        buf[..n].copy_from_slice(&self.rest[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
