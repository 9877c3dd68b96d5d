//! What is undone together with a load: its retries, and the loads that go on where it ended. Nothing
//! else is, however alike it looks.

use crate::helpers::{Gate, append, count, figure, lines, session, tiny, traced};
use loader_client_tests::{Outcome, load, load_with, sqlstate, wait_for};
use postgres::Client;
use postgres::error::SqlState;
use std::thread;

fn undo(client: &mut Client, load_id: i64) -> Result<i64, postgres::Error> {
    client.query_one("SELECT undo_load($1)", &[&load_id]).map(|row| row.get(0))
}

fn add(client: &mut Client, path: &str) -> Outcome {
    load_with(client, path, "traced", "if_loaded => 'add'").expect("a load")
}

/// Has the first reject of a load loaded after all, by a retry. Returns the number of that.
fn retry(client: &mut Client, load: &Outcome, text: &str) -> i64 {
    client
        .execute(
            "SELECT mend_reject(load_id, min(byte_offset), $2) FROM loader.rejects WHERE load_id = $1
             GROUP BY load_id",
            &[&load.load_id, &text],
        )
        .expect("a mending");
    let query = "SELECT load_id FROM retry_rejects($1)";
    client.query_one(query, &[&load.load_id]).expect("a retry").get(0)
}

/// The numbers of the records that are in the table.
fn numbers(client: &mut Client) -> String {
    let query = "SELECT coalesce(string_agg(data->>'n', ' ' ORDER BY (data->>'n')::int), '') FROM traced";
    client.query_one(query, &[]).expect("the records").get(0)
}

#[test]
fn a_retry_belongs_to_the_load_whose_rejects_it_loaded() {
    for if_loaded in ["force", "add"] {
        let name = format!("undo_retry_{if_loaded}");
        let (database, mut client) = session(&name);
        traced(&mut client, "traced");
        let path = database.file(&name, "{\"n\": 1}\n");
        let first = load(&mut client, &path, "traced").expect("a load");
        database.file(&name, "{\"n\": 2}\n");
        let options = format!("if_loaded => '{if_loaded}'");
        let second = load_with(&mut client, &path, "traced", &options).expect("a load");
        append(&path, "{\"n\": 3}\n{\"n\": 4\n{\"n\": 5}\n");
        let grown = add(&mut client, &path);
        assert_eq!((grown.rows_loaded, grown.rows_rejected), (2, 1), "{if_loaded}");
        let retried = retry(&mut client, &grown, "{\"n\": 4}");

        assert_eq!(undo(&mut client, first.load_id).expect("an undo"), 1, "{if_loaded}");
        assert_eq!(numbers(&mut client), "2 3 4 5", "{if_loaded}");
        let resolved = format!("loader.rejects WHERE resolved_by = {retried}");
        assert_eq!(count(&mut client, &resolved), 1, "{if_loaded}");
        assert_eq!(undo(&mut client, second.load_id).expect("an undo"), 4, "{if_loaded}");
        assert_eq!(count(&mut client, "loader.rejects"), 0, "{if_loaded}");
    }
}

#[test]
fn a_load_into_another_column_ends_no_chain() {
    let (database, mut client) = session("undo_column");
    client.batch_execute("CREATE TABLE traced (data jsonb, other jsonb, _load_id bigint)").expect("a table");
    let path = database.file("undo_column", "{\"n\": 1}\n");
    let first = load(&mut client, &path, "traced").expect("a load");
    load_with(&mut client, &path, "traced", "target_column => 'other'").expect("a load");
    append(&path, "{\"n\": 2}\n");
    load(&mut client, &path, "traced").expect("a load");
    assert_eq!(undo(&mut client, first.load_id).expect("an undo"), 2);
    assert_eq!(count(&mut client, "traced WHERE other IS NOT NULL"), 1);
    assert_eq!(load(&mut client, &path, "traced").expect("a load").rows_loaded, 2);
}

#[test]
fn a_log_is_followed_under_the_name_that_it_gets() {
    let (database, mut client) = session("undo_rotated");
    traced(&mut client, "traced");
    let log = database.file("undo_rotated", "{\"n\": 1}\n");
    let first = add(&mut client, &log);
    let rotated = database.file("undo_rotated.1", "{\"n\": 1}\n{\"n\": 2}\n");
    let first_rotated = add(&mut client, &rotated);
    assert_eq!(first_rotated.rows_loaded, 1);
    // The next log, and its next name, which the first one had.
    database.file("undo_rotated", "{\"n\": 3}\n");
    let second = add(&mut client, &log);
    database.file("undo_rotated.1", "{\"n\": 3}\n{\"n\": 4}\n");
    assert_eq!(add(&mut client, &rotated).rows_loaded, 1);

    assert_eq!(undo(&mut client, first_rotated.load_id).expect("an undo"), 1);
    assert_eq!(numbers(&mut client), "1 3 4");
    assert_eq!(undo(&mut client, second.load_id).expect("an undo"), 2);
    assert_eq!(numbers(&mut client), "1");
    assert_eq!(add(&mut client, &rotated).rows_loaded, 2);
    // What was undone is loaded again, and follows again.
    database.file("undo_rotated.1", "{\"n\": 1}\n{\"n\": 2}\n");
    assert_eq!(add(&mut client, &rotated).rows_loaded, 1);
    assert_eq!(undo(&mut client, first.load_id).expect("an undo"), 2);
    assert_eq!(add(&mut client, &rotated).rows_loaded, 2);
    assert_eq!(numbers(&mut client), "1 2 3 4");
}

