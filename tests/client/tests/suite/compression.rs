//! Compressed files on a server: what is read, what is named, and what is salvaged.

use crate::helpers::{count, gzip, lines, session, tiny};
use loader_client_tests::{load, load_many, load_with, message, sqlstate};
use postgres::error::SqlState;
use std::io::Write;

/// The bytes, compressed in each of the ways that are read.
fn compressed(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(bytes).expect("bzip2");
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(bytes).expect("xz");
    // By default a block may be as long as the text, and one that is cut off is lost.
    let blocks = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
    let mut lz4 = lz4_flex::frame::FrameEncoder::with_frame_info(blocks, Vec::new());
    lz4.write_all(bytes).expect("lz4");
    vec![
        ("gzip", gzip(bytes)),
        ("zstd", zstd::encode_all(bytes, 1).expect("zstd")),
        ("bzip2", bzip2.finish().expect("bzip2")),
        ("xz", xz.finish().expect("xz")),
        ("lz4", lz4.finish().expect("lz4")),
    ]
}

/// Text that compresses to about half: a file of which a good part can be cut off.
fn uneven(from: usize, count: usize) -> String {
    let mut state = 0x2545_F491_4F6C_DD1D_u64 ^ from as u64;
    let mut text = String::new();
    for n in from..from + count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{{\"n\": {n}, \"v\": \"{state:016x}\"}}\n"));
    }
    text
}

#[test]
fn every_compression_is_read_by_its_first_bytes_and_by_name() {
    let (database, mut client) = session("compression_kinds");
    let text = lines(2000);
    for (name, bytes) in compressed(text.as_bytes()) {
        // Two of them, one after the other.
        let twice = database.file(&format!("twice.{name}"), bytes.repeat(2));
        for options in ["", &format!("compression => '{name}', if_loaded => 'force'")] {
            let outcome = load_with(&mut client, &twice, "t", options).expect("a load");
            assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (4000, 0), "{name} {options}");
            assert_eq!((outcome.status.as_str(), outcome.bytes_read), ("loaded", 2 * text.len() as i64));
        }
        let kept: String = client
            .query_one("SELECT compression FROM loader.load_history ORDER BY load_id DESC LIMIT 1", &[])
            .expect("a row")
            .get(0);
        assert_eq!(kept, name);
    }
    let files = load_many(&mut client, &database.file("*", ""), "t", "if_loaded => 'force', workers => 2");
    assert_eq!(files.map(|files| (files.failed, files.rows)).expect("a call"), (0, 20_000));
}

#[test]
fn what_cannot_be_read_is_named() {
    let (database, mut client) = session("compression_named");
    for (bytes, words) in [
        (&b"PK\x03\x04\x14\0\0\0"[..], "is a zip archive"),
        (b"\xff\x06\0\0sNaPpY\x01", "is compressed with Snappy"),
        (b"PAR1\x15\x04\x15\x80", "is a Parquet file"),
        (b"Obj\x01\x04\x16avro", "is an Avro file"),
        (b"ORC\n\x03\0\0\x12", "is an ORC file"),
        (b"SQLite format 3\0\x10\0", "is an SQLite database"),
        (b"ARROW1\0\0\xff\xff", "is an Arrow file"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "is a 7-Zip archive"),
        (b"\x1f\x9d\x90\x7b", "is compressed with compress"),
        (b"\x02\x21\x4c\x18\x10\0", "is compressed with the legacy format of LZ4"),
        (b"LZIP\x01\x0c", "is compressed with lzip"),
    ] {
        let path = database.file("named", bytes);
        let result = load(&mut client, &path, "t");
        let said = message(result);
        assert!(said.contains(words) && said.ends_with("which cannot be read"), "{said}");
        assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::BAD_COPY_FILE_FORMAT, "{words}");
    }
    // One that is named, and is another one.
    let path = database.file("other", gzip(b"{}"));
    let error = load_with(&mut client, &path, "t", "compression => 'xz'").expect_err("not xz");
    let error = error.as_db_error().expect("an error of the server");
    assert_eq!(*error.code(), SqlState::BAD_COPY_FILE_FORMAT);
    assert!(error.message().ends_with("is not compressed with xz"), "{error:?}");
    assert_eq!(error.detail(), Some("It looks like a file that is compressed with gzip."));
    assert_eq!(count(&mut client, "t"), 0);
}

