//! Pipelines that a client runs: which files are taken and when, and that each record comes once,
//! whatever producers do to their files.

use crate::helpers::{append, backend, count, gzip, lines, table, traced};
use loader_client_tests::{Cluster, Database, Said, message, wait_for};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A pipeline `p` that loads the files of a folder into the table `t`, which has lineage.
pub struct Setup {
    pub database: Database<'static>,
    pub client: Client,
    pub said: Said,
    pub folder: PathBuf,
}

impl Setup {
    /// In a database of that name. By default files are taken at once, and tried again at once.
    pub fn new(name: &str, arguments: &str) -> Setup {
        let setup = Setup::bare(name);
        setup.create(arguments).expect("create_pipeline")
    }

    /// The same without the pipeline.
    pub fn bare(name: &str) -> Setup {
        let database = Cluster::shared().database(name);
        let (mut client, said) = database.connect_listening("postgres");
        traced(&mut client, "t");
        let folder = database.folder("in");
        Setup { database, client, said, folder }
    }

    pub fn create(mut self, arguments: &str) -> Result<Setup, postgres::Error> {
        let mut all = vec!["settle => '0'".to_owned(), "retry_delay => '0'".to_owned()];
        all.retain(|default| !arguments.contains(default.split(' ').next().expect("a name")));
        if !arguments.is_empty() {
            all.push(arguments.to_owned());
        }
        let pattern = format!("{}/*", self.folder.display());
        self.client
            .execute(&format!("SELECT create_pipeline('p', $1, 't', {})", all.join(", ")), &[&pattern])?;
        Ok(self)
    }

    /// Writes a file under another name and renames it: it is there at once, as a whole.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.database.file(".writing", bytes);
        let to = self.folder.join(name);
        fs::rename(path, &to).expect("rename");
        to.to_str().expect("UTF-8").to_owned()
    }

    pub fn run(&mut self) -> Result<(), postgres::Error> {
        self.client.batch_execute("CALL run_pipeline('p')")
    }

    /// Runs it, and returns files loaded, skipped and failed, and rows, of the last run that has a row.
    pub fn counts(&mut self) -> [i64; 4] {
        let query = "SELECT files_loaded, files_skipped, files_failed, rows_loaded FROM loader.pipeline_runs
                     ORDER BY started_at DESC LIMIT 1";
        let runs = count(&mut self.client, "loader.pipeline_runs");
        self.run().expect("a run");
        if count(&mut self.client, "loader.pipeline_runs") == runs {
            return [0; 4];
        }
        let row = self.client.query_one(query, &[]).expect("a run");
        [0, 1, 2, 3].map(|column| row.get(column))
    }

    /// Each file of `loader.pipeline_files`: name, state, attempts and SQLSTATE.
    pub fn exceptions(&mut self) -> Vec<String> {
        texts(
            &mut self.client,
            "SELECT concat_ws(' ', regexp_replace(path, '^.*/', ''), state, attempts, error_sqlstate)
             FROM loader.pipeline_files ORDER BY path",
        )
    }

    /// Each file of `preview_pipeline`: name and verdict.
    pub fn preview(&mut self) -> Vec<String> {
        texts(
            &mut self.client,
            "SELECT concat_ws(' ', regexp_replace(path, '^.*/', ''), verdict) FROM preview_pipeline('p') ORDER BY path",
        )
    }

    pub fn rows(&mut self) -> i64 {
        count(&mut self.client, "t")
    }

    /// How often the record that is there most often is there.
    pub fn most(&mut self) -> i64 {
        self.client
            .query_one(
                "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM t GROUP BY data) AS c",
                &[],
            )
            .expect("a figure")
            .get(0)
    }

    pub fn state(&mut self) -> String {
        texts(&mut self.client, "SELECT concat_ws(': ', state, reason) FROM loader.pipelines").join(", ")
    }
}

pub fn texts(client: &mut Client, query: &str) -> Vec<String> {
    let rows = client.query(query, &[]).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// The payloads of notifications that have come since this was asked last.
pub fn notified(client: &mut Client) -> Vec<String> {
    client.batch_execute("SELECT").expect("SELECT");
    let mut notifications = client.notifications();
    let mut payloads = Vec::new();
    while let Some(one) = notifications.iter().next().expect("a session") {
        payloads.push(one.payload().to_owned());
    }
    payloads
}

/// The records with these numbers.
fn numbered(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|n| format!("{{\"n\": {n}}}\n")).collect()
}

#[test]
fn files_are_loaded_as_they_come() {
    let mut setup = Setup::new("pipelines_come", "");
    assert_eq!(setup.counts(), [0; 4]);
    setup.put("a", numbered(0..3));
    setup.put("b", numbered(3..5));
    assert_eq!(setup.counts(), [2, 0, 0, 5]);
    // Nothing is left to do, and that is no failure.
    assert_eq!(setup.counts(), [0; 4]);
    setup.put("c", numbered(5..6));
    assert_eq!(setup.counts(), [1, 0, 0, 1]);
    assert_eq!((setup.rows(), setup.most()), (6, 1));
    assert_eq!(setup.exceptions(), Vec::<String>::new());
    assert_eq!(setup.preview(), ["a loaded", "b loaded", "c loaded"]);
    let shown = texts(
        &mut setup.client,
        "SELECT concat_ws(' ', state, scheduler, owner, target, format, files_seen, files_pending, bytes_pending,
                          last_run IS NOT NULL, last_loaded IS NOT NULL, next_run > last_run, last_error IS NULL)
         FROM loader.pipelines",
    );
    assert_eq!(shown, ["active none postgres public.t json 3 0 0 t t t t"]);
    setup.run().expect("a run");
    let said = setup.said.results();
    let line = said.last().expect("a NOTICE");
    assert!(
        line.starts_with("NOTICE: pipeline \"p\": 0 files loaded, 0 skipped, 0 failed; 0 rows"),
        "{line}"
    );
}

#[test]
fn a_file_has_to_be_the_same_at_two_looks() {
    let mut setup = Setup::new("pipelines_settle", "settle => '1 h'");
    let path = setup.put("a", numbered(0..2));
    assert_eq!(setup.counts(), [0; 4]);
    assert_eq!(
        (setup.exceptions(), setup.preview()),
        (vec!["a settling 0".into()], vec!["a settling".into()])
    );
    let since = "SELECT since_ns::text FROM loader.pipeline_files_data";
    let first = texts(&mut setup.client, since);
    setup.run().expect("a run");
    assert_eq!(texts(&mut setup.client, since), first);
    // Once it is another, the hour begins anew.
    append(&path, numbered(2..3));
    setup.run().expect("a run");
    assert_ne!(texts(&mut setup.client, since), first);
    // However old it is by its own times.
    fs::File::options()
        .append(true)
        .open(&path)
        .expect("it")
        .set_modified(std::time::UNIX_EPOCH)
        .expect("mtime");
    setup.run().expect("a run");
    assert_eq!(setup.rows(), 0);
    let settle = |client: &mut Client, settle: &str| {
        client
            .execute(&format!("SELECT alter_pipeline('p', settle => '{settle}')"), &[])
            .expect("alter_pipeline");
    };
    settle(&mut setup.client, "1 ms");
    wait_for("the file to settle", || setup.counts()[0] == 1);
    assert_eq!((setup.rows(), setup.exceptions().len()), (3, 0));
}

