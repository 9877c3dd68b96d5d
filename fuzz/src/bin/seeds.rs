//! Writes the inputs that fuzzing starts from and that are not kept in the
//! repository: `seeds FOLDER` makes a folder for each target in it.

use flate2::Compression;
use flate2::write::GzEncoder;
use loader_damage::suite::{self, Choice};
use loader_fuzz::corpora;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Longer seeds make slow inputs.
const LONGEST: usize = 4000;

/// One in so many of the damaged files of a seed.
const ONE_IN: usize = 25;

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: seeds FOLDER"))?;
    let folder = Path::new(&folder);
    let documents =
        [corpora::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds"))?, corpora::test_suite()?]
            .concat();
    let files: Vec<Vec<u8>> = suite::plain(Choice { seed: 1, one_in: ONE_IN })
        .map(|file| file.bytes[..file.bytes.len().min(LONGEST)].to_vec())
        .collect();

    save(&folder.join("encode"), documents.iter().cloned())?;
    // Detected framing, and the one that accepts most.
    let streams = documents.iter().chain(&files);
    let choices = [0_u8, 3];
    save(&folder.join("split"), streams.flat_map(|bytes| choices.map(|choice| chosen(choice, bytes))))?;

    let tables =
        ["a,b\n1,2\n3,\"4\"\"\n5\"\n", "1;'x;y'\r\n2;z\r\n", "#n\na||b\n1||2\n", "\"a\nb\",c\rd,e\r"];
    let dialects = [[16, 16], [21, 0], [19, 4], [144, 66]];
    let tables =
        tables.iter().flat_map(|table| dialects.map(|dialect| [&dialect, table.as_bytes()].concat()));
    save(&folder.join("delimited"), tables)?;

    let mut compressed = Vec::new();
    for bytes in documents.iter().chain(&files).step_by(8) {
        compressed.push(chosen(0, &gzip(bytes)?));
        compressed.push(chosen(0, &zstd::encode_all(&bytes[..], 3)?));
        compressed.extend([5, 6, 5 | 2 << 3 | 20 << 3].map(|choice| chosen(choice, bytes)));
    }
    let members = [gzip(b"one member")?, gzip(b"")?, gzip(b"and another")?].concat();
    let frames = [b"\x50\x2a\x4d\x18\x02\0\0\0ab".to_vec(), zstd::encode_all(&b"after"[..], 1)?].concat();
    compressed.extend([chosen(0, &members), chosen(0, &frames)]);
    save(&folder.join("decode"), compressed.into_iter())?;

    let repeats = b"\x3f\x01\x00\x40\x00\x00\x00\x00\x40\x01\x00\x00\xff\xff\x07\x00\x03\x01\x20\x00";
    let long = documents.iter().chain(&files).filter(|bytes| bytes.len() > 32);
    save(&folder.join("toast"), long.map(|bytes| chosen(0, bytes)).chain([repeats.to_vec()]))
}

fn chosen(choice: u8, bytes: &[u8]) -> Vec<u8> {
    [&[choice], bytes].concat()
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn save(folder: &Path, seeds: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in seeds.enumerate() {
        fs::write(folder.join(format!("{number:05}")), seed)?;
    }
    Ok(())
}
