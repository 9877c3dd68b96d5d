//! One frame of LZ4, block by block. The buffers of a block are ours, so that memory for them
//! can be refused; the crate decodes the blocks.

use super::format::{Compression, is_skippable};
use super::step::{Fault, Outcome, Step};
use crate::memory;
use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use std::hash::Hasher;
use twox_hash::XxHash32;

/// A linked block refers to at most this many bytes before it.
const HISTORY: usize = 64 * 1024;

/// What the next bytes of a frame are.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The magic bytes, and two bytes that say how long the rest of the header is.
    Start,
    /// All of the header.
    Header,
    /// The length of what is passed over.
    SkippedLength,
    /// So many bytes that are passed over.
    Skipped(u64),
    /// The length of a block.
    Length,
    /// A block.
    Block { stored: bool, length: usize },
    /// A hash of all that was decoded.
    Checksum,
    /// Nothing more.
    End,
}

/// The decoder of a frame.
pub(super) struct Frame {
    state: State,
    /// Bytes of the file that are collected until they are enough.
    input: Vec<u8>,
    /// What was decoded: history, and behind it the last block.
    output: Vec<u8>,
    /// The part of it that is not handed out yet.
    start: usize,
    end: usize,
    /// The length of the longest block.
    block: usize,
    linked: bool,
    block_checksums: bool,
    checksum: bool,
    hash: XxHash32,
}

impl Default for Frame {
    fn default() -> Self {
        Frame {
            state: State::Start,
            input: Vec::new(),
            output: Vec::new(),
            start: 0,
            end: 0,
            block: 0,
            linked: false,
            block_checksums: false,
            checksum: false,
            hash: XxHash32::with_seed(0),
        }
    }
}

impl Frame {
    /// The decoder of another frame, with the buffers of this one.
    pub fn renew(mut self) -> Self {
        self.input.clear();
        Frame { input: self.input, output: self.output, ..Frame::default() }
    }

    /// Decodes on.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let mut read = 0;
        loop {
            if self.start < self.end {
                let written = output.len().min(self.end - self.start);
                output[..written].copy_from_slice(&self.output[self.start..self.start + written]);
                self.start += written;
                return Step { read, written, outcome: Outcome::More };
            }
            if let State::Skipped(left) = self.state {
                let n = (input.len() - read).min(usize::try_from(left).unwrap_or(usize::MAX));
                read += n;
                self.state = if left == n as u64 { State::End } else { State::Skipped(left - n as u64) };
            }
            let wanted = self.wanted();
            if let State::End = self.state {
                return Step { read, written: 0, outcome: Outcome::Ended };
            }
            let n = wanted.saturating_sub(self.input.len()).min(input.len() - read);
            if let Err(fault) = self.collect(&input[read..read + n]) {
                return Step { read, written: 0, outcome: Outcome::Fault(fault) };
            }
            read += n;
            if wanted == 0 || self.input.len() < wanted {
                return Step { read, written: 0, outcome: Outcome::More };
            }
            match self.take() {
                Ok(state) => self.state = state,
                Err(fault) => return Step { read, written: 0, outcome: Outcome::Fault(fault) },
            }
        }
    }

    /// How many bytes the state needs.
    fn wanted(&self) -> usize {
        match self.state {
            State::Start => 6,
            State::Header => header_length(self.input[4]),
            State::SkippedLength => 8,
            State::Skipped(_) | State::End => 0,
            State::Length | State::Checksum => 4,
            State::Block { length, .. } => length + if self.block_checksums { 4 } else { 0 },
        }
    }

    fn collect(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        memory::append(&mut self.input, bytes).map_err(|out| Fault::OutOfMemory(out.0))
    }

    /// Uses the bytes that are collected, and says what comes next.
    fn take(&mut self) -> Result<State, Fault> {
        let next = match self.state {
            State::Start if is_skippable(&self.input) => return Ok(State::SkippedLength),
            State::Start if self.input.starts_with(Compression::Lz4.magic()) => return Ok(State::Header),
            State::Start => return Err(Fault::Corrupt),
            State::Header => self.header()?,
            State::SkippedLength => State::Skipped(u64::from(number(&self.input[4..8]))),
            State::Length => match number(&self.input) {
                0 if self.checksum => State::Checksum,
                0 => State::End,
                length => {
                    let (stored, length) = (length >> 31 == 1, (length & 0x7fff_ffff) as usize);
                    if length > self.block {
                        return Err(Fault::Corrupt);
                    }
                    State::Block { stored, length }
                }
            },
            State::Block { stored, length } => {
                self.decode(stored, length)?;
                State::Length
            }
            State::Checksum if self.hash.finish() as u32 == number(&self.input) => State::End,
            State::Checksum => return Err(Fault::Corrupt),
            State::Skipped(_) | State::End => unreachable!("these collect nothing"),
        };
        self.input.clear();
        Ok(next)
    }

    /// Reads the header (LZ4 Frame Format, version 1).
    fn header(&mut self) -> Result<State, Fault> {
        let (flags, sizes) = (self.input[4], self.input[5]);
        let block = match sizes >> 4 {
            code @ 4..=7 => 1 << (8 + 2 * code),
            _ => return Err(Fault::Corrupt),
        };
        let (descriptor, checksum) = self.input[4..].split_at(self.input.len() - 5);
        // Version 1, and nothing of what is reserved; a dictionary is nothing that we have.
        let sound = flags >> 6 == 1 && flags & 3 == 0 && sizes & 0x8f == 0;
        if !sound || hash(descriptor) >> 8 & 0xff != u32::from(checksum[0]) {
            return Err(Fault::Corrupt);
        }
        self.linked = flags & 0x20 == 0;
        self.block_checksums = flags & 0x10 != 0;
        self.checksum = flags & 4 != 0;
        self.block = block;
        let room = (HISTORY + block).max(self.output.len());
        memory::resize(&mut self.output, room, 0).map_err(|out| Fault::OutOfMemory(out.0))?;
        (self.start, self.end) = (HISTORY, HISTORY);
        Ok(State::Length)
    }

    /// Decodes a block behind the last bytes of those before it.
    fn decode(&mut self, stored: bool, length: usize) -> Result<(), Fault> {
        let (block, checksum) = self.input.split_at(length);
        if self.block_checksums && hash(block) != number(checksum) {
            return Err(Fault::Corrupt);
        }
        // What is behind the history moves to its end.
        self.output.copy_within(self.end - HISTORY..self.end, 0);
        let (history, output) = self.output.split_at_mut(HISTORY);
        let output = &mut output[..self.block];
        let written = if stored {
            output[..length].copy_from_slice(block);
            length
        } else if self.linked {
            decompress_into_with_dict(block, output, history).map_err(|_| Fault::Corrupt)?
        } else {
            decompress_into(block, output).map_err(|_| Fault::Corrupt)?
        };
        if self.checksum {
            self.hash.write(&output[..written]);
        }
        (self.start, self.end) = (HISTORY, HISTORY + written);
        Ok(())
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

fn hash(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

/// By the first byte of the descriptor: magic, descriptor, a size of eight bytes, the number of a
/// dictionary, and a byte of the descriptor's hash.
fn header_length(flags: u8) -> usize {
    let size = if flags & 8 != 0 { 8 } else { 0 };
    let dictionary = if flags & 1 != 0 { 4 } else { 0 };
    4 + 2 + size + dictionary + 1
}
