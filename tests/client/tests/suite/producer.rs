//! A producer that does to its files whatever producers do, while processes of the server are killed:
//! each record comes once.

use crate::helpers::{Numbers, figure};
use crate::pipelines::texts;
use crate::resume;
use loader_client_tests::{Cluster, Database, Limits, wait_for};
use postgres::{Client, NoTls};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Names that are written to again and again, and rotated.
const LOGS: usize = 3;

/// So many files that nobody writes to any more are left in the folder.
const MOST_FILES: usize = 30;

/// Why the pipeline does not go on, or not with a file: what never happens here.
const STOPPED: &str = "
    SELECT string_agg(why, E'\\n')
    FROM (SELECT concat_ws(': ', name, state, reason) FROM loader.pipelines WHERE state <> 'active'
          UNION ALL SELECT concat_ws(': ', path, state, error_message) FROM loader.pipeline_files
          WHERE state = 'quarantined') AS s(why)";

/// What becomes of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was in a file until a load had it, or is there still.
    Once,
    /// The producer took it away without looking whether a load had it.
    AtMostOnce,
}

/// Some records, as they are in a file, and the numbers of those that are whole.
#[derive(Clone, Default)]
struct Piece {
    text: String,
    numbers: Vec<u64>,
    /// It came piece by piece: what is loaded of it is known by the name that the file had then.
    has_grown: bool,
    /// What was there of records that were half written for some time.
    halves: Vec<String>,
}

/// A file that is written to piece by piece.
#[derive(Default)]
struct Log {
    name: String,
    content: Piece,
    /// A record that is half written: the number, and the half that is not.
    torn: Option<(u64, String)>,
    /// How often the file was copied.
    copies: usize,
}

/// What happens, how often, and what it has to come to.
struct Producer<'a> {
    database: &'a Database<'a>,
    folder: PathBuf,
    numbers: Numbers,
    fates: BTreeMap<u64, Fate>,
    last: u64,
    files: usize,
    logs: Vec<Log>,
    /// Files that are whole, by their names.
    whole: BTreeMap<String, Piece>,
    /// Contents of such files that are gone, and were loaded.
    gone: Vec<Piece>,
    /// Halves of records of contents that were taken away.
    halves: Vec<String>,
    /// How often each act was done.
    done: BTreeMap<&'static str, usize>,
}

