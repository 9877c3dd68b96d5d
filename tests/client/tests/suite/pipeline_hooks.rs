//! The hooks of pipelines: on_file with its file, on_batch once for each load, whatever happens.

use crate::helpers::{Gate, Numbers, backend, count, figure, lines};
use crate::pipelines::{Setup, notified, texts};
use loader_client_tests::{Cluster, Limits, message, send_signal, wait_for};
use std::fs;
use std::thread;
use std::time::Duration;

#[test]
fn on_file_is_in_the_transaction_of_its_file() {
    let mut setup = Setup::bare("hooks_file");
    setup
        .client
        .batch_execute(
            "CREATE SCHEMA own; CREATE TABLE own.done (load_id bigint, path text, rows bigint);
             CREATE FUNCTION own.note(bigint, text) RETURNS void LANGUAGE plpgsql AS $$
             BEGIN
                 IF $2 LIKE '%bad' THEN RAISE 'not this one'; END IF;
                 INSERT INTO done SELECT $1, $2, count(*) FROM public.t WHERE _load_id = $1;
             END $$;
             SET search_path = own, public",
        )
        .expect("a hook");
    let mut setup =
        setup.create("on_file => 'SELECT note($1, $2)', max_attempts => 2").expect("create_pipeline");
    // It is found as it was when the pipeline was created.
    setup.client.batch_execute("SET search_path = public").expect("SET");
    let good = setup.put("good", lines(3));
    setup.put("bad", lines(4));
    // Loaded in parts; the hook is run with the last of them.
    let large = setup.put("large", lines(3000));
    setup.client.batch_execute("SET loader.transaction_size = '64kB'").expect("SET");
    assert_eq!(setup.counts()[..3], [2, 0, 1]);
    let mut done = texts(&mut setup.client, "SELECT concat_ws(' ', path, rows) FROM own.done ORDER BY path");
    assert_eq!(done, [format!("{good} 3"), format!("{large} 3000")]);
    assert_eq!(setup.rows(), 3003);
    let why = texts(&mut setup.client, "SELECT error_message FROM loader.pipeline_files");
    assert_eq!(why, ["on_file failed: not this one"]);
    // Content that is there already is not loaded, and nobody is told of it.
    setup.put("again", lines(3));
    setup.run().expect("a run");
    done = texts(&mut setup.client, "SELECT path FROM own.done");
    assert_eq!(done.len(), 2);
    let search_path = texts(&mut setup.client, "SHOW search_path");
    assert_eq!(search_path, ["public"]);
}

#[test]
fn on_file_of_a_file_that_is_split() {
    let mut setup = Setup::bare("hooks_split");
    setup.client.batch_execute("CREATE TABLE done (load_id bigint, path text)").expect("a table");
    let arguments = "on_file => 'INSERT INTO done VALUES ($1, $2)', workers => 3";
    let mut setup = setup.create(arguments).expect("create_pipeline");
    let record = format!("{{\"n\": \"{}\"}}\n", "x".repeat(500));
    setup.put("large", record.repeat(40_000));
    setup.put("small", lines(1));
    setup.run().expect("a run");
    assert_eq!((setup.rows(), count(&mut setup.client, "done")), (40_001, 2));
}

