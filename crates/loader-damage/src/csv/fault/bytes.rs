//! NUL bytes, and bytes that are no text.

use super::Fault;
use crate::csv::draft::{Draft, Piece};
use crate::rng::Rng;

/// Damages a row, or puts bytes beside it.
pub fn apply(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    match fault {
        Fault::NulLine | Fault::BinaryLine => line(fault, draft, at, rng),
        Fault::NulBoundary => boundary(draft, at, rng),
        _ => inside(fault, draft, at, rng),
    }
}

fn line(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let length = rng.between(3, 600);
    let byte = |rng: &mut Rng| match rng.next() as u8 {
        _ if fault == Fault::NulLine => 0,
        b'\r' | b'\n' => 0xFE,
        byte => byte,
    };
    // A byte that no UTF-8 has makes sure that this is no text.
    let mut bytes: Vec<u8> = (0..length).map(|_| byte(rng)).collect();
    if fault == Fault::BinaryLine {
        bytes[0] = 0xFE;
    }
    let piece = Piece::damaged(fault, bytes, draft);
    draft.replace(at + 1..at + 1, vec![piece])
}

/// The end of a row and the start of the next are overwritten, as by a crash of the system.
fn boundary(draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    if !draft.is_free(at + 1) {
        return false;
    }
    let (first, second) = (&draft.pieces[at], &draft.pieces[at + 1]);
    let (head, tail) = (rng.below(first.row.bytes.len()), rng.below(second.row.bytes.len()));
    let middle = first.row.bytes.len() - head + first.line_end.len() + tail;
    let bytes = [&first.row.bytes[..head], &vec![0; middle], &second.row.bytes[tail..]].concat();
    let line_end = second.line_end.clone();
    let piece = Piece::damaged(Fault::NulBoundary, bytes, draft);
    // Where the second row is whole, it stands behind the zeros.
    let piece = if tail == 0 {
        let end = piece.row.bytes.len();
        piece.tolerating(head + middle..end)
    } else {
        piece
    };
    draft.replace(at..at + 2, vec![Piece { line_end, ..piece }])
}

fn inside(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let piece = &draft.pieces[at];
    let (mut bytes, line_end) = (piece.row.bytes.clone(), piece.line_end.clone());
    let mut tolerated = Vec::new();
    match fault {
        Fault::NulBefore => {
            let zeros = rng.between(1, 600);
            bytes.splice(0..0, vec![0; zeros]);
            tolerated.push(zeros..bytes.len());
        }
        Fault::NulInside => {
            let (place, zeros) = (rng.between(1, bytes.len() - 1), rng.between(1, 3));
            bytes.splice(place..place, vec![0; zeros]);
        }
        _ => {
            let place = rng.between(1, bytes.len() - 1);
            let what: &[u8] =
                rng.pick::<&[u8]>(&[b"\xFF", b"\xC3\x28", b"\xE9", b"\xED\xA0\x80", b"\xF8\x88\x80"]);
            bytes.splice(place..place, what.iter().copied());
        }
    }
    let piece = Piece { line_end, tolerated, ..Piece::damaged(fault, bytes, draft) };
    draft.replace(at..at + 1, vec![piece])
}
