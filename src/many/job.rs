//! One file of many: is it to be loaded, from where on, and part by part.

use super::common::Common;
use super::look::{Claims, Found};
use crate::amend;
use crate::catalog::{FileState, Load, Position, Status, Step};
use crate::error::{Error, Failure};
use crate::load::{FileSource, Intake, Part, Setup, Sink, explain};
use crate::pg::{self, constraint, text};
use loader_core::framing::{Format, Mark};
use loader_core::input::{Compression, Decoded};
use pgrx::datum::TimestampWithTimeZone;
use std::time::{Duration, Instant};

/// A part ends after so long even if it is short: a crash takes back no more.
const PART_TIME: Duration = Duration::from_secs(2);

/// A file on its way into the table.
pub struct Job {
    pub file: usize,
    pub path: Vec<u8>,
    pub load_id: i64,
    /// It has a row in the history.
    exists: bool,
    /// How far it is.
    pub position: Position,
    /// Where in the stream the load began.
    start_offset: u64,
    /// The first record was loaded already.
    passes_first: bool,
    /// The load that it builds on.
    builds_on: Option<i64>,
    /// Loads that are undone first.
    replaces: Vec<i64>,
    /// A reject of an earlier load that this one begins with.
    resolves: Option<(i64, u64)>,
    hash: [u8; 32],
    pub size: u64,
    pub mtime: i64,
    started_at: TimestampWithTimeZone,
    /// Not open any more once it is in the intake.
    source: Option<FileSource>,
    running: Option<Running>,
    /// Nobody else loads this content, or this path, meanwhile.
    pub claims: Claims,
}

struct Running {
    intake: Intake,
    /// What was counted up to the last part's end.
    mark: Mark,
    compression: Compression,
}

/// What a part came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There is more.
    More,
    /// That was the last.
    Done,
    /// Somebody else goes on with the load.
    Lost,
}

impl Job {
    /// `load_id` is that of the load that it resumes, or a new one.
    pub fn new(file: usize, path: Vec<u8>, found: Found, load_id: i64) -> Self {
        let Found { source, hash, claims, begin } = found;
        Job {
            file,
            path,
            load_id,
            exists: begin.resumes.is_some(),
            position: begin.position,
            start_offset: begin.position.offset,
            passes_first: begin.passes_first,
            builds_on: begin.builds_on,
            replaces: begin.replaces,
            resolves: begin.resolves,
            hash,
            size: source.opened().size(),
            mtime: source.opened().mtime_micros(),
            started_at: pg::now(),
            source: Some(source),
            running: None,
            claims,
        }
    }

    /// Bytes of the file that are read, as it lies on disk.
    pub fn bytes_read(&self) -> u64 {
        self.running.as_ref().map_or(0, |running| running.intake.bytes_read())
    }