#[test]
fn what_on_batch_was_not_told_of_joins_the_next_batch() {
    let mut setup = Setup::bare("hooks_batch");
    setup
        .client
        .batch_execute(
            "CREATE TABLE told (loads bigint[]); CREATE TABLE refuse ();
             CREATE FUNCTION tell(bigint[]) RETURNS void LANGUAGE plpgsql AS $$
             BEGIN
                 IF EXISTS (SELECT FROM refuse) THEN RAISE 'not now' USING ERRCODE = '55000'; END IF;
                 INSERT INTO told VALUES ($1);
             END $$",
        )
        .expect("a hook");
    let mut setup = setup
        .create("on_batch => 'SELECT tell($1)', notify => 'c', retry_delay => '1 h'")
        .expect("create_pipeline");
    let told = "SELECT cardinality(loads)::text FROM told ORDER BY loads";
    setup.put("a", lines(1));
    setup.run().expect("a run");
    assert_eq!(texts(&mut setup.client, told), ["1"]);
    // Nothing was loaded: nobody is told.
    setup.run().expect("a run");
    assert_eq!(texts(&mut setup.client, told), ["1"]);
    setup.client.batch_execute("INSERT INTO refuse DEFAULT VALUES; LISTEN c").expect("INSERT");
    setup.put("b", lines(2));
    setup.run().expect("that a hook fails is no error");
    let state = "SELECT concat_ws(' ', state, loads_pending, last_error) FROM loader.pipelines";
    assert_eq!(texts(&mut setup.client, state), ["active 1 not now"]);
    let run =
        "SELECT concat_ws(' ', status, files_loaded, batches, batches_failed, batch_sqlstate, batch_error)
               FROM loader.pipeline_runs ORDER BY started_at DESC LIMIT 1";
    assert_eq!(texts(&mut setup.client, run), ["succeeded 1 1 1 55000 not now"]);
    let payload = r#"{"pipeline": "p", "event": "hook_failed", "hook": "on_batch", "sqlstate": "55000"}"#;
    assert_eq!(notified(&mut setup.client), [payload]);
    // It is not tried again before its time, but with whatever comes.
    setup.run().expect("a run");
    setup.put("c", lines(3));
    setup.client.batch_execute("DELETE FROM refuse").expect("DELETE");
    setup.run().expect("a run");
    assert_eq!(texts(&mut setup.client, told), ["1", "2"]);
    assert_eq!(texts(&mut setup.client, "SELECT loads_pending::text FROM loader.pipelines"), ["0"]);
    // Tried again by itself, once it is time.
    setup.client.batch_execute("INSERT INTO refuse DEFAULT VALUES").expect("INSERT");
    setup.client.batch_execute("SELECT alter_pipeline('p', retry_delay => '0')").expect("alter_pipeline");
    setup.put("d", lines(4));
    setup.run().expect("a run");
    setup.client.batch_execute("DELETE FROM refuse").expect("DELETE");
    setup.run().expect("a run");
    assert_eq!(texts(&mut setup.client, told), ["1", "2", "1"]);
    setup
        .client
        .batch_execute("SELECT alter_pipeline('p', on_file_error => 'raise')")
        .expect("alter_pipeline");
    setup.client.batch_execute("INSERT INTO refuse DEFAULT VALUES").expect("INSERT");
    setup.put("e", lines(5));
    assert_eq!(message(setup.run()), "55000: on_batch failed: not now");
}

#[test]
fn on_batch_may_be_a_procedure_that_commits() {
    let mut setup = Setup::bare("hooks_call");
    setup
        .client
        .batch_execute(
            "CREATE SCHEMA own; CREATE TABLE own.told (loads bigint[], step int); CREATE TABLE own.refuse ();
             CREATE PROCEDURE own.tell(loads bigint[]) LANGUAGE plpgsql AS $$
             BEGIN
                 FOR step IN 1..3 LOOP
                     INSERT INTO told VALUES (loads, step);
                     COMMIT;
                 END LOOP;
                 IF EXISTS (SELECT FROM refuse) THEN RAISE 'not now' USING ERRCODE = '55000'; END IF;
             END $$;
             SET search_path = own, public",
        )
        .expect("a hook");
    let mut setup = setup.create("on_batch => 'CALL tell($1)'").expect("create_pipeline");
    setup.client.batch_execute("SET search_path = public").expect("SET");
    let told = "SELECT concat_ws(' ', cardinality(loads), step) FROM own.told ORDER BY loads, step";
    setup.put("a", lines(1));
    setup.run().expect("a run");
    assert_eq!(texts(&mut setup.client, told), ["1 1", "1 2", "1 3"]);
    setup.client.batch_execute("TRUNCATE own.told; INSERT INTO own.refuse DEFAULT VALUES").expect("SQL");
    setup.put("b", lines(2));
    setup.run().expect("a run");
    // What it has committed stays, and it is told again.
    assert_eq!(texts(&mut setup.client, told), ["1 1", "1 2", "1 3"]);
    let run = "SELECT concat_ws(' ', batches_failed, batch_sqlstate, batch_error)
               FROM loader.pipeline_runs ORDER BY started_at DESC LIMIT 1";
    assert_eq!(texts(&mut setup.client, run), ["1 55000 not now"]);
    setup.client.batch_execute("TRUNCATE own.told; DELETE FROM own.refuse").expect("SQL");
    setup.put("c", lines(3));
    setup.run().expect("a run");
    assert_eq!(texts(&mut setup.client, told), ["2 1", "2 2", "2 3"]);
    assert_eq!(texts(&mut setup.client, "SELECT loads_pending::text FROM loader.pipelines"), ["0"]);
}

#[test]
fn a_procedure_that_rolls_back_keeps_its_search_path() {
    let mut setup = Setup::bare("hooks_rollback");
    setup
        .client
        .batch_execute(
            "CREATE SCHEMA own; CREATE TABLE own.told (step int);
             CREATE PROCEDURE own.tell(loads bigint[]) LANGUAGE plpgsql AS $$
             BEGIN
                 ROLLBACK;
                 INSERT INTO told VALUES (1);
                 COMMIT;
                 ROLLBACK;
                 INSERT INTO told VALUES (2);
             END $$;
             SET search_path = own, public",
        )
        .expect("a hook");
    let mut setup = setup.create("on_batch => 'CALL tell($1)'").expect("create_pipeline");
    setup.client.batch_execute("SET search_path = public").expect("SET");
    setup.put("a", lines(1));
    setup.run().expect("a run");
    let errors = "SELECT concat_ws(' ', batches, batch_error) FROM loader.pipeline_runs";
    assert_eq!(texts(&mut setup.client, errors), ["1"]);
    assert_eq!(texts(&mut setup.client, "SELECT step::text FROM own.told ORDER BY step"), ["1", "2"]);
}

