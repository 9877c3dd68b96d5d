//! Compression and encoding are undone: whole files as their programs would, hurt ones as far as
//! they go, whatever the size of reads.

use loader_core::stream::{
    Compression, Damage, Decoded, Encoding, Error, FileKind, Foreign, OnCorrupt, Options, Source,
};
use std::io::Write;

/// Hands out no more than so many bytes at a time.
struct Steps<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Source for Steps<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = buf.len().min(self.step);
        self.bytes.read(&mut buf[..n])
    }
}

/// What came of a file, also where its end is an error.
struct Read {
    text: Vec<u8>,
    damage: Damage,
    encoding: Encoding,
    error: Option<Error>,
}

impl Read {
    fn error(&self) -> String {
        format!("{:?}", self.error)
    }
}

/// `Err` where the file cannot be read by its first bytes.
fn read_in(bytes: &[u8], options: &Options, beneath: usize, above: usize) -> Result<Read, Error> {
    let mut decoded = match Decoded::new(Steps { bytes, step: beneath }, options) {
        Ok(decoded) => decoded,
        // The first bytes of the text are looked at too.
        Err(error @ (Error::CutOff(_) | Error::Corrupt(_))) => {
            let (text, damage, encoding) = (Vec::new(), Damage::default(), Encoding::Utf8);
            return Ok(Read { text, damage, encoding, error: Some(error) });
        }
        Err(error) => return Err(error),
    };
    let (mut text, mut buf) = (Vec::new(), vec![0; above]);
    let error = loop {
        match decoded.read(&mut buf) {
            Ok(0) => break None,
            Ok(n) => text.extend(&buf[..n]),
            Err(error) => break Some(error),
        }
    };
    Ok(Read { text, damage: decoded.damage(), encoding: decoded.encoding(), error })
}

/// Reads it in steps of several sizes, which must make no difference.
fn read(bytes: &[u8], options: &Options) -> Result<Read, Error> {
    let whole = read_in(bytes, options, usize::MAX, 1 << 16);
    for (beneath, above) in [(1, 1 << 16), (usize::MAX, 1), (7, 5), (4096, 3)] {
        let other = read_in(bytes, options, beneath, above);
        match (&whole, &other) {
            (Ok(whole), Ok(other)) => {
                // Of what cannot be read to its end, nothing is loaded.
                assert!(
                    whole.error.is_some() || whole.text == other.text,
                    "{beneath} {above}: {} bytes, {}",
                    whole.text.len(),
                    other.text.len()
                );
                assert_eq!(whole.error(), other.error(), "{beneath} {above}");
                // How far a decoder reads before it sees a fault depends on what it is given: by up
                // to a block.
                assert!(whole.damage.lost.abs_diff(other.damage.lost) < 150_000, "{beneath} {above}");
                let exact = |damage: Damage| (damage.passed_over, damage.hurt);
                assert_eq!(exact(whole.damage), exact(other.damage), "{beneath} {above}");
            }
            (Err(whole), Err(other)) => assert_eq!(format!("{whole:?}"), format!("{other:?}")),
            _ => panic!("reads of {beneath} and {above} bytes differ"),
        }
    }
    whole
}

fn with(compression: Compression) -> Options {
    Options { compression: Some(compression), ..Options::default() }
}

fn salvage() -> Options {
    Options { on_corrupt: OnCorrupt::Salvage, ..Options::default() }
}

fn encoded(encoding: &str) -> Options {
    Options { encoding: Encoding::of_label(encoding.as_bytes()), ..Options::default() }
}

const ALL: [Compression; 5] =
    [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz, Compression::Lz4];

fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let done = match compression {
        Compression::None => Ok(bytes.to_vec()),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
            encoder.include_checksum(true).expect("checksums");
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Compression::Lz4 => Ok(lz4(bytes, &lz4_flex::frame::FrameInfo::new().content_checksum(true))),
    };
    done.expect("in memory")
}

