//! What happens if the n-th allocation fails, for every n: the outcome is an error, or the
//! same as without the failure, and the process never ends. The allocator is the extension's.
#![expect(unexpected_cfgs, reason = "the extension has a feature that this crate has not")]

#[path = "../../../src/pg/memory/allocator.rs"]
mod allocator;

use allocator::failing;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use loader_core::infer::SharedObservations;
use loader_core::pipeline::{Observing, Options, Pipeline, RecordOutcome, Target, ToastPolicy};
use loader_core::split::ResumePoint;
use loader_core::split::json::{self, Keep, RecordsPath};
use loader_core::stream::{self, Decoded, Error, Source};
use loader_core::toast::Method;
use loader_damage::suite::{self, Choice};
use std::io::Write;
use std::sync::Arc;

/// What a load comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Outcome {
    good: u64,
    bad: u64,
    bytes: u64,
    end: ResumePoint,
}

/// A file that looks, as the extension's does, whether memory has run out.
struct Watchful {
    bytes: Arc<[u8]>,
    at: usize,
}

impl Source for Watchful {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        self.poll()?;
        let n = buf.len().min(self.bytes.len() - self.at).min(100_000);
        buf[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }

    fn poll(&mut self) -> Result<(), Error> {
        allocator::check().map_err(Error::OutOfMemory)
    }
}

#[derive(Clone)]
struct Kind {
    name: &'static str,
    bytes: Arc<[u8]>,
    records_path: Option<&'static str>,
    toast: Option<ToastPolicy>,
    check: bool,
    /// Records are observed.
    schema: bool,
}

impl Kind {
    fn of(name: &'static str, bytes: impl Into<Arc<[u8]>>) -> Kind {
        Kind { name, bytes: bytes.into(), records_path: None, toast: None, check: false, schema: false }
    }

    /// Does as the backend does.
    fn load(&self, threads: usize) -> Result<Outcome, Error> {
        allocator::refill().map_err(Error::OutOfMemory)?;
        let source =
            Decoded::new(Watchful { bytes: self.bytes.clone(), at: 0 }, &stream::Options::default())?;
        let framing = json::Options {
            format: None,
            records_path: self.records_path.map(|path| RecordsPath::parse(path).expect("a path")),
            keep: Keep::NONE,
            line_prefix: None,
            max_record_size: 1 << 28,
            raw_limit: 1 << 28,
        };
        let observations = Arc::<SharedObservations>::default();
        let target = if self.schema {
            let observations = observations.clone();
            Target::Schema(Observing { observations, records_before: 0, last: u64::MAX })
        } else {
            Target::Jsonb { keep_texts: self.check, toast: self.toast }
        };
        let options = Options { threads, target, resume_at: 0, range: None };
        let mut pipeline = Pipeline::new(source, framing, options, Arc::default())?;
        pipeline.start(&mut || !allocator::is_low());
        let mut outcome = Outcome::default();
        while let Some(batch) = pipeline.next(&mut || {})? {
            allocator::refill().map_err(Error::OutOfMemory)?;
            for entry in &batch.entries {
                match entry.outcome {
                    RecordOutcome::Reject { .. } => outcome.bad += 1,
                    _ => outcome.good += 1,
                }
                outcome.bytes += entry.place.length;
            }
            // Whoever commits up to here has all before it.
            let seen = outcome.good + outcome.bad;
            assert!(self.schema || batch.end.records == seen, "{}", self.name);
            outcome.end = batch.end;
            pipeline.recycle(batch);
        }
        let observed = observations.take()?;
        outcome.good += observed.records();
        outcome.bytes += observed.columns()?.len() as u64;
        Ok(outcome)
    }
}

fn records(count: usize) -> Vec<String> {
    let tags = "[{\"k\": \"a\", \"v\": [1, 2.5, null]}, {\"k\": \"b\"}]";
    (0..count).map(|n| format!("{{\"n\": {n}, \"name\": \"rec\\u00f6rd {n}\", \"tags\": {tags}}}")).collect()
}

/// The first lines of some damaged files.
fn damaged() -> Vec<u8> {
    let files = suite::plain(Choice { seed: 7, one_in: 60 }).take(4);
    files.flat_map(|file| [&file.bytes[..file.bytes.len().min(4000)], b"\n"].concat()).collect()
}

