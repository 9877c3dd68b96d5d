//! `if_loaded => 'replace'`: where a file has changed, what it brought goes and what
//! it is now comes, in one transaction.

use crate::helpers::{
    Barrier, Gate, Numbers, append, backend, count, counts, damaged, figure, files, insist, session, traced,
};
use crate::resume::{SETTINGS, kill, signal, worker_pids};
use loader_client_tests::{
    Cluster, Database, Limits, left, load, load_many, load_with, message, sqlstate, wait_for,
};
use loader_damage::framing::Framing;
use postgres::Client;
use postgres::error::SqlState;
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;

/// So many records that say of which state of a file they are.
fn state(name: &str, records: usize) -> String {
    let mut text = String::new();
    for n in 0..records {
        writeln!(text, r#"{{"state": "{name}", "n": {n}}}"#).expect("a string");
    }
    text
}

/// The same, and so many broken ones behind them.
fn broken(name: &str, records: usize, broken: usize) -> String {
    state(name, records) + &format!("{{\"state\": \"{name}\", \"n\":\n").repeat(broken)
}

fn texts(client: &mut Client, query: &str) -> Vec<String> {
    client.query(query, &[]).expect("a query").iter().map(|row| row.get(0)).collect()
}

/// The states that are in the table, each with the number of its rows.
fn states(client: &mut Client) -> Vec<String> {
    texts(client, "SELECT data->>'state' || ' ' || count(*) FROM traced GROUP BY data->>'state' ORDER BY 1")
}

/// The loads, in their order.
fn loads(client: &mut Client) -> Vec<String> {
    texts(
        client,
        "SELECT concat_ws(' ', regexp_replace(file_path, '^.*/', ''), status, rows_loaded, rows_rejected,
                          error_sqlstate)
         FROM loader.load_history ORDER BY load_id",
    )
}

/// Rows and rejects of loads that are not in force, and loads whose rows or rejects
/// are not as many as they brought.
fn strays(client: &mut Client) -> i64 {
    figure(
        client,
        "WITH in_force AS (SELECT * FROM loader.load_history
                           WHERE target_oid = 'traced'::regclass AND status <> 'undone')
         SELECT (SELECT count(*) FROM traced
                 WHERE _load_id IS NULL OR _load_id NOT IN (SELECT load_id FROM in_force))
              + (SELECT count(*) FROM loader.rejects r JOIN loader.load_history h USING (load_id)
                 WHERE h.status = 'undone')
              + (SELECT count(*) FROM in_force h
                 WHERE rows_loaded <> (SELECT count(*) FROM traced WHERE _load_id = h.load_id)
                    OR rows_rejected <> (SELECT count(*) FROM loader.rejects r WHERE r.load_id = h.load_id))",
    )
}

/// A database with the table `traced`, which has lineage.
fn prepared(name: &str) -> (Database<'static>, Client) {
    let (database, mut client) = session(name);
    traced(&mut client, "traced");
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    (database, client)
}

fn replace(client: &mut Client, pattern: &str, workers: usize) -> [i64; 6] {
    let options = format!("workers => {workers}, if_loaded => 'replace'");
    counts(&load_many(client, pattern, "traced", &options).expect("a call"))
}

