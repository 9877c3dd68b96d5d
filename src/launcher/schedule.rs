//! When which database is asked and which pipeline runs. Knows nothing of processes: it is told what
//! happens, and says what is to be done.

use super::messages::DuePipeline;
use crate::pg::Oid;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// A database with the extension is asked so often even if nobody says that anything has changed
/// there: of what a prepared transaction has changed nobody does.
const ASK_AGAIN: Duration = Duration::from_mins(5);

/// The same, where the extension is not.
const ASK_WITHOUT_EXTENSION: Duration = Duration::from_hours(1);

/// After a worker that has ended without a word the next one is started so much later, and twice as
/// late each time.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

/// After so many of them in a row a pipeline is broken.
pub const FAILURES_OF_BROKEN: u32 = 5;

/// Files that have come start a run no sooner than this after the last one, nor sooner than that one
/// took: where files keep coming and there are very many, half of the time goes to looking for them.
const PAUSE: Duration = Duration::from_millis(100);

/// But one that took long has loaded, rather than looked.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A pipeline that did not run although its database says that it is due is not tried again before.
const HOLD: Duration = Duration::from_secs(1);

/// A pipeline: its database, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PipelineKey {
    pub database: Oid,
    pub name: Vec<u8>,
}

/// What has become of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// The pipeline is due again after this time.
    Again(Duration),
    /// Another session runs the pipeline. It is tried again after this time, or when somebody says that
    /// something has changed: whoever runs it does at its end.
    Elsewhere(Duration),
    /// The pipeline is not active any more.
    Inactive,
    /// The worker has ended without a word.
    Lost,
    /// The worker was ended because somebody wants to be alone with the database.
    MadeRoom,
}

/// All databases, and their pipelines.
#[derive(Default)]
pub struct Schedule {
    databases: HashMap<Oid, Database>,
    running: HashSet<PipelineKey>,
}

struct Database {
    ask_at: Instant,
    /// Since when it is asked, if it is.
    asked_since: Option<Instant>,
    /// Somebody has changed something there: what has failed may be mended.
    woken: bool,
    /// Questions in a row that were not answered.
    unanswered: u32,
    /// Nothing is started there before.
    not_before: Instant,
    pipelines: HashMap<Vec<u8>, Pipeline>,
}

struct Pipeline {
    owner: Oid,
    due: Instant,
    /// When the last run began.
    began: Instant,
    /// The earliest time of a run that files start.
    pause_until: Instant,
    /// The earliest time of any run.
    hold_until: Instant,
    /// Runs in a row whose worker has ended without a word.
    failures: u32,
    /// Files have come since the last run began.
    has_news: bool,
    /// Another session ran it when it was to run.
    elsewhere: bool,
}

impl Schedule {
    /// These are the databases there are: what is known of others is forgotten.
    pub fn set_databases(&mut self, databases: &[Oid], now: Instant) {
        self.databases.retain(|database, _| databases.contains(database));
        for &database in databases {
            self.databases.entry(database).or_insert_with(|| Database::new(now));
        }
    }

    /// Something has changed in a database: it is asked now.
    pub fn wake(&mut self, database: Oid, now: Instant) {
        self.databases.entry(database).or_insert_with(|| Database::new(now)).wake(
            database,
            now,
            &self.running,
        );
    }

    /// The same of all that are known.
    pub fn wake_all(&mut self, now: Instant) {
        for (&oid, database) in &mut self.databases {
            database.wake(oid, now, &self.running);
        }
    }

    /// Nothing is started in a database for some time.
    pub fn postpone(&mut self, database: Oid, until: Instant) {
        if let Some(database) = self.databases.get_mut(&database) {
            database.not_before = until;
        }
    }

    /// The database that is to be asked now, and its broken pipelines.
    pub fn next_question(&self, now: Instant) -> Option<(Oid, Vec<Vec<u8>>)> {
        let due =
            self.databases.iter().filter(|(_, database)| database.asks_at().is_some_and(|at| at <= now));
        let (&oid, database) = due.min_by_key(|(_, database)| database.ask_at)?;
        let broken =
            database.pipelines.iter().filter(|(_, pipeline)| pipeline.failures >= FAILURES_OF_BROKEN);
        Some((oid, broken.map(|(name, _)| name.clone()).collect()))
    }

