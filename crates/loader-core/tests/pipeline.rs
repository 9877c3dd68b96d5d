//! The same batches for any number of threads; errors in their place; an end
//! to every thread.

use loader_core::encode::jsonb::Encoder;
use loader_core::infer::SharedObservations;
use loader_core::pipeline::{
    Batch, Observing, Options, Pipeline, RecordOutcome, RecordPosition, Target, ToastPolicy,
};
use loader_core::split::json::{self, Keep, RecordsPath};
use loader_core::split::{Range, ResumePoint};
use loader_core::stream::{self, Decoded, Error, Source};
use loader_core::tally::Tally;
use loader_core::toast::Method;
use loader_damage::rng::Rng;
use loader_damage::suite::{self, Choice};
use std::fmt::Write;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const FRAMING: json::Options = json::Options {
    format: None,
    records_path: None,
    keep: Keep::NONE,
    line_prefix: None,
    max_record_size: 1 << 28,
    raw_limit: 64 * 1024,
};
const PLAIN: Options = Options {
    threads: 0,
    target: Target::Jsonb { keep_texts: false, toast: None },
    resume_at: 0,
    range: None,
};

/// Hands out bytes, then does what it was told to.
struct Bytes {
    bytes: Vec<u8>,
    at: usize,
    then: fn() -> Result<usize, Error>,
}

