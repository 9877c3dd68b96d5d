//! Pipelines that the server starts by itself: what wakes it, as whom they run, and that nothing keeps
//! a database from being dropped or the launcher from going on.

use crate::helpers::{Replica, count, figure, table};
use loader_client_tests::{Cluster, Database, Limits, message, send_signal, wait_for};
use postgres::Client;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A database of the cluster that the library is preloaded in, with the table `t`, a session, and a
/// folder for files.
fn session(name: &str) -> (Database<'static>, Client, PathBuf) {
    session_in(Cluster::preloaded(), name)
}

fn session_in<'a>(cluster: &'a Cluster, name: &str) -> (Database<'a>, Client, PathBuf) {
    let database = cluster.database(name);
    let mut client = database.connect();
    table(&mut client, "t");
    let folder = database.folder("in");
    (database, client, folder)
}

/// A pipeline `p` of the files in a folder, which loads them as they are.
fn create(client: &mut Client, folder: &Path, poll: &str) {
    create_with(client, folder, &format!("poll => '{poll}', settle => '0'"));
}

fn create_with(client: &mut Client, folder: &Path, options: &str) {
    let pattern = format!("{}/*.json", folder.display());
    client
        .execute(&format!("SELECT create_pipeline('p', $1, 't', {options})"), &[&pattern])
        .expect("create_pipeline");
}

/// A file that comes into the folder by a rename, with one record `{"n": n}`.
fn drop_file(cluster: &Cluster, folder: &Path, n: usize) {
    let path = folder.join(format!(".{n}"));
    fs::write(&path, format!("{{\"n\": {n}}}\n")).expect("a file");
    cluster.give(&path);
    fs::rename(&path, folder.join(format!("{n}.json"))).expect("its name");
}

/// Waits until the table has so many rows.
fn wait_for_rows(client: &mut Client, rows: i64) {
    wait_for("rows", || count(client, "t") >= rows);
    assert_eq!(count(client, "t"), rows);
}

/// A trigger of `t` that keeps whoever inserts while there is a row in `closed`: no session of the
/// database is needed to hold it.
fn gate(client: &mut Client) {
    client
        .batch_execute(
            "CREATE TABLE closed (); INSERT INTO closed DEFAULT VALUES;
             CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 WHILE EXISTS (SELECT FROM closed) LOOP PERFORM pg_sleep(0.05); END LOOP;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER gate BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION gate();
             GRANT SELECT ON closed TO PUBLIC",
        )
        .expect("a gate");
}

/// The processes of a kind in a database.
fn processes(client: &mut Client, kind: &str, database: &str) -> Vec<i32> {
    let query = "SELECT pid FROM pg_stat_activity WHERE backend_type = $1 AND coalesce(datname, '') = $2";
    client.query(query, &[&kind, &database]).expect("processes").iter().map(|row| row.get(0)).collect()
}

fn wait_for_run(client: &mut Client, database: &str) -> i32 {
    let mut pid = None;
    wait_for("a run", || {
        pid = processes(client, "loader pipeline", database).first().copied();
        pid.is_some()
    });
    pid.expect("a process")
}

/// State and reason of the pipeline `p`.
fn state(client: &mut Client) -> (String, String) {
    let row = client
        .query_one("SELECT state, coalesce(reason, '') FROM loader.pipelines WHERE name = 'p'", &[])
        .expect("the pipeline");
    (row.get(0), row.get(1))
}

fn scheduler(client: &mut Client) -> String {
    client.query_one("SELECT loader.scheduler()", &[]).expect("a scheduler").get(0)
}

#[test]
fn files_are_loaded_as_they_come() {
    let (database, mut client, folder) = session("launcher_come");
    drop_file(database.cluster, &folder, 1);
    create(&mut client, &folder, "1 h");
    wait_for_rows(&mut client, 1);
    // Nobody looks for an hour, but for what the directory tells.
    for n in 2..5 {
        drop_file(database.cluster, &folder, n);
        wait_for_rows(&mut client, n as i64);
    }
    let shown: String = client.query_one("SELECT scheduler FROM loader.pipelines", &[]).expect("p").get(0);
    assert_eq!(shown, "launcher");
    wait_for("the worker to end", || processes(&mut client, "loader pipeline", "launcher_come").is_empty());
}

/// Waits until the pipeline `p` has looked at its files, from beginning to end, since this was called.
fn wait_for_look(client: &mut Client) {
    // The first run that ends may have begun before.
    for _ in 0..2 {
        let last = "SELECT last_run::text FROM loader.pipelines WHERE name = 'p'";
        let before: String = client.query_one(last, &[]).expect("the pipeline").get(0);
        wait_for("a run", || {
            client.query_one(last, &[]).expect("the pipeline").get::<_, String>(0) != before
        });
    }
}