/// That it had settled is remembered: it need not be read again to know that it is loaded.
#[test]
fn a_file_that_has_settled_for_a_short_time_is_read_once() {
    let mut setup = Setup::new("pipelines_settle_short", "settle => '200 ms'");
    setup.put("a", numbered(0..2));
    wait_for("the file to settle", || setup.counts()[0] == 1);
    assert_eq!((setup.preview(), setup.exceptions()), (vec!["a loaded".into()], Vec::<String>::new()));
    assert_eq!(setup.counts(), [0; 4]);
    assert_eq!(setup.exceptions(), Vec::<String>::new());
}

#[test]
fn what_is_being_written_is_passed_over() {
    let mut setup = Setup::new("pipelines_unfinished", "");
    for name in ["a.tmp", "b.part", "c.filepart", "d.crdownload", "e~", ".f"] {
        setup.put(name, numbered(0..1));
    }
    assert_eq!(setup.counts(), [0; 4]);
    assert_eq!(setup.preview(), Vec::<String>::new());
    fs::rename(setup.folder.join("a.tmp"), setup.folder.join("a")).expect("rename");
    assert_eq!(setup.counts(), [1, 0, 0, 1]);
}

/// What writers of logs do, and what kept other programs from reading each record once.
#[test]
fn every_record_comes_once() {
    let mut setup = Setup::new("pipelines_once", "");
    let log = setup.put("log", numbered(0..10));
    setup.run().expect("a run");
    // Appended.
    append(&log, numbered(10..20));
    assert_eq!(setup.preview(), ["log grown"]);
    assert_eq!(setup.counts(), [1, 0, 0, 10]);
    // Renamed.
    fs::rename(&log, setup.folder.join("renamed")).expect("rename");
    assert_eq!(setup.counts(), [0, 1, 0, 0]);
    // The name is used again, for a file that is larger.
    setup.put("log", numbered(20..60));
    assert_eq!(setup.preview(), ["log changed", "renamed loaded"]);
    assert_eq!(setup.counts(), [1, 0, 0, 40]);
    // Truncated and written anew in place.
    fs::write(&log, numbered(60..65)).expect("written");
    assert_eq!(setup.counts(), [1, 0, 0, 5]);
    // Written to, and rotated before anybody looked again.
    append(&log, numbered(65..70));
    fs::rename(&log, setup.folder.join("log.1")).expect("rename");
    setup.put("log", numbered(70..80));
    assert_eq!(setup.counts(), [2, 0, 0, 15]);
    // The same, but copied and truncated.
    append(&log, numbered(80..85));
    fs::copy(&log, setup.folder.join("log-20261129")).expect("copied");
    fs::write(&log, numbered(85..90)).expect("written");
    assert_eq!(setup.counts(), [2, 0, 0, 10]);
    // The same content twice, at once and later.
    setup.put("x", numbered(100..110));
    setup.put("y", numbered(100..110));
    let [loaded, skipped, ..] = setup.counts();
    assert_eq!((loaded, skipped), (1, 1));
    setup.put("z", numbered(100..110));
    assert_eq!(setup.counts(), [0, 1, 0, 0]);
    // Written anew with what it had.
    fs::write(&log, numbered(85..90)).expect("written");
    setup.run().expect("a run");
    // A record that was half written is whole later.
    let half = setup.put("half", "{\"n\": 110}\n{\"n\":");
    setup.run().expect("a run");
    append(&half, " 111}\n");
    setup.run().expect("a run");
    assert_eq!(count(&mut setup.client, "loader.rejects WHERE resolved_by IS NULL"), 0);
    assert_eq!((setup.rows(), setup.most()), (90 + 12, 1));
    // By now everything is known without being read.
    assert_eq!(setup.counts(), [0; 4]);
    let verdicts = texts(&mut setup.client, "SELECT DISTINCT verdict FROM preview_pipeline('p') ORDER BY 1");
    assert_eq!(verdicts, ["loaded"]);
}

/// A file that is written anew is seen empty, or with its first lines only, for a moment.
#[test]
fn a_file_is_compared_with_all_that_it_was() {
    let mut setup = Setup::new("pipelines_emptied", "");
    let log = setup.put("log", numbered(0..10));
    assert_eq!(setup.counts(), [1, 0, 0, 10]);
    fs::write(&log, "").expect("written");
    assert_eq!(setup.counts(), [1, 0, 0, 0]);
    fs::write(&log, numbered(0..15)).expect("written");
    assert_eq!(setup.counts(), [1, 0, 0, 5]);
    assert_eq!((setup.rows(), setup.most()), (15, 1));
}

/// Programs that rotate logs make an empty one, which is loaded first.
#[test]
fn a_log_is_rotated_and_the_next_one_is_empty() {
    let mut setup = Setup::new("pipelines_rotated", "");
    let log = setup.put("log", numbered(0..10));
    assert_eq!(setup.counts(), [1, 0, 0, 10]);
    append(&log, numbered(10..15));
    fs::rename(&log, setup.folder.join("log.1")).expect("rename");
    setup.put("log", "");
    assert_eq!(setup.counts(), [2, 0, 0, 5]);
    assert_eq!((setup.rows(), setup.most()), (15, 1));
}

#[test]
fn a_finished_file_is_not_read_again() {
    let mut setup = Setup::new("pipelines_unread", "");
    let pid = backend(&mut setup.client);
    let size = 4 * 1024 * 1024;
    let record = format!("{{\"n\": \"{}\"}}\n", "x".repeat(1000));
    let large = record.repeat(size / record.len());
    let path = setup.put("large", &large);
    setup.run().expect("a run");
    fs::copy(&path, setup.folder.join("copy")).expect("copied");
    setup.run().expect("a run");
    let read = || -> u64 {
        let io = fs::read_to_string(format!("/proc/{pid}/io")).expect("io of a backend");
        let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("rchar");
        line.trim().parse().expect("a number")
    };
    let before = read();
    setup.run().expect("a run");
    assert_eq!(setup.preview(), ["copy loaded", "large loaded"]);
    let read = read() - before;
    assert!(read < size as u64 / 2, "{read} bytes were read");
}