    /// It is being asked.
    pub fn asked(&mut self, database: Oid, now: Instant) {
        if let Some(database) = self.databases.get_mut(&database) {
            database.asked_since = Some(now);
            database.ask_at = now + ASK_AGAIN;
            if std::mem::take(&mut database.woken) {
                for pipeline in database.pipelines.values_mut() {
                    pipeline.failures = 0;
                    if std::mem::take(&mut pipeline.elsewhere) {
                        // Files may have come that the run there has not seen.
                        pipeline.due = now;
                    }
                }
            }
        }
    }

    /// It has answered, with its active pipelines; `None` where it has no extension.
    pub fn answered(&mut self, database: Oid, pipelines: Option<Vec<DuePipeline>>, now: Instant) {
        let Some(database) = self.databases.get_mut(&database) else { return };
        let asked = database.asked_since.take().unwrap_or(now);
        database.unanswered = 0;
        if pipelines.is_none() && !database.woken {
            database.ask_at = now + ASK_WITHOUT_EXTENSION;
        }
        let mut before = std::mem::take(&mut database.pipelines);
        for DuePipeline { name, owner, wait } in pipelines.into_iter().flatten() {
            let pipeline = match before.remove(&name) {
                // Its directories are not watched yet, and files may have come while nobody did: a run
                // looks for them, and says which directories to watch.
                None => Pipeline::new(owner, now),
                Some(mut pipeline) => {
                    pipeline.owner = owner;
                    // What has begun since then knows better, and what fails is not hurried. What runs
                    // elsewhere is due there until it ends.
                    if pipeline.failures == 0 && !pipeline.elsewhere && pipeline.began <= asked {
                        pipeline.due = pipeline.due.min(now + wait);
                    }
                    pipeline
                }
            };
            database.pipelines.insert(name, pipeline);
        }
    }

    /// The worker that asked it has ended without an answer.
    pub fn unanswered(&mut self, database: Oid, now: Instant) {
        let Some(database) = self.databases.get_mut(&database) else { return };
        database.asked_since = None;
        database.ask_at = now + backoff(database.unanswered);
        database.unanswered += 1;
    }

    /// It cannot be asked now: later.
    pub fn ask_later(&mut self, database: Oid, at: Instant) {
        if let Some(database) = self.databases.get_mut(&database) {
            database.asked_since = None;
            database.ask_at = at;
        }
    }

    /// The pipeline that is to run now: of those that are due the one that has waited longest.
    pub fn next_run(&self, now: Instant) -> Option<(PipelineKey, Oid)> {
        let due = self.waiting().filter(|&(_, _, due)| due <= now);
        let (key, pipeline, _) = due.min_by_key(|&(_, _, due)| due)?;
        Some((key, pipeline.owner))
    }

    /// It runs.
    pub fn started(&mut self, key: &PipelineKey, now: Instant) {
        self.running.insert(key.clone());
        if let Some(pipeline) = self.pipeline(key) {
            pipeline.began = now;
            pipeline.has_news = false;
            pipeline.elsewhere = false;
        }
    }

    /// Its worker has ended.
    pub fn ended(&mut self, key: &PipelineKey, outcome: RunOutcome, now: Instant) {
        self.running.remove(key);
        let Some(pipeline) = self.pipeline(key) else { return };
        pipeline.pause_until = now + (now - pipeline.began).clamp(PAUSE, LONGEST_PAUSE);
        match outcome {
            RunOutcome::Again(wait) => {
                pipeline.failures = 0;
                pipeline.due = now + wait;
                if pipeline.has_news {
                    pipeline.due = pipeline.due.min(pipeline.pause_until);
                }
            }
            RunOutcome::Elsewhere(wait) => {
                pipeline.failures = 0;
                pipeline.elsewhere = true;
                pipeline.due = now + wait;
            }
            RunOutcome::Inactive => {
                pipeline.failures = 0;
                pipeline.hold_until = now + HOLD;
                pipeline.due = pipeline.hold_until;
                // What is to be forgotten the database says: there may be another one of that name by now.
                self.ask_soon(key.database, now);
            }
            RunOutcome::MadeRoom => pipeline.due = now + FIRST_BACKOFF,
            RunOutcome::Lost => {
                pipeline.due = now + backoff(pipeline.failures);
                pipeline.failures += 1;
                // Its owner may be gone, or the database.
                self.ask_soon(key.database, now);
            }
        }
    }

    fn ask_soon(&mut self, database: Oid, now: Instant) {
        if let Some(database) = self.databases.get_mut(&database) {
            database.ask_at = now;
        }
    }

