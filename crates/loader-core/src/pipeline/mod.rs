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
mod control;
mod datum;
mod gate;
mod options;
mod producer;
mod queue;

pub use batch::{Batch, Entry, Form, Place, Span};
pub use control::Control;
pub use datum::Compression;
pub use options::Options;

use crate::framing::{self, Format, Mark};
use crate::input::{Error, Source};
use crate::memory;
use crate::tally::Tally;
use datum::Maker;
use gate::Gate;
use producer::Producer;
use queue::{Outcome, Queue};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle};

/// Bytes of the stack of each thread; only the encoder's recursion and the hash of the file need
/// more than a little.
pub const STACK: usize = 1024 * 1024;

/// Finished batches that may wait, beside one in the hands of each thread: what
/// the backend inserts while they are made.
const AHEAD: usize = 40;

/// A stream on its way through the threads.
pub struct Pipeline<S: Source + Send + 'static> {
    /// Goes first: what the threads use must not go before they do.
    crew: OwnCrew,
    shared: Arc<Shared<S>>,
    /// Makes the caller's datums.
    maker: Maker,
    /// There are threads.
    threaded: bool,
    /// Where the first record was looked for.
    begin: Mark,
    cuttable: bool,
    format: Format,
}

/// What is left when the stream has ended.
pub struct Finished<S> {
    /// The source, at the end of the stream.
    pub source: S,
    /// The ledger.
    pub tally: Tally,
    /// The format that was asked for, or found.
    pub format: Format,
    /// Where it ended.
    pub end: Mark,
    /// So large may [`Mark::overread`] have been in truth where the range began.
    pub margin: u64,
}

impl<S: Source + Send + 'static> Pipeline<S> {
    /// Looks at the head of the stream, and goes where the first batch is to begin:
    /// that may take as long as a load does. The source asks `control` whether to
    /// go on.
    pub fn new(
        source: S,
        framing: framing::Options,
        options: Options,
        control: Arc<Control>,
    ) -> Result<Self, Error> {
        let mut producer = Producer::new(source, framing, &options)?;
        // The splitter has gone ahead to the first array at a path.
        let from_start = options.skip_to == 0 && options.range.is_none();
        let begin = if from_start { Mark::default() } else { producer.splitter.mark() };
        let cuttable = producer.splitter.is_cuttable();
        let format = producer.splitter.format();
        let producer = Mutex::new(producer);
        let queue = shared(Queue::new(options.threads + AHEAD)?);
        let mut threads = Vec::new();
        memory::reserve_exact(&mut threads, options.threads)?;
        let crew = OwnCrew(shared(Crew {
            control: control.clone(),
            queue: queue.clone(),
            threads: Mutex::new(threads),
        }));
        let (gate, worth_help) = (Gate::default(), AtomicBool::new(false));
        let shared = shared(Shared { producer, queue, control, options, gate, worth_help });
        let maker = Maker::new(options.compression);
        Ok(Pipeline { crew, shared, maker, threaded: false, begin, cuttable, format })
    }

    /// Where the first record is looked for: [`Options::skip_to`] or the start of
    /// [`Options::range`], with what was counted up to there.
    pub fn begin(&self) -> Mark {
        self.begin
    }

    /// The format that was asked for, or found.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether the stream, if it is not compressed, can be split in
    /// [ranges](framing::Range).
    pub fn is_cuttable(&self) -> bool {
        self.cuttable
    }

    /// Starts the threads, as many as can be had. They inherit the caller's
    /// signal mask. Before each one `has_room` says whether there is memory for it:
    /// [`STACK`] bytes and what a thread takes beside them.
    #[expect(clippy::disallowed_methods, reason = "the room was asked for before")]
    pub fn start(&mut self, has_room: &mut dyn FnMut() -> bool) {
        let mut threads = self.crew.0.threads();
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
    pub fn crew(&self) -> &Arc<Crew> {
        &self.crew.0
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
            if !worth || !self.shared.help(&mut self.maker) {
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
        let Pipeline { crew, shared, .. } = self;
        drop(crew);
        let shared = Arc::into_inner(shared).expect("the threads have ended");
        let mut splitter = shared.producer.into_inner().unwrap_or_else(PoisonError::into_inner).splitter;
        let end = splitter.mark();
        Finished {
            tally: end.tally,
            format: splitter.format(),
            end,
            margin: splitter.margin(),
            source: splitter.into_source(),
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

/// What the threads share.
struct Shared<S: Source> {
    producer: Mutex<Producer<S>>,
    queue: Arc<Queue>,
    control: Arc<Control>,
    options: Options,
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
        let mut maker = Maker::new(self.options.compression);
        loop {
            // Another has panicked with it: the backend knows.
            let Ok(producer) = self.producer.lock() else { return };
            let Some(begun) = self.queue.begin(&self.control) else { return };
            self.make(producer, begun, &mut maker);
        }
    }

    /// The same once, for a backend that has nothing to insert; `false` where
    /// the splitter is not free, or batches enough are begun.
    fn help(&self, maker: &mut Maker) -> bool {
        let Ok(producer) = self.producer.try_lock() else { return false };
        let Some(begun) = self.queue.try_begin() else { return false };
        self.make(producer, begun, maker);
        true
    }

    fn make(&self, mut producer: MutexGuard<'_, Producer<S>>, begun: (u64, Batch), maker: &mut Maker) {
        let (number, mut batch) = begun;
        let filled = producer.fill(&mut batch);
        if !matches!(filled, Ok(true)) {
            self.queue.close();
        }
        drop(producer);
        self.queue.splitter_is_free();
        self.queue.finish(number, self.complete(filled, batch, maker));
    }

    fn complete(&self, filled: Result<bool, Error>, mut batch: Batch, maker: &mut Maker) -> Outcome {
        let completed = match filled {
            Ok(true) if self.options.native => maker
                .complete(&mut batch, self.options.check, &self.control)
                .map(|worth_help| self.worth_help.store(worth_help, Ordering::Relaxed)),
            Ok(true) => Ok(()),
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
struct OwnCrew(Arc<Crew>);

impl Drop for OwnCrew {
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
pub struct Crew {
    control: Arc<Control>,
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Crew {
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
