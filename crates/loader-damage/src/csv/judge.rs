//! Compares what a splitter made of a file with the truth about it.

use super::File;
use crate::Span;
use crate::judge::{Found, Ledger, Verdict};
use std::collections::{BTreeSet, HashMap};

/// Judges what was found in a file, in the order in which it was.
pub fn judge(file: &File, found: &[Found], ledger: &Ledger) -> Verdict {
    let mut verdict = Verdict { files: 1, damaged: file.damaged.len(), ..Verdict::default() };
    let mut truth: HashMap<Span, bool> = file.good.iter().map(|good| (good.span, good.unsure)).collect();
    let tolerated: BTreeSet<Span> = file.tolerated.iter().copied().collect();
    verdict.good = file.good.iter().filter(|good| !good.unsure).count();
    verdict.unsure = file.good.len() - verdict.good;
    for item in found {
        match truth.get(&item.span) {
            _ if !item.good => verdict.rejects += 1,
            Some(unsure) => {
                *if *unsure { &mut verdict.unsure_kept } else { &mut verdict.kept } += 1;
                truth.remove(&item.span);
            }
            None if tolerated.contains(&item.span) => verdict.tolerated += 1,
            None => verdict.phantoms.push(item.span),
        }
    }
    verdict.lost = truth.iter().filter(|(_, unsure)| !**unsure).map(|(span, _)| *span).collect();
    verdict.lost.sort_unstable();
    verdict.errors = audit(file, found, ledger);
    verdict.perfect = usize::from(verdict.is_perfect());
    verdict
}

/// What is wrong with the books.
fn audit(file: &File, found: &[Found], ledger: &Ledger) -> Vec<String> {
    let mut errors = Vec::new();
    let mut end = 0;
    let mut sums = [0u64; 2];
    let mut line = 1;
    for (n, item) in found.iter().enumerate() {
        let span = item.span;
        let mut wrong = |what: &str| errors.push(format!("item {} at {}: {what}", n + 1, span.offset));
        if span.offset < end || span.end() > file.bytes.len() {
            wrong("overlaps the one before or the end of the file");
            return errors;
        }
        if item.number != n as u64 + 1 {
            wrong("is numbered otherwise");
        }
        if span.length == 0 {
            wrong("is empty");
        }
        // What a reader that was told nothing skips at the start is counted as lost rows.
        if n > 0 && !is_between(file, end, span.offset) {
            wrong("has bytes before it that are neither framing nor accounted for");
        }
        line += newlines(&file.bytes[end..span.offset]);
        // Lines that end with CR alone are not counted as lines.
        if item.line != line && !file.dialect.is_cr() {
            wrong(&format!("is on line {line}, not {}", item.line));
        }
        line += newlines(span.of(&file.bytes));
        let raw = span.of(&file.bytes);
        if !raw.starts_with(&item.raw) || (item.good && raw != item.raw) || item.raw.is_empty() {
            wrong("does not have these bytes");
        }
        end = span.end();
        sums[usize::from(item.good)] += span.length as u64;
    }
    if !found.is_empty() && !is_between(file, end, file.bytes.len()) {
        errors.push("bytes at the end that are neither framing nor accounted for".to_owned());
    }
    let stream = file.bytes.len() as u64;
    let framing = stream - sums[0] - sums[1];
    let truth = Ledger { stream, loaded: sums[1], rejected: sums[0], framing };
    if *ledger != truth {
        errors.push(format!("the ledger is {ledger:?}, not {truth:?}"));
    }
    errors
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// Whether what lies there may lie between rows.
fn is_between(file: &File, from: usize, to: usize) -> bool {
    let mut at = from;
    let framing = file.framing.partition_point(|span| span.end() <= from);
    for span in file.framing[framing..].iter().take_while(|span| span.offset < to) {
        if !is_blank(&file.bytes[at..span.offset.max(at)]) {
            return false;
        }
        at = span.end().min(to).max(at);
    }
    is_blank(&file.bytes[at..to])
}

/// Whether these bytes are framing by themselves.
fn is_blank(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.chars().all(|c| matches!(c, ' ' | '\r' | '\n' | '\u{FEFF}'))
}
