//! Crashes, kills and cancels in the middle of `load_json_files`: called again, it
//! leaves exactly what an undisturbed call leaves.

use crate::helpers::{Barrier, Gate, Numbers, backend, count, damaged, gzip, lines, table, workers};
use loader_client_tests::{
    Cluster, Database, Left, Limits, left, load, load_many, load_with, message, send_signal, wait_for,
};
use loader_damage::framing::Framing;
use postgres::Client;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

/// Small parts and ranges, and no looking twice: many moments to be disturbed in.
pub const SETTINGS: &str = "SET loader.transaction_size = '1kB'; SET loader.verify = off";

/// A folder with files of several kinds, and what is to be left of them.
struct Files {
    pattern: String,
    wanted: Left,
    rows: u64,
}

impl Files {
    /// `size` is that of the largest, in bytes.
    fn new(database: &Database, size: usize) -> Files {
        let folder = database.folder("resume");
        let mut client = database.connect();
        table(&mut client, "t");
        table(&mut client, "reference");
        let files = [
            ("a_lines.json", damaged(Framing::Lines, 21, size)),
            ("b_commas.json", damaged(Framing::CommaLines, 22, size / 2)),
            ("c_lines.gz", gzip(&damaged(Framing::Lines, 23, size / 2))),
            ("d_pretty.json", damaged(Framing::PrettyValues, 24, size / 2)),
            ("e_small.json", lines(20).into_bytes()),
            ("f_small.json", lines(30).into_bytes()),
            ("g_plain.json", lines(size / 60).into_bytes()),
        ];
        for (name, bytes) in files {
            let path = database.file(&format!("resume/{name}"), bytes);
            load(&mut client, &path, "reference").expect("a load");
        }
        let wanted = left(&mut client, "reference");
        let rows = count(&mut client, "reference") as u64;
        Files { pattern: format!("{}/*", folder.display()), wanted, rows }
    }

    /// Calls until all is loaded, and compares.
    fn finish(&self, database: &Database, workers: u64, what: &str) {
        let mut client = database.connect();
        client.batch_execute(SETTINGS).expect("settings");
        let summary = load_many(&mut client, &self.pattern, "t", &format!("workers => {workers}"))
            .unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(summary.failed, 0, "{what}");
        assert_eq!(
            count(&mut client, "loader.load_history WHERE status IN ('running', 'failed')"),
            0,
            "{what}"
        );
        left(&mut client, "t").assert_same(&self.wanted, what);
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    }
}

/// Waits until so many rows of the table are committed; `false` if the call ended before.
fn wait_for_rows(watcher: &mut Client, rows: u64, ended: impl Fn() -> bool) -> bool {
    let mut reached = false;
    wait_for("the call to come so far", || {
        reached = count(watcher, "t") as u64 >= rows;
        reached || ended()
    });
    reached
}

/// What the history says of files that failed.
fn errors(watcher: &mut Client) -> Vec<String> {
    let query =
        "SELECT concat_ws(' ', load_id, file_path, status, stream_bytes, error_sqlstate, error_message)
                 FROM loader.load_history WHERE error_sqlstate IS NOT NULL";
    watcher.query(query, &[]).expect("the history").iter().map(|row| row.get(0)).collect()
}

pub fn worker_pids(watcher: &mut Client) -> Vec<i32> {
    let query = "SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND backend_type = 'loader worker' ORDER BY pid";
    watcher.query(query, &[]).expect("workers").iter().map(|row| row.get(0)).collect()
}

/// Kills a process that is stopped first: `false` if it has ended before.
pub fn kill(pid: i32) -> bool {
    let mut state = None;
    send_signal(pid, libc::SIGSTOP);
    wait_for("the process to stop", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        matches!(state, None | Some('T' | 'Z' | 'X'))
    });
    if state == Some('T') {
        send_signal(pid, libc::SIGKILL);
    }
    state == Some('T')
}

