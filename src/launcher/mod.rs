//! The launcher of pipelines: a background worker that is connected to no database and starts
//! short-lived workers. Some ask a database when its pipelines are due (`schedule_worker`), the others
//! run one pipeline each, as its owner (`pipeline_worker`).
//!
//! What is due is in the tables of each database. What the launcher knows of it is in its own
//! memory, and is asked again when a session says so, at times, and when the launcher is started.

mod messages;
mod pipeline_worker;
mod report;
mod schedule;
mod schedule_worker;
mod watches;
#[cfg(any(test, feature = "pg_test"))]
mod watches_tests;

pub use pipeline_worker::run as run_pipeline;
pub use schedule_worker::run as read_schedule;

use crate::bulk::mailbox::{Answer, Mailbox};
use crate::bulk::serialise::Serialise;
use crate::pg;
use crate::pg::Oid;
use crate::pg::processes::thread::AtExit;
use crate::pg::processes::wake::{self, Lack, Woken};
use crate::pg::processes::worker::{self, Job, Status, Worker};
use crate::pg::processes::{databases, latch, session};
use crate::pipes::LookDigest;
use crate::settings;
use messages::{RunAnswer, RunRequest, ScheduleAnswer, ScheduleRequest};
use schedule::{PipelineKey, RunOutcome, Schedule};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use watches::Watches;

/// So often the launcher looks which databases there are: one that is new has no pipelines that are
/// active, and one that takes connections again was not asked.
const LIST_DATABASES: Duration = Duration::from_mins(1);

/// While workers run, the launcher looks so often whether somebody wants to be alone with their
/// databases. Whoever does waits for five seconds.
const LOOK_FOR_OTHERS: Duration = Duration::from_millis(500);

/// Nothing is started in such a database for so long.
const MAKE_ROOM: Duration = Duration::from_secs(5);

/// After the server had no slot or no memory for a worker the next one is started so much later.
const WAIT_FOR_SLOT: Duration = Duration::from_secs(1);

/// Databases that are asked at once: enough that one that hangs is not waited for.
const QUESTIONS: usize = 2;

/// Bytes of an answer with a schedule, at first: some hundred pipelines. More is asked for again.
const SCHEDULE_ROOM: usize = 16 * 1024;

/// Bytes of an answer of a run: some hundred directories.
const RUN_ROOM: usize = 32 * 1024;

/// The process of the launcher. Returns when it is told to end.
pub fn main() {
    session::connect_without_database();
    let Some(exchange) = wake::Launcher::enter() else { return };
    report::started();
    let mut launcher = Launcher::new(exchange);
    while !worker::is_told_to_end() {
        let wait = launcher.look(Instant::now());
        latch::wait_or_readable(launcher.watches.descriptor(), wait);
        worker::reload_configuration();
    }
}

/// A worker under way.
struct Running {
    worker: Worker,
    mailbox: Mailbox,
    task: Task,
    /// It was told to end, because somebody wants to be alone with its database.
    makes_room: bool,
    /// Its database was asked since it began: what it answers about its files may rest on what was known
    /// before, which is to be forgotten.
    is_outdated: bool,
}

/// What a worker does.
enum Task {
    Question(Oid),
    Run(PipelineKey),
}

impl Task {
    fn database(&self) -> Oid {
        match self {
            Task::Question(database) => *database,
            Task::Run(key) => key.database,
        }
    }
}

struct Launcher {
    exchange: wake::Launcher,
    schedule: Schedule,
    watches: Watches,
    /// For a pipeline whose files were all loaded at its last run, what that run has seen: the next one need
    /// not look them up again if it sees the same. Forgotten whenever the database is asked for its
    /// schedule, at least every five minutes, because not every change of the history is heard of.
    all_loaded: HashMap<PipelineKey, LookDigest>,
    running: Rc<RefCell<Vec<Running>>>,
    /// Whether pipelines are started: `loader.launcher`.
    active: bool,
    list_databases_at: Instant,
    look_for_others_at: Instant,
    /// Until when nothing is started, where the server had no slot or no memory for a worker.
    no_slot_until: Option<Instant>,
    /// Bytes of an answer with a schedule.
    schedule_room: usize,
    /// The workers end with the launcher: the next one would not know of them.
    _at_exit: AtExit,
}

impl Launcher {
    fn new(exchange: wake::Launcher) -> Self {
        let now = Instant::now();
        let running: Rc<RefCell<Vec<Running>>> = Rc::default();
        let at_exit = {
            let running = running.clone();
            AtExit::new(move || {
                // What is being changed at this moment cannot be looked at.
                if let Ok(running) = running.try_borrow() {
                    running.iter().for_each(|one| one.worker.terminate());
                }
            })
        };
        Launcher {
            exchange,
            schedule: Schedule::default(),
            watches: Watches::new(),
            all_loaded: HashMap::new(),
            running,
            active: false,
            list_databases_at: now,
            look_for_others_at: now,
            no_slot_until: None,
            schedule_room: SCHEDULE_ROOM,
            _at_exit: at_exit,
        }
    }

