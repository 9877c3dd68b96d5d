//! What the tests of the splitter of delimited text share.
#![allow(dead_code, reason = "each test uses a part of it")]

use loader_core::fault::{Fault, FaultKind};
use loader_core::split::csv::{Dialect, Options, Splitter};
use loader_core::split::{Item, ResumePoint, Split};
use loader_core::stream::{Error, Source};

/// Hands out `step` bytes a read.
pub struct Steps<'a> {
    pub rest: &'a [u8],
    pub step: usize,
}

impl Source for Steps<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = buf.len().min(self.step).min(self.rest.len());
        buf[..n].copy_from_slice(&self.rest[..n]);
        self.rest = &self.rest[n..];
        Ok(n)
    }
}

/// Commas, doubled quotes, LF, no header.
pub fn dialect() -> Dialect {
    Dialect::default()
}

/// Strict, for records of so many fields.
pub fn options(dialect: Dialect, width: usize) -> Options {
    Options { dialect, width, surplus: 0, strict: true, max_record_size: 1 << 28, raw_limit: 1 << 16 }
}

/// Everything that is said of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub number: u64,
    pub offset: u64,
    pub line: u64,
    pub bytes: Vec<u8>,
    pub length: u64,
    pub fault: Option<Fault>,
}

impl Found {
    /// For comparing with what is expected: the text, or the fault and the text.
    pub fn brief(&self) -> (Option<FaultKind>, String) {
        (self.fault.map(|fault| fault.kind), String::from_utf8_lossy(&self.bytes).into_owned())
    }
}

pub fn found(item: Item<'_>) -> Found {
    match item {
        Item::Record(r) => Found {
            number: r.number,
            offset: r.offset,
            line: r.line,
            bytes: r.bytes.to_vec(),
            length: r.bytes.len() as u64,
            fault: None,
        },
        Item::Reject(r) => Found {
            number: r.number,
            offset: r.offset,
            line: r.line,
            bytes: r.raw.to_vec(),
            length: r.length,
            fault: Some(r.fault),
        },
    }
}

/// What a run from the start comes to, the marks behind its items, and the last mark.
pub struct Whole {
    pub found: Vec<Found>,
    pub marks: Vec<ResumePoint>,
    pub end: ResumePoint,
}

pub fn whole(input: &[u8], step: usize, options: Options) -> Whole {
    let mut splitter = Splitter::new(Steps { rest: input, step }, options).expect("no read fails");
    let (mut all, mut marks) = (Vec::new(), Vec::new());
    while let Some(item) = splitter.next().expect("no read fails") {
        all.push(found(item));
        marks.push(splitter.mark());
        assert!(all.len() <= input.len(), "more items than bytes");
    }
    let end = splitter.mark();
    let tally = splitter.tally();
    assert!(tally.balances(), "{tally:?}");
    assert_eq!(tally.stream_bytes, input.len() as u64, "{}", String::from_utf8_lossy(input));
    assert_eq!(end.offset, input.len() as u64);
    assert_eq!(tally.records, all.iter().filter(|item| item.fault.is_none()).count() as u64);
    Whole { found: all, marks, end }
}

/// The items, briefly.
pub fn split(input: &str, options: Options) -> Vec<(Option<FaultKind>, String)> {
    whole(input.as_bytes(), usize::MAX, options).found.iter().map(Found::brief).collect()
}

/// Good records, to compare with.
pub fn good<const N: usize>(records: [&str; N]) -> Vec<(Option<FaultKind>, String)> {
    records.iter().map(|record| (None, record.to_string())).collect()
}

/// Good records and rejects, to compare with.
pub fn items<const N: usize>(items: [(Option<FaultKind>, &str); N]) -> Vec<(Option<FaultKind>, String)> {
    items.iter().map(|(kind, text)| (*kind, text.to_string())).collect()
}
