//! What a call of `load_json_files` does: the same as one `load_json_file` for each
//! file, whatever the number of workers; what it says, skips, and leaves of files
//! that fail.

use crate::helpers::{
    Barrier, Gate, append, backend, count, counts, damaged, figure, files, gzip, insist, lines, session,
    table, tiny, traced,
};
use loader_client_tests::{last_call, left, load, load_many, load_with, message, wait_for};
use loader_damage::framing::Framing;
use loader_damage::suite::{self, Choice};
use postgres::Client;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Loads each file with `load_json_file` into the table.
fn one_by_one(client: &mut Client, pattern: &str, table: &str) {
    let folder = Path::new(pattern).parent().expect("a folder");
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        load(client, path.to_str().expect("UTF-8"), table).expect("a load");
    }
}

/// The states of the history, each with its file, in the order of the loads.
fn history(client: &mut Client) -> Vec<String> {
    client
        .query(
            "SELECT concat_ws(' ', regexp_replace(file_path, '^.*/', ''), status, rows_loaded, error_sqlstate)
             FROM loader.load_history ORDER BY load_id",
            &[],
        )
        .expect("the history")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// What went wrong, for the output of a test that fails.
fn print_errors(client: &mut Client) {
    let query = "SELECT file_path, stream_bytes, error_sqlstate, error_message FROM loader.load_history
                 WHERE error_message IS NOT NULL";
    for row in client.query(query, &[]).expect("the history") {
        let (path, bytes): (&str, i64) = (row.get(0), row.get(1));
        let (code, message): (&str, &str) = (row.get(2), row.get(3));
        println!("{path} at {bytes}: {code}: {message}");
    }
}

#[test]
fn ranges_of_damage_are_what_one_load_makes() {
    let (database, mut client) = session("many_ranges");
    client
        .batch_execute(
            "ALTER TABLE t ADD _load_id bigint, ADD _byte_offset bigint, ADD pid int DEFAULT pg_backend_pid()",
        )
        .expect("columns");
    let framings = [
        (Framing::Lines, "lines"),
        (Framing::LinesCrlf, "crlf"),
        (Framing::OpenArrayOwnLine, "open"),
        (Framing::CommaLines, "commas"),
        (Framing::CommaFirstLines, "first"),
    ];
    let mut barrier = Barrier::close(&database, "t");
    for (n, (framing, name)) in framings.into_iter().enumerate() {
        let pattern =
            files(&database, &format!("many_ranges_{name}"), &[(name, damaged(framing, 7, 700_000))]);
        let reference = format!("reference_{name}");
        traced(&mut client, &reference);
        one_by_one(&mut client, &pattern, &reference);
        let wanted = left(&mut client, &reference);
        assert!(wanted.rejects.len() > 30, "{name}: {} rejects", wanted.rejects.len());
        let crews = [(2, "3kB"), (3, "7kB"), (5, "3kB"), (2, "64MB"), (1, "3kB"), (0, "3kB"), (3, "3kB")];
        for (workers, size) in crews.into_iter().skip(n % 2).step_by(if n == 0 { 1 } else { 2 }) {
            client
                .batch_execute(&format!("TRUNCATE t; SET loader.transaction_size = '{size}'"))
                .expect("a fresh start");
            let what = format!("{name}, {workers} workers, {size}");
            let summary = thread::scope(|scope| {
                let call = scope.spawn(|| {
                    load_many(&mut client, &pattern, "t", &format!("workers => {workers}, chunk => 500"))
                });
                if workers > 1 {
                    barrier.wait_for_idle(workers - 1);
                } else {
                    barrier.wait_for_waiters(1);
                }
                barrier.open();
                call.join().expect("a session").expect("a call")
            });
            barrier.close_again();
            left(&mut client, "t").assert_same(&wanted, &what);
            let pids = count(&mut client, "(SELECT DISTINCT pid FROM t) AS p");
            assert_eq!(pids > 1, workers > 1 && size != "64MB", "{what}: {pids} processes");
            assert_eq!(summary.rejects as usize, wanted.rejects.len(), "{what}");
            assert_eq!(summary.rows, count(&mut client, "t"), "{what}");
            let undone = "SELECT undo_load(load_id) FROM loader.load_history
                          WHERE target_oid = 't'::regclass AND status = 'loaded'";
            assert_eq!(figure(&mut client, undone), summary.rows, "{what}");
            let nothing = left(&mut client, "t");
            assert!(nothing.rows.is_empty() && nothing.rejects.is_empty(), "{what}: {nothing:?}");
            let of_undone =
                "loader.rejects r JOIN loader.load_history h USING (load_id) WHERE h.status = 'undone'";
            assert_eq!(count(&mut client, of_undone), 0, "{what}");
        }
    }
}

#[test]
fn files_of_every_kind_are_what_one_load_makes() {
    let (database, mut client) = session("many_kinds");
    table(&mut client, "reference");
    let mut all = Vec::new();
    for (n, file) in suite::long(Choice { seed: 11, one_in: 5 }).enumerate() {
        let name = format!("{n}-{}", file.framing.name());
        match n % 3 {
            0 => all.push((format!("{name}.json"), file.bytes)),
            1 => all.push((format!("{name}.gz"), gzip(&file.bytes))),
            _ => all.push((format!("{name}.zst"), zstd::encode_all(&file.bytes[..], 1).expect("zstd"))),
        }
    }
    for (n, file) in suite::plain(Choice { seed: 12, one_in: 12 }).enumerate() {
        all.push((format!("{n}-small-{}.json", file.framing.name()), file.bytes));
    }
    assert!(all.len() > 40, "{}", all.len());
    let all: Vec<(&str, &[u8])> = all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let pattern = files(&database, "many_kinds", &all);
    one_by_one(&mut client, &pattern, "reference");
    let wanted = left(&mut client, "reference");
    for (workers, size) in [(0, "1kB"), (1, "7kB"), (2, "1kB"), (5, "7kB"), (3, "64MB")] {
        client
            .batch_execute(&format!("TRUNCATE t; SET loader.transaction_size = '{size}'"))
            .expect("a fresh start");
        let summary =
            load_many(&mut client, &pattern, "t", &format!("workers => {workers}")).expect("a call");
        assert_eq!((summary.files, summary.loaded), (all.len() as i64, all.len() as i64), "{workers}");
        left(&mut client, "t").assert_same(&wanted, &format!("{workers} workers, {size}"));
    }
}

#[test]
fn records_inside_of_a_document_in_parts() {
    let (database, mut client) = session("many_document");
    table(&mut client, "reference");
    let records = tiny(20_000).trim_end().replace('\n', ",\n");
    let document =
        format!("{{\"made\": \"elsewhere\",\n \"data\": {{\"items\": [{records}]}}, \"end\": 1}}\n");
    let pattern = files(&database, "many_document", &[("a.json", document)]);
    let option = "records_path => '$.data.items'";
    load_with(&mut client, &pattern.replace('*', "a.json"), "reference", option).expect("a load");
    let wanted = left(&mut client, "reference");
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    for workers in [0, 2] {
        let summary = load_many(&mut client, &pattern, "t", &format!("workers => {workers}, {option}"));
        print_errors(&mut client);
        assert_eq!(counts(&summary.expect("a call"))[..5], [1, 1, 0, 0, 20_000], "{workers} workers");
        left(&mut client, "t").assert_same(&wanted, &format!("{workers} workers"));
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    }
}

#[test]
fn while_the_session_loads_by_itself() {
    let (database, mut client) = session("many_progress");
    let files = files(&database, "many_progress", &[("a", tiny(10)), ("b", tiny(20_000))]);
    let size = ["a", "b"].iter().map(|name| fs::metadata(files.replace('*', name)).expect("a file").len());
    let size = size.sum::<u64>() as i64;
    let mut gate = Gate::close(&database, "t", 9_000);
    let mut watcher = database.connect();
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    let pid = backend(&mut client);
    let rows = thread::scope(|scope| {
        let call = scope.spawn(|| load_many(&mut client, &files, "t", "workers => 0"));
        gate.wait_for_waiters(1);
        let rows = watcher.query(
            "SELECT pid, bytes_total, rows_loaded, bytes_processed > 0, target_oid = 't'::regclass,
                    num_nulls(leader_pid, load_id, file_path)
             FROM loader.progress",
            &[],
        );
        gate.open();
        assert_eq!(call.join().expect("a session").expect("a call").rows, 20_010);
        rows.expect("progress")
    });
    let found: Vec<(i32, i64, i64, bool, bool, i32)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4), row.get(5)))
        .collect();
    // The call as a whole: what is committed of all files.
    assert_eq!(found, [(pid, size, 10 + 2 * 4096, true, true, 3)]);
    assert_eq!(count(&mut watcher, "loader.progress"), 0);
}