    /// Does what is to be done now. Returns how long there is nothing more to do, if nothing happens.
    fn look(&mut self, now: Instant) -> Duration {
        pg::check_for_interrupts();
        self.hear(now);
        self.collect(now);
        self.make_room(now);
        if self.active {
            if self.list_databases_at <= now {
                self.list_databases(now);
            }
            self.start_workers(now);
        }
        self.until_next(Instant::now())
    }

    /// What sessions, the configuration and directories say.
    fn hear(&mut self, now: Instant) {
        let active = settings::launcher();
        if active != self.active {
            self.active = active;
            self.exchange.show_active(active);
            self.list_databases_at = now;
            self.schedule.wake_all(now);
        }
        match self.exchange.take_woken() {
            Woken::All => {
                self.list_databases_at = now;
                self.schedule.wake_all(now);
            }
            Woken::Named(databases) => {
                databases.into_iter().for_each(|database| self.schedule.wake(database, now));
            }
        }
        for key in self.watches.take_news() {
            self.schedule.has_news(&key, now);
        }
    }

    fn list_databases(&mut self, now: Instant) {
        self.schedule.set_databases(&databases::connectable(), now);
        self.forget_pipelines();
        self.list_databases_at = now + LIST_DATABASES;
    }

    /// Of the files of a database nothing is taken as known: each run under way or to come looks them up.
    fn forget_all_loaded(&mut self, database: Oid) {
        self.all_loaded.retain(|key, _| key.database != database);
        let mut running = self.running.borrow_mut();
        running
            .iter_mut()
            .filter(|one| one.task.database() == database)
            .for_each(|one| one.is_outdated = true);
    }

    /// Forgets what is known of pipelines that are no more.
    fn forget_pipelines(&mut self) {
        let schedule = &self.schedule;
        self.watches.keep(|key| schedule.knows(key));
        self.all_loaded.retain(|key, _| schedule.knows(key));
    }

    /// Takes the answers of the workers that have ended.
    fn collect(&mut self, now: Instant) {
        let running = std::mem::take(&mut *self.running.borrow_mut());
        let (ended, running) = running.into_iter().partition(|one| one.worker.status() == Status::Ended);
        *self.running.borrow_mut() = running;
        let ended: Vec<Running> = ended;
        for one in ended {
            match &one.task {
                Task::Question(database) => {
                    self.take_schedule(*database, &one.mailbox, one.makes_room, now);
                }
                Task::Run(key) => self.take_run(key, &one, now),
            }
        }
    }

    fn take_schedule(&mut self, database: Oid, mailbox: &Mailbox, makes_room: bool, now: Instant) {
        match mailbox.answered::<ScheduleAnswer>() {
            Answer::Is(answer) => {
                let pipelines = answer.has_extension.then_some(answer.pipelines);
                self.schedule.answered(database, pipelines, now);
                self.forget_pipelines();
            }
            Answer::TooLong(length) => {
                self.schedule_room = length.saturating_mul(2);
                self.schedule.ask_later(database, now);
            }
            Answer::None if makes_room => self.schedule.ask_later(database, now + MAKE_ROOM),
            Answer::None => {
                self.schedule.unanswered(database, now);
                // It may be gone.
                self.list_databases_at = now;
            }
        }
    }

    fn take_run(&mut self, key: &PipelineKey, run: &Running, now: Instant) {
        let outcome = match run.mailbox.answered::<RunAnswer>() {
            Answer::Is(RunAnswer { wait: Some(wait), elsewhere, directories, all_loaded }) => {
                if !run.is_outdated {
                    self.all_loaded.insert(key.clone(), all_loaded);
                }
                if self.watches.set(key, &directories) {
                    self.schedule.has_news(key, now);
                }
                if elsewhere { RunOutcome::Elsewhere(wait) } else { RunOutcome::Again(wait) }
            }
            Answer::Is(RunAnswer { wait: None, .. }) => RunOutcome::Inactive,
            Answer::TooLong(_) | Answer::None if run.makes_room => RunOutcome::MadeRoom,
            Answer::TooLong(_) | Answer::None => {
                self.list_databases_at = now;
                RunOutcome::Lost
            }
        };
        self.schedule.ended(key, outcome, now);
    }

