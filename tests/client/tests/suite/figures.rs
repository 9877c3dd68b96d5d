//! Figures that are promised, measured: how soon a call ends when it is to, what ten
//! thousand files take, and disks that are full. Takes long: make soak.

use crate::helpers::{Numbers, backend, count, damaged, files, lines, table, workers};
use crate::resume::{signal, worker_pids};
use loader_client_tests::{
    Cluster, Database, Left, Limits, Summary, left, load_many, message, rss_anon, wait_for,
};
use loader_damage::framing::Framing;
use postgres::Client;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A call while it is at work, and how long it takes to end after `stop`.
fn stopped(
    database: &Database,
    pattern: &str,
    workers: usize,
    moment: i64,
    stop: impl FnOnce(&mut Client, i32),
) -> (Result<Summary, postgres::Error>, Duration) {
    let mut caller = database.connect();
    caller.batch_execute("SET loader.transaction_size = '64kB'").expect("the setting");
    let pid = backend(&mut caller);
    let mut watcher = database.connect();
    let before = count(&mut watcher, "t");
    thread::scope(|scope| {
        let call = scope.spawn(move || {
            let result = load_many(&mut caller, pattern, "t", &format!("workers => {workers}"));
            (result, Instant::now())
        });
        wait_for("the call to come so far", || {
            call.is_finished() || count(&mut watcher, "t") >= before + moment
        });
        let asked = Instant::now();
        stop(&mut watcher, pid);
        let (result, ended) = call.join().expect("the caller's thread");
        (result, ended.saturating_duration_since(asked))
    })
}

/// Files that take some seconds.
fn large(database: &Database, name: &str) -> String {
    let all: Vec<(String, Vec<u8>)> =
        (0..4).map(|n| (format!("{n}"), damaged(Framing::Lines, 60 + n, 600_000).repeat(20))).collect();
    let all: Vec<(&str, &[u8])> = all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    files(database, name, &all)
}

#[test]
#[ignore = "takes long: make soak"]
fn a_cancel_is_heard_within_a_quarter_of_a_second() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("figures_cancel");
    let mut client = database.connect();
    table(&mut client, "t");
    let pattern = large(&database, "figures_cancel");
    let mut numbers = Numbers(71);
    let mut longest = Duration::ZERO;
    for round in 0..20 {
        let crew = [2, 3, 0, 5][round % 4];
        let (result, took) =
            stopped(&database, &pattern, crew, 1 + numbers.below(2000) as i64, |watcher, pid| {
                signal(watcher, "pg_cancel_backend", pid);
            });
        assert!(message(result).starts_with("57014"), "round {round}");
        wait_for("the workers to end", || workers(&mut client) == 0);
        longest = longest.max(took);
        println!("round {round}, {crew} workers: {took:?}");
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    }
    println!("longest: {longest:?}");
    // And what one call of the server may take, a commit say.
    assert!(longest < Duration::from_millis(250 + 250), "{longest:?}");
}

#[test]
#[ignore = "takes long: make soak"]
fn a_fast_shutdown_takes_a_second() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("figures_shutdown");
    table(&mut database.connect(), "t");
    let pattern = large(&database, "figures_shutdown");
    let mut numbers = Numbers(72);
    let mut longest = Duration::ZERO;
    for round in 0..20 {
        let crew = [2, 0, 3, 5][round % 4];
        let (result, took) = stopped(&database, &pattern, crew, 1 + numbers.below(2000) as i64, |_, _| {
            cluster.end(libc::SIGINT);
        });
        result.expect_err("the server has gone");
        longest = longest.max(took);
        println!("round {round}, {crew} workers: {took:?}");
        cluster.resume();
        database.connect().batch_execute("TRUNCATE t").expect("TRUNCATE");
    }
    println!("longest: {longest:?}");
    assert!(longest < Duration::from_millis(1000 + 250), "{longest:?}");
}

