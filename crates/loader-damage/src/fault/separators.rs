//! Faults between records, which damage none.

use super::Fault;
use crate::draft::Draft;
use crate::rng::Rng;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Changes what stands before the record at `at`.
pub(super) fn change(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    let lonely = at == 0 || !draft.slots[at - 1].is_good();
    if lonely != (fault == Fault::BomAtStart) || (fault == Fault::BomAtStart && at != 0) {
        return false;
    }
    let glue = draft.slots[at].glue.clone();
    let has_newline = glue.contains(&b'\n');
    let changed = match fault {
        Fault::BomAtStart => [BOM, &glue].concat(),
        Fault::BomBetween => {
            let place = rng.between(0, glue.len());
            [&glue[..place], BOM, &glue[place..]].concat()
        }
        Fault::DoubledSeparator => match glue.is_empty() {
            true => b",".to_vec(),
            false => [glue.as_slice(), &glue].concat(),
        },
        Fault::StraySeparator => {
            let newline = draft.framing.newline().as_bytes();
            let stray: &[u8] = match rng.below(8) {
                0 => b"[",
                1 => b"]",
                2 => b"][",
                3 => b" \t ",
                4 => newline,
                5 => b",,",
                _ => b",",
            };
            // An opening bracket before an array or a scalar makes another array;
            // a closing one behind a scalar could be the end of one.
            let [before, behind] = [at - 1, at].map(|at| draft.slots[at].bytes[0]);
            if stray.contains(&b'[') && behind != b'{'
                || stray.contains(&b']') && !matches!(before, b'{' | b'[')
            {
                return false;
            }
            let place = rng.between(0, glue.len());
            // Between CR and LF it would not be a stray separator.
            if place > 0 && glue[place - 1] == b'\r' {
                return false;
            }
            let line = if has_newline && rng.one_in(3) { newline } else { b"" };
            [&glue[..place], line, stray, line, &glue[place..]].concat()
        }
        Fault::MissingSeparator => {
            let ends = |bytes: &[u8]| matches!(bytes.first(), Some(b'{' | b'[')) as usize;
            if glue.is_empty() || ends(&draft.slots[at].bytes) + ends(&draft.slots[at - 1].bytes) < 2 {
                return false;
            }
            match rng.below(3) {
                0 if glue.contains(&b',') => glue.iter().copied().filter(|&b| b != b',').collect(),
                1 if has_newline && glue.len() > 1 => {
                    glue.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect()
                }
                _ => Vec::new(),
            }
        }
        _ => return false,
    };
    if changed == glue {
        return false;
    }
    draft.slots[at].glue = changed;
    draft.slots[at].reserved = true;
    if at > 0 {
        draft.slots[at - 1].reserved = true;
    }
    true
}
