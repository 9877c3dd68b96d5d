//! Lines that are cut off, run together, repeated, or end in another way.

use super::Fault;
use crate::csv::draft::{Draft, Kind, Piece};
use crate::rng::Rng;

/// Damages a row, or that and the one behind it.
pub fn apply(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    match fault {
        Fault::LineCut | Fault::LineCutInQuotes | Fault::FileCut => cut(fault, draft, at, rng),
        Fault::LineEndLost | Fault::LostBoundary => join(fault, draft, at, rng),
        Fault::HalfThenWhole | Fault::HalfThenWholeOnALine => half(fault, draft, at, rng),
        Fault::MixedLineEnds | Fault::DoubledCarriageReturn => other_line_end(fault, draft, at, rng),
        _ => between(fault, draft, at, rng),
    }
}

/// A place within the row, between characters.
fn place(draft: &Draft, at: usize, rng: &mut Rng) -> Option<usize> {
    let bytes = &draft.pieces[at].row.bytes;
    let text = std::str::from_utf8(bytes).expect("a row is written as text");
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).skip(1).collect();
    (!places.is_empty()).then(|| *rng.pick(&places))
}

fn cut(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let Some(place) = place(draft, at, rng) else { return false };
    let row = &draft.pieces[at].row;
    let within = |n: &usize| row.fields[*n].start < place && place < row.fields[*n].end;
    let in_quotes = row.which(true, draft.dialect).iter().any(within);
    if fault == Fault::LineCutInQuotes && !in_quotes {
        return false;
    }
    let bytes = row.bytes[..place].to_vec();
    let mut piece = Piece::damaged(fault, bytes, draft);
    if fault == Fault::FileCut {
        piece.line_end.clear();
    }
    draft.replace(at..at + 1, vec![piece])
}

/// Two rows on a line; with [`Fault::LostBoundary`] the end of the one and the start of the other
/// are lost with the line end.
fn join(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    if !draft.is_free(at + 1) {
        return false;
    }
    let (Some(head), Some(tail)) = (place(draft, at, rng), place(draft, at + 1, rng)) else { return false };
    let (first, second) = (&draft.pieces[at].row.bytes, &draft.pieces[at + 1].row.bytes);
    let line_end = draft.pieces[at + 1].line_end.clone();
    let piece = if fault == Fault::LostBoundary {
        Piece::damaged(fault, [&first[..head], &second[tail..]].concat(), draft)
    } else {
        let (middle, end) = (first.len(), first.len() + second.len());
        let joined = [first.as_slice(), second].concat();
        Piece::damaged(fault, joined, draft).tolerating(0..middle).tolerating(middle..end)
    };
    draft.replace(at..at + 2, vec![Piece { line_end, ..piece }])
}

/// A row that was written half, and then again.
fn half(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let Some(place) = place(draft, at, rng) else { return false };
    let whole = draft.pieces[at].clone();
    let half = whole.row.bytes[..place].to_vec();
    if fault == Fault::HalfThenWhole {
        return draft.replace(at..at + 1, vec![Piece::damaged(fault, half, draft), whole]);
    }
    let both = [half, whole.row.bytes].concat();
    let part = place..both.len();
    let piece = Piece::damaged(fault, both, draft).tolerating(part);
    draft.replace(at..at + 1, vec![Piece { line_end: whole.line_end, ..piece }])
}

/// The row stays as it is.
fn other_line_end(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let dialect = draft.dialect;
    // In such a file, LF is no line end until one is seen.
    if dialect.is_cr() {
        return false;
    }
    let last_is_quoted = draft.pieces[at].row.is_quoted(draft.width - 1, dialect);
    let piece = &mut draft.pieces[at];
    if fault == Fault::MixedLineEnds {
        piece.line_end =
            if dialect.line_end == "\n" || rng.one_in(8) { b"\r\n".to_vec() } else { b"\n".to_vec() };
        return true;
    }
    if last_is_quoted {
        return false;
    }
    piece.line_end = b"\r\r\n".to_vec();
    piece.kind = Kind::Unsure;
    let length = piece.row.bytes.len();
    piece.tolerated.push(0..length + 1);
    true
}

/// What stands behind the row.
fn between(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let mut bytes = Vec::new();
    if fault == Fault::BlankLines {
        for _ in 1..rng.between(1, 4) {
            bytes.extend_from_slice(if rng.one_in(4) { b"  " } else { b"" });
            bytes.extend_from_slice(draft.dialect.line_end.as_bytes());
        }
    } else {
        let Some(header) = &draft.header else { return false };
        if fault == Fault::HeaderAgainWithBom {
            bytes.extend_from_slice("\u{FEFF}".as_bytes());
        }
        bytes.extend_from_slice(&header.bytes);
    }
    let piece = Piece::framing(Some(fault), bytes, draft);
    draft.replace(at + 1..at + 1, vec![piece])
}