#[test]
fn a_file_that_fails_is_tried_again_and_then_left_alone() {
    let mut setup =
        Setup::new("pipelines_fails", "max_attempts => 3, retry_delay => '1 h', notify => 'trouble'");
    let mut other = setup.database.connect();
    other.batch_execute("LISTEN trouble").expect("LISTEN");
    let whole = gzip(numbered(0..1000).as_bytes());
    let path = setup.put("bad.gz", &whole[..whole.len() / 2]);
    setup.put("good", numbered(1000..1003));
    assert_eq!(setup.counts(), [1, 0, 1, 3]);
    assert_eq!(setup.exceptions(), ["bad.gz retrying 1 22P04"]);
    // It waits for its time.
    assert_eq!(setup.counts(), [0; 4]);
    assert_eq!(setup.preview(), ["bad.gz retrying", "good loaded"]);
    let retry = |setup: &mut Setup| {
        let retry = setup.client.execute("SELECT retry_file('p', $1)", &[&path]);
        retry.expect("retry_file");
    };
    retry(&mut setup);
    assert_eq!((setup.counts(), setup.exceptions()), ([0, 0, 1, 0], vec!["bad.gz retrying 1 22P04".into()]));
    setup.client.batch_execute("SELECT alter_pipeline('p', retry_delay => '0')").expect("alter_pipeline");
    retry(&mut setup);
    for attempts in 1..=2 {
        assert_eq!(
            (setup.counts()[2], setup.exceptions()),
            (1, vec![format!("bad.gz retrying {attempts} 22P04")])
        );
    }
    assert_eq!((setup.counts()[2], setup.exceptions()), (1, vec!["bad.gz quarantined 3 22P04".into()]));
    assert_eq!(setup.counts(), [0; 4]);
    assert_eq!(setup.preview(), ["bad.gz quarantined", "good loaded"]);
    let payload = format!(
        "{{\"pipeline\": \"p\", \"event\": \"quarantined\", \"path\": \"{path}\", \"sqlstate\": \"22P04\", \"attempts\": 3}}"
    );
    assert_eq!(notified(&mut other), [payload]);
    assert!(setup.database.cluster.log().contains(&format!(
        "pipeline \"p\": file \"{path}\" is quarantined after 3 attempts (SQLSTATE 22P04)"
    )));
    // Until somebody asks for it, …
    retry(&mut setup);
    assert_eq!((setup.counts()[2], setup.exceptions()), (1, vec!["bad.gz retrying 1 22P04".into()]));
    // … or its content is another.
    setup.client.batch_execute("SELECT alter_pipeline('p', max_attempts => 1)").expect("alter_pipeline");
    assert_eq!((setup.counts()[2], setup.exceptions()), (1, vec!["bad.gz quarantined 2 22P04".into()]));
    setup.put("bad.gz", &whole);
    assert_eq!(setup.counts(), [1, 0, 0, 1000]);
    assert_eq!((setup.rows(), setup.exceptions().len()), (1003, 0));
    let missing = setup.client.execute("SELECT retry_file('p', $1)", &[&path]);
    let name = format!("file \"{path}\" of pipeline \"p\"");
    assert_eq!(message(missing), format!("42704: {name} is neither skipped, quarantined nor tried again"));
}

/// Whatever it is that one file does, the others are loaded.
fn poison(name: &str, good: i64) {
    let setup = Setup::bare(name);
    let mut setup = setup.create("max_attempts => 2, workers => 2").expect("create_pipeline");
    setup
        .client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.data->>'n' = TG_ARGV[0] THEN RAISE 'poisoned' USING ERRCODE = '55000'; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER now BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse('trigger');
             CREATE CONSTRAINT TRIGGER later AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION refuse('commit')",
        )
        .expect("triggers");
    for n in 0..good {
        setup.put(&format!("good{n:03}"), format!("{{\"n\": {n}}}\n"));
    }
    setup.put("bad-trigger", "{\"n\": \"trigger\"}\n");
    setup.put("bad-commit", "{\"n\": \"commit\"}\n");
    setup.put("bad-gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\0 no more");
    let unreadable = setup.put("bad-unreadable", "{\"n\": \"unreadable\"}\n");
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o000)).expect("chmod");
    let [loaded, _, failed, rows] = setup.counts();
    assert_eq!((loaded, failed, rows), (good, 4, good));
    assert!(setup.preview().contains(&"bad-unreadable unreadable".to_owned()), "{:?}", setup.preview());
    assert_eq!(setup.counts(), [0, 0, 4, 0]);
    assert_eq!(
        setup.exceptions(),
        [
            "bad-commit quarantined 2 55000",
            "bad-gzip quarantined 2 22P04",
            "bad-trigger quarantined 2 55000",
            "bad-unreadable quarantined 2 42501"
        ]
    );
    let why = texts(
        &mut setup.client,
        "SELECT concat_ws('', error_message) FROM loader.pipeline_files ORDER BY path",
    );
    assert!(why.iter().all(|why| !why.is_empty()), "{why:?}");
    assert!(why[0].contains("poisoned") && why[2].contains("poisoned"), "{why:?}");
    assert_eq!((setup.counts(), setup.rows(), setup.state()), ([0; 4], good, "active".into()));
    // Permission that was denied once is not denied for ever.
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o644)).expect("chmod");
    assert_eq!(setup.counts(), [1, 0, 0, 1]);
}

#[test]
fn a_poisoned_file_holds_up_nobody() {
    poison("pipelines_poison", 40);
}

#[test]
#[ignore = "takes long: make soak"]
fn poisoned_files_among_a_thousand() {
    poison("pipelines_poison_soak", 996);
}

#[test]
fn a_scheduler_can_tell_a_run_with_failed_files() {
    let mut setup = Setup::new("pipelines_raise", "on_file_error => 'raise'");
    setup.put("good", numbered(0..1));
    setup.run().expect("a run");
    setup.run().expect("a run that has nothing to do");
    setup.put("same", numbered(0..1));
    setup.run().expect("a run that only skips");
    setup.put("bad.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\0 no more");
    setup.put("other", numbered(1..3));
    assert_eq!(message(setup.run()), "22P04: 1 of 2 files failed");
    assert_eq!(setup.rows(), 3);
    let statuses = texts(&mut setup.client, "SELECT status FROM loader.pipeline_runs ORDER BY started_at");
    assert_eq!(statuses, ["succeeded", "succeeded", "failed_files"]);
}

