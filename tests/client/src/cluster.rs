//! One PostgreSQL cluster: made, started, stopped, removed.

use postgres::error::DbError;
use postgres::{Client, NoTls};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use tempfile::TempDir;

use crate::wait_for;

/// Limits that the kernel sets to a server and all its backends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Address space, in bytes (`ulimit -v`).
    pub address_space: Option<u64>,
    /// Size of any one file, in bytes (`ulimit -f`): a disk that is full.
    pub file_size: Option<u64>,
}

/// A running cluster. Dropping it stops the server and removes all files.
pub struct Cluster {
    directory: TempDir,
    bindir: PathBuf,
    user: Option<(u32, u32)>,
    limits: Limits,
    server: Mutex<Option<Child>>,
}

/// A database with the extension in it. Dropping it removes it from the cluster: a
/// suite has more of them than a small disk holds.
pub struct Database<'a> {
    /// The cluster that it is in.
    pub cluster: &'a Cluster,
    /// Its name.
    pub name: String,
}

/// The cluster that the tests of one binary share. Statics are never dropped:
/// the end of the process stops it.
static SHARED: OnceLock<Cluster> = OnceLock::new();

extern "C" fn stop_shared() {
    if let Some(cluster) = SHARED.get() {
        cluster.shut_down();
    }
}

impl Cluster {
    /// A cluster with `conf` (lines of postgresql.conf) added. Its directory is
    /// closed to other users: the server trusts who connects.
    pub fn start(conf: &[&str], limits: Limits) -> Cluster {
        let directory = tempfile::Builder::new().prefix("loader-").tempdir().expect("a temporary directory");
        let user = server_user();
        let cluster = Cluster { directory, bindir: bindir(), user, limits, server: Mutex::new(None) };
        cluster.give(cluster.directory.path());
        for folder in ["files", "socket"] {
            fs::create_dir(cluster.path(folder)).expect("a folder");
            cluster.give(&cluster.path(folder));
        }

        let made = cluster
            .command("initdb")
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"])
            // Small segments, so that a limit on file sizes meets tables first.
            .args(["--wal-segsize=1", "-D"])
            .arg(cluster.path("data"))
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let mut settings = format!(
            "listen_addresses = ''\n\
             unix_socket_directories = '{}'\n\
             fsync = off\n\
             shared_buffers = 32MB\n\
             max_connections = 80\n\
             max_worker_processes = 64\n\
             max_wal_size = 256MB\n\
             autovacuum = off\n\
             loader.verify = on\n\
             log_destination = stderr\n\
             logging_collector = off\n",
            cluster.path("socket").display()
        );
        for line in conf {
            settings.push_str(line);
            settings.push('\n');
        }
        let file = cluster.path("data/postgresql.auto.conf");
        fs::write(&file, settings).expect("settings");
        cluster.give(&file);
        cluster.resume();
        cluster
    }