#[test]
fn a_changed_file_is_replaced() {
    for workers in [0, 2] {
        let name = format!("replace_changed_{workers}");
        let (database, mut client) = prepared(&name);
        let pattern = files(&database, &name, &[("a", broken("a1", 9000, 60)), ("b", broken("b1", 100, 20))]);
        let path = pattern.replace('*', "a");
        assert_eq!(replace(&mut client, &pattern, workers), [2, 2, 0, 0, 9100, 80]);
        let others = "SELECT concat_ws(' ', ctid, xmin, _load_id, _byte_offset) FROM traced
                      WHERE data->>'state' = 'b1' ORDER BY ctid";
        let untouched = texts(&mut client, others);

        fs::write(&path, broken("a2", 8000, 50)).expect("written");
        assert_eq!(replace(&mut client, &pattern, workers), [2, 1, 1, 0, 8000, 50]);
        assert_eq!(states(&mut client), ["a2 8000", "b1 100"]);
        let mut history = loads(&mut client);
        history.sort();
        assert_eq!(history, ["a loaded 8000 50", "a undone 9000 60", "b loaded 100 20"]);
        assert_eq!(strays(&mut client), 0);

        // The same, and one that has grown, are what they are without `replace`.
        assert_eq!(replace(&mut client, &pattern, workers), [2, 0, 2, 0, 0, 0]);
        append(&path, state("a3", 30));
        let grown = replace(&mut client, &pattern, workers);
        assert_eq!(grown[..4], [2, 1, 1, 0]);
        assert_eq!(states(&mut client), ["a2 8000", "a3 30", "b1 100"]);

        // Both loads of it go.
        fs::write(&path, state("a4", 7)).expect("written");
        assert_eq!(replace(&mut client, &pattern, workers), [2, 1, 1, 0, 7, 0]);
        assert_eq!(states(&mut client), ["a4 7", "b1 100"]);
        assert_eq!((count(&mut client, "loader.rejects"), strays(&mut client)), (20, 0));

        // A file that is empty now has brought nothing.
        fs::write(&path, "").expect("written");
        assert_eq!(replace(&mut client, &pattern, workers), [2, 1, 1, 0, 0, 0]);
        assert_eq!(states(&mut client), ["b1 100"]);
        assert_eq!(texts(&mut client, others), untouched);
    }
}

#[test]
fn what_was_mended_goes_with_it() {
    let (database, mut client) = prepared("replace_mended");
    let pattern = files(&database, "replace_mended", &[("a", broken("a1", 10, 3))]);
    let path = pattern.replace('*', "a");
    assert_eq!(replace(&mut client, &pattern, 0), [1, 1, 0, 0, 10, 3]);
    client
        .batch_execute(
            "SELECT mend_reject(load_id, byte_offset, '{\"state\": \"mended\"}') FROM loader.rejects;
             SELECT retry_rejects(max(load_id)) FROM loader.load_history",
        )
        .expect("a retry");
    assert_eq!(states(&mut client), ["a1 10", "mended 3"]);
    fs::write(&path, broken("a2", 5, 1)).expect("written");
    assert_eq!(replace(&mut client, &pattern, 0), [1, 1, 0, 0, 5, 1]);
    assert_eq!(states(&mut client), ["a2 5"]);
    assert_eq!(loads(&mut client), ["a undone 10 3", "a undone 3 0", "a loaded 5 1"]);
    assert_eq!(strays(&mut client), 0);
}

#[test]
fn load_json_file_replaces_in_its_transaction() {
    let (database, mut client) = prepared("replace_one");
    let path = database.file("replace_one", broken("a1", 100, 4));
    let options = "if_loaded => 'replace'";
    let first = load_with(&mut client, &path, "traced", options).expect("a load");
    // Loaded twice by force, and once more under another table.
    load_with(&mut client, &path, "traced", "if_loaded => 'force'").expect("a load");
    load(&mut client, &path, "t").expect("a load");
    assert_eq!(load_with(&mut client, &path, "traced", options).expect("a skip").status, "skipped");
    assert_eq!(states(&mut client), ["a1 200"]);

    fs::write(&path, broken("a2", 50, 2)).expect("written");
    let before = loads(&mut client);
    client.batch_execute("BEGIN").expect("BEGIN");
    let second = load_with(&mut client, &path, "traced", options).expect("a load");
    assert_eq!((second.rows_loaded, second.rows_rejected), (50, 2));
    assert_eq!(states(&mut client), ["a2 50"]);
    assert_eq!(states(&mut database.connect()), ["a1 200"]);
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
    assert_eq!((states(&mut client), loads(&mut client)), (vec!["a1 200".to_owned()], before));
    let validate =
        "SELECT status FROM load_json_file($1, 'traced', if_loaded => 'replace', validate => true)";
    client.query_one(validate, &[&path]).expect("a validation");
    assert_eq!(states(&mut client), ["a1 200"]);

    // One that fails leaves what was there.
    let failing = format!("{options}, reject_limit => 1");
    assert_eq!(sqlstate(load_with(&mut client, &path, "traced", &failing)), SqlState::BAD_COPY_FILE_FORMAT);
    assert_eq!(states(&mut client), ["a1 200"]);

    let second = load_with(&mut client, &path, "traced", options).expect("a load");
    assert!(second.load_id > first.load_id);
    assert_eq!(states(&mut client), ["a2 50"]);
    assert_eq!(count(&mut client, "t"), 100);
    assert_eq!(count(&mut client, "loader.load_history WHERE status = 'undone'"), 2);
    // An empty table is never skipped.
    client.batch_execute("DELETE FROM traced").expect("DELETE");
    assert_eq!(load_with(&mut client, &path, "traced", options).expect("a load").rows_loaded, 50);
    assert_eq!(states(&mut client), ["a2 50"]);
}

