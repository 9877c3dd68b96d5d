//! `read_json_file`: what a load would make of files, without loading them; and
//! nothing of it is left, however it ends.

use crate::helpers::{backend, count, lines, session, table};
use loader_client_tests::{Cluster, Limits, load_with, rss_anon, send_signal, sqlstate, wait_for};
use postgres::Client;
use postgres::error::SqlState;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Threads of a process, the first one counted.
fn tasks(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// Every kind of fault, between good records, over and over.
fn damaged(rounds: usize) -> Vec<u8> {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let large = format!("{{\"fill\": \"{}\"}}", "x".repeat(70_000));
    let mut bytes = Vec::new();
    for n in 0..rounds {
        let record = format!("{{\"n\": {n}, \"name\": \"record {n}\"}}");
        for line in [
            record.as_bytes(),
            b"{\"n\": syntax}",
            record.as_bytes(),
            b"{\"broken\": \"\xff\"}",
            br#"{"nul": "\u0000"}"#,
            record.as_bytes(),
            b"{\"exponent\": 1e1000000}",
            deep.as_bytes(),
            large.as_bytes(),
        ] {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
    }
    bytes.extend_from_slice(b"{\"cut\": ");
    bytes
}

fn texts(client: &mut Client, query: &str) -> Vec<String> {
    client.query(query, &[]).expect("a query").iter().map(|row| row.get(0)).collect()
}

/// The files that `pattern` finds, without their folder. Each has one record.
fn found(client: &mut Client, folder: &str, pattern: &str) -> Result<Vec<String>, postgres::Error> {
    let rows = client.query("SELECT file FROM read_json_file($1 || '/' || $2)", &[&folder, &pattern])?;
    let strip = |file: String| file.strip_prefix(&format!("{folder}/")).expect("in the folder").to_owned();
    Ok(rows.iter().map(|row| strip(row.get(0))).collect())
}

/// Makes files of one record, and the folders above them.
fn tree(cluster: &Cluster, root: &str, files: &[&str]) -> String {
    for file in files {
        let mut folder = cluster.path("files");
        let name = format!("{root}/{file}");
        for part in name.split('/').take(name.split('/').count() - 1) {
            folder.push(part);
            if fs::create_dir(&folder).is_ok() {
                cluster.give(&folder);
            }
        }
        cluster.file(&name, lines(1));
    }
    cluster.path("files").join(root).to_str().expect("UTF-8").to_owned()
}

#[test]
fn reads_what_a_load_would_load() {
    let (database, mut client) = session("read_damage");
    let path = database.file("read_damage", damaged(40));
    client
        .batch_execute(
            "ALTER TABLE t ADD n bigserial; SET loader.max_record_size = '64kB'; SET max_stack_depth = '200kB'",
        )
        .expect("settings");
    let outcome = load_with(&mut client, &path, "t", "").expect("a load");
    let rows = texts(&mut client, "SELECT data::text FROM t ORDER BY n");
    let rejects = texts(
        &mut client,
        "SELECT concat_ws(' ', record_no, line, byte_offset, error_type, message)
         FROM loader.rejects ORDER BY record_no",
    );
    let kinds = texts(&mut client, "SELECT DISTINCT error_type FROM loader.rejects");
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    for threads in [0, 1, 3] {
        client
            .batch_execute(&format!(
                "SET loader.parse_threads = {threads}; DROP TABLE IF EXISTS seen;
                 CREATE TEMP TABLE seen AS SELECT row_number() OVER () AS i, * FROM read_json_file('{path}')"
            ))
            .expect("a reading");
        assert_eq!(
            texts(&mut client, "SELECT data::text FROM seen WHERE error_type IS NULL ORDER BY i"),
            rows
        );
        assert_eq!(
            texts(
                &mut client,
                "SELECT concat_ws(' ', record_no, line, byte_offset, error_type, message)
                 FROM seen WHERE data IS NULL ORDER BY i"
            ),
            rejects
        );
        let other: i64 = client
            .query_one("SELECT count(*) FROM seen WHERE record_no <> i OR file <> $1", &[&path])
            .expect("a query")
            .get(0);
        assert_eq!(other, 0);
    }
    assert_eq!(tasks(backend(&mut client)), 1);
    let history: i64 = count(&mut client, "loader.load_history");
    assert_eq!(history, 1, "reading leaves none");
    let ignored: i64 = client
        .query_one("SELECT count(*) FROM read_json_file($1, on_error => 'ignore')", &[&path])
        .expect("a reading")
        .get(0);
    assert_eq!(ignored, outcome.rows_loaded);
}

#[test]
fn stop_hands_out_what_comes_before() {
    let (database, mut client) = session("read_stop");
    let path = database.file("read_stop", format!("{}nonsense\n{}", lines(3), lines(3)));
    client
        .batch_execute(&format!(
            "BEGIN; DECLARE c CURSOR FOR SELECT (read_json_file('{path}', on_error => 'stop')).record_no"
        ))
        .expect("a cursor");
    assert_eq!(client.query("FETCH 3 FROM c", &[]).expect("rows").len(), 3);
    let error = client.query("FETCH 1 FROM c", &[]).expect_err("the bad one");
    let error = error.as_db_error().expect("the server's");
    assert_eq!(error.code(), &SqlState::INVALID_TEXT_REPRESENTATION);
    assert!(error.detail().is_some_and(|detail| detail.contains("record 4, line 4")), "{error:?}");
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
}

#[test]
fn max_records_stops_the_reading() {
    let (database, mut client) = session("read_max");
    // Whatever reads on to the end fails.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(lines(200_000).as_bytes()).expect("gzip");
    let bytes = encoder.finish().expect("gzip");
    let whole = database.file("read_max_1", lines(10));
    database.file("read_max_2", &bytes[..bytes.len() - 100]);
    let pattern = whole.replace("_1", "_?");
    let mut read = |most: &str| {
        client
            .query_one(
                &format!(
                    "SELECT count(*), max(file) FROM read_json_file('{pattern}', max_records => {most})"
                ),
                &[],
            )
            .map(|row| (row.get::<_, i64>(0), row.get::<_, Option<String>>(1)))
    };
    assert_eq!(read("0").expect("nothing"), (0, None));
    assert_eq!(read("10").expect("the first file"), (10, Some(whole.clone())));
    for most in [11, 1_000, 5_000, 100_000] {
        assert_eq!(read(&most.to_string()).expect("rows").0, most);
    }
    assert_eq!(sqlstate(read("200000")), SqlState::BAD_COPY_FILE_FORMAT);
    assert_eq!(sqlstate(read("NULL")), SqlState::BAD_COPY_FILE_FORMAT);
    assert_eq!(sqlstate(read("-1")), SqlState::INVALID_PARAMETER_VALUE);
    assert_eq!(tasks(backend(&mut client)), 1);
}

#[test]
fn many_files_by_a_pattern() {
    let (database, mut client) = session("read_group");
    let mut path = String::new();
    for file in 0..5 {
        let mut text = String::new();
        for n in 0..100 * (file + 1) {
            writeln!(text, "{{\"event\": \"{}\"}}", ["click", "view"][n % 2]).expect("a string");
        }
        path = database.file(&format!("read_group_{file}.json"), text);
    }
    let pattern = path.replace("_4", "_*");
    let groups = texts(
        &mut client,
        &format!(
            "SELECT concat_ws(' ', data->>'event', count(*), count(DISTINCT file), max(record_no))
             FROM read_json_file('{pattern}') GROUP BY data->>'event' ORDER BY 1"
        ),
    );
    assert_eq!(groups, ["click 750 5 499", "view 750 5 500"]);
    let none = client.query("SELECT * FROM read_json_file($1)", &[&pattern.replace("_*", "_x*")]);
    assert_eq!(sqlstate(none), SqlState::UNDEFINED_FILE);
}

#[test]
fn patterns() {
    let (database, mut client) = session("read_patterns");
    let cluster = database.cluster;
    let folder = tree(
        cluster,
        "read_tree",
        &[
            "b.json",
            "a.json",
            "a-1.json",
            ".hidden.json",
            "a.txt",
            "[x].json",
            "\u{e9}.json",
            "one/a.json",
            "one/b.json",
            "two/a.json",
            "two/deep/a.json",
            "two/deep/er/a.json",
            ".hide/a.json",
            "two/.hide/a.json",
            "folder.json/a.json",
        ],
    );
    let at = |name: &str| format!("{folder}/{name}");
    symlink(at("one"), at("link")).expect("a link to a directory");
    symlink(at("one/a.json"), at("linked.json")).expect("a link to a file");
    symlink(at("nowhere"), at("dangling.json")).expect("a link to nothing");
    symlink(&folder, at("two/loop")).expect("a link to a directory above");
    let mut find = |pattern: &str| found(&mut client, &folder, pattern).expect(pattern);

    let top = ["[x].json", "a-1.json", "a.json", "b.json", "linked.json", "\u{e9}.json"];
    assert_eq!(find("*.json"), top);
    assert_eq!(find("./*.json"), top);
    assert_eq!(find("?.json"), ["a.json", "b.json", "\u{e9}.json"]);
    assert_eq!(find("[!a].json"), ["b.json", "\u{e9}.json"]);
    assert_eq!(find("[[]x].json"), ["[x].json"]);
    assert_eq!(find(".*.json"), [".hidden.json"]);
    assert_eq!(find("*/a.json"), ["folder.json/a.json", "link/a.json", "one/a.json", "two/a.json"]);
    assert_eq!(find("link/*"), ["link/a.json", "link/b.json"]);
    assert_eq!(find("*/deep/a.*"), ["two/deep/a.json"]);
    assert_eq!(find("t*/loop/a.json"), ["two/loop/a.json"]);
    assert_eq!(find(".h*/*"), [".hide/a.json"]);
    let all_a =
        ["a.json", "folder.json/a.json", "one/a.json", "two/a.json", "two/deep/a.json", "two/deep/er/a.json"];
    assert_eq!(find("**/a.json"), all_a);
    assert_eq!(find("**/**/a.js*"), all_a);
    assert_eq!(
        find("**/*/**/a.json"),
        [
            "folder.json/a.json",
            "link/a.json",
            "one/a.json",
            "two/a.json",
            "two/deep/a.json",
            "two/deep/er/a.json",
            "two/loop/a.json",
            "two/loop/folder.json/a.json",
            "two/loop/one/a.json",
            "two/loop/two/a.json",
            "two/loop/two/deep/a.json",
            "two/loop/two/deep/er/a.json"
        ]
    );
    assert_eq!(find("two/**"), ["two/a.json", "two/deep/a.json", "two/deep/er/a.json"]);
    assert_eq!(find("*//deep/**/a.json"), ["two/deep/a.json", "two/deep/er/a.json"]);

    let mut fails = |pattern: &str| sqlstate(found(&mut client, &folder, pattern));
    for pattern in ["[a.json", "a**.json", "***"] {
        assert_eq!(fails(pattern), SqlState::INVALID_PARAMETER_VALUE, "{pattern}");
    }
    for pattern in ["*.xml", "nowhere/*", "a.json/*", "dangling*", "*/nowhere.json", "nowhere.json"] {
        assert_eq!(fails(pattern), SqlState::UNDEFINED_FILE, "{pattern}");
    }
    let relative = client.query("SELECT * FROM read_json_file('*.json')", &[]);
    assert_eq!(sqlstate(relative), SqlState::INVALID_PARAMETER_VALUE);
}

#[test]
fn patterns_in_directories_that_are_closed() {
    let (database, mut client) = session("read_closed");
    let folder = tree(database.cluster, "read_closed", &["open/a.json", "closed/a.json"]);
    let closed = format!("{folder}/closed");
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).expect("permissions");
    assert_eq!(found(&mut client, &folder, "*/*").expect("a reading"), ["open/a.json"]);
    assert_eq!(found(&mut client, &folder, "**/a.json").expect("a reading"), ["open/a.json"]);
    assert_eq!(sqlstate(found(&mut client, &folder, "closed/*")), SqlState::INSUFFICIENT_PRIVILEGE);
    // So that it can be removed.
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("permissions");
}

#[test]
fn patterns_stay_in_the_allowed_directories() {
    let (database, mut client) = session("read_allowed");
    let cluster = database.cluster;
    let folder =
        tree(cluster, "read_allowed", &["in/a.json", "in/deep/b.json", "out/c.json", "out/in/d.json"]);
    let at = |name: &str| format!("{folder}/{name}");
    symlink(at("out"), at("in/link")).expect("a link");
    symlink(at("out/c.json"), at("in/c.json")).expect("a link");
    symlink(at("in"), at("out/back")).expect("a link");
    client.batch_execute(&format!("SET loader.allowed_directories = '{}'", at("in"))).expect("the setting");
    let mut find = |pattern: &str| found(&mut client, &folder, pattern);
    for (pattern, files) in [
        ("in/*", &["in/a.json"][..]),
        ("in/**", &["in/a.json", "in/deep/b.json"]),
        ("in/*/*", &["in/deep/b.json"]),
        ("out/back/*", &["out/back/a.json"]),
        ("in/../in/d*/*", &["in/../in/deep/b.json"]),
    ] {
        assert_eq!(find(pattern).expect(pattern), files, "{pattern}");
    }
    // What is outside does not show, be it there or not.
    for pattern in
        ["*", "*/a.json", "**/a.json", "out/*", "nowhere/*", "in/link/*", "in/../out/*", "in/c.json"]
    {
        assert_eq!(sqlstate(find(pattern)), SqlState::INSUFFICIENT_PRIVILEGE, "{pattern}");
    }
    for pattern in ["in/*/c.json", "in/*/in/*", "in/*/nowhere.json", "in/c*", "in/nowhere/*"] {
        assert_eq!(sqlstate(find(pattern)), SqlState::UNDEFINED_FILE, "{pattern}");
    }
}

#[test]
fn a_walk_is_cancelled() {
    let (database, mut client) = session("read_walk");
    let folder = tree(database.cluster, "read_walk", &[&format!("{}a.json", "d/".repeat(40))]);
    // There are 40 over 8 ways to go.
    client.batch_execute("SET statement_timeout = '200ms'").expect("the setting");
    let pattern = format!("{}nowhere", "**/*/".repeat(8));
    assert_eq!(sqlstate(found(&mut client, &folder, &pattern)), SqlState::QUERY_CANCELED);
    assert_eq!(found(&mut client, &folder, "**/a.json").expect("a reading").len(), 1);
}

#[test]
fn a_name_that_is_not_text() {
    let (database, mut client) = session("read_names");
    let folder = tree(database.cluster, "read_names", &["plain.json"]);
    let odd = Path::new(&folder).join(OsStr::from_bytes(b"caf\xe9.json"));
    fs::write(&odd, lines(1)).expect("a file");
    database.cluster.give(&odd);
    assert_eq!(found(&mut client, &folder, "*.json").expect("a reading"), ["caf\\xE9.json", "plain.json"]);
    // In LATIN1 it is, and so it is as a pattern.
    let latin = database.cluster.database_with("read_names_latin1", "LATIN1");
    let names = found(&mut latin.connect(), &folder, "caf\u{e9}.js*");
    assert_eq!(names.expect("a reading"), ["caf\u{e9}.json"]);
}

#[test]
fn nothing_is_left_of_what_is_not_read_to_its_end() {
    let (database, mut client) = session("read_early");
    client.batch_execute("SET loader.parse_threads = 3").expect("the setting");
    // More than what threads may make in advance: they are there until all is read.
    let path = database.file("read_early", lines(300_000));
    let pid = backend(&mut client);
    let files = database.cluster.open_files(pid);
    let gone = |client: &mut Client, what: &str| {
        let contexts = count(client, "pg_backend_memory_contexts WHERE name LIKE 'loader%'");
        assert_eq!(contexts, 0, "{what}");
        assert_eq!(tasks(pid), 1, "{what}");
        assert_eq!(database.cluster.open_files(pid), files, "{what}");
    };
    let limited = format!("SELECT (read_json_file('{path}')).record_no LIMIT 5");
    for _ in 0..20 {
        assert_eq!(client.query(&limited, &[]).expect("rows").len(), 5);
    }
    gone(&mut client, "LIMIT");

    client
        .batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR SELECT (read_json_file('{path}')).record_no"))
        .expect("a cursor");
    client.query("FETCH 5000 FROM c", &[]).expect("rows");
    assert!(tasks(pid) > 1);
    assert!(database.cluster.open_files(pid).contains(&path));
    client.batch_execute("CLOSE c").expect("CLOSE");
    gone(&mut client, "CLOSE");
    client.batch_execute("COMMIT").expect("COMMIT");

    let failing = format!("SELECT 1 / (50 - (read_json_file('{path}')).record_no)");
    assert_eq!(sqlstate(client.query(&failing, &[])), SqlState::DIVISION_BY_ZERO);
    gone(&mut client, "an error elsewhere");

    client
        .batch_execute(&format!(
            "DO $$ DECLARE n bigint; BEGIN
               FOR i IN 1..10 LOOP
                 BEGIN
                   FOR n IN SELECT (read_json_file('{path}')).record_no LOOP
                     IF n = 6000 THEN RAISE division_by_zero; END IF;
                   END LOOP;
                 EXCEPTION WHEN division_by_zero THEN NULL;
                 END;
               END LOOP;
               FOR n IN SELECT (read_json_file('{path}')).record_no LOOP EXIT WHEN n = 3; END LOOP;
             END $$"
        ))
        .expect("a block");
    gone(&mut client, "exceptions");

    // A cursor lives on when a subtransaction in which it was used is rolled back.
    client
        .batch_execute(&format!(
            "BEGIN; DECLARE c CURSOR FOR SELECT (read_json_file('{path}')).record_no; FETCH 10 FROM c;
             SAVEPOINT s; FETCH 6000 FROM c; ROLLBACK TO s"
        ))
        .expect("a cursor");
    let next = client.query_one("FETCH 1 FROM c", &[]).expect("the next row");
    assert_eq!(next.get::<_, i64>(0), 6011);
    client
        .batch_execute(&format!(
            "SAVEPOINT s; DECLARE d CURSOR FOR SELECT (read_json_file('{path}')).record_no; FETCH 10 FROM d;
             ROLLBACK TO s"
        ))
        .expect("a cursor that goes");
    let last: i64 = client.query("FETCH ALL FROM c", &[]).expect("rows").last().expect("a row").get(0);
    assert_eq!(last, 300_000);
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
    gone(&mut client, "cursors and savepoints");
}

#[test]
fn a_cancel_request_and_the_end_of_the_session() {
    let cluster = Cluster::start(&["loader.parse_threads = 3"], Limits::default());
    let database = cluster.database("read_end");
    let path = database.file("read_end", lines(200_000));
    let mut client = database.connect();
    client.batch_execute("SET statement_timeout = '100ms'").expect("the setting");
    let slow = format!("SELECT pg_sleep(0.01) FROM (SELECT (read_json_file('{path}')).record_no) AS r");
    assert_eq!(sqlstate(client.query(&slow, &[])), SqlState::QUERY_CANCELED);
    assert_eq!(tasks(backend(&mut client)), 1);
    client.batch_execute("RESET statement_timeout").expect("the setting");

    let pid = backend(&mut client);
    client
        .batch_execute(&format!(
            "BEGIN; DECLARE c CURSOR FOR SELECT (read_json_file('{path}')).record_no; FETCH 10 FROM c"
        ))
        .expect("a cursor");
    assert!(tasks(pid) > 1);
    send_signal(pid, libc::SIGTERM);
    wait_for("the backend to end", || tasks(pid) == 0);
    let mut other = database.connect();
    other
        .batch_execute(&format!(
            "BEGIN; DECLARE c CURSOR FOR SELECT (read_json_file('{path}')).record_no; FETCH 10 FROM c"
        ))
        .expect("a cursor");
    let pid = backend(&mut other);
    drop(other);
    wait_for("the backend to end", || tasks(pid) == 0);
    assert!(!cluster.log().contains("PANIC") && !cluster.log().contains("signal 11"), "{}", cluster.log());
}

#[test]
fn every_encoding_reads_as_it_loads() {
    let records: &[&[u8]] = &[
        b"{\"plain\": \"ascii\"}",
        "{\"latin\": \"caf\u{e9}\"}".as_bytes(),
        "{\"kanji\": \"\u{65e5}\u{672c}\"}".as_bytes(),
        br#"{"escaped": "\u00e9"}"#,
        br#"{"escaped": "\u65e5"}"#,
        b"{\"broken\": \"\xff\"}",
        b"{\"last\": true}",
    ];
    for encoding in ["LATIN1", "EUC_JP", "SQL_ASCII"] {
        let name = format!("read_{}", encoding.to_lowercase());
        let database = Cluster::shared().database_with(&name, encoding);
        let mut client = database.connect();
        table(&mut client, "t");
        let text = [records.join(&b'\n'), vec![b'\n']].concat().repeat(3_000);
        let path = database.file(&name, text);
        load_with(&mut client, &path, "t", "").expect("a load");
        let same: bool = client
            .query_one(
                "SELECT (SELECT md5(string_agg(data::text, ' ' ORDER BY ctid)) FROM t)
                        = md5(string_agg(data::text, ' ' ORDER BY record_no))
                    AND (SELECT array_agg(record_no || error_type || message ORDER BY record_no) FROM loader.rejects)
                        = array_agg(record_no || error_type || message ORDER BY record_no)
                          FILTER (WHERE data IS NULL)
                 FROM read_json_file($1)",
                &[&path],
            )
            .expect("a reading")
            .get(0);
        assert!(same, "{encoding}");
    }
}

#[test]
fn reading_is_for_those_who_may_read_files() {
    let (database, mut client) = session("read_rights");
    let path = database.file("read_rights", lines(3));
    client
        .batch_execute(
            "CREATE ROLE read_nobody; CREATE ROLE read_granted; CREATE ROLE read_member;
             GRANT EXECUTE ON FUNCTION read_json_file TO read_granted;
             GRANT pg_read_server_files TO read_member",
        )
        .expect("roles");
    for (role, allowed) in [("read_nobody", false), ("read_granted", false), ("read_member", true)] {
        client.batch_execute(&format!("SET ROLE {role}")).expect("SET ROLE");
        for path in [path.as_str(), "/nowhere/*", "relative"] {
            let result = client.query("SELECT * FROM read_json_file($1)", &[&path]);
            match result {
                Ok(rows) => assert!(allowed && rows.len() == 3, "{role}"),
                Err(error) => assert_eq!(
                    error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                    !allowed,
                    "{role}: {error:?}"
                ),
            }
        }
        client.batch_execute("RESET ROLE").expect("RESET ROLE");
    }
}

#[test]
fn memory_does_not_grow_with_what_is_read() {
    const MEGABYTE: u64 = 1 << 20;
    let (database, mut client) = session("read_memory");
    client.batch_execute("SET loader.verify = off").expect("the setting");
    let block = lines(10_000);
    let times = 200 * MEGABYTE as usize / block.len();
    let path = database.large_file("read_memory", "", &block, times, "");
    let read = |client: &mut Client, most: i64| {
        let query =
            format!("SELECT count(*) FROM (SELECT (read_json_file('{path}')).byte_offset LIMIT {most}) AS r");
        client.query_one(&query, &[]).expect("a reading").get::<_, i64>(0)
    };
    read(&mut client, 1_000);
    let pid = backend(&mut client);
    let before = rss_anon(pid);
    assert_eq!(read(&mut client, 2_000_000), 2_000_000);
    let most = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let most = most.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM").to_owned();
    let kilobytes: u64 = most.split_whitespace().nth(1).expect("a figure").parse().expect("a number");
    println!("{} kB before, {most}", before / 1024);
    assert!(kilobytes * 1024 < 160 * MEGABYTE, "{most}");
    assert!(rss_anon(pid) < before + 32 * MEGABYTE);
}
