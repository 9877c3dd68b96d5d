//! Rows that know where they came from; loads taken back; rejects mended and
//! loaded after all.

use crate::helpers::{Barrier, Gate, backend, count, counts, figure, files, insist, lines, session, traced};
use loader_client_tests::{Cluster, Outcome, empty, load, load_many, load_with, sqlstate};
use postgres::Client;
use postgres::error::SqlState;

fn undo(client: &mut Client, load: &Outcome) -> Result<i64, postgres::Error> {
    client.query_one("SELECT undo_load($1)", &[&load.load_id]).map(|row| row.get(0))
}

fn mend(client: &mut Client, load: &Outcome, at: i64, text: &str) -> Result<u64, postgres::Error> {
    client.execute("SELECT mend_reject($1, $2, $3)", &[&load.load_id, &at, &text])
}

/// Number, rows and still bad ones of a retry.
fn retry(client: &mut Client, load_id: i64) -> Result<(Option<i64>, i64, i64), postgres::Error> {
    client
        .query_one("SELECT load_id, rows_loaded, rows_rejected FROM retry_rejects($1)", &[&load_id])
        .map(|row| (row.get(0), row.get(1), row.get(2)))
}

/// Every third record of `count` lacks its end.
fn damaged(count: usize) -> String {
    lines(count)
        .lines()
        .enumerate()
        .map(|(n, line)| if n % 3 == 2 { line.trim_end_matches('}').to_owned() } else { line.to_owned() } + "\n")
        .collect()
}

#[test]
fn offsets_lead_back_to_the_file() {
    let (database, mut client) = session("lineage_offsets");
    traced(&mut client, "traced");
    let text = damaged(2_000);
    let path = database.file("lineage_offsets", &text);
    for chunk in ["chunk => 7", "chunk => 10000"] {
        let loaded = load_with(&mut client, &path, "traced", &format!("{chunk}, if_loaded => 'force'"))
            .expect("a load");
        let rows = client
            .query(
                "SELECT _byte_offset, (data->>'n')::bigint FROM traced WHERE _load_id = $1",
                &[&loaded.load_id],
            )
            .expect("rows");
        assert_eq!(rows.len() as i64, loaded.rows_loaded);
        for row in rows {
            let (at, n): (i64, i64) = (row.get(0), row.get(1));
            assert!(text[at as usize..].starts_with(&format!("{{\"n\": {n},")), "{at}");
        }
    }
    // Nobody has both an offset and a reject there.
    let both = "SELECT count(*) FROM traced t JOIN loader.rejects r
                ON r.load_id = t._load_id AND r.byte_offset = t._byte_offset";
    assert_eq!(figure(&mut client, both), 0);
}

#[test]
fn a_chunk_s_offsets_do_not_move_the_place_of_an_error() {
    let (database, mut client) = session("lineage_context");
    traced(&mut client, "traced");
    client.batch_execute("ALTER TABLE traced ADD CHECK ((data->>'n')::int <> 41)").expect("a constraint");
    let path = database.file("lineage_context", lines(100));
    let error = load_with(&mut client, &path, "traced", "on_error => 'stop'").expect_err("the constraint");
    let context = error.as_db_error().and_then(|error| error.where_()).unwrap_or_default().to_owned();
    assert!(context.contains("record 42, line 42,"), "{context}");
}