/// A file of which two parts are loaded; how many records that is.
fn partly_loaded(name: &str) -> (Database<'static>, Client, String, i64) {
    let (database, mut client) = prepared(name);
    insist(&mut client, "traced", "data->>'n' <> '8500'");
    let pattern = files(&database, name, &[("a", state("a1", 9000))]);
    let [_, _, _, failed, rows, _] = replace(&mut client, &pattern, 0);
    assert!(failed == 1 && rows > 4000 && rows < 8500, "{rows}");
    client.batch_execute("ALTER TABLE traced DROP CONSTRAINT c").expect("DROP");
    (database, client, pattern, rows)
}

#[test]
fn a_part_of_what_a_file_was_is_replaced() {
    let (_database, mut client, pattern, _) = partly_loaded("replace_part");
    fs::write(pattern.replace('*', "a"), state("a2", 40)).expect("written");
    assert_eq!(replace(&mut client, &pattern, 0), [1, 1, 0, 0, 40, 0]);
    assert_eq!(states(&mut client), ["a2 40"]);
    assert_eq!(strays(&mut client), 0);
}

#[test]
fn a_part_of_what_a_file_is_is_gone_on_with() {
    let (_database, mut client, pattern, rows) = partly_loaded("replace_rest");
    assert_eq!(replace(&mut client, &pattern, 0), [1, 1, 0, 0, 9000 - rows, 0]);
    assert_eq!(loads(&mut client), ["a loaded 9000 0"]);
    assert_eq!(strays(&mut client), 0);
}

#[test]
fn load_json_file_replaces_a_part() {
    let options = "if_loaded => 'replace'";
    let (_database, mut client, pattern, _) = partly_loaded("replace_part_one");
    let path = pattern.replace('*', "a");
    assert_eq!(load_with(&mut client, &path, "traced", options).expect("a load").rows_loaded, 9000);
    assert_eq!((states(&mut client), strays(&mut client)), (vec!["a1 9000".to_owned()], 0));
    // Nothing is left to go on with.
    assert_eq!(replace(&mut client, &pattern, 0), [1, 0, 1, 0, 0, 0]);

    // The part came under another name.
    let (database, mut client, pattern, _) = partly_loaded("replace_part_other");
    let other = database.file("replace_part_other_name", state("a1", 9000));
    load_with(&mut client, &other, "traced", options).expect("a load");
    assert_eq!(replace(&mut client, &pattern, 0)[3], 0);
    assert_eq!((states(&mut client), strays(&mut client)), (vec!["a1 9000".to_owned()], 0));
}