#[test]
fn files_that_were_there_and_files_that_are_not_wanted() {
    let setup = Setup::bare("pipelines_skip");
    let old = setup.put("old", numbered(0..1));
    let mut setup = setup.create("existing => 'skip'").expect("create_pipeline");
    let unwanted = setup.put("unwanted", numbered(1..2));
    setup.client.execute("SELECT skip_file('p', $1, 'a test')", &[&unwanted]).expect("skip_file");
    setup.put("new", numbered(2..3));
    assert_eq!(setup.counts(), [1, 0, 0, 1]);
    assert_eq!(setup.preview(), ["new loaded", "old skipped", "unwanted skipped"]);
    let reasons = texts(
        &mut setup.client,
        "SELECT concat_ws(', ', reason, set_by) FROM loader.pipeline_files ORDER BY path",
    );
    assert_eq!(reasons, ["it was there when the pipeline was created", "a test, postgres"]);
    // What somebody has decided holds for whatever becomes of the file.
    setup.put("unwanted", numbered(3..5));
    assert_eq!(setup.counts(), [0; 4]);
    for path in [&old, &unwanted] {
        setup.client.execute("SELECT retry_file('p', $1)", &[path]).expect("retry_file");
    }
    assert_eq!(setup.counts(), [2, 0, 0, 3]);
    let relative = setup.client.execute("SELECT skip_file('p', 'x')", &[]);
    assert_eq!(message(relative), "22023: path is not absolute: \"x\"");
}

#[test]
fn a_pipeline_is_paused_changed_and_dropped() {
    let mut setup = Setup::new("pipelines_change", "enabled => false");
    setup.put("a", numbered(0..1));
    assert_eq!(message(setup.run()), "55000: pipeline \"p\" is paused");
    setup.client.batch_execute("CALL run_pipelines(); SELECT resume_pipeline('p')").unwrap_or_else(|_| {
        setup.client.batch_execute("CALL run_pipelines()").expect("nothing to run");
        setup.client.batch_execute("SELECT resume_pipeline('p')").expect("resume_pipeline");
    });
    assert_eq!((setup.rows(), setup.state()), (0, "active".into()));
    setup.client.batch_execute("CALL run_pipelines()").expect("all runs");
    assert_eq!(setup.rows(), 1);
    setup.client.batch_execute("SELECT pause_pipeline('p', 'lunch')").expect("pause_pipeline");
    assert_eq!(setup.state(), "paused: lunch");
    table(&mut setup.client, "u");
    setup
        .client
        .batch_execute(
            "SELECT alter_pipeline('p', \"table\" => 'u', max_files => 7, on_batch => 'SELECT $1',
                                   options => '{\"chunk\": 5}', poll => '1 h');
             SELECT resume_pipeline('p')",
        )
        .expect("alter_pipeline");
    let shown =
        "SELECT concat_ws(' ', target, max_files, on_batch, options, poll, settle) FROM loader.pipelines";
    assert_eq!(texts(&mut setup.client, shown), ["public.u 7 SELECT $1 {\"chunk\": 5} 01:00:00 00:00:00"]);
    assert_eq!(setup.counts(), [1, 0, 0, 1]);
    // What is not due is not run with the others.
    setup.put("b", numbered(1..2));
    setup.client.batch_execute("CALL run_pipelines()").expect("nothing is due");
    assert_eq!(count(&mut setup.client, "u"), 1);
    setup.client.batch_execute("SELECT alter_pipeline('p', on_batch => '')").expect("alter_pipeline");
    assert_eq!(texts(&mut setup.client, shown), ["public.u 7 {\"chunk\": 5} 01:00:00 00:00:00"]);
    setup.client.batch_execute("SELECT drop_pipeline('p')").expect("drop_pipeline");
    assert_eq!(message(setup.run()), "42704: pipeline \"p\" does not exist");
    setup.client.batch_execute("SELECT drop_pipeline('p', if_exists => true)").expect("nothing to drop");
    for left in ["pipelines_data", "pipeline_files_data", "pipeline_batches_data"] {
        assert_eq!(count(&mut setup.client, &format!("loader.{left}")), 0, "{left}");
    }
    assert!(count(&mut setup.client, "loader.pipeline_runs") > 0);
    assert_eq!(count(&mut setup.client, "loader.load_history"), 2);
}

#[test]
fn arguments_are_checked_when_they_are_given() {
    let mut setup = Setup::bare("pipelines_arguments");
    let pattern = format!("{}/*", setup.folder.display());
    let mut create = |arguments: &str| {
        let sql = format!("SELECT create_pipeline('p', '{pattern}', 't'{arguments})");
        message(setup.client.batch_execute(&sql))
    };
    let option = |option: &str| format!("22023: invalid option {option}");
    for (arguments, expected) in [
        (", options => '{\"chunks\": 1}'", option("\"chunks\" of a pipeline: there is no such option")),
        (
            ", options => '{\"workers\": 1}'",
            option("\"workers\" of a pipeline: it is an argument of the pipeline itself"),
        ),
        (", options => '{\"chunk\": \"x\"}'", option("\"chunk\" of a pipeline: it must be an integer")),
        (
            ", options => '{\"keep\": \"x\"}'",
            option("\"keep\" of a pipeline: it must be an array of strings"),
        ),
        (
            ", options => '{\"delimiter\": \";\"}'",
            option("\"delimiter\" of a pipeline: there is no such option"),
        ),
        (
            ", options => '{\"if_loaded\": \"force\"}'",
            option("\"if_loaded\" of a pipeline: \"force\" would load every file at every run"),
        ),
        (
            ", options => '{\"chunk\": 0}'",
            "22023: argument \"chunk\" must be between 1 and 1000000: 0".into(),
        ),
        (
            ", options => '{\"on_error\": \"panic\"}'",
            "22023: invalid value for argument \"on_error\": \"panic\"".into(),
        ),
        (", options => '[]'", "22023: argument \"options\" must be a JSON object".into()),
        (", format => 'xml'", "22023: invalid value for argument \"format\": \"xml\"".into()),
        (", existing => 'maybe'", "22023: invalid value for argument \"existing\": \"maybe\"".into()),
        (", poll => '0'", "22023: argument \"poll\" must be between 100 ms and 200 years: 0 s".into()),
        (", settle => '-1 s'", "22023: argument \"settle\" must be between 0 and 200 years: -1 s".into()),
        (", workers => 65", "22023: argument \"workers\" must be between 0 and 64: 65".into()),
        (
            ", max_attempts => 0",
            "22023: argument \"max_attempts\" must be between 1 and 2147483647: 0".into(),
        ),
        (", on_file => 'SELEC 1'", "42601: syntax error at or near \"SELEC\"".into()),
        (", on_file => 'SELECT $1 + $2'", "42883: operator does not exist: bigint + text".into()),
        (", on_batch => 'CALL nothing($1)'", "42883: procedure nothing(bigint[]) does not exist".into()),
        (", poll => NULL", "22004: argument \"poll\" must not be null".into()),
    ] {
        assert_eq!(create(arguments), expected, "{arguments}");
    }
    let long = "x".repeat(64);
    assert_eq!(
        create(&format!(", notify => '{long}'")),
        format!("22023: invalid name of a channel: \"{long}\"")
    );
    let mut fails = |sql: &str| message(setup.client.batch_execute(sql));
    assert_eq!(fails("SELECT create_pipeline('', '/x/*', 't')"), "22023: invalid name of a pipeline: \"\"");
    assert_eq!(fails("SELECT create_pipeline('p', 'x/*', 't')"), "22023: path is not absolute: \"x/*\"");
    let mut setup = setup
        .create("format => 'csv', options => '{\"delimiter\": \";\", \"header\": true, \"null\": \"-\"}'")
        .expect("create_pipeline");
    let again = setup.client.batch_execute("SELECT create_pipeline('p', '/x/*', 't')");
    assert_eq!(message(again), "42710: pipeline \"p\" already exists");
    setup.put("a.csv", "a;b\n1;-\n");
    assert_eq!(setup.counts(), [1, 0, 0, 1]);
    assert_eq!(texts(&mut setup.client, "SELECT data::text FROM t"), ["{\"a\": \"1\", \"b\": null}"]);
}