/// Disturbs calls at random moments, each in one of the ways that a crash comes.
fn crash(seed: u64, rounds: u64, size: usize) {
    let cluster = Cluster::start(&["restart_after_crash = on", "loader.verify = off"], Limits::default());
    let database = cluster.database("resume");
    let files = Files::new(&database, size);
    let mut numbers = Numbers(seed);
    // By the way in which it came.
    let mut disturbed = [0; 5];
    for round in 0..rounds {
        let count = [2, 3, 0, 5, 1][numbers.below(5) as usize];
        let moment = numbers.below(files.rows);
        let what = format!("seed {seed}, round {round}, {count} workers, at {moment} rows");
        let mut caller = database.connect();
        caller.batch_execute(SETTINGS).expect("settings");
        let pid = backend(&mut caller);
        let mut watcher = database.connect();
        let pattern = &files.pattern;
        // A process that has ended meanwhile takes nobody along.
        let mut hit = false;
        thread::scope(|scope| {
            let call = scope.spawn(move || {
                load_many(&mut caller, pattern, "t", &format!("workers => {count}, chunk => 100"))
            });
            let reached = wait_for_rows(&mut watcher, moment, || call.is_finished());
            let pids = worker_pids(&mut watcher);
            match round % 5 {
                0 => {
                    let nobody = pids.is_empty();
                    let victim = if nobody { pid } else { pids[numbers.below(pids.len() as u64) as usize] };
                    hit = kill(victim);
                }
                1 => hit = kill(pid),
                2 => cluster.end(libc::SIGQUIT),
                3 => cluster.end(libc::SIGKILL),
                _ => cluster.end(libc::SIGINT),
            }
            let ended = call.join().expect("the caller's thread");
            if reached && ended.is_err() {
                disturbed[round as usize % 5] += 1;
            }
        });
        if hit {
            // The postmaster ends the other sessions before it starts over.
            wait_for("the server to notice", || watcher.simple_query("SELECT").is_err());
            cluster.wait_until_ready();
        } else if round % 5 >= 2 {
            cluster.resume();
        }
        files.finish(&database, [2, 0, 3][round as usize % 3], &what);
    }
    let least = rounds / 10;
    assert!(disturbed.iter().all(|&calls| calls >= least), "{disturbed:?} of {rounds} calls were disturbed");
}

#[test]
fn crashes_at_random_moments() {
    crash(1, 10, 500_000);
}

#[test]
#[ignore = "takes long: make soak"]
fn crashes_at_two_hundred_moments() {
    crash(2, 200, 1_000_000);
}

/// Disturbs a call in a way that the server survives, at the same moments for each
/// number of workers. `disturb` gets the caller's process and those of its workers.
fn disturb(
    name: &str,
    disturb: impl Fn(&mut Client, i32, &[i32], &mut Numbers),
    check: impl Fn(Result<loader_client_tests::Summary, postgres::Error>, usize),
) {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database(name);
    // Large enough that a call is not at its end before it is disturbed.
    let files = Files::new(&database, 1_000_000);
    let mut numbers = Numbers(name.len() as u64);
    for crew in [3, 2, 0] {
        // Once there are rows there are workers.
        let moment = 1 + numbers.below(files.rows / 8);
        let mut caller = database.connect();
        caller.batch_execute(SETTINGS).expect("settings");
        let pid = backend(&mut caller);
        let mut watcher = database.connect();
        let pattern = &files.pattern;
        let result = thread::scope(|scope| {
            let call = scope.spawn(move || {
                load_many(&mut caller, pattern, "t", &format!("workers => {crew}, chunk => 100"))
            });
            assert!(wait_for_rows(&mut watcher, moment, || call.is_finished()), "{name}: disturbed too late");
            let pids = worker_pids(&mut watcher);
            assert_eq!(pids.is_empty(), crew == 0, "{name}: workers {pids:?}");
            disturb(&mut watcher, pid, &pids, &mut numbers);
            call.join().expect("the caller's thread")
        });
        check(result, crew);
        wait_for("the workers to end", || workers(&mut watcher) == 0);
        // A session says that it ends before it gives all back.
        wait_for("claims to be given back", || {
            count(&mut watcher, "pg_locks WHERE locktype = 'userlock' AND pid <> pg_backend_pid()") == 0
        });
        files.finish(&database, 2, &format!("{name}, {crew} workers, at {moment} rows"));
    }
}

