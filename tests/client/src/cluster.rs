//! One PostgreSQL cluster: made, started, stopped, removed.

use postgres::error::DbError;
use postgres::{Client, NoTls};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::iter;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use tempfile::TempDir;

use crate::{happens, wait_for};

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

/// A database with the extension in it. Dropping it removes it from the cluster, and
/// the files that were made for it: a suite has more of them than a small disk holds.
pub struct Database<'a> {
    /// The cluster that it is in.
    pub cluster: &'a Cluster,
    /// Its name.
    pub name: String,
}

/// Makes the extension, with loads that are numbered from 1: it begins with the clock.
pub const CREATE_EXTENSION: &str = "CREATE EXTENSION loader; SELECT setval('loader.load_id_seq', 1, false)";

/// The cluster that the tests of one binary share.
static SHARED: OnceLock<Cluster> = OnceLock::new();

/// The same, with the library loaded by the server when it starts.
static PRELOADED: OnceLock<Cluster> = OnceLock::new();

/// What initdb makes, never started: each cluster begins as a copy of it.
static MODEL: OnceLock<Cluster> = OnceLock::new();

/// Statics are never dropped: the end of the process stops what they hold.
extern "C" fn clean_up() {
    for cluster in [SHARED.get(), PRELOADED.get(), MODEL.get()].into_iter().flatten() {
        cluster.shut_down();
    }
}

impl Cluster {
    /// A cluster with `conf` (lines of postgresql.conf) added. Its directory is
    /// closed to other users: the server trusts who connects.
    pub fn start(conf: &[&str], limits: Limits) -> Cluster {
        let mut cluster = Cluster::bare(bindir());
        cluster.limits = limits;
        let model = MODEL.get_or_init(|| {
            // SAFETY: atexit only stores the function; that one touches nothing
            // but statics.
            unsafe { libc::atexit(clean_up) };
            let cluster = Cluster::bare(bindir());
            cluster.init(&[]);
            cluster
        });
        let data = model.path("data");
        run(cluster.command("/bin/cp").args(["-a", "--reflink=auto"]).arg(data).arg("data"));
        cluster.make_folders();
        cluster.configure(conf);
        cluster.resume();
        cluster
    }

    /// The same of the earlier version that pg_upgrade is tried from: `LOADER_UPGRADE_FROM` is its pg_config.
    /// `None` where there is none.
    pub fn of_earlier_version(conf: &[&str]) -> Option<Cluster> {
        let pg_config = std::env::var("LOADER_UPGRADE_FROM").ok().filter(|path| !path.is_empty())?;
        let cluster = Cluster::bare(bindir_of(&pg_config));
        cluster.init(&[]);
        cluster.make_folders();
        cluster.configure(conf);
        cluster.resume();
        Some(cluster)
    }

    /// What pg_upgrade makes of this cluster, which must not be running, for the PostgreSQL under test; what
    /// it says if it fails.
    pub fn upgrade(&self, conf: &[&str]) -> Result<Cluster, String> {
        let cluster = Cluster::bare(bindir());
        // Versions differ in whether they have checksums by themselves.
        let help = cluster.command("initdb").arg("--help").output().expect("initdb runs");
        let flag = ["--no-data-checksums"];
        let has_flag = String::from_utf8_lossy(&help.stdout).contains(flag[0]);
        cluster.init(if has_flag { &flag } else { &[] });
        cluster.make_folders();
        let mut command = cluster.command("pg_upgrade");
        command.arg("-b").arg(&self.bindir).arg("-d").arg(self.path("data"));
        let output = command.args(["-D", "data", "-U", "postgres"]).output().expect("pg_upgrade runs");
        if !output.status.success() {
            let logs = "tail -n 30 data/pg_upgrade_output.d/*/log/*";
            let logs = cluster.command("/bin/sh").args(["-c", logs]).output().expect("a shell");
            let said = [output.stdout, output.stderr, logs.stdout];
            return Err(said.map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n"));
        }
        cluster.configure(conf);
        cluster.resume();
        Ok(cluster)
    }

    /// Makes the data directory.
    fn init(&self, more: &[&str]) {
        // Small segments, so that a limit on file sizes meets tables first.
        let flags = ["--no-sync", "--auth=trust", "--username=postgres", "--wal-segsize=1"];
        let mut command = self.command("initdb");
        run(command.args(flags).args(more).args(["--encoding=UTF8", "--locale=C", "-D", "data"]));
    }

    fn make_folders(&self) {
        for folder in ["files", "socket"] {
            fs::create_dir(self.path(folder)).expect("a folder");
            self.give(&self.path(folder));
        }
    }

    fn configure(&self, conf: &[&str]) {
        // A test that fails waits for the sessions that it has before a gate: hence
        // lock_timeout.
        let mut settings = format!(
            "listen_addresses = ''\n\
             unix_socket_directories = '{}'\n\
             fsync = off\n\
             shared_buffers = 32MB\n\
             max_connections = 300\n\
             max_worker_processes = 200\n\
             max_wal_size = 64MB\n\
             autovacuum = off\n\
             lock_timeout = '2min'\n\
             loader.verify = on\n\
             log_destination = stderr\n\
             logging_collector = off\n",
            self.path("socket").display()
        );
        for line in conf {
            settings.push_str(line);
            settings.push('\n');
        }
        let file = self.path("data/postgresql.auto.conf");
        fs::write(&file, settings).expect("settings");
        self.give(&file);
    }

    /// The cluster that the tests of this binary share; each makes a database
    /// of its own in it.
    pub fn shared() -> &'static Cluster {
        SHARED.get_or_init(|| Cluster::start(&[], Limits::default()))
    }

