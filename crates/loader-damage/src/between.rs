//! What lies between records and is none: NUL bytes, lines of text.

use crate::draft::Draft;
use crate::framing::Framing;
use crate::rng::Rng;
use crate::text::{self, Lines};

/// A kind of what lies between records.
#[derive(Clone, Copy)]
pub(crate) enum Between {
    /// NUL bytes, as a file system leaves them behind a crash.
    Nul,
    /// Lines.
    Lines(&'static Lines),
}

/// All kinds.
pub(crate) const ALL: &[Between] = &[
    Between::Nul,
    Between::Lines(&text::LOG),
    Between::Lines(&text::LEVEL),
    Between::Lines(&text::STAMP),
    Between::Lines(&text::PYTHON),
    Between::Lines(&text::ROUGH),
    Between::Lines(&text::STACK),
    Between::Lines(&text::COLOURS),
    Between::Lines(&text::SEPARATORS),
    Between::Lines(&text::PROSE),
    Between::Lines(&text::MARKUP),
    Between::Lines(&text::CSV),
];

/// The longest run of NUL bytes.
const NULS: usize = 64 * 1024;

impl Between {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Between::Nul => "nul-bytes",
            Between::Lines(lines) => lines.name,
        }
    }

    /// Whether it can be told from records in files with this framing. Numbers
    /// between the elements of an array are elements.
    pub(crate) fn fits(self, framing: Framing) -> bool {
        let array = matches!(framing, Framing::ArrayLines | Framing::Pretty2);
        match self {
            Between::Nul => true,
            Between::Lines(lines) => framing.strict() && !(array && lines.name == text::CSV.name),
        }
    }

    /// Puts it before some records and behind the last: in one place, in a few or
    /// in many.
    pub(crate) fn put(self, draft: &mut Draft, rng: &mut Rng) {
        let ends = draft.slots.len();
        let places = match rng.below(3) {
            0 => 1,
            1 => 1 + ends.min(3),
            _ => 1 + ends / 10,
        };
        let mut at: Vec<usize> = (0..places).map(|_| rng.between(0, ends)).collect();
        at.sort_unstable();
        at.dedup();
        for at in at {
            let newline = draft.framing.newline();
            // Where a record was torn off, the next one stays on its line.
            let torn = at > 0 && at < ends && draft.slots[at].glue.is_empty() && draft.framing.strict();
            if torn {
                continue;
            }
            let glue = if at < ends { &mut draft.slots[at].glue } else { &mut draft.tail };
            match self {
                Between::Nul => {
                    let most = 1 << rng.between(0, NULS.ilog2() as usize);
                    let run = vec![0; rng.between(1, most)];
                    // Before the newline, behind it, or on a line of their own.
                    let line = glue.iter().position(|&b| b == b'\n').map_or(glue.len(), |n| n + 1);
                    let place = if rng.one_in(2) { rng.between(0, line) } else { line };
                    let own = draft.framing.strict() && place == line && rng.one_in(3);
                    let own: &[u8] = if own { newline.as_bytes() } else { b"" };
                    glue.splice(place..place, run.into_iter().chain(own.iter().copied()));
                }
                Between::Lines(lines) => {
                    let count = match rng.below(10) {
                        0 => text::count(rng),
                        1..4 => rng.between(2, 8),
                        _ => 1,
                    };
                    let block = text::block(lines.lines, count, newline, rng);
                    let line = match at == ends {
                        true => glue.len(),
                        false => glue.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1),
                    };
                    let missing = at == ends && !glue.ends_with(b"\n");
                    let missing: &[u8] = if missing { newline.as_bytes() } else { b"" };
                    glue.splice(line..line, missing.iter().copied().chain(block));
                }
            }
        }
    }
}