/// `false` if there is no such process any more.
pub fn signal(watcher: &mut Client, function: &str, pid: i32) -> bool {
    watcher.query_one(&format!("SELECT {function}($1)"), &[&pid]).expect("a signal").get(0)
}

/// Ends workers, all or all but one; where there are any, one is there to be ended.
fn signal_workers(watcher: &mut Client, function: &str, pids: &[i32], numbers: &mut Numbers) {
    let spared = numbers.below(2) as usize;
    let hit = pids.iter().skip(spared).filter(|&&pid| signal(watcher, function, pid)).count();
    assert!(hit > 0 || pids.is_empty(), "{function} of {pids:?}");
}

#[test]
fn a_cancelled_caller() {
    disturb(
        "resume_cancel",
        |watcher, caller, _, _| assert!(signal(watcher, "pg_cancel_backend", caller)),
        |result, _| assert!(message(result).starts_with("57014")),
    );
}

#[test]
fn a_timeout() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("resume_timeout");
    let files = Files::new(&database, 400_000);
    let mut client = database.connect();
    client.batch_execute(SETTINGS).expect("settings");
    // Longer and longer ones, until a call is cut that has got somewhere.
    let mut milliseconds = 1_u32;
    while count(&mut client, "t") == 0 {
        let timeout = format!("SET statement_timeout = {milliseconds}");
        client.batch_execute(&timeout).expect("the timeout");
        let result = load_many(&mut client, &files.pattern, "t", "workers => 2, chunk => 100");
        assert!(message(result).starts_with("57014"));
        client.batch_execute("RESET statement_timeout").expect("the timeout");
        milliseconds += milliseconds.div_ceil(2);
    }
    let rows = count(&mut client, "t") as u64;
    assert!(rows < files.rows, "{rows} rows within {milliseconds} ms");
    files.finish(&database, 2, "after timeouts");
}

#[test]
fn a_terminated_caller() {
    disturb(
        "resume_terminate",
        |watcher, caller, _, _| assert!(signal(watcher, "pg_terminate_backend", caller)),
        |result, _| {
            let error = result.expect_err("a terminated session");
            assert!(
                error.is_closed() || error.code().is_some_and(|code| code.code() == "57P01"),
                "{error:?}"
            );
        },
    );
}

#[test]
fn others_take_over_from_a_terminated_worker() {
    disturb(
        "resume_worker_ends",
        |watcher, _, workers, numbers| signal_workers(watcher, "pg_terminate_backend", workers, numbers),
        |result, workers| {
            let summary = result.unwrap_or_else(|error| panic!("{workers} workers: {error:?}"));
            assert_eq!((summary.loaded, summary.failed), (7, 0));
        },
    );
}

#[test]
fn a_range_is_taken_over() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("resume_range");
    let mut admin = database.connect();
    table(&mut admin, "t");
    admin.batch_execute("ALTER TABLE t ADD pid int DEFAULT pg_backend_pid()").expect("a column");
    let path = database.file("lines", lines(20_000));
    let gate = Gate::close(&database, "t", 10_000);
    let summary = thread::scope(|scope| {
        let call = scope.spawn(|| {
            let mut caller = database.connect();
            caller.batch_execute(SETTINGS).expect("settings");
            load_many(&mut caller, &path, "t", "workers => 3, chunk => 100").expect("a call")
        });
        let mut at_the_gate = |not: i32| {
            let mut pid = None;
            wait_for("a worker to reach the gate", || {
                let statement = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                                 AND backend_type = 'loader worker' AND wait_event = 'advisory' AND pid <> $1";
                pid = admin.query_opt(statement, &[&not]).expect("a look").map(|row| row.get(0));
                pid.is_some()
            });
            pid.expect("a process")
        };
        let victim = at_the_gate(0);
        assert!(signal(&mut database.connect(), "pg_terminate_backend", victim));
        at_the_gate(victim);
        gate.open();
        call.join().expect("a session")
    });
    assert_eq!((summary.loaded, summary.failed, summary.rows), (1, 0, 20_000));
    assert_eq!(count(&mut admin, "(SELECT DISTINCT data->>'n' FROM t) AS n"), 20_000);
    // A file that one worker loads by itself has no ranges.
    assert!(count(&mut admin, "(SELECT DISTINCT pid FROM t) AS p") > 1);
}