#[test]
#[ignore = "takes long: make soak"]
fn ten_thousand_files_take_no_more_memory_than_a_thousand() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("figures_files");
    let mut client = database.connect();
    table(&mut client, "t");
    let folder = database.folder("figures_files");
    for n in 0..10_000 {
        let text = lines(13).replace("record", &format!("record {n}-"));
        database.file(&format!("figures_files/{n:05}"), text);
    }
    let pattern = format!("{}/*", folder.display());
    for crew in [2, 0] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let mut watcher = database.connect();
        let pid = backend(&mut client);
        let (mut early, mut late) = (0, 0);
        let began = Instant::now();
        let summary = thread::scope(|scope| {
            let call = scope.spawn(|| {
                load_many(&mut client, &pattern, "t", &format!("workers => {crew}")).expect("a call")
            });
            let largest = |watcher: &mut Client| {
                let pids = worker_pids(watcher).into_iter().chain([pid]);
                pids.filter(|pid| Path::new(&format!("/proc/{pid}")).exists())
                    .map(rss_anon)
                    .max()
                    .unwrap_or(0)
            };
            while !call.is_finished() {
                let files = count(&mut watcher, "loader.load_history WHERE status = 'loaded'") % 10_000;
                match files {
                    500..1500 => early = early.max(largest(&mut watcher)),
                    8000.. => late = late.max(largest(&mut watcher)),
                    _ => {}
                }
                thread::sleep(Duration::from_millis(5));
            }
            call.join().expect("a session")
        });
        assert_eq!((summary.loaded, summary.rows), (10_000, 130_000));
        println!("{crew} workers: {:?}, memory {early} → {late}", began.elapsed());
        assert!(early > 0 && late > 0, "looked too seldom");
        assert!(late <= early + (4 << 20), "{crew} workers: {early} → {late}");
    }
}

#[test]
#[ignore = "takes long: make soak"]
fn calls_that_are_disturbed_leave_nothing() {
    // Segments are files then, in a folder of the cluster's own.
    let conf = ["loader.verify = off", "dynamic_shared_memory_type = mmap"];
    let cluster = Cluster::start(&conf, Limits::default());
    let database = cluster.database("figures_calls");
    let mut client = database.connect();
    table(&mut client, "t");
    let pattern = files(
        &database,
        "figures_calls",
        &[("a", damaged(Framing::Lines, 81, 300_000)), ("b", damaged(Framing::CommaLines, 82, 100_000))],
    );
    let pid = backend(&mut client);
    let mut watcher = database.connect();
    let segments = || fs::read_dir(cluster.path("data/pg_dynshmem")).expect("segments").count();
    let mut numbers = Numbers(73);
    let (mut cancelled, mut ended) = (0, 0);
    let mut round = |client: &mut Client, watcher: &mut Client, n: usize| {
        client.batch_execute("TRUNCATE t; SET loader.transaction_size = '1kB'").expect("TRUNCATE");
        let pattern = &pattern;
        thread::scope(|scope| {
            let call = scope.spawn(|| load_many(client, pattern, "t", "workers => 3, chunk => 100"));
            let moment = numbers.below(1500) as i64;
            wait_for("the call to come so far", || call.is_finished() || count(watcher, "t") >= moment);
            match n % 3 {
                0 => drop(signal(watcher, "pg_cancel_backend", pid)),
                1 => {
                    let pids = worker_pids(watcher);
                    ended += pids.iter().filter(|&&pid| signal(watcher, "pg_terminate_backend", pid)).count();
                }
                _ => {}
            }
            match call.join().expect("the caller's thread") {
                Ok(summary) => assert_eq!((summary.loaded, summary.failed), (2, 0)),
                error => {
                    assert!(message(error).starts_with("57014"));
                    cancelled += 1;
                }
            }
        });
        wait_for("the workers to end", || workers(watcher) == 0);
    };
    (0..12).for_each(|n| round(&mut client, &mut watcher, n));
    let before = (cluster.open_files(pid), segments(), rss_anon(pid));
    (0..1000).for_each(|n| round(&mut client, &mut watcher, n));
    let after = (cluster.open_files(pid), segments(), rss_anon(pid));
    println!("{cancelled} calls were cancelled, {ended} workers ended; memory: {} → {}", before.2, after.2);
    assert!(cancelled > 100 && ended > 100, "{cancelled} calls were cancelled, {ended} workers ended");
    assert_eq!(after.0, before.0, "descriptors");
    assert_eq!(after.1, before.1, "shared memory");
    assert!(after.2 <= before.2 + (2 << 20), "memory: {} → {}", before.2, after.2);
}

/// A small file system in memory, unmounted when it goes.
struct Disk(PathBuf);

impl Disk {
    /// `None` where it cannot be had: root only may mount.
    fn mount(cluster: &Cluster, name: &str, size: &str) -> Option<Disk> {
        let path = cluster.path(name);
        fs::create_dir(&path).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&path)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            println!("no file system can be mounted here: not tested");
            return None;
        }
        cluster.give(&path);
        Some(Disk(path))
    }

    /// Fills it, but for so many bytes; the file that does it.
    fn fill_but(&self, spared: usize) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = File::create(&ballast).expect("ballast");
        let mut written = 0;
        while let Ok(n) = file.write(&[0; 4096]) {
            written += n;
        }
        file.set_len(written.saturating_sub(spared) as u64).expect("some room");
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What a call leaves of the pattern in a table that nothing is in the way of.
fn undisturbed(client: &mut Client, pattern: &str) -> Left {
    table(client, "reference");
    load_many(client, pattern, "reference", "workers => 2").expect("a call");
    left(client, "reference")
}

