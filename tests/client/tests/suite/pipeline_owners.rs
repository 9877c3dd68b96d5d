//! Whose pipelines are whose: who sees and runs them, what becomes of them when roles and rights go, and
//! when a database is restored elsewhere.

use crate::helpers::{count, lines};
use crate::pipelines::{Setup, texts};
use loader_client_tests::{Cluster, Database, message, wait_for};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

/// A role of that name, which may load, and a pipeline `q` of it into its table `s`.
fn owned(database: &Database, role: &str) -> PathBuf {
    let folder = database.folder(role);
    database
        .connect()
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT pg_read_server_files TO {role}; GRANT CREATE ON SCHEMA public TO {role}"
        ))
        .expect("a role");
    database
        .connect_as(role)
        .batch_execute(&format!(
            "SELECT seed_json_table('s'); SELECT create_pipeline('q', '{}/*', 's', settle => '0')",
            folder.display()
        ))
        .expect("a pipeline");
    folder
}

fn put(database: &Database, folder: &std::path::Path, name: &str) {
    let path = database.file("writing", lines(2));
    std::fs::rename(path, folder.join(name)).expect("rename");
}

#[test]
fn a_pipeline_is_run_by_its_owner() {
    let mut setup = Setup::new("pipeline_owner", "");
    let folder = owned(&setup.database, "pipeline_owner");
    put(&setup.database, &folder, "a");
    let mut owner = setup.database.connect_as("pipeline_owner");
    // Others are not shown, and as if they were not there.
    assert_eq!(texts(&mut owner, "SELECT name FROM loader.pipelines"), ["q"]);
    for call in
        ["CALL run_pipeline('p')", "SELECT pause_pipeline('p')", "SELECT * FROM preview_pipeline('p')"]
    {
        assert_eq!(message(owner.batch_execute(call)), "42704: pipeline \"p\" does not exist", "{call}");
    }
    // A superuser sees it, and may not run it: hooks would have more rights than their author.
    let shown =
        texts(&mut setup.client, "SELECT concat_ws(' ', name, owner) FROM loader.pipelines ORDER BY name");
    assert_eq!(shown, ["p postgres", "q pipeline_owner"]);
    for become_owner in ["SET ROLE pipeline_owner", "SET SESSION AUTHORIZATION pipeline_owner"] {
        setup.client.batch_execute(become_owner).expect("SET");
        let run = setup.client.batch_execute("CALL run_pipeline('q')");
        assert_eq!(message(run), "42501: pipeline \"q\" must be run by its owner", "{become_owner}");
        setup.client.batch_execute("RESET SESSION AUTHORIZATION; RESET ROLE").expect("RESET");
    }
    setup.client.batch_execute("CALL run_pipelines()").expect("its own only");
    assert_eq!(count(&mut setup.client, "s"), 0);
    owner.batch_execute("CALL run_pipelines()").expect("all runs");
    assert_eq!(count(&mut setup.client, "s"), 2);
    assert_eq!(count(&mut owner, "loader.pipeline_runs"), 1);
    // A role that may not log in cannot be anybody's session.
    let created = setup.client.batch_execute(
        "CREATE ROLE pipeline_nobody; GRANT pg_read_server_files TO pipeline_nobody; GRANT INSERT ON s TO pipeline_nobody;
         SET ROLE pipeline_nobody; SELECT create_pipeline('r', '/x/*', 's')",
    );
    assert_eq!(message(created), "42501: role \"pipeline_nobody\" cannot own a pipeline");
    setup.client.batch_execute("RESET ROLE").expect("RESET");
    let stranger =
        setup.client.batch_execute("SET ROLE pg_monitor; SELECT create_pipeline('r', '/x/*', 's')");
    assert_eq!(message(stranger), "42501: permission denied for function create_pipeline");
}

#[test]
fn who_only_inherits_rights_does_not_say_what_is_done_as_the_owner() {
    let setup = Setup::bare("pipeline_inherits");
    let folder = owned(&setup.database, "pipeline_inherits");
    let mut admin = setup.database.connect();
    admin
        .batch_execute(
            "ALTER ROLE pipeline_inherits SUPERUSER; CREATE ROLE pipeline_heir LOGIN;
             GRANT pg_read_server_files, pipeline_inherits TO pipeline_heir",
        )
        .expect("a role");
    let mut heir = setup.database.connect_as("pipeline_heir");
    let alter = "SELECT alter_pipeline('q', on_file => 'ALTER ROLE pipeline_heir SUPERUSER')";
    let hook = "SELECT coalesce(on_file, '') FROM loader.pipelines";
    // Whoever may become the owner may do all that it may.
    heir.batch_execute(alter).expect("alter_pipeline");
    heir.batch_execute("SELECT alter_pipeline('q', on_file => '')").expect("alter_pipeline");
    let version: i32 =
        heir.query_one("SELECT current_setting('server_version_num')::int", &[]).expect("a version").get(0);
    if version < 160_000 {
        return;
    }
    admin
        .batch_execute("GRANT pipeline_inherits TO pipeline_heir WITH INHERIT TRUE, SET FALSE")
        .expect("GRANT");
    for change in [alter, "SELECT alter_pipeline('q', poll => '1 h')"] {
        let refused = "42501: must be able to SET ROLE \"pipeline_inherits\" to alter pipeline \"q\"";
        assert_eq!(message(heir.batch_execute(change)), refused, "{change}");
    }
    assert_eq!(texts(&mut heir, hook), [""]);
    // What only stops it, and has it go on, takes the rights alone.
    heir.batch_execute("SELECT pause_pipeline('q'); SELECT resume_pipeline('q')").expect("the rights");
    put(&setup.database, &folder, "a");
    setup.database.connect_as("pipeline_inherits").batch_execute("CALL run_pipeline('q')").expect("a run");
    let is_super = "SELECT rolsuper::text FROM pg_roles WHERE rolname = 'pipeline_heir'";
    assert_eq!(texts(&mut admin, is_super), ["false"]);
}