fn lz4(bytes: &[u8], info: &lz4_flex::frame::FrameInfo) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info.clone(), Vec::new());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Numbers that look random, of a seed.
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

fn lines(seed: u64, count: usize) -> Vec<u8> {
    let mut random = random(seed);
    let mut text = Vec::new();
    for n in 0..count {
        writeln!(text, "{{\"n\": {n}, \"v\": \"{:016x}{:016x}\"}}", random(), random()).expect("in memory");
    }
    text
}

fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut random = random(seed);
    (0..count).map(|_| (random() >> 24) as u8).collect()
}

#[test]
fn members_one_after_the_other_are_one_text() {
    let parts = [lines(1, 300), Vec::new(), lines(2, 1), lines(3, 2000)];
    for compression in ALL {
        let file: Vec<u8> = parts.iter().flat_map(|part| compress(compression, part)).collect();
        for options in [Options::default(), with(compression), salvage()] {
            let read = read(&file, &options).expect("a file");
            assert!(read.error.is_none(), "{compression:?}: {:?}", read.error);
            assert!(read.text == parts.concat(), "{compression:?}");
            assert_eq!(read.damage, Damage::default(), "{compression:?}");
        }
    }
}

#[test]
fn frames_of_lz4_are_read_in_all_their_forms() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};
    // Some that compresses well, some that does not, and longer than a block.
    let text = [lines(4, 3000), noise(5, 100_000), vec![b'x'; 300_000]].concat();
    for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max4MB] {
        for mode in [BlockMode::Independent, BlockMode::Linked] {
            for (checksums, content_size) in [(false, None), (true, Some(text.len() as u64))] {
                let info = FrameInfo::new()
                    .block_size(size)
                    .block_mode(mode)
                    .block_checksums(checksums)
                    .content_checksum(checksums)
                    .content_size(content_size);
                let mut file = b"\x53\x2a\x4d\x18\x03\0\0\0abc".to_vec();
                file.extend(lz4(&text, &info));
                let read = read(&file, &Options::default()).expect("a file");
                assert!(read.error.is_none() && read.text == text, "{size:?} {mode:?} {checksums}");
            }
        }
    }
    // A block that is not what its checksum says, and a text that is not.
    let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_checksums(true).content_checksum(true);
    let sound = lz4(&noise(6, 1000), &info);
    for at in [6, 100, sound.len() - 1] {
        let mut hurt = sound.clone();
        hurt[at] ^= 1;
        let read = read(&hurt, &Options::default()).expect("a file");
        assert!(matches!(read.error, Some(Error::Corrupt(Compression::Lz4))), "{at}: {:?}", read.error);
    }
}

#[test]
fn padding_of_xz_is_a_part_of_it() {
    let text = lines(6, 10);
    let one = compress(Compression::Xz, &text);
    for (padding, passed_over) in [(0, 0), (4, 0), (4096, 0), (3, 3)] {
        let padding = vec![0; padding];
        let file = [&one[..], &padding, &one, &padding].concat();
        let read = read(&file, &Options::default()).expect("a file");
        assert!(read.error.is_none() && read.text == text.repeat(2));
        assert_eq!(read.damage, Damage { passed_over: 2 * passed_over, ..Damage::default() });
    }
}

#[test]
fn what_is_no_member_is_passed_over_and_counted() {
    let (one, two) = (lines(7, 200), lines(8, 100));
    for compression in ALL {
        let (first, second) = (compress(compression, &one), compress(compression, &two));
        for (kind, between) in [
            ("zeros", vec![0; 1024]),
            ("many zeros", vec![0; 100_000]),
            ("text", b"\n-- end of part one --\n".to_vec()),
            ("much text", b"text ".repeat(30_000)),
            ("noise", noise(9, 5000)),
            ("magic bytes", [&compression_magic(compression)[..], &[0xff; 40][..]].concat().repeat(3)),
        ] {
            // Magic bytes at the place of a member make it one, which is corrupt.
            let between = if kind == "magic bytes" { [b"-", &between[..]].concat() } else { between };
            let padding = compression == Compression::Xz && kind.contains("zeros");
            let passed_over = if padding { 0 } else { 2 * between.len() as u64 };
            let file = [&first[..], &between, &second, &between].concat();
            for options in [Options::default(), salvage()] {
                let read = read(&file, &options).expect("a file");
                assert!(read.error.is_none(), "{compression:?} {kind}: {:?}", read.error);
                assert!(read.text == [&one[..], &two].concat(), "{compression:?} {kind}");
                assert_eq!(
                    read.damage,
                    Damage { passed_over, ..Damage::default() },
                    "{compression:?} {kind}"
                );
            }
        }
    }
}