#[test]
fn files_go_into_columns_too() {
    let setup = Setup::bare("pipelines_columns");
    let mut setup = setup;
    setup.client.batch_execute("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v text)").expect("a table");
    let options = "options => '{\"write_mode\": \"upsert\", \"schema_evolution\": \"add_new_columns\"}'";
    let mut setup = setup.create(options).expect("create_pipeline");
    setup.put("a", "{\"id\": 1, \"v\": \"a\"}\n{\"id\": 2, \"v\": \"b\"}\n");
    setup.run().expect("a run");
    setup.put("b[*]", "{\"id\": 2, \"v\": \"c\", \"new\": true}\n");
    setup.run().expect("a run");
    let rows = texts(&mut setup.client, "SELECT t::text FROM t ORDER BY id");
    assert_eq!(rows, ["(1,a,)", "(2,c,t)"]);
}

#[test]
fn one_session_at_a_time_runs_a_pipeline() {
    let mut setup = Setup::new("pipelines_twice", "");
    let mut gate = crate::helpers::Gate::close(&setup.database, "t", 0);
    setup.put("a", numbered(0..1));
    let mut other = setup.database.connect();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| other.batch_execute("CALL run_pipeline('p')"));
        gate.wait_for_waiters(1);
        setup.run().expect("nothing is done");
        assert_eq!(
            setup.said.results(),
            ["NOTICE: pipeline \"p\" is being run by another session, skipping"]
        );
        // It may be changed meanwhile.
        setup.client.batch_execute("SELECT pause_pipeline('p')").expect("pause_pipeline");
        gate.open();
        run.join().expect("a session").expect("a run");
    });
    assert_eq!((setup.rows(), setup.state()), (1, "paused".into()));
}

/// A trigger of `t` that keeps whoever inserts the record 0 until somebody waits for a lock on the table.
pub fn until_locked(client: &mut Client) {
    client
        .batch_execute(
            "CREATE FUNCTION until_locked() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 WHILE NEW.data->>'n' = '0' AND NOT EXISTS (
                     SELECT FROM pg_locks WHERE relation = 't'::regclass AND NOT granted)
                 LOOP PERFORM pg_sleep(0.01); END LOOP;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER until_locked BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION until_locked()",
        )
        .expect("a trigger");
}

/// What the server raises between two parts of a file ends the run, and not without a trace.
#[test]
fn a_run_that_ends_in_the_midst_of_it_is_written_down() {
    let mut setup = Setup::new("pipelines_raised", "retry_delay => '1 h'");
    until_locked(&mut setup.client);
    setup.put("large", numbered(0..20_000));
    let mut runner = setup.database.connect();
    runner
        .batch_execute("SET loader.transaction_size = '64kB'; SET lock_timeout = '100ms'")
        .expect("settings");
    let mut locker = setup.database.connect();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.batch_execute("CALL run_pipeline('p')"));
        wait_for("the run", || {
            count(&mut setup.client, "pg_stat_activity WHERE wait_event = 'PgSleep'") == 1
        });
        locker.batch_execute("BEGIN; LOCK TABLE t").expect("a lock");
        let run = message(run.join().expect("a session"));
        assert_eq!(run, "55P03: canceling statement due to lock timeout");
    });
    let runs = "SELECT concat_ws(' ', status, error_sqlstate, error_message) FROM loader.pipeline_runs";
    assert_eq!(texts(&mut setup.client, runs), ["failed 55P03 canceling statement due to lock timeout"]);
    let after = "SELECT concat_ws(' ', state, next_run > now() + '30 min') FROM loader.pipelines";
    assert_eq!(texts(&mut setup.client, after), ["active t"]);
    locker.batch_execute("COMMIT; DROP TRIGGER until_locked ON t").expect("COMMIT");
    // The session is as good as ever.
    runner.batch_execute("CALL run_pipeline('p')").expect("a run");
    assert_eq!((setup.rows(), setup.most()), (20_000, 1));
}

/// The same within a statement about what the run has seen.
#[test]
fn a_run_that_cannot_write_down_what_it_sees_is_written_down() {
    let mut setup = Setup::new("pipelines_unwritten", "settle => '1 h'");
    setup.put("a", numbered(0..1));
    let mut locker = setup.database.connect();
    locker.batch_execute("BEGIN; LOCK TABLE loader.pipeline_files_data IN SHARE MODE").expect("a lock");
    setup.client.batch_execute("SET lock_timeout = '100ms'").expect("the setting");
    for _ in 0..2 {
        assert_eq!(message(setup.run()), "55P03: canceling statement due to lock timeout");
    }
    let runs = "SELECT concat_ws(' ', status, error_sqlstate) FROM loader.pipeline_runs";
    assert_eq!(texts(&mut setup.client, runs), ["failed 55P03", "failed 55P03"]);
    locker.batch_execute("COMMIT").expect("COMMIT");
    setup.run().expect("a run");
    assert_eq!((setup.exceptions(), setup.state()), (vec!["a settling 0".into()], "active".into()));
}

/// Of a run and DROP EXTENSION one waits for the other; neither is the victim of a deadlock.
#[test]
fn the_extension_is_dropped_during_a_run() {
    let mut setup = Setup::new("pipelines_drop_extension", "");
    // Between two tables that the run changes in one transaction.
    let gate = crate::helpers::Gate::close(&setup.database, "t", 0);
    setup
        .client
        .batch_execute(
            "CREATE FUNCTION in_between() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$;
             DROP TRIGGER gate ON t;
             CREATE TRIGGER gate BEFORE INSERT ON loader.pipeline_runs_data
                 FOR EACH ROW EXECUTE FUNCTION in_between()",
        )
        .expect("a gate");
    setup.put("a", numbered(0..1));
    drop_extension_during_a_run(&setup, gate).expect("a run");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!((crate::helpers::figure(&mut setup.client, deadlocks), setup.rows()), (0, 1));
}

