//! The way of a file through threads: read and split, encode, compress; the
//! backend takes batches in file order.
//!
//! Threads take turns at the splitter: one that has it cuts off a batch, hands
//! it on and makes the datums of its own batch meanwhile. So there is no thread
//! that only splits, and one thread is a pipeline too: it makes each datum while
//! it looks for the end of the record. A backend that finds nothing to insert
//! lends a hand where that pays; with no thread at all it makes each batch.
//!
//! Nothing here knows of PostgreSQL, so no thread can call it. Buffers whose
//! size a file decides are taken with `try_reserve`.

mod batch;
mod compose;
mod control;
mod csv_producer;
mod finisher;
mod framing;
mod fused;
mod gate;
mod observer;
mod options;
mod producer;
mod queue;
mod rows;

pub use crate::encode::{Cell, Span};
pub use batch::{Batch, Entry, RecordOutcome, RecordPosition};
pub use control::Control;
pub use finisher::ToastPolicy;
pub use framing::{CsvOptions, Framing};
pub use options::{Observing, Options, Target};

use crate::encode::RecordForm;
use crate::memory;
use crate::split::json;
use crate::split::{Assumption, FileFormat, ResumePoint};
use crate::stream::{Error, Source};
use crate::tally::Tally;
use finisher::BatchFinisher;
use gate::Gate;
use producer::Producer;
use queue::{Outcome, Queue};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle};

/// The size of the stack of each thread, in bytes. Only the encoder's recursion and the hash of
/// the file need more than a little.
pub const STACK: usize = 1024 * 1024;

/// This many finished batches may wait for the backend, beside the one that each thread is
/// making.
const AHEAD: usize = 40;

/// A stream on its way through the threads.
pub struct Pipeline<S: Source + Send + 'static> {
    /// Goes first: what the threads use must not go before they do.
    threads: OwnedThreads,
    shared: Arc<Shared<S>>,
    /// Makes the caller's datums.
    finisher: Finisher,
    /// There are threads.
    threaded: bool,
    /// Where the first record was looked for.
    begin: ResumePoint,
    splittable: bool,
    records_before_seek: u64,
    format: FileFormat,
}

/// What is left when the stream has ended.
pub struct Finished<S> {
    /// The source, at the end of the stream.
    pub source: S,
    /// The ledger.
    pub tally: Tally,
    /// The format that was asked for, or found.
    pub format: FileFormat,
    /// Where it ended.
    pub end: ResumePoint,
    /// What the run took for granted about the place where it began.
    pub assumption: Assumption,
}