    /// The cluster that the tests of this binary share; each makes a database
    /// of its own in it.
    pub fn shared() -> &'static Cluster {
        SHARED.get_or_init(|| {
            // SAFETY: atexit only stores the function; that one touches nothing
            // but a static.
            unsafe { libc::atexit(stop_shared) };
            Cluster::start(&[], Limits::default())
        })
    }

    /// Starts the server, which must not be running.
    pub fn resume(&self) {
        let log = File::options().create(true).append(true).open(self.path("log")).expect("the server's log");
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.path("data")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let limits = self.limits;
        // SAFETY: setrlimit is async-signal-safe, and nothing else is called
        // between fork and exec.
        unsafe { command.pre_exec(move || limits.apply()) };
        *self.server() = Some(command.spawn().expect("the server starts"));
        self.wait_until_ready();
    }

    /// Waits until the server takes connections, after a start or a crash.
    pub fn wait_until_ready(&self) {
        wait_for("the server to take connections", || {
            if let Some(status) = self.server().as_mut().and_then(|child| child.try_wait().expect("a child"))
            {
                panic!("the server ended ({status}):\n{}", self.log());
            }
            self.try_connect("postgres", "postgres").is_ok()
        });
    }

    /// A path within the cluster's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file that the server can read.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path("files").join(name);
        fs::write(&path, bytes).expect("a file");
        self.give(&path);
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    /// Gives a path to the user that the server runs as.
    pub fn give(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("chown");
        }
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("log")).unwrap_or_default()).into_owned()
    }

    /// A program of the PostgreSQL under test, to be run as the server's user,
    /// with the environment that leads to this cluster.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bindir.join(program));
        command
            .current_dir(self.directory.path())
            .env("PGHOST", self.path("socket"))
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres")
            .env("LC_ALL", "C")
            .env_remove("PGPORT")
            .env_remove("PGSERVICE")
            .env_remove("PGOPTIONS");
        if let Some((user, group)) = self.user {
            command.gid(group).uid(user);
        }
        command
    }

    /// The folder that holds the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.path("socket")
    }

    /// Connects as `user`.
    pub fn connect_as(&self, user: &str, database: &str) -> Client {
        self.try_connect(user, database).unwrap_or_else(|error| panic!("connect: {error}\n{}", self.log()))
    }

    /// Connects as the superuser.
    pub fn connect(&self, database: &str) -> Client {
        self.connect_as("postgres", database)
    }

    fn try_connect(&self, user: &str, database: &str) -> Result<Client, postgres::Error> {
        self.config(user, database).connect(NoTls)
    }

    fn config(&self, user: &str, database: &str) -> postgres::Config {
        let mut config = postgres::Config::new();
        config.host_path(self.path("socket")).user(user).dbname(database);
        config
    }

    /// A new folder among the files that the server can read.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path("files").join(name);
        fs::create_dir(&path).expect("a folder");
        self.give(&path);
        path
    }

    /// Sends a signal to the postmaster, and waits until it and all its processes
    /// have gone.
    pub fn end(&self, signal: i32) {
        let mut server = self.server().take().expect("a running server");
        let children = children(server.id() as i32);
        send_signal(server.id() as i32, signal);
        server.wait().expect("the postmaster ends");
        wait_for("the server's processes to end", || children.iter().all(|&pid| is_gone(pid)));
    }

    /// A new database with the extension, in the cluster's encoding.
    pub fn database(&self, name: &str) -> Database<'_> {
        self.database_with(name, "UTF8")
    }

    /// A new database with the extension, in an encoding of its own.
    pub fn database_with(&self, name: &str, encoding: &str) -> Database<'_> {
        let database = self.bare_database(name, encoding);
        database.connect().batch_execute("CREATE EXTENSION loader").expect("CREATE EXTENSION");
        database
    }

    /// A new database without the extension.
    pub fn bare_database(&self, name: &str, encoding: &str) -> Database<'_> {
        self.connect("postgres")
            .batch_execute(&format!(
                "CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
            ))
            .expect("CREATE DATABASE");
        Database { cluster: self, name: name.to_owned() }
    }

    /// Stops the server and removes all files; nothing is left to do for drop.
    fn shut_down(&self) {
        if let Some(mut server) = self.server().take() {
            // The files go with it: no need for a shutdown checkpoint.
            send_signal(server.id() as i32, libc::SIGQUIT);
            let _ = server.wait();
        }
        let _ = fs::remove_dir_all(self.directory.path());
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Drop for Database<'_> {
    /// A server that does not run any more, or whose disk is full, has a cluster that
    /// is removed as a whole.
    fn drop(&mut self) {
        if let Ok(mut client) = self.cluster.try_connect("postgres", "postgres") {
            // No standby that a test has made up is waited for.
            let _ = client.batch_execute("SET synchronous_commit = local; SET statement_timeout = '1min'");
            let _ = client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

impl Database<'_> {
    /// Connects as the superuser.
    pub fn connect(&self) -> Client {
        self.cluster.connect(&self.name)
    }

    /// Connects as `user`.
    pub fn connect_as(&self, user: &str) -> Client {
        self.cluster.connect_as(user, &self.name)
    }

    /// Connects as `user`, and collects what the server says beside its results.
    pub fn connect_listening(&self, user: &str) -> (Client, Said) {
        let said = Said::default();
        let ear = said.clone();
        let client = self
            .cluster
            .config(user, &self.name)
            .notice_callback(move |notice| ear.hear(&notice))
            .connect(NoTls)
            .expect("connect");
        (client, said)
    }
}

/// NOTICEs and WARNINGs that a session got.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn hear(&self, notice: &DbError) {
        let hint = notice.hint().map_or(String::new(), |hint| format!(" HINT: {hint}"));
        let line = format!("{}: {}{hint}", notice.severity(), notice.message());
        self.0.lock().expect("nobody panics here").push(line);
    }

    /// All since this was asked last.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics here"))
    }
}

impl Limits {
    fn apply(&self) -> io::Result<()> {
        for (resource, limit) in [(libc::RLIMIT_AS, self.address_space), (libc::RLIMIT_FSIZE, self.file_size)]
        {
            if let Some(limit) = limit {
                let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
                // SAFETY: the pointer is to a live rlimit.
                if unsafe { libc::setrlimit(resource, &limit) } != 0 {
                    return Err(io::Error::last_os_error());
                }
            }
        }
        Ok(())
    }
}

/// Sends a signal to a process of a cluster of ours.
pub fn send_signal(pid: i32, signal: i32) {
    // SAFETY: kill has no memory effects.
    unsafe { libc::kill(pid, signal) };
}

/// The processes that one has started and that run.
fn children(parent: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").expect("/proc");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| state_and_parent(pid).is_some_and(|(_, of)| of == parent)).collect()
}

fn is_gone(pid: i32) -> bool {
    state_and_parent(pid).is_none_or(|(state, _)| state == "Z")
}

fn state_and_parent(pid: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may have blanks in it, and brackets.
    let mut rest = stat.rsplit(") ").next()?.split(' ');
    Some((rest.next()?.to_owned(), rest.next()?.parse().ok()?))
}

fn bindir() -> PathBuf {
    let pg_config = std::env::var("PG_CONFIG").unwrap_or_else(|_| "pg_config".to_owned());
    let output = Command::new(&pg_config)
        .arg("--bindir")
        .output()
        .unwrap_or_else(|error| panic!("{pg_config}: {error}"));
    PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
}

/// User and group that servers run as: PostgreSQL refuses to run as root.
fn server_user() -> Option<(u32, u32)> {
    // SAFETY: geteuid cannot fail and touches nothing.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    let id = |flag: &str| {
        let output = Command::new("id").args([flag, "postgres"]).output().expect("id runs");
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("a user named postgres")
    };
    Some((id("-u"), id("-g")))
}
