//! One file of many, part by part, and what the history is told of it.

use super::call_context::CallContext;
use super::file_decision::{Claims, LoadPlan};
use crate::amend;
use crate::catalog::{FileOnDisk, FileState, Load, Position, Status, Step};
use crate::error::{AmendError, Error, Failure};
use crate::load::{FileLoader, FileSource, IfLoaded, LeftOut, Part, PartResult, Setup, Sink, explain};
use crate::pg;
use crate::pg::executor::constraint;
use crate::pg::processes::wake;
use crate::settings;
use crate::sink::Placement;
use crate::stat::FileStat;
use loader_core::stream::{Compression, Damage, Decoded};
use pgrx::datum::TimestampWithTimeZone;
use std::time::{Duration, Instant};

/// A part ends after this time even if it is short, so that a crash takes back no more than that.
const PART_TIME: Duration = Duration::from_secs(2);

/// A file on its way into the table.
pub struct FileLoad {
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
    /// The load that it goes on from, until that is kept from being undone.
    base: Option<i64>,
    /// The load without whose rows it is not all of the file.
    builds_on: Option<i64>,
    /// The load that says where it begins: that one, or itself.
    continues: i64,
    /// Loads that are undone first.
    replaces: Vec<i64>,
    /// A reject of an earlier load that this one begins with.
    resolves: Option<(i64, u64)>,
    hash: [u8; 32],
    pub size: u64,
    stat: FileStat,
    started_at: TimestampWithTimeZone,
    /// The open file, until the loader takes it.
    source: Option<FileSource>,
    running: Option<FileLoader>,
    /// What was found wrong with it, once it is read.
    pub damage: Damage,
    /// What the last part left out.
    left_out: LeftOut,
    /// Nobody else loads this content, or this path, meanwhile.
    pub claims: Claims,
}

/// How far a file was before one of its parts.
#[derive(Clone, Copy)]
pub struct PartStart {
    exists: bool,
    pub position: Position,
}

/// What a part came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartEnd {
    /// There is more.
    More,
    /// That was the last.
    Done,
    /// Somebody else goes on with the load.
    Lost,
    /// Somebody else is at what it replaces: that load.
    Held(i64),
}

impl FileLoad {
    /// `load_id` is that of the load that it resumes, or a new one.
    pub fn new(file: usize, path: Vec<u8>, found: LoadPlan, load_id: i64) -> Self {
        let LoadPlan { source, hash, claims, begin } = found;
        FileLoad {
            file,
            path,
            load_id,
            exists: begin.resumes.is_some(),
            position: begin.position,
            start_offset: begin.position.offset,
            passes_first: begin.passes_first,
            base: begin.goes_on_from,
            builds_on: begin.needs(),
            continues: begin.goes_on_from.unwrap_or(load_id),
            replaces: begin.replaces,
            resolves: begin.resolves,
            hash,
            size: source.opened().size(),
            stat: *source.opened().stat(),
            started_at: pg::now(),
            source: Some(source),
            running: None,
            damage: Damage::default(),
            left_out: LeftOut::default(),
            claims,
        }
    }

    /// Bytes of the file that are read, as it lies on disk.
    pub fn bytes_read(&self) -> u64 {
        self.running.as_ref().map_or(0, FileLoader::bytes_read)
    }

    /// If the rest can be split in ranges: how many bytes each of them reads from the start of
    /// the file before it jumps.
    pub fn range_overhead(&self) -> Option<u64> {
        let loader = self.running.as_ref().filter(|loader| loader.is_splittable())?;
        Some(self.position.offset / self.position.records.max(1) * loader.records_before_seek())
    }