    /// Whether the rest can be cut into ranges.
    pub fn is_cuttable(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.compression == Compression::None && running.intake.is_cuttable())
    }

    /// What the history says of the file.
    fn state<'a>(&'a self, format: &'a str, compression: &'a str) -> FileState<'a> {
        let mtime = pg::timestamp_from_unix(self.mtime);
        FileState { known: Some((self.size, mtime, &self.hash)), format, compression }
    }

    fn open(&mut self, common: &Common<'_>) -> Result<Running, Error> {
        let source = self.source.take().expect("opened once");
        let shown = source.opened().shown.clone();
        let decoded =
            Decoded::new(source, common.options.compression).map_err(|error| explain(error, &shown))?;
        let compression = decoded.compression();
        // Threads cost more than they bring where there is little to parse.
        let threads = if self.size < SMALL { 0 } else { common.threads };
        let intake = Intake::open(
            decoded,
            common.target,
            &Setup {
                load_id: self.load_id,
                leader: common.leader,
                options: common.options,
                part: Part { skip_to: self.position.offset, range: None },
                passes: self.passes_first.then_some(self.position.offset),
                threads,
                any_good: self.position.rows > 0,
                rejected: self.position.rejects,
                rows: self.position.rows,
            },
        )?;
        // What lies before the array of the records is of the first part.
        let mark = if self.position.offset == 0 { Mark::default() } else { *intake.mark() };
        Ok(Running { intake, mark, compression })
    }

    /// Loads the next part, and writes down how far it is.
    pub fn part(&mut self, sink: &mut Sink<'_>, common: &Common<'_>) -> Result<End, Error> {
        amend::undo_all(&std::mem::take(&mut self.replaces))?;
        if let Some(base) = self.builds_on.take()
            && !sink.catalog.keep_loaded(base)?
        {
            return Ok(End::Lost);
        }
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.open(common)?,
        };
        let began = Instant::now();
        let mut more = true;
        while more {
            more = running.intake.take(sink)?;
            let bytes = running.intake.mark().offset.saturating_sub(running.mark.offset);
            if more && (bytes >= common.part_size || began.elapsed() >= PART_TIME) {
                break;
            }
        }
        running.intake.flush(sink)?;
        let gain = running.intake.gain();
        let rejected = running.intake.rejects().count();
        let open_offset = running.intake.open_offset();
        let compression = running.compression;
        let from = running.mark;
        let (to, format, ended) = if more {
            running.mark = *running.intake.mark();
            let format = running.intake.format();
            (running.mark, format, Some(running))
        } else {
            let mut ended = running.intake.finish();
            let source = ended.source.source_mut();
            source.check()?;
            let all_read = compression != Compression::None || ended.end.offset == source.bytes_read();
            if !all_read {
                return Err(Error::Unbalanced { path: source.opened().shown.clone() });
            }
            (ended.end, ended.format, None)
        };
        let ledger = gain.ledger(&from, &to);
        if !ledger.balances() || ledger.rejects != rejected - self.position.rejects {
            return Err(Error::Unbalanced { path: text::show(&self.path) });
        }
        let step = Step {
            status: if ended.is_some() { Status::Running } else { Status::Loaded },
            rows: gain.rows,
            ledger,
            records: to.records,
            lines: to.line,
            overread: to.overread,
            open_offset,
            error: None,
        };
        let state = self.state(format.name(), compression.name());
        if self.exists {
            if !sink.catalog.advance(self.load_id, from.offset, &state, &step)? {
                return Ok(End::Lost);
            }
        } else {
            sink.catalog.begin(&self.row(common), &state, &step)?;
        }
        if let Some((load_id, offset)) = self.resolves.take() {
            sink.catalog.resolve(load_id, offset, self.load_id)?;
        }
        if common.deferrable {
            constraint::check_deferred();
        }
        // Nothing fails from here on: what is noted is so.
        self.exists = true;
        self.position = Position {
            offset: to.offset,
            records: to.records,
            lines: to.line,
            overread: to.overread,
            rejects: rejected,
            rows: self.position.rows + gain.rows,
        };
        self.running = ended;
        Ok(if self.running.is_some() { End::More } else { End::Done })
    }

    fn row<'a>(&'a self, common: &Common<'a>) -> Load<'a> {
        common.row(self.load_id, &self.path, self.size, self.started_at, self.start_offset)
    }

    /// Whether somebody else has gone on with the load meanwhile: what a part runs
    /// into then is not the file's fault.
    pub fn is_overtaken(&self, sink: &Sink<'_>) -> bool {
        self.exists && sink.catalog.stands_at(self.load_id) != Some(self.position.offset)
    }

    /// Writes down what stopped the file.
    pub fn fail(&mut self, sink: &Sink<'_>, common: &Common<'_>, failure: &Failure) -> Result<(), Error> {
        self.running = None;
        if self.exists {
            return sink.catalog.fail(self.load_id, (&failure.code, &failure.message));
        }
        let compression = common.options.compression.map_or("auto", Compression::name);
        let format = common.options.format.map_or("auto", Format::name);
        let state = self.state(format, compression);
        sink.catalog.begin(&self.row(common), &state, &failed(failure))
    }

    /// Stops what reads ahead.
    pub fn stop_reading(&mut self) {
        self.running = None;
    }
}

/// Files below this are parsed without threads, bytes.
const SMALL: u64 = 1024 * 1024;

/// The step of a load that failed before it began.
pub fn failed(failure: &Failure) -> Step<'_> {
    Step {
        status: Status::Failed,
        rows: 0,
        ledger: Default::default(),
        records: 0,
        lines: 0,
        overread: 0,
        open_offset: None,
        error: Some((&failure.code, &failure.message)),
    }
}
