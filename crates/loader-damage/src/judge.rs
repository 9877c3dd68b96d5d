//! Compares what a splitter made of a file with the truth about it.

use crate::{File, Good, Span};
use std::collections::{BTreeSet, HashMap};

/// What a splitter said of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Good, else rejected.
    pub good: bool,
    /// The number it gave.
    pub number: u64,
    /// The line it named.
    pub line: u64,
    /// The span.
    pub span: Span,
    /// The bytes that it handed out for it, perhaps not all of a reject.
    pub raw: Vec<u8>,
}

/// The columns of the ledger that a splitter kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// All bytes.
    pub stream: u64,
    /// Those of good records.
    pub loaded: u64,
    /// Those of rejects.
    pub rejected: u64,
    /// The rest.
    pub framing: u64,
}

/// The judgement on one file, or the sum of several.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Files judged.
    pub files: usize,
    /// Of these, all good records kept, no phantom, no error in the books.
    pub perfect: usize,
    /// Good records, but for the unsure ones.
    pub good: usize,
    /// Of these, those that were loaded, byte for byte.
    pub kept: usize,
    /// Good records that are unsure.
    pub unsure: usize,
    /// Of these, those that were loaded.
    pub unsure_kept: usize,
    /// Whole records with rubbish beside them that were loaded.
    pub tolerated: usize,
    /// Damaged records and blocks of rubbish.
    pub damaged: usize,
    /// Rejects.
    pub rejects: usize,
    /// The good records that were not loaded, but for unsure ones.
    pub lost: Vec<Span>,
    /// What was loaded and is not a record of the file.
    pub phantoms: Vec<Span>,
    /// What is wrong with the books: numbers, lines, order, ledger.
    pub errors: Vec<String>,
}

impl Verdict {
    /// Adds another verdict's figures; spans are kept only as counts elsewhere.
    pub fn add(&mut self, other: &Verdict) {
        self.files += other.files;
        self.perfect += other.perfect;
        self.good += other.good;
        self.kept += other.kept;
        self.unsure += other.unsure;
        self.unsure_kept += other.unsure_kept;
        self.tolerated += other.tolerated;
        self.damaged += other.damaged;
        self.rejects += other.rejects;
        self.lost.extend_from_slice(&other.lost);
        self.phantoms.extend_from_slice(&other.phantoms);
        self.errors.extend_from_slice(&other.errors);
    }

    /// Nothing lost, nothing false.
    pub fn is_perfect(&self) -> bool {
        self.lost.is_empty() && self.phantoms.is_empty() && self.errors.is_empty()
    }
}

/// What is true of a file, of whatever kind.
pub(crate) struct Truth<'a> {
    /// Everything.
    pub(crate) bytes: &'a [u8],
    /// The records that nothing happened to.
    pub(crate) good: &'a [Good],
    /// What may be loaded or not.
    pub(crate) tolerated: &'a [Span],
    /// Damaged records and blocks of rubbish.
    pub(crate) damaged: usize,
    /// Newlines tell on which line something is.
    pub(crate) has_lines: bool,
}

/// Judges what was found in a file, in the order in which it was.
pub fn judge(file: &File, found: &[Found], ledger: &Ledger) -> Verdict {
    let truth = Truth {
        bytes: &file.bytes,
        good: &file.good,
        tolerated: &file.tolerated,
        damaged: file.damaged.len(),
        has_lines: true,
    };
    let mut verdict = truth.judge(found, ledger, |from, to| is_between(file, from, to));
    let rejected = |broken: &Span| {
        let overlaps = |span: Span| span.offset < broken.end() && broken.offset < span.end();
        found.iter().any(|item| !item.good && overlaps(item.span))
    };
    for broken in file.broken.iter().filter(|broken| !rejected(broken)) {
        verdict.errors.push(format!("nothing of the broken document at {} is rejected", broken.offset));
    }
    verdict.perfect = usize::from(verdict.is_perfect());
    verdict
}