#[test]
fn what_is_known_of_loaded_files_is_forgotten_when_a_load_goes() {
    let (database, mut client, folder) = session("launcher_known");
    client.batch_execute("ALTER TABLE t ADD COLUMN _load_id bigint").expect("lineage");
    (1..4).for_each(|n| drop_file(database.cluster, &folder, n));
    let options = r#"poll => '100 ms', settle => '0', options => '{"if_emptied": "reload"}'"#;
    create_with(&mut client, &folder, options);
    wait_for_rows(&mut client, 3);
    wait_for_look(&mut client);
    // Its rows go, and come again with another load.
    let load = figure(&mut client, "SELECT max(load_id) FROM loader.load_history");
    client.execute("SELECT undo_load($1)", &[&load]).expect("undo_load");
    wait_for_look(&mut client);
    assert_eq!(count(&mut client, "t"), 3);
    assert!(figure(&mut client, "SELECT max(load_id) FROM loader.load_history") > load);
    client.batch_execute("TRUNCATE t").expect("an empty table");
    wait_for_look(&mut client);
    assert_eq!(count(&mut client, "t"), 3);
    fs::write(folder.join("1.json"), "{\"n\": 1}\n{\"n\": 4}\n").expect("a file that has grown");
    wait_for_rows(&mut client, 4);
    wait_for_look(&mut client);
    // Of this nobody hears: files that are as they were are still known, until the database is asked.
    client
        .batch_execute("DELETE FROM loader.load_history_data WHERE file_path LIKE '%/2.json'")
        .expect("a history with a gap");
    wait_for_look(&mut client);
    assert_eq!(count(&mut client, "t"), 4);
    client.batch_execute("SELECT alter_pipeline('p', poll => '150 ms')").expect("alter_pipeline");
    wait_for_rows(&mut client, 5);
}

#[test]
fn what_nobody_tells_of_is_found_by_looking() {
    let (database, mut client, folder) = session("launcher_poll");
    // What is watched is the directory behind the link.
    for name in ["a", "b"] {
        let below = folder.join(name);
        fs::create_dir(&below).expect("a folder");
        database.cluster.give(&below);
        symlink(name, folder.join(format!("link.{name}"))).expect("a link");
    }
    fs::rename(folder.join("link.a"), folder.join("link")).expect("the link");
    drop_file(database.cluster, &folder.join("a"), 1);
    create(&mut client, &folder.join("link"), "1 s");
    wait_for_rows(&mut client, 1);
    drop_file(database.cluster, &folder.join("b"), 2);
    fs::rename(folder.join("link.b"), folder.join("link")).expect("the link");
    wait_for_rows(&mut client, 2);
}

#[test]
fn directories_that_come_later_and_go() {
    let (database, mut client, folder) = session("launcher_directories");
    let below = folder.join("a/b");
    create(&mut client, &below, "1 h");
    wait_for("the first run", || count(&mut client, "loader.pipelines WHERE last_run IS NOT NULL") == 1);
    for round in 1..3 {
        for folder in [folder.join("a"), below.clone()] {
            fs::create_dir(&folder).expect("a folder");
            database.cluster.give(&folder);
        }
        drop_file(database.cluster, &below, round);
        wait_for_rows(&mut client, round as i64);
        fs::remove_dir_all(folder.join("a")).expect("removed");
    }
}

#[test]
fn a_pipeline_is_there_once_it_is_committed() {
    let (database, mut client, folder) = session("launcher_commit");
    drop_file(database.cluster, &folder, 1);
    client.batch_execute("BEGIN").expect("BEGIN");
    create(&mut client, &folder, "1 h");
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
    assert_eq!(count(&mut client, "loader.pipelines"), 0);
    client.batch_execute("BEGIN; SAVEPOINT s").expect("BEGIN");
    create(&mut client, &folder, "1 h");
    client.batch_execute("RELEASE s; COMMIT").expect("COMMIT");
    wait_for_rows(&mut client, 1);
    // What is changed is known at once.
    client.batch_execute("SELECT pause_pipeline('p')").expect("pause");
    drop_file(database.cluster, &folder, 2);
    client.batch_execute("SELECT resume_pipeline('p')").expect("resume");
    wait_for_rows(&mut client, 2);
    let other = database.folder("other");
    drop_file(database.cluster, &other, 3);
    let pattern = format!("{}/*.json", other.display());
    client.execute("SELECT alter_pipeline('p', pattern => $1)", &[&pattern]).expect("alter");
    wait_for_rows(&mut client, 3);
    client.batch_execute("SELECT drop_pipeline('p')").expect("drop");
    create(&mut client, &folder, "1 h");
    wait_for("a run", || count(&mut client, "loader.pipelines WHERE last_run IS NOT NULL") == 1);
}

#[test]
fn pipelines_of_two_databases_are_strangers() {
    let (one, mut first, folder) = session("launcher_one");
    let (_two, mut second, other) = session("launcher_two");
    create(&mut first, &folder, "1 h");
    create(&mut second, &other, "1 h");
    drop_file(one.cluster, &folder, 1);
    drop_file(one.cluster, &other, 2);
    drop_file(one.cluster, &other, 3);
    wait_for_rows(&mut first, 1);
    wait_for_rows(&mut second, 2);
}