/// Drops the extension while a run waits at the gate, and opens that. Returns what the run came to.
fn drop_extension_during_a_run(setup: &Setup, mut gate: crate::helpers::Gate) -> Result<(), postgres::Error> {
    let mut runner = setup.database.connect();
    let mut dropper = setup.database.connect();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.batch_execute("CALL run_pipeline('p')"));
        gate.wait_for_waiters(1);
        let drop = scope.spawn(|| dropper.batch_execute("DROP EXTENSION loader CASCADE"));
        gate.wait_for_waiters(2);
        gate.open();
        drop.join().expect("a session").expect("DROP EXTENSION");
        run.join().expect("a session")
    })
}

/// One that goes before the next transaction of a run ends it.
#[test]
fn a_run_ends_with_the_extension() {
    let mut setup = Setup::new("pipelines_without_extension", "");
    let gate = crate::helpers::Gate::close(&setup.database, "t", 0);
    setup.put("a", numbered(0..1));
    let run = message(drop_extension_during_a_run(&setup, gate));
    assert_eq!(run, "42704: extension \"loader\" does not exist");
    assert_eq!(setup.rows(), 1);
}

/// That it is due at once is not overwritten by the end of a run that has begun before.
#[test]
fn what_is_changed_during_a_run_counts_after_it() {
    for (name, change) in [
        ("pipelines_altered", "SELECT alter_pipeline('p', max_files => 10)"),
        ("pipelines_resumed", "SELECT pause_pipeline('p'), resume_pipeline('p')"),
        ("pipelines_retried", "SELECT retry_file('p', path) FROM loader.pipeline_files"),
    ] {
        let mut setup = Setup::new(name, "poll => '1 h', retry_delay => '1 h'");
        setup.put("bad.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\0 no more");
        setup.run().expect("a run");
        let mut gate = crate::helpers::Gate::close(&setup.database, "t", 0);
        setup.put("a", numbered(0..1));
        let mut other = setup.database.connect();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| other.batch_execute("CALL run_pipeline('p')"));
            gate.wait_for_waiters(1);
            setup.put("b", numbered(1..2));
            setup.client.batch_execute(change).expect("a change");
            gate.open();
            run.join().expect("a session").expect("a run");
        });
        let due = "SELECT (next_run <= now())::text FROM loader.pipelines";
        assert_eq!(texts(&mut setup.client, due), ["true"], "{change}");
        setup.client.batch_execute("CALL run_pipelines()").expect("what is due");
        assert_eq!(setup.rows(), 2, "{change}");
        assert_eq!(texts(&mut setup.client, due), ["false"], "{change}");
    }
}

/// A run that fails says nothing of what the pipeline has become meanwhile.
#[test]
fn a_run_does_not_suspend_what_was_resumed_during_it() {
    let mut setup = Setup::new("pipelines_resumed_in_time", "max_attempts => 1");
    let mut gate = crate::helpers::Gate::close(&setup.database, "t", 3);
    setup
        .client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
             CREATE TRIGGER later BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse();
             SELECT alter_pipeline('p', options => '{\"on_error\": \"stop\"}')",
        )
        .expect("a trigger");
    for n in 1..3 {
        setup.put(&format!("f{n}"), numbered(n..n + 1));
        assert_eq!(setup.counts()[2], 1);
    }
    setup.put("f3", numbered(3..4));
    let mut other = setup.database.connect();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| other.batch_execute("CALL run_pipeline('p')"));
        gate.wait_for_waiters(1);
        setup.client.batch_execute("SELECT pause_pipeline('p'), resume_pipeline('p')").expect("resumed");
        gate.open();
        run.join().expect("a session").expect("a run");
    });
    assert_eq!(setup.state(), "active");
    for n in 4..7 {
        assert_eq!(setup.state(), "active");
        setup.put(&format!("f{n}"), numbered(n..n + 1));
        assert_eq!(setup.counts()[2], 1);
    }
    assert_eq!(setup.state(), "suspended: every file of 3 runs in a row failed");
}

/// A directory may be away for some time, and a table for good.
#[test]
fn what_may_come_back_is_waited_for() {
    let mut setup = Setup::new("pipelines_away", "retry_delay => '1 min'");
    setup.put("a", numbered(0..1));
    let folder = setup.folder.clone();
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    mode(&folder, 0);
    assert!(message(setup.run()).starts_with("42501: could not read directory"));
    let shown = "SELECT concat_ws(' ', state, last_error, next_run > now() + '30 s') FROM loader.pipelines";
    let broken = texts(&mut setup.client, shown);
    assert!(
        broken[0].starts_with("active could not read directory") && broken[0].ends_with(" t"),
        "{broken:?}"
    );
    mode(&folder, 0o755);
    assert_eq!(setup.counts(), [1, 0, 0, 1]);
    assert!(setup.database.cluster.log().contains("pipeline \"p\" has recovered"));
    setup.client.batch_execute("ALTER TABLE t RENAME TO kept; SELECT seed_json_table('t')").expect("tables");
    setup.put("b", numbered(1..2));
    assert_eq!(setup.counts(), [1, 0, 0, 1], "the table is known whatever its name");
    setup.client.batch_execute("DROP TABLE kept").expect("DROP TABLE");
    assert_eq!(message(setup.run()), "42P01: table public.t of pipeline \"p\" does not exist");
    assert_eq!(setup.state(), "suspended: table public.t of pipeline \"p\" does not exist");
    assert_eq!(message(setup.run()), "55000: pipeline \"p\" is suspended");
    let resumed = setup.client.batch_execute("SELECT resume_pipeline('p')");
    assert_eq!(message(resumed), "42P01: table public.t of pipeline \"p\" does not exist");
    let altered = "SELECT alter_pipeline('p', \"table\" => 't'); SELECT resume_pipeline('p')";
    setup.client.batch_execute(altered).expect("alter_pipeline");
    assert_eq!(setup.counts(), [2, 0, 0, 2]);
}