#[test]
fn an_estimate_beyond_all_bounds() {
    let (database, mut client) = session("many_eta");
    let pattern = files(&database, "many_eta", &[("a", "1\n"), ("b", "23\n")]);
    let large = pattern.replace('*', "b");
    client.batch_execute("BEGIN").expect("BEGIN");
    load(&mut client, &large, "t").expect("a load");
    // Claimed to the end of that transaction: nobody reads what it pretends to hold.
    File::options().write(true).open(&large).and_then(|file| file.set_len(1 << 38)).expect("a sparse file");
    let mut watcher = database.connect();
    let (mut caller, said) = database.connect_listening("postgres");
    let pid = backend(&mut caller);
    let call = thread::spawn(move || load_many(&mut caller, &pattern, "t", "workers => 1").map(|_| ()));
    let row =
        format!("SELECT bytes_total, eta IS NULL FROM loader.progress WHERE pid = {pid} AND rows_loaded = 1");
    wait_for("the first file", || watcher.query_opt(&row, &[]).expect("progress").is_some());
    // At two bytes in so many seconds.
    thread::sleep(Duration::from_secs(1));
    let row = watcher.query_one(&row, &[]).expect("progress");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), ((1 << 38) + 2, true));
    let mut notices = Vec::new();
    wait_for("a word on how far it is", || {
        // Before that it says who has the file.
        notices
            .extend(said.take().into_iter().filter(|line| line.starts_with("NOTICE: loading into table ")));
        !notices.is_empty()
    });
    assert!(notices[0].ends_with(" MB/s"), "{notices:?}");
    watcher.execute("SELECT pg_cancel_backend($1)", &[&pid]).expect("a cancel");
    assert!(message(call.join().expect("the call")).starts_with("57014"));
}

#[test]
fn only_where_it_can_commit() {
    let (database, mut client) = session("many_commit");
    let pattern = files(&database, "many_commit", &[("a", lines(3))]);
    let refused = "25001: load_json_files cannot run inside a transaction block";
    let call = format!("CALL load_json_files('{pattern}', 't')");
    client.batch_execute("BEGIN").expect("BEGIN");
    assert_eq!(message(client.batch_execute(&call)), refused);
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
    client.batch_execute("BEGIN").expect("BEGIN");
    assert_eq!(message(client.batch_execute(&format!("DO $$ BEGIN EXECUTE $c${call}$c$; END $$"))), refused);
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
    client
        .batch_execute(&format!(
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$
             BEGIN EXECUTE $c${call}$c$; END $f$;
             CREATE PROCEDURE p(INOUT rows bigint DEFAULT NULL) LANGUAGE plpgsql AS $f$
             BEGIN CALL load_json_files('{pattern}', 't'); SELECT rows_loaded INTO rows FROM loader.last_call; END $f$;
             CREATE PROCEDURE definer() LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN {call}; END $f$;
             CREATE PROCEDURE set() LANGUAGE plpgsql SET work_mem = '4MB' AS $f$ BEGIN {call}; END $f$"
        ))
        .expect("a function and procedures");
    for caller in
        ["SELECT f()", "CALL definer()", "CALL set()", &format!("DO $$ BEGIN EXECUTE $c${call}$c$; END $$")]
    {
        let error = client.batch_execute(caller).expect_err(caller);
        let error = error.as_db_error().expect("the server's");
        assert_eq!(error.code().code(), "25001", "{caller}");
        assert_eq!(error.message(), "load_json_files cannot commit where it was called", "{caller}");
        let hint = error.hint().expect("a hint");
        assert!(
            ["EXECUTE", "SECURITY DEFINER", "SET clause"].iter().all(|word| hint.contains(word)),
            "{hint}"
        );
    }
    // Several statements that are sent at once are one transaction.
    assert_eq!(message(client.batch_execute(&format!("SELECT 1; {call}"))), refused);
    assert_eq!(count(&mut client, "t"), 0);
    client.batch_execute(&format!("DO $$ BEGIN {call}; END $$; ")).expect("a DO block");
    client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    let rows: i64 = client.query_one("CALL p()", &[]).expect("a procedure").get(0);
    assert_eq!((rows, count(&mut client, "t")), (3, 3));
    client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    client
        .batch_execute(
            "DO $$ DECLARE n bigint; BEGIN CALL p(n); INSERT INTO t VALUES ('1'); CALL p(n); END $$",
        )
        .expect("a DO block");
    assert_eq!(count(&mut client, "t"), 4);
    // The session's next transaction is as it should be.
    client.batch_execute("BEGIN; INSERT INTO t VALUES ('1'); ROLLBACK").expect("a transaction");
    assert_eq!(count(&mut client, "t"), 4);
}

