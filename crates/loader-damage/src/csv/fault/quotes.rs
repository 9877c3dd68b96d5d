//! Quotes that are lost, added or of another kind.

use super::Fault;
use crate::csv::draft::{Draft, Piece};
use crate::rng::Rng;

/// Damages a row of which fields are quoted.
pub fn apply(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let bytes = match fault {
        Fault::StrayQuoteInUnquoted | Fault::StrayOpeningQuote | Fault::QuoteAtLineEnd => {
            in_unquoted(fault, draft, at, rng)
        }
        _ => in_quoted(fault, draft, at, rng),
    };
    let Some(bytes) = bytes else { return false };
    let piece = Piece { line_end: draft.pieces[at].line_end.clone(), ..Piece::damaged(fault, bytes, draft) };
    draft.replace(at..at + 1, vec![piece])
}

/// The row with a quote more in a field that has none, or at its end.
fn in_unquoted(fault: Fault, draft: &Draft, at: usize, rng: &mut Rng) -> Option<Vec<u8>> {
    let (row, quote) = (&draft.pieces[at].row, draft.dialect.quote);
    let mut bytes = row.bytes.clone();
    let fields = row.which(false, draft.dialect);
    let long =
        |least: usize| fields.iter().map(|&field| row.fields[field].clone()).filter(move |f| f.len() > least);
    let place = match fault {
        Fault::QuoteAtLineEnd => bytes.len(),
        Fault::StrayOpeningQuote => rng.pick(&some(long(0))?).start,
        _ => {
            let field = rng.pick(&some(long(1))?).clone();
            rng.between(field.start + 1, field.end - 1)
        }
    };
    bytes.insert(place, quote);
    Some(bytes)
}

/// The row with a quoted field changed.
fn in_quoted(fault: Fault, draft: &Draft, at: usize, rng: &mut Rng) -> Option<Vec<u8>> {
    let (row, dialect) = (&draft.pieces[at].row, draft.dialect);
    let mut bytes = row.bytes.clone();
    let quoted = some(row.which(true, dialect).into_iter())?;
    let field = row.fields[*rng.pick(&quoted)].clone();
    let (first, last) = (field.start, field.end - 1);
    match fault {
        Fault::OpeningQuoteLost => {
            bytes.remove(first);
        }
        Fault::ClosingQuoteLost | Fault::UnclosedAtEnd => {
            bytes.remove(last);
        }
        Fault::StrayQuoteInQuoted => bytes.insert(rng.between(first + 1, last), dialect.quote),
        Fault::QuoteMadeSingle => {
            let escaped = some(
                (first + 1..last).filter(|&n| bytes[n] == dialect.escape && bytes[n + 1] == dialect.quote),
            )?;
            bytes.remove(*rng.pick(&escaped));
        }
        Fault::OtherEscape => {
            let escaped = some(
                (first + 1..last).filter(|&n| bytes[n] == dialect.escape && bytes[n + 1] == dialect.quote),
            )?;
            let other = if dialect.escape == dialect.quote { b'\\' } else { dialect.quote };
            bytes[*rng.pick(&escaped)] = other;
        }
        Fault::TextBehindQuote => {
            let text = rng.pick(&[" x", "kg", " (sic)", "?", "…"]).bytes();
            bytes.splice(last + 1..last + 1, text);
        }
        _ => {
            bytes.splice(last..=last, "”".bytes());
            bytes.splice(first..=first, "“".bytes());
        }
    }
    Some(bytes)
}

/// All of them, if there are any.
fn some<T>(of: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let all: Vec<T> = of.collect();
    (!all.is_empty()).then_some(all)
}