#[test]
fn what_two_sessions_change_at_a_time_is_changed() {
    let mut setup = Setup::new("pipeline_changed", "on_file => 'SELECT $1, $2', poll => '1 h'");
    let mut other = setup.database.connect();
    setup.client.batch_execute("BEGIN; SELECT alter_pipeline('p', on_file => '')").expect("alter_pipeline");
    let change = thread::spawn(move || other.batch_execute("SELECT alter_pipeline('p', poll => '2 h')"));
    let waits = "pg_stat_activity WHERE datname = 'pipeline_changed' AND wait_event_type = 'Lock'";
    let mut watcher = setup.database.connect();
    wait_for("the other session", || count(&mut watcher, waits) == 1);
    setup.client.batch_execute("COMMIT").expect("COMMIT");
    change.join().expect("a thread").expect("alter_pipeline");
    let definition = "SELECT concat_ws(' ', on_file, poll) FROM loader.pipelines";
    assert_eq!(texts(&mut setup.client, definition), ["02:00:00"]);
}

#[test]
fn rights_are_looked_at_in_each_run() {
    let setup = Setup::bare("pipeline_rights");
    let folder = owned(&setup.database, "pipeline_rights");
    let mut admin = setup.database.connect();
    let mut owner = setup.database.connect_as("pipeline_rights");
    let state = "SELECT concat_ws(': ', state, reason) FROM loader.pipelines";
    for (revoke, grant, why) in [
        (
            "ALTER TABLE s OWNER TO postgres",
            "ALTER TABLE s OWNER TO pipeline_rights",
            "permission denied for table s",
        ),
        (
            "REVOKE pg_read_server_files FROM pipeline_rights; GRANT EXECUTE ON PROCEDURE run_pipelines() TO pipeline_rights;
             GRANT EXECUTE ON PROCEDURE run_pipeline(text), load_json_files TO pipeline_rights",
            "GRANT pg_read_server_files TO pipeline_rights",
            "permission denied to load a server file",
        ),
    ] {
        put(&setup.database, &folder, &format!("f{}", why.len()));
        admin.batch_execute(revoke).expect("REVOKE");
        let failed = message(owner.batch_execute("CALL run_pipeline('q')"));
        assert!(failed.starts_with("42501: ") && failed.contains(why), "{failed}");
        let suspended = texts(&mut admin, state);
        assert!(suspended[0].starts_with("suspended: ") && suspended[0].contains(why), "{suspended:?}");
        // Nothing is run until somebody has looked at it.
        owner.batch_execute("CALL run_pipelines()").expect("nothing to run");
        admin.batch_execute(grant).expect("GRANT");
        admin.batch_execute("SELECT resume_pipeline('q')").expect("resume_pipeline");
        owner.batch_execute("CALL run_pipelines()").expect("a run");
        assert_eq!(texts(&mut admin, state), ["active"]);
    }
    assert!(setup.database.cluster.log().contains("pipeline \"q\" is suspended: permission denied"));
    // The role goes: it is shown to superusers, who may drop it.
    drop(owner);
    admin
        .batch_execute("REASSIGN OWNED BY pipeline_rights TO postgres; DROP OWNED BY pipeline_rights; DROP ROLE pipeline_rights")
        .expect("DROP ROLE");
    assert_eq!(texts(&mut admin, state), ["suspended: its owner does not exist"]);
    let run = admin.batch_execute("CALL run_pipeline('q')");
    assert!(message(run).starts_with("42501: pipeline \"q\" must be run by its owner"));
    admin.batch_execute("SELECT drop_pipeline('q')").expect("drop_pipeline");
}