#[test]
fn the_caller_s_transaction_keeps_its_isolation() {
    let (database, mut client) = session("many_isolation");
    let pattern = files(&database, "many_isolation", &[("a", lines(3))]);
    client
        .batch_execute(&format!(
            "SET default_transaction_isolation = 'repeatable read';
             CREATE TABLE seen (level text);
             CREATE PROCEDURE one() LANGUAGE plpgsql AS $$
             BEGIN CALL load_json_files('{pattern}', 't'); END $$;
             CREATE PROCEDURE guarded() LANGUAGE plpgsql AS $$
             BEGIN
                 BEGIN CALL one(); EXCEPTION WHEN OTHERS THEN INSERT INTO seen VALUES (SQLSTATE); END;
                 INSERT INTO seen VALUES (current_setting('transaction_isolation'));
             END $$"
        ))
        .expect("a procedure");
    client.batch_execute("CALL guarded()").expect("a call");
    let seen = |client: &mut Client| -> Vec<String> {
        client.query("SELECT level FROM seen", &[]).expect("rows").iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(seen(&mut client), ["25001", "repeatable read"]);
    // Where it can, it begins its own, and what was done before is committed.
    client.batch_execute("TRUNCATE seen").expect("TRUNCATE");
    client
        .batch_execute(
            "DO $$ BEGIN INSERT INTO seen VALUES ('before'); CALL one();
                 INSERT INTO seen VALUES (current_setting('transaction_isolation')); END $$",
        )
        .expect("a DO block");
    assert_eq!(seen(&mut client), ["before", "repeatable read"]);
    assert_eq!(count(&mut client, "t"), 3);
}

#[test]
fn from_a_loop_of_a_procedure() {
    let (database, mut client) = session("many_loop");
    let pattern = files(&database, "many_loop", &[("a", tiny(9000)), ("b", lines(4)), ("c", lines(5))]);
    client
        .batch_execute(&format!(
            "CREATE TABLE todo AS SELECT replace('{pattern}', '*', name) AS path FROM unnest('{{a,b,c}}'::text[]) AS name;
             CREATE PROCEDURE one(path text, INOUT rows bigint) LANGUAGE plpgsql AS $$
             BEGIN
                 CALL load_json_files(path, 't', workers => 1);
                 SELECT rows_loaded INTO rows FROM loader.last_call;
             END $$;
             CREATE PROCEDURE all_of_them(INOUT rows bigint DEFAULT 0) LANGUAGE plpgsql AS $$
             DECLARE file record; n bigint;
             BEGIN FOR file IN SELECT path FROM todo ORDER BY 1 LOOP CALL one(file.path, n); rows := rows + n; END LOOP; END $$;
             CREATE PROCEDURE guarded() LANGUAGE plpgsql AS $$
             DECLARE n bigint;
             BEGIN CALL one('{pattern}', n); EXCEPTION WHEN division_by_zero THEN NULL; END $$;
             SET loader.transaction_size = '1kB'; SET default_transaction_isolation = serializable"
        ))
        .expect("procedures");
    // A block with an exception handler is a subtransaction: nothing can be committed in it.
    let error = message(client.batch_execute("CALL guarded()"));
    assert_eq!(error, "25001: load_json_files cannot run inside a subtransaction");
    assert_eq!(count(&mut client, "t"), 0);
    let rows: i64 = client.query_one("CALL all_of_them()", &[]).expect("a loop").get(0);
    assert_eq!((rows, count(&mut client, "t")), (9009, 9009));
    client.batch_execute("SET default_transaction_read_only = on").expect("the setting");
    assert!(message(load_many(&mut client, &pattern, "t", "")).starts_with("25006"));
}

#[test]
fn a_pattern_that_matches_nothing() {
    let (database, _client) = session("many_nothing");
    let (mut client, said) = database.connect_listening("postgres");
    let pattern = files::<&str>(&database, "many_nothing", &[]);
    let summary = load_many(&mut client, &pattern, "t", "").expect("a call");
    assert_eq!(counts(&summary), [0; 6]);
    assert_eq!(summary.rate, None);
    let said = said.results();
    assert_eq!(said[0], format!("WARNING: no file matches \"{pattern}\""));
    assert!(said[1].starts_with("NOTICE: 0 files: 0 loaded, 0 skipped, 0 failed; 0 rows"), "{said:?}");
    // One that names no pattern is a file that is missing.
    let path = pattern.replace('*', "nowhere");
    let summary = load_many(&mut client, &path, "t", "").expect("a call");
    assert_eq!(counts(&summary), [1, 0, 0, 1, 0, 0]);
    assert_eq!(history(&mut client), ["nowhere failed 0 58P01"]);
    for (pattern, code) in [("relative/*", "22023"), ("/tmp/[", "22023")] {
        let error = message(load_many(&mut client, pattern, "t", ""));
        assert!(error.starts_with(code), "{error}");
    }
    for options in
        ["workers => -1", "workers => 65", "chunk => 0", "on_file_error => 'nonsense'", "format => 'x'"]
    {
        let error = message(load_many(&mut client, &pattern, "t", options));
        assert!(error.starts_with("22023"), "{error}");
    }
    let error = message(load_many(&mut client, &pattern, "t", "pattern => NULL"));
    assert!(!error.is_empty());
}

#[test]
fn small_files_share_a_transaction() {
    let (database, mut client) = session("many_share");
    client.batch_execute("ALTER TABLE t ADD xact xid8 DEFAULT pg_current_xact_id()").expect("a column");
    let all: Vec<(String, String)> =
        (0..60).map(|n| (format!("{n:02}"), format!("{{\"file\": {n}}}\n"))).collect();
    let all: Vec<(&str, &String)> = all.iter().map(|(name, text)| (name.as_str(), text)).collect();
    let pattern = files(&database, "many_share", &all);
    for workers in [0, 2] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let summary =
            load_many(&mut client, &pattern, "t", &format!("workers => {workers}")).expect("a call");
        assert_eq!(counts(&summary), [60, 60, 0, 0, 60, 0]);
        // Two, but for a machine that is so slow that half a second is over before.
        let transactions = count(&mut client, "(SELECT DISTINCT xact FROM t) AS x");
        println!("{workers} workers: {transactions} transactions");
        assert!(transactions < 30, "{workers} workers: {transactions} transactions");
    }
}

