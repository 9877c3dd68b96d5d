//! Fields that are run together, torn apart, lost or added.

use super::Fault;
use crate::csv::draft::{Draft, Piece};
use crate::rng::Rng;

/// Damages a row.
pub fn apply(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let (row, dialect) = (draft.pieces[at].row.clone(), draft.dialect);
    let delimiter = dialect.delimiter.as_bytes();
    let mut bytes = row.bytes;
    let number = rng.below(row.fields.len());
    let field = row.fields[number].clone();
    let mut tolerated = Vec::new();
    match fault {
        Fault::DelimiterLost => {
            let next = row.fields[number.max(1)].start;
            bytes.drain(next - delimiter.len()..next);
        }
        Fault::DelimiterAdded => {
            let place = rng.between(field.start, field.end);
            // A cut within a character would be damage of another kind.
            if std::str::from_utf8(&bytes[..place]).is_err() {
                return false;
            }
            bytes.splice(place..place, delimiter.iter().copied());
        }
        Fault::FieldLost if number + 1 == row.fields.len() => bytes.truncate(field.start - delimiter.len()),
        Fault::FieldLost => {
            bytes.drain(field.start..row.fields[number + 1].start);
        }
        Fault::FieldAdded => {
            let again: Vec<u8> = bytes[field.clone()].iter().chain(delimiter).copied().collect();
            bytes.splice(field.start..field.start, again);
        }
        _ => {
            let is_bare = !draft.pieces[at].row.is_quoted(number, dialect) && field.len() > 1;
            let line_end = if fault == Fault::BareNewline { dialect.line_end } else { "\r" };
            if !is_bare || fault == Fault::BareCarriageReturn && dialect.is_cr() {
                return false;
            }
            let place = rng.between(field.start + 1, field.end - 1);
            if std::str::from_utf8(&bytes[..place]).is_err() {
                return false;
            }
            bytes.splice(place..place, line_end.bytes());
            if fault == Fault::BareCarriageReturn {
                tolerated.push(0..bytes.len());
            }
        }
    }
    let line_end = draft.pieces[at].line_end.clone();
    let piece = Piece { line_end, tolerated, ..Piece::damaged(fault, bytes, draft) };
    draft.replace(at..at + 1, vec![piece])
}