#[test]
fn a_table_that_cannot_tell_keeps_what_it_has() {
    let (database, mut client) = session("replace_plain");
    let pattern = files(&database, "replace_plain", &[("a", state("a1", 10)), ("b", state("b1", 5))]);
    let path = pattern.replace('*', "a");
    let call = |client: &mut Client| {
        counts(&load_many(client, &pattern, "t", "if_loaded => 'replace'").expect("a call"))
    };
    // What is new needs no lineage.
    assert_eq!(call(&mut client), [2, 2, 0, 0, 15, 0]);
    fs::write(&path, state("a2", 20)).expect("written");
    database.file("replace_plain/c", state("c1", 3));
    assert_eq!(call(&mut client), [3, 1, 1, 1, 3, 0]);
    let history = loads(&mut client);
    assert_eq!(history.iter().filter(|line| *line == "a loaded 10 0").count(), 1, "{history:?}");
    assert_eq!(history.iter().filter(|line| *line == "a failed 0 0 55000").count(), 1, "{history:?}");
    assert_eq!(count(&mut client, "t WHERE data->>'state' = 'a1'"), 10);
    assert_eq!(count(&mut client, "t"), 18);
    let refused = message(load_with(&mut client, &path, "t", "if_loaded => 'replace'"));
    assert!(refused.starts_with("55000"), "{refused}");
    assert_eq!(count(&mut client, "t"), 18);
    // Rows of before are not told by a column that came later.
    client.batch_execute("ALTER TABLE t ADD _load_id bigint").expect("a column");
    assert_eq!(call(&mut client), [3, 0, 2, 1, 0, 0]);
    client
        .batch_execute(
            "SELECT undo_load(load_id, force => true) FROM loader.load_history
             WHERE file_path LIKE '%/a' AND status = 'loaded'",
        )
        .expect("an undo");
    assert_eq!(call(&mut client), [3, 1, 2, 0, 20, 0]);
    assert_eq!(count(&mut client, "t WHERE data->>'state' = 'a2'"), 20);
}

#[test]
fn what_fails_first_leaves_the_old_what_fails_later_a_part_of_the_new() {
    let (database, mut client) = prepared("replace_fails");
    let pattern = files(&database, "replace_fails", &[("a", broken("a1", 100, 3))]);
    let path = pattern.replace('*', "a");
    assert_eq!(replace(&mut client, &pattern, 0), [1, 1, 0, 0, 100, 3]);
    let constraint = |client: &mut Client, n: usize| {
        insist(client, "traced", &format!("data->>'state' <> 'a2' OR data->>'n' <> '{n}'"));
    };
    fs::write(&path, state("a2", 9000)).expect("written");
    constraint(&mut client, 10);
    for workers in [0, 2] {
        assert_eq!(replace(&mut client, &pattern, workers), [1, 0, 0, 1, 0, 0]);
        assert_eq!(states(&mut client), ["a1 100"]);
        assert_eq!(loads(&mut client), ["a loaded 100 3", "a failed 0 0 55000"]);
        assert_eq!(strays(&mut client), 0);
    }
    // So does a file that cannot be read.
    fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("chmod");
    assert_eq!(replace(&mut client, &pattern, 0), [1, 0, 0, 1, 0, 0]);
    assert_eq!(states(&mut client), ["a1 100"]);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("chmod");

    client.batch_execute("ALTER TABLE traced DROP CONSTRAINT c").expect("DROP");
    constraint(&mut client, 8500);
    let [_, _, _, failed, part, _] = replace(&mut client, &pattern, 0);
    assert!(failed == 1 && part > 4000 && part < 8500, "{part}");
    assert_eq!((states(&mut client), strays(&mut client)), (vec![format!("a2 {part}")], 0));
    client.batch_execute("ALTER TABLE traced DROP CONSTRAINT c").expect("DROP");
    // The deletion is not done twice: the rest is loaded, whatever `if_loaded` is.
    let rest = load_many(&mut client, &pattern, "traced", "").expect("a call");
    assert_eq!(counts(&rest), [1, 1, 0, 0, 9000 - part, 0]);
    assert_eq!(loads(&mut client), ["a undone 100 3", "a loaded 9000 0"]);
    assert_eq!(strays(&mut client), 0);
}