fn run(command: &mut Command) {
    let output = command.output().expect("a program");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_restored_pipeline_comes_up_paused() {
    let cluster = Cluster::shared();
    let mut setup = Setup::new("pipeline_dump", "max_attempts => 1");
    setup.put("a", lines(2));
    setup.put("bad", b"\x1f\x8b\x08\0\0\0\0\0\0\0 no more");
    setup.run().expect("a run");
    let dump = cluster.path("files/pipelines.sql");
    run(cluster.command("pg_dump").arg("--file").arg(&dump).arg("pipeline_dump"));
    let after = cluster.bare_database("pipeline_restored", "UTF8");
    run(cluster
        .command("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "pipeline_restored", "-f"])
        .arg(&dump));
    let mut client = after.connect();
    let state = "SELECT concat_ws(': ', state, reason) FROM loader.pipelines";
    assert_eq!(texts(&mut client, state), ["paused: it was defined in another database"]);
    assert_eq!(message(client.batch_execute("CALL run_pipeline('p')")), "55000: pipeline \"p\" is paused");
    client.batch_execute("CALL run_pipelines()").expect("nothing to run");
    // It goes on where it was, with the table that has its name here.
    client.batch_execute("SELECT resume_pipeline('p')").expect("resume_pipeline");
    setup.put("b", lines(3));
    client.batch_execute("CALL run_pipeline('p')").expect("a run");
    assert_eq!(count(&mut client, "t"), 5);
    assert_eq!(texts(&mut client, "SELECT state FROM loader.pipeline_files"), ["quarantined"]);
    assert_eq!(count(&mut setup.client, "t"), 2);
}

/// From an earlier version of PostgreSQL, with the library loaded by both servers when they start.
#[test]
fn a_pipeline_comes_up_paused_after_pg_upgrade() {
    let conf = ["shared_preload_libraries = 'loader'"];
    let Some(old) = Cluster::of_earlier_version(&conf) else {
        println!("skipped: LOADER_UPGRADE_FROM names no earlier PostgreSQL");
        return;
    };
    let before = old.database("upgraded");
    let folder = before.folder("in");
    let mut client = before.connect();
    client
        .batch_execute(&format!(
            "SELECT seed_json_table('t', lineage => true);
             SELECT create_pipeline('p', '{}/*', 't', settle => '0', poll => '1 s', max_attempts => 1)",
            folder.display()
        ))
        .expect("a pipeline");
    let drop_file = |name: &str, bytes: &[u8]| {
        let path = before.file("writing", bytes);
        std::fs::rename(path, folder.join(name)).expect("rename");
    };
    drop_file("a", lines(20).as_bytes());
    drop_file("b", (lines(2) + "{\n").as_bytes());
    drop_file("bad", b"\x1f\x8b\x08\0\0\0\0\0\0\0 no more");
    let quarantined = "loader.pipeline_files WHERE state = 'quarantined'";
    wait_for("all to be tried", || count(&mut client, "t") == 22 && count(&mut client, quarantined) == 1);
    let history = "SELECT concat_ws(' ', load_id, file_path, status, rows_loaded, rows_rejected)
                   FROM loader.load_history ORDER BY load_id";
    let loads = texts(&mut client, history);
    drop(client);
    old.end(libc::SIGINT);

    let new = match old.upgrade(&conf) {
        Ok(new) => new,
        Err(error) => {
            // A minor version may write what an older one of the next major version does not know.
            let plain = Cluster::of_earlier_version(&[]).expect("a cluster");
            plain.connect("postgres").batch_execute("CREATE TABLE plain (x int)").expect("a table");
            plain.end(libc::SIGINT);
            assert!(plain.upgrade(&[]).is_err(), "{error}");
            println!("skipped: pg_upgrade fails between these two versions, with any table");
            return;
        }
    };
    let mut client = new.connect("upgraded");
    let state = "SELECT concat_ws(': ', state, reason) FROM loader.pipelines";
    assert_eq!(texts(&mut client, state), ["paused: it was defined in another database"]);
    assert_eq!(message(client.batch_execute("CALL run_pipeline('p')")), "55000: pipeline \"p\" is paused");
    assert_eq!(texts(&mut client, history), loads);
    assert_eq!(count(&mut client, "loader.rejects WHERE resolved_by IS NULL"), 1);
    // It goes on where it was: nothing is loaded again.
    drop_file("c", (lines(30) + "{}\n").as_bytes());
    client.batch_execute("SELECT resume_pipeline('p')").expect("resume_pipeline");
    wait_for("the new file", || count(&mut client, "t") > 22);
    assert_eq!(count(&mut client, "t"), 22 + 31);
    assert_eq!(texts(&mut client, history)[..loads.len()], loads);
    assert_eq!(count(&mut client, quarantined), 1);
    assert_eq!(texts(&mut client, state), ["active"]);
    assert_eq!(texts(&mut client, "SELECT loader.scheduler()"), ["launcher"]);
    // It has numbers of its own from now on, and what a load of before brought can still be taken back.
    let undone = "SELECT undo_load(load_id) FROM loader.load_history WHERE file_path LIKE '%/a'";
    let undone: i64 = client.query_one(undone, &[]).expect("an undo").get(0);
    assert_eq!((undone, count(&mut client, "t")), (20, 33));
}