impl<'a> Producer<'a> {
    fn new(database: &'a Database, folder: &Path, seed: u64) -> Self {
        let logs = (0..LOGS).map(|n| Log { name: format!("log{n}.json"), ..Log::default() }).collect();
        Producer {
            database,
            folder: folder.to_owned(),
            numbers: Numbers(seed),
            fates: BTreeMap::new(),
            last: 0,
            files: 0,
            logs,
            whole: BTreeMap::new(),
            gone: Vec::new(),
            halves: Vec::new(),
            done: BTreeMap::new(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.numbers.below(end as u64) as usize
    }

    /// Whether a thing happens that is one of so many equally likely ones.
    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn record(&mut self) -> (u64, String) {
        self.last += 1;
        let text = "x".repeat(self.below(120));
        (self.last, format!("{{\"n\": {}, \"text\": \"{text}\"}}\n", self.last))
    }

    /// Records that are each to be loaded once; seldom so many that they are loaded in several parts.
    fn records(&mut self) -> Piece {
        let count = if self.one_in(8) { 2000 + self.below(3000) } else { 1 + self.below(30) };
        self.some_records(count)
    }

    fn some_records(&mut self, count: usize) -> Piece {
        let mut piece = Piece::default();
        for _ in 0..count {
            let (number, text) = self.record();
            self.fates.insert(number, Fate::Once);
            piece.text.push_str(&text);
            piece.numbers.push(number);
        }
        piece
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A name that no file had before. Nothing in it says that it is the next of another one.
    fn new_name(&mut self) -> String {
        self.files += 1;
        format!("f{}.json", self.files)
    }

    /// Writes a file that is there at once.
    fn put(&self, name: &str, text: &str) {
        let path = self.path(".writing");
        fs::write(&path, text).expect("written");
        self.database.cluster.give(&path);
        fs::rename(path, self.path(name)).expect("rename");
    }

    /// Writes at the end of a file, which may be new.
    fn append(&self, name: &str, text: &str) {
        let path = self.path(name);
        if !path.exists() {
            File::create(&path).expect("a file");
            self.database.cluster.give(&path);
        }
        let mut file = File::options().append(true).open(&path).expect("the file");
        file.write_all(text.as_bytes()).expect("written");
    }

    /// Waits until a load has brought the last one of these records, and with it all before it, and has
    /// come to its end.
    fn wait_for_load(&self, piece: &Piece) {
        let Some(&last) = piece.numbers.last() else { return };
        wait_for("records to be loaded", || {
            let Some(mut client) = connect(self.database) else { return false };
            let query = "SELECT count(*) FROM t JOIN loader.load_history AS h ON h.load_id = t._load_id
                         WHERE (data->>'n')::bigint = $1 AND h.status = 'loaded'";
            // It may go away meanwhile.
            if let Ok(stopped) = client.query_one(STOPPED, &[]) {
                assert_eq!(stopped.get::<_, Option<String>>(0), None);
            }
            client.query_one(query, &[&(last as i64)]).is_ok_and(|row| row.get::<_, i64>(0) > 0)
        });
    }

    /// A content is about to be taken away. What is loaded in several parts is waited for: a load of it
    /// that was stopped could not be gone on with. Whether it is loaded.
    fn give_up(&mut self, piece: &Piece) -> bool {
        let waits = piece.text.len() > 50_000 || self.one_in(3);
        if waits {
            self.wait_for_load(piece);
        } else {
            self.halves.extend_from_slice(&piece.halves);
            self.fates.extend(piece.numbers.iter().map(|&number| (number, Fate::AtMostOnce)));
        }
        waits
    }

    /// A log of the names, at random.
    fn log(&mut self) -> Log {
        let which = self.below(LOGS);
        std::mem::take(&mut self.logs[which])
    }

    fn put_back(&mut self, log: Log) {
        let place = self.logs.iter_mut().find(|log| log.name.is_empty()).expect("its place");
        *place = log;
    }

    /// Writes at the end of a log, under the name that it has by now: the rest of a record that was half
    /// written, some more, and maybe half a record.
    fn write(&mut self, log: &mut Log, name: &str, may_tear: bool) {
        let mut text = String::new();
        if let Some((number, rest)) = log.torn.take() {
            text.push_str(&rest);
            log.content.numbers.push(number);
            self.fates.insert(number, Fate::Once);
        }
        let more = self.records();
        text.push_str(&more.text);
        log.content.numbers.extend(&more.numbers);
        if may_tear && self.one_in(3) {
            let (number, mut record) = self.record();
            let rest = record.split_off(1 + self.below(record.len() - 2));
            text.push_str(&record);
            log.content.halves.push(record);
            log.torn = Some((number, rest));
        }
        self.append(name, &text);
        log.content.text.push_str(&text);
        log.content.has_grown = true;
    }

    /// One of the files that are whole.
    fn any_whole(&mut self) -> Option<String> {
        let which = self.below(self.whole.len().max(1));
        self.whole.keys().nth(which).cloned()
    }

    /// Does one thing.
    fn act(&mut self) {
        let act = match self.below(14) {
            0 | 1 => self.put_new(),
            2..=4 => self.write_to_log(),
            5 => self.truncate(),
            6 => self.rotate(),
            7 => self.copy_and_truncate(),
            8 => self.rename(),
            9 => self.put_again(),
            10 => self.put_twice(),
            11 => self.write_the_same(),
            12 => self.replace(),
            _ => self.remove(),
        };
        *self.done.entry(act).or_default() += 1;
        while self.whole.len() > MOST_FILES {
            self.remove();
        }
    }

    fn put_new(&mut self) -> &'static str {
        let (name, piece) = (self.new_name(), self.records());
        self.put(&name, &piece.text);
        self.whole.insert(name, piece);
        "put"
    }

    fn write_to_log(&mut self) -> &'static str {
        let mut log = self.log();
        let name = log.name.clone();
        self.write(&mut log, &name, true);
        self.put_back(log);
        "appended"
    }

    /// What was in the file may never have been loaded. What is in it then is new.
    fn truncate(&mut self) -> &'static str {
        let mut log = self.log();
        let content = std::mem::take(&mut log.content);
        self.give_up(&content);
        if log.torn.take().is_some() {
            self.halves.extend(content.halves.last().cloned());
        }
        self.empty(&log.name);
        let name = log.name.clone();
        self.write(&mut log, &name, true);
        self.put_back(log);
        "truncated"
    }

