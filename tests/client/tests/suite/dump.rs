//! pg_dump and restore: by a role that only reads all data, with targets and
//! roles that are gone, into the same cluster and another one; history survives, and
//! loads go on after it.

use crate::helpers::{count, lines, table};
use loader_client_tests::{Cluster, Database, Limits, load, load_many, load_with};
use postgres::Client;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Restores a dump into a database that has nothing yet.
fn restore(database: &Database, dump: &Path) {
    run(database
        .cluster
        .command("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &database.name, "-f"])
        .arg(dump)
        .stdout(Stdio::null()));
}

#[test]
fn history_survives_dump_and_restore() {
    // A cluster of its own: roles are dropped in it.
    let cluster = Cluster::start(&[], Limits::default());
    let before = cluster.database("before");
    let mut admin = before.connect();
    for name in ["kept", "dropped", "excluded"] {
        table(&mut admin, name);
    }
    admin
        .batch_execute(
            "CREATE ROLE leaver LOGIN; GRANT pg_read_server_files TO leaver; GRANT INSERT ON kept TO leaver;
             CREATE ROLE backup LOGIN; GRANT pg_read_all_data TO backup;
             CREATE TEMP TABLE passing (data jsonb)",
        )
        .expect("roles");
    let path = cluster.file("events.json", format!("{}{{\n", lines(10)));
    let other = cluster.file("other.json", lines(4));
    for name in ["kept", "dropped", "excluded", "passing"] {
        load(&mut admin, &path, name).expect("a load");
    }
    load(&mut before.connect_as("leaver"), &other, "kept").expect("a load");
    admin.batch_execute("DROP TABLE dropped; DROP OWNED BY leaver; DROP ROLE leaver").expect("gone");
    let history = count(&mut admin, "loader.load_history");
    assert_eq!(history, 5);
    let last: i64 =
        admin.query_one("SELECT max(load_id) FROM loader.load_history", &[]).expect("the last").get(0);

    let dump = cluster.path("files/dump.sql");
    run(cluster
        .command("pg_dump")
        .env("PGUSER", "backup")
        .args(["--exclude-table=excluded", "--file"])
        .arg(&dump)
        .arg("before"));

    let after = cluster.bare_database("after", "UTF8");
    restore(&after, &dump);
    let mut client = after.connect();
    assert_eq!(count(&mut client, "loader.load_history"), history);
    assert_eq!(count(&mut client, "loader.rejects"), 4);
    assert_eq!(count(&mut client, "kept"), 14);

    // The same content into the same table, known by its name now.
    assert_eq!(load(&mut client, &path, "kept").expect("a skip").status, "skipped");
    let fresh = load_with(&mut client, &path, "kept", "if_loaded => 'force'").expect("a load");
    assert_eq!(fresh.rows_loaded, 10);
    assert!(fresh.load_id > last, "{} after {last}", fresh.load_id);
    // A table of a name that only history knows is empty, and loads.
    table(&mut client, "excluded");
    assert_eq!(load(&mut client, &path, "excluded").expect("a load").rows_loaded, 10);
}

/// Where OIDs begin anew, those of the dump name other tables.
#[test]
fn a_restore_into_another_cluster() {
    let old = Cluster::start(&[], Limits::default());
    let before = old.database("d");
    let mut client = before.connect();
    for name in ["first", "second"] {
        client.batch_execute(&format!("SELECT seed_json_table('{name}', lineage => true)")).expect("a table");
    }
    let path = old.file("events.json", lines(10));
    // What was loaded into another table of the name `second` was not loaded into this one.
    let gone = old.file("gone.json", lines(7));
    let remade = "ALTER TABLE second RENAME TO remade; SELECT seed_json_table('second', lineage => true)";
    assert_eq!(load_many(&mut client, &gone, "second", "").expect("a call").rows, 7);
    client.batch_execute(remade).expect("a table made anew");
    for name in ["first", "second"] {
        assert_eq!(load_many(&mut client, &path, name, "").expect("a call").rows, 10);
    }
    fs::write(&path, lines(12)).expect("written");
    assert_eq!(load_many(&mut client, &path, "first", "").expect("a call").rows, 2);
    let dump = old.path("files/dump.sql");
    run(old.command("pg_dump").arg("--file").arg(&dump).arg("d"));

    let new = Cluster::start(&[], Limits::default());
    // Clusters of tests are copies of one: what tells them apart is the database's OID.
    let _before = new.bare_database("e", "UTF8");
    let after = new.bare_database("d", "UTF8");
    restore(&after, &dump);
    let mut client = after.connect();
    let at_home = "loader.load_history_data WHERE home = loader.home()";
    assert_eq!(count(&mut client, at_home), 0);
    // The new cluster comes to the old OIDs some day: here they are made to meet.
    for (name, old) in [("third", "first"), ("fourth", "second")] {
        client
            .batch_execute(&format!(
                "SELECT seed_json_table('{name}', lineage => true);
                 UPDATE loader.load_history_data SET target_oid = '{name}'::regclass
                 WHERE target = 'public.{old}' AND file_path NOT LIKE '%gone.json'"
            ))
            .expect("a table");
    }
    let path = new.file("events.json", lines(12));
    let other = new.file("other.json", lines(3));
    let rows =
        |client: &mut Client, path: &str, name: &str| load_many(client, path, name, "").expect("a call").rows;

    // What is empty is `third`, not what had its OID. Rows of the old place are taken over.
    assert_eq!(rows(&mut client, &other, "third"), 3);
    assert_eq!(count(&mut client, at_home), 5);
    assert_eq!(count(&mut client, "loader.load_history WHERE status <> 'loaded'"), 0);
    // Loaded into `first`, and so not into what has its OID.
    assert_eq!(rows(&mut client, &path, "first"), 0);
    assert_eq!(load(&mut client, &path, "first").expect("a skip").status, "skipped");
    assert_eq!(rows(&mut client, &path, "third"), 12);
    assert_eq!(rows(&mut client, &new.file("gone.json", lines(7)), "second"), 7);
    // Of rows that do not say whose their OIDs are, as in a dump of 0.1.0, the same holds.
    client
        .batch_execute("UPDATE loader.load_history_data SET home = DEFAULT WHERE target = 'public.second'")
        .expect("UPDATE");
    let path = new.file("short.json", lines(10));
    assert_eq!(rows(&mut client, &path, "second"), 0);
    client.batch_execute("INSERT INTO fourth VALUES ('0')").expect("a row");
    assert_eq!(load(&mut client, &path, "fourth").expect("a load").rows_loaded, 10);

    // The load that went on when the file had grown goes with the one before it.
    let undone: i64 = client.query_one("SELECT undo_load(2)", &[]).expect("an undo").get(0);
    assert_eq!((undone, count(&mut client, "first"), count(&mut client, "third")), (12, 0, 15));
}

#[test]
fn the_extension_goes_and_comes_again() {
    let database = Cluster::shared().database("dump_drop");
    let mut client = database.connect();
    table(&mut client, "t");
    let path = database.file("dump_drop", lines(3));
    load(&mut client, &path, "t").expect("a load");
    client.batch_execute("DROP EXTENSION loader").expect("DROP EXTENSION");
    let left = count(&mut client, "pg_namespace WHERE nspname = 'loader'")
        + count(&mut client, "pg_proc WHERE proname = 'load_json_file'");
    assert_eq!(left, 0);
    client
        .batch_execute("CREATE SCHEMA ext; CREATE EXTENSION loader SCHEMA ext; SET search_path = ext, public")
        .expect("CREATE EXTENSION");
    // Its history is new, and the table is not empty: loaded again.
    assert_eq!(load(&mut client, &path, "public.t").expect("a load").rows_loaded, 3);
    assert_eq!(count(&mut client, "public.t"), 6);
}