#[test]
fn deleting_is_the_caller_s_right() {
    let (database, mut admin) = prepared("replace_rights");
    admin
        .batch_execute(
            "CREATE ROLE replace_one LOGIN; CREATE ROLE replace_two LOGIN;
             GRANT pg_read_server_files TO replace_one, replace_two;
             GRANT INSERT ON traced TO replace_one; GRANT INSERT, SELECT, DELETE ON traced TO replace_two",
        )
        .expect("roles");
    let pattern = files(&database, "replace_rights", &[("a", state("a1", 10))]);
    let path = pattern.replace('*', "a");
    let mut one = database.connect_as("replace_one");
    assert_eq!(replace(&mut one, &pattern, 1), [1, 1, 0, 0, 10, 0]);
    fs::write(&path, state("a2", 20)).expect("written");
    for workers in [0, 1] {
        assert_eq!(replace(&mut one, &pattern, workers), [1, 0, 0, 1, 0, 0]);
        assert_eq!(count(&mut one, "loader.load_history WHERE error_sqlstate = '42501'"), 1);
    }
    let refused = load_with(&mut one, &path, "traced", "if_loaded => 'replace'");
    assert_eq!(sqlstate(refused), SqlState::INSUFFICIENT_PRIVILEGE);
    // Who may delete, but is no member of the role that loaded it, may not undo it.
    let mut two = database.connect_as("replace_two");
    assert_eq!(replace(&mut two, &pattern, 0), [1, 0, 0, 1, 0, 0]);
    assert_eq!(states(&mut admin), ["a1 10"]);
    admin.batch_execute("GRANT SELECT, DELETE ON traced TO replace_one").expect("GRANT");
    assert_eq!(replace(&mut one, &pattern, 1), [1, 1, 0, 0, 20, 0]);
    assert_eq!(states(&mut admin), ["a2 20"]);
}

#[test]
fn readers_see_the_old_or_the_new() {
    let (database, mut client) = prepared("replace_seen");
    let pattern = files(&database, "replace_seen", &[("a", state("a0", 9000))]);
    replace(&mut client, &pattern, 0);
    let mut reader = database.connect();
    // In the first part, and in the second.
    for (round, gate, seen) in [(1, 100, "a0 9000"), (2, 8500, "a2 ")] {
        fs::write(pattern.replace('*', "a"), state(&format!("a{round}"), 9000)).expect("written");
        let mut gate = Gate::close(&database, "traced", gate);
        let states = thread::scope(|scope| {
            let call = scope.spawn(|| replace(&mut client, &pattern, round % 2));
            gate.wait_for_waiters(1);
            let states = states(&mut reader);
            gate.open();
            assert_eq!(call.join().expect("a session"), [1, 1, 0, 0, 9000, 0]);
            states
        });
        assert!(states.len() == 1 && states[0].starts_with(seen), "round {round}: {states:?}");
        reader.batch_execute("DROP FUNCTION traced_gate CASCADE").expect("DROP");
    }
    assert_eq!(states(&mut reader), ["a2 9000"]);
}

#[test]
fn what_another_session_loads_is_not_undone() {
    let (database, mut client) = prepared("replace_used");
    let old = state("a1", 10);
    let pattern = files(&database, "replace_used", &[("a", &old)]);
    replace(&mut client, &pattern, 0);
    // The other one is at the content that the file had.
    let other = database.file("replace_used_copy", &old);
    let mut barrier = Barrier::close(&database, "traced");
    fs::write(pattern.replace('*', "a"), state("a2", 20)).expect("written");
    let path = pattern.replace('*', "a");
    let mut caller = database.connect();
    let pid = backend(&mut caller);
    let (call, one) = thread::scope(|scope| {
        let holder = scope.spawn(|| {
            let options = "workers => 0, if_loaded => 'force'";
            load_many(&mut database.connect(), &other, "traced", options).expect("a call")
        });
        barrier.wait_for_waiters(1);
        let one = load_with(&mut client, &path, "traced", "if_loaded => 'replace'");
        // A call looks at it again and again.
        let call = scope.spawn(|| replace(&mut caller, &pattern, 0));
        let waits = format!("pg_stat_activity WHERE pid = {pid} AND wait_event_type = 'Extension'");
        wait_for("the call to wait", || call.is_finished() || count(&mut client, &waits) > 0);
        assert_eq!(states(&mut client), ["a1 10"]);
        barrier.open();
        assert_eq!(holder.join().expect("a session").rows, 10);
        (call.join().expect("a session"), one)
    });
    assert_eq!(sqlstate(one), SqlState::OBJECT_IN_USE);
    assert_eq!(call, [1, 1, 0, 0, 20, 0]);
    assert_eq!(states(&mut client), ["a1 10", "a2 20"]);
    assert_eq!(strays(&mut client), 0);
}