#[test]
fn a_file_that_was_empty_for_a_moment_ends_no_chain() {
    let (database, mut client) = session("undo_empty");
    traced(&mut client, "traced");
    let path = database.file("undo_empty", "{\"n\": 1}\n");
    let first = add(&mut client, &path);
    database.file("undo_empty", "");
    let empty = add(&mut client, &path);
    database.file("undo_empty", "{\"n\": 1}\n{\"n\": 2}\n");
    assert_eq!(add(&mut client, &path).rows_loaded, 1);
    assert_eq!(undo(&mut client, empty.load_id).expect("an undo"), 0);
    assert_eq!(numbers(&mut client), "1 2");
    assert_eq!(undo(&mut client, first.load_id).expect("an undo"), 2);
    assert_eq!(add(&mut client, &path).rows_loaded, 2);
}

#[test]
fn what_has_all_of_a_file_builds_on_nothing() {
    let (database, mut client) = session("undo_whole");
    traced(&mut client, "traced");
    let path = database.file("undo_whole", "");
    let empty = load(&mut client, &path, "traced").expect("a load");
    append(&path, "{\"n\": 1}\n");
    assert_eq!(load(&mut client, &path, "traced").expect("a load").rows_loaded, 1);
    assert_eq!(undo(&mut client, empty.load_id).expect("an undo"), 0);
    assert_eq!(numbers(&mut client), "1");

    // The first record was loaded by a retry, and the grown file begins behind it.
    let path = database.file("undo_whole_retried", "{\"n\": 2");
    let torn = load(&mut client, &path, "traced").expect("a load");
    retry(&mut client, &torn, "{\"n\": 2}");
    append(&path, "}\n{\"n\": 3}\n");
    assert_eq!(load(&mut client, &path, "traced").expect("a load").rows_loaded, 1);
    assert_eq!(undo(&mut client, torn.load_id).expect("an undo"), 2);
    assert_eq!(load(&mut client, &path, "traced").expect("a load").rows_loaded, 2);
    assert_eq!(numbers(&mut client), "1 2 3");
}

#[test]
fn a_follower_under_way_under_another_name_is_left_alone() {
    let (database, mut client) = session("undo_under_way");
    traced(&mut client, "traced");
    let log = database.file("undo_under_way", tiny(10));
    let first = add(&mut client, &log);
    let rotated = database.file("undo_under_way.1", tiny(20_000));
    let mut gate = Gate::close(&database, "traced", 19_999);
    let mut loading = database.connect();
    let call = thread::spawn(move || {
        loading.batch_execute("SET loader.transaction_size = '1kB'")?;
        loading.batch_execute(&format!(
            "CALL load_json_files('{rotated}', 'traced', workers => 0, chunk => 500, if_loaded => 'add')"
        ))
    });
    gate.wait_for_waiters(1);
    assert_eq!(count(&mut client, "loader.load_history WHERE status = 'running'"), 1);
    assert_eq!(sqlstate(undo(&mut client, first.load_id)), SqlState::OBJECT_IN_USE);
    gate.open();
    call.join().expect("a thread").expect("the rest of it");
    assert_eq!(undo(&mut client, first.load_id).expect("an undo"), 20_000);
}

#[test]
fn a_failed_attempt_goes_on_only_where_it_began() {
    let (database, mut client) = session("undo_attempt");
    traced(&mut client, "traced");
    let call = |client: &mut Client, path: &str, if_loaded: &str| {
        let call =
            format!("CALL load_json_files('{path}', 'traced', workers => 0, if_loaded => '{if_loaded}')");
        client.batch_execute(&call)
    };
    let path = database.file("undo_attempt", "{\"n\": 1}\n");
    let first = load(&mut client, &path, "traced").expect("a load");
    append(&path, "{\"n\": 3}\n");
    // Something is wrong with the table, and with no record of the file.
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN RAISE 'not now' USING ERRCODE = '55000'; END$$;
             CREATE TRIGGER refuse BEFORE INSERT ON traced EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    call(&mut client, &path, "skip").expect("a call");
    let failed = "loader.load_history WHERE status = 'failed'";
    assert_eq!(count(&mut client, failed), 1);
    client.batch_execute("DROP TRIGGER refuse ON traced").expect("DROP");
    // Another state of the file, which is as long as the first one was, and grows by as much.
    database.file("undo_attempt", "{\"n\": 2}\n");
    let second = load_with(&mut client, &path, "traced", "if_loaded => 'force'").expect("a load");
    append(&path, "{\"n\": 4}\n");
    call(&mut client, &path, "skip").expect("a call");
    assert_eq!(numbers(&mut client), "1 2 4");
    assert_eq!(undo(&mut client, first.load_id).expect("an undo"), 1);
    assert_eq!(numbers(&mut client), "2 4");
    assert_eq!(undo(&mut client, second.load_id).expect("an undo"), 2);
}