#[test]
fn a_hook_that_goes_while_files_are_loaded_is_not_told_of_them() {
    let again = "SELECT drop_pipeline('p');
                 SELECT create_pipeline('p', '/none/*', 't', on_batch => 'SELECT $1', enabled => false)";
    let changes = [("hooks_altered", "SELECT alter_pipeline('p', on_batch => '')"), ("hooks_dropped", again)];
    for (name, change) in changes {
        let mut setup = Setup::new(name, "on_batch => 'SELECT $1'");
        let mut gate = Gate::close(&setup.database, "t", 0);
        setup.put("a", lines(1));
        let mut other = setup.database.connect();
        thread::scope(|scope| {
            let run = scope.spawn(|| other.batch_execute("CALL run_pipeline('p')"));
            gate.wait_for_waiters(1);
            setup.client.batch_execute(change).expect("a change");
            gate.open();
            run.join().expect("a session").expect("a run");
        });
        assert_eq!(setup.rows(), 1);
        assert_eq!(
            texts(&mut setup.client, "SELECT loads_pending::text FROM loader.pipelines"),
            ["0"],
            "{name}"
        );
    }
}

/// Kills the session's backend at moments of all kinds: what the hooks have added up equals what the rows
/// say.
fn kill_at_moments(moments: u64) {
    let cluster = Cluster::start(&["restart_after_crash = on"], Limits::default());
    let database = cluster.database("hooks_kill");
    let folder = database.folder("in");
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "SELECT seed_json_table('t', lineage => true);
             CREATE TABLE per_file (load_id bigint, rows bigint);
             CREATE TABLE per_batch (rows bigint);
             INSERT INTO per_batch VALUES (0);
             SELECT create_pipeline('p', '{}/*', 't', settle => '0', max_files => 5,
                 on_file => 'INSERT INTO per_file SELECT $1, count(*) FROM t WHERE _load_id = $1',
                 on_batch => 'UPDATE per_batch SET rows = rows + (SELECT count(*) FROM t WHERE _load_id = ANY ($1))')",
            folder.display()
        ))
        .expect("a pipeline");
    let per_file = "SELECT coalesce(sum(rows), 0)::bigint FROM per_file";
    let mut numbers = Numbers(13);
    let mut files = 0;
    for _ in 0..moments {
        for _ in 0..8 {
            files += 1;
            let path =
                database.file(".writing", format!("{{\"file\": {files}}}\n") + &lines(20 + files % 50));
            fs::rename(path, folder.join(format!("f{files}"))).expect("rename");
        }
        let mut runner = database.connect();
        let pid = backend(&mut runner);
        let pause = Duration::from_micros(numbers.below(60_000));
        thread::scope(|scope| {
            let run = scope.spawn(|| runner.batch_execute("CALL run_pipeline('p')"));
            // No event tells of all moments of a run.
            thread::sleep(pause);
            send_signal(pid, libc::SIGKILL);
            // It may have been over; its session is there all the same.
            let _ = run.join().expect("a session");
        });
        wait_for("the server to notice", || client.simple_query("SELECT").is_err());
        cluster.wait_until_ready();
        client = database.connect();
        // So many kills in so short a time would suspend it.
        client.batch_execute("SELECT resume_pipeline('p')").expect("resume_pipeline");
        // At any moment: what on_batch was told of, and what it is still to be told of.
        let rows = count(&mut client, "t");
        let told = "SELECT rows + (SELECT count(*) FROM t JOIN loader.pipeline_batches_data AS b
                                   ON b.load_id = t._load_id) FROM per_batch";
        assert_eq!(
            (figure(&mut client, per_file), figure(&mut client, told)),
            (rows, rows),
            "after {pause:?}"
        );
    }
    client.batch_execute("CALL run_pipeline('p')").expect("a run");
    let rows = count(&mut client, "t");
    assert_eq!(
        count(&mut client, "(SELECT DISTINCT data->>'file' FROM t WHERE data ? 'file') AS f"),
        files as i64
    );
    assert_eq!(count(&mut client, "t WHERE data ? 'file'"), files as i64);
    assert_eq!(figure(&mut client, per_file), rows);
    assert_eq!(count(&mut client, "per_file"), files as i64);
    assert_eq!(figure(&mut client, "SELECT rows FROM per_batch"), rows);
    assert_eq!(count(&mut client, "loader.pipeline_batches_data"), 0);
}

#[test]
fn kills_at_some_moments_add_up() {
    kill_at_moments(6);
}

#[test]
#[ignore = "takes long: make soak"]
fn kills_at_many_moments_add_up() {
    kill_at_moments(200);
}