#[test]
fn if_every_file_fails_it_is_not_the_files() {
    let mut setup = Setup::new("pipelines_all_fail", "max_attempts => 5");
    setup
        .client
        .batch_execute("ALTER TABLE t ADD COLUMN required int NOT NULL CHECK (required > 0)")
        .expect("a column");
    let bad = b"\x1f\x8b\x08\0\0\0\0\0\0\0 no more";
    setup.put("a", bad);
    setup.run().expect("a run");
    // That it is tried again says nothing new.
    setup.run().expect("a run");
    setup.run().expect("a run");
    assert_eq!(setup.state(), "active");
    setup.put("b", [&bad[..], b"b"].concat());
    setup.run().expect("a run");
    setup.put("c", [&bad[..], b"c"].concat());
    setup.run().expect("a run");
    assert_eq!(setup.state(), "suspended: every file of 3 runs in a row failed");
    setup.client.batch_execute("SELECT resume_pipeline('p')").expect("resume_pipeline");
    assert_eq!(setup.state(), "active");
}

/// That a file changes while it is read says nothing of the pipeline.
#[test]
fn what_is_written_to_while_it_is_read_suspends_nothing() {
    let mut setup = Setup::new("pipelines_written", "max_attempts => 2");
    let path = setup.put("log", numbered(0..2));
    setup
        .client
        .batch_execute(&format!(
            "CREATE TABLE writes ();
             CREATE FUNCTION write() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF EXISTS (SELECT FROM writes) THEN
                     COPY (SELECT '{{\"more\": true}}') TO PROGRAM 'cat >> {path}';
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER write AFTER INSERT ON t EXECUTE FUNCTION write();
             INSERT INTO writes DEFAULT VALUES"
        ))
        .expect("a trigger");
    for _ in 0..4 {
        assert_eq!(setup.counts()[2], 1);
        assert_eq!(
            (setup.state(), setup.exceptions()),
            ("active".into(), vec!["log retrying 1 55000".into()])
        );
    }
    setup.client.batch_execute("DELETE FROM writes").expect("DELETE");
    assert_eq!(setup.counts(), [1, 0, 0, 2 + 4]);
    assert_eq!(setup.exceptions(), Vec::<String>::new());
}

#[test]
fn many_files_come_in_batches() {
    let mut setup = Setup::bare("pipelines_batches");
    setup.client.batch_execute("CREATE TABLE batches (loads bigint[])").expect("a table");
    let arguments = "max_files => 3, on_batch => 'INSERT INTO batches VALUES ($1)', workers => 1";
    let mut setup = setup.create(arguments).expect("create_pipeline");
    for n in 0..8 {
        setup.put(&format!("f{n}"), numbered(n..n + 1));
    }
    assert_eq!(setup.counts(), [8, 0, 0, 8]);
    let sizes = texts(&mut setup.client, "SELECT cardinality(loads)::text FROM batches ORDER BY loads");
    assert_eq!(sizes, ["3", "3", "2"]);
    let said = setup.said.results();
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn lines_of_text_are_not_in_a_notification() {
    let mut setup = Setup::new("pipelines_secret", "max_attempts => 1, notify => 'c'");
    setup
        .client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE 'no %', NEW.data->>'secret' USING ERRCODE = '55000'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse(); LISTEN c",
        )
        .expect("a trigger");
    setup.put("a", lines(1) + "{\"secret\": \"xyzzy\"}\n");
    setup.run().expect("a run");
    let told = notified(&mut setup.client);
    let [payload] = &told[..] else { panic!("{told:?}") };
    assert!(payload.contains("quarantined") && !payload.contains("xyzzy"), "{payload}");
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn names_that_are_no_text_are_told_apart() {
    let mut setup = Setup::new("pipelines_names", "settle => '1 h', max_attempts => 1, notify => 'c'");
    setup.client.batch_execute("LISTEN c").expect("LISTEN");
    // Two in Latin-1, one that is called what the first is written as, and an ordinary one.
    for (n, name) in [&b"M\xFCller"[..], b"M\xF6ller", br"M\xFCller", b"good"].into_iter().enumerate() {
        let path = setup.folder.join(OsStr::from_bytes(name));
        fs::write(&path, numbered(n..n + 1)).expect("a file");
        setup.database.cluster.give(&path);
    }
    setup.run().expect("a look");
    let settling =
        ["M\\x5CxFCller settling 0", "M\\xF6ller settling 0", "M\\xFCller settling 0", "good settling 0"];
    assert_eq!(sorted(setup.exceptions()), settling);
    fs::remove_file(setup.folder.join(r"M\xFCller")).expect("removed");
    setup.client.batch_execute("SELECT alter_pipeline('p', settle => '0')").expect("alter_pipeline");
    assert_eq!(setup.counts(), [1, 0, 2, 1]);
    let failed = ["M\\xF6ller quarantined 1 22021", "M\\xFCller quarantined 1 22021"];
    assert_eq!(sorted(setup.exceptions()), failed);
    let told = notified(&mut setup.client);
    for name in [r"M\\xF6ller", r"M\\xFCller"] {
        assert!(told.iter().any(|told| told.contains(&format!("/{name}\","))), "{told:?}");
    }
    let verdicts = ["M\\xF6ller quarantined", "M\\xFCller quarantined", "good loaded"];
    assert_eq!(sorted(setup.preview()), verdicts);
    // Each has a row of its own in the history, and is asked for by the name that is shown.
    setup
        .client
        .batch_execute("SELECT retry_file('p', path) FROM loader.pipeline_files")
        .expect("retry_file");
    assert_eq!(
        (setup.counts(), sorted(setup.exceptions())),
        ([0, 0, 2, 0], failed.map(str::to_owned).to_vec())
    );
    let history = texts(
        &mut setup.client,
        "SELECT concat_ws(' ', regexp_replace(file_path, '^.*/', ''), status, error_sqlstate)
         FROM loader.load_history",
    );
    let wanted = ["M\\xF6ller failed 22021", "M\\xFCller failed 22021", "good loaded"];
    assert_eq!((sorted(history), setup.state()), (wanted.map(str::to_owned).to_vec(), "active".into()));
}

#[test]
fn paths_that_fit_into_no_index_are_as_all_others() {
    let mut setup = Setup::new("pipelines_long", "settle => '1 h', max_attempts => 1, notify => 'c'");
    setup.client.batch_execute("LISTEN c").expect("LISTEN");
    // It can hardly be compressed, and JSON writes its signs with six each.
    let mut folder = setup.folder.clone();
    let mut state = 1_u64;
    let mut name = || -> String {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(1 + (state >> 61) as u8)
        };
        (0..250).map(|_| next()).collect()
    };
    while folder.as_os_str().len() < 3500 {
        folder.push(name());
        fs::create_dir(&folder).expect("a folder");
        setup.database.cluster.give(&folder);
    }
    for (name, content) in [("good", numbered(0..3)), ("one.gz", "no".into()), ("other.gz", "no".into())] {
        let content =
            if name == "good" { content.into_bytes() } else { gzip(content.as_bytes())[..12].to_vec() };
        fs::write(folder.join(name), content).expect("a file");
        setup.database.cluster.give(&folder.join(name));
    }
    let pattern = format!("{}/**", setup.folder.display());
    setup.client.execute("SELECT alter_pipeline('p', pattern => $1)", &[&pattern]).expect("alter_pipeline");
    setup.run().expect("a look");
    assert_eq!(sorted(setup.exceptions()), ["good settling 0", "one.gz settling 0", "other.gz settling 0"]);
    setup.client.batch_execute("SELECT alter_pipeline('p', settle => '0')").expect("alter_pipeline");
    assert_eq!(setup.counts(), [1, 0, 2, 3]);
    assert_eq!(sorted(setup.exceptions()), ["one.gz quarantined 1 22P04", "other.gz quarantined 1 22P04"]);
    // A notification has the end of such a path.
    let mut told = notified(&mut setup.client);
    told.sort_by_key(|told| told.contains("/other.gz"));
    assert_eq!(told.len(), 2, "{told:?}");
    for (told, name) in told.iter().zip(["one.gz", "other.gz"]) {
        assert!(told.contains("\"path\": \"...") && told.len() < 8000, "{told}");
        assert!(told.contains(&format!("/{name}\", \"sqlstate\": \"22P04\"")), "{told}");
    }
    // It is asked for as it is, or as it is shown.
    let one = folder.join("one.gz").display().to_string();
    let shown = "SELECT path FROM loader.pipeline_files WHERE path LIKE '%/other.gz'";
    for path in [one, texts(&mut setup.client, shown).remove(0)] {
        setup.client.execute("SELECT retry_file('p', $1)", &[&path]).expect("retry_file");
    }
    assert_eq!((setup.counts(), setup.state()), ([0, 0, 2, 0], "active".into()));
    let path = folder.join("good").display().to_string();
    setup.client.execute("SELECT skip_file('p', $1)", &[&path]).expect("skip_file");
    assert_eq!(setup.exceptions().len(), 3);
}

