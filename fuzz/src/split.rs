//! The splitter: the ledger balances, items lie in file order and say where they
//! lie, every record is good JSON, and the same comes out whatever the read size,
//! with the encoder as the reader, and through the pipeline.

use crate::steps::Steps;
use loader_core::encode::jsonb::Encoder;
use loader_core::json::scan::{Progress, Scanner};
use loader_core::pipeline::{self, Pipeline, RecordOutcome};
use loader_core::split::json::{Format, Keep, KeepPath, Options, RecordsPath, Splitter};
use loader_core::split::{Item, Reader, Split, Value};
use loader_core::stream::Error;
use std::sync::Arc;

/// The sizes over which a record is too large.
const SIZES: [usize; 4] = [1 << 20, 40, 200, 8];

/// An item, without what is not the same for all ways to it.
#[derive(Debug, PartialEq)]
struct Found {
    good: bool,
    number: u64,
    offset: u64,
    line: u64,
    undecided: bool,
    bytes: Vec<u8>,
    kept: Vec<u8>,
    what: &'static str,
}

impl Found {
    /// Its text with what is kept for it.
    fn text(&self) -> Vec<u8> {
        if self.kept.is_empty() {
            return self.bytes.clone();
        }
        let own = self.bytes[1..].trim_ascii_start();
        let comma: &[u8] = if own == b"}" { b"" } else { b"," };
        [b"{", &self.kept[..], comma, own].concat()
    }
}

/// The encoder as the pipeline has it, but for the buffers.
struct FusedEncoder(Encoder);

impl Reader for FusedEncoder {
    fn read(&mut self, bytes: &[u8], start: usize, eof: bool) -> Result<Option<Value>, Error> {
        let end = self.0.encode(bytes, start, eof, &mut Vec::new()).expect("there is memory");
        Ok(end.map(|end| Value { end, deepest: self.0.deepest(), spans_lines: self.0.spans_lines() }))
    }
}

/// The first byte chooses options, the rest is the stream.
pub fn check(input: &[u8]) {
    let Some((&choice, stream)) = input.split_first() else { return };
    let format = [None, Some(Format::NewlineDelimited), Some(Format::Array), Some(Format::Unstructured)];
    let records_path = (choice & 16 != 0).then(|| RecordsPath::parse("$.a").expect("a path"));
    let keep = match &records_path {
        Some(path) if choice & 32 != 0 => {
            let fields = ["b", "c.d"].map(|field| KeepPath::parse(field).expect("a path"));
            Keep::new(path, &fields).expect("fields beside the records")
        }
        _ => Keep::NONE,
    };
    let options = Options {
        format: format[usize::from(choice & 3)],
        records_path,
        keep,
        line_prefix: None,
        max_record_size: SIZES[usize::from(choice >> 2 & 3)],
        raw_limit: usize::MAX,
    };
    let Some(found) = split(stream, &options, usize::MAX, ()) else { return };
    judge(stream, &options, &found);
    for step in [1, 7] {
        assert!(split(stream, &options, step, ()).as_ref() == Some(&found), "read size {step}");
    }
    for step in [usize::MAX, 7] {
        let quick = FusedEncoder(Encoder::new());
        assert!(
            split(stream, &options, step, quick).as_ref() == Some(&found),
            "with the encoder, read size {step}"
        );
    }
    piped(stream, &options, &found);
}

/// `None` where a byte order mark says that the stream is not UTF-8, where there is no array
/// at the path, or where a field that is to be kept stands behind it or is too long.
fn split<R: Reader>(stream: &[u8], options: &Options, step: usize, reader: R) -> Option<Vec<Found>> {
    let mut splitter = match Splitter::with_reader(Steps::new(stream, step), options.clone(), reader) {
        Ok(splitter) => splitter,
        Err(Error::NoRecords { .. }) => return None,
        Err(error) => panic!("{error:?}"),
    };
    let mut items = Vec::new();
    loop {
        let item = match splitter.next() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(Error::NoRecords { .. } | Error::KeptBehind { .. } | Error::KeptTooLong { .. }) => {
                return None;
            }
            Err(error) => panic!("{error:?}"),
        };
        items.push(match item {
            Item::Record(record) => Found {
                good: true,
                number: record.number,
                offset: record.offset,
                line: record.line,
                undecided: record.undecided,
                bytes: record.bytes.to_vec(),
                kept: record.kept.to_vec(),
                what: "",
            },
            Item::Reject(reject) => {
                assert_eq!(reject.length, reject.raw.len() as u64);
                // White space at the end of a record that is cut off is framing,
                // but the fault is the end of the stream.
                let possible = reject.offset..=stream.len() as u64;
                assert!(possible.contains(&reject.fault.at), "the fault lies elsewhere");
                Found {
                    good: false,
                    number: reject.number,
                    offset: reject.offset,
                    line: reject.line,
                    undecided: false,
                    bytes: reject.raw.to_vec(),
                    kept: Vec::new(),
                    what: reject.fault.what,
                }
            }
        });
        assert!(items.len() <= stream.len(), "more items than bytes");
    }
    let tally = splitter.tally();
    let sum =
        |good| items.iter().filter(|item| item.good == good).map(|item| item.bytes.len() as u64).sum::<u64>();
    assert!(tally.balances(), "{tally:?}");
    assert_eq!(tally.stream_bytes, stream.len() as u64);
    assert_eq!((tally.bytes_loaded, tally.bytes_rejected), (sum(true), sum(false)));
    assert_eq!(tally.records + tally.rejects, items.len() as u64);
    Some(items)
}