    /// Files of a pipeline may have come.
    pub fn has_news(&mut self, key: &PipelineKey, now: Instant) {
        if let Some(pipeline) = self.pipeline(key) {
            pipeline.has_news = true;
            // A worker that fails is not started more often because files come, nor one that finds
            // another session at work.
            if pipeline.failures == 0 && !pipeline.elsewhere {
                pipeline.due = pipeline.due.min(now.max(pipeline.pause_until));
            }
        }
    }

    /// Whether it is one that runs or will run.
    pub fn knows(&self, key: &PipelineKey) -> bool {
        self.databases.get(&key.database).is_some_and(|database| database.pipelines.contains_key(&key.name))
    }

    /// When there is something to do next: a question if `may_ask`, a run if `may_run`.
    pub fn next_time(&self, may_ask: bool, may_run: bool) -> Option<Instant> {
        let questions = self.databases.values().filter_map(Database::asks_at).filter(|_| may_ask);
        let runs = self.waiting().map(|(_, _, due)| due).filter(|_| may_run);
        questions.chain(runs).min()
    }

    /// The pipelines that do not run, and when they may.
    fn waiting(&self) -> impl Iterator<Item = (PipelineKey, &Pipeline, Instant)> {
        self.databases.iter().flat_map(move |(&oid, database)| {
            database.pipelines.iter().filter_map(move |(name, pipeline)| {
                let key = PipelineKey { database: oid, name: name.clone() };
                let due = pipeline.due.max(pipeline.hold_until).max(database.not_before);
                (!self.running.contains(&key)).then_some((key, pipeline, due))
            })
        })
    }

    fn pipeline(&mut self, key: &PipelineKey) -> Option<&mut Pipeline> {
        self.databases.get_mut(&key.database)?.pipelines.get_mut(&key.name)
    }
}

impl Database {
    fn new(now: Instant) -> Self {
        Database {
            ask_at: now,
            asked_since: None,
            woken: false,
            unanswered: 0,
            not_before: now,
            pipelines: HashMap::new(),
        }
    }

    /// Something has changed there. A run under way has begun before that, and writes down when it is
    /// due again without knowing of it.
    fn wake(&mut self, own: Oid, now: Instant, running: &HashSet<PipelineKey>) {
        self.ask_at = now;
        self.woken = true;
        for key in running.iter().filter(|key| key.database == own) {
            if let Some(pipeline) = self.pipelines.get_mut(&key.name) {
                pipeline.has_news = true;
            }
        }
    }

    /// When it is to be asked, if it is not being asked.
    fn asks_at(&self) -> Option<Instant> {
        self.asked_since.is_none().then(|| self.ask_at.max(self.not_before))
    }
}

impl Pipeline {
    fn new(owner: Oid, due: Instant) -> Self {
        let long_ago = due.checked_sub(LONGEST_BACKOFF).unwrap_or(due);
        Pipeline {
            owner,
            due,
            began: long_ago,
            pause_until: long_ago,
            hold_until: long_ago,
            failures: 0,
            has_news: false,
            elsewhere: false,
        }
    }
}