fn kinds() -> Vec<Kind> {
    let small = records(50);
    let lines = small.join("\n");
    let array = format!("[{}]", small.join(","));
    let pretty = format!("[\n  {}\n]\n", records(20).join(",\n  ").replace(", ", ",\n    "));
    let wrapper = format!("{{\"status\": \"ok\", \"data\": {{\"items\": {array}, \"next\": null}}}}");
    let mut gzip = GzEncoder::new(Vec::new(), Level::fast());
    gzip.write_all(lines.as_bytes()).expect("gzip");
    let long = format!("{{\"text\": \"{}\"}}\n", "long \\n and \\\"dull\\\" ".repeat(4_000));
    let elements = format!("{{\"list\": [{}0]}}\n", "{\"a\": 1, \"b\": [2, 3]}, ".repeat(2_000));
    let wide: String = (0..5_000).map(|n| format!("\"key {n}\": {n}, ")).collect();
    let few: String = (0..100).map(|n| format!("\"key {n}\": {n}, ")).collect();
    let good = "{\"n\": 1}\n".repeat(10);
    vec![
        Kind::of("lines", lines.as_bytes()),
        Kind::of("array", array.as_bytes()),
        Kind::of("pretty", pretty.as_bytes()),
        Kind::of("concatenated", small.concat().as_bytes()),
        Kind { records_path: Some("$.data.items"), ..Kind::of("wrapper", wrapper.as_bytes()) },
        Kind::of("gzip", gzip.finish().expect("gzip")),
        Kind::of("zstd", zstd::encode_all(lines.as_bytes(), 1).expect("zstd")),
        Kind::of("damaged", damaged()),
        Kind::of(
            "damaged array",
            array.replace("\"n\": 33,", "\"n\": 33").replacen("}]}", "}}", 1).as_bytes(),
        ),
        Kind { schema: true, ..Kind::of("schema", format!("{lines}\n{{{few}\"last\": [0]}}\n").as_bytes()) },
        Kind { check: true, ..Kind::of("checked", lines.as_bytes()) },
        Kind {
            toast: Some(ToastPolicy { method: Method::Pglz, above: 100 }),
            ..Kind::of("pglz", long.repeat(2).as_bytes())
        },
        Kind {
            toast: Some(ToastPolicy { method: Method::Lz4, above: 100 }),
            ..Kind::of("lz4", long.repeat(2).as_bytes())
        },
        Kind::of("long arrays", elements.repeat(3).as_bytes()),
        Kind::of("wide objects", format!("{{{wide}\"last\": 0}}\n").repeat(3).as_bytes()),
        Kind::of("deep", format!("{good}{}{}\n", "[".repeat(300_000), "]".repeat(300_000)).as_bytes()),
        Kind::of("a long bad record", format!("{good}{{\"a\": {}\n{good}", "x ".repeat(1 << 20)).as_bytes()),
        Kind::of("numbers", "12\n".repeat(10_000).as_bytes()),
    ]
}

/// The only test of this binary: what another allocates would count.
#[test]
fn no_failed_allocation_ends_the_process() {
    // The crates beneath panic where their state cannot be allocated: one line of that.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    let mut failed_somewhere = 0;
    for kind in kinds() {
        for threads in [0, 1, 2] {
            let sound = kind.load(threads).expect("memory");
            assert!(sound.good > 0, "{}", kind.name);
            for for_good in [false, true] {
                let mut call = 0;
                loop {
                    let (outcome, reached) = failing::during(call, for_good, || kind.load(threads));
                    match outcome {
                        Ok(outcome) => assert_eq!(outcome, sound, "{} {threads} {call}", kind.name),
                        Err(Error::OutOfMemory(_)) => failed_somewhere += 1,
                        Err(error) => panic!("{} {threads} {call}: {error:?}", kind.name),
                    }
                    assert_eq!(failing::held(), 0, "{} {threads} {call}", kind.name);
                    if !reached {
                        break;
                    }
                    call += 1;
                }
                let how = if for_good { "from each call on" } else { "at each call" };
                println!("{}, {threads} threads: {call} allocations, failed {how}", kind.name);
            }
        }
    }
    assert!(failed_somewhere > 500, "{failed_somewhere}");
}
