//! What a file is, told from its first bytes: how it is compressed, or which known
//! format it has that holds no JSON text.

/// What a file is can be told from this many of its first bytes.
pub(super) const HEAD: usize = 64;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd,
    /// bzip2, any number of streams.
    Bzip2,
    /// xz, any number of streams, with padding.
    Xz,
    /// The frame format of LZ4, any number of frames.
    Lz4,
}

impl Compression {
    /// The name that options and history use.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Lz4 => "lz4",
        }
    }

    /// Tells the compression from the first bytes of a file.
    pub fn detect(head: &[u8]) -> Compression {
        match FileKind::detect(head) {
            FileKind::Compressed(compression) => compression,
            FileKind::Foreign(_) | FileKind::Other => Compression::None,
        }
    }

    /// The bytes that each member begins with.
    pub(super) fn magic(self) -> &'static [u8] {
        match self {
            Compression::None => b"",
            Compression::Gzip => b"\x1f\x8b\x08",
            Compression::Zstd => b"\x28\xb5\x2f\xfd",
            Compression::Bzip2 => b"BZh",
            Compression::Xz => b"\xfd7zXZ\0",
            Compression::Lz4 => b"\x04\x22\x4d\x18",
        }
    }

    /// Whether a member may begin so; `head` is shorter than its first bytes where the
    /// file ends within them.
    pub(super) fn starts(self, head: &[u8]) -> bool {
        let magic = self.magic();
        if head.len() < magic.len() {
            return !head.is_empty() && magic.starts_with(head);
        }
        match self {
            Compression::Bzip2 => {
                head.starts_with(magic) && head.get(3).is_none_or(|level| (b'1'..=b'9').contains(level))
            }
            Compression::Zstd | Compression::Lz4 if is_skippable(head) => true,
            _ => head.starts_with(magic),
        }
    }
}

/// Zstandard and LZ4 share frames that hold nothing.
pub(super) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// A format that is known by its first bytes, and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A zip archive.
    Zip,
    /// A 7-Zip archive.
    SevenZip,
    /// The framing format of Snappy.
    Snappy,
    /// lzip.
    Lzip,
    /// The format of LZMA before xz.
    Lzma,
    /// The `.Z` files of compress.
    Compress,
    /// The format of LZ4 before its frames.
    Lz4Legacy,
    /// Apache Parquet.
    Parquet,
    /// Apache Avro.
    Avro,
    /// Apache ORC.
    Orc,
    /// The file format of Apache Arrow, which is that of Feather too.
    Arrow,
    /// A database of SQLite.
    Sqlite,
}

/// What the first bytes of a file look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A compressed file that can be read.
    Compressed(Compression),
    /// Something that cannot be read.
    Foreign(Foreign),
    /// Text, or nothing that is known.
    Other,
}

impl FileKind {
    /// Tells it from the first bytes of a file (64, where it has as many).
    pub fn detect(head: &[u8]) -> FileKind {
        const READ: [Compression; 5] =
            [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz, Compression::Lz4];
        if is_skippable(head) {
            return FileKind::Compressed(behind_skippable(head));
        }
        let read = READ
            .into_iter()
            .find(|compression| head.len() > compression.magic().len() && compression.starts(head));
        match (read, foreign(head)) {
            // Words may begin as bzip2 does; what follows there is no text.
            (Some(Compression::Bzip2), _) if !is_bzip2(head) => FileKind::Other,
            (Some(compression), _) => FileKind::Compressed(compression),
            (None, Some(foreign)) => FileKind::Foreign(foreign),
            (None, None) => FileKind::Other,
        }
    }
}

/// Whether a block of bzip2, or the end of an empty stream, begins behind the first bytes, as
/// far as there are any.
pub(super) fn is_bzip2(head: &[u8]) -> bool {
    let rest = head.get(4..head.len().min(10)).unwrap_or_default();
    b"1AY&SY".starts_with(rest) || b"\x17\x72\x45\x38\x50\x90".starts_with(rest)
}

/// A frame that holds nothing is followed by one that tells whose it is; the head may end
/// before.
fn behind_skippable(mut head: &[u8]) -> Compression {
    while is_skippable(head) {
        let length = match head.get(4..8) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]) as usize,
            _ => break,
        };
        match head.get(length.saturating_add(8)..) {
            Some(rest) => head = rest,
            None => break,
        }
    }
    if head.starts_with(Compression::Lz4.magic()) { Compression::Lz4 } else { Compression::Zstd }
}

