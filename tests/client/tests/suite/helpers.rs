//! Small files and tables that several tests use.

use flate2::{Compression, write::GzEncoder};
use loader_client_tests::{Cluster, Database, Summary, send_signal, wait_for};
use loader_damage::framing::Framing;
use loader_damage::suite::{self, Choice};
use postgres::{Client, NoTls};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Child, Stdio};

/// `count` good records, one a line: `{"n": 0, …}` and so on.
pub fn lines(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        writeln!(text, r#"{{"n": {n}, "name": "record {n}", "tags": ["a", "b"], "ok": true}}"#)
            .expect("a string");
    }
    text
}

/// Good records, so short that a few of them fill no part: parts of them end after
/// 4,096 records.
pub fn tiny(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        writeln!(text, r#"{{"n": {n}}}"#).expect("a string");
    }
    text
}

/// An empty table `name (data jsonb NOT NULL)`.
pub fn table(client: &mut Client, name: &str) {
    client.execute("SELECT seed_json_table($1)", &[&name]).expect("seed_json_table");
}

/// An empty table with lineage.
pub fn traced(client: &mut Client, name: &str) {
    client.execute("SELECT seed_json_table($1, lineage => true)", &[&name]).expect("seed_json_table");
}

/// How many rows a table has.
pub fn count(client: &mut Client, name: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {name}"), &[]).expect("count").get(0)
}

/// A constraint `c` that ends every load that meets a record for which the condition is false:
/// what it raises, 55000, is about no record, and makes none a reject.
pub fn insist(client: &mut Client, table: &str, condition: &str) {
    client
        .batch_execute(&format!(
            "CREATE OR REPLACE FUNCTION insist(boolean) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
             BEGIN
                 IF NOT $1 THEN RAISE 'no thank you' USING ERRCODE = '55000'; END IF;
                 RETURN true;
             END $$;
             ALTER TABLE {table} ADD CONSTRAINT c CHECK (insist({condition})) NOT VALID"
        ))
        .expect("a constraint");
}

/// A single figure.
pub fn figure(client: &mut Client, query: &str) -> i64 {
    client.query_one(query, &[]).expect("a figure").get(0)
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

/// A barrier before a table: while it is closed, every INSERT into it waits,
/// before its first row.
pub struct Barrier {
    holder: Client,
    watcher: Client,
}

impl Barrier {
    /// Puts the barrier before `table` and closes it.
    pub fn close(database: &Database, table: &str) -> Barrier {
        let mut holder = database.connect();
        holder
            .batch_execute(&format!(
                "CREATE FUNCTION {table}_barrier() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(4712); RETURN NULL; END $$;
                 CREATE TRIGGER barrier BEFORE INSERT ON {table} EXECUTE FUNCTION {table}_barrier();
                 SELECT pg_advisory_lock(4712)"
            ))
            .expect("a barrier");
        Barrier { holder, watcher: database.connect() }
    }

    /// Waits until so many processes stand before it.
    pub fn wait_for_waiters(&mut self, wanted: i64) {
        let watcher = &mut self.watcher;
        wait_for("an INSERT to reach the barrier", || {
            count(watcher, "pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'")
                >= wanted
        });
    }

    /// Waits until one worker stands before it and the other ones have nothing to do.
    pub fn wait_for_idle(&mut self, others: i64) {
        self.wait_for_waiters(1);
        let watcher = &mut self.watcher;
        wait_for("the other workers to look for work", || {
            count(
                watcher,
                "pg_stat_activity WHERE datname = current_database() AND backend_type = 'loader worker'
                 AND wait_event_type = 'Extension'",
            ) >= others
        });
    }

    /// Opens it.
    pub fn open(&mut self) {
        self.holder.batch_execute("SELECT pg_advisory_unlock(4712)").expect("unlock");
    }

    /// Closes it again, once those within have committed.
    pub fn close_again(&mut self) {
        self.holder.batch_execute("SELECT pg_advisory_lock(4712)").expect("lock");
    }
}

/// How many workers the database has.
pub fn workers(client: &mut Client) -> i64 {
    count(client, "pg_stat_activity WHERE datname = current_database() AND backend_type = 'loader worker'")
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

/// A folder of the test's own with files in it; the pattern that matches them all.
pub fn files<B: AsRef<[u8]>>(database: &Database, name: &str, files: &[(&str, B)]) -> String {
    let folder = database.folder(name);
    for (file, bytes) in files {
        database.file(&format!("{name}/{file}"), bytes);
    }
    format!("{}/*", folder.display())
}

/// Writes at the end of a file.
pub fn append(path: &str, bytes: impl AsRef<[u8]>) {
    File::options().append(true).open(path).expect("the file").write_all(bytes.as_ref()).expect("written");
}

/// What a call did, without its speed.
pub fn counts(summary: &Summary) -> [i64; 6] {
    let Summary { files, loaded, skipped, failed, rows, rejects, .. } = *summary;
    [files, loaded, skipped, failed, rows, rejects]
}

/// So many bytes, or more, of damaged files of one framing, one behind the other.
pub fn damaged(framing: Framing, seed: u64, bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for seed in seed.. {
        for file in suite::plain(Choice { seed, one_in: 1 }).filter(|file| file.framing == framing) {
            text.extend_from_slice(&file.bytes);
            if !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            if text.len() >= bytes {
                return text;
            }
        }
    }
    unreachable!("seeds do not run out")
}

/// The bytes as a gzip file.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip")
}

/// A sequence of numbers that looks random and is the same for each seed.
pub struct Numbers(pub u64);

impl Numbers {
    /// One below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A server that follows a cluster. It is stopped when it goes.
pub struct Replica<'a> {
    cluster: &'a Cluster,
    server: Child,
}

impl<'a> Replica<'a> {
    /// Copies the cluster, and starts the copy as a standby.
    pub fn start(cluster: &'a Cluster) -> Self {
        let copied = cluster.command("pg_basebackup").args(["-R", "-c", "fast", "-D", "replica"]).output();
        let copied = copied.expect("pg_basebackup runs");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let socket = cluster.path("replica/socket");
        fs::create_dir(&socket).expect("a folder");
        cluster.give(&socket);
        let server = cluster
            .command("postgres")
            .args(["-D", "replica", "-c"])
            .arg(format!("unix_socket_directories={}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Shown where the test fails.
            .stderr(File::options().append(true).open(cluster.path("log")).expect("the log"))
            .spawn()
            .expect("the replica starts");
        Replica { cluster, server }
    }

    /// Connects as the superuser, as soon as it takes connections.
    pub fn connect(&mut self, database: &str) -> Client {
        let socket = self.cluster.path("replica/socket");
        let mut there = None;
        wait_for("the replica to come up", || {
            let ended = self.server.try_wait().expect("a child");
            assert!(ended.is_none(), "the replica ended:\n{}", self.cluster.log());
            let config =
                postgres::Config::new().host_path(&socket).user("postgres").dbname(database).connect(NoTls);
            there = config.ok();
            there.is_some()
        });
        there.expect("a connection")
    }
}

impl Drop for Replica<'_> {
    fn drop(&mut self) {
        send_signal(self.server.id() as i32, libc::SIGQUIT);
        let _ = self.server.wait();
    }
}