#[test]
fn what_is_no_part_of_the_stream_is_passed_over_and_told() {
    let (database, _) = session("compression_behind");
    let (mut client, said) = database.connect_listening("postgres");
    for (name, bytes) in compressed(tiny(50).as_bytes()) {
        let behind = b"-- end --\n";
        let path = database.file(&format!("behind.{name}"), [&bytes[..], behind, &bytes, behind].concat());
        let outcome = load(&mut client, &path, "t").expect("a load");
        assert_eq!((outcome.status.as_str(), outcome.rows_loaded), ("loaded", 100), "{name}");
        let told = said.take();
        assert_eq!(told, [format!("WARNING: 20 bytes of file \"{path}\" were passed over")], "{name}");
        client
            .query("SELECT count(*) FROM read_json_file($1)", &[&path])
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(said.take(), told, "{name}");
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        for workers in [0, 2] {
            let options = format!("workers => {workers}, if_loaded => 'force'");
            load_many(&mut client, &path, "t", &options).expect("a call");
            assert_eq!(said.take()[..1], told, "{name} {workers}");
        }
    }
}

#[test]
fn a_stream_that_is_hurt_fails_or_is_salvaged() {
    let (database, _) = session("compression_salvage");
    let (mut client, said) = database.connect_listening("postgres");
    let (one, two) = (uneven(0, 20_000), uneven(50_000, 1000));
    for ((name, first), (_, second)) in compressed(one.as_bytes()).into_iter().zip(compressed(two.as_bytes()))
    {
        for (kind, bytes) in [
            ("cut", first[..first.len() * 3 / 4].to_vec()),
            ("torn", [&first[..first.len() * 3 / 4], &second].concat()),
        ] {
            client.batch_execute("TRUNCATE t").expect("TRUNCATE");
            let path = database.file(&format!("{kind}.{name}"), &bytes);
            assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::BAD_COPY_FILE_FORMAT);
            assert_eq!(count(&mut client, "t"), 0, "{kind} {name}");
            said.take();
            let outcome = load_with(&mut client, &path, "t", "on_corrupt => 'salvage'").expect("a load");
            assert_eq!(outcome.status, "salvaged", "{kind} {name}");
            // All records but those of a block of the format, and none that is made up.
            let rows = |client: &mut postgres::Client, from: i64| {
                let query = format!("t WHERE (data->>'n')::bigint >= {from}");
                count(client, &query)
            };
            let ahead = outcome.rows_loaded - rows(&mut client, 50_000);
            assert!(ahead > 8000 && ahead < 20_000, "{kind} {name}: {ahead}");
            assert_eq!(rows(&mut client, 50_000), if kind == "torn" { 1000 } else { 0 }, "{name}");
            let distinct = "(SELECT DISTINCT data->'n' FROM t WHERE data->>'v' IS NOT NULL) AS d";
            assert_eq!(count(&mut client, distinct), outcome.rows_loaded, "{kind} {name}");
            let told = said.take();
            let hurt = format!("WARNING: compressed stream of file \"{path}\" is damaged");
            assert!(told[0].starts_with(&hurt), "{told:?}");
            // It counts as loaded.
            let again = load_with(&mut client, &path, "t", "on_corrupt => 'salvage'").expect("a skip");
            assert_eq!((again.status.as_str(), again.load_id), ("skipped", outcome.load_id));
            let history = format!(
                "loader.load_history WHERE load_id = {} AND status = 'salvaged' AND finished_at IS NOT NULL",
                outcome.load_id
            );
            assert_eq!(count(&mut client, &history), 1);
            if kind == "cut" && name != "bzip2" {
                let truncated = format!(
                    "loader.rejects WHERE load_id = {} AND error_type = 'TRUNCATED'",
                    outcome.load_id
                );
                assert!(outcome.rows_rejected <= 1, "{name}");
                assert_eq!(count(&mut client, &truncated), outcome.rows_rejected, "{name}");
            }
        }
    }
    // By a call, with workers and without.
    let pattern = database.file("cut.*", "");
    std::fs::remove_file(&pattern).expect("it is there");
    for workers in [0, 2] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        said.take();
        let options = format!("on_corrupt => 'salvage', workers => {workers}");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!((summary.loaded, summary.failed), (5, 0), "{workers}");
        let told = said.take();
        let hurt = |line: &&String| line.starts_with("WARNING: compressed stream of file ");
        assert_eq!(told.iter().filter(hurt).count(), 5, "{told:?}");
        // Workers draw the numbers in any order.
        let first = summary.loads.iter().min().expect("loads");
        let salvaged = format!("loader.load_history WHERE status = 'salvaged' AND load_id >= {first}");
        assert_eq!(count(&mut client, &salvaged), 5, "{workers}");
        let again = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!((again.loaded, again.skipped), (0, 5), "{workers}");
    }
}