fn compression_magic(compression: Compression) -> Vec<u8> {
    compress(compression, b"")[..4].to_vec()
}

#[test]
fn a_stream_that_ends_too_early_is_an_error_or_what_there_is() {
    let text = lines(10, 8000);
    for compression in ALL {
        let whole = compress(compression, &text);
        for cut in [whole.len() - 1, whole.len() / 2, 30, 7, 2] {
            let file = &whole[..cut];
            let stopped = read(file, &with(compression)).expect("a file");
            assert!(matches!(stopped.error, Some(Error::CutOff(_))), "{compression:?}: {:?}", stopped.error);
            let salvaged =
                read(file, &Options { compression: Some(compression), ..salvage() }).expect("a file");
            assert!(salvaged.error.is_none(), "{compression:?}: {:?}", salvaged.error);
            assert!(text.starts_with(&salvaged.text), "{compression:?} {cut}");
            assert_eq!(salvaged.damage, Damage { hurt: 1, ..Damage::default() }, "{compression:?} {cut}");
            // What decompresses does, but for the last block of the format.
            let block = if compression == Compression::Bzip2 { 100_000 } else { 300_000 };
            if cut == whole.len() / 2 && text.len() / 2 > block {
                assert!(
                    salvaged.text.len() > text.len() / 2 - block,
                    "{compression:?} {}",
                    salvaged.text.len()
                );
            }
        }
    }
}

#[test]
fn members_behind_one_that_is_hurt_are_read() {
    let parts = [lines(11, 8000), lines(12, 500), lines(13, 8000)];
    for compression in ALL {
        let members: Vec<Vec<u8>> = parts.iter().map(|part| compress(compression, part)).collect();
        let middle = members[1].len();
        // Overwritten, cut off, and with a piece missing.
        let mut overwritten = members[1].clone();
        overwritten[middle / 2..middle / 2 + 40].copy_from_slice(&noise(14, 40));
        let missing = [&members[1][..middle / 3], &members[1][middle / 2..]].concat();
        for hurt in [overwritten, members[1][..middle / 2].to_vec(), missing] {
            let file = [&members[0][..], &hurt, &members[2]].concat();
            let stopped = read(&file, &Options::default()).expect("a file");
            assert!(stopped.error.is_some(), "{compression:?}");
            let salvaged = read(&file, &salvage()).expect("a file");
            assert!(salvaged.error.is_none(), "{compression:?}: {:?}", salvaged.error);
            assert!(salvaged.text.starts_with(&parts[0]), "{compression:?}");
            assert!(salvaged.text.ends_with(&parts[2]), "{compression:?}");
            // What there is of the one that is hurt ends with a line.
            let between = &salvaged.text[parts[0].len()..salvaged.text.len() - parts[2].len()];
            assert!(between.is_empty() || between.ends_with(b"\n"), "{compression:?}");
            assert_eq!(salvaged.damage.hurt, 1, "{compression:?}");
            assert!(salvaged.damage.lost <= hurt.len() as u64, "{compression:?}");
            assert_eq!(salvaged.damage.passed_over, 0, "{compression:?}");
        }
    }
}