#[test]
fn a_run_has_the_rights_and_settings_of_its_owner() {
    let (database, mut admin, folder) = session("launcher_owner");
    admin
        .batch_execute(
            "CREATE ROLE launcher_owner LOGIN; GRANT pg_read_server_files TO launcher_owner;
             ALTER ROLE launcher_owner SET TimeZone = 'Asia/Tokyo';
             ALTER DATABASE launcher_owner SET app.tenant = 'acme';
             GRANT INSERT, SELECT ON t TO launcher_owner; ALTER TABLE t ADD who text;
             CREATE FUNCTION who() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 RESET ROLE;
                 NEW.who := concat_ws(' ', session_user, current_user, current_setting('is_superuser'),
                     current_setting('TimeZone'), current_setting('app.tenant'));
                 RETURN NEW;
             END $$;
             CREATE TRIGGER who BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION who()",
        )
        .expect("a role");
    let mut owner = database.connect_as("launcher_owner");
    create(&mut owner, &folder, "1 h");
    drop_file(database.cluster, &folder, 1);
    wait_for_rows(&mut admin, 1);
    let who: String = admin.query_one("SELECT who FROM t", &[]).expect("a row").get(0);
    assert_eq!(who, "launcher_owner launcher_owner off Asia/Tokyo acme");
    // Whoever may not log in runs nothing, and neither does one that is gone.
    admin.batch_execute("ALTER ROLE launcher_owner NOLOGIN").expect("ALTER ROLE");
    drop_file(database.cluster, &folder, 2);
    wait_for("suspension", || state(&mut admin).0 == "suspended");
    assert_eq!(state(&mut admin).1, "its owner may not log in");
    admin.batch_execute("ALTER ROLE launcher_owner LOGIN; SELECT resume_pipeline('p')").expect("LOGIN");
    wait_for_rows(&mut admin, 2);
    drop(owner);
    let others = "SELECT create_pipeline('other', $1, 't', poll => '1 h', settle => '0')";
    let elsewhere = database.folder("elsewhere");
    admin.execute(others, &[&format!("{}/*.json", elsewhere.display())]).expect("another pipeline");
    admin.batch_execute("DROP OWNED BY launcher_owner; DROP ROLE launcher_owner").expect("DROP ROLE");
    drop_file(database.cluster, &folder, 3);
    wait_for("suspension", || {
        let stored = "loader.pipelines_data WHERE name = 'p' AND state = 'suspended'";
        count(&mut admin, stored) == 1
    });
    assert_eq!(state(&mut admin).1, "its owner does not exist");
    // The others go on.
    drop_file(database.cluster, &elsewhere, 4);
    wait_for_rows(&mut admin, 3);
}