fn foreign(head: &[u8]) -> Option<Foreign> {
    const MAGIC: [(&[u8], Foreign); 11] = [
        (b"PK\x03\x04", Foreign::Zip),
        (b"PK\x05\x06", Foreign::Zip),
        (b"7z\xbc\xaf\x27\x1c", Foreign::SevenZip),
        (b"\xff\x06\0\0sNaPpY", Foreign::Snappy),
        (b"LZIP\x01", Foreign::Lzip),
        (b"\x1f\x9d", Foreign::Compress),
        (b"\x02\x21\x4c\x18", Foreign::Lz4Legacy),
        (b"Obj\x01", Foreign::Avro),
        (b"ARROW1\0\0", Foreign::Arrow),
        (b"FEA1", Foreign::Arrow),
        (b"SQLite format 3\0", Foreign::Sqlite),
    ];
    // These are words that a text may begin with; binary data follows here.
    const WORDS: [(&[u8], Foreign); 2] = [(b"PAR1", Foreign::Parquet), (b"ORC", Foreign::Orc)];
    let by_magic = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
    let by_word = || WORDS.iter().find(|(magic, _)| head.starts_with(magic) && is_binary(head));
    let named = by_magic.or_else(by_word).map(|(_, foreign)| *foreign);
    named.or_else(|| is_lzma(head).then_some(Foreign::Lzma))
}

fn is_binary(head: &[u8]) -> bool {
    head.iter().any(|&b| matches!(b, 0..=8 | 14..=31 | 127))
}

/// The header of LZMA has no magic bytes: its usual properties, a size of the dictionary that is
/// a power of two, and a size of the contents that is plausible or unknown.
fn is_lzma(head: &[u8]) -> bool {
    let Some(&[properties, d0, d1, d2, d3, ref size @ ..]) = head.first_chunk::<13>() else { return false };
    let size: &[u8; 8] = size;
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
    let size = u64::from_le_bytes(*size);
    properties == 0x5d
        && dictionary.is_power_of_two()
        && dictionary >= 4096
        && (size == u64::MAX || size < 1 << 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        for (head, kind) in [
            (&b"\x1f\x8b\x08\x00"[..], FileKind::Compressed(Compression::Gzip)),
            (b"\x28\xb5\x2f\xfd\0", FileKind::Compressed(Compression::Zstd)),
            (b"BZh91AY&SY..", FileKind::Compressed(Compression::Bzip2)),
            (b"BZh9\x17\x72\x45\x38\x50\x90", FileKind::Compressed(Compression::Bzip2)),
            (b"BZh9 is a word", FileKind::Other),
            (b"BZhello", FileKind::Other),
            (b"\xfd7zXZ\0\0\x04", FileKind::Compressed(Compression::Xz)),
            (b"\x04\x22\x4d\x18\x60", FileKind::Compressed(Compression::Lz4)),
            (b"\x50\x2a\x4d\x18\x01\0\0\0x\x04\x22\x4d\x18", FileKind::Compressed(Compression::Lz4)),
            (b"\x5f\x2a\x4d\x18\x01\0\0\0x\x28\xb5\x2f\xfd", FileKind::Compressed(Compression::Zstd)),
            (b"\x50\x2a\x4d\x18\x01\0\0", FileKind::Compressed(Compression::Zstd)),
            (b"PK\x03\x04", FileKind::Foreign(Foreign::Zip)),
            (b"PAR1\x15\x04\x15", FileKind::Foreign(Foreign::Parquet)),
            (b"PAR1: a heading", FileKind::Other),
            (b"ORC\n\x03\0\0", FileKind::Foreign(Foreign::Orc)),
            (b"ORCS: 3\n{}", FileKind::Other),
            (b"SQLite format 3\0\x10\0", FileKind::Foreign(Foreign::Sqlite)),
            (b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0", FileKind::Foreign(Foreign::Lzma)),
            (b"]\0\0\0\0\0\0\0\0\0\0\0\0\0", FileKind::Other),
            (b"{\"a\": 1}", FileKind::Other),
            (b"", FileKind::Other),
        ] {
            assert_eq!(FileKind::detect(head), kind, "{:?}", head.escape_ascii().to_string());
        }
    }
}