#[test]
fn others_take_over_from_a_cancelled_worker() {
    disturb(
        "resume_worker_cancel",
        |watcher, _, workers, numbers| signal_workers(watcher, "pg_cancel_backend", workers, numbers),
        |result, workers| {
            let summary = result.unwrap_or_else(|error| panic!("{workers} workers: {error:?}"));
            assert_eq!((summary.loaded, summary.failed), (7, 0));
        },
    );
}

#[test]
fn a_cancel_is_heard_while_all_wait() {
    let cluster = Cluster::start(&[], Limits::default());
    let database = cluster.database("resume_waiting");
    let files = Files::new(&database, 200_000);
    let mut barrier = Barrier::close(&database, "t");
    let mut watcher = database.connect();
    for (crew, function) in [(0, "pg_cancel_backend"), (3, "pg_cancel_backend"), (3, "pg_terminate_backend")]
    {
        let mut caller = database.connect();
        let pid = backend(&mut caller);
        let pattern = &files.pattern;
        thread::scope(|scope| {
            let call =
                scope.spawn(move || load_many(&mut caller, pattern, "t", &format!("workers => {crew}")));
            barrier.wait_for_waiters(crew.max(1));
            signal(&mut watcher, function, pid);
            call.join().expect("the caller's thread").expect_err("an ended call");
        });
        wait_for("the workers to end", || workers(&mut watcher) == 0);
        assert_eq!(count(&mut watcher, "t"), 0);
    }
    barrier.open();
    files.finish(&database, 2, "after all");
}

#[test]
fn a_fast_shutdown() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("resume_shutdown");
    let files = Files::new(&database, 400_000);
    for (crew, moment) in [(2, 100), (0, 500)] {
        let mut caller = database.connect();
        caller.batch_execute(SETTINGS).expect("settings");
        let mut watcher = database.connect();
        let pattern = &files.pattern;
        thread::scope(|scope| {
            let call = scope.spawn(move || {
                load_many(&mut caller, pattern, "t", &format!("workers => {crew}, chunk => 100"))
            });
            assert!(wait_for_rows(&mut watcher, moment, || call.is_finished()));
            cluster.end(libc::SIGINT);
            call.join().expect("the caller's thread").expect_err("the server has gone");
        });
        cluster.resume();
        files.finish(&database, 3, &format!("{crew} workers"));
    }
}

#[test]
fn a_call_that_is_stopped_in_an_emptied_table() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("resume_emptied");
    let files = Files::new(&database, 300_000);
    files.finish(&database, 2, "once");
    let mut watcher = database.connect();
    for moment in [1, 500] {
        let mut caller = database.connect();
        caller.batch_execute(SETTINGS).expect("settings");
        let pid = backend(&mut caller);
        let pattern = &files.pattern;
        // A session that is not at it yet would not be disturbed.
        let moment = count(&mut watcher, "t") as u64 + moment;
        thread::scope(|scope| {
            let call = scope.spawn(move || load_many(&mut caller, pattern, "t", "workers => 2, chunk => 10"));
            assert!(wait_for_rows(&mut watcher, moment, || call.is_finished()));
            signal(&mut watcher, "pg_cancel_backend", pid);
            message(call.join().expect("the caller's thread"));
        });
    }
    files.finish(&database, 2, "after TRUNCATE");
}