/// A pipeline that adds columns to `t`, with a folder and a table to itself.
fn growing(name: &str, arguments: &str) -> Setup {
    let mut setup = Setup::bare(name);
    setup.client.batch_execute("DROP TABLE t; CREATE TABLE t (id int)").expect("a table");
    let options = r#"options => '{"schema_evolution": "add_new_columns"}'"#;
    setup.create(&format!("{options}, {arguments}")).expect("create_pipeline")
}

#[test]
fn a_file_waits_for_the_columns_that_it_needs() {
    let mut setup = growing("pipelines_add_later", "max_attempts => 2");
    setup.put("a", "{\"id\": 1, \"new\": true}\n");
    setup.put("b", "{\"id\": 2}\n");
    setup.put("c", "{\"id\": 3, \"new\": ");
    // Whoever reads the table keeps it from being altered, and nothing from being inserted.
    let mut reader = setup.database.connect();
    reader.batch_execute("BEGIN; SELECT FROM t").expect("a reader");
    setup.client.batch_execute("SET lock_timeout = '10 ms'").expect("SET");
    assert_eq!(setup.counts(), [2, 0, 1, 1]);
    assert_eq!(setup.exceptions(), ["a retrying 1 55P03"]);
    let said = setup.said.take().join(" ");
    assert!(said.contains("could not add columns for file") && said.contains("lock timeout"), "{said}");
    reader.batch_execute("COMMIT").expect("COMMIT");
    assert_eq!(setup.counts(), [1, 0, 0, 1]);
    let rows = texts(&mut setup.client, "SELECT t::text FROM t ORDER BY id");
    assert_eq!((rows, setup.exceptions().len()), (vec!["(1,t)".to_owned(), "(2,)".to_owned()], 0));
    // One whose columns are refused keeps no other one waiting.
    setup
        .client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE 'no more columns' USING ERRCODE = '55000'; END $$;
             CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    setup.put("odd", "{\"id\": 4, \"odd\": 1}\n");
    setup.put("plain", "{\"id\": 5, \"new\": false}\n");
    assert_eq!(setup.counts(), [1, 0, 1, 1]);
    assert_eq!(setup.exceptions(), ["odd retrying 1 55000"]);
    setup.run().expect("a run");
    assert_eq!(
        (setup.exceptions(), setup.state()),
        (vec!["odd quarantined 2 55000".into()], "active".into())
    );
}

#[test]
fn nothing_of_a_cut_file_is_loaded_without_its_columns() {
    let mut setup = growing("pipelines_add_cut", "max_attempts => 2");
    // Small enough that parts of the file are committed before its end is found to be missing.
    setup.client.batch_execute("SET loader.transaction_size = '64kB'").expect("SET");
    let records: String =
        (0..20_000).map(|id| format!("{{\"id\": {id}, \"new\": {}}}\n", id * 7919)).collect();
    let whole = gzip(records.as_bytes());
    setup.put("a", &whole[..whole.len() / 2]);
    assert_eq!((setup.counts(), setup.rows()), ([0, 0, 1, 0], 0));
    setup.put("a", &whole);
    assert_eq!((setup.counts(), setup.rows()), ([1, 0, 0, 20_000], 20_000));
    assert_eq!(count(&mut setup.client, "t WHERE new IS DISTINCT FROM id * 7919"), 0);
}

#[test]
fn who_may_not_add_columns_loads_nothing_without_them() {
    let mut setup = growing("pipelines_add_never", "max_attempts => 2");
    setup
        .client
        .batch_execute(
            "CREATE ROLE pipelines_add_never LOGIN; GRANT pg_read_server_files TO pipelines_add_never;
             GRANT INSERT ON t TO pipelines_add_never; SELECT drop_pipeline('p')",
        )
        .expect("a role");
    let mut owner = setup.database.connect_as("pipelines_add_never");
    let create = format!(
        "SELECT create_pipeline('p', '{}/*', 't', settle => '0', options => '{{\"schema_evolution\": \"add_new_columns\"}}')",
        setup.folder.display()
    );
    owner.batch_execute(&create).expect("create_pipeline");
    setup.put("a", "{\"id\": 1, \"new\": true}\n");
    assert_eq!(message(owner.batch_execute("CALL run_pipeline('p')")), "42501: must be owner of table t");
    assert_eq!((setup.rows(), setup.state()), (0, "suspended: must be owner of table t".into()));
    setup.client.batch_execute("ALTER TABLE t OWNER TO pipelines_add_never").expect("ALTER TABLE");
    owner.batch_execute("SELECT resume_pipeline('p')").expect("resumed");
    owner.batch_execute("CALL run_pipeline('p')").expect("a run");
    assert_eq!(texts(&mut setup.client, "SELECT t::text FROM t"), ["(1,t)"]);
}
