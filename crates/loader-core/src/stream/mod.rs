//! The bytes of a file, decompressed, as UTF-8.
//!
//! A [`Source`] hands out bytes and is asked now and then whether to go on;
//! [`Decoded`] is a source that undoes the compression and the encoding of another. Nothing here
//! opens a file or looks at JSON.
//!
//! ```text
//! block     the file's own bytes, some of them kept
//! format    what its first bytes say
//! step      what a decoder does at a time
//! codec     one member of a compressed file; lz4, frame by frame
//! members   all of them, what lies between, and what is hurt
//! encoding  which encoding the text has
//! text      from that to UTF-8
//! ```

mod block;
mod codec;
mod encoding;
mod format;
mod lz4;
mod members;
mod step;
mod text;

pub use encoding::Encoding;
pub use format::{Compression, FileKind, Foreign};
pub use members::Damage;

use crate::fault::{DialectGuess, Mismatch};
use crate::looks::Looks;
use crate::memory::OutOfMemory;
use block::Block;
use members::{Members, Piece};
use std::io;
use text::Text;

/// Bytes that are read at a time to be passed over.
const SKIPPED_BLOCK: usize = 16 * 1024;

/// Why a stream cannot be read on.
#[derive(Debug)]
pub enum Error {
    /// The operating system's word.
    Io(io::Error),
    /// The compressed stream is damaged.
    Corrupt(Compression),
    /// The compressed stream ends before its last member does.
    CutOff(Compression),
    /// The stream grew by more than a factor of 2,000.
    Bomb(Compression),
    /// Nothing in the stream could be JSON.
    NotJson(Looks),
    /// The file has a format that is not read.
    Foreign(Foreign),
    /// The file does not begin as one that is compressed so.
    NotCompressed {
        /// How it was said to be compressed.
        asked: Compression,
        /// What it looks like.
        found: FileKind,
    },
    /// The compressed stream needs more memory than it may have.
    Window {
        /// How it is compressed.
        compression: Compression,
        /// The size of its window in bytes, where that is known.
        needed: Option<u64>,
        /// The largest that it may have.
        max: u64,
    },
    /// There is no array at the path that records were looked for at.
    NoRecords {
        /// That path.
        path: String,
        /// Arrays that there are, some of them, each as a path would name it.
        others: Vec<String>,
        /// What the path would be with the arrays that lie on its way.
        between: Option<String>,
    },
    /// A field of a record goes to no column.
    Mismatch(Mismatch),
    /// Delimited text that can be read in several ways, the likeliest first.
    Undecided(Vec<DialectGuess>),
    /// JSON where delimited text was to be.
    IsJson,
    /// Delimited text is not UTF-8, and nothing was said of its encoding.
    NotUtf8 {
        /// The encoding that it is likely to have.
        likely: &'static str,
    },
    /// Delimited text has no field of a name that an argument gives.
    NoSuchField {
        /// The name.
        field: String,
        /// The argument.
        argument: &'static str,
    },
    /// A field that is to be given to the records of its document stands behind them.
    KeptBehind {
        /// The path of the field.
        field: String,
    },
    /// With this one, the fields that are to be given to a record are too long.
    KeptTooLong {
        /// The path of the field.
        field: String,
        /// What they may have in all, in bytes.
        most: usize,
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

    /// How many bytes the stream has, where it can be [sampled](Source::sample).
    fn length(&self) -> Option<u64> {
        None
    }

    /// Fills `buf` from `offset` on, as far as the stream goes, wherever it is read; returns how
    /// many bytes that were. Does not change where it is read next.
    fn sample(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
        let _ = (offset, buf);
        Ok(0)
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

/// What to do where a compressed stream is damaged or cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCorrupt {
    /// Fail.
    #[default]
    Stop,
    /// Hand out what can be decompressed. Where a member breaks off and another one comes next, a
    /// newline stands between what they hold.
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
pub const ZSTD_WINDOW_MAX: u64 = 1 << 27;

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

/// A source with its compression and its encoding undone.
pub struct Decoded<S: Source> {
    bytes: Bytes<S>,
    text: Text,
    compression: Compression,
}

/// The bytes of the text in its own encoding.
#[expect(clippy::large_enum_variant, reason = "there is one for each stream, and it is not moved")]
enum Bytes<S: Source> {
    Plain(Block<S>),
    Compressed(Members<S>),
}

impl<S: Source> Bytes<S> {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, Error> {
        match self {
            Bytes::Plain(block) => match block.read_through(buf)? {
                0 => Ok(Piece::End),
                n => Ok(Piece::Bytes(n)),
            },
            Bytes::Compressed(members) => members.read(buf),
        }
    }

    fn block(&self) -> &Block<S> {
        match self {
            Bytes::Plain(block) => block,
            Bytes::Compressed(members) => &members.block,
        }
    }
}

impl<S: Source> Decoded<S> {
    /// Starts to decode `source`: looks at its first bytes.
    pub fn new(source: S, options: &Options) -> Result<Self, Error> {
        let mut block = Block::new(source)?;
        let head = block.want(format::HEAD)?;
        let found = FileKind::detect(head);
        let compression = match (options.compression, found) {
            (None, FileKind::Compressed(compression)) => compression,
            (None, FileKind::Foreign(foreign)) => return Err(Error::Foreign(foreign)),
            (None, FileKind::Other) => Compression::None,
            // A file that is hurt at its start may go on otherwise.
            (Some(asked), found) => {
                let fits = asked == Compression::None || head.is_empty() || asked.starts(head);
                let is_other = found != FileKind::Other || options.on_corrupt == OnCorrupt::Stop;
                if !fits && is_other {
                    return Err(Error::NotCompressed { asked, found });
                }
                asked
            }
        };
        let mut bytes = match compression {
            Compression::None => Bytes::Plain(block),
            _ => Bytes::Compressed(Members::new(block, compression, options)?),
        };
        let text = Text::new(&mut bytes, options.encoding)?;
        Ok(Decoded { bytes, text, compression })
    }

    /// What the stream is compressed with.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// What its text is encoded in.
    pub fn encoding(&self) -> Encoding {
        self.text.encoding()
    }

    /// Whether the bytes of the file are those of the stream.
    pub fn is_plain(&self) -> bool {
        self.compression == Compression::None && self.text.is_utf8()
    }

    /// What was found wrong with the file so far.
    pub fn damage(&self) -> Damage {
        match &self.bytes {
            Bytes::Plain(_) => Damage::default(),
            Bytes::Compressed(members) => members.damage(),
        }
    }

    /// The source beneath.
    pub fn source(&self) -> &S {
        &self.bytes.block().source
    }

    /// The source beneath, to be changed.
    pub fn source_mut(&mut self) -> &mut S {
        match &mut self.bytes {
            Bytes::Plain(block) => &mut block.source,
            Bytes::Compressed(members) => &mut members.block.source,
        }
    }
}

impl<S: Source> Source for Decoded<S> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        self.text.read(&mut self.bytes, buf)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Error> {
        match &mut self.bytes {
            Bytes::Plain(block) if self.text.is_utf8() => {
                let held = self.text.skip(bytes);
                block.skip_through(bytes - held)
            }
            _ => pass_over(self, bytes),
        }
    }

    fn length(&self) -> Option<u64> {
        if self.is_plain() { self.source().length() } else { None }
    }

    fn sample(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
        if self.is_plain() { self.source_mut().sample(offset, buf) } else { Ok(0) }
    }

    fn poll(&mut self) -> Result<(), Error> {
        self.source_mut().poll()
    }
}