/// Sessions that call the same at once.
fn together(sessions: usize, rounds: usize) {
    let cluster = Cluster::start(&["loader.verify = off", "deadlock_timeout = '100ms'"], Limits::default());
    let database = cluster.database("resume_together");
    let files = Files::new(&database, 200_000);
    let mut client = database.connect();
    let mut shared = 0;
    for round in 0..rounds {
        let mut callers: Vec<_> = (0..sessions).map(|_| database.connect()).collect();
        for caller in &mut callers {
            caller.batch_execute(SETTINGS).expect("settings");
        }
        let summaries: Vec<_> = thread::scope(|scope| {
            let calls: Vec<_> = callers
                .iter_mut()
                .enumerate()
                .map(|(n, caller)| {
                    let pattern = &files.pattern;
                    scope.spawn(move || {
                        load_many(caller, pattern, "t", &format!("workers => {}", n % 3)).expect("a call")
                    })
                })
                .collect();
            calls.into_iter().map(|call| call.join().expect("a session")).collect()
        });
        for summary in &summaries {
            assert_eq!((summary.files, summary.failed), (7, 0), "round {round}");
        }
        assert_eq!(summaries.iter().map(|summary| summary.loaded).sum::<i64>(), 7, "round {round}");
        assert_eq!(summaries.iter().map(|summary| summary.rows).sum::<i64>() as u64, files.rows);
        if summaries.iter().filter(|summary| summary.loaded > 0).count() > 1 {
            shared += 1;
        }
        left(&mut client, "t").assert_same(&files.wanted, &format!("round {round}"));
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    }
    assert!(shared > 0, "one session has done it all");
    assert!(!cluster.log().contains("deadlock"), "{}", cluster.log());
}

#[test]
fn sessions_call_the_same_at_once() {
    together(8, 5);
}

#[test]
#[ignore = "takes long: make soak"]
fn sessions_call_the_same_at_once_fifty_times() {
    together(8, 50);
}

/// Sessions that call the same at once, while their workers are ended at random.
fn together_and_disturbed(sessions: usize, rounds: u64) {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("resume_disturbed");
    let files = Files::new(&database, 400_000);
    let mut watcher = database.connect();
    let mut numbers = Numbers(rounds);
    let mut ended = 0;
    for round in 0..rounds {
        // Another session goes on with a file that failed, and clears its error.
        let mut errors = BTreeSet::new();
        thread::scope(|scope| {
            let calls: Vec<_> = (0..sessions)
                .map(|_| {
                    let mut caller = database.connect();
                    let pattern = &files.pattern;
                    scope.spawn(move || {
                        caller.batch_execute(SETTINGS).expect("settings");
                        load_many(&mut caller, pattern, "t", "workers => 3, chunk => 50")
                    })
                })
                .collect();
            while !calls.iter().all(|call| call.is_finished()) {
                let pids = worker_pids(&mut watcher);
                if !pids.is_empty() {
                    let function = ["pg_terminate_backend", "pg_cancel_backend"][numbers.below(2) as usize];
                    let pid = pids[numbers.below(pids.len() as u64) as usize];
                    ended += u64::from(signal(&mut watcher, function, pid));
                }
                errors.extend(self::errors(&mut watcher));
            }
            for call in calls {
                let summary = call.join().expect("a session").expect("a call");
                assert_eq!((summary.files, summary.failed), (7, 0), "round {round}: {errors:?}");
            }
        });
        files.finish(&database, 2, &format!("round {round}"));
    }
    assert!(ended > rounds, "{ended} workers were ended");
}

#[test]
fn sessions_call_the_same_while_workers_end() {
    together_and_disturbed(3, 4);
}

#[test]
#[ignore = "takes long: make soak"]
fn sessions_call_the_same_while_workers_end_many_times() {
    together_and_disturbed(3, 60);
}

#[test]
fn load_json_file_beside_a_call() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let database = cluster.database("resume_beside");
    let files = Files::new(&database, 200_000);
    let mut client = database.connect();
    for round in 0..3 {
        thread::scope(|scope| {
            let mut caller = database.connect();
            let pattern = &files.pattern;
            let call = scope.spawn(move || {
                caller.batch_execute(SETTINGS).expect("settings");
                load_many(&mut caller, pattern, "t", "workers => 2").expect("a call")
            });
            let mut other = database.connect();
            for name in ["a_lines.json", "d_pretty.json", "g_plain.json", "e_small.json"] {
                match load_with(&mut other, &pattern.replace('*', name), "t", "") {
                    Ok(outcome) => assert!(["loaded", "skipped"].contains(&outcome.status.as_str())),
                    Err(error) => {
                        assert_eq!(error.code().map(|code| code.code()), Some("55000"), "{error:?}");
                    }
                }
            }
            assert_eq!(call.join().expect("a session").failed, 0);
        });
        files.finish(&database, 1, &format!("round {round}"));
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    }
}