#[test]
#[ignore = "takes long: make soak"]
fn a_tablespace_that_is_full() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let Some(disk) = Disk::mount(&cluster, "small", "8m") else { return };
    let database = cluster.database("figures_full");
    let mut client = database.connect();
    let pattern = files(
        &database,
        "figures_full",
        &[
            ("a", damaged(Framing::Lines, 91, 1_000_000)),
            ("b", damaged(Framing::PrettyValues, 92, 500_000)),
            ("c", lines(10_000).into_bytes()),
        ],
    );
    let wanted = undisturbed(&mut client, &pattern);
    let space = disk.0.join("space");
    fs::create_dir(&space).expect("a folder");
    cluster.give(&space);
    client
        .batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", space.display()))
        .expect("a tablespace");
    client
        .batch_execute(
            "CREATE TABLE t (data jsonb NOT NULL) TABLESPACE small; SET loader.transaction_size = '64kB'",
        )
        .expect("a table");
    for (crew, spared) in [(2, 1 << 20), (0, 1 << 20), (3, 400_000)] {
        client.batch_execute("TRUNCATE t; CHECKPOINT").expect("TRUNCATE");
        let ballast = disk.fill_but(spared);
        let options = format!("workers => {crew}");
        match load_many(&mut client, &pattern, "t", &options) {
            Ok(summary) => {
                assert!(summary.failed > 0, "{summary:?}");
                let full = "loader.load_history WHERE status = 'failed' AND error_sqlstate = '53100'";
                assert_eq!(count(&mut client, full), summary.failed);
            }
            error => assert!(message(error).starts_with("53100")),
        }
        let rows = count(&mut client, "t");
        assert!(rows > 0, "{crew} workers: nothing was loaded");
        fs::remove_file(ballast).expect("room");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!(summary.failed, 0, "{crew} workers");
        left(&mut client, "t").assert_same(&wanted, &format!("{crew} workers, after {rows} rows"));
    }
    client.batch_execute("DROP TABLE t").expect("DROP");
    client.batch_execute("DROP TABLESPACE small").expect("DROP");
}

#[test]
#[ignore = "takes long: make soak"]
fn a_disk_for_the_log_of_writes_that_is_full() {
    // Each segment is new, and takes room.
    let cluster = Cluster::start(&["loader.verify = off", "wal_recycle = off"], Limits::default());
    let Some(disk) = Disk::mount(&cluster, "wal", "48m") else { return };
    let database = cluster.database("figures_wal");
    let mut client = database.connect();
    table(&mut client, "t");
    let pattern = files(
        &database,
        "figures_wal",
        &[("a", damaged(Framing::Lines, 93, 3_000_000)), ("b", lines(40_000).into_bytes())],
    );
    let wanted = undisturbed(&mut client, &pattern);
    client.batch_execute("CHECKPOINT").expect("CHECKPOINT");
    drop(client);
    cluster.end(libc::SIGINT);
    let (folder, moved) = (cluster.path("data/pg_wal"), disk.0.join("pg_wal"));
    let copied = Command::new("cp").arg("-a").args([&folder, &moved]).status().expect("cp runs");
    assert!(copied.success());
    fs::remove_dir_all(&folder).expect("moved");
    std::os::unix::fs::symlink(&moved, &folder).expect("a link");
    cluster.resume();
    for crew in [2, 0] {
        let mut client = database.connect();
        client
            .batch_execute("TRUNCATE t; CHECKPOINT; SET loader.transaction_size = '64kB'")
            .expect("TRUNCATE");
        let ballast = disk.fill_but(1 << 20);
        // That is the end of the server, whoever fills it: it starts over when there is room.
        load_many(&mut client, &pattern, "t", &format!("workers => {crew}")).expect_err("a full disk");
        fs::remove_file(ballast).expect("room");
        cluster.end(libc::SIGQUIT);
        cluster.resume();
        let mut client = database.connect();
        let rows = count(&mut client, "t");
        let summary = load_many(&mut client, &pattern, "t", "workers => 2").expect("a call");
        assert_eq!(summary.failed, 0, "{crew} workers");
        left(&mut client, "t").assert_same(&wanted, &format!("{crew} workers, after {rows} rows"));
    }
}