/// One run finds it out, and no other one is started until somebody has resumed the pipeline.
#[test]
fn what_is_taken_from_the_owner_suspends_once() {
    let (database, mut admin, folder) = session("launcher_taken");
    admin
        .batch_execute(
            "CREATE ROLE launcher_taken LOGIN; GRANT pg_read_server_files TO launcher_taken;
             GRANT INSERT, SELECT ON t TO launcher_taken",
        )
        .expect("a role");
    let mut owner = database.connect_as("launcher_taken");
    create_with(&mut owner, &folder, "poll => '100 ms', settle => '0'");
    let mut bystander = 0;
    let beside = database.folder("beside");
    let pattern = format!("{}/*.json", beside.display());
    admin.batch_execute("SELECT seed_json_table('other')").expect("a table");
    admin
        .execute("SELECT create_pipeline('other', $1, 'other', poll => '100 ms', settle => '0')", &[&pattern])
        .expect("another pipeline");
    let failed = "loader.pipeline_runs WHERE pipeline = 'p' AND status = 'failed'";
    for (n, (take, give, why)) in [
        (
            "REVOKE INSERT ON t FROM launcher_taken",
            "GRANT INSERT ON t TO launcher_taken",
            "permission denied for table t",
        ),
        (
            "REVOKE pg_read_server_files FROM launcher_taken",
            "GRANT pg_read_server_files TO launcher_taken",
            "permission denied",
        ),
        (
            "ALTER TABLE t RENAME TO kept; DROP TABLE kept",
            "",
            "table public.t of pipeline \"p\" does not exist",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        drop_file(database.cluster, &folder, n);
        wait_for_rows(&mut admin, n as i64 + 1);
        admin.batch_execute(take).expect("taken");
        drop_file(database.cluster, &folder, 100 + n);
        wait_for("suspension", || state(&mut admin).0 == "suspended");
        assert!(state(&mut admin).1.contains(why), "{:?}", state(&mut admin));
        assert_eq!(count(&mut admin, failed), n as i64 + 1);
        // The others go on meanwhile, for many times `poll`.
        for _ in 0..5 {
            bystander += 1;
            drop_file(database.cluster, &beside, bystander);
            wait_for("rows of the other one", || count(&mut admin, "other") == bystander as i64);
        }
        assert_eq!(count(&mut admin, failed), n as i64 + 1);
        if !give.is_empty() {
            fs::remove_file(folder.join(format!("{}.json", 100 + n))).expect("removed");
            admin.batch_execute(&format!("{give}; SELECT resume_pipeline('p')")).expect("given");
        }
    }
}

#[test]
fn sessions_of_the_owner_that_begin_as_another_role_suspend() {
    let (database, mut admin, folder) = session("launcher_role");
    admin
        .batch_execute(
            "CREATE ROLE launcher_other; CREATE ROLE launcher_role LOGIN;
             GRANT launcher_other, pg_read_server_files TO launcher_role; GRANT INSERT ON t TO launcher_role",
        )
        .expect("roles");
    create(&mut database.connect_as("launcher_role"), &folder, "1 h");
    drop_file(database.cluster, &folder, 1);
    wait_for_rows(&mut admin, 1);
    admin.batch_execute("ALTER ROLE launcher_role SET role = 'launcher_other'").expect("ALTER ROLE");
    drop_file(database.cluster, &folder, 2);
    wait_for("suspension", || state(&mut admin).0 == "suspended");
    let reason = "sessions of its owner begin as role \"launcher_other\", because of a setting";
    assert_eq!(state(&mut admin).1, reason);
    let again = "ALTER ROLE launcher_role RESET role; SELECT resume_pipeline('p')";
    admin.batch_execute(again).expect("resumed");
    wait_for_rows(&mut admin, 2);
}

#[test]
fn a_database_that_is_read_only_suspends() {
    let (database, mut admin, folder) = session("launcher_read_only");
    create(&mut admin, &folder, "1 h");
    drop_file(database.cluster, &folder, 1);
    wait_for_rows(&mut admin, 1);
    let alter = "ALTER DATABASE launcher_read_only SET default_transaction_read_only = on";
    admin.batch_execute(alter).expect("ALTER DATABASE");
    drop_file(database.cluster, &folder, 2);
    wait_for("suspension", || state(&mut admin).0 == "suspended");
    let reason = "transactions of its owner are read-only: default_transaction_read_only is on";
    assert_eq!((state(&mut admin).1.as_str(), count(&mut admin, "t")), (reason, 1));
    let again = "ALTER DATABASE launcher_read_only RESET default_transaction_read_only";
    admin.batch_execute(again).expect("ALTER DATABASE");
    admin.batch_execute("SELECT resume_pipeline('p')").expect("resumed");
    wait_for_rows(&mut admin, 2);
}

/// A server that is read-only as a whole may be so for a short time.
#[test]
fn pipelines_wait_while_the_server_is_read_only() {
    let cluster = Cluster::start(&["shared_preload_libraries = 'loader'"], Limits::default());
    let (_database, mut admin, folder) = session_in(&cluster, "launcher_all_read_only");
    create(&mut admin, &folder, "1 h");
    drop_file(&cluster, &folder, 1);
    wait_for_rows(&mut admin, 1);
    admin.batch_execute("ALTER SYSTEM SET default_transaction_read_only = on").expect("ALTER SYSTEM");
    admin.batch_execute("SELECT pg_reload_conf()").expect("a reload");
    let setting =
        "SELECT 1::bigint FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'";
    wait_for("the setting", || !cluster.connect("postgres").query(setting, &[]).expect("it").is_empty());
    drop_file(&cluster, &folder, 2);
    wait_for("a word", || {
        cluster.log().contains("pipeline \"p\" is not run: default_transaction_read_only is on")
    });
    assert_eq!((state(&mut admin).0.as_str(), count(&mut admin, "t")), ("active", 1));
    admin.batch_execute("ALTER SYSTEM RESET default_transaction_read_only").expect("ALTER SYSTEM");
    admin.batch_execute("SELECT pg_reload_conf()").expect("a reload");
    wait_for("the setting", || cluster.connect("postgres").query(setting, &[]).expect("it").is_empty());
    // At once, and not after the pause.
    cluster
        .connect("launcher_all_read_only")
        .batch_execute("SELECT alter_pipeline('p', poll => '2 h')")
        .expect("alter_pipeline");
    wait_for_rows(&mut admin, 2);
}

#[test]
fn a_procedure_is_called_where_the_owner_has_just_been_altered() {
    let (database, mut admin, folder) = session("launcher_call");
    admin
        .batch_execute(
            "CREATE ROLE launcher_call SUPERUSER LOGIN; CREATE TABLE told (loads bigint[]);
             CREATE PROCEDURE tell(loads bigint[]) LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO told VALUES (loads); COMMIT; END $$",
        )
        .expect("a role");
    let mut owner = database.connect_as("launcher_call");
    // Nothing of the owner is known any more when the worker for the CALL is to be started.
    let hooks = "on_file => 'ALTER ROLE launcher_call CONNECTION LIMIT 50', on_batch => 'CALL tell($1)'";
    create_with(&mut owner, &folder, &format!("settle => '0', {hooks}"));
    drop_file(database.cluster, &folder, 1);
    wait_for("the CALL", || count(&mut admin, "told") == 1);
    wait_for("its end", || {
        count(&mut admin, "loader.pipeline_runs WHERE batches = 1 AND batches_failed = 0") == 1
    });
}

#[test]
fn databases_are_dropped_while_pipelines_run() {
    let mut admin = Cluster::preloaded().connect("postgres");
    let (other, mut bystander, beside) = session("launcher_beside");
    create(&mut bystander, &beside, "1 h");
    for (n, command) in ["DROP DATABASE", "DROP DATABASE FORCE", "idle"].into_iter().enumerate() {
        let name = format!("launcher_drop_{n}");
        let (database, mut client, folder) = session(&name);
        let oid =
            figure(&mut client, "SELECT oid::bigint FROM pg_database WHERE datname = current_database()");
        if command != "idle" {
            gate(&mut client);
        }
        drop_file(database.cluster, &folder, 1);
        create(&mut client, &folder, "1 s");
        if command == "idle" {
            wait_for_rows(&mut client, 1);
        } else {
            wait_for_run(&mut admin, &name);
        }
        drop(client);
        // The server waits for five seconds. A session of the test may take some time to go, too.
        let force = if command.ends_with("FORCE") { "WITH (FORCE)" } else { "" };
        wait_for("the database to be dropped", || {
            admin.batch_execute(&format!("DROP DATABASE {name} {force}")).is_ok()
        });
        // The launcher goes on, and does not try for ever. A worker may be on its way as the database goes.
        drop_file(other.cluster, &beside, n);
        wait_for_rows(&mut bystander, n as i64 + 1);
        let log = database.cluster.log();
        let tried = log.matches(&format!("FATAL:  database {oid} does not exist")).count()
            + log.matches(&format!("FATAL:  database \"{name}\" does not exist")).count();
        assert!(tried <= 1, "{command}:\n{log}");
    }
}

#[test]
fn a_database_is_copied_and_renamed_while_pipelines_run() {
    let mut admin = Cluster::preloaded().connect("postgres");
    let (database, mut client, folder) = session("launcher_source");
    gate(&mut client);
    drop_file(database.cluster, &folder, 1);
    create(&mut client, &folder, "1 s");
    wait_for_run(&mut admin, "launcher_source");
    drop(client);
    wait_for("the copy", || {
        admin.batch_execute("CREATE DATABASE launcher_copy TEMPLATE launcher_source").is_ok()
    });
    wait_for("the new name", || {
        admin.batch_execute("ALTER DATABASE launcher_source RENAME TO launcher_renamed").is_ok()
    });
    // It goes on where it was; the copy is paused.
    let copy = Database { cluster: database.cluster, name: "launcher_copy".to_owned() };
    let renamed = Database { cluster: database.cluster, name: "launcher_renamed".to_owned() };
    let mut client = renamed.connect();
    client.batch_execute("DELETE FROM closed").expect("opened");
    wait_for_rows(&mut client, 1);
    assert_eq!(state(&mut copy.connect()).0, "paused");
    assert_eq!(count(&mut copy.connect(), "t"), 0);
}

#[test]
fn an_extension_is_dropped_and_made_again() {
    let (database, mut client, folder) = session("launcher_extension");
    create(&mut client, &folder, "1 s");
    drop_file(database.cluster, &folder, 1);
    wait_for_rows(&mut client, 1);
    client.batch_execute("DROP EXTENSION loader CASCADE").expect("DROP EXTENSION");
    drop_file(database.cluster, &folder, 2);
    client.batch_execute("CREATE EXTENSION loader").expect("CREATE EXTENSION");
    create(&mut client, &folder, "1 s");
    // It knows nothing of the first file any more.
    wait_for_rows(&mut client, 3);
}

#[test]
fn what_only_looks_like_the_extension_is_left_alone() {
    let cluster = Cluster::start(&["shared_preload_libraries = 'loader'"], Limits::default());
    let mut admin = cluster.connect("postgres");
    admin.batch_execute("CREATE ROLE mallory LOGIN").expect("a role");
    admin.batch_execute("CREATE DATABASE launcher_trap OWNER mallory").expect("a database");
    let mut mallory = cluster.connect_as("mallory", "launcher_trap");
    mallory
        .batch_execute(
            "CREATE SCHEMA loader; CREATE TABLE sprung (who text);
             CREATE FUNCTION spring() RETURNS text LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO public.sprung VALUES (current_user); RETURN 'active'; END $$;
             CREATE VIEW loader.pipelines_data AS
             SELECT 'p'::text AS name, spring() AS state, 10::oid AS owner, ''::text AS home, ''::text AS boot,
                 0::bigint AS due_ns;
             ALTER DATABASE launcher_trap SET search_path = loader, public;
             ALTER DATABASE launcher_trap SET default_transaction_read_only = on;
             ALTER DATABASE launcher_trap SET role = mallory",
        )
        .expect("a trap");
    drop(mallory);
    // Every database is asked when the server starts.
    drop(admin);
    cluster.end(libc::SIGINT);
    cluster.resume();
    let mut admin = cluster.connect("postgres");
    let asked = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'launcher_trap'";
    wait_for("the database to be asked", || figure(&mut admin, asked) > 0);
    let mut mallory = cluster.connect_as("mallory", "launcher_trap");
    assert_eq!(count(&mut mallory, "public.sprung"), 0);
}

#[test]
fn processes_are_killed_and_ended() {
    let conf = ["shared_preload_libraries = 'loader'", "restart_after_crash = on"];
    let cluster = Cluster::start(&conf, Limits::default());
    let (database, mut client, folder) = session_in(&cluster, "launcher_kill");
    gate(&mut client);
    drop_file(&cluster, &folder, 1);
    create(&mut client, &folder, "1 s");
    // Of a worker, and of the launcher: the server starts over by itself.
    for kind in ["loader pipeline", "loader launcher"] {
        wait_for_run(&mut client, "launcher_kill");
        let mut of_kind =
            processes(&mut client, kind, if kind.ends_with("launcher") { "" } else { "launcher_kill" });
        send_signal(of_kind.pop().expect("a process"), libc::SIGKILL);
        wait_for("the server to notice", || client.simple_query("SELECT").is_err());
        cluster.wait_until_ready();
        client = database.connect();
    }
    let run = wait_for_run(&mut client, "launcher_kill");
    // One that is told to end is tried again later.
    client.query("SELECT pg_terminate_backend($1)", &[&run]).expect("a signal");
    client.batch_execute("DELETE FROM closed").expect("opened");
    wait_for_rows(&mut client, 1);
    // So is the launcher, by the server.
    let launcher = processes(&mut client, "loader launcher", "")[0];
    client.query("SELECT pg_terminate_backend($1)", &[&launcher]).expect("a signal");
    wait_for("another launcher", || {
        processes(&mut client, "loader launcher", "").first().is_some_and(|&pid| pid != launcher)
    });
    drop_file(&cluster, &folder, 2);
    wait_for_rows(&mut client, 2);
    // Nothing is started while it is off.
    client.batch_execute("ALTER SYSTEM SET loader.launcher = off").expect("ALTER SYSTEM");
    client.batch_execute("SELECT pg_reload_conf()").expect("a signal");
    wait_for("the launcher to be off", || scheduler(&mut client) == "none");
    drop_file(&cluster, &folder, 3);
    client.batch_execute("ALTER SYSTEM RESET loader.launcher").expect("ALTER SYSTEM");
    client.batch_execute("SELECT pg_reload_conf()").expect("a signal");
    wait_for("the launcher to be on", || scheduler(&mut client) == "launcher");
    wait_for_rows(&mut client, 3);
    // And after the server has stopped, whichever way.
    for signal in [libc::SIGQUIT, libc::SIGINT] {
        drop(client);
        cluster.end(signal);
        cluster.resume();
        client = database.connect();
        let rows = count(&mut client, "t");
        drop_file(&cluster, &folder, rows as usize + 1);
        wait_for_rows(&mut client, rows + 1);
    }
}

/// A cluster that starts over by itself.
fn restarting() -> Cluster {
    Cluster::start(&["shared_preload_libraries = 'loader'", "restart_after_crash = on"], Limits::default())
}

/// A trigger of `t` that ends its own process with a signal that the server cannot survive, where a shell
/// command succeeds. In that `{n}` is the number of the record.
fn deadly(client: &mut Client, condition: &str) {
    client
        .batch_execute(&format!(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', replace(
                     'cat > /dev/null; if {condition}; then kill -9 ' || pg_backend_pid() || '; fi',
                     '{{n}}', NEW.data->>'n'));
                 RETURN NEW;
             END $$;
             CREATE TRIGGER die BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION die()"
        ))
        .expect("a trigger");
}