#[test]
fn a_file_that_is_hurt_at_its_start_goes_on_with_its_next_member() {
    let (one, two) = (lines(15, 1000), lines(16, 1000));
    for compression in ALL {
        let (first, second) = (compress(compression, &one), compress(compression, &two));
        let file = [&vec![0xAA; 20][..], &first[20..], &second].concat();
        let options = Options { compression: Some(compression), ..salvage() };
        let salvaged = read(&file, &options).expect("a file");
        assert!(salvaged.error.is_none(), "{compression:?}: {:?}", salvaged.error);
        assert!(salvaged.text == two, "{compression:?}");
        let damage = Damage { hurt: 1, lost: first.len() as u64, passed_over: 0 };
        assert_eq!(salvaged.damage, damage, "{compression:?}");
        // Nothing of it at all.
        let other = read(&[&b"text"[..], &one].concat(), &options);
        assert!(matches!(other, Err(Error::NotCompressed { .. })), "{compression:?}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let parquet = b"PAR1\x15\x04\x15\x00";
    let error = |bytes: &[u8], options: &Options| match read(bytes, options) {
        Err(error) => error,
        Ok(_) => panic!("{bytes:?} is read"),
    };
    assert!(matches!(error(parquet, &Options::default()), Error::Foreign(Foreign::Parquet)));
    assert!(matches!(
        error(parquet, &with(Compression::Gzip)),
        Error::NotCompressed { asked: Compression::Gzip, found: FileKind::Foreign(Foreign::Parquet) }
    ));
    assert!(matches!(
        error(&compress(Compression::Zstd, b"{}"), &with(Compression::Gzip)),
        Error::NotCompressed { asked: Compression::Gzip, found: FileKind::Compressed(Compression::Zstd) }
    ));
    assert!(matches!(
        error(b"{\"a\": 1}", &with(Compression::Xz)),
        Error::NotCompressed { asked: Compression::Xz, found: FileKind::Other }
    ));
    // Who says that it is not compressed gets its bytes.
    let read = read(parquet, &with(Compression::None)).expect("a file");
    assert_eq!(read.text, parquet);
    assert!(read_in(b"", &Options::default(), 1, 1).expect("a file").text.is_empty());
}

#[test]
fn a_window_that_is_too_large_is_named() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(28).expect("a window");
    encoder.write_all(b"{\"a\": 1}").expect("in memory");
    let file = encoder.finish().expect("in memory");
    let error = read(&file, &Options::default()).err().or_else(|| panic!("a file")).expect("an error");
    let Error::Window { compression: Compression::Zstd, needed: Some(needed), max } = error else {
        panic!("{error:?}")
    };
    assert_eq!((needed, max), (1 << 28, 1 << 27));
    let wide = Options { zstd_window_max: 1 << 28, ..Options::default() };
    assert_eq!(read(&file, &wide).expect("a file").text, b"{\"a\": 1}");
    let narrow = Options { zstd_window_max: (1 << 28) - 1, ..Options::default() };
    assert!(matches!(read(&file, &narrow), Err(Error::Window { .. })));
    // xz says so too.
    let mut options = liblzma::stream::LzmaOptions::new_preset(0).expect("a preset");
    options.dict_size(512 << 20);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32);
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream.expect("an encoder"));
    encoder.write_all(b"{}").expect("in memory");
    let file = encoder.finish().expect("in memory");
    let error = read(&file, &Options::default()).err().expect("an error");
    assert!(matches!(error, Error::Window { compression: Compression::Xz, needed: None, .. }), "{error:?}");
}

/// The text in UTF-16 or UTF-32, with a mark before it if that is wanted.
fn wide(text: &str, width: usize, big_endian: bool, mark: bool) -> Vec<u8> {
    let text = if mark { format!("\u{feff}{text}") } else { text.to_string() };
    let units: Vec<u32> = match width {
        2 => text.encode_utf16().map(u32::from).collect(),
        _ => text.chars().map(u32::from).collect(),
    };
    let mut bytes = Vec::new();
    for unit in units {
        let unit = unit.to_be_bytes();
        let mut unit = unit[4 - width..].to_vec();
        if !big_endian {
            unit.reverse();
        }
        bytes.extend(unit);
    }
    bytes
}