#[test]
fn an_undone_load_is_as_if_it_never_was() {
    let (database, mut client) = session("lineage_undo");
    traced(&mut client, "traced");
    let one = database.file("lineage_undo_one", damaged(300));
    let two = database.file("lineage_undo_two", damaged(30));
    let first = load(&mut client, &one, "traced").expect("a load");
    let second = load(&mut client, &two, "traced").expect("a load");

    // Rolled back, an undo is none.
    client.batch_execute("BEGIN").expect("BEGIN");
    assert_eq!(undo(&mut client, &first).expect("an undo"), first.rows_loaded);
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
    assert_eq!(count(&mut client, "traced"), first.rows_loaded + second.rows_loaded);

    assert_eq!(undo(&mut client, &first).expect("an undo"), first.rows_loaded);
    assert_eq!(count(&mut client, "traced"), second.rows_loaded);
    assert_eq!(count(&mut client, "loader.rejects"), second.rows_rejected);
    assert_eq!(sqlstate(undo(&mut client, &first)), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    assert_eq!(sqlstate(mend(&mut client, &first, 0, "1")), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);

    let again = load(&mut client, &one, "traced").expect("a load");
    assert_eq!((again.status.as_str(), again.rows_loaded), ("loaded", first.rows_loaded));
    assert_eq!(load(&mut client, &one, "traced").expect("a skip").load_id, again.load_id);
}

#[test]
fn two_cannot_undo_at_once() {
    let (database, mut client) = session("lineage_twice");
    traced(&mut client, "traced");
    let path = database.file("lineage_twice", lines(10));
    let loaded = load(&mut client, &path, "traced").expect("a load");
    let mut other = database.connect();
    client.batch_execute("BEGIN").expect("BEGIN");
    undo(&mut client, &loaded).expect("an undo");
    // The first has it in hand.
    assert_eq!(sqlstate(undo(&mut other, &loaded)), SqlState::OBJECT_IN_USE);
    assert_eq!(sqlstate(retry(&mut other, loaded.load_id)), SqlState::OBJECT_IN_USE);
    client.batch_execute("COMMIT").expect("COMMIT");
    assert_eq!(sqlstate(undo(&mut other, &loaded)), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    assert_eq!(count(&mut client, "traced"), 0);
}

#[test]
fn only_members_amend_a_load_and_numbers_tell_nothing() {
    let (database, mut admin) = session("lineage_roles");
    traced(&mut admin, "traced");
    admin
        .batch_execute(
            "CREATE ROLE lineage_one LOGIN; CREATE ROLE lineage_two LOGIN; CREATE ROLE lineage_chief LOGIN;
             GRANT lineage_one TO lineage_chief;
             GRANT pg_read_server_files TO lineage_one, lineage_two;
             GRANT INSERT, SELECT ON traced TO lineage_one, lineage_two;
             GRANT DELETE ON traced TO lineage_two",
        )
        .expect("roles");
    let path = database.file("lineage_roles", damaged(9));
    let mut one = database.connect_as("lineage_one");
    let mut two = database.connect_as("lineage_two");
    let loaded = load(&mut one, &path, "traced").expect("a load");
    let bad = figure(&mut one, "SELECT min(byte_offset) FROM loader.rejects");

    let words = |error: postgres::Error, load_id: i64| {
        let error = error.as_db_error().expect("the server's").clone();
        let message = error.message().replace(&format!("load {load_id} "), "");
        (error.code().clone(), message, error.detail().map(str::to_owned), error.hint().map(str::to_owned))
    };
    let nowhere = Outcome { load_id: 4_711, ..loaded.clone() };
    for call in [
        |client: &mut Client, load: &Outcome, _: i64| undo(client, load).map(|_| ()),
        |client: &mut Client, load: &Outcome, at: i64| mend(client, load, at, "1").map(|_| ()),
        |client: &mut Client, load: &Outcome, _: i64| retry(client, load.load_id).map(|_| ()),
    ] {
        let foreign = words(call(&mut two, &loaded, bad).expect_err("not his"), loaded.load_id);
        let missing = words(call(&mut two, &nowhere, bad).expect_err("no such load"), nowhere.load_id);
        assert_eq!(foreign.0, SqlState::UNDEFINED_OBJECT);
        assert_eq!(foreign, missing);
    }

    // His load, but not his right to delete.
    assert_eq!(sqlstate(undo(&mut one, &loaded)), SqlState::INSUFFICIENT_PRIVILEGE);
    mend(&mut one, &loaded, bad, "{}").expect("a mending");
    admin.batch_execute("REVOKE INSERT ON traced FROM lineage_one").expect("REVOKE");
    assert_eq!(sqlstate(retry(&mut one, loaded.load_id)), SqlState::INSUFFICIENT_PRIVILEGE);
    admin
        .batch_execute(
            "GRANT INSERT (data) ON traced TO lineage_one; GRANT DELETE, SELECT ON traced TO lineage_chief",
        )
        .expect("GRANT");
    let error = retry(&mut one, loaded.load_id).expect_err("columns of lineage");
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    assert!(error.as_db_error().and_then(|error| error.detail()).unwrap_or_default().contains("_load_id"));
    admin.batch_execute("GRANT INSERT (_load_id, _byte_offset) ON traced TO lineage_one").expect("GRANT");
    // It reads no file, and needs no right to.
    admin.batch_execute("REVOKE pg_read_server_files FROM lineage_one").expect("REVOKE");
    assert_eq!(retry(&mut one, loaded.load_id).expect("a retry").1, 1);
    let mut chief = database.connect_as("lineage_chief");
    assert_eq!(undo(&mut chief, &loaded).expect("a member's undo"), loaded.rows_loaded + 1);
    assert_eq!(count(&mut admin, "traced"), 0);
}

#[test]
fn policies_and_triggers_apply_to_an_undo() {
    let (database, mut admin) = session("lineage_rls");
    traced(&mut admin, "traced");
    admin
        .batch_execute(
            "CREATE ROLE lineage_rls LOGIN; GRANT pg_read_server_files TO lineage_rls;
             GRANT ALL ON traced TO lineage_rls;
             ALTER TABLE traced ENABLE ROW LEVEL SECURITY;
             CREATE POLICY w ON traced FOR INSERT TO lineage_rls WITH CHECK (true);
             CREATE POLICY d ON traced FOR DELETE TO lineage_rls USING ((data->>'n')::int < 4);
             CREATE POLICY r ON traced FOR SELECT TO lineage_rls USING (true);
             CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN IF OLD.data->>''n'' = ''0'' THEN RETURN NULL; END IF; RETURN OLD; END';
             CREATE TRIGGER keep BEFORE DELETE ON traced FOR EACH ROW EXECUTE FUNCTION keep()",
        )
        .expect("policies");
    let path = database.file("lineage_rls", lines(10));
    let mut role = database.connect_as("lineage_rls");
    let loaded = load(&mut role, &path, "traced").expect("a load");
    assert_eq!(sqlstate(undo(&mut role, &loaded)), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    let forced = role.query_one("SELECT undo_load($1, force => true)", &[&loaded.load_id]).expect("an undo");
    assert_eq!(forced.get::<_, i64>(0), 3);
    assert_eq!(count(&mut admin, "traced"), 7);
}

#[test]
fn mended_rejects_are_loaded_by_a_retry_and_taken_back() {
    let (database, mut client) = session("lineage_retry");
    traced(&mut client, "traced");
    let path = database.file("lineage_retry", damaged(30));
    let loaded = load(&mut client, &path, "traced").expect("a load");
    assert_eq!(loaded.rows_rejected, 10);
    assert_eq!(retry(&mut client, loaded.load_id).expect("nothing to do"), (None, 0, 0));

    client
        .execute(
            "SELECT mend_reject(load_id, byte_offset,
                 CASE WHEN record_no <= 9 THEN '{' ELSE convert_from(raw, 'UTF8') || '}' END)
             FROM loader.rejects WHERE record_no <= 24",
            &[],
        )
        .expect("mendings");
    let (id, rows, still_bad) = retry(&mut client, loaded.load_id).expect("a retry");
    assert_eq!((rows, still_bad), (5, 3));
    let id = id.expect("a number");
    let history: (i64, i64, i64, i64) = client
        .query_one(
            "SELECT retry_of, rows_loaded, records, bytes_loaded - stream_bytes
             FROM loader.load_history WHERE load_id = $1 AND options = '{\"retry\": true}'",
            &[&id],
        )
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .expect("history");
    assert_eq!(history, (loaded.load_id, 5, 5, 0));
    let linked = format!(
        "SELECT count(*) FROM traced t JOIN loader.rejects r ON r.byte_offset = t._byte_offset
         WHERE t._load_id = {id} AND r.load_id = {} AND r.resolved_by = {id} AND r.mended::jsonb = t.data",
        loaded.load_id
    );
    assert_eq!(figure(&mut client, &linked), 5);
    // Those are done with; the others still wait.
    assert_eq!(retry(&mut client, loaded.load_id).expect("a retry"), (None, 0, 3));
    assert_eq!(sqlstate(retry(&mut client, id)), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    let done =
        figure(&mut client, "SELECT min(byte_offset) FROM loader.rejects WHERE resolved_by IS NOT NULL");
    assert_eq!(sqlstate(mend(&mut client, &loaded, done, "1")), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    assert_eq!(sqlstate(mend(&mut client, &loaded, 1, "1")), SqlState::UNDEFINED_OBJECT);
    // A retry is no load of the file: that is loaded still, and by its own number.
    assert_eq!(load(&mut client, &path, "traced").expect("a skip").load_id, loaded.load_id);

    let retried = Outcome { load_id: id, ..loaded.clone() };
    assert_eq!(undo(&mut client, &retried).expect("an undo"), 5);
    assert_eq!(figure(&mut client, "SELECT count(*) FROM loader.rejects WHERE resolved_by IS NULL"), 10);
    assert_eq!(retry(&mut client, loaded.load_id).expect("a retry").1, 5);
    assert_eq!(undo(&mut client, &loaded).expect("an undo"), loaded.rows_loaded + 5);
    assert_eq!(count(&mut client, "traced") + count(&mut client, "loader.rejects"), 0);
    assert_eq!(figure(&mut client, "SELECT count(*) FROM loader.load_history WHERE status <> 'undone'"), 0);
}

#[test]
fn a_failing_retry_leaves_nothing_and_names_the_reject() {
    let (database, mut client) = session("lineage_retry_fails");
    traced(&mut client, "traced");
    insist(&mut client, "traced", "data->>'n' <> '-5'");
    let path = database.file("lineage_retry_fails", damaged(30));
    let loaded = load(&mut client, &path, "traced").expect("a load");
    client
        .execute("SELECT mend_reject(load_id, byte_offset, '{\"n\": -' || record_no - 1 || '}') FROM loader.rejects", &[])
        .expect("mendings");
    let bad = figure(&mut client, "SELECT byte_offset FROM loader.rejects WHERE record_no = 6");
    let error = retry(&mut client, loaded.load_id).expect_err("the constraint");
    let context = error.as_db_error().and_then(|error| error.where_()).unwrap_or_default().to_owned();
    assert!(context.contains(&path) && context.contains(&format!("byte {bad}\n")), "{context}");
    assert!(context.contains(&format!("retrying rejects of load {}", loaded.load_id)), "{context}");
    assert_eq!(count(&mut client, "traced"), loaded.rows_loaded);
    assert_eq!(count(&mut client, "loader.load_history"), 1);
    assert_eq!(figure(&mut client, "SELECT count(resolved_by) FROM loader.rejects"), 0);
}

#[test]
fn many_and_large_mended_texts_are_retried() {
    let (database, mut client) = session("lineage_retry_many");
    traced(&mut client, "traced");
    let path = database.file("lineage_retry_many", damaged(36_000));
    let loaded = load(&mut client, &path, "traced").expect("a load");
    assert_eq!(loaded.rows_rejected, 12_000);
    client
        .batch_execute(
            "SELECT count(mend_reject(load_id, byte_offset, convert_from(raw, 'UTF8') || '}')) FROM loader.rejects;
             SELECT count(mend_reject(load_id, byte_offset, '\"' || repeat('x', 3000000) || '\"'))
             FROM loader.rejects WHERE record_no % 4500 = 3",
        )
        .expect("mendings");
    assert_eq!(retry(&mut client, loaded.load_id).expect("a retry").1, 12_000);
    assert_eq!(count(&mut client, "traced WHERE jsonb_typeof(data) = 'string'"), 8);
    assert_eq!(count(&mut client, "traced"), 36_000);
}

#[test]
fn targets_that_cannot_be_undone() {
    let (database, mut client) = session("lineage_targets");
    let path = database.file("lineage_targets", lines(5));
    let plain = load(&mut client, &path, "t").expect("a load");
    assert_eq!(sqlstate(undo(&mut client, &plain)), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    client.batch_execute("DROP TABLE t").expect("DROP");
    assert_eq!(sqlstate(undo(&mut client, &plain)), SqlState::UNDEFINED_TABLE);
    assert_eq!(sqlstate(retry(&mut client, plain.load_id)), SqlState::UNDEFINED_TABLE);

    // What brought no row can be undone whatever became of its table.
    client.batch_execute("SELECT seed_json_table('t')").expect("a table");
    let bad = database.file("lineage_targets_bad", "{\n{\n");
    let none = load(&mut client, &bad, "t").expect("a load");
    assert_eq!((none.rows_loaded, undo(&mut client, &none).expect("an undo")), (0, 0));
    let none = load(&mut client, &bad, "t").expect("a load");
    client.batch_execute("DROP TABLE t").expect("DROP");
    assert_eq!(undo(&mut client, &none).expect("an undo"), 0);
    assert_eq!(count(&mut client, "loader.rejects"), 0);
}

#[test]
fn a_target_is_found_by_its_oid_and_else_by_its_name() {
    let (database, mut client) = session("lineage_found");
    traced(&mut client, "traced");
    let path = database.file("lineage_found", damaged(30));
    let loaded = load(&mut client, &path, "traced").expect("a load");
    client
        .batch_execute(
            "SELECT mend_reject(load_id, byte_offset, '1') FROM loader.rejects WHERE record_no = 3;
             ALTER TABLE traced RENAME TO renamed",
        )
        .expect("another name");
    assert_eq!(retry(&mut client, loaded.load_id).expect("a retry").1, 1);
    // Another table that has got the name is another.
    client
        .batch_execute("CREATE TABLE traced AS TABLE renamed; DROP TABLE renamed")
        .expect("another table of the old name");
    assert_eq!(sqlstate(undo(&mut client, &loaded)), SqlState::UNDEFINED_TABLE);
    // As after a restore: what was written elsewhere is known by its name.
    client
        .batch_execute("UPDATE loader.load_history_data SET home = 'elsewhere'")
        .expect("as after a restore");
    client
        .batch_execute(
            "SELECT mend_reject(load_id, byte_offset, '1') FROM loader.rejects WHERE record_no = 6",
        )
        .expect("a mending");
    assert_eq!(retry(&mut client, loaded.load_id).expect("a retry").1, 1);
    // As after a restore that gave the OID to another table: the name counts.
    client
        .batch_execute(
            "SELECT seed_json_table('other', lineage => true);
             UPDATE loader.load_history_data SET target_oid = 'other'::regclass, home = 'elsewhere';
             SELECT mend_reject(load_id, byte_offset, '1') FROM loader.rejects WHERE record_no = 9",
        )
        .expect("a table with the OID");
    assert_eq!(retry(&mut client, loaded.load_id).expect("a retry").1, 1);
    assert_eq!(count(&mut client, "other"), 0);
    client.batch_execute("DROP TABLE other").expect("DROP");
    assert_eq!(undo(&mut client, &loaded).expect("an undo"), loaded.rows_loaded + 3);
    assert_eq!(count(&mut client, "traced"), 0);
}

#[test]
fn mended_texts_and_names_are_in_the_database_s_encoding() {
    let cluster = Cluster::shared();
    for (name, encoding) in [("lineage_latin1", "LATIN1"), ("lineage_sql_ascii", "SQL_ASCII")] {
        let database = cluster.database_with(name, encoding);
        let mut client = database.connect();
        let table = if encoding == "LATIN1" { "\"spur_é\"" } else { "spur" };
        traced(&mut client, table);
        let path = cluster.file(name, damaged(3));
        let loaded = load(&mut client, &path, table).expect("a load");
        let at = figure(&mut client, "SELECT byte_offset FROM loader.rejects");
        mend(&mut client, &loaded, at, "{\"é\": \"ü\"}").expect("a mending");
        assert_eq!(retry(&mut client, loaded.load_id).expect("a retry").1, 1, "{encoding}");
        let query = format!("SELECT count(*) FROM {table} WHERE data = '{{\"é\": \"ü\"}}'");
        assert_eq!(figure(&mut client, &query), 1, "{encoding}");
        assert_eq!(undo(&mut client, &loaded).expect("an undo"), 3);
    }
}

#[test]
fn a_load_under_way_is_left_alone_and_a_partial_one_can_be_undone() {
    let (database, mut client) = session("lineage_partial");
    traced(&mut client, "traced");
    // Time enough for the first rows to be committed.
    client
        .batch_execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_sleep(2.2); RETURN NEW; END';
             CREATE TRIGGER slow BEFORE INSERT ON traced FOR EACH ROW
                 WHEN (NEW.data->>'n' = '5') EXECUTE FUNCTION slow()",
        )
        .expect("a trigger");
    let path = database.file("lineage_partial", lines(20_000));
    let call = format!("CALL load_json_files('{path}', 'traced', workers => 0, chunk => 1000)");
    let mut gate = Gate::close(&database, "traced", 19_999);
    let mut loading = database.connect();
    let pid = backend(&mut loading);
    let loader = std::thread::spawn({
        let call = call.clone();
        move || (loading.batch_execute(&call), loading)
    });
    gate.wait_for_waiters(1);
    let running = Outcome {
        load_id: figure(&mut client, "SELECT load_id FROM loader.load_history WHERE status = 'running'"),
        status: "running".to_owned(),
        rows_loaded: count(&mut client, "traced"),
        rows_rejected: 0,
        bytes_read: 0,
    };
    assert!(running.rows_loaded > 0 && running.rows_loaded < 20_000, "{running:?}");
    assert_eq!(sqlstate(undo(&mut client, &running)), SqlState::OBJECT_IN_USE);
    assert_eq!(sqlstate(retry(&mut client, running.load_id)), SqlState::OBJECT_IN_USE);

    client.execute("SELECT pg_cancel_backend($1)", &[&pid]).expect("a cancel");
    let (result, mut loading) = loader.join().expect("a thread");
    assert_eq!(sqlstate(result), SqlState::QUERY_CANCELED);
    gate.open();
    assert_eq!(undo(&mut client, &running).expect("an undo"), running.rows_loaded);
    assert_eq!(count(&mut client, "traced"), 0);
    loading.batch_execute(&call).expect("all of it");
    let offsets = "SELECT count(DISTINCT _byte_offset) FROM traced
                   WHERE _load_id = (SELECT load_id FROM loader.load_history WHERE status = 'loaded')";
    assert_eq!(figure(&mut client, offsets), 20_000);
}

#[test]
fn a_failed_load_is_undone_and_done_again() {
    // In one process, and in ranges.
    for workers in [0, 3] {
        let name = format!("lineage_failed_{workers}");
        let (database, mut client) = session(&name);
        traced(&mut client, "traced");
        client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
        insist(&mut client, "traced", "data->>'n' <> '25000'");
        let pattern = files(&database, &name, &[("a", damaged(30_000)), ("b", damaged(30))]);
        let options = format!("workers => {workers}, chunk => 500");
        let mut barrier = Barrier::close(&database, "traced");
        let summary = std::thread::scope(|scope| {
            let call = scope.spawn(|| load_many(&mut client, &pattern, "traced", &options));
            // One has the small file.
            barrier.wait_for_idle(i64::max(workers - 2, 0));
            barrier.open();
            call.join().expect("a session").expect("a call")
        });
        assert_eq!(counts(&summary)[..4], [2, 1, 0, 1], "{workers} workers");
        let failed = client
            .query_one(
                "SELECT load_id, rows_loaded, rows_rejected FROM loader.load_history WHERE status = 'failed'",
                &[],
            )
            .expect("the failed load");
        let (load_id, rows, rejects): (i64, i64, i64) = (failed.get(0), failed.get(1), failed.get(2));
        assert!(rows > 4000 && rows < 17_000 && rejects > 2000, "{workers} workers: {rows}, {rejects}");
        assert_eq!(count(&mut client, &format!("traced WHERE _load_id = {load_id}")), rows);
        // Each row and reject has the place in the file that it came from.
        let text = damaged(30_000);
        let places = format!(
            "SELECT _byte_offset, (data->>'n')::bigint FROM traced WHERE _load_id = {load_id}
             UNION ALL SELECT byte_offset, record_no - 1 FROM loader.rejects WHERE load_id = {load_id}"
        );
        for row in client.query(&places, &[]).expect("places") {
            let (at, n): (i64, i64) = (row.get(0), row.get(1));
            assert!(text[at as usize..].starts_with(&format!("{{\"n\": {n},")), "{workers} workers: {at}");
        }

        assert_eq!(figure(&mut client, &format!("SELECT undo_load({load_id})")), rows);
        assert_eq!((count(&mut client, "traced"), count(&mut client, "loader.rejects")), (20, 10));
        client.batch_execute("ALTER TABLE traced DROP CONSTRAINT c").expect("DROP");
        let summary = load_many(&mut client, &pattern, "traced", &options).expect("a call");
        assert_eq!(counts(&summary), [2, 1, 1, 0, 20_000, 10_000], "{workers} workers");
        assert_eq!(count(&mut client, &format!("traced WHERE _load_id = {load_id}")), 0);
    }
}

#[test]
fn what_a_grown_file_resolved_is_open_again_after_its_undo() {
    let (database, mut client) = session("lineage_grown");
    traced(&mut client, "traced");
    let path = database.file("lineage_grown", "{\"n\": 0}\n{\"n\":");
    let call = format!("CALL load_json_files('{path}', 'traced')");
    client.batch_execute(&call).expect("the file as it was");
    database.file("lineage_grown", "{\"n\": 0}\n{\"n\": 1}\n{\"n\": 2}\n");
    client.batch_execute(&call).expect("what is new");
    let resolved = "SELECT count(resolved_by) FROM loader.rejects";
    assert_eq!((count(&mut client, "traced"), figure(&mut client, resolved)), (3, 1));
    client.query_one("SELECT undo_load(max(load_id)) FROM loader.load_history", &[]).expect("an undo");
    assert_eq!((count(&mut client, "traced"), figure(&mut client, resolved)), (1, 0));
    client.batch_execute(&call).expect("what is new, again");
    assert_eq!((count(&mut client, "traced"), figure(&mut client, resolved)), (3, 1));
}

#[test]
fn what_was_undone_ends_no_chain_of_loads() {
    let (database, mut client) = session("lineage_chain");
    traced(&mut client, "traced");
    let call = |client: &mut Client, text: &str, options: &str| {
        let path = database.file("lineage_chain", text);
        client.batch_execute(&format!("CALL load_json_files('{path}', 'traced' {options})")).expect("a call");
    };
    call(&mut client, "{\"n\": 1}\n", "");
    call(&mut client, "{\"n\": 2}\n{\"n\": 3}\n", ", if_loaded => 'force'");
    let undo = |client: &mut Client, which: &str| {
        let query = format!("SELECT undo_load({which}(load_id)) FROM loader.load_history");
        client.batch_execute(&query).expect("an undo");
    };
    undo(&mut client, "max");
    // The third builds on the first, and goes with it.
    let text = "{\"n\": 1}\n{\"n\": 4}\n";
    call(&mut client, text, "");
    assert_eq!(count(&mut client, "traced"), 2);
    undo(&mut client, "min");
    assert_eq!(count(&mut client, "traced"), 0);
    // Something else is in the table: it does not count as emptied.
    client.batch_execute("INSERT INTO traced (data) VALUES ('{}')").expect("a row");
    call(&mut client, text, "");
    assert_eq!(count(&mut client, "traced"), 3);
}

#[test]
fn a_validation_leaves_nothing_and_sees_everything() {
    let (database, mut client) = session("lineage_validate");
    let path = database.file("lineage_validate", damaged(300));
    let seen = |client: &mut Client| {
        let row = client.query_one(
            "SELECT load_id, status, rows_loaded, rows_rejected, bytes_read
                 FROM load_json_file($1, 't', validate => true, chunk => 20)",
            &[&path],
        )?;
        Ok::<(Option<i64>, String, i64, i64, i64), postgres::Error>((
            row.get(0),
            row.get(1),
            row.get(2),
            row.get(3),
            row.get(4),
        ))
    };
    let size = damaged(300).len() as i64;
    assert_eq!(seen(&mut client).expect("a validation"), (None, "validated".to_owned(), 200, 100, size));
    assert!(empty(&mut client, "t"));

    // In a transaction, too, and in one that already did something.
    client.batch_execute("BEGIN; INSERT INTO t VALUES ('1')").expect("BEGIN");
    seen(&mut client).expect("a validation");
    assert_eq!(count(&mut client, "t"), 1);
    client.batch_execute("COMMIT").expect("COMMIT");

    // What a commit would say, and what an exception block catches.
    client
        .batch_execute(
            "CREATE TABLE known (n int PRIMARY KEY); INSERT INTO known SELECT generate_series(1, 298);
             ALTER TABLE t ADD n int GENERATED ALWAYS AS ((data->>'n')::int) STORED;
             ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES known DEFERRABLE INITIALLY DEFERRED",
        )
        .expect("a deferred constraint");
    assert_eq!(sqlstate(seen(&mut client)), SqlState::FOREIGN_KEY_VIOLATION);
    client
        .batch_execute(&format!(
            "DO $$ BEGIN
                 INSERT INTO t VALUES ('2');
                 BEGIN
                     PERFORM load_json_file('{path}', 't', validate => true);
                 EXCEPTION WHEN foreign_key_violation THEN
                     NULL;
                 END;
                 INSERT INTO t VALUES ('3');
             END $$"
        ))
        .expect("an error that is caught");
    assert_eq!(count(&mut client, "t"), 3);
    client.batch_execute("INSERT INTO known VALUES (0)").expect("a row");
    assert_eq!(seen(&mut client).expect("a validation").2, 200);
    // Loaded or not, it is looked at.
    let loaded = load(&mut client, &path, "t").expect("a load");
    assert_eq!(loaded.rows_loaded, 200);
    assert_eq!(seen(&mut client).expect("a validation").2, 200);
    assert_eq!(count(&mut client, "t"), 203);
}

#[test]
fn a_validation_can_be_cancelled() {
    let (database, mut client) = session("lineage_validate_cancel");
    let path = database.file("lineage_validate_cancel", lines(100));
    let mut gate = Gate::close(&database, "t", 50);
    let pid = backend(&mut client);
    let waiting = std::thread::spawn(move || {
        let result = load_with(&mut client, &path, "t", "validate => true").map(|_| ());
        (client, result)
    });
    gate.wait_for_waiters(1);
    database.connect().execute("SELECT pg_cancel_backend($1)", &[&pid]).expect("a cancel");
    let (mut client, result) = waiting.join().expect("a thread");
    assert_eq!(sqlstate(result), SqlState::QUERY_CANCELED);
    gate.open();
    assert!(empty(&mut client, "t"));
}