fn judge(stream: &[u8], options: &Options, items: &[Found]) {
    let mut end = 0;
    for (at, item) in items.iter().enumerate() {
        assert_eq!(item.number, at as u64 + 1);
        assert!(item.offset >= end, "items overlap");
        assert!(!item.bytes.is_empty(), "an empty item");
        end = item.offset + item.bytes.len() as u64;
        assert_eq!(&stream[item.offset as usize..end as usize], item.bytes);
        let newlines = stream[..item.offset as usize].iter().filter(|&&b| b == b'\n').count();
        assert_eq!(item.line, newlines as u64 + 1);
        if item.good {
            assert!(item.bytes.len() <= options.max_record_size);
            let value: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&item.bytes);
            assert!(value.is_ok(), "not JSON: {}", String::from_utf8_lossy(&item.bytes));
            let together: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&item.text());
            assert!(together.is_ok(), "not JSON: {}", String::from_utf8_lossy(&item.kept));
            let mut scanner = Scanner::new(false);
            assert_eq!(scanner.scan(&item.bytes, 0, true), Progress::Done(item.bytes.len()));
            assert!(scanner.soft().is_none(), "jsonb does not take it");
        }
    }
}

/// The same through the pipeline, and values are those of the records' texts.
fn piped(stream: &[u8], options: &Options, found: &[Found]) {
    let how = pipeline::Options {
        threads: 0,
        target: pipeline::Target::Jsonb { keep_texts: true, toast: None },
        resume_at: 0,
        range: None,
    };
    let source = Steps::new(stream, 60);
    let mut pipeline = Pipeline::new(source, options.clone(), how, Arc::default()).expect("a head");
    pipeline.start(&mut || true);
    let mut rest = found.iter();
    while let Some(batch) = pipeline.next(&mut || ()).expect("no read fails") {
        for entry in &batch.entries {
            let expected = rest.next().expect("no more items than without");
            let place = entry.place;
            assert_eq!(
                (place.number, place.offset, place.line, place.length),
                (expected.number, expected.offset, expected.line, expected.bytes.len() as u64)
            );
            let mut datum = Vec::new();
            let wanted = expected.text();
            let encoded = |datum: &mut Vec<u8>| {
                Encoder::new().encode(&wanted, 0, true, datum).expect("there is memory")
            };
            let text = match entry.outcome {
                RecordOutcome::WithText { value, text } => {
                    assert!(expected.good && !expected.undecided);
                    assert_eq!(encoded(&mut datum), Some(wanted.len()));
                    assert!(batch.values[value.at..value.at + value.length] == datum[..], "another value");
                    text
                }
                RecordOutcome::Text { text, .. } => {
                    assert!(expected.good);
                    assert!(expected.undecided || encoded(&mut datum).is_none(), "left to the server");
                    text
                }
                RecordOutcome::Reject { fault, raw } => {
                    assert!(!expected.good && fault.what == expected.what);
                    raw
                }
                RecordOutcome::Value(_) => panic!("without its text"),
                RecordOutcome::Row { .. } | RecordOutcome::NotAnObject { .. } => {
                    panic!("no rows were asked for")
                }
            };
            assert!(batch.text(text) == wanted);
        }
        pipeline.recycle(batch);
    }
    assert!(rest.next().is_none(), "fewer items than without");
    assert!(pipeline.finish().tally.balances());
}