/// Waits until a query returns true, of a server that may be starting over at any time.
fn wait_through_crashes(database: &Database, query: &str) {
    wait_for(query, || {
        let row = database.try_connect().and_then(|mut client| client.query_one(query, &[]));
        row.is_ok_and(|row| row.get(0))
    });
}

#[test]
fn a_pipeline_that_takes_the_server_down_is_suspended() {
    let cluster = restarting();
    let (database, mut client, folder) = session_in(&cluster, "launcher_deadly");
    deadly(&mut client, "true");
    drop_file(&cluster, &folder, 1);
    create(&mut client, &folder, "1 s");
    drop(client);
    wait_through_crashes(&database, "SELECT state = 'suspended' FROM loader.pipelines");
    assert_eq!(cluster.log().matches("was terminated by signal 9").count(), 5);
    let mut client = database.connect();
    assert_eq!(state(&mut client).1, "its last runs did not end; the server's log has the reason");
    let run = message(client.batch_execute("CALL run_pipeline('p')"));
    assert_eq!(run, "55000: pipeline \"p\" is suspended");
    client.batch_execute("DROP TRIGGER die ON t; SELECT resume_pipeline('p')").expect("resume_pipeline");
    wait_for_rows(&mut client, 1);
    wait_for("the run to end", || count(&mut client, "loader.pipelines_data WHERE unended = 0") == 1);
}