#[test]
fn a_full_disk() {
    // Tables cannot grow beyond this; the log of the server can.
    let limits = Limits { file_size: Some(3 << 20), ..Limits::default() };
    let cluster = Cluster::start(&["loader.verify = off"], limits);
    let database = cluster.database("resume_full");
    let files = Files::new(&database, 300_000);
    let mut client = database.connect();
    client
        .batch_execute("ALTER TABLE t ADD fill text DEFAULT repeat('x', 400); ALTER TABLE t ALTER fill SET STORAGE PLAIN")
        .expect("a column that fills the disk");
    client.batch_execute(SETTINGS).expect("settings");
    for crew in [2, 0] {
        let outcome = load_many(&mut client, &files.pattern, "t", &format!("workers => {crew}"));
        if let Ok(summary) = outcome {
            assert!(summary.failed > 0, "{summary:?}");
        }
        let some = count(&mut client, "t");
        let sum: i64 = client
            .query_one(
                "SELECT sum(rows_loaded)::bigint FROM loader.load_history
                 WHERE target_oid = 't'::regclass AND status <> 'undone' AND emptied_at IS NULL",
                &[],
            )
            .expect("a sum")
            .get(0);
        assert_eq!(some, sum);
        assert!(some > 0 && some < files.rows as i64, "{some}");
        // Room again: without the column the table is as small as the reference.
        client.batch_execute("ALTER TABLE t DROP fill").expect("DROP");
        client.batch_execute("VACUUM FULL t").expect("VACUUM");
        files.finish(&database, 2, &format!("{crew} workers"));
        client
            .batch_execute("ALTER TABLE t ADD fill text DEFAULT repeat('x', 400); ALTER TABLE t ALTER fill SET STORAGE PLAIN")
            .expect("a column that fills the disk");
    }
}

/// A small disk of its own, for as long as it lives.
struct Disk(PathBuf);

impl Disk {
    /// One of so many megabytes; `None` where the user may not mount any.
    fn mount(cluster: &Cluster, megabytes: usize) -> Option<Disk> {
        let path = cluster.path("disk");
        fs::create_dir(&path).expect("a folder");
        let options = format!("size={megabytes}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output();
        let disk = mounted.is_ok_and(|output| output.status.success()).then_some(Disk(path))?;
        cluster.give(&disk.0);
        Some(disk)
    }

    /// Leaves so many bytes free.
    fn fill(&self, free: usize) {
        let mut ballast = File::create(self.0.join("ballast")).expect("a file");
        // What does not fit any more is not written.
        while ballast.write_all(&[0; 4096]).is_ok() {}
        let length = ballast.metadata().expect("its length").len();
        ballast.set_len(length.saturating_sub(free as u64)).expect("cut");
    }

    fn free(&self) {
        fs::remove_file(self.0.join("ballast")).expect("removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[ignore = "mounts a disk, as root: make soak"]
fn a_disk_without_space() {
    let cluster = Cluster::start(&["loader.verify = off"], Limits::default());
    let Some(disk) = Disk::mount(&cluster, 32) else {
        println!("skipped: nothing can be mounted");
        return;
    };
    let database = cluster.database("resume_space");
    let files = Files::new(&database, 2_000_000);
    let folder = disk.0.join("tables");
    fs::create_dir(&folder).expect("a folder");
    cluster.give(&folder);
    let mut client = database.connect();
    client
        .batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", folder.display()))
        .expect("a tablespace");
    client.batch_execute("ALTER TABLE t SET TABLESPACE small").expect("the tablespace");
    client.batch_execute(SETTINGS).expect("settings");
    for crew in [2, 0] {
        disk.fill(1 << 20);
        match load_many(&mut client, &files.pattern, "t", &format!("workers => {crew}")) {
            Ok(summary) => assert!(summary.failed > 0, "{summary:?}"),
            error => assert!(message(error).starts_with("53100")),
        }
        assert!(count(&mut client, "loader.load_history WHERE error_sqlstate = '53100'") > 0);
        let some = count(&mut client, "t") as u64;
        assert!(some > 0 && some < files.rows, "{some}");
        disk.free();
        files.finish(&database, 2, &format!("{crew} workers"));
    }
}
