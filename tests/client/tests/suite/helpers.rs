//! Small files and tables that several tests use.

use loader_client_tests::{Cluster, Database, wait_for};
use postgres::Client;
use std::fmt::Write;

/// `count` good records, one a line: `{"n": 0, …}` and so on.
pub fn lines(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        writeln!(text, r#"{{"n": {n}, "name": "record {n}", "tags": ["a", "b"], "ok": true}}"#)
            .expect("a string");
    }
    text
}

/// An empty table `name (data jsonb NOT NULL)`.
pub fn table(client: &mut Client, name: &str) {
    client.execute("SELECT seed_json_table($1)", &[&name]).expect("seed_json_table");
}

/// How many rows a table has.
pub fn count(client: &mut Client, name: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {name}"), &[]).expect("count").get(0)
}

/// A gate that stops loads: a trigger on `table` that waits, at the record with
/// this `n`, for as long as [`Gate`] is held.
pub struct Gate {
    holder: Client,
    watcher: Client,
}

impl Gate {
    /// Puts the gate on `table` and closes it.
    pub fn close(database: &Database, table: &str, n: usize) -> Gate {
        let mut holder = database.connect();
        holder
            .batch_execute(&format!(
                "CREATE FUNCTION {table}_gate() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN
                     IF (NEW.data->>'n')::numeric = {n} THEN
                         PERFORM pg_catalog.pg_advisory_xact_lock_shared(4711);
                     END IF;
                     RETURN NEW;
                 END $$;
                 CREATE TRIGGER gate BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_gate();
                 SELECT pg_advisory_lock(4711)"
            ))
            .expect("a gate");
        Gate { holder, watcher: database.connect() }
    }

    /// Waits until `sessions` of the database stand before the gate, or wait
    /// for each other.
    pub fn wait_for_waiters(&mut self, sessions: i64) {
        let watcher = &mut self.watcher;
        wait_for("a load to reach the gate", || {
            let waiting: i64 = watcher
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'",
                    &[],
                )
                .expect("pg_stat_activity")
                .get(0);
            waiting >= sessions
        });
    }

    /// Opens the gate for good.
    pub fn open(mut self) {
        self.holder.batch_execute("SELECT pg_advisory_unlock(4711)").expect("unlock");
    }
}

/// The process that serves a session.
pub fn backend(client: &mut Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).expect("pg_backend_pid").get(0)
}

/// The folder of JSON corpora, if there is one: `LOADER_CORPORA`, or
/// `shared/corpora` beside the repository.
pub fn corpora() -> Option<std::path::PathBuf> {
    let folder = match std::env::var_os("LOADER_CORPORA") {
        Some(folder) => folder.into(),
        None => std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
    };
    folder.is_dir().then_some(folder)
}

/// A database of the shared cluster with the table `t`, and a session in it.
pub fn session(name: &str) -> (Database<'static>, Client) {
    let database = Cluster::shared().database(name);
    let mut client = database.connect();
    table(&mut client, "t");
    (database, client)
}