#[test]
fn the_order_of_files_is_that_of_their_names() {
    let (database, mut client) = session("many_order");
    let cluster = database.cluster;
    for folder in ["many_order", "many_order/2019", "many_order/2019/b", "many_order/2020"] {
        cluster.folder(folder);
    }
    for (n, name) in
        ["2020/a.json", "2019/z.json", "2019/b/1.json", "x.json", "2019/.hidden.json"].iter().enumerate()
    {
        cluster.file(&format!("many_order/{name}"), format!("{{\"n\": {n}}}\n"));
    }
    let pattern = format!("{}/**/*.json", cluster.path("files/many_order").display());
    load_many(&mut client, &pattern, "t", "workers => 0").expect("a call");
    let order: Vec<String> = client
        .query("SELECT data->>'n' FROM t ORDER BY ctid", &[])
        .expect("rows")
        .iter()
        .map(|r| r.get(0))
        .collect();
    assert_eq!(order, ["2", "1", "0", "3"]);
}

#[test]
fn a_file_that_fails_does_not_stop_the_others() {
    let (database, mut admin) = session("many_fails");
    let bytes = tiny(150_000);
    let mut corrupt = gzip(bytes.as_bytes());
    let middle = corrupt.len() / 2;
    corrupt[middle..].fill(0x55);
    let pattern = files(
        &database,
        "many_fails",
        &[
            ("a", lines(10).into_bytes()),
            ("b_unreadable", lines(11).into_bytes()),
            ("c_corrupt.gz", corrupt),
            ("d_rejects", format!("{}{{\n{{\n{{\n", tiny(9_000)).into_bytes()),
            ("e_zip", b"PK\x03\x04".to_vec()),
            ("f_constraint", lines(20).into_bytes()),
            ("g", lines(12).into_bytes()),
        ],
    );
    let unreadable = pattern.replace('*', "b_unreadable");
    fs::set_permissions(&unreadable, Permissions::from_mode(0o000)).expect("chmod");
    insist(&mut admin, "t", "data->>'n' <> '19' OR NOT data ? 'name'");
    for workers in [0, 3] {
        let (mut client, said) = database.connect_listening("postgres");
        client.batch_execute("TRUNCATE t; SET loader.transaction_size = '1kB'").expect("a fresh start");
        // What is loaded of a file that fails is not worth mentioning where it is
        // in an empty table: the next call begins from the start.
        client
            .batch_execute("DELETE FROM loader.load_history_data; DELETE FROM loader.rejects_data")
            .expect("DELETE");
        let options = format!("workers => {workers}, reject_limit => 2");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!((summary.files, summary.loaded, summary.failed), (7, 2, 5), "{:?}", history(&mut client));
        assert_eq!(summary.rows, count(&mut client, "t"));
        print_errors(&mut client);
        let said = said.results();
        assert_eq!(said.iter().filter(|line| line.starts_with("WARNING: file \"")).count(), 5, "{said:?}");
        assert!(said.iter().any(|line| line.contains("c_corrupt.gz\" failed")), "{said:?}");

        let rows = client
            .query(
                "SELECT regexp_replace(file_path, '^.*/', ''), status, rows_loaded, error_sqlstate, error_message,
                        stream_bytes, finished_at IS NOT NULL
                 FROM loader.load_history ORDER BY 1",
                &[],
            )
            .expect("the history");
        let codes: Vec<Option<&str>> = rows.iter().map(|row| row.get(3)).collect();
        let wanted = [None, Some("42501"), Some("22P04"), Some("22P04"), Some("22P04"), Some("55000"), None];
        assert_eq!(codes, wanted);
        for (row, code) in rows.iter().zip(wanted) {
            assert_eq!(row.get::<_, &str>(1), if code.is_some() { "failed" } else { "loaded" });
            assert!(row.get::<_, bool>(6));
        }
        // What was committed of them is there.
        assert!(rows[2].get::<_, i64>(2) > 0 && rows[2].get::<_, i64>(5) > 0);
        assert!(rows[3].get::<_, i64>(2) >= 8192);
        let sum: i64 = client
            .query_one("SELECT sum(rows_loaded)::bigint FROM loader.load_history", &[])
            .expect("a sum")
            .get(0);
        assert_eq!(sum, count(&mut client, "t"));

        // Again, with what was wrong put right: only the rest is loaded.
        fs::set_permissions(&unreadable, Permissions::from_mode(0o644)).expect("chmod");
        let again = load_many(&mut client, &pattern, "t", &format!("workers => {workers}")).expect("a call");
        assert_eq!((again.loaded, again.skipped, again.failed), (2, 2, 3), "{:?}", history(&mut client));
        fs::set_permissions(&unreadable, Permissions::from_mode(0o000)).expect("chmod");
        assert_eq!(count(&mut client, "loader.rejects"), 3);
        let rejects: Vec<i64> = client
            .query("SELECT record_no FROM loader.rejects ORDER BY 1", &[])
            .expect("rejects")
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert_eq!(rejects, [9001, 9002, 9003]);
        let sum: i64 = client
            .query_one("SELECT sum(rows_loaded)::bigint FROM loader.load_history", &[])
            .expect("a sum")
            .get(0);
        assert_eq!(sum, count(&mut client, "t"));
        client.batch_execute("DELETE FROM loader.load_history_data").expect("DELETE");
    }
}

/// The loads that the role of a session sees, but for those that were undone.
fn seen(client: &mut Client) -> Vec<String> {
    let query = "SELECT concat_ws(' ', regexp_replace(file_path, '^.*/', ''), status, rows_loaded, chunk,
                     loaded_by_name) FROM loader.load_history WHERE status <> 'undone' ORDER BY load_id";
    client.query(query, &[]).expect("the history").iter().map(|row| row.get(0)).collect()
}

