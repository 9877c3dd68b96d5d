//! Runs the splitter over generated files, for the judge.
#![allow(dead_code, reason = "not every test uses all of it")]

pub mod csv;

use loader_core::split::json::{Format, Keep, Options, RecordsPath, Splitter};
use loader_core::split::{Item, Split};
use loader_core::stream::{Error, Source};
use loader_core::tally::Tally;
use loader_damage::judge::{self, Found, Ledger, Verdict};
use loader_damage::{File, Span};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

/// A source that hands out so many bytes a read.
pub struct Slow<'a> {
    /// What is left.
    pub bytes: &'a [u8],
    /// Bytes a read.
    pub step: usize,
}

impl Source for Slow<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = self.step.min(buf.len()).min(self.bytes.len());
        buf[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Ok(n)
    }
}

/// Calls `with` for each file, on all processors.
pub fn each<F>(files: impl Iterator<Item = F> + Send, with: impl Fn(&F) + Sync) {
    let queue = Mutex::new(files);
    let workers = thread::available_parallelism().map_or(1, |n| n.get());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no worker has panicked").next();
                    let Some(file) = next else { break };
                    with(&file);
                }
            });
        }
    });
}

/// Everything that the splitter says of the bytes, read `step` bytes at a time.
pub fn split(bytes: &[u8], step: usize) -> Result<(Vec<Found>, Ledger), Error> {
    split_at(bytes, step, None)
}

/// The same of a file whose records lie where it says.
pub fn split_file(file: &File, step: usize) -> Result<(Vec<Found>, Ledger), String> {
    let path = file.records_path.map(RecordsPath::parse).transpose();
    let path = path.map_err(|error| format!("the records path is refused: {error:?}"))?;
    split_at(&file.bytes, step, path).map_err(|error| format!("the splitter fails: {error:?}"))
}

/// The same of the records in an array at a path.
pub fn split_at(
    bytes: &[u8],
    step: usize,
    records_path: Option<RecordsPath>,
) -> Result<(Vec<Found>, Ledger), Error> {
    split_with(bytes, step, Options { records_path, ..options() })
}

/// The options of a load that names none.
pub fn options() -> Options {
    Options {
        format: None,
        records_path: None,
        keep: Keep::NONE,
        line_prefix: None,
        max_record_size: 1 << 28,
        raw_limit: 64 * 1024,
    }
}

fn split_with(bytes: &[u8], step: usize, options: Options) -> Result<(Vec<Found>, Ledger), Error> {
    let mut splitter = Splitter::new(Slow { bytes, step }, options)?;
    let found = items(&mut splitter, bytes.len())?;
    Ok((found, ledger(splitter.tally())))
}

/// Everything that a splitter says, which is at most so many items.
pub fn items(splitter: &mut impl Split, most: usize) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    while let Some(item) = splitter.next()? {
        let (good, number, line, offset, length, raw) = match item {
            Item::Record(r) => (true, r.number, r.line, r.offset, r.bytes.len() as u64, r.bytes),
            Item::Reject(r) => (false, r.number, r.line, r.offset, r.length, r.raw),
        };
        let span = Span { offset: offset as usize, length: length as usize };
        found.push(Found { good, number, line, span, raw: raw.to_vec() });
        assert!(found.len() <= most, "more items than bytes");
    }
    Ok(found)
}

/// The books that a splitter kept.
pub fn ledger(tally: &Tally) -> Ledger {
    Ledger {
        stream: tally.stream_bytes,
        loaded: tally.bytes_loaded,
        rejected: tally.bytes_rejected,
        framing: tally.bytes_framing,
    }
}

/// The judgement on the splitter's outcome for a file. A panic or an error is
/// an error in the books, with everything lost.
pub fn judge(file: &File) -> Verdict {
    judge_outcome(file, || split_file(file, 1 << 20))
}

/// The same with the format named.
pub fn judge_as(file: &File, format: Format) -> Verdict {
    let named = || split_with(&file.bytes, 1 << 20, Options { format: Some(format), ..options() });
    judge_outcome(file, || named().map_err(|error| format!("the splitter fails: {error:?}")))
}

fn judge_outcome(file: &File, split: impl FnOnce() -> Result<(Vec<Found>, Ledger), String>) -> Verdict {
    let outcome = catch_unwind(AssertUnwindSafe(split));
    let error = match outcome {
        Ok(Ok((found, ledger))) => return judge::judge(file, &found, &ledger),
        Ok(Err(error)) => error,
        Err(_) => "the splitter panics".to_owned(),
    };
    let mut verdict = judge::judge(file, &[], &Ledger::default());
    verdict.errors = vec![error];
    verdict
}