#[test]
fn contents_that_move_from_name_to_name() {
    // As where logs are rotated: each name has the content that another had.
    for workers in [0, 3] {
        let name = format!("replace_rotated_{workers}");
        let (database, mut client) = prepared(&name);
        let names = ["a", "b", "c"];
        let old = [("a", state("s1", 10)), ("b", state("s2", 20)), ("c", state("s3", 30))];
        let pattern = files(&database, &name, &old);
        assert_eq!(replace(&mut client, &pattern, workers), [3, 3, 0, 0, 60, 0]);
        // One way, and the other way round.
        for contents in [[(4, 40), (1, 10), (2, 20)], [(1, 10), (2, 20), (5, 50)]] {
            for (name, (n, records)) in names.iter().zip(contents) {
                fs::write(pattern.replace('*', name), state(&format!("s{n}"), records)).expect("written");
            }
            let done = replace(&mut client, &pattern, workers);
            let history = loads(&mut client);
            assert_eq!(done[3], 0, "{workers} workers: {history:?}");
            let wanted = contents.map(|(n, records)| format!("s{n} {records}"));
            let mut wanted = wanted.to_vec();
            wanted.sort();
            assert_eq!(states(&mut client), wanted, "{workers} workers: {history:?}");
            assert_eq!(strays(&mut client), 0);
        }
    }
}

#[test]
fn sessions_replace_the_same_at_once() {
    let (database, mut client) = prepared("replace_together");
    let folder: Vec<(String, String)> =
        (0..6).map(|n| (format!("f{n}"), broken(&format!("f{n}-0"), 1000 * n + 50, n))).collect();
    let folder: Vec<(&str, &String)> = folder.iter().map(|(name, text)| (name.as_str(), text)).collect();
    let pattern = files(&database, "replace_together", &folder);
    replace(&mut client, &pattern, 2);
    for round in 1..4 {
        for n in 0..6 {
            let text = broken(&format!("f{n}-{round}"), 1000 * n + 50 + round, n);
            fs::write(pattern.replace('*', &format!("f{n}")), text).expect("written");
        }
        let done: Vec<[i64; 6]> = thread::scope(|scope| {
            let calls: Vec<_> = (0..4)
                .map(|n| {
                    let mut caller = database.connect();
                    let pattern = &pattern;
                    scope.spawn(move || {
                        caller.batch_execute(SETTINGS).expect("settings");
                        replace(&mut caller, pattern, n % 3)
                    })
                })
                .collect();
            calls.into_iter().map(|call| call.join().expect("a session")).collect()
        });
        assert_eq!(done.iter().map(|call| call[3]).sum::<i64>(), 0, "{done:?}");
        assert_eq!(done.iter().map(|call| call[1]).sum::<i64>(), 6, "{done:?}");
        let wanted: Vec<String> = (0..6).map(|n| format!("f{n}-{round} {}", 1000 * n + 50 + round)).collect();
        assert_eq!(states(&mut client), wanted);
        assert_eq!(strays(&mut client), 0);
    }
}