    /// The file as it was opened.
    fn on_disk(&self, context: &CallContext<'_>) -> Option<FileOnDisk<'_>> {
        Some(FileOnDisk { stat: context.stat_to_keep(&self.stat), hash: &self.hash })
    }

    /// What the file system said of it then.
    pub fn stat(&self) -> &FileStat {
        &self.stat
    }

    fn open(&mut self, context: &CallContext<'_>) -> Result<FileLoader, Error> {
        let source = self.source.take().expect("opened once");
        let shown = source.opened().shown.clone();
        let decoded = Decoded::new(source, &context.options.input).map_err(|error| explain(error, &shown))?;
        FileLoader::open(
            decoded,
            context.target,
            &Setup {
                load_id: self.load_id,
                report: context.report(self.load_id, self.size, self.position.rows, self.position.rejects),
                options: context.options,
                part: Part { resume_at: self.position.offset, range: None },
                continues: (self.position.offset > 0).then_some(self.continues),
                passes: self.passes_first.then_some(self.position.offset),
                threads: settings::threads_for(self.size, context.threads),
                any_good: self.position.any_good(),
                rejected: self.position.rejects,
            },
        )
    }

    /// Loads the next part, and writes down how far it is.
    pub fn part(&mut self, sink: &mut Sink<'_>, context: &CallContext<'_>) -> Result<PartEnd, Error> {
        let continues = self.continues;
        self.try_part(sink, context).map_err(|error| error.of_load(continues))
    }

    fn try_part(&mut self, sink: &mut Sink<'_>, context: &CallContext<'_>) -> Result<PartEnd, Error> {
        let undoes_first = self.undoes_first(context);
        match amend::undo_all(&std::mem::take(&mut self.replaces)) {
            // Others are at what the file was, by another name: it waits for them.
            Err(Error::Amend(AmendError::LoadUnderWay(load_id))) => return Ok(PartEnd::Held(load_id)),
            undone => undone?,
        }
        if undoes_first {
            return Ok(PartEnd::More);
        }
        if let Some(base) = self.base.take()
            && !sink.catalog.lock_if_loaded(base)?
        {
            return Ok(PartEnd::Lost);
        }
        let mut loader = match self.running.take() {
            Some(loader) => loader,
            None => self.open(context)?,
        };
        let (part, status, running) = if take_part(&mut loader, sink, context.part_size)? {
            let part = loader.flush_part(sink)?;
            self.left_out = loader.take_left_out();
            (part, Status::Running, Some(loader))
        } else {
            let ended = loader.finish(sink, true)?;
            self.damage = ended.source.damage();
            self.left_out = ended.left_out;
            (ended.part, Status::at_end(self.damage), None)
        };
        if !self.write_down(sink, context, &part, status) {
            return Ok(PartEnd::Lost);
        }
        if let Some((load_id, offset)) = self.resolves.take() {
            sink.catalog.resolve(load_id, &[offset as i64], self.load_id)?;
        }
        if running.is_none() {
            context.at_end_of_file(sink.catalog, self.load_id, &self.path)?;
        }
        if context.deferrable {
            constraint::check_deferred()?;
        }
        // Nothing fails from here on: what is noted is so.
        self.exists = true;
        self.position = part.after(&self.position);
        self.running = running;
        Ok(if self.running.is_some() { PartEnd::More } else { PartEnd::Done })
    }

    /// Whether the first part does no more than undo earlier loads. A transaction that has
    /// looked at a shard before it writes there is committed without a PREPARE by Citus:
    /// on a node that is lost meanwhile nothing would be of what is said to be loaded.
    pub fn undoes_first(&self, context: &CallContext<'_>) -> bool {
        !self.replaces.is_empty() && context.target.placement() == Placement::Distributed
    }

    /// What the last part left out of its records. It is handed out once.
    pub fn take_left_out(&mut self) -> LeftOut {
        std::mem::take(&mut self.left_out)
    }

    /// Goes back to where a part began that could not be committed.
    pub fn take_back(&mut self, part: PartStart) {
        self.running = None;
        self.exists = part.exists;
        self.position = part.position;
    }

    /// What there is before a part.
    pub fn begun(&self) -> PartStart {
        PartStart { exists: self.exists, position: self.position }
    }

    /// Writes how far the file is; `false` where it does not stand any more where the
    /// part began.
    fn write_down(
        &self,
        sink: &Sink<'_>,
        context: &CallContext<'_>,
        part: &PartResult,
        status: Status,
    ) -> bool {
        let (file, step) = (part.file(self.on_disk(context)), part.step(status));
        if self.exists {
            return sink.catalog.advance(self.load_id, part.from.offset, &file, &step);
        }
        sink.catalog.begin(&self.row(context), &file, &step);
        if context.options.if_loaded == IfLoaded::Force {
            // Until it is whole, the file does not count as loaded, though an earlier load had it.
            wake::count_loads_gone();
        }
        true
    }

    fn row<'a>(&'a self, context: &CallContext<'a>) -> Load<'a> {
        let row = context.row(self.load_id, &self.path, self.size, self.started_at, self.start_offset);
        Load { builds_on: self.builds_on, ..row }
    }

    /// Whether somebody else has gone on with the load meanwhile: what a part runs
    /// into then is not the file's fault.
    pub fn is_overtaken(&self, sink: &Sink<'_>) -> bool {
        let begun = [Status::Running, Status::Failed];
        let at = || sink.catalog.position(self.load_id, &begun).map(|position| position.offset);
        self.exists && at() != Some(self.position.offset)
    }

    /// Writes down what stopped the file.
    pub fn fail(
        &mut self,
        sink: &Sink<'_>,
        context: &CallContext<'_>,
        failure: &Failure,
    ) -> Result<(), Error> {
        self.running = None;
        if self.exists {
            return sink.catalog.fail(self.load_id, (&failure.code, &failure.message));
        }
        let file = unread(context, self.on_disk(context));
        sink.catalog.begin(&self.row(context), &file, &failed(failure));
        Ok(())
    }

    /// Stops what reads ahead.
    pub fn stop_reading(&mut self) {
        self.running = None;
    }
}

/// Takes in a part of the stream; `false` if it ends with that.
fn take_part(loader: &mut FileLoader, sink: &mut Sink<'_>, size: u64) -> Result<bool, Error> {
    let began = Instant::now();
    while loader.load_batch(sink)? {
        if loader.bytes_taken() >= size || began.elapsed() >= PART_TIME {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The file of a load that failed before it began.
pub fn unread<'a>(context: &CallContext<'_>, on_disk: Option<FileOnDisk<'a>>) -> FileState<'a> {
    FileState {
        on_disk,
        format: context.options.format.name(),
        compression: context.options.input.compression.map_or("auto", Compression::name),
        encoding: None,
        dialect: None,
    }
}

/// The step of a load that failed before it began.
pub fn failed(failure: &Failure) -> Step<'_> {
    Step {
        status: Status::Failed,
        rows: 0,
        rows_updated: 0,
        rows_superseded: 0,
        ledger: Default::default(),
        records: 0,
        lines: 0,
        splitter_state: 0,
        open_offset: None,
        error: Some((&failure.code, &failure.message)),
    }
}
