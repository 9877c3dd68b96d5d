//! The bytes of a file, decompressed.
//!
//! A [`Source`] hands out bytes and is asked now and then whether to go on;
//! [`Decoded`] is a source that undoes the compression of another. Nothing here
//! opens a file or looks at JSON.

mod encoding;

pub use encoding::Encoding;

use crate::looks::Looks;
use crate::memory::{self, OutOfMemory};
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of compressed input that are read at a time.
const COMPRESSED_BLOCK: usize = 64 * 1024;

/// What the state of a decoder takes, roughly.
const STATE: usize = 64 * 1024;

/// Bytes that are read at a time to be passed over.
const SKIPPED_BLOCK: usize = 16 * 1024;

/// A stream may not grow by more than this factor once it is past
/// [`RATIO_GRACE`]: deflate cannot do better than 1,032, and zstd does so only
/// on input that is one repeated record.
const MAX_RATIO: u64 = 2_000;

/// Decompressed bytes up to which no ratio is looked at.
const RATIO_GRACE: u64 = 256 * 1024 * 1024;

/// Why a stream cannot be read on.
#[derive(Debug)]
pub enum Error {
    /// The operating system's word.
    Io(io::Error),
    /// The compressed stream is damaged.
    Corrupt(Compression),
    /// The compressed stream ends before its last frame does.
    CutOff(Compression),
    /// The stream grew by more than a factor of 2,000.
    Bomb(Compression),
    /// A byte order mark says that the file is not UTF-8. The name of the encoding.
    Encoding(&'static str),
    /// Nothing in the stream could be JSON.
    NotJson(Looks),
    /// There is no array at the path that records were looked for at.
    NoRecords {
        /// That path.
        path: String,
        /// Arrays that there are, some of them, each as a path would name it.
        others: Vec<String>,
    },
    /// A buffer of this many bytes could not be had.
    OutOfMemory(usize),
    /// No record ends where an earlier run of the same stream had one end: it is
    /// not the same stream.
    NoBoundary,
    /// The source is not what it was when it was opened.
    Changed,
    /// The source was told to stop.
    Stopped,
}

impl From<OutOfMemory> for Error {
    fn from(OutOfMemory(bytes): OutOfMemory) -> Self {
        Error::OutOfMemory(bytes)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}

/// Where bytes come from.
pub trait Source {
    /// Fills the front of `buf`, which is not empty, and returns how many bytes
    /// it wrote; 0 at the end of the stream.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error>;

    /// Passes over so many bytes, which are all there. A file would rather seek.
    fn skip(&mut self, bytes: u64) -> Result<(), Error> {
        pass_over(self, bytes)
    }

    /// Called at least once per mebibyte of work between two reads: the place
    /// to look for a cancel request.
    fn poll(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Reads so many bytes and forgets them.
fn pass_over<S: Source + ?Sized>(source: &mut S, mut bytes: u64) -> Result<(), Error> {
    let mut block = [0; SKIPPED_BLOCK];
    while bytes > 0 {
        let wanted = bytes.min(SKIPPED_BLOCK as u64) as usize;
        match source.read(&mut block[..wanted])? {
            0 => return Err(Error::NoBoundary),
            n => bytes -= n as u64,
        }
        source.poll()?;
    }
    Ok(())
}

/// A slice is a source: tests and fuzzers need no file.
impl Source for &[u8] {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = buf.len().min(self.len());
        buf[..n].copy_from_slice(&self[..n]);
        *self = &self[n..];
        Ok(n)
    }
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd,
}

impl Compression {
    /// The name that options and history use.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }

    /// Tells the compression from the first bytes of a file (at least four,
    /// where it has as many).
    pub fn detect(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Compression::Gzip,
            // A frame, or a skippable frame before the first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

/// What to do where a compressed stream is damaged or cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCorrupt {
    /// Fail.
    #[default]
    Stop,
    /// Hand out what can be decompressed.
    Salvage,
}

impl OnCorrupt {
    /// The name that options and history use.
    pub fn name(self) -> &'static str {
        match self {
            OnCorrupt::Stop => "stop",
            OnCorrupt::Salvage => "salvage",
        }
    }
}

/// The largest window that the zstd program itself accepts without being told to, bytes.
const ZSTD_WINDOW_MAX: u64 = 1 << 27;

/// What the caller decides.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How the file is compressed; `None` finds it out.
    pub compression: Option<Compression>,
    /// What its text is encoded in; `None` finds it out.
    pub encoding: Option<Encoding>,
    /// What to do where the compressed stream is damaged or cut off.
    pub on_corrupt: OnCorrupt,
    /// A Zstandard stream that needs a larger window is not read. Bytes.
    pub zstd_window_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            compression: None,
            encoding: None,
            on_corrupt: OnCorrupt::Stop,
            zstd_window_max: ZSTD_WINDOW_MAX,
        }
    }
}

impl Options {
    /// A file that is not compressed, in UTF-8.
    pub fn plain() -> Self {
        Options { compression: Some(Compression::None), encoding: Some(Encoding::Utf8), ..Options::default() }
    }
}

/// A source with its compression undone.
pub struct Decoded<S: Source> {
    decoder: Decoder<S>,
    compression: Compression,
    produced: u64,
}

enum Decoder<S: Source> {
    Plain(Block<S>),
    Gzip(Box<flate2::bufread::MultiGzDecoder<Block<S>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Block<S>>>),
}

