//! The files of a seed.

use super::content::Content;
use super::dialect::Dialect;
use super::draft::{Draft, Piece};
use super::fault::{Fault, Place};
use super::{File, strict};
use crate::rng::Rng;
use crate::suite::Choice;

/// Files without damage, of 20 to 3,000 rows.
pub fn healthy(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    pairs().flat_map(move |(dialect, content)| {
        [20, 300, 3_000].into_iter().enumerate().filter_map(move |(n, rows)| {
            make(choice, "healthy", dialect, content, ("healthy", n), rows, |_, _| true)
        })
    })
}

/// Each fault alone, in several places of a file of 20 to 300 rows.
pub fn alone(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    pairs().flat_map(move |(dialect, content)| {
        Fault::ALL.into_iter().filter_map(move |fault| {
            let rows = 20 + rows_of(choice, fault.name()) % 280;
            make(choice, "alone", dialect, content, (fault.name(), 0), rows, |draft, rng| {
                let places = if fault.place() == Place::Anywhere { rng.between(1, 1 + rows / 15) } else { 1 };
                (0..places).filter(|_| once(fault, draft, rng)).count() > 0
            })
        })
    })
}

/// Many faults in files of 40 to 400 rows: one row in twenty, one in five, the rows of one place,
/// one behind the other, rows between a quote that is opened and one that is closed, and rows
/// inside of a field whose quote is not opened.
pub fn mixed(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    pairs().flat_map(move |(dialect, content)| {
        [("few", 20), ("many", 5), ("neighbours", 0), ("swallowed", 1), ("inside", 2)].into_iter().filter_map(
            move |(scenario, one_in)| {
                let rows = 40 + rows_of(choice, scenario) % 360;
                make(choice, "mixed", dialect, content, (scenario, 0), rows, |draft, rng| match one_in {
                    0 => neighbours(draft, rng),
                    2 => (0..1 + rows / 40).filter(|_| inside(draft, rng)).count() > 0,
                    1 => (0..1 + rows / 40).filter(|_| swallowed(draft, rng)).count() > 0,
                    _ if rng.one_in(3) && !ending(draft, rng) => false,
                    _ => (0..=rows / one_in).filter(|_| anything(draft, rng)).count() > 0,
                })
            },
        )
    })
}

/// Up to 3,000 rows with damage all over: what lies beyond the head of a file and across the
/// edges of buffers.
pub fn long(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    pairs().filter_map(move |(dialect, content)| {
        make(choice, "long", dialect, content, ("long", 0), 3_000, |draft, rng| {
            (0..60).filter(|_| anything(draft, rng)).count() > 0
        })
    })
}

/// All files of a seed.
pub fn all(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    healthy(choice).chain(alone(choice)).chain(mixed(choice)).chain(long(choice))
}

fn pairs() -> impl Iterator<Item = (&'static Dialect, Content)> {
    Dialect::ALL.iter().flat_map(|dialect| Content::ALL.into_iter().map(move |content| (dialect, content)))
}

fn rows_of(choice: Choice, name: &str) -> usize {
    Rng::named(choice.seed, name).below(1 << 20)
}