impl Truth<'_> {
    /// Judges what was found. `is_between` says whether what lies between two places need be neither
    /// loaded nor rejected.
    pub(crate) fn judge(
        &self,
        found: &[Found],
        ledger: &Ledger,
        is_between: impl Fn(usize, usize) -> bool,
    ) -> Verdict {
        let mut verdict = Verdict { files: 1, damaged: self.damaged, ..Verdict::default() };
        let mut left: HashMap<Span, bool> = self.good.iter().map(|good| (good.span, good.unsure)).collect();
        let tolerated: BTreeSet<Span> = self.tolerated.iter().copied().collect();
        verdict.good = self.good.iter().filter(|good| !good.unsure).count();
        verdict.unsure = self.good.len() - verdict.good;
        for item in found {
            match left.get(&item.span) {
                _ if !item.good => verdict.rejects += 1,
                Some(unsure) => {
                    *if *unsure { &mut verdict.unsure_kept } else { &mut verdict.kept } += 1;
                    left.remove(&item.span);
                }
                None if tolerated.contains(&item.span) => verdict.tolerated += 1,
                None => verdict.phantoms.push(item.span),
            }
        }
        verdict.lost = left.iter().filter(|(_, unsure)| !**unsure).map(|(span, _)| *span).collect();
        verdict.lost.sort_unstable();
        verdict.errors = self.audit(found, ledger, is_between);
        verdict.perfect = usize::from(verdict.is_perfect());
        verdict
    }

    /// What is wrong with the books.
    fn audit(
        &self,
        found: &[Found],
        ledger: &Ledger,
        is_between: impl Fn(usize, usize) -> bool,
    ) -> Vec<String> {
        let mut errors = Vec::new();
        let (mut end, mut line) = (0, 1);
        let mut sums = [0u64; 2];
        for (n, item) in found.iter().enumerate() {
            let span = item.span;
            let mut wrong = |what: &str| errors.push(format!("item {} at {}: {what}", n + 1, span.offset));
            if span.offset < end || span.end() > self.bytes.len() {
                wrong("overlaps the one before or the end of the file");
                return errors;
            }
            if item.number != n as u64 + 1 {
                wrong("is numbered otherwise");
            }
            if span.length == 0 {
                wrong("is empty");
            }
            if !is_between(end, span.offset) {
                wrong("has bytes before it that are neither framing nor accounted for");
            }
            line += newlines(&self.bytes[end..span.offset]);
            if item.line != line && self.has_lines {
                wrong(&format!("is on line {line}, not {}", item.line));
            }
            let raw = span.of(self.bytes);
            line += newlines(raw);
            if !raw.starts_with(&item.raw) || (item.good && raw != item.raw) || item.raw.is_empty() {
                wrong("does not have these bytes");
            }
            end = span.end();
            sums[usize::from(item.good)] += span.length as u64;
        }
        if !is_between(end, self.bytes.len()) {
            errors.push("bytes at the end that are neither framing nor accounted for".to_owned());
        }
        let stream = self.bytes.len() as u64;
        let framing = stream - sums[0] - sums[1];
        let truth = Ledger { stream, loaded: sums[1], rejected: sums[0], framing };
        if *ledger != truth {
            errors.push(format!("the ledger is {ledger:?}, not {truth:?}"));
        }
        errors
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// Whether what lies there may lie between records: framing, and text of which
/// nothing was a record.
fn is_between(file: &File, from: usize, to: usize) -> bool {
    let clean = |spans: &mut dyn Iterator<Item = Span>| {
        spans
            .take_while(|span| span.offset < to)
            .all(|span| is_framing(&file.bytes[from.max(span.offset)..to.min(span.end())]))
    };
    is_framing(&file.bytes[from..to]) || {
        let lost = |span: &Span| file.broken.iter().any(|b| b.offset <= span.offset && span.end() <= b.end());
        let good = file.good.partition_point(|good| good.span.end() <= from);
        let damaged = file.damaged.partition_point(|damage| damage.span.end() <= from);
        clean(&mut file.good[good..].iter().map(|good| good.span).filter(|span| !lost(span)))
            && clean(&mut file.damaged[damaged..].iter().map(|damage| damage.span).filter(|span| !lost(span)))
    }
}

/// Whether these bytes are framing by themselves.
fn is_framing(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        at += match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | 0x1E => 1,
            0xEF if bytes[at..].starts_with(b"\xEF\xBB\xBF") => 3,
            _ => return false,
        };
    }
    true
}