impl<S: Source> Decoded<S> {
    /// Starts to decode `source`.
    pub fn new(source: S, options: &Options) -> Result<Self, Error> {
        let mut block = Block::new(source)?;
        let compression = match options.compression {
            Some(compression) => compression,
            None => Compression::detect(block.head()?),
        };
        let decoder = match compression {
            Compression::None => Decoder::Plain(block),
            Compression::Gzip => {
                let gzip = made(|| flate2::bufread::MultiGzDecoder::new(block))?;
                Decoder::Gzip(boxed(gzip))
            }
            Compression::Zstd => {
                let zstd = made(|| zstd::stream::read::Decoder::with_buffer(block))??;
                Decoder::Zstd(boxed(zstd))
            }
        };
        Ok(Decoded { decoder, compression, produced: 0 })
    }

    /// What the stream is compressed with.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The source beneath.
    pub fn source(&self) -> &S {
        &self.block().source
    }

    /// The source beneath, to be changed.
    pub fn source_mut(&mut self) -> &mut S {
        match &mut self.decoder {
            Decoder::Plain(block) => &mut block.source,
            Decoder::Gzip(decoder) => &mut decoder.get_mut().source,
            Decoder::Zstd(decoder) => &mut decoder.get_mut().source,
        }
    }

    fn block(&self) -> &Block<S> {
        match &self.decoder {
            Decoder::Plain(block) => block,
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref(),
        }
    }

    /// Turns what a decoder said into what is wrong with the stream.
    #[expect(clippy::disallowed_methods, reason = "the words of a decoder are few")]
    fn blame(&mut self, error: io::Error) -> Error {
        let compression = self.compression;
        let block = match &mut self.decoder {
            Decoder::Plain(block) => block,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.get_mut(),
        };
        if let Some(own) = block.failed.take() {
            return own;
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::CutOff(compression),
            io::ErrorKind::OutOfMemory => Error::OutOfMemory(0),
            // The zstd crate passes on the words of ZSTD_getErrorName.
            _ if error.to_string().starts_with("Allocation error") => Error::OutOfMemory(0),
            _ => Error::Corrupt(compression),
        }
    }
}

impl<S: Source> Source for Decoded<S> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let result = match &mut self.decoder {
            Decoder::Plain(block) => return block.read_through(buf),
            Decoder::Gzip(decoder) => decoder.read(buf),
            Decoder::Zstd(decoder) => decoder.read(buf),
        };
        let n = result.map_err(|error| self.blame(error))?;
        self.produced += n as u64;
        if self.produced > RATIO_GRACE && self.produced / MAX_RATIO > self.block().consumed {
            return Err(Error::Bomb(self.compression));
        }
        // A decoder may make much from little without a read beneath it.
        self.poll()?;
        Ok(n)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Error> {
        match &mut self.decoder {
            Decoder::Plain(block) => block.skip_through(bytes),
            _ => pass_over(self, bytes),
        }
    }

    fn poll(&mut self) -> Result<(), Error> {
        self.source_mut().poll()
    }
}

/// A decoder. The crates panic where there is no memory for its state, which is of
/// a constant size.
fn made<T>(make: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| Error::OutOfMemory(STATE))
}

#[expect(clippy::disallowed_methods, reason = "a type of a constant size, and a small one")]
fn boxed<T>(value: T) -> Box<T> {
    Box::new(value)
}

/// The file's own bytes in blocks, as the decoders want them. An error of the
/// source is kept aside: the decoders would hide it in one of their own.
struct Block<S: Source> {
    source: S,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    consumed: u64,
    failed: Option<Error>,
}

impl<S: Source> Block<S> {
    fn new(source: S) -> Result<Self, Error> {
        let bytes = memory::filled(COMPRESSED_BLOCK, 0)?;
        Ok(Block { source, bytes, start: 0, end: 0, consumed: 0, failed: None })
    }

    /// The first bytes of the file, as many as tell the compression.
    fn head(&mut self) -> Result<&[u8], Error> {
        while self.end < 4 {
            match self.source.read(&mut self.bytes[self.end..])? {
                0 => break,
                n => self.end += n,
            }
        }
        Ok(&self.bytes[..self.end])
    }

    /// Uncompressed bytes take the short way, without a copy in between.
    fn read_through(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if self.start == self.end {
            return self.source.read(buf);
        }
        let n = buf.len().min(self.end - self.start);
        buf[..n].copy_from_slice(&self.bytes[self.start..self.start + n]);
        self.start += n;
        Ok(n)
    }

    /// Uncompressed bytes are passed over beneath, but for those at hand.
    fn skip_through(&mut self, bytes: u64) -> Result<(), Error> {
        let held = bytes.min((self.end - self.start) as u64);
        self.start += held as usize;
        if bytes > held { self.source.skip(bytes - held) } else { Ok(()) }
    }
}

impl<S: Source> Read for Block<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buf.len());
        buf[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<S: Source> BufRead for Block<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            match self.source.read(&mut self.bytes) {
                Ok(n) => (self.start, self.end) = (0, n),
                Err(error) => {
                    self.failed = Some(error);
                    return Err(io::Error::other("the source failed"));
                }
            }
        }
        Ok(&self.bytes[self.start..self.end])
    }

    fn consume(&mut self, n: usize) {
        self.start += n;
        self.consumed += n as u64;
    }
}