#[test]
fn a_failed_attempt_belongs_to_who_made_it() {
    let (database, mut client) = session("many_attempts");
    client
        .batch_execute(
            "CREATE ROLE many_one LOGIN IN ROLE pg_read_server_files;
             CREATE ROLE many_other LOGIN IN ROLE pg_read_server_files;
             GRANT INSERT ON t TO many_one, many_other",
        )
        .expect("roles");
    insist(&mut client, "t", "data->>'n' <> '5'");
    let pattern = files(&database, "many_attempts", &[("a", lines(10)), ("closed", lines(3))]);
    let closed = pattern.replace('*', "closed");
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).expect("chmod");
    let [mut one, mut other] = ["many_one", "many_other"].map(|role| database.connect_as(role));
    let call =
        |client: &mut Client, options| counts(&load_many(client, &pattern, "t", options).expect("a call"));
    // The same again is the same attempt; with other options it is not.
    assert_eq!(call(&mut one, "chunk => 7"), [2, 0, 0, 2, 0, 0]);
    assert_eq!(call(&mut one, "chunk => 7"), [2, 0, 0, 2, 0, 0]);
    assert_eq!(history(&mut client).len(), 2);
    assert_eq!(call(&mut one, "chunk => 8, workers => 0"), [2, 0, 0, 2, 0, 0]);
    let mut failed = ["a failed 0 8 many_one", "closed failed 0 7 many_one", "closed failed 0 8 many_one"];
    let sorted = |client: &mut Client| {
        let mut lines = seen(client);
        lines.sort();
        lines
    };
    assert_eq!(sorted(&mut one), failed);
    // Another role's is its own, and nobody else's.
    assert_eq!(call(&mut other, ""), [2, 0, 0, 2, 0, 0]);
    assert_eq!(sorted(&mut other), ["a failed 0 10000 many_other", "closed failed 0 10000 many_other"]);
    failed.rotate_left(1);
    assert_eq!(sorted(&mut one), failed[..2]);
    // In the end the load is that of who made it, with the options of then.
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT c").expect("DROP");
    fs::set_permissions(&closed, Permissions::from_mode(0o644)).expect("chmod");
    assert_eq!(call(&mut one, "chunk => 8"), [2, 2, 0, 0, 13, 0]);
    assert_eq!(sorted(&mut client), ["a loaded 10 8 many_one", "closed loaded 3 8 many_one"]);
    assert_eq!(seen(&mut other), [""; 0]);
    assert_eq!(call(&mut other, ""), [2, 0, 2, 0, 0, 0]);
}

#[test]
fn on_error_stop_fails_the_file() {
    let (database, mut client) = session("many_stop");
    let pattern =
        files(&database, "many_stop", &[("a", format!("{}{{\n{}", tiny(9000), tiny(5))), ("b", lines(2))]);
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    let summary = load_many(&mut client, &pattern, "t", "on_error => 'stop'").expect("a call");
    assert_eq!(counts(&summary), [2, 1, 0, 1, 8194, 0]);
    assert_eq!(history(&mut client), ["a failed 8192 22P02", "b loaded 2"]);
    // Rejects are kept from where it stopped.
    let summary = load_many(&mut client, &pattern, "t", "").expect("a call");
    assert_eq!(counts(&summary), [2, 1, 1, 0, 813, 1]);
    assert_eq!(history(&mut client), ["a loaded 9005", "b loaded 2"]);
}

#[test]
fn on_file_error_stop_ends_the_call() {
    let (database, mut client) = session("many_file_stop");
    let pattern = files(
        &database,
        "many_file_stop",
        &[("a", lines(5)), ("b", format!("{}{{\n", lines(6))), ("c", lines(7)), ("d", lines(8))],
    );
    for workers in [0, 2] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let options = format!("workers => {workers}, on_error => 'stop', on_file_error => 'stop'");
        let error = load_many(&mut client, &pattern, "t", &options).expect_err("a call");
        let error = error.as_db_error().expect("the server's");
        assert_eq!(error.code().code(), "22P02");
        let path = pattern.replace('*', "b");
        assert!(error.message().contains(&format!("of file \"{path}\" failed: invalid record")), "{error:?}");
        let failed = count(&mut client, "loader.load_history WHERE status = 'failed'");
        assert_eq!(failed, 1);
        assert_eq!(count(&mut client, "loader.load_history WHERE status = 'running'"), 0);
        if workers == 0 {
            assert_eq!(history(&mut client), ["a loaded 5", "b failed 0 22P02"]);
        }
        let sum: i64 = client
            .query_one("SELECT coalesce(sum(rows_loaded), 0)::bigint FROM loader.load_history WHERE status <> 'undone'", &[])
            .expect("a sum").get(0);
        assert_eq!(sum, count(&mut client, "t"));
        let summary = load_many(&mut client, &pattern, "t", "").expect("a call");
        assert_eq!(summary.failed, 0);
        assert_eq!(count(&mut client, "t"), 26);
        client
            .batch_execute("DELETE FROM loader.load_history_data; DELETE FROM loader.rejects_data")
            .expect("DELETE");
    }
}

#[test]
fn content_is_loaded_once_whatever_its_name() {
    let (database, mut client) = session("many_once");
    let large = tiny(60_000);
    let pattern = files(
        &database,
        "many_once",
        &[
            ("a", lines(10)),
            ("b", lines(10)),
            ("c", large.clone()),
            ("d", large),
            ("e", lines(11)),
            ("f", String::new()),
        ],
    );
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    for workers in [0, 2, 5] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let options = format!("workers => {workers}");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!(
            counts(&summary),
            [6, 4, 2, 0, 60_021, 0],
            "{workers} workers: {:?}",
            history(&mut client)
        );
        assert_eq!(count(&mut client, "t"), 60_021);
        // None of them again, not even under another name.
        let other = files(&database, &format!("many_once_{workers}"), &[("z", lines(10))]);
        let summary = load_many(&mut client, &other, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [1, 0, 1, 0, 0, 0]);
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [6, 0, 6, 0, 0, 0], "{workers} workers");
        let summary = load_many(&mut client, &other, "t", "if_loaded => 'force'").expect("a call");
        assert_eq!(counts(&summary), [1, 1, 0, 0, 10, 0]);
        let summary = load_many(&mut client, &other, "t", "if_loaded => 'error'").expect("a call");
        assert_eq!(counts(&summary), [1, 0, 0, 1, 0, 0]);
    }
}

#[test]
fn what_a_file_has_grown_by() {
    let (database, mut client) = session("many_grown");
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    let pattern = files(&database, "many_grown", &[("a", lines(10))]);
    let path = pattern.replace('*', "a");
    let call = |client: &mut Client| {
        let summary = load_many(client, &pattern, "t", "").expect("a call");
        print_errors(client);
        counts(&summary)
    };
    assert_eq!(call(&mut client), [1, 1, 0, 0, 10, 0]);
    append(&path, "{\"n\": 10}\n{\"n\": 11, \"torn\": \"he");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 1, 1]);
    append(&path, "re\"}\n{\"n\": 12}\n");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 2, 0]);
    assert_eq!(call(&mut client), [1, 0, 1, 0, 0, 0]);
    assert_eq!(count(&mut client, "t"), 13);
    assert_eq!(count(&mut client, "t WHERE data->>'torn' = 'here'"), 1);
    assert_eq!(
        count(
            &mut client,
            "loader.rejects r WHERE resolved_by = (SELECT max(load_id) FROM loader.load_history)"
        ),
        1
    );
    // Torn again, and found again as it is.
    append(&path, "{\"n\": 13, \"torn\": [");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 0, 1]);
    append(&path, "1, 2, ");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 0, 1]);
    append(&path, "3]}");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 1, 0]);
    append(&path, "\n");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 0, 0]);
    assert_eq!(count(&mut client, "t"), 14);
    assert_eq!(count(&mut client, "loader.rejects r WHERE resolved_by IS NULL"), 0);
    // One begins where the one before it ended, or at the record that was torn.
    let row = client
        .query_one(
            "SELECT max(start_offset + stream_bytes), sum(rows_loaded)::bigint FROM loader.load_history",
            &[],
        )
        .expect("sums");
    let size = fs::metadata(&path).expect("a file").len() as i64;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (size, 14));
}