/// Files that take the server down once each are no reason, as long as each run gets further.
#[test]
fn a_pipeline_that_gets_on_between_crashes_is_not_suspended() {
    let cluster = restarting();
    let (database, mut client, folder) = session_in(&cluster, "launcher_gets_on");
    deadly(&mut client, &format!("mkdir {}/.{{n}}.seen", folder.display()));
    // Each file has a transaction of its own.
    client.batch_execute("ALTER TABLE t ADD UNIQUE (data) DEFERRABLE").expect("a constraint");
    for n in 1..=7 {
        drop_file(&cluster, &folder, n);
    }
    create(&mut client, &folder, "1 s");
    drop(client);
    let rows =
        "SELECT count(*) = 7 OR EXISTS (SELECT FROM loader.pipelines WHERE state = 'suspended') FROM t";
    wait_through_crashes(&database, rows);
    let mut client = database.connect();
    assert_eq!((state(&mut client).0.as_str(), count(&mut client, "t")), ("active", 7));
    assert_eq!(cluster.log().matches("was terminated by signal 9").count(), 7);
}

/// What the server raises between two parts of a file ends the run, not the worker.
#[test]
fn a_run_that_ends_in_the_midst_of_it_is_written_down() {
    let (database, mut client, folder) = session("launcher_raised");
    crate::pipelines::until_locked(&mut client);
    client
        .batch_execute(
            "ALTER DATABASE launcher_raised SET loader.transaction_size = '64kB';
             ALTER DATABASE launcher_raised SET lock_timeout = '100ms'",
        )
        .expect("settings");
    let records: String = (0..20_000).map(|n| format!("{{\"n\": {n}}}\n")).collect();
    let path = folder.join(".large");
    fs::write(&path, records).expect("a file");
    database.cluster.give(&path);
    fs::rename(&path, folder.join("large.json")).expect("its name");
    create_with(&mut client, &folder, "poll => '1 s', settle => '0', retry_delay => '1 s'");
    let in_trigger = "pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    wait_for("the run", || count(&mut client, in_trigger) == 1);
    let mut locker = database.connect();
    locker.batch_execute("BEGIN; SET lock_timeout = 0; LOCK TABLE t").expect("a lock");
    // Those after it cannot even look at the table.
    let failed =
        "loader.pipeline_runs WHERE status = 'failed' AND error_sqlstate = '55P03' AND scheduler = 'launcher'
                  AND started_at <= (SELECT started_at FROM loader.load_history)";
    wait_for("the run to be written down", || count(&mut client, failed) > 0);
    assert_eq!(state(&mut client).0, "active");
    locker.batch_execute("COMMIT; DROP TRIGGER until_locked ON t").expect("COMMIT");
    wait_for_rows(&mut client, 20_000);
}