    /// The one that the tests share whose pipelines are started by the server.
    pub fn preloaded() -> &'static Cluster {
        PRELOADED.get_or_init(|| {
            Cluster::start(
                &["shared_preload_libraries = 'loader'", "loader.max_pipeline_workers = 50"],
                Limits::default(),
            )
        })
    }

    /// A directory of the server's user, and nothing in it.
    fn bare(bindir: PathBuf) -> Cluster {
        let directory = tempfile::Builder::new().prefix("loader-").tempdir().expect("a temporary directory");
        let user = server_user();
        let cluster =
            Cluster { directory, bindir, user, limits: Limits::default(), server: Mutex::new(None) };
        cluster.give(cluster.directory.path());
        cluster
    }

    /// Starts the server, which must not be running.
    pub fn resume(&self) {
        let log = File::options().create(true).append(true).open(self.path("log")).expect("the server's log");
        let mut command = self.command("postgres");
        // Nobody writes there: all processes of the server have the file open, and with
        // it the lock, as long as they live.
        let alive = File::create(self.path("alive")).expect("a file");
        // A program that another test starts at this moment may have a copy of the lock.
        wait_for("the server before to have ended", || alive.try_lock().is_ok());
        command.arg("-D").arg(self.path("data")).stdin(Stdio::null()).stdout(alive).stderr(log);
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
        path.into_os_string().into_string().expect("a UTF-8 path")
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

    /// A shell with the programs of the PostgreSQL under test on its path, and with the environment that
    /// leads to a database. It runs as the user of the tests, who can read the checkout.
    pub fn shell(&self, database: &str) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = iter::once(self.bindir.clone()).chain(std::env::split_paths(&path));
        let mut command = Command::new("bash");
        command
            .env("PATH", std::env::join_paths(folders).expect("a path without a colon"))
            .env("PGHOST", self.path("socket"))
            .env("PGUSER", "postgres")
            .env("PGDATABASE", database)
            .env("PSQLRC", "/dev/null")
            .env("LC_ALL", "C")
            .env_remove("PGPORT")
            .env_remove("PGSERVICE")
            .env_remove("PGOPTIONS");
        command
    }

    /// What a process of the server has open beside files of its data directory: the
    /// server opens and closes those as it likes, all of them whenever anybody drops a
    /// database.
    pub fn open_files(&self, pid: i32) -> Vec<String> {
        // As the server's user: root in a container may not read the links.
        let descriptors = format!("/proc/{pid}/fd");
        let mut find = self.command("/usr/bin/find");
        // That one of them is closed meanwhile is no error.
        let found = find.args([&descriptors, "-type", "l", "-printf", "%l\\n"]).output().expect("find runs");
        let links = String::from_utf8_lossy(&found.stdout);
        assert!(!links.is_empty(), "{}", String::from_utf8_lossy(&found.stderr));
        let data = fs::canonicalize(self.path("data")).expect("the data directory");
        let elsewhere = |link: &&str| !Path::new(link).starts_with(&data);
        let mut open: Vec<_> = links.lines().filter(elsewhere).map(str::to_owned).collect();
        open.sort();
        open
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
        send_signal(server.id() as i32, signal);
        if !happens(|| server.try_wait().expect("a child").is_some()) {
            let _ = server.kill();
            panic!("the server does not stop:\n{}", self.log());
        }
        let alive = File::open(self.path("alive")).expect("a file");
        wait_for("the server's processes to end", || alive.try_lock().is_ok());
    }

    /// A new database with the extension, in the cluster's encoding.
    pub fn database(&self, name: &str) -> Database<'_> {
        self.database_with(name, "UTF8")
    }

    /// A new database with the extension, in an encoding of its own.
    pub fn database_with(&self, name: &str, encoding: &str) -> Database<'_> {
        let database = self.bare_database(name, encoding);
        database.connect().batch_execute(CREATE_EXTENSION).expect("CREATE EXTENSION");
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
        let _ = fs::remove_dir_all(self.cluster.path("files").join(self.own_folder()));
        if let Ok(mut client) = self.cluster.try_connect("postgres", "postgres") {
            // No standby that a test has made up is waited for.
            let _ = client.batch_execute("SET synchronous_commit = local; SET statement_timeout = '1min'");
            let _ = client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

impl Database<'_> {
    /// A file that the server can read, for as long as there is the database.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        self.cluster.file(&self.own(name), bytes)
    }

    /// A new folder for such files.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.cluster.folder(&self.own(name))
    }

    /// A file of `times` pieces between a head and a tail, larger than what one wants
    /// to have in memory.
    pub fn large_file(&self, name: &str, head: &str, piece: &str, times: usize, tail: &str) -> String {
        let path = self.file(name, "");
        let mut file = BufWriter::new(File::create(&path).expect("a file"));
        let pieces = iter::once(head).chain(iter::repeat_n(piece, times)).chain(iter::once(tail));
        for piece in pieces {
            file.write_all(piece.as_bytes()).expect("written");
        }
        file.flush().expect("written");
        path
    }

    /// The folder of its files, below the cluster's.
    fn own_folder(&self) -> String {
        format!("{}.files", self.name)
    }

    /// A name in there.
    fn own(&self, name: &str) -> String {
        let folder = self.own_folder();
        if !self.cluster.path("files").join(&folder).exists() {
            self.cluster.folder(&folder);
        }
        format!("{folder}/{name}")
    }

    /// Connects as the superuser.
    pub fn connect(&self) -> Client {
        self.cluster.connect(&self.name)
    }

    /// Connects to a server that may not be there.
    pub fn try_connect(&self) -> Result<Client, postgres::Error> {
        self.cluster.try_connect("postgres", &self.name)
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
pub struct Said {
    lines: Arc<Mutex<Vec<String>>>,
    details: Arc<Mutex<Vec<String>>>,
}

impl Said {
    fn hear(&self, notice: &DbError) {
        let hint = notice.hint().map_or(String::new(), |hint| format!(" HINT: {hint}"));
        let line = format!("{}: {}{hint}", notice.severity(), notice.message());
        self.lines.lock().expect("nobody panics here").push(line);
        let detail = notice.detail().map(str::to_owned);
        self.details.lock().expect("nobody panics here").extend(detail);
    }

    /// All since this was asked last.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().expect("nobody panics here"))
    }

    /// The details of all since this was asked last, where there were some.
    pub fn details(&self) -> Vec<String> {
        std::mem::take(&mut self.details.lock().expect("nobody panics here"))
    }

    /// The same without how far a call has come: one that takes seconds says so.
    pub fn results(&self) -> Vec<String> {
        let mut said = self.take();
        said.retain(|line| !line.starts_with("NOTICE: loading into table "));
        said
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

/// Runs a program that has to succeed.
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [said, wrong] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{command:?}: {said}{wrong}");
}

fn bindir() -> PathBuf {
    bindir_of(&std::env::var("PG_CONFIG").unwrap_or_else(|_| "pg_config".to_owned()))
}

fn bindir_of(pg_config: &str) -> PathBuf {
    let output = Command::new(pg_config)
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