const MIXED: &str =
    "{\"name\": \"Zo\u{eb}\", \"city\": \"\u{6771}\u{4eac}\", \"smile\": \"\u{1f600}\"}\n[1, 2]\n";

#[test]
fn wide_text_is_found_with_and_without_a_mark() {
    let long = MIXED.repeat(2000);
    let names =
        [(2, false, "utf-16le"), (2, true, "utf-16be"), (4, false, "utf-32le"), (4, true, "utf-32be")];
    for (width, big_endian, name) in names {
        for mark in [false, true] {
            for text in [MIXED, &long, "[]", "{\"\u{6771}\u{4eac}\u{6771}\u{4eac}\": 1}"] {
                let file = wide(text, width, big_endian, mark);
                for options in [Options::default(), encoded(name)] {
                    let read = read(&file, &options).expect("a file");
                    assert_eq!(read.encoding.name(), name, "{mark} {text:.20}");
                    assert!(read.text == text.as_bytes(), "{name} {mark} {text:.20}");
                }
                // Compressed too.
                let read = read(&compress(Compression::Gzip, &file), &Options::default()).expect("a file");
                assert!(read.text == text.as_bytes(), "{name} {mark}");
            }
        }
    }
    for (name, big_endian, mark) in
        [("utf-16", false, false), ("utf-16", true, true), ("utf-16", false, true)]
    {
        let read = read(&wide("5", 2, big_endian, mark), &encoded(name)).expect("a file");
        assert_eq!(read.text, b"5", "{name} {big_endian} {mark}");
    }
}

#[test]
fn zeros_alone_do_not_make_text_wide() {
    for head in [
        &b"\0\0\0\0\0\0\0\0\0\0\0\0{\"a\": 1}\n"[..],
        b"{\0\0\0\0\0\0\0\0\0",
        b"{\"a\": 1}\n\0\0\0\0\0\0\0\0{\"a\": 2}\n",
        b"{\0\"a\": 1}\n{\"a\": 2}\n{\"a\": 3}\n",
        b"1\0",
        b"1\0\0\0",
        b"\0{",
        b"\0",
        b"",
        b"{\"a\": 1}\n",
        "{\"\u{6771}\u{4eac}\": 1}".as_bytes(),
        b"\xef\xbb\xbf{}",
    ] {
        let read = read(head, &Options::default()).expect("a file");
        assert_eq!(read.encoding, Encoding::Utf8, "{head:?}");
        assert_eq!(read.text, head);
    }
}

#[test]
fn what_is_no_text_stays_none() {
    let unit = |text: &str| wide(text, 2, false, false);
    let high = [0x3d, 0xd8];
    let low = [0x00, 0xde];
    for (middle, decoded) in [
        (high.to_vec(), b"\xed\xa0\xbd".to_vec()),
        (low.to_vec(), b"\xed\xb8\x80".to_vec()),
        ([high, high, low].concat(), [&b"\xed\xa0\xbd"[..], "\u{1f600}".as_bytes()].concat()),
        ([low, high].concat(), b"\xed\xb8\x80\xed\xa0\xbd".to_vec()),
    ] {
        let file = [unit("{\"a\": \""), middle, unit("\"}\n")].concat();
        let read = read(&file, &Options::default()).expect("a file");
        assert_eq!(read.text, [b"{\"a\": \"", &decoded[..], b"\"}\n"].concat());
        assert!(std::str::from_utf8(&read.text).is_err());
    }
    // Half a unit, and half a pair, at the end.
    for (tail, decoded) in
        [(&[0x41][..], &b"\xff"[..]), (&high, b"\xed\xa0\xbd"), (&[0x3d, 0xd8, 1], b"\xed\xa0\xbd\xff")]
    {
        let read = read(&[&unit("[1]\n[2]\n")[..], tail].concat(), &Options::default()).expect("a file");
        assert_eq!(read.text, [b"[1]\n[2]\n", decoded].concat());
    }
    // Beyond Unicode, and half a pair in UTF-32.
    let wide32 = wide("[1]\n[2]\n[3]\n[4]\n[5]\n", 4, false, false);
    let file = [&wide32[..], &0x11_0000_u32.to_le_bytes(), &0xd83d_u32.to_le_bytes(), &[1, 2, 3]].concat();
    let read = read(&file, &Options::default()).expect("a file");
    assert_eq!(read.text, b"[1]\n[2]\n[3]\n[4]\n[5]\n\xff\xed\xa0\xbd\xff");
}