#[test]
fn an_undo_does_not_read_the_history_of_other_loads() {
    const OTHERS: i64 = 20_000;
    let (database, mut client) = session("undo_index");
    traced(&mut client, "traced");
    let path = database.file("undo_index", lines(3));
    let first = load(&mut client, &path, "traced").expect("a load");
    append(&path, lines(2));
    load(&mut client, &path, "traced").expect("a load");
    // Loads of the same file, each of which builds on the one before it, and loads that build on none.
    client
        .batch_execute(&format!(
            "INSERT INTO loader.load_history_data
             SELECT (jsonb_populate_record(h, jsonb_build_object(
                         'load_id', h.load_id + n,
                         'builds_on', CASE WHEN n % 2 = 0 AND n > 2 THEN h.load_id + n - 2 END))).*
             FROM loader.load_history_data AS h, generate_series(1, {OTHERS}) AS n
             WHERE h.builds_on IS NOT NULL;
             ANALYZE loader.load_history_data"
        ))
        .expect("history");
    client.batch_execute("BEGIN").expect("BEGIN");
    assert_eq!(undo(&mut client, first.load_id).expect("an undo"), 5);
    let read = "SELECT (coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0))::bigint
                FROM pg_stat_xact_all_tables WHERE schemaname = 'loader'";
    let read = figure(&mut client, read);
    client.batch_execute("COMMIT").expect("COMMIT");
    assert!(read < OTHERS / 10, "{read} rows");
    let undone = "loader.load_history WHERE status = 'undone'";
    assert_eq!(count(&mut client, undone), 2);
}

#[test]
fn a_follower_that_the_transaction_does_not_see_is_a_conflict() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let name = format!("undo_{}", level.to_lowercase().replace(' ', "_"));
        let (database, mut client) = session(&name);
        traced(&mut client, "traced");
        let path = database.file(&name, "{\"n\": 1}\n{\"n\": 2\n{\"n\": 3}\n");
        let first = load(&mut client, &path, "traced").expect("a load");
        let mut other = database.connect();
        for by_a_retry in [false, true] {
            client
                .batch_execute(&format!("BEGIN ISOLATION LEVEL {level}; SELECT FROM traced"))
                .expect("a snapshot");
            if by_a_retry {
                retry(&mut other, &first, "{\"n\": 2}");
            } else {
                append(&path, "{\"n\": 4}\n");
                assert_eq!(load(&mut other, &path, "traced").expect("a load").rows_loaded, 1);
            }
            let refused = undo(&mut client, first.load_id);
            assert_eq!(sqlstate(refused), SqlState::T_R_SERIALIZATION_FAILURE, "{level}, {by_a_retry}");
            client.batch_execute("ROLLBACK").expect("ROLLBACK");
        }
        client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}")).expect("BEGIN");
        assert_eq!(undo(&mut client, first.load_id).expect("an undo"), 4, "{level}");
        client.batch_execute("COMMIT").expect("COMMIT");
        assert_eq!(load(&mut client, &path, "traced").expect("a load").rows_loaded, 3, "{level}");
    }
}

#[test]
fn a_follower_of_a_follower_that_is_committed_meanwhile_is_undone_too() {
    let (database, mut client) = session("undo_meanwhile");
    traced(&mut client, "traced");
    let states = ["undo_meanwhile", "undo_meanwhile-2026", "undo_meanwhile-2026.1"]
        .iter()
        .zip([1, 2, 3])
        .map(|(name, records)| database.file(name, tiny(records)))
        .collect::<Vec<_>>();
    let first = add(&mut client, &states[0]);
    add(&mut client, &states[1]);
    // The third one builds on the second, which the undo waits for.
    let mut other = database.connect();
    let mut watcher = database.connect();
    other.batch_execute("BEGIN").expect("BEGIN");
    assert_eq!(add(&mut other, &states[2]).rows_loaded, 1);
    thread::scope(|scope| {
        let undoing = scope.spawn(|| undo(&mut client, first.load_id));
        wait_for("the undo to wait", || {
            count(
                &mut watcher,
                "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            ) == 1
        });
        other.batch_execute("COMMIT").expect("COMMIT");
        assert_eq!(undoing.join().expect("a thread").expect("an undo"), 3);
    });
    assert_eq!(count(&mut watcher, "loader.load_history WHERE status <> 'undone'"), 0);
    assert_eq!(add(&mut watcher, &states[2]).rows_loaded, 3);
}