impl<S: Source + Send + 'static> Pipeline<S> {
    /// A stream of JSON: see [`Pipeline::of`].
    pub fn new(
        source: S,
        framing: json::Options,
        options: Options,
        control: Arc<Control>,
    ) -> Result<Self, Error> {
        Pipeline::of(Framing::Json { source, options: framing }, options, control)
    }

    /// Looks at the head of the stream, and goes where the first batch is to begin:
    /// that may take as long as a load does. The source asks `control` whether to
    /// go on.
    pub fn of(framing: Framing<S>, options: Options, control: Arc<Control>) -> Result<Self, Error> {
        let form = framing.form();
        let mut producer = compose::producer(framing, &options)?;
        // The splitter has gone ahead to the first array at a path.
        let from_start = options.resume_at == 0 && options.range.is_none();
        let begin = if from_start { ResumePoint::default() } else { producer.mark() };
        let splittable = producer.is_splittable();
        let records_before_seek = producer.records_before_seek();
        let format = producer.format();
        let producer = Mutex::new(producer);
        let queue = shared(Queue::new(options.threads + AHEAD)?);
        let mut threads = Vec::new();
        memory::reserve_exact(&mut threads, options.threads)?;
        let threads = OwnedThreads(shared(ParseThreads {
            control: control.clone(),
            queue: queue.clone(),
            threads: Mutex::new(threads),
        }));
        let (gate, worth_help) = (Gate::default(), AtomicBool::new(false));
        let finisher = compose::finisher(&options, &form);
        let shared = shared(Shared { producer, queue, control, options, form, gate, worth_help });
        Ok(Pipeline {
            threads,
            shared,
            finisher,
            threaded: false,
            begin,
            splittable,
            records_before_seek,
            format,
        })
    }

    /// Where the first record is looked for: [`Options::resume_at`] or the start of
    /// [`Options::range`], with what was counted up to there.
    pub fn begin(&self) -> ResumePoint {
        self.begin
    }

    /// The format that was asked for, or found.
    pub fn format(&self) -> FileFormat {
        self.format
    }

    /// Whether the stream, if it is not compressed, can be split in
    /// [ranges](crate::split::Range).
    pub fn is_splittable(&self) -> bool {
        self.splittable
    }

    /// How many records each range reads from the start of the stream before it jumps.
    pub fn records_before_seek(&self) -> u64 {
        self.records_before_seek
    }

    /// Starts the threads, as many as can be had. They inherit the caller's
    /// signal mask. Before each one `has_room` says whether there is memory for it:
    /// [`STACK`] bytes and what a thread takes beside them.
    #[expect(clippy::disallowed_methods, reason = "the room was asked for before")]
    pub fn start(&mut self, has_room: &mut dyn FnMut() -> bool) {
        let mut threads = self.threads.0.threads();
        for number in 0..self.shared.options.threads {
            if !has_room() {
                break;
            }
            let shared = self.shared.clone();
            let Ok(thread) = builder(number).spawn(move || shared.work()) else { break };
            threads.push(thread);
            self.shared.gate.wait_for(threads.len());
            self.threaded = true;
        }
        self.shared.gate.open();
    }

    /// The threads.
    pub fn parse_threads(&self) -> &Arc<ParseThreads> {
        &self.threads.0
    }

    /// The next batch, `None` at the end of the stream. Where it is not finished
    /// yet, the caller makes another meanwhile, if it finds the splitter free and
    /// batches take long after that.
    /// Calls `idle` every few milliseconds as long as there is none; that may
    /// unwind.
    pub fn next(&mut self, idle: &mut dyn FnMut()) -> Result<Option<Batch>, Error> {
        loop {
            match self.shared.queue.next() {
                Some(Outcome::Filled(batch)) => return Ok(Some(batch)),
                Some(Outcome::Ended) => return Ok(None),
                Some(Outcome::Failed(error)) => return Err(error),
                None => idle(),
            }
            let worth = !self.threaded || self.shared.worth_help.load(Ordering::Relaxed);
            if !worth || !self.shared.help(&mut self.finisher) {
                self.shared.queue.wait();
            }
        }
    }

    /// Takes back a batch that is done with.
    pub fn recycle(&mut self, batch: Batch) {
        self.shared.queue.recycle(batch);
    }

    /// What is left when [`Pipeline::next`] has returned `None`.
    pub fn finish(self) -> Finished<S> {
        let Pipeline { threads, shared, .. } = self;
        drop(threads);
        let shared = Arc::into_inner(shared).expect("the threads have ended");
        let mut producer = shared.producer.into_inner().unwrap_or_else(PoisonError::into_inner);
        let end = producer.mark();
        Finished {
            tally: end.tally,
            format: producer.format(),
            end,
            assumption: producer.assumption(),
            source: producer.into_source(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a small type of a constant size")]
fn shared<T>(value: T) -> Arc<T> {
    Arc::new(value)
}

#[expect(clippy::disallowed_macros, reason = "a short name")]
fn builder(number: usize) -> Builder {
    Builder::new().name(format!("loader parse {number}")).stack_size(STACK)
}

/// What finishes the batches of one thread; `None` where the server does it all.
type Finisher = Option<Box<dyn BatchFinisher>>;

/// What the threads share.
struct Shared<S: Source> {
    producer: Mutex<Box<dyn Producer<S>>>,
    queue: Arc<Queue>,
    control: Arc<Control>,
    options: Options,
    form: RecordForm,
    /// Threads that have started wait there for the others.
    gate: Gate,
    /// Most of the work on a batch is done when the splitter has been handed on.
    /// Where it is not, two at it are in each other's way.
    worth_help: AtomicBool,
}

impl<S: Source> Shared<S> {
    /// What a thread does.
    fn work(&self) {
        // What is thread-local is allocated when it is first asked for.
        let _ = thread::current();
        self.gate.arrive();
        let _alarm = Alarm(&self.queue);
        let mut finisher = compose::finisher(&self.options, &self.form);
        loop {
            // Another has panicked with it: the backend knows.
            let Ok(producer) = self.producer.lock() else { return };
            let Some(begun) = self.queue.begin(&self.control) else { return };
            self.make(producer, begun, &mut finisher);
        }
    }

    /// The same once, for a backend that has nothing to insert; `false` where
    /// the splitter is not free, or batches enough are begun.
    fn help(&self, finisher: &mut Finisher) -> bool {
        let Ok(producer) = self.producer.try_lock() else { return false };
        let Some(begun) = self.queue.try_begin() else { return false };
        self.make(producer, begun, finisher);
        true
    }

    fn make(
        &self,
        mut producer: MutexGuard<'_, Box<dyn Producer<S>>>,
        begun: (u64, Batch),
        finisher: &mut Finisher,
    ) {
        let (number, mut batch) = begun;
        let filled = producer.fill(&mut batch);
        if !matches!(filled, Ok(true)) {
            self.queue.close();
        }
        drop(producer);
        self.queue.splitter_is_free();
        self.queue.finish(number, self.complete(filled, batch, finisher));
    }

    fn complete(&self, filled: Result<bool, Error>, mut batch: Batch, finisher: &mut Finisher) -> Outcome {
        let completed = match filled {
            Ok(true) => match finisher {
                Some(finisher) => finisher
                    .finish(&mut batch, &self.control)
                    .map(|worth_help| self.worth_help.store(worth_help, Ordering::Relaxed)),
                None => Ok(()),
            },
            Ok(false) => return Outcome::Ended,
            Err(error) => Err(error),
        };
        match completed {
            Ok(()) => Outcome::Filled(batch),
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// Stops the threads when it goes, whatever way that is.
struct OwnedThreads(Arc<ParseThreads>);

impl Drop for OwnedThreads {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Tells the backend when a thread panics.
struct Alarm<'a>(&'a Queue);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
        }
    }
}

/// The threads of a pipeline. Whoever has it can stop them.
pub struct ParseThreads {
    control: Arc<Control>,
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl ParseThreads {
    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the threads and waits until they have ended.
    pub fn stop(&self) {
        self.control.stop();
        self.queue.close();
        for thread in self.threads().drain(..) {
            // The queue knows of a panic.
            let _ = thread.join();
        }
    }
}