    fn empty(&self, name: &str) {
        let path = self.path(name);
        if path.exists() {
            File::options().write(true).truncate(true).open(path).expect("truncated");
        }
    }

    /// A log goes on for a moment under its new name, and another one begins under the old. The one that
    /// was rotated before gets the next name.
    fn rotate(&mut self) -> &'static str {
        let mut log = self.log();
        if !self.path(&log.name).exists() {
            self.put_back(log);
            return "nothing to rotate";
        }
        let [name, next] = [1, 2].map(|n| format!("{}.{n}", log.name));
        if let Some(oldest) = self.whole.remove(&next) {
            self.forget(oldest, false);
            fs::remove_file(self.path(&next)).expect("removed");
        }
        if self.whole.contains_key(&name) {
            self.move_to(&name, next);
        }
        fs::rename(self.path(&log.name), self.path(&name)).expect("rename");
        if log.torn.is_some() || self.one_in(2) {
            self.pause();
            self.write(&mut log, &name, false);
        }
        let content = std::mem::take(&mut log.content);
        self.whole.insert(name, content);
        if self.one_in(2) {
            let name = log.name.clone();
            self.write(&mut log, &name, true);
        }
        self.put_back(log);
        "rotated"
    }

    /// The log is copied, and written anew in place.
    fn copy_and_truncate(&mut self) -> &'static str {
        let mut log = self.log();
        if log.torn.is_some() || !self.path(&log.name).exists() {
            self.put_back(log);
            return "nothing to copy";
        }
        log.copies += 1;
        let name = format!("{}-20261129{:04}", log.name, log.copies);
        self.put(&name, &log.content.text);
        if self.one_in(2) {
            self.pause();
        }
        self.empty(&log.name);
        let content = std::mem::take(&mut log.content);
        self.whole.insert(name, content);
        let name = log.name.clone();
        self.write(&mut log, &name, true);
        self.put_back(log);
        "copied and truncated"
    }

    /// What is whole is known by its content.
    fn rename(&mut self) -> &'static str {
        let Some(from) = self.any_whole() else { return "nothing to rename" };
        let to = self.new_name();
        self.move_to(&from, to);
        "renamed"
    }

    fn move_to(&mut self, from: &str, to: String) {
        let piece = self.whole.remove(from).expect("a file");
        if piece.has_grown {
            self.wait_for_load(&piece);
        }
        fs::rename(self.path(from), self.path(&to)).expect("rename");
        self.whole.insert(to, piece);
    }

    /// What is there, or was there once, comes again under another name.
    fn put_again(&mut self) -> &'static str {
        let piece = match self.any_whole() {
            Some(name) if self.gone.is_empty() || self.one_in(2) => self.whole[&name].clone(),
            _ if self.gone.is_empty() => return "nothing to copy",
            _ => self.gone[self.numbers.below(self.gone.len() as u64) as usize].clone(),
        };
        if piece.has_grown {
            self.wait_for_load(&piece);
        }
        let name = self.new_name();
        self.put(&name, &piece.text);
        self.whole.insert(name, piece);
        "the same again"
    }

    /// The same content under two names at once.
    fn put_twice(&mut self) -> &'static str {
        let piece = self.records();
        for _ in 0..2 {
            let name = self.new_name();
            self.put(&name, &piece.text);
            self.whole.insert(name, piece.clone());
        }
        "the same twice"
    }

    /// A file is written again in place, with what it had.
    fn write_the_same(&mut self) -> &'static str {
        let Some(name) = self.any_whole() else { return "nothing to write again" };
        let text = &self.whole[&name].text;
        // Nobody sees half of so little.
        if text.len() > 4000 {
            return "too much to write again";
        }
        fs::write(self.path(&name), text).expect("written");
        "written again"
    }

    /// A name is used for another file.
    fn replace(&mut self) -> &'static str {
        let Some(name) = self.any_whole() else { return "nothing to replace" };
        let before = self.whole.remove(&name).expect("a file");
        self.forget(before, true);
        let piece = self.records();
        self.put(&name, &piece.text);
        self.whole.insert(name, piece);
        "replaced"
    }

    fn remove(&mut self) -> &'static str {
        let Some(name) = self.any_whole() else { return "nothing to remove" };
        let piece = self.whole.remove(&name).expect("a file");
        self.forget(piece, false);
        fs::remove_file(self.path(&name)).expect("removed");
        "removed"
    }

    /// The content of a file that is to go. There may be another one that has it.
    fn forget(&mut self, piece: Piece, may_be_lost: bool) {
        if self.whole.values().any(|other| other.text == piece.text) {
            return;
        }
        if !may_be_lost {
            self.wait_for_load(&piece);
        } else if !self.give_up(&piece) {
            return;
        }
        self.gone.push(piece);
        if self.gone.len() > MOST_FILES {
            self.gone.remove(0);
        }
    }

    fn pause(&mut self) {
        // No event tells of all moments of a run.
        thread::sleep(Duration::from_micros(self.numbers.below(40_000)));
    }

    /// Finishes what is half written.
    fn finish(&mut self) {
        for mut log in std::mem::take(&mut self.logs) {
            if log.torn.is_some() {
                let name = log.name.clone();
                self.write(&mut log, &name, false);
            }
            self.logs.push(log);
        }
    }

    /// Compares what is in the table with what has to be there.
    fn compare(&self, client: &mut Client) {
        let mut found = BTreeMap::new();
        for row in
            client.query("SELECT (data->>'n')::bigint, count(*) FROM t GROUP BY 1", &[]).expect("the records")
        {
            found.insert(row.get::<_, i64>(0) as u64, row.get::<_, i64>(1));
        }
        let of = |numbers: Vec<u64>| {
            let first = &numbers[..numbers.len().min(20)];
            format!("{} of {}, first {first:?}", numbers.len(), self.fates.len())
        };
        let twice: Vec<u64> = found.iter().filter(|(_, times)| **times > 1).map(|(n, _)| *n).collect();
        assert!(twice.is_empty(), "more than once: {}", of(twice));
        let missing = |(number, fate): (&u64, &Fate)| {
            (*fate == Fate::Once && !found.contains_key(number)).then_some(*number)
        };
        let missing: Vec<u64> = self.fates.iter().filter_map(missing).collect();
        assert!(missing.is_empty(), "missing: {}", of(missing));
        let strange: Vec<u64> =
            found.keys().filter(|number| !self.fates.contains_key(number)).copied().collect();
        assert!(strange.is_empty(), "never written: {}", of(strange));
        // A comma behind a value is no part of it.
        let trim = |half: &str| half.trim_end_matches([',', ' ']).to_owned();
        let halves: BTreeSet<String> = self.halves.iter().map(|half| trim(half)).collect();
        let rejected =
            texts(client, "SELECT convert_from(raw, 'UTF8') FROM loader.rejects WHERE resolved_by IS NULL");
        let other: Vec<_> = rejected.iter().filter(|raw| !halves.contains(&trim(raw))).collect();
        assert!(other.is_empty(), "rejected: {other:?}");
    }
}

