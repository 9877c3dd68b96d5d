//! One file on its way through the threads, batch by batch, without a table.

use super::options::ReadOptions;
use crate::access;
use crate::error::Error;
use crate::formats::TELLING;
use crate::load::{FileSource, damaged, explain};
use crate::pg;
use crate::pg::memory::allocator;
use crate::pg::processes::thread::AtExit;
use crate::settings;
use loader_core::encode::RecordForm;
use loader_core::pipeline::{self, Batch, ParseThreads, Pipeline, Target};
use loader_core::stream::{self, Decoded, Source};
use std::sync::Arc;

/// A call that wants no more records than this is not worth a thread.
const FEW: u64 = 1_000;

/// An open file, and how far it has been read.
pub struct FileStream {
    /// Until the pipeline goes, which stops its threads itself.
    _stop: AtExit,
    pipeline: Pipeline<Decoded<FileSource>>,
    parse_threads: Arc<ParseThreads>,
    /// Its path, ready to be shown.
    pub shown: String,
    /// What its records are.
    pub form: RecordForm,
}

/// Records that the splitter found good and the server did not.
#[derive(Default)]
pub struct Refused {
    pub records: u64,
    pub bytes: u64,
}

impl FileStream {
    /// Opens a file of which no more than `wanted` records are asked for.
    pub fn open(
        path: &[u8],
        options: &ReadOptions,
        wanted: Option<u64>,
        target: Target,
    ) -> Result<Self, Error> {
        let format = match options.format.is_open() {
            true => options.format.of_file(&head(path, &options.input)?),
            false => options.format.clone(),
        };
        let opened = access::open(path)?;
        let shown = opened.shown.clone();
        let size = opened.size();
        let few = wanted.is_some_and(|wanted| wanted <= FEW);
        let source = FileSource::new(opened);
        let control = source.control().clone();
        let decoded = Decoded::new(source, &options.input).map_err(|error| explain(error, &shown))?;
        let framing = format.framing(decoded, &options.input, 0).map_err(|error| explain(error, &shown))?;
        let form = framing.form();
        let how = pipeline::Options {
            threads: if few { 0 } else { settings::threads_for(size, settings::parse_threads()) },
            target,
            resume_at: 0,
            range: None,
        };
        let mut pipeline = Pipeline::of(framing, how, control).map_err(|error| explain(error, &shown))?;
        let parse_threads = pipeline.parse_threads().clone();
        let stop = AtExit::new({
            let parse_threads = parse_threads.clone();
            move || parse_threads.stop()
        });
        pg::processes::thread::without_signals(|| {
            pipeline.start(&mut || pg::processes::thread::has_room(pipeline::STACK))
        });
        Ok(FileStream { _stop: stop, pipeline, parse_threads, shown, form })
    }

    /// Ends the reading; there will be no more batches.
    pub fn stop(&self) {
        self.parse_threads.stop();
    }

    /// The next batch, `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<Batch>, Error> {
        pg::check_for_interrupts();
        allocator::refill().map_err(Error::OutOfMemory)?;
        self.pipeline.next(&mut pg::check_for_interrupts).map_err(|error| explain(error, &self.shown))
    }

    /// Takes back a batch that is done with.
    pub fn recycle(&mut self, batch: Batch) {
        self.pipeline.recycle(batch);
    }

    /// Fails if the file is not what it was, or if not all of it was accounted
    /// for. Called at its end.
    pub fn finish(self, refused: &Refused) -> Result<(), Error> {
        let FileStream { pipeline, shown, .. } = self;
        let mut ended = pipeline.finish();
        ended.tally.overrule(refused.records, refused.bytes);
        let (plain, damage) = (ended.source.is_plain(), ended.source.damage());
        let source = ended.source.source_mut();
        // Behind a compressed stream there may be bytes that are not read.
        if plain {
            source.check()?
        } else {
            source.opened().check_same()?
        }
        damaged(&shown, damage);
        if ended.tally.balances() && (!plain || ended.tally.stream_bytes == source.bytes_read()) {
            Ok(())
        } else {
            Err(Error::Unbalanced { path: shown })
        }
    }
}

/// The first bytes of the text of a file, as many as tell its format.
fn head(path: &[u8], input: &stream::Options) -> Result<Vec<u8>, Error> {
    let opened = access::open(path)?;
    let shown = opened.shown.clone();
    let explain = |error| explain(error, &shown);
    let mut decoded = Decoded::new(FileSource::new(opened), input).map_err(explain)?;
    let mut head = loader_core::memory::filled(TELLING, 0)?;
    let mut length = 0;
    while length < head.len() {
        match decoded.read(&mut head[length..]).map_err(explain)? {
            0 => break,
            n => length += n,
        }
    }
    head.truncate(length);
    Ok(head)
}