#[test]
fn a_last_record_that_grows_on() {
    // A number is whole as soon as it has a digit: what follows could belong to it.
    let (database, mut client) = session("many_digits");
    client.batch_execute("DROP TABLE t; SELECT seed_json_table('t', lineage => true)").expect("a table");
    let pattern = files(&database, "many_digits", &[("a", "1\n2\n3")]);
    let call = |client: &mut Client| {
        let summary = load_many(client, &pattern, "t", "").expect("a call");
        print_errors(client);
        counts(&summary)
    };
    assert_eq!(call(&mut client), [1, 1, 0, 0, 3, 0]);
    append(&pattern.replace('*', "a"), "4\n5\n");
    let rows = |client: &mut Client| -> String {
        let query = "SELECT string_agg(data::text, ' ' ORDER BY _byte_offset) FROM t";
        client.query_one(query, &[]).expect("rows").get(0)
    };
    assert_eq!(call(&mut client), [1, 0, 0, 1, 0, 0]);
    assert_eq!(rows(&mut client), "1 2 3");
    assert_eq!(history(&mut client), ["a loaded 3", "a failed 0 55000"]);
    client.batch_execute("SELECT undo_load(min(load_id)) FROM loader.load_history").expect("an undo");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 4, 0]);
    assert_eq!(rows(&mut client), "1 2 34 5");
}

#[test]
fn a_file_that_has_grown_since_it_failed() {
    let (database, mut client) = session("many_failed_grown");
    let pattern = files(&database, "many_failed_grown", &[("a", lines(10))]);
    let path = pattern.replace('*', "a");
    let call =
        |client: &mut Client, options| counts(&load_many(client, &pattern, "t", options).expect("a call"));
    assert_eq!(call(&mut client, ""), [1, 1, 0, 0, 10, 0]);
    append(&path, "{\"n\": 10}\n");
    // An attempt that finds out nothing changes nothing.
    fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("chmod");
    assert_eq!(call(&mut client, ""), [1, 0, 0, 1, 0, 0]);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("chmod");
    assert_eq!(call(&mut client, ""), [1, 1, 0, 0, 1, 0], "{:?}", history(&mut client));
    assert_eq!(count(&mut client, "t"), 11);
}

#[test]
fn a_file_that_has_changed() {
    let (database, mut admin) = session("many_changed");
    let (mut client, said) = database.connect_listening("postgres");
    let pattern = files(&database, "many_changed", &[("a", lines(10)), ("b", lines(3))]);
    load_many(&mut client, &pattern, "t", "").expect("a call");
    let path = pattern.replace('*', "a");
    fs::write(&path, lines(12).replace("record", "thing")).expect("written");
    said.take();
    let call =
        |client: &mut Client, options| counts(&load_many(client, &pattern, "t", options).expect("a call"));
    assert_eq!(call(&mut client, ""), [2, 0, 2, 0, 0, 0]);
    let lines = said.results();
    assert!(lines[0].starts_with(&format!("WARNING: file \"{path}\" has changed since load ")), "{lines:?}");
    assert_eq!(count(&mut admin, "t"), 13);
    assert_eq!(call(&mut client, "if_loaded => 'error'"), [2, 0, 0, 2, 0, 0]);
    let lines = said.results();
    let other = pattern.replace('*', "b");
    let same = format!("WARNING: content of file \"{other}\" is already loaded into table \"t\" ");
    assert!(lines[0].starts_with(&same), "{lines:?}");
    assert!(lines[1].starts_with(&format!("WARNING: file \"{path}\" has changed since load ")), "{lines:?}");
    for (file, words) in [(&path, "has changed since load "), (&other, "is already loaded into table ")] {
        let options = "if_loaded => 'error', on_file_error => 'stop', workers => 1";
        let error = message(load_many(&mut client, file, "t", options));
        assert!(error.starts_with("42710: ") && error.contains(words), "{error}");
    }
    // That failed, but nothing else has changed.
    assert_eq!(call(&mut client, ""), [2, 0, 2, 0, 0, 0], "{:?}", history(&mut admin));
    assert_eq!(count(&mut admin, "t"), 13);
    assert_eq!(call(&mut client, "if_loaded => 'force'"), [2, 2, 0, 0, 15, 0]);
    assert_eq!(count(&mut admin, "t"), 28);
}

#[test]
fn files_that_fail_alike_share_a_line() {
    let (database, _admin) = session("many_named");
    let (mut client, said) = database.connect_listening("postgres");
    client.batch_execute("ALTER TABLE t ADD CONSTRAINT c CHECK (NOT data ? 'bad')").expect("a constraint");
    // Three that the table refuses, each at another record, three with a bad record, two
    // that cannot be read, and one of its own kind.
    let mut contents: Vec<(String, Vec<u8>)> = Vec::new();
    for n in 1..=3 {
        contents.push((format!("refused{n}"), (lines(n) + "{\"bad\": 1}\n").into_bytes()));
        contents.push((format!("torn{n}"), (lines(10 + n) + "{\n").into_bytes()));
    }
    for name in ["closed1", "closed2", "zip"] {
        contents.push((name.to_owned(), b"PK\x03\x04".to_vec()));
    }
    let contents: Vec<(&str, &[u8])> =
        contents.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let pattern = files(&database, "many_named", &contents);
    for name in ["closed1", "closed2"] {
        fs::set_permissions(pattern.replace('*', name), Permissions::from_mode(0o000)).expect("chmod");
    }
    for workers in [0, 2] {
        let options = format!("on_error => 'stop', workers => {workers}");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [9, 0, 0, 9, 0, 0]);
        let lines = said.results();
        let name = |name: &str| pattern.replace('*', name);
        let wanted = [
            format!("WARNING: file \"{}\" and 1 other failed: could not open file", name("closed1")),
            format!(
                "WARNING: file \"{}\" and 2 others failed: new row for relation \"t\" violates check constraint \
                 \"c\" (record 2, line 2, byte 61) HINT: See SELECT h.* FROM loader.load_history AS h, loader.last_call",
                name("refused1")
            ),
            format!("WARNING: file \"{}\" and 2 others failed: invalid record: ", name("torn1")),
            format!("WARNING: file \"{}\" failed: file ", name("zip")),
            "NOTICE: 9 files: 0 loaded, 0 skipped, 9 failed; 0 rows, ".to_owned(),
        ];
        assert_eq!(lines.len(), wanted.len(), "{lines:?}");
        for (line, wanted) in lines.iter().zip(&wanted) {
            assert!(line.starts_with(wanted), "{line}, {wanted}");
        }
        // The HINT leads to all of them.
        let query = "SELECT h.* FROM loader.load_history AS h, loader.last_call AS c
                     WHERE h.load_id = ANY (c.load_ids) AND h.status = 'failed'";
        assert_eq!(client.query(query, &[]).expect("the failed ones").len(), 9);
    }
}