    /// Ends the workers in databases that somebody wants to be alone with.
    fn make_room(&mut self, now: Instant) {
        if self.look_for_others_at > now {
            return;
        }
        self.look_for_others_at = now + LOOK_FOR_OTHERS;
        let mut left = Vec::new();
        for one in self.running.borrow_mut().iter_mut().filter(|one| !one.makes_room) {
            let database = one.task.database();
            if databases::is_wanted_alone(database) {
                one.makes_room = true;
                one.worker.terminate();
                left.push(database);
            }
        }
        left.into_iter().for_each(|database| self.leave_alone(database, now));
    }

    /// Nothing is started in a database for some time. After that it may be gone.
    fn leave_alone(&mut self, database: Oid, now: Instant) {
        let until = now + MAKE_ROOM;
        self.schedule.postpone(database, until);
        self.list_databases_at = self.list_databases_at.min(until);
    }

    /// Starts what is due, as far as there may be more workers.
    fn start_workers(&mut self, now: Instant) {
        if self.no_slot_until.is_some_and(|until| until > now) {
            return;
        }
        while self.may_ask() {
            let Some((database, broken)) = self.schedule.next_question(now) else { break };
            if self.is_busy(database, now) {
                continue;
            }
            let request = ScheduleRequest { database, broken };
            let Some(mailbox) = self.mailbox(&request, self.schedule_room, now) else { return };
            if !self.start(Job::Schedule, mailbox, Task::Question(database), now) {
                return;
            }
            self.schedule.asked(database, now);
            self.forget_all_loaded(database);
        }
        while self.may_run() {
            let Some((key, owner)) = self.schedule.next_run(now) else { break };
            if self.is_busy(key.database, now) {
                continue;
            }
            let all_loaded = self.all_loaded.get(&key).cloned().unwrap_or_default();
            let request = RunRequest { database: key.database, owner, name: key.name.clone(), all_loaded };
            let Some(mailbox) = self.mailbox(&request, RUN_ROOM, now) else { return };
            if !self.start(Job::Pipeline, mailbox, Task::Run(key.clone()), now) {
                return;
            }
            self.schedule.started(&key, now);
        }
        self.no_slot_until = None;
        self.show_lack(Lack::Nothing, "");
    }

    /// Whether somebody wants to be alone with the database.
    fn is_busy(&mut self, database: Oid, now: Instant) -> bool {
        let busy = databases::is_wanted_alone(database);
        if busy {
            self.leave_alone(database, now);
        }
        busy
    }

    /// Starts a worker; `false` where the server has no slot for it.
    fn start(&mut self, job: Job, mailbox: Mailbox, task: Task, now: Instant) -> bool {
        let Some(worker) = Worker::start(mailbox.segment(), job) else {
            self.no_slot_until = Some(now + WAIT_FOR_SLOT);
            self.show_lack(Lack::Slot, "");
            return false;
        };
        self.running.borrow_mut().push(Running {
            worker,
            mailbox,
            task,
            makes_room: false,
            is_outdated: false,
        });
        true
    }

    /// A mailbox for a worker; `None` where the server has no memory for it.
    fn mailbox(&mut self, request: &impl Serialise, room: usize, now: Instant) -> Option<Mailbox> {
        match Mailbox::new(request, room) {
            Ok(mailbox) => Some(mailbox),
            Err(why) => {
                self.no_slot_until = Some(now + WAIT_FOR_SLOT);
                self.show_lack(Lack::Memory, &why);
                None
            }
        }
    }

    /// Says so once, when it begins and when it ends.
    fn show_lack(&self, lack: Lack, why: &str) {
        let before = self.exchange.show_lack(lack);
        if before == lack {
            return;
        }
        match before {
            Lack::Slot => report::has_slots(),
            Lack::Memory => report::has_memory(),
            Lack::Nothing => {}
        }
        match lack {
            Lack::Slot => report::lacks_slots(),
            Lack::Memory => report::lacks_memory(why),
            Lack::Nothing => {}
        }
    }

    fn count(&self, counted: impl Fn(&Task) -> bool) -> usize {
        self.running.borrow().iter().filter(|one| counted(&one.task)).count()
    }

    fn may_ask(&self) -> bool {
        self.count(|task| matches!(task, Task::Question(_))) < QUESTIONS
    }

    fn may_run(&self) -> bool {
        self.count(|task| matches!(task, Task::Run(_))) < settings::max_pipeline_workers()
    }

    /// How long there is nothing to do, if nothing happens.
    fn until_next(&self, now: Instant) -> Duration {
        let mut next = now + LIST_DATABASES;
        if self.active {
            let due = self.schedule.next_time(self.may_ask(), self.may_run());
            let due = due.map(|due| self.no_slot_until.map_or(due, |until| due.max(until)));
            next = next.min(self.list_databases_at).min(due.unwrap_or(next));
        }
        if !self.running.borrow().is_empty() {
            next = next.min(self.look_for_others_at);
        }
        next.saturating_duration_since(now)
    }
}