/// The launcher comes while a session runs the pipeline, and goes again. A file that has come after that
/// session has looked is not left until the next poll.
#[test]
fn what_comes_while_a_session_runs_a_pipeline_is_not_forgotten() {
    let conf = ["shared_preload_libraries = 'loader'", "loader.launcher = off", "log_min_messages = debug1"];
    let cluster = Cluster::start(&conf, Limits::default());
    let (database, mut client, folder) = session_in(&cluster, "launcher_elsewhere");
    gate(&mut client);
    drop_file(&cluster, &folder, 1);
    create(&mut client, &folder, "1 h");
    let mut runner = database.connect();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.batch_execute("CALL run_pipeline('p')"));
        let in_gate = "pg_stat_activity WHERE wait_event = 'PgSleep'";
        wait_for("the run to load", || count(&mut client, in_gate) == 1);
        drop_file(&cluster, &folder, 2);
        client.batch_execute("ALTER SYSTEM SET loader.launcher = on").expect("ALTER SYSTEM");
        client.batch_execute("SELECT pg_reload_conf()").expect("a signal");
        let gone =
            |line: &str| line.contains("background worker \"loader pipeline") && line.contains("exited with");
        wait_for("the launcher to have tried", || cluster.log().lines().any(gone));
        client.batch_execute("DELETE FROM closed").expect("opened");
        run.join().expect("a session").expect("a run");
    });
    wait_for_rows(&mut client, 2);
}

#[test]
fn pipelines_wait_for_a_worker_slot() {
    // One is the server's own, one the launcher.
    let conf = ["shared_preload_libraries = 'loader'", "max_worker_processes = 2"];
    let cluster = Cluster::start(&conf, Limits::default());
    let (database, mut client, folder) = session_in(&cluster, "launcher_slots");
    drop_file(&cluster, &folder, 1);
    create(&mut client, &folder, "1 s");
    wait_for("the lack to show", || scheduler(&mut client) == "launcher (waits for a worker slot)");
    drop(client);
    restart_with(&cluster, "max_worker_processes = 8");
    assert_eq!(cluster.log().matches("pipelines wait for a background worker slot").count(), 1);
    let mut client = database.connect();
    wait_for_rows(&mut client, 1);
    assert_eq!(scheduler(&mut client), "launcher");
}