#[test]
fn ten_ways_to_fail_are_told_and_the_others_counted() {
    let (database, _admin) = session("many_ways");
    let (mut client, said) = database.connect_listening("postgres");
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE 'not this: %', chr(64 + length(NEW.data::text)); END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    let texts: Vec<(String, String)> = (1..=12).map(|n| (format!("{n:02}"), "1".repeat(n))).collect();
    let texts: Vec<(&str, &String)> = texts.iter().map(|(name, text)| (name.as_str(), text)).collect();
    let pattern = files(&database, "many_ways", &texts);
    let summary = load_many(&mut client, &pattern, "t", "on_error => 'stop'").expect("a call");
    assert_eq!(counts(&summary), [12, 0, 0, 12, 0, 0]);
    let lines = said.results();
    assert_eq!(lines.iter().filter(|line| line.contains("\" failed: not this: ")).count(), 10, "{lines:?}");
    assert!(lines[10].starts_with("WARNING: 2 more files failed HINT: See SELECT "), "{lines:?}");
    assert_eq!(lines.len(), 12, "{lines:?}");
}

#[test]
fn files_that_were_loaded_before_share_a_line() {
    let (database, _admin) = session("many_before");
    let (mut client, said) = database.connect_listening("postgres");
    let names = ["a1", "a2", "a3", "b1", "b2", "c"];
    let texts: Vec<_> = names.iter().enumerate().map(|(n, name)| (*name, lines(n + 1))).collect();
    let pattern = files(&database, "many_before", &texts);
    load_many(&mut client, &pattern, "t", "").expect("a call");
    for name in ["b1", "b2"] {
        fs::write(pattern.replace('*', name), "{}\n").expect("written");
    }
    said.take();
    let name = |name: &str| pattern.replace('*', name);
    let summary = load_many(&mut client, &pattern, "t", "if_loaded => 'error'").expect("a call");
    assert_eq!(counts(&summary), [6, 0, 0, 6, 0, 0]);
    let lines = said.results();
    let loaded = format!("WARNING: contents of file \"{}\" and 3 others are already loaded into", name("a1"));
    assert!(lines[0].starts_with(&loaded), "{lines:?}");
    let changed = format!("WARNING: file \"{}\" and 1 other have changed since they were loaded", name("b1"));
    assert_eq!(lines[1], changed);
    assert_eq!(lines.len(), 3, "{lines:?}");
    load_many(&mut client, &pattern, "t", "").expect("a call");
    let lines = said.results();
    assert!(lines[0].starts_with(&format!("{changed}, skipping HINT: Use if_loaded")), "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn on_file_error_raise_loads_all_it_can_and_fails() {
    let (database, mut client) = session("many_raise");
    client.batch_execute("ALTER TABLE t ADD CONSTRAINT c CHECK (NOT data ? 'bad')").expect("a constraint");
    let bad = "{\"bad\": \"swordfish\"}\n";
    let pattern = files(
        &database,
        "many_raise",
        &[("a", lines(3)), ("b", lines(4) + bad), ("c", lines(5) + bad), ("d", lines(6))],
    );
    let path = pattern.replace('*', "b");
    for workers in [0, 2] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let options = format!("workers => {workers}, on_error => 'stop', on_file_error => 'raise'");
        let error = load_many(&mut client, &pattern, "t", &options).expect_err("files fail");
        let error = error.as_db_error().expect("the server's");
        assert_eq!((error.code().code(), error.message()), ("23514", "2 of 4 files failed"));
        let detail = format!(
            "The first of them is \"{path}\": new row for relation \"t\" violates check constraint \"c\" \
             (record 5, line 5, byte 244)"
        );
        assert_eq!(error.detail(), Some(detail.as_str()));
        let hint = error.hint().expect("a hint").strip_prefix("See ").expect("a query").to_owned();
        assert_eq!(client.query(hint.trim_end_matches(';'), &[]).expect("the query of the HINT").len(), 2);
        // The others are loaded, and the session knows what came of the call.
        assert_eq!(count(&mut client, "t"), 9);
        let last = last_call(&mut client).expect("a call");
        assert_eq!((last.files, last.loaded, last.failed, last.rows), (4, 2, 2, 9));
    }
    // What if_loaded refuses counts too.
    let other = pattern.replace('*', "a");
    let options = "on_file_error => 'raise', if_loaded => 'error'";
    let error = load_many(&mut client, &other, "t", options).expect_err("a file that was loaded");
    let error = error.as_db_error().expect("the server's");
    assert_eq!((error.code().code(), error.message(), error.hint()), ("42710", "1 of 1 file failed", None));
    // Nothing fails: nothing is raised. The exit status of psql tells.
    load_many(&mut client, &other, "t", "on_file_error => 'raise'").expect("a skip");
    let status = |files: &str| {
        let call =
            format!("CALL load_json_files('{files}', 't', on_error => 'stop', on_file_error => 'raise')");
        let mut psql = database.cluster.command("psql");
        let output = psql.args(["-X", "-q", "-d", &database.name, "-c", &call]).output().expect("psql runs");
        output.status.code()
    };
    assert_eq!((status(&other), status(&pattern)), (Some(0), Some(1)));
}

