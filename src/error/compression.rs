//! Why a compressed file, or one of a foreign format, cannot be read.

use super::Error;
use super::messages::Message;
use crate::pg::strings::message::count;
use loader_core::stream::{Compression, FileKind, Foreign};
use pgrx::PgSqlErrorCode as Code;

/// Why it cannot. Paths are ready to be shown.
#[derive(Debug)]
pub enum CompressionError {
    /// The compressed stream is damaged.
    Corrupt { path: String, compression: Compression },
    /// The compressed stream ends too early.
    CutOff { path: String, compression: Compression },
    /// The compressed stream grows beyond all measure.
    Bomb { path: String, compression: Compression },
    /// The compressed stream needs a larger window than it may have.
    Window { path: String, compression: Compression, needed: Option<u64>, max: u64 },
    /// The file is not compressed as `compression` says.
    NotCompressed { path: String, asked: Compression, found: FileKind },
    /// The file has a format that is not read.
    Foreign { path: String, foreign: Foreign },
}

impl From<CompressionError> for Error {
    fn from(error: CompressionError) -> Self {
        Error::Compression(error)
    }
}

impl CompressionError {
    pub(super) fn message(self) -> Message {
        match self {
            CompressionError::Corrupt { path, compression } => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("{} stream of file \"{path}\" is corrupt", compression.name()),
            ),
            CompressionError::CutOff { path, compression } => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("{} stream of file \"{path}\" is truncated", compression.name()),
            ),
            CompressionError::Bomb { path, compression } => Message::new(
                Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                format!("file \"{path}\" decompresses to an implausible size"),
            )
            .detail(format!(
                "The {} stream is longer than 256 MB and more than 2,000 times as long as the file.",
                compression.name()
            ))
            .hint("If that is intended, decompress the file before loading it."),
            CompressionError::Window { path, compression, needed, max } => {
                let name = compression.name();
                let needed = needed.map_or_else(
                    || format!("of more than {}", size(max)),
                    |needed| format!("of {}", size(needed)),
                );
                let message = Message::new(
                    Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                    format!("{name} stream of file \"{path}\" needs a window {needed}"),
                );
                match compression {
                    Compression::Zstd => message
                        .detail(format!("loader.zstd_window_max allows {}.", size(max)))
                        .hint("A superuser can raise loader.zstd_window_max, up to 2 GB. Or decompress the file before loading it."),
                    _ => message.hint("Decompress the file before loading it."),
                }
            }
            CompressionError::NotCompressed { path, asked, found } => {
                let message = Message::new(
                    Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                    format!("file \"{path}\" is not compressed with {}", asked.name()),
                );
                match found {
                    FileKind::Compressed(other) => message
                        .detail(format!("It looks like a file that is compressed with {}.", other.name()))
                        .hint(AUTO),
                    FileKind::Foreign(foreign) => {
                        message.detail(format!("It looks like {}.", foreign_words(foreign).0))
                    }
                    FileKind::Other => message.hint(AUTO),
                }
            }
            CompressionError::Foreign { path, foreign } => {
                let (name, hint) = foreign_words(foreign);
                Message::new(
                    Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                    format!("file \"{path}\" is {name}, which cannot be read"),
                )
                .hint(hint)
            }
        }
    }
}

/// What a file of that format is, and what to do with it.
fn foreign_words(foreign: Foreign) -> (&'static str, &'static str) {
    const UNPACK: &str = "Unpack the archive and load the files in it.";
    const DECOMPRESS: &str = "Decompress the file, or compress it with gzip, zstd, bzip2, xz or lz4.";
    const CONVERT: &str = "Convert the file to JSON or CSV.";
    match foreign {
        Foreign::Zip => ("a zip archive", UNPACK),
        Foreign::SevenZip => ("a 7-Zip archive", UNPACK),
        Foreign::Snappy => ("compressed with Snappy", DECOMPRESS),
        Foreign::Lzip => ("compressed with lzip", DECOMPRESS),
        Foreign::Lzma => ("compressed with LZMA", DECOMPRESS),
        Foreign::Compress => ("compressed with compress (.Z)", DECOMPRESS),
        Foreign::Lz4Legacy => ("compressed with the legacy format of LZ4", DECOMPRESS),
        Foreign::Parquet => ("a Parquet file", CONVERT),
        Foreign::Avro => ("an Avro file", CONVERT),
        Foreign::Orc => ("an ORC file", CONVERT),
        Foreign::Arrow => ("an Arrow file", CONVERT),
        Foreign::Sqlite => ("an SQLite database", CONVERT),
    }
}

/// A number of bytes as the server's settings show it.
fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{} {name}", bytes / unit);
        }
    }
    count(bytes, "byte", "bytes")
}

/// What to do about a file that is not compressed as it was said to be.
const AUTO: &str = "With compression => 'auto', the first bytes of the file tell how it is compressed.";