/// A session, if the server takes any.
fn connect(database: &Database) -> Option<Client> {
    let socket = database.cluster.socket();
    postgres::Config::new().host_path(socket).user("postgres").dbname(&database.name).connect(NoTls).ok()
}

/// Kills a process of that kind, or the postmaster. When that was, if there was one.
fn kill(database: &Database, kind: &str) -> Option<String> {
    let mut client = connect(database)?;
    let query = "SELECT clock_timestamp()::text, (SELECT pid FROM pg_stat_activity WHERE backend_type = $1
                                                  ORDER BY random() LIMIT 1)";
    let row = client.query_one(query, &[&kind]).ok()?;
    if kind == "postmaster" {
        database.cluster.end(libc::SIGKILL);
    } else {
        resume::kill(row.get::<_, Option<i32>>(1)?).then_some(())?;
        wait_for("the server to notice", || client.simple_query("SELECT").is_err());
    }
    Some(row.get(0))
}

/// How many loads that began before that time have committed a part and not their last one.
fn stopped(database: &Database, before: &str) -> i64 {
    let query = "SELECT count(*) FROM loader.load_history
                 WHERE status = 'running' AND started_at < $1::text::timestamptz";
    let mut stopped = None;
    wait_for("the server to come back", || {
        let row = connect(database).and_then(|mut client| client.query_one(query, &[&before]).ok());
        stopped = row.map(|row| row.get(0));
        stopped.is_some()
    });
    stopped.unwrap_or(0)
}

/// How long the producer is at work.
enum Until {
    Steps(usize),
    Time(Duration),
}