impl Source for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = buf.len().min(self.bytes.len() - self.at);
        if n == 0 {
            return (self.then)();
        }
        buf[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Hands out bytes over and over.
struct Endless {
    bytes: Vec<u8>,
    at: usize,
    /// Shared with nobody once all threads are gone.
    _held: Arc<()>,
}

impl Source for Endless {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = buf.len().min(self.bytes.len() - self.at);
        buf[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at = (self.at + n) % self.bytes.len();
        Ok(n)
    }
}

/// Threads that have no end of their own, and what tells whether they are there.
fn endless(seed: u64, threads: usize) -> (Pipeline<Endless>, Arc<()>) {
    let held = Arc::new(());
    let source = Endless { bytes: sample(seed), at: 0, _held: held.clone() };
    let options = Options { threads, ..PLAIN };
    let mut pipeline = Pipeline::new(source, FRAMING, options, Arc::default()).expect("a head");
    pipeline.start(&mut || true);
    (pipeline, held)
}

/// What became of a record, without where its bytes lie.
#[derive(Debug, PartialEq)]
enum Found {
    Value(Vec<u8>),
    Text(Vec<u8>, bool),
    Reject(Vec<u8>, &'static str),
}

fn take(batch: &Batch, found: &mut Vec<(RecordPosition, Found)>) {
    for entry in &batch.entries {
        let value = |span: loader_core::pipeline::Span| {
            assert_eq!(span.at % 8, 0, "an aligned datum");
            batch.values[span.at..span.at + span.length].to_vec()
        };
        found.push((
            entry.place,
            match entry.outcome {
                RecordOutcome::Value(span) => Found::Value(value(span)),
                RecordOutcome::WithText { value: span, text } => {
                    let (value, text) = (value(span), batch.text(text));
                    assert_eq!(text.len() as u64, entry.place.length);
                    // The lowest bits of a datum say whether it is compressed.
                    let mut own = Vec::new();
                    Encoder::new().encode(text, 0, true, &mut own).expect("memory");
                    assert!(value[0] & 3 != 0 || value == own, "{}", String::from_utf8_lossy(text));
                    Found::Value(value)
                }
                RecordOutcome::Text { text, undecided } => Found::Text(batch.text(text).to_vec(), undecided),
                RecordOutcome::Reject { fault, raw } => Found::Reject(batch.text(raw).to_vec(), fault.what),
                RecordOutcome::Row { .. } | RecordOutcome::NotAnObject { .. } => {
                    panic!("no rows are asked for")
                }
            },
        ));
    }
}

fn pipeline(bytes: &[u8], options: Options, then: fn() -> Result<usize, Error>) -> Pipeline<Bytes> {
    let source = Bytes { bytes: bytes.to_vec(), at: 0, then };
    let mut pipeline = Pipeline::new(source, FRAMING, options, Arc::default()).expect("a head");
    pipeline.start(&mut || true);
    pipeline
}

fn run(bytes: &[u8], options: Options) -> (Vec<(RecordPosition, Found)>, Tally) {
    let observes = matches!(options.target, Target::Schema(_));
    let mut pipeline = pipeline(bytes, options, || Ok(0));
    let mut found = Vec::new();
    while let Some(batch) = pipeline.next(&mut || ()).expect("no read fails") {
        assert!(observes || !batch.entries.is_empty());
        take(&batch, &mut found);
        pipeline.recycle(batch);
    }
    let finished = pipeline.finish();
    assert!(finished.tally.balances());
    assert_eq!(finished.source.at, bytes.len());
    (found, finished.tally)
}

/// Some megabytes of lines, some of them bad, some very deep.
fn sample(seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut text = String::new();
    while text.len() < 3_000_000 {
        let n = rng.below(1_000_000);
        match rng.below(50) {
            0 => writeln!(text, "{{\"n\": {n}, \"cut\": "),
            1 => writeln!(text, "{}{}", "[".repeat(600), "]".repeat(600)),
            2 => writeln!(text, "{{\"n\": {n}, \"fill\": \"{}\"}}", format!("word {n} ").repeat(500)),
            _ => writeln!(text, "{{\"n\": {n}, \"name\": \"record {n}\", \"a\": [1, null, {{}}]}}"),
        }
        .expect("a string");
    }
    text.into_bytes()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let bytes = sample(1);
    let toast = Some(ToastPolicy { method: Method::Pglz, above: 2000 });
    let with = |target| Options { target, ..PLAIN };
    for options in [PLAIN, with(Target::Text), with(Target::Jsonb { keep_texts: true, toast })] {
        let alone = run(&bytes, options.clone());
        assert!(alone.1.rejects > 100 && alone.1.records > 10_000, "{:?}", alone.1);
        let values = alone.0.iter().filter(|(_, found)| matches!(found, Found::Value(_))).count();
        let texts = alone.0.iter().filter(|(_, found)| matches!(found, Found::Text(..))).count();
        let is_native = !matches!(options.target, Target::Text);
        assert!(if is_native { values > 10_000 && texts > 100 } else { values == 0 });
        for threads in [1, 2, 3, 8] {
            assert!(run(&bytes, Options { threads, ..options.clone() }) == alone, "{threads} threads");
        }
    }
}

/// What is observed of a stream, for a comparison, and what is left for the backend.
fn observed(bytes: &[u8], threads: usize, last: u64) -> (String, Vec<(RecordPosition, Found)>, Tally) {
    let observations = Arc::new(SharedObservations::default());
    let observing = Observing { observations: observations.clone(), records_before: 1000, last };
    let options = Options { threads, target: Target::Schema(observing), ..PLAIN };
    let (left, tally) = run(bytes, options);
    let all = observations.take().expect("memory");
    (format!("{} {:?}", all.records(), all.columns().expect("memory")), left, tally)
}

#[test]
fn what_is_observed_does_not_depend_on_threads() {
    let bytes = sample(3);
    let (plain, tally) = run(&bytes, PLAIN);
    for last in [u64::MAX, 5000] {
        let alone = observed(&bytes, 0, last);
        let rejects = |found: &[(RecordPosition, Found)]| {
            let found = found.iter().filter(|(place, _)| place.number <= last);
            found.filter(|(_, found)| matches!(found, Found::Reject(..))).count()
        };
        let (left, wanted) = (rejects(&alone.1), rejects(&plain));
        assert!(left == wanted && left > 10, "{left} {wanted}");
        let undecided = alone.1.len() - left;
        let records: u64 = alone.0.split(' ').next().expect("a number").parse().expect("a number");
        assert_eq!(records as usize + left + undecided, tally_of(tally, last), "{}", alone.0);
        assert!(alone.0.contains("\"name\""), "{}", alone.0);
        for threads in [1, 2, 3, 8] {
            assert!(observed(&bytes, threads, last) == alone, "{threads} threads");
        }
    }
}

/// How many records and rejects there are up to a number.
fn tally_of(tally: Tally, last: u64) -> usize {
    last.min(tally.records + tally.rejects) as usize
}

/// What the reader does not take at the end of a window is made a datum later
/// than its neighbours, and lies behind them.
#[test]
fn records_at_the_end_of_a_window() {
    let toast = Some(ToastPolicy { method: Method::Pglz, above: 2000 });
    // Too long to be left alone, and not to be made shorter.
    let mut rng = Rng::new(9);
    let noise: String = (0..3000).map(|_| char::from(b' ' + 3 + rng.below(57) as u8)).collect();
    let long = format!("{{\"fill\": \"{noise}\"}}\n");
    for shift in 0..40 {
        let mut text = format!("{}{}\n", long, "9".repeat(shift + 1));
        for n in 0..20_000 {
            writeln!(text, "{{\"a\": {n}, \"b\": [true, 2]}}").expect("a string");
            if n % 300 == 0 {
                text.push_str(&long);
            }
        }
        let options = Options { target: Target::Jsonb { keep_texts: true, toast }, ..PLAIN };
        let (found, tally) = run(text.as_bytes(), options);
        assert_eq!(tally.rejects, 0);
        assert!(found.iter().all(|(_, found)| matches!(found, Found::Value(_))));
    }
}

#[test]
fn damaged_files_of_all_framings() {
    for file in suite::hard(Choice { seed: 7, one_in: 9 }) {
        let alone = run(&file.bytes, PLAIN);
        for threads in [1, 3] {
            assert!(run(&file.bytes, Options { threads, ..PLAIN }) == alone, "{}", file.name);
        }
    }
}

/// What comes of a part of a stream.
struct On {
    begin: ResumePoint,
    /// Of each batch.
    ends: Vec<ResumePoint>,
    found: Vec<(RecordPosition, Found)>,
    end: ResumePoint,
}

/// The batches of `bytes`, compressed or not, from where `options` say.
fn run_on(bytes: &[u8], options: Options) -> Result<On, Error> {
    let source = Bytes { bytes: bytes.to_vec(), at: 0, then: || Ok(0) };
    let decoded = Decoded::new(source, &stream::Options::default())?;
    let mut pipeline = Pipeline::new(decoded, FRAMING, options, Arc::default())?;
    pipeline.start(&mut || true);
    let (begin, mut ends, mut found) = (pipeline.begin(), Vec::new(), Vec::new());
    while let Some(batch) = pipeline.next(&mut || ())? {
        take(&batch, &mut found);
        ends.push(batch.end);
        let last = batch.entries.last().expect("a batch is not empty").place;
        assert!(batch.end.offset >= last.offset + last.length);
        assert_eq!(batch.end.records, last.number);
        pipeline.recycle(batch);
    }
    let finished = pipeline.finish();
    assert_eq!(finished.end.tally, finished.tally);
    Ok(On { begin, ends, found, end: finished.end })
}

#[test]
fn a_load_goes_on_where_a_batch_ended() {
    let plain = sample(7);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &plain).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let zstd = zstd::encode_all(&plain[..], 1).expect("memory");
    let On { begin, ends, found, end } = run_on(&plain, PLAIN).expect("no read fails");
    assert_eq!(begin, ResumePoint::default());
    assert!(ends.len() > 5);
    for (bytes, threads) in [(&plain, 0), (&plain, 3), (&gzip, 1), (&zstd, 2)] {
        for at in [0, ends.len() / 2, ends.len() - 1] {
            let resume_at = ends[at].offset;
            let on = run_on(bytes, Options { threads, resume_at, ..PLAIN }).expect("a mark");
            assert_eq!(on.begin, ends[at]);
            assert!(on.ends.iter().all(|mark| mark.offset > resume_at));
            let rest = found.iter().position(|(place, _)| place.offset >= resume_at).unwrap_or(found.len());
            assert!(on.found == found[rest..]);
            assert_eq!(on.end, end);
        }
        let inside = Options { threads, resume_at: ends[0].offset - 2, ..PLAIN };
        assert!(matches!(run_on(bytes, inside), Err(stream::Error::NoBoundary)));
        let behind = Options { threads, resume_at: plain.len() as u64 + 1, ..PLAIN };
        assert!(matches!(run_on(bytes, behind), Err(stream::Error::NoBoundary)));
    }
}

#[test]
fn what_lies_before_an_array_is_counted_from_the_start() {
    let path = RecordsPath::parse("$.items").expect("a path");
    let framing = json::Options { records_path: Some(path), ..FRAMING };
    let bytes = br#"{"n": 1, "items": [{"a": 1}, {"a": 2}]}"#;
    let source = Bytes { bytes: bytes.to_vec(), at: 0, then: || Ok(0) };
    let pipeline = Pipeline::new(source, framing, PLAIN, Arc::default()).expect("an array");
    assert_eq!(pipeline.begin(), ResumePoint::default());
}

#[test]
fn ranges_through_the_pipeline() {
    let bytes = sample(8);
    let On { ends, found, end, .. } = run_on(&bytes, PLAIN).expect("no read fails");
    for threads in [0, 3] {
        let (mut all, mut here) = (Vec::new(), ResumePoint::default());
        for end in [ends[2].offset + 1000, ends[4].offset, u64::MAX] {
            let range = Some(Range { start: here, end });
            let part = run_on(&bytes, Options { threads, range, ..PLAIN }).expect("lines");
            assert_eq!(part.begin, here);
            all.extend(part.found);
            here = part.end;
        }
        assert!(all == found);
        assert_eq!(here, end);
    }
}

#[test]
fn an_error_comes_after_what_was_read_before_it() {
    let bytes = sample(2);
    for threads in [0, 1, 2, 8] {
        let fails = || Err(Error::Io(io::Error::other("the disk")));
        let mut pipeline = pipeline(&bytes, Options { threads, ..PLAIN }, fails);
        let mut found = Vec::new();
        let error = loop {
            match pipeline.next(&mut || ()) {
                Ok(batch) => take(&batch.expect("an error before the end"), &mut found),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Io(_)), "{error:?}");
        let whole = run(&bytes, PLAIN).0;
        assert!(found.len() > whole.len() / 2, "{} of {}", found.len(), whole.len());
        assert_eq!(found[..], whole[..found.len()]);
    }
}

#[test]
fn a_pipeline_that_is_dropped_ends_its_threads() {
    for threads in [1, 2, 8] {
        let (mut pipeline, held) = endless(3, threads);
        drop(pipeline.next(&mut || ()).expect("no read fails"));
        drop(pipeline);
        assert_eq!(Arc::strong_count(&held), 1, "{threads} threads");
    }
}

#[test]
fn whoever_has_the_threads_can_stop_them() {
    for threads in [1, 2, 8] {
        let (mut pipeline, _held) = endless(4, threads);
        pipeline.parse_threads().clone().stop();
        let mut batches = 0;
        // What was finished may still come, and then nothing more.
        while let Ok(Some(_)) = pipeline.next(&mut || ()) {
            batches += 1;
            assert!(batches < 200, "{threads} threads go on");
        }
    }
}

#[test]
fn a_panic_of_a_thread_reaches_the_backend() {
    let bytes = sample(5);
    for threads in [1, 3] {
        let mut pipeline = pipeline(&bytes, Options { threads, ..PLAIN }, || panic!("a bug"));
        let outcome =
            catch_unwind(AssertUnwindSafe(
                || {
                    while pipeline.next(&mut || ()).expect("no error").is_some() {}
                },
            ));
        assert!(outcome.is_err(), "{threads} threads");
    }
}

#[test]
fn the_backend_is_asked_while_it_waits() {
    static ASKED: AtomicBool = AtomicBool::new(false);
    let waits = || {
        while !ASKED.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        Ok(0)
    };
    let mut pipeline = pipeline(&sample(6), Options { threads: 1, ..PLAIN }, waits);
    while pipeline.next(&mut || ASKED.store(true, Ordering::Relaxed)).expect("no read fails").is_some() {}
}