#[test]
fn what_the_target_raises_names_the_record() {
    let (database, admin) = session("many_places");
    drop(admin);
    let (mut client, said) = database.connect_listening("postgres");
    client
        .batch_execute(
            "SET loader.transaction_size = '1kB';
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 BEGIN RAISE 'caught %', NEW.data; EXCEPTION WHEN OTHERS THEN NULL; END;
                 IF NEW.data->>'n' = '8500' THEN RAISE 'no thank you' USING ERRCODE = '55000'; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    let text = tiny(20_000);
    let offset = text.find("{\"n\": 8500}").expect("the record");
    let pattern = files(&database, "many_places", &[("a", text)]);
    let wanted = format!("no thank you (record 8501, line 8501, byte {offset})");
    for workers in [0, 1, 3] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        said.take();
        load_many(&mut client, &pattern, "t", &format!("workers => {workers}")).expect("a call");
        let kept =
            "SELECT error_message FROM loader.load_history WHERE status = 'failed' AND emptied_at IS NULL";
        let kept: String = client.query_one(kept, &[]).expect("a failed load").get(0);
        assert_eq!(kept, wanted, "{workers}");
        let lines = said.results();
        let path = pattern.replace('*', "a");
        assert!(
            lines[0].starts_with(&format!("WARNING: file \"{path}\" failed: {wanted} HINT: ")),
            "{lines:?}"
        );
        let logged = format!("of file \"{path}\" failed: {wanted}\n");
        assert!(database.cluster.log().contains(&logged), "{workers}");
    }
    // What is looked at after all rows of a chunk names the chunk.
    client
        .batch_execute(
            "TRUNCATE t; DROP TRIGGER refuse ON t; CREATE TRIGGER refuse AFTER INSERT ON t FOR EACH ROW
             EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    load_many(&mut client, &pattern, "t", "chunk => 1000").expect("a call");
    let kept = "SELECT error_message FROM loader.load_history WHERE status = 'failed' AND emptied_at IS NULL";
    let kept: String = client.query_one(kept, &[]).expect("a failed load").get(0);
    assert!(kept.starts_with("no thank you (records ") && kept.contains(", bytes "), "{kept}");
}

#[test]
fn a_long_message_is_cut() {
    let (database, mut client) = session("many_long");
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE '%', repeat('ä', 100000); END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    let pattern = files(&database, "many_long", &[("a", lines(3))]);
    load_many(&mut client, &pattern, "t", "on_error => 'stop'").expect("a call");
    let kept = "SELECT error_message FROM loader.load_history WHERE status = 'failed'";
    let kept: String = client.query_one(kept, &[]).expect("a failed load").get(0);
    assert!((1020..=1024).contains(&kept.len()), "{}", kept.len());
    assert!(kept.ends_with("ä (record 1, line 1, byte 0)"), "{kept}");
}

#[test]
fn a_partly_loaded_file() {
    let (database, mut client) = session("many_partly");
    let pattern = files(&database, "many_partly", &[("a", tiny(9000))]);
    let path = pattern.replace('*', "a");
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    insist(&mut client, "t", "data->>'n' <> '8500'");
    let call =
        |client: &mut Client, options| counts(&load_many(client, &pattern, "t", options).expect("a call"));
    assert_eq!(call(&mut client, ""), [1, 0, 0, 1, 8192, 0]);
    assert_eq!(history(&mut client), ["a failed 8192 55000"]);
    let error = message(load(&mut client, &path, "t"));
    assert!(error.starts_with("55000"), "{error}");
    // Once more, and it fails at the same place.
    assert_eq!(call(&mut client, ""), [1, 0, 0, 1, 0, 0]);
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT c").expect("DROP");
    // It has grown meanwhile.
    append(&path, "{\"n\": 9000}\n");
    assert_eq!(call(&mut client, ""), [1, 1, 0, 0, 809, 0]);
    assert_eq!(history(&mut client), ["a loaded 9001"]);
    assert_eq!(count(&mut client, "t"), 9001);
    assert_eq!(load_with(&mut client, &path, "t", "").expect("a skip").status, "skipped");
    assert_eq!(call(&mut client, ""), [1, 0, 1, 0, 0, 0]);

    // One that has changed is not gone on with.
    insist(&mut client, "t", "data->>'n' <> '8500'");
    let path = database.file("many_partly/a", tiny(9000).replace("n", "n "));
    client.batch_execute("UPDATE loader.load_history_data SET file_path = 'other'").expect("UPDATE");
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT c").expect("DROP");
    insist(&mut client, "t", "data->>'n ' <> '8500'");
    assert_eq!(call(&mut client, ""), [1, 0, 0, 1, 8192, 0]);
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT c").expect("DROP");
    fs::write(&path, tiny(9000).replace("n", "m")).expect("written");
    assert_eq!(call(&mut client, ""), [1, 0, 1, 0, 0, 0], "{:?}", history(&mut client));
    assert_eq!(count(&mut client, "t"), 9001 + 8192);
}

#[test]
fn an_emptied_target() {
    let (database, mut client) = session("many_emptied");
    let pattern = files(&database, "many_emptied", &[("a", lines(10)), ("b", tiny(9000))]);
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    let call =
        |client: &mut Client, options| counts(&load_many(client, &pattern, "t", options).expect("a call"));
    assert_eq!(call(&mut client, ""), [2, 2, 0, 0, 9010, 0]);
    client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    insist(&mut client, "t", "data->>'n' <> '8500'");
    assert_eq!(call(&mut client, "workers => 0"), [2, 1, 0, 1, 8202, 0]);
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT c").expect("DROP");
    assert_eq!(call(&mut client, ""), [2, 1, 1, 0, 808, 0]);
    assert_eq!(count(&mut client, "t"), 9010);
    assert_eq!(count(&mut client, "loader.load_history WHERE emptied_at IS NOT NULL"), 2);
    // By DELETE as by TRUNCATE.
    client.batch_execute("DELETE FROM t").expect("DELETE");
    assert_eq!(call(&mut client, "workers => 2"), [2, 2, 0, 0, 9010, 0]);
    assert_eq!(count(&mut client, "t"), 9010);
}

#[test]
fn rejects_of_an_emptied_target() {
    let (database, mut client) = session("many_emptied_rejects");
    let pattern = files(&database, "many_emptied_rejects", &[("a", "{\"n\": 0}\n{]\n{\"n\": 2}\n{\"n\": ")]);
    let call = |client: &mut Client| counts(&load_many(client, &pattern, "t", "").expect("a call"));
    assert_eq!(call(&mut client), [1, 1, 0, 0, 2, 2]);
    append(&pattern.replace('*', "a"), "3}\n");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 1, 0]);
    client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    assert_eq!(call(&mut client), [1, 1, 0, 0, 3, 1]);
    // Each record is in the table or in the rejects, once.
    assert_eq!(count(&mut client, "t"), 3);
    assert_eq!(count(&mut client, "loader.rejects"), 1);
    let in_force = "loader.rejects JOIN loader.load_history USING (load_id)
        WHERE status = 'loaded' AND emptied_at IS NULL";
    assert_eq!(count(&mut client, in_force), 1);
}
