//! Rubbish between records and in place of them.

use super::Fault;
use crate::draft::{Draft, Slot};
use crate::rng::Rng;

const MANY: usize = 100_000;

/// Rubbish that ends with a colon would make a record behind it a value.
const TEXTS: &[&str] = &[
    "GARBAGE",
    "<html><head><title>502 Bad Gateway</title></head></html>",
    "ERROR 2024-05-01 connection reset by peer",
    "%%%%@@@@####",
    "}{][",
    "{{{{",
    "\"unterminated",
    "a \"quoted\" word",
    "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nKeyError: 'id'",
    "{'id': 1}",
    "id;name;value\nx;y;z",
    "0000000 7b22 6964 223a",
    "-- MARK --",
    "{\"id\":1,\"event\":\"cut of",
    "\"event\":\"page_view\"}",
    "]]>",
    "}}}}",
    "\\\\\\",
    "\u{FFFD}\u{FFFD}",
    "[ERROR] {\"code\" 5}",
];

const COLONS: &[&str] = &["ERROR:", "{\"half\": ", "\"id\":"];

/// A line or more of text that is not JSON.
pub(super) fn text(strict: bool, rng: &mut Rng) -> Vec<u8> {
    if strict && rng.one_in(8) {
        return (*rng.pick(COLONS)).into();
    }
    let mut text = (*rng.pick(TEXTS)).to_owned();
    while rng.one_in(4) {
        text.push(' ');
        text.push_str(rng.pick(TEXTS));
    }
    text.into_bytes()
}

/// Random bytes, newlines, quotes and brackets more often than chance would.
pub(super) fn binary(strict: bool, rng: &mut Rng) -> Vec<u8> {
    let length = rng.between(8, 400);
    let mut bytes: Vec<u8> = (0..length)
        .map(|_| match rng.below(12) {
            0 => b'\n',
            1 => b'"',
            2 => *rng.pick(b"{}[],:\\"),
            _ => rng.next() as u8,
        })
        .collect();
    if !strict {
        bytes.extend_from_slice(b"\xFE\x01");
    }
    bytes
}

/// Puts rubbish before the record at `at`, or in place of it.
pub(super) fn put(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let strict = draft.framing.strict();
    for _ in 0..20 {
        let bytes = match fault {
            Fault::GarbageBlock | Fault::GarbageRecord | Fault::GarbageTouching => text(strict, rng),
            Fault::BinaryBlock | Fault::BinaryRecord => binary(strict, rng),
            Fault::OpenBracketsRecord => vec![b'['; MANY],
            _ => b"{\"a\":".repeat(20_000),
        };
        match fault {
            Fault::GarbageTouching => {
                let record = draft.slots[at].bytes.clone();
                let both = if rng.one_in(2) { [bytes, record].concat() } else { [record, bytes].concat() };
                if draft.is_damage(&both, &draft.slots[at].bytes) {
                    draft.slots[at].spoil(both, fault);
                    return true;
                }
            }
            _ if !draft.is_damage(&bytes, b"") => {}
            Fault::GarbageBlock | Fault::BinaryBlock => {
                insert(draft, at, bytes, fault, rng);
                return true;
            }
            _ => {
                draft.slots[at].spoil(bytes, fault);
                return true;
            }
        }
    }
    false
}

/// A block of its own before the record at `at`: on lines of its own where
/// lines show where records start, with or without a separator elsewhere.
fn insert(draft: &mut Draft, at: usize, bytes: Vec<u8>, fault: Fault, rng: &mut Rng) {
    let [_, between, _] = draft.framing.glue();
    let between = between.as_bytes().to_vec();
    let newline = draft.framing.newline();
    let glue = draft.slots[at].glue.clone();
    let (before, behind) = if draft.framing.strict() {
        // Where the separator has no newline (hugging), the block brings its
        // own, and the record starts at its indentation.
        let plain = match glue.iter().rposition(|&b| b == b'\n') {
            Some(newline_at) => {
                let blank = |b: &&u8| matches!(b, b' ' | b'\t' | 0x1E);
                [
                    newline.as_bytes(),
                    &glue[newline_at + 1..].iter().filter(blank).copied().collect::<Vec<u8>>(),
                ]
                .concat()
            }
            None => newline.into(),
        };
        if rng.one_in(2) {
            (glue, plain)
        } else {
            (plain.clone(), if at == 0 { plain } else { [plain, glue].concat() })
        }
    } else {
        match rng.below(3) {
            0 => (glue, Vec::new()),
            1 => (if at == 0 { glue } else { Vec::new() }, between),
            _ => (glue, between),
        }
    };
    draft.slots[at].glue = behind;
    draft.slots[at].reserved = true;
    draft.slots.insert(at, Slot::rubbish(before, bytes, fault));
}
