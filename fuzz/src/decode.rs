//! Decompression: any bytes as a compressed stream, and any bytes compressed,
//! whole or cut off.

use crate::steps::Steps;
use flate2::write::GzEncoder;
use loader_core::stream::{Compression, Decoded, Encoding, Error, OnCorrupt, Options, Source};
use std::io::{Read, Write};

/// So many decompressed bytes are looked at.
const ENOUGH: usize = 1 << 20;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Whole,
    Enough,
    Corrupt,
    CutOff,
    /// It is not begun with.
    Refused,
}

/// The first byte chooses, the rest is the stream, compressed or to be.
pub fn check(input: &[u8]) {
    let Some((&choice, stream)) = input.split_first() else { return };
    let asked = [None, Some(Compression::Gzip), Some(Compression::Zstd), Some(Compression::None)];
    let asked = asked[usize::from(choice & 3)];
    if choice & 4 == 0 {
        any(stream, asked);
        salvaged(stream, asked);
    } else if let Some(compression) = asked {
        made(stream, compression, usize::from(choice >> 3));
    }
}

/// Any bytes: no panic, the same for any read size, and as the library has it
/// when it is given all bytes at once.
///
/// But for two things: whether a zstd frame is refused that holds less than its
/// header says and ends in an empty block depends on how much of it libzstd is
/// given at once; and what is no member is passed over, which a library refuses.
fn any(stream: &[u8], asked: Option<Compression>) {
    let compression = asked.unwrap_or_else(|| Compression::detect(stream));
    let forgiven = |refused: bool| compression == Compression::Zstd && refused;
    let (bytes, end, passed_over) = decode(stream, asked, OnCorrupt::Stop, usize::MAX, 64 * 1024);
    for (step, room) in [(1, 64 * 1024), (7, 100)] {
        let again = decode(stream, asked, OnCorrupt::Stop, step, room);
        // What had been decoded before the damage depends on how it was read.
        let same = again.1 == end;
        assert!(same || forgiven(end == End::Corrupt || again.1 == End::Corrupt), "read size {step}");
        if same && (end == End::Whole || end == End::Enough) {
            assert!(again.0 == bytes, "read size {step}");
        } else {
            let common = bytes.len().min(again.0.len());
            assert!(again.0[..common] == bytes[..common], "read size {step}");
        }
    }
    let mut library: Box<dyn Read> = match compression {
        Compression::None => Box::new(stream),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(stream)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(stream).expect("a decoder")),
        // Their decoders have no other way to be driven.
        Compression::Bzip2 | Compression::Xz | Compression::Lz4 => return,
    };
    let mut expected = Vec::new();
    let result = library.by_ref().take(ENOUGH as u64).read_to_end(&mut expected);
    match (end, result) {
        (End::Whole | End::Enough, Ok(_)) => assert!(expected == bytes, "the library differs"),
        (End::Whole | End::Enough, Err(_)) => {
            assert!(passed_over || end == End::Enough || forgiven(true), "the library refuses it");
        }
        (End::Corrupt, Ok(_)) => assert!(forgiven(true), "the library takes it"),
        (End::CutOff, Ok(_)) => panic!("the library takes it"),
        (End::Refused, _) | (End::Corrupt | End::CutOff, Err(_)) => {}
    }
}

/// With whatever damage, what can be decompressed is handed out, and nothing fails for it.
fn salvaged(stream: &[u8], asked: Option<Compression>) {
    let (bytes, end, _) = decode(stream, asked, OnCorrupt::Salvage, usize::MAX, 4096);
    assert!(matches!(end, End::Whole | End::Enough | End::Refused), "{end:?}");
    let (stopped, whole, _) = decode(stream, asked, OnCorrupt::Stop, usize::MAX, 4096);
    if whole == End::Whole {
        assert!(bytes == stopped, "salvage differs where nothing is hurt");
    }
}

/// What was compressed is read back, and all of what is before a cut is.
fn made(stream: &[u8], compression: Compression, choice: usize) {
    let (front, back) = stream.split_at(stream.len() * (choice % 4) / 4);
    let first = compress(front, compression);
    let whole = [first.clone(), compress(back, compression)].concat();
    // What is not compressed may look as if it were.
    let asked = Some(compression).filter(|compression| *compression == Compression::None);
    for step in [usize::MAX, 7] {
        let (bytes, end, _) = decode(&whole, asked, OnCorrupt::Stop, step, 4096);
        assert_eq!(end, End::Whole);
        assert!(bytes == stream, "read size {step}");
    }
    let cut = whole.len() * (choice / 4) / 8;
    if compression == Compression::None || cut == 0 || cut == first.len() {
        return;
    }
    let (bytes, end, _) = decode(&whole[..cut], Some(compression), OnCorrupt::Stop, usize::MAX, 4096);
    assert_eq!(end, End::CutOff, "cut at {cut} of {}", whole.len());
    assert!(stream.starts_with(&bytes));
}

fn compress(bytes: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("in memory")
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).expect("in memory"),
        _ => bytes.to_vec(),
    }
}

/// The bytes, how they ended, and whether some of the stream was passed over.
fn decode(
    stream: &[u8],
    asked: Option<Compression>,
    on_corrupt: OnCorrupt,
    step: usize,
    room: usize,
) -> (Vec<u8>, End, bool) {
    let encoding = Some(Encoding::Utf8);
    let options = Options { compression: asked, encoding, on_corrupt, ..Options::default() };
    let compression = asked.unwrap_or_else(|| Compression::detect(stream));
    let end_of = |error| match error {
        Error::Corrupt(which) if which == compression => End::Corrupt,
        Error::CutOff(which) if which == compression => End::CutOff,
        Error::Foreign(_) | Error::NotCompressed { .. } | Error::Window { .. } => End::Refused,
        error => panic!("{error:?}"),
    };
    let mut source = match Decoded::new(Steps::new(stream, step), &options) {
        Ok(source) => source,
        Err(error) => return (Vec::new(), end_of(error), false),
    };
    assert_eq!(source.compression(), compression);
    let mut bytes = Vec::new();
    let mut buf = vec![0; room];
    loop {
        let room = buf.len().min(ENOUGH - bytes.len());
        let end = match source.read(&mut buf[..room.max(1)]) {
            _ if room == 0 => End::Enough,
            Ok(0) => End::Whole,
            Ok(n) => {
                bytes.extend_from_slice(&buf[..n]);
                continue;
            }
            Err(error) => end_of(error),
        };
        return (bytes, end, source.damage().passed_over > 0);
    }
}
