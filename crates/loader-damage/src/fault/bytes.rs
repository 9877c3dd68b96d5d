//! Faults of transport: bytes lost, overwritten or put in, wherever they fall.

use super::{Fault, place, rubbish, syntax};
use crate::draft::Draft;
use crate::rng::Rng;
use crate::tokens::{Kind, tokens};

/// Brackets that open and are never closed: deeper than any stack of calls.
const MANY: usize = 100_000;

/// The record with one fault; `None` where there is nothing to damage.
pub(super) fn edit(fault: Fault, record: &[u8], strict: bool, rng: &mut Rng) -> Option<Vec<u8>> {
    use Fault::*;
    let all = tokens(record);
    let strings: Vec<_> = all.iter().filter(|token| matches!(token.kind, Kind::Key | Kind::Text)).collect();
    let between = |rng: &mut Rng| all[place(all.len(), rng)].at;
    let any = |rng: &mut Rng| rng.between(1, record.len() - 1);
    let in_string = |rng: &mut Rng| match strings.len() {
        0 => any(rng),
        n => syntax::string_place(record, strings[place(n, rng)], rng),
    };
    if record.len() < 4 {
        return None;
    }
    let put = |at: usize, what: &[u8]| Some([&record[..at], what, &record[at..]].concat());
    match fault {
        Comment => {
            let comment = *rng.pick(&["/* x */", "// x\n", "# x\n", "/* { */", "/* \" */", "<!-- x -->"]);
            put(between(rng), comment.as_bytes())
        }
        GarbageInside => put(any(rng), &rubbish::text(strict, rng)),
        BinaryInside => put(any(rng), &rubbish::binary(strict, rng)),
        InvalidUtf8 => {
            let bytes: &[u8] = rng.pick(&[
                b"\xFF" as &[u8],
                b"\xC3\x28",
                b"\xC0\xAF",
                b"\xED\xA0\x80",
                b"\xF4\x90\x80\x80",
                b"\xE2\x82",
            ]);
            put(if rng.one_in(4) { any(rng) } else { in_string(rng) }, bytes)
        }
        RawNul => put(if rng.one_in(3) { any(rng) } else { in_string(rng) }, b"\0"),
        ControlCharacter => {
            let at = in_string(rng);
            put(at, &[*rng.pick(&[1, 8, 9, 11, 12, 13, 0x1B, 0x1E, 0x1F])])
        }
        RawNewline => put(in_string(rng), if rng.one_in(3) { b"\r\n" } else { b"\n" }),
        BomInside => put(between(rng), b"\xEF\xBB\xBF"),
        OpenBracketsInside => put(between(rng), &vec![b'['; MANY]),
        LostMiddle => {
            let from = any(rng);
            let to = (from + rng.between(1, 40)).min(record.len() - 1);
            Some([&record[..from], &record[to..]].concat())
        }
        ZeroedMiddle => {
            let from = rng.below(record.len() - 2);
            let to = (from + rng.between(2, 64)).min(record.len());
            let mut bytes = record.to_vec();
            bytes[from..to].fill(0);
            Some(bytes)
        }
        LostHead => Some(record[any(rng)..].to_vec()),
        LostTail => Some(head(record, rng).to_vec()),
        _ => None,
    }
}

/// The head of a record, cut at any place or at a nasty one: right behind a
/// colon, a comma or a bracket.
fn head<'a>(record: &'a [u8], rng: &mut Rng) -> &'a [u8] {
    if rng.one_in(4) {
        let all = tokens(record);
        let cut = all[place(all.len(), rng)].end;
        if cut < record.len() {
            return &record[..cut];
        }
    }
    &record[..rng.between(1, record.len() - 1)]
}

/// Cuts that change more than the record itself.
pub(super) fn cut(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let next = at + 1;
    match fault {
        Fault::TornWrite | Fault::TornWriteNewline => {
            if next >= draft.slots.len() || !draft.slots[next].is_good() {
                return false;
            }
            if !super::edit(fault, draft, at, rng, |record, rng| Some(head(record, rng).to_vec())) {
                return false;
            }
            draft.slots[next].glue =
                if fault == Fault::TornWrite { Vec::new() } else { bare_newline(draft, next) };
            draft.slots[next].reserved = true;
            true
        }
        Fault::LostBoundary | Fault::ZeroedBoundary => {
            if next >= draft.slots.len() || !draft.slots[next].is_free() {
                return false;
            }
            let [first, second] = [at, next].map(|at| draft.slots[at].bytes.clone());
            for _ in 0..20 {
                let mut left = head(&first, rng).to_vec();
                let right = second[rng.between(1, second.len() - 1)..].to_vec();
                if fault == Fault::ZeroedBoundary {
                    left.resize(left.len() + rng.between(4, 512), 0);
                }
                let both = [left.as_slice(), &right].concat();
                if [(&left, &first), (&right, &second), (&both, &first)]
                    .iter()
                    .all(|(b, w)| draft.is_damage(b, w))
                {
                    draft.slots[at].spoil(left, fault);
                    draft.slots[next].spoil(right, fault);
                    draft.slots[next].glue.clear();
                    return true;
                }
            }
            false
        }
        Fault::CutHead => {
            if at != 0
                || !super::edit(fault, draft, 0, rng, |record, rng| {
                    Some(record[rng.between(1, record.len() - 1)..].to_vec())
                })
            {
                return false;
            }
            draft.slots[0].glue.clear();
            true
        }
        Fault::TruncatedFile => {
            if next != draft.slots.len()
                || !super::edit(fault, draft, at, rng, |record, rng| Some(head(record, rng).to_vec()))
            {
                return false;
            }
            draft.tail.clear();
            true
        }
        _ => false,
    }
}

/// A newline and the indentation that records have.
fn bare_newline(draft: &Draft, at: usize) -> Vec<u8> {
    let glue = &draft.slots[at].glue;
    let mut bytes = draft.framing.newline().as_bytes().to_vec();
    if let Some(newline) = glue.iter().rposition(|&b| b == b'\n') {
        bytes.extend(glue[newline + 1..].iter().filter(|b| matches!(b, b' ' | b'\t' | 0x1E)));
    }
    bytes
}
