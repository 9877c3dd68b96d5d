//! The splitter of delimited text: the ledger balances, items lie in file order and say where
//! they lie, every record has its fields, those fields are what another reader of CSV finds,
//! and the same comes out whatever the read size and from every place to go on from.

use crate::steps::Steps;
use loader_core::split::csv::fields::{Field, fields, unescape};
use loader_core::split::csv::sniff::{Samples, sniff};
use loader_core::split::csv::{Delimiter, Dialect, NewLine, Options, Overrides, Splitter};
use loader_core::split::{Item, ResumePoint, Split};

/// An item, and the place behind it.
#[derive(Debug, PartialEq)]
struct Found {
    good: bool,
    number: u64,
    offset: u64,
    line: u64,
    bytes: Vec<u8>,
    end: ResumePoint,
}

/// The first two bytes choose options, the rest is the stream.
pub fn check(input: &[u8]) {
    let Some(([choice, more], stream)) = input.split_first_chunk() else { return };
    let samples = Samples { head: stream, is_whole: true, others: &[] };
    sniff(&samples, &Overrides::default()).expect("there is memory");
    let options = options_of(*choice, *more);
    let found = split(stream, &options, usize::MAX);
    judge(stream, &options, &found);
    for step in [1, 7] {
        assert!(split(stream, &options, step) == found, "read size {step}");
    }
    for index in (0..found.len()).step_by(1 + found.len() / 4) {
        resume(stream, &options, &found, index);
    }
}

fn options_of(choice: u8, more: u8) -> Options {
    let delimiters: [&[u8]; 4] = [b",", b";", b"\t", b"||"];
    let quote = [Some(b'"'), Some(b'\''), None, Some(b'"')][usize::from(choice >> 2 & 3)];
    let escape = quote.map(|quote| if choice & 128 == 0 { quote } else { b'\\' });
    Options {
        dialect: Dialect {
            delimiter: Delimiter::new(delimiters[usize::from(choice & 3)]).expect("a delimiter"),
            quote,
            escape,
            new_line: [NewLine::Lf, NewLine::CrLf, NewLine::Cr][usize::from(more & 3) % 3],
            comment: (more & 4 != 0).then_some(b'#'),
            skip: u64::from(more >> 3 & 1),
            header: u64::from(more >> 4 & 1),
        },
        width: 1 + usize::from(choice >> 4 & 3),
        surplus: usize::from(more >> 5 & 1),
        strict: more & 64 == 0,
        max_record_size: if more & 128 == 0 { 1 << 20 } else { 40 },
        raw_limit: usize::MAX,
    }
}

fn split(stream: &[u8], options: &Options, step: usize) -> Vec<Found> {
    let mut splitter = Splitter::new(Steps::new(stream, step), *options).expect("a stream");
    let found = items(&mut splitter);
    let tally = splitter.tally();
    assert!(tally.balances() && tally.stream_bytes == stream.len() as u64, "the ledger balances");
    found
}

fn items(splitter: &mut Splitter<Steps>) -> Vec<Found> {
    let mut found = Vec::new();
    loop {
        let item = match splitter.next().expect("no error of the source") {
            None => return found,
            Some(Item::Record(record)) => Found {
                good: true,
                number: record.number,
                offset: record.offset,
                line: record.line,
                bytes: record.bytes.to_vec(),
                end: ResumePoint::default(),
            },
            Some(Item::Reject(reject)) => Found {
                good: false,
                number: reject.number,
                offset: reject.offset,
                line: reject.line,
                bytes: reject.raw.to_vec(),
                end: ResumePoint::default(),
            },
        };
        found.push(Found { end: splitter.mark(), ..item });
    }
}

/// Items lie where they say, and good ones are what they should be.
fn judge(stream: &[u8], options: &Options, found: &[Found]) {
    let mut behind = 0;
    for item in found {
        let start = item.offset as usize;
        assert!(start >= behind, "items lie in file order");
        behind = start + item.bytes.len();
        assert_eq!(&stream[start..behind], &item.bytes[..], "an item is a part of the stream");
        let newlines = stream[..start].iter().filter(|b| **b == b'\n').count() as u64;
        assert_eq!(item.line, newlines + 1);
        if item.good {
            judge_record(&item.bytes, options);
        }
    }
}

fn judge_record(record: &[u8], options: &Options) {
    assert!(std::str::from_utf8(record).is_ok() && !record.contains(&0));
    if !options.strict {
        return;
    }
    let mut listed: Vec<Field> = Vec::new();
    let good = fields(record, &options.dialect, &mut listed).expect("there is memory");
    assert_eq!(good, Ok(()), "a good record has fields");
    assert!((options.width..=options.width + options.surplus).contains(&listed.len()));
    assert!(listed[options.width..].iter().all(|field| field.start == field.end));
    let dialect = &options.dialect;
    let ([delimiter], Some(quote)) = (dialect.delimiter.bytes(), dialect.quote) else { return };
    if dialect.escape != dialect.quote || record.is_empty() {
        return;
    }
    // Without a line end outside of quotes both readers find one record.
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(*delimiter)
        .quote(quote)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(record);
    let other = reader.byte_records().next().expect("a record").expect("fields");
    // Blanks before a quote are part of the field to the other one.
    let has_blanks = listed.iter().any(|field| field.quoted && record[..field.start].ends_with(b" \""));
    if has_blanks {
        return;
    }
    let ours = listed.iter().map(|field| {
        let mut text = Vec::new();
        unescape(&record[field.start..field.end], dialect, &mut text).expect("there is memory");
        if field.escaped { text } else { record[field.start..field.end].to_vec() }
    });
    assert!(ours.eq(other.iter().map(<[u8]>::to_vec)), "another reader finds the same fields");
}

/// What comes behind an item is the same if a run begins there.
fn resume(stream: &[u8], options: &Options, found: &[Found], index: usize) {
    let point = found[index].end;
    let mut resumed = Splitter::new(Steps::new(stream, usize::MAX), *options).expect("a stream");
    resumed.resume(point.offset).expect("an item ends there");
    assert!(items(&mut resumed) == found[index + 1..], "a run goes on at {}", point.offset);
    let mut sought = Splitter::new(Steps::new(stream, usize::MAX), *options).expect("a stream");
    if sought.is_splittable() {
        sought.seek(point).expect("an item ends there");
        assert!(items(&mut sought) == found[index + 1..], "a range goes on at {}", point.offset);
    }
}
