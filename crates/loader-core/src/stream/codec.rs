//! The decoders of one member of a compressed file: a member of gzip, a frame of Zstandard or
//! LZ4, a stream of bzip2 or xz. Bytes in, bytes out, step by step; what was decoded before a
//! fault is handed out.

use super::Options;
use super::format::Compression;
use super::lz4::Frame;
use super::step::{Fault, Outcome, Step};
use liblzma::stream::{Action, Stream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

/// What the state of a decoder takes, roughly.
const STATE: usize = 64 * 1024;

/// The memory that a decoder of xz may take: that of a dictionary of 256 MB and its state. The
/// highest level of the xz program has a dictionary of 64 MB.
const XZ_MEMORY: u64 = XZ_DICTIONARY + (1 << 20);
const XZ_DICTIONARY: u64 = 256 << 20;

/// The largest window that the decoder of zstd can be told of, as a power of two.
const ZSTD_WINDOW_LOG: u32 = if usize::BITS == 64 { 31 } else { 30 };

/// A decoder.
pub(super) enum Codec {
    Gzip(flate2::Decompress),
    Zstd(Zstd),
    Bzip2(bzip2::Decompress),
    Xz(Stream),
    Lz4(Frame),
}

impl Codec {
    /// A decoder for a member that begins with these bytes.
    pub fn new(compression: Compression, head: &[u8], options: &Options) -> Result<Self, Fault> {
        match compression {
            Compression::None => unreachable!("what is not compressed has no decoder"),
            Compression::Gzip => made(|| flate2::Decompress::new_gzip(15)).map(Codec::Gzip),
            Compression::Zstd => Zstd::new(head, options.zstd_window_max).map(Codec::Zstd),
            Compression::Bzip2 => made(|| bzip2::Decompress::new(false)).map(Codec::Bzip2),
            Compression::Xz => match Stream::new_stream_decoder(XZ_MEMORY, 0) {
                Ok(stream) => Ok(Codec::Xz(stream)),
                Err(_) => Err(Fault::OutOfMemory(STATE)),
            },
            Compression::Lz4 => Ok(Codec::Lz4(Frame::default())),
        }
    }

    /// A decoder for another member, of the memory of this one, which has ended.
    pub fn renew(self, compression: Compression, head: &[u8], options: &Options) -> Result<Self, Fault> {
        match self {
            Codec::Zstd(decoder) => decoder.renew(head, options.zstd_window_max).map(Codec::Zstd),
            Codec::Lz4(frame) => Ok(Codec::Lz4(frame.renew())),
            Codec::Gzip(_) | Codec::Bzip2(_) | Codec::Xz(_) => Codec::new(compression, head, options),
        }
    }

    /// Decodes on.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        match self {
            Codec::Gzip(decoder) => {
                let before = (decoder.total_in(), decoder.total_out());
                let result = decoder.decompress(input, output, flate2::FlushDecompress::None);
                let outcome = match result {
                    Ok(flate2::Status::StreamEnd) => Outcome::Ended,
                    Ok(_) => Outcome::More,
                    Err(_) => Outcome::Fault(Fault::Corrupt),
                };
                since(before, (decoder.total_in(), decoder.total_out()), outcome)
            }
            Codec::Zstd(decoder) => decoder.step(input, output),
            Codec::Bzip2(decoder) => {
                let before = (decoder.total_in(), decoder.total_out());
                let outcome = match decoder.decompress(input, output) {
                    Ok(bzip2::Status::StreamEnd) => Outcome::Ended,
                    Ok(bzip2::Status::MemNeeded) => Outcome::Fault(Fault::OutOfMemory(STATE)),
                    Ok(_) => Outcome::More,
                    Err(_) => Outcome::Fault(Fault::Corrupt),
                };
                since(before, (decoder.total_in(), decoder.total_out()), outcome)
            }
            Codec::Xz(stream) => {
                let before = (stream.total_in(), stream.total_out());
                let outcome = match stream.process(input, output, Action::Run) {
                    Ok(liblzma::stream::Status::StreamEnd) => Outcome::Ended,
                    Ok(_) => Outcome::More,
                    Err(liblzma::stream::Error::Mem) => Outcome::Fault(Fault::OutOfMemory(STATE)),
                    Err(liblzma::stream::Error::MemLimit) => {
                        Outcome::Fault(Fault::Window { needed: None, max: XZ_DICTIONARY })
                    }
                    Err(_) => Outcome::Fault(Fault::Corrupt),
                };
                since(before, (stream.total_in(), stream.total_out()), outcome)
            }
            Codec::Lz4(frame) => frame.step(input, output),
        }
    }
}

