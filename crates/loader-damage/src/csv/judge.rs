//! Compares what a splitter made of a file with the truth about it.

use super::File;
use crate::judge::{Found, Ledger, Truth, Verdict};

/// Judges what was found in a file, in the order in which it was.
pub fn judge(file: &File, found: &[Found], ledger: &Ledger) -> Verdict {
    let truth = Truth {
        bytes: &file.bytes,
        good: &file.good,
        tolerated: &file.tolerated,
        damaged: file.damaged.len(),
        // Lines that end with CR alone are not counted as lines.
        has_lines: !file.dialect.is_cr(),
    };
    // What a reader that was told nothing skips at the start is counted as lost rows.
    truth.judge(found, ledger, |from, to| from == 0 || is_between(file, from, to))
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