/// Kills, crashes and cancels while a file is replaced: what is there is of the old or
/// of the new file; called again, all of it is of the new one.
fn crash(seed: u64, rounds: u64) {
    let cluster = Cluster::start(&["restart_after_crash = on", "loader.verify = off"], Limits::default());
    let database = cluster.database("replace_crash");
    let mut client = database.connect();
    traced(&mut client, "traced");
    let contents = [damaged(Framing::Lines, 41, 400_000), damaged(Framing::Lines, 42, 400_000)];
    let pattern = files(&database, "replace_crash", &[("a", &contents[0][..]), ("b", b"{\"n\": 1}\n")]);
    let path = pattern.replace('*', "a");
    let wanted = [0, 1].map(|n| {
        fs::write(&path, &contents[n]).expect("written");
        let reference = format!("reference_{n}");
        traced(&mut client, &reference);
        load_many(&mut client, &pattern, &reference, "").expect("a call");
        left(&mut client, &reference)
    });
    let rows = |wanted: &loader_client_tests::Left| {
        let of_a = wanted.history.iter().find(|line| line.starts_with("a ")).expect("its load");
        of_a.split(' ').nth(3).and_then(|rows| rows.parse::<i64>().ok()).expect("its rows")
    };
    fs::write(&path, &contents[0]).expect("written");
    replace(&mut client, &pattern, 0);
    let mut numbers = Numbers(seed);
    let (mut disturbed, mut between) = (0, 0);
    for round in 0..rounds {
        let (old, new) = ((round % 2) as usize, (1 - round % 2) as usize);
        let workers = [0, 2, 3][numbers.below(3) as usize];
        // Of three moments one lies in the first part.
        let moment = if numbers.below(3) == 0 { 0 } else { numbers.below(rows(&wanted[new]) as u64) };
        let what = format!("seed {seed}, round {round}, {workers} workers, at {moment} rows");
        let mut caller = database.connect();
        caller.batch_execute(SETTINGS).expect("settings");
        let pid = backend(&mut caller);
        let mut watcher = database.connect();
        let last = figure(&mut watcher, "SELECT max(load_id) FROM loader.load_history");
        let pattern_of_call = &pattern;
        fs::write(&path, &contents[new]).expect("written");
        let mut hit = false;
        thread::scope(|scope| {
            let call = scope.spawn(move || {
                let options = format!("workers => {workers}, chunk => 100, if_loaded => 'replace'");
                load_many(&mut caller, pattern_of_call, "traced", &options)
            });
            let begun = "SELECT count(*) FROM pg_locks
                         WHERE relation = 'traced'::regclass AND pid <> pg_backend_pid()";
            wait_for("the call to come so far", || {
                call.is_finished()
                    || if moment == 0 {
                        figure(&mut watcher, begun) > 0
                    } else {
                        count(&mut watcher, &format!("traced WHERE _load_id > {last}")) >= moment as i64
                    }
            });
            let pids = worker_pids(&mut watcher);
            match round % 5 {
                0 => hit = kill(pids.first().copied().unwrap_or(pid)),
                1 => drop(signal(&mut watcher, "pg_cancel_backend", pid)),
                2 => cluster.end(libc::SIGQUIT),
                3 => cluster.end(libc::SIGKILL),
                _ => drop(signal(&mut watcher, "pg_terminate_backend", pid)),
            }
            disturbed += u64::from(call.join().expect("the caller's thread").is_err());
        });
        if hit {
            wait_for("the server to notice", || watcher.simple_query("SELECT").is_err());
            cluster.wait_until_ready();
        } else if (2..4).contains(&(round % 5)) {
            cluster.resume();
        }
        let mut client = database.connect();
        let of_old = count(&mut client, &format!("traced WHERE _load_id <= {last}")) - 1;
        let of_new = count(&mut client, &format!("traced WHERE _load_id > {last}"));
        assert!(
            of_old == rows(&wanted[old]) && of_new == 0 || of_old == 0,
            "{what}: {of_old} rows of the old file, {of_new} of the new one"
        );
        between += u64::from(of_old == 0 && of_new < rows(&wanted[new]));
        client.batch_execute(SETTINGS).expect("settings");
        assert_eq!(replace(&mut client, &pattern, 2)[3], 0, "{what}");
        left(&mut client, "traced").assert_same(&wanted[new], &what);
        assert_eq!(strays(&mut client), 0, "{what}");
    }
    println!("{disturbed} of {rounds} calls were disturbed, {between} of them in the new file");
    assert!(disturbed * 2 > rounds && between > 0);
}

#[test]
fn crashes_while_a_file_is_replaced() {
    crash(51, 10);
}

#[test]
#[ignore = "takes long: make soak"]
fn crashes_while_a_file_is_replaced_many_times() {
    crash(52, 100);
}