#[test]
fn pipelines_wait_for_shared_memory() {
    // Segments are files in a directory of the server, which can be kept from making one.
    let conf = ["shared_preload_libraries = 'loader'", "dynamic_shared_memory_type = 'mmap'"];
    let cluster = Cluster::start(&conf, Limits::default());
    let (_database, mut client, folder) = session_in(&cluster, "launcher_memory");
    // A run that is under way goes on.
    gate(&mut client);
    create(&mut client, &folder, "1 h");
    drop_file(&cluster, &folder, 1);
    let run = wait_for_run(&mut client, "launcher_memory");
    let waits = "pg_stat_activity WHERE wait_event = 'PgSleep'";
    wait_for("the gate", || count(&mut client, waits) > 0);
    let launcher = processes(&mut client, "loader launcher", "");
    let segments = cluster.path("data/pg_dynshmem");
    fs::set_permissions(&segments, fs::Permissions::from_mode(0o500)).expect("chmod");
    client
        .execute(
            "SELECT create_pipeline('other', $1, 't')",
            &[&format!("{}/*.json", folder.join("other").display())],
        )
        .expect("another pipeline");
    wait_for("the lack to show", || scheduler(&mut client) == "launcher (waits for shared memory)");
    assert_eq!(processes(&mut client, "loader pipeline", "launcher_memory"), [run]);
    client.batch_execute("DELETE FROM closed").expect("open");
    wait_for_rows(&mut client, 1);
    wait_for("the end of the run", || {
        processes(&mut client, "loader pipeline", "launcher_memory").is_empty()
    });
    drop_file(&cluster, &folder, 2);
    assert_eq!(scheduler(&mut client), "launcher (waits for shared memory)");
    fs::set_permissions(&segments, fs::Permissions::from_mode(0o700)).expect("chmod");
    wait_for_rows(&mut client, 2);
    wait_for("the lack to end", || scheduler(&mut client) == "launcher");
    assert_eq!(processes(&mut client, "loader launcher", ""), launcher);
    let log = cluster.log();
    assert_eq!(log.matches("pipelines wait for shared memory: could not").count(), 1, "{log}");
    assert_eq!(log.matches("pipelines wait for shared memory no longer").count(), 1, "{log}");
}

/// Stops the server, adds lines to its configuration, and starts it.
fn restart_with(cluster: &Cluster, lines: &str) {
    cluster.end(libc::SIGINT);
    let conf = cluster.path("data/postgresql.auto.conf");
    let mut conf = fs::File::options().append(true).open(conf).expect("the configuration");
    writeln!(conf, "{lines}").expect("settings");
    cluster.resume();
}

#[test]
fn a_standby_starts_pipelines_once_it_is_promoted() {
    let cluster = Cluster::start(&["shared_preload_libraries = 'loader'"], Limits::default());
    let (_database, mut client, folder) = session_in(&cluster, "launcher_standby");
    create(&mut client, &folder, "1 s");
    drop_file(&cluster, &folder, 1);
    wait_for_rows(&mut client, 1);
    let mut replica = Replica::start(&cluster);
    let mut there = replica.connect("launcher_standby");
    wait_for("the replica to catch up", || count(&mut there, "t") == 1);
    assert_eq!(scheduler(&mut there), "none");
    drop(client);
    cluster.end(libc::SIGINT);
    drop_file(&cluster, &folder, 2);
    there.batch_execute("SELECT pg_promote()").expect("promotion");
    wait_for_rows(&mut there, 2);
    assert_eq!(scheduler(&mut there), "launcher");
}

#[test]
fn without_the_launcher_everything_is_as_before() {
    let cluster = Cluster::shared();
    let (database, mut client, folder) = session_in(cluster, "launcher_none");
    drop_file(cluster, &folder, 1);
    create(&mut client, &folder, "1 s");
    assert_eq!(scheduler(&mut client), "none");
    assert_eq!(count(&mut client, "loader.pipelines WHERE scheduler = 'none' AND state = 'active'"), 1);
    client.batch_execute("CALL run_pipeline('p')").expect("a run");
    assert_eq!(count(&mut client, "t"), 1);
    drop(database);
}

/// Where pg_cron is installed: on Debian, the package postgresql-15-cron.
#[test]
fn pg_cron_starts_pipelines() {
    let cluster = Cluster::start(&[], Limits::default());
    if count(&mut cluster.connect("postgres"), "pg_available_extensions WHERE name = 'pg_cron'") == 0 {
        println!("skipped: pg_cron is not installed");
        return;
    }
    let (database, mut client, folder) = session_in(&cluster, "launcher_cron");
    drop_file(&cluster, &folder, 1);
    create(&mut client, &folder, "1 s");
    drop(client);
    let socket = cluster.socket();
    restart_with(
        &cluster,
        &format!(
            "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'launcher_cron'\ncron.host = '{}'",
            socket.display()
        ),
    );
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE EXTENSION pg_cron; SELECT cron.schedule('pipelines', '* * * * *', 'CALL run_pipelines()')",
        )
        .expect("a job");
    wait_for_rows(&mut client, 1);
    wait_for("the job to end", || count(&mut client, "cron.job_run_details WHERE status = 'succeeded'") > 0);
}