/// How long to wait after one more of so many failures.
fn backoff(failures: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1 << failures.min(10)).min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const POLL: Duration = Duration::from_secs(10);

    fn database(number: u32) -> Oid {
        Oid::from(number)
    }

    fn key(name: &str) -> PipelineKey {
        PipelineKey { database: database(1), name: name.into() }
    }

    fn due(name: &str, wait: Duration) -> DuePipeline {
        DuePipeline { name: name.into(), owner: database(10), wait }
    }

    /// One database, which has answered with these pipelines. They have run, and are due after these
    /// times.
    fn schedule(pipelines: &[(&str, Duration)], now: Instant) -> Schedule {
        let mut schedule = Schedule::default();
        schedule.set_databases(&[database(1)], now);
        answer(&mut schedule, pipelines, now);
        for &(name, wait) in pipelines {
            assert!(schedule.next_run(now).is_some());
            schedule.started(&key(name), now);
            schedule.ended(&key(name), RunOutcome::Again(wait), now);
        }
        schedule
    }

    fn answer(schedule: &mut Schedule, pipelines: &[(&str, Duration)], now: Instant) {
        assert_eq!(asks(schedule, now), Some(1));
        schedule.asked(database(1), now);
        let pipelines = pipelines.iter().map(|&(name, wait)| due(name, wait));
        schedule.answered(database(1), Some(pipelines.collect()), now);
    }

    fn asks(schedule: &Schedule, now: Instant) -> Option<u32> {
        schedule.next_question(now).map(|(database, _)| database.to_u32())
    }

    fn runs(schedule: &Schedule, now: Instant) -> Option<String> {
        let (key, _) = schedule.next_run(now)?;
        Some(String::from_utf8(key.name).expect("a name"))
    }

    #[test]
    fn each_database_is_asked_once_and_then_seldom() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        schedule.set_databases(&[database(1), database(2)], now);
        for _ in 0..2 {
            let (asked, _) = schedule.next_question(now).expect("a database");
            schedule.asked(asked, now);
            schedule.answered(asked, (asked == database(1)).then(Vec::new), now);
        }
        assert_eq!(schedule.next_time(true, true), Some(now + ASK_AGAIN));
        assert_eq!(asks(&schedule, now + ASK_AGAIN), Some(1));
        schedule.set_databases(&[database(2)], now);
        assert_eq!(schedule.next_time(true, true), Some(now + ASK_WITHOUT_EXTENSION));
        schedule.wake(database(2), now + SECOND);
        assert_eq!(asks(&schedule, now + SECOND), Some(2));
    }

    #[test]
    fn a_database_that_changes_while_it_is_asked_is_asked_again() {
        let now = Instant::now();
        let mut schedule = schedule(&[], now);
        schedule.wake(database(1), now);
        schedule.asked(database(1), now);
        assert_eq!(asks(&schedule, now), None);
        schedule.wake(database(1), now);
        assert_eq!(asks(&schedule, now), None);
        schedule.answered(database(1), None, now);
        assert_eq!(asks(&schedule, now), Some(1));
    }

    #[test]
    fn pipelines_run_when_they_are_due_the_longest_wait_first() {
        let now = Instant::now();
        let mut schedule = schedule(&[("a", 2 * SECOND), ("b", SECOND)], now);
        assert_eq!(runs(&schedule, now), None);
        assert_eq!(schedule.next_time(true, true), Some(now + SECOND));
        assert_eq!(schedule.next_time(true, false), Some(now + ASK_AGAIN));
        let later = now + 3 * SECOND;
        assert_eq!(runs(&schedule, later).as_deref(), Some("b"));
        schedule.started(&key("b"), later);
        assert_eq!(runs(&schedule, later).as_deref(), Some("a"));
        schedule.started(&key("a"), later);
        assert_eq!(runs(&schedule, later + POLL), None);
        schedule.ended(&key("b"), RunOutcome::Again(POLL), later + SECOND);
        assert_eq!(runs(&schedule, later + SECOND), None);
        assert_eq!(runs(&schedule, later + SECOND + POLL).as_deref(), Some("b"));
        // One that does not run although it is active is not tried all the time.
        schedule.ended(&key("a"), RunOutcome::Inactive, later);
        answer(&mut schedule, &[("a", Duration::ZERO)], later);
        assert_eq!(runs(&schedule, later), None);
        assert_eq!(schedule.next_time(false, true), Some(later + HOLD));
        schedule.started(&key("a"), later + HOLD);
        schedule.ended(&key("a"), RunOutcome::Inactive, later + HOLD);
        answer(&mut schedule, &[], later + HOLD);
        assert!(!schedule.knows(&key("a")));
    }

    #[test]
    fn files_that_come_start_a_run_but_not_all_the_time() {
        let now = Instant::now();
        let mut schedule = schedule(&[("a", Duration::ZERO)], now);
        schedule.started(&key("a"), now);
        // While it runs, and it takes three seconds.
        schedule.has_news(&key("a"), now + SECOND);
        let end = now + 3 * SECOND;
        schedule.ended(&key("a"), RunOutcome::Again(POLL), end);
        assert_eq!(schedule.next_time(false, true), Some(end + 3 * SECOND));
        let begin = end + 3 * SECOND;
        schedule.started(&key("a"), begin);
        schedule.ended(&key("a"), RunOutcome::Again(POLL), begin);
        assert_eq!(schedule.next_time(false, true), Some(begin + POLL));
        schedule.has_news(&key("a"), begin + SECOND);
        assert_eq!(schedule.next_time(false, true), Some(begin + SECOND));
    }

    #[test]
    fn what_runs_elsewhere_is_waited_for() {
        let now = Instant::now();
        let mut schedule = schedule(&[("a", Duration::ZERO), ("b", POLL)], now);
        schedule.started(&key("a"), now);
        schedule.ended(&key("a"), RunOutcome::Elsewhere(3 * POLL), now);
        assert_eq!(runs(&schedule, now), None);
        schedule.has_news(&key("a"), now + SECOND);
        // The database is asked because of another one: what it says of this one is no news.
        schedule.started(&key("b"), now);
        schedule.ended(&key("b"), RunOutcome::Inactive, now);
        answer(&mut schedule, &[("a", Duration::ZERO)], now);
        assert_eq!(schedule.next_time(false, true), Some(now + 3 * POLL));
        // The run there has ended, and says when the next one is due. Files may have come meanwhile.
        let end = now + POLL;
        schedule.wake(database(1), end);
        answer(&mut schedule, &[("a", 10 * POLL)], end);
        assert_eq!(runs(&schedule, end).as_deref(), Some("a"));
        schedule.started(&key("a"), end);
        schedule.ended(&key("a"), RunOutcome::Again(10 * POLL), end);
        assert_eq!(schedule.next_time(false, true), Some(end + 10 * POLL));
    }

    #[test]
    fn what_fails_is_tried_less_and_less_often() {
        let now = Instant::now();
        let mut schedule = schedule(&[("a", Duration::ZERO)], now);
        let mut at = now;
        for failure in 0..FAILURES_OF_BROKEN {
            schedule.started(&key("a"), at);
            schedule.ended(&key("a"), RunOutcome::Lost, at);
            schedule.has_news(&key("a"), at);
            // The database is asked, and says that the pipeline is due.
            let (_, broken) = schedule.next_question(at).expect("a question");
            assert_eq!(broken.len(), usize::from(failure + 1 == FAILURES_OF_BROKEN));
            answer(&mut schedule, &[("a", Duration::ZERO)], at);
            let next = at + FIRST_BACKOFF * (1 << failure);
            assert_eq!(schedule.next_time(false, true), Some(next));
            at = next;
        }
        assert_eq!(backoff(u32::MAX), LONGEST_BACKOFF);
        // Somebody has changed something.
        schedule.wake(database(1), at);
        answer(&mut schedule, &[("a", Duration::ZERO)], at);
        assert_eq!(runs(&schedule, at).as_deref(), Some("a"));
    }

    #[test]
    fn a_database_without_an_answer_is_asked_later() {
        let now = Instant::now();
        let mut schedule = schedule(&[("a", POLL)], now);
        schedule.wake(database(1), now);
        schedule.asked(database(1), now);
        schedule.unanswered(database(1), now);
        assert_eq!(schedule.next_time(true, false), Some(now + FIRST_BACKOFF));
        // What it said before holds.
        assert_eq!(runs(&schedule, now + POLL).as_deref(), Some("a"));
        schedule.asked(database(1), now);
        schedule.unanswered(database(1), now);
        assert_eq!(schedule.next_time(true, false), Some(now + 2 * FIRST_BACKOFF));
    }

    #[test]
    fn nothing_is_started_where_somebody_wants_to_be_alone() {
        let now = Instant::now();
        let mut schedule = schedule(&[("a", Duration::ZERO)], now);
        schedule.started(&key("a"), now);
        schedule.ended(&key("a"), RunOutcome::MadeRoom, now);
        schedule.wake(database(1), now);
        schedule.postpone(database(1), now + POLL);
        assert_eq!(schedule.next_time(true, true), Some(now + POLL));
        assert_eq!((asks(&schedule, now), runs(&schedule, now)), (None, None));
        schedule.set_databases(&[], now);
        assert_eq!(schedule.next_time(true, true), None);
        // Its end comes after the database.
        schedule.ended(&key("a"), RunOutcome::Lost, now);
    }

    #[test]
    fn what_changes_during_a_run_starts_another_one() {
        let now = Instant::now();
        let mut schedule = schedule(&[("a", Duration::ZERO)], now);
        schedule.started(&key("a"), now);
        schedule.wake(database(1), now);
        answer(&mut schedule, &[("a", Duration::ZERO)], now);
        schedule.ended(&key("a"), RunOutcome::Again(POLL), now);
        assert_eq!(schedule.next_time(false, true), Some(now + PAUSE));
    }

    #[test]
    fn a_database_that_is_asked_during_a_run_does_not_start_another_one() {
        let now = Instant::now();
        let mut schedule = schedule(&[("a", Duration::ZERO)], now);
        schedule.wake(database(1), now);
        schedule.asked(database(1), now);
        schedule.started(&key("a"), now + SECOND);
        schedule.ended(&key("a"), RunOutcome::Again(POLL), now + 2 * SECOND);
        schedule.answered(database(1), Some(vec![due("a", Duration::ZERO)]), now + 2 * SECOND);
        assert_eq!(schedule.next_time(false, true), Some(now + 2 * SECOND + POLL));
    }
}