fn since(before: (u64, u64), after: (u64, u64), outcome: Outcome) -> Step {
    Step { read: (after.0 - before.0) as usize, written: (after.1 - before.1) as usize, outcome }
}

/// A decoder. The crates panic where there is no memory for its state, which is of
/// a constant size.
fn made<T>(make: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| Fault::OutOfMemory(STATE))
}

/// What a decoder of Zstandard takes first, bytes.
const FIRST: usize = 5;

/// A decoder of Zstandard. In a step that ends with a fault it does not say what it has written:
/// so it is given a block at a time, and nothing while it has something to write.
pub(super) struct Zstd {
    decoder: zstd::stream::raw::Decoder<'static>,
    /// How many bytes it takes next.
    most: usize,
    /// It may have more to write.
    full: bool,
}

impl Zstd {
    fn new(head: &[u8], max: u64) -> Result<Self, Fault> {
        check_window(head, max)?;
        let mut decoder = zstd::stream::raw::Decoder::new().map_err(|_| Fault::OutOfMemory(STATE))?;
        decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).map_err(|_| Fault::Corrupt)?;
        Ok(Zstd { decoder, most: FIRST, full: false })
    }

    fn renew(mut self, head: &[u8], max: u64) -> Result<Self, Fault> {
        check_window(head, max)?;
        self.decoder.reinit().map_err(|_| Fault::Corrupt)?;
        (self.most, self.full) = (FIRST, false);
        Ok(self)
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        if self.full {
            let flushed = self.run(b"", output);
            if flushed.written > 0 || !matches!(flushed.outcome, Outcome::More) {
                return flushed;
            }
        }
        self.run(&input[..input.len().min(self.most)], output)
    }

    fn run(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let room = output.len();
        let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(output));
        let outcome = match self.decoder.run(&mut from, &mut to) {
            Ok(0) => Outcome::Ended,
            Ok(most) => {
                self.most = most;
                Outcome::More
            }
            Err(error) => Outcome::Fault(zstd_fault(&error)),
        };
        self.full = to.pos() == room;
        Step { read: from.pos(), written: to.pos(), outcome }
    }
}

fn check_window(head: &[u8], max: u64) -> Result<(), Fault> {
    match zstd_window(head) {
        Some(needed) if needed > max => Err(Fault::Window { needed: Some(needed), max }),
        _ => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the words of a decoder are few")]
fn zstd_fault(error: &std::io::Error) -> Fault {
    // The zstd crate passes on the words of ZSTD_getErrorName.
    if error.to_string().starts_with("Allocation error") { Fault::OutOfMemory(STATE) } else { Fault::Corrupt }
}

/// The bytes of the longest header of a frame of Zstandard.
pub(super) const ZSTD_HEADER: usize = 18;

/// The window that a frame of Zstandard needs, by its header (RFC 8878, 3.1.1.1).
fn zstd_window(head: &[u8]) -> Option<u64> {
    let (magic, header) = head.split_at_checked(4)?;
    let (&[descriptor], fields) = header.split_first_chunk()?;
    if magic != Compression::Zstd.magic() {
        return None;
    }
    if descriptor & 0x20 == 0 {
        let (exponent, mantissa) = (fields.first()? >> 3, fields.first()? & 7);
        let base = 1_u64 << (10 + exponent);
        return Some(base + base / 8 * u64::from(mantissa));
    }
    // A single segment: the window is all of the content.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let length = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let size = fields.get(dictionary..dictionary + length)?;
    let size = size.iter().rev().fold(0_u64, |size, &byte| size << 8 | u64::from(byte));
    Some(if length == 2 { size + 256 } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_of_a_frame_is_in_its_header() {
        let magic = b"\x28\xb5\x2f\xfd";
        for (header, window) in [
            (&[0x00, 0x00][..], Some(1024)),
            (&[0x04, 0x88], Some(128 << 20)),
            (&[0x00, 0x89], Some(144 << 20)),
            (&[0x20, 7], Some(7)),
            (&[0x60, 1, 1], Some(513)),
            (&[0xa1, 9, 0, 0, 0, 1], Some(1 << 24)),
            (&[0xa0, 0, 0], None),
            (&[], None),
        ] {
            assert_eq!(zstd_window(&[magic, header].concat()), window, "{header:?}");
        }
        assert_eq!(zstd_window(b"\x50\x2a\x4d\x18\0\0\0\0"), None);
    }
}