#[test]
fn a_salvaged_load_is_undone_and_retried_as_any_other() {
    let (database, mut client) = session("compression_undo");
    client.batch_execute("SELECT seed_json_table('traced', lineage => true)").expect("a table");
    let whole = gzip(uneven(0, 5000).as_bytes());
    let path = database.file("undo.gz", &whole[..whole.len() / 2]);
    let salvage = "on_corrupt => 'salvage'";
    let outcome = load_with(&mut client, &path, "traced", salvage).expect("a load");
    assert_eq!((outcome.status.as_str(), outcome.rows_rejected), ("salvaged", 1));
    // The file is had whole: its records are those that it had, and the rest.
    database.file("undo.gz", &whole);
    let rest = load(&mut client, &path, "traced").expect("a load");
    assert_eq!((rest.status.as_str(), rest.rows_loaded), ("loaded", 5000 - outcome.rows_loaded));
    assert_eq!(count(&mut client, "(SELECT DISTINCT data FROM traced) AS d"), 5000);
    let undone: i64 = client.query_one("SELECT undo_load($1)", &[&outcome.load_id]).expect("an undo").get(0);
    assert_eq!(undone, 5000);
    assert_eq!(count(&mut client, "loader.load_history WHERE status = 'undone'"), 2);
}

#[test]
fn a_window_over_the_limit_names_the_setting() {
    let (database, mut client) = session("compression_window");
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("zstd");
    encoder.window_log(28).expect("a window");
    encoder.write_all(b"{\"a\": 1}\n").expect("zstd");
    let path = database.file("wide.zst", encoder.finish().expect("zstd"));
    let error = load(&mut client, &path, "t").expect_err("a window that is too large");
    let error = error.as_db_error().expect("an error of the server");
    assert_eq!(*error.code(), SqlState::PROGRAM_LIMIT_EXCEEDED);
    assert!(error.message().ends_with("needs a window of 256 MB"), "{error:?}");
    assert_eq!(error.detail(), Some("loader.zstd_window_max allows 128 MB."));
    client.batch_execute("SET loader.zstd_window_max = '256MB'").expect("a setting");
    assert_eq!(load(&mut client, &path, "t").expect("a load").rows_loaded, 1);
    client.batch_execute("CREATE ROLE compression_plain; SET ROLE compression_plain").expect("a role");
    let refused = client.batch_execute("SET loader.zstd_window_max = '1GB'");
    client.batch_execute("RESET ROLE; DROP ROLE compression_plain").expect("no role");
    assert_eq!(sqlstate(refused), SqlState::INSUFFICIENT_PRIVILEGE);
}