fn produce(seed: u64, until: Until) {
    let conf = ["shared_preload_libraries = 'loader'", "restart_after_crash = on"];
    let cluster = Cluster::start(&conf, Limits::default());
    let database = cluster.database("producer");
    let folder = database.folder("in");
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "ALTER DATABASE producer SET loader.transaction_size = '64kB';
             SELECT seed_json_table('t', lineage => true);
             CREATE INDEX ON t (((data->>'n')::bigint)); CREATE INDEX ON t (_load_id);
             CREATE TABLE per_file (load_id bigint, rows bigint);
             CREATE TABLE per_batch (rows bigint);
             INSERT INTO per_batch VALUES (0);
             SELECT create_pipeline('p', '{}/*', 't', settle => '50 ms', poll => '1 s', retry_delay => '100 ms',
                 retry_max => '1 s', workers => 2,
                 on_file => 'INSERT INTO per_file SELECT $1, count(*) FROM t WHERE _load_id = $1',
                 on_batch => 'UPDATE per_batch SET rows = rows + (SELECT count(*) FROM t WHERE _load_id = ANY ($1))')",
            folder.display()
        ))
        .expect("a pipeline");
    drop(client);
    println!("seed {seed}");
    let mut producer = Producer::new(&database, &folder, seed);
    let began = Instant::now();
    let mut killed: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut steps, mut interrupted) = (0_usize, 0);
    loop {
        let over = match until {
            Until::Steps(most) => steps == most,
            Until::Time(time) => began.elapsed() >= time,
        };
        if over {
            break;
        }
        steps += 1;
        producer.act();
        producer.pause();
        if steps.is_multiple_of(10) {
            let kind =
                ["loader worker", "loader pipeline", "loader launcher", "postmaster"][producer.below(4)];
            // Some of them are there only where there is something to do.
            for _ in 0..4 {
                producer.put_new();
            }
            let Some(time) = (0..100).find_map(|_| kill(&database, kind)) else { continue };
            *killed.entry(kind).or_default() += 1;
            if kind == "postmaster" {
                // Nobody sees what happens now.
                for _ in 0..producer.below(4) {
                    producer.put_new();
                    producer.write_to_log();
                }
                cluster.resume();
            }
            // Else the producer goes on while the server recovers.
            if producer.one_in(2) {
                interrupted += stopped(&database, &time);
            }
        }
    }
    producer.finish();
    println!("{steps} steps: {:?}, killed: {killed:?}, {interrupted} loads or more stopped", producer.done);
    assert!(killed.values().sum::<usize>() * 20 > steps);
    cluster.wait_until_ready();
    let mut client = database.connect();
    wait_for("all to be loaded", || {
        let stopped: Option<String> = client.query_one(STOPPED, &[]).expect("the pipeline").get(0);
        assert_eq!(stopped, None);
        let open = "SELECT count(*) FROM preview_pipeline('p') WHERE verdict NOT IN ('loaded', 'skipped')";
        let pending = "SELECT count(*) FROM loader.pipeline_batches_data";
        figure(&mut client, open) == 0 && figure(&mut client, pending) == 0
    });
    producer.compare(&mut client);
    let unfinished = texts(
        &mut client,
        "SELECT concat_ws(' ', load_id, file_path, status, rows_loaded, error_message) FROM loader.load_history
         WHERE status = 'running' OR (status = 'failed' AND rows_loaded > 0)",
    );
    assert_eq!(unfinished, [""; 0]);
    let rows = figure(&mut client, "SELECT count(*) FROM t");
    assert_eq!(figure(&mut client, "SELECT sum(rows)::bigint FROM per_file"), rows);
    assert_eq!(figure(&mut client, "SELECT rows FROM per_batch"), rows);
    println!("{rows} rows of {} records", producer.fates.len());
}

/// The seed: LOADER_SEED, or the one that the test has.
fn seed(otherwise: u64) -> u64 {
    std::env::var("LOADER_SEED").map_or(otherwise, |seed| seed.parse().expect("a number"))
}

#[test]
fn every_record_comes_once_whatever_is_killed() {
    produce(seed(71), Until::Steps(60));
}

#[test]
#[ignore = "takes long: make soak"]
fn every_record_comes_once_for_ten_minutes() {
    produce(seed(72), Until::Time(Duration::from_secs(600)));
}