/// Builds a file, again with other numbers until it can be damaged so.
fn make(
    choice: Choice,
    suite: &str,
    dialect: &'static Dialect,
    content: Content,
    (scenario, n): (&'static str, usize),
    rows: usize,
    damage: impl Fn(&mut Draft, &mut Rng) -> bool,
) -> Option<File> {
    let name = format!("{suite}/{}/{}/{scenario}/{n}", dialect.name, content.name());
    let mut rng = Rng::named(choice.seed, &name);
    if rng.below(choice.one_in) != 0 {
        return None;
    }
    (0..3).find_map(|_| {
        let mut draft = Draft::new(dialect, content, rows, &mut rng);
        if !damage(&mut draft, &mut rng) {
            return None;
        }
        if rng.one_in(4) {
            draft.pieces.last_mut()?.line_end.clear();
        }
        Some(draft.finish(name.clone(), choice.seed, scenario))
    })
}

/// Does this somewhere.
fn once(fault: Fault, draft: &mut Draft, rng: &mut Rng) -> bool {
    let free = draft.free();
    !free.is_empty()
        && (0..20).any(|_| {
            let at = match fault.place() {
                Place::Anywhere => *rng.pick(&free),
                Place::Start => free[0],
                Place::End => free[free.len() - 1],
            };
            fault.apply(draft, at, rng)
        })
}

/// Does something somewhere. What belongs at the start or the end of a file is rare.
fn anything(draft: &mut Draft, rng: &mut Rng) -> bool {
    (0..20).any(|_| {
        let fault = *rng.pick(&Fault::ALL);
        (fault.place() == Place::Anywhere || rng.one_in(10))
            && fault.place() != Place::End
            && once(fault, draft, rng)
    })
}

/// A closing quote is lost in one row, and the opening quote of the same field in a later one:
/// read strictly, all between is text. Each row between shows that it is none.
fn swallowed(draft: &mut Draft, rng: &mut Rng) -> bool {
    if draft.content.has_rows_in_fields() {
        return false;
    }
    let free = draft.free();
    (0..20).any(|_| {
        let from = *rng.pick(&free);
        let to = from + rng.between(3, 9);
        // The rows between have no quote that would show where the text ends.
        let plain =
            |at: usize| draft.is_free(at) && draft.pieces[at].row.which(true, draft.dialect).is_empty();
        let damaged = |fault, draft: &Draft, at, rng: &mut Rng| {
            let mut copy = draft.clone();
            fault_at(fault, &mut copy, at, rng).then_some(copy)
        };
        let is_open = (from + 1..to).all(plain);
        let once = is_open.then(|| damaged(Fault::ClosingQuoteLost, draft, from, rng)).flatten();
        let twice = once.and_then(|once| damaged(Fault::OpeningQuoteLost, &once, to, rng));
        twice.map(|twice| *draft = twice).is_some()
    })
}

fn fault_at(fault: Fault, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
    (0..5).any(|_| fault.apply(draft, at, rng))
}

/// The opening quote is lost of a field that has whole rows in it. Nothing about those lines shows
/// that they are none, but one quote put back makes a row of all, to the last byte.
fn inside(draft: &mut Draft, rng: &mut Rng) -> bool {
    let has_rows = |draft: &Draft, bytes: &[u8]| !strict::rows(bytes, draft.width, draft.dialect).is_empty();
    (0..40).any(|_| {
        let at = *rng.pick(&draft.free());
        let piece = &draft.pieces[at];
        let mut bytes = piece.row.bytes.clone();
        let quoted = piece.row.which(true, draft.dialect);
        let Some(&field) = quoted.iter().find(|&&field| {
            bytes[piece.row.fields[field].clone()].contains(&draft.dialect.line_end.as_bytes()[0])
        }) else {
            return false;
        };
        bytes.remove(piece.row.fields[field].start);
        let is_one = draft.content.has_rows_in_fields() && has_rows(draft, &bytes);
        if is_one {
            let line_end = piece.line_end.clone();
            draft.pieces[at] = Piece { line_end, ..Piece::damaged(Fault::OpeningQuoteLost, bytes, draft) };
        }
        is_one
    })
}

/// Does something at the end of the file.
fn ending(draft: &mut Draft, rng: &mut Rng) -> bool {
    let at_end = Fault::ALL.into_iter().filter(|fault| fault.place() == Place::End).collect::<Vec<_>>();
    let fault = *rng.pick(&at_end);
    once(fault, draft, rng)
}

/// Damages several rows of one place.
fn neighbours(draft: &mut Draft, rng: &mut Rng) -> bool {
    let free = draft.free();
    let from = *rng.pick(&free);
    let damaged = (from..from + rng.between(2, 8)).filter(|&at| {
        (0..10).any(|_| {
            let fault = *rng.pick(&Fault::ALL);
            fault.place() == Place::Anywhere && fault.apply(draft, at, rng)
        })
    });
    damaged.count() > 1
}