#[test]
fn other_encodings_are_used_by_name_alone() {
    for (name, bytes, text) in [
        ("latin1", &b"{\"a\": \"caf\xe9 \x80\"}"[..], "{\"a\": \"caf\u{e9} \u{80}\"}"),
        ("windows-1252", b"{\"a\": \"caf\xe9 \x80\"}", "{\"a\": \"caf\u{e9} \u{20ac}\"}"),
        ("iso-8859-2", b"\"\xb1\"", "\"\u{105}\""),
        ("shift_jis", b"\"\x93\x8c\x8b\x9e\"", "\"\u{6771}\u{4eac}\""),
        ("gb18030", b"\"\xb6\xab\x81\x30\x81\x30\"", "\"\u{4e1c}\u{80}\""),
        ("euc-kr", b"\"\xb0\xa1\"", "\"\u{ac00}\""),
    ] {
        let read_so = read(bytes, &encoded(name)).expect("a file");
        assert_eq!(read_so.text, text.as_bytes(), "{name}");
        assert_eq!(read(bytes, &Options::default()).expect("a file").text, bytes, "{name}");
    }
    // What the encoding lacks is no text: in the middle, and at the end.
    let read_so = read(b"\"\x93\x8c\xa0\x93\"\n\"\x93", &encoded("shift_jis")).expect("a file");
    assert_eq!(read_so.text[..4], *b"\"\xe6\x9d\xb1");
    assert!(read_so.text.contains(&0xff) && read_so.text.ends_with(b"\xff"), "{:?}", read_so.text);
    let long = b"\xb6\xab".repeat(50_000);
    assert!(read(&long, &encoded("gb18030")).expect("a file").text == "\u{4e1c}".repeat(50_000).as_bytes());
}

#[test]
fn a_text_breaks_off_between_units_where_a_member_does() {
    let (one, two) = (wide(&MIXED.repeat(300), 2, false, false), wide(MIXED, 2, false, false));
    let first = compress(Compression::Gzip, &one);
    for cut in first.len() - 40..first.len() - 20 {
        let file = [&first[..cut], &compress(Compression::Gzip, &two)].concat();
        let read = read_in(&file, &salvage(), usize::MAX, 4096).expect("a file");
        assert!(read.text.ends_with(format!("\n{MIXED}").as_bytes()), "{cut}");
    }
}

#[test]
fn only_what_is_neither_compressed_nor_wide_is_plain() {
    let is_plain = |bytes: &[u8], options: &Options| Decoded::new(bytes, options).expect("a file").is_plain();
    assert!(is_plain(b"{}", &Options::default()));
    assert!(is_plain(&wide("{}{}", 2, false, false), &Options::plain()));
    assert!(!is_plain(&wide("{}{}", 2, false, false), &Options::default()));
    assert!(!is_plain(b"{}", &encoded("latin1")));
    assert!(!is_plain(&compress(Compression::Lz4, b"{}"), &Options::default()));
}

#[test]
fn bytes_of_a_plain_file_are_passed_over() {
    let text = lines(20, 5000);
    for options in [Options::default(), encoded("latin1")] {
        let mut decoded = Decoded::new(&text[..], &options).expect("a file");
        let mut buf = vec![0; 100];
        let first = decoded.read(&mut buf).expect("bytes");
        decoded.skip(50).expect("bytes");
        decoded.skip(100_000).expect("bytes");
        let n = decoded.read(&mut buf).expect("bytes");
        assert_eq!(buf[..n], text[first + 100_050..][..n]);
    }
}
