//! Which dialect it is, or that nobody can tell.

use std::ops::RangeInclusive;

use super::super::{Delimiter, Dialect, Overrides};
use super::grid::Grid;
use super::kinds::{Kind, kind};
use super::score::{Fit, fit};
use super::trials::{Scored, behind_lines, finals, probe, read, sort};
use super::{Samples, Sniffed, candidates, shape};
use crate::memory::{OutOfMemory, collect, push};

/// So many others are named.
const ALTERNATIVES: usize = 3;

/// Fewer lines tell nothing, and more that are cut alike are no chance.
const SENTENCES: RangeInclusive<usize> = 3..=10;

/// Tries the dialects and says which one it is.
pub(super) fn choose(samples: &Samples<'_>, overrides: &Overrides) -> Result<Sniffed, OutOfMemory> {
    let new_line = overrides.new_line.unwrap_or_else(|| candidates::new_line(samples.head));
    let usual = candidates::usual(new_line, overrides);
    let samples = &Samples { head: behind_lines(samples.head, usual.skip, new_line), ..*samples };
    let scored = finals(samples, &usual, overrides)?;
    decide(samples, &usual, scored, overrides)
}

/// Says which of the dialects it is.
fn decide(
    samples: &Samples<'_>,
    usual: &Dialect,
    mut scored: Vec<Scored>,
    overrides: &Overrides,
) -> Result<Sniffed, OutOfMemory> {
    let probe = probe(samples);
    let mut single = single(&probe, usual, overrides)?;
    if overrides.delimiter.is_none() {
        scored.retain(|scored| scored.fit.columns > 1 && !is_letter(samples.head, scored, &single));
    }
    let certainty = match certainty(&scored, overrides) {
        Certainty::Single if !is_single(samples.head, &scored) => Certainty::Nobody,
        Certainty::First if overrides.delimiter.is_none() && is_doubtful(&probe, &scored)? => {
            Certainty::Nobody
        }
        certainty => certainty,
    };
    let mut list = Vec::new();
    if certainty != Certainty::First {
        if certainty == Certainty::Single {
            single = self::single(samples, usual, overrides)?;
        }
        push(&mut list, single)?;
    }
    for scored in scored {
        let known = list.iter().any(|other: &Scored| other.dialect.delimiter == scored.dialect.delimiter);
        if !known && list.len() <= ALTERNATIVES {
            push(&mut list, scored)?;
        }
    }
    // The first stays where it is, if it is chosen.
    let chosen = usize::from(certainty != Certainty::Nobody).min(list.len());
    sort(&mut list[chosen..]);
    let mut guesses = Vec::new();
    for (index, Scored { dialect, fit }) in list.iter().enumerate() {
        let grids = read(if index < chosen { samples } else { &probe }, dialect)?;
        push(&mut guesses, shape::guess(&grids, dialect, fit, overrides)?)?;
    }
    if certainty == Certainty::Nobody {
        return Ok(Sniffed::Unsure(guesses));
    }
    let mut guesses = guesses.into_iter();
    match guesses.next() {
        Some(first) => Ok(Sniffed::Sure(first, collect(guesses)?)),
        None => Ok(Sniffed::Unsure(Vec::new())),
    }
}

/// What is certain.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Certainty {
    /// The best dialect it is.
    First,
    /// There is one column.
    Single,
    /// Nobody can tell.
    Nobody,
}

/// Whether a delimiter that prose has in any place too is rather a letter here.
fn is_letter(text: &[u8], scored: &Scored, single: &Scored) -> bool {
    let fit = &scored.fit;
    let in_prose = match scored.dialect.delimiter.bytes() {
        [byte] | [byte, b' '] | [b' ', byte, b' '] => !matches!(byte, b',' | b';' | b'\t' | b'|' | 0..=0x1F),
        _ => false,
    };
    in_prose
        && (fit.uniform < 0.8
            || fit.rows < 3
            || single.fit.strict > 0.8
            || candidates::is_in_values(text, &scored.dialect.delimiter))
}

/// What the scores say.
fn certainty(scored: &[Scored], overrides: &Overrides) -> Certainty {
    let Some(first) = scored.first() else { return Certainty::Single };
    if overrides.delimiter.is_some() {
        return Certainty::First;
    }
    // What stands around rows of quoted cells may be anything.
    let is_table = first.fit.enclosed && first.fit.columns > 2 && first.fit.broken == 0;
    if first.fit.uniform < 0.5 && !is_table {
        return Certainty::Single;
    }
    // Blanks stand between words too: values must speak for them.
    let is_prose =
        matches!(first.dialect.delimiter.bytes(), [b' ' | b'/' | b'&' | b'!']) && first.fit.strict < 0.25;
    if is_prose || first.fit.score < 0.15 || scored.get(1).is_some_and(|second| is_close(first, second)) {
        return Certainty::Nobody;
    }
    Certainty::First
}

/// Whether the best dialect is not what it is by chance: its lines may be sentences, and another
/// delimiter may cut them as well.
fn is_doubtful(probe: &Samples<'_>, scored: &[Scored]) -> Result<bool, OutOfMemory> {
    let Some(first) = scored.first() else { return Ok(false) };
    let grids = read(probe, &first.dialect)?;
    if grids[0].len() == 0 {
        return Ok(false);
    }
    Ok(is_sentences(&grids[0], first)
        || scored.iter().skip(1).any(|other| cuts_the_same(&first.fit, &other.fit))
        || scored.iter().skip(1).any(|other| joins_names(&grids[0], first, other)))
}

/// Whether a few lines are rather sentences: a blank follows the delimiters, and no column holds
/// values.
fn is_sentences(grid: &Grid<'_>, scored: &Scored) -> bool {
    if scored.fit.strict > 0.0 || scored.fit.quoted > 0 || !SENTENCES.contains(&grid.len()) {
        return false;
    }
    let (mut texts, mut blanks, mut total) = (0, 0, 0);
    let is_padded = scored.dialect.delimiter.bytes().ends_with(b" ");
    for row in (0..grid.len()).map(|row| grid.row(row)) {
        for (index, cell) in row.iter().enumerate() {
            texts += usize::from(kind(grid.value(cell), false) == Kind::Text);
            blanks += usize::from(index > 0 && (is_padded || grid.raw(cell).starts_with(b" ")));
            total += 1;
        }
    }
    let cuts = total - grid.len();
    blanks * 4 >= cuts * 3 && texts * 2 > total
}

/// Whether another delimiter cuts a few of the lines as this one does, neither cuts the rest, and no
/// values speak for it.
fn cuts_the_same(first: &Fit, other: &Fit) -> bool {
    first.alike < *SENTENCES.start()
        && first.alike < first.rows
        && first.strict == 0.0
        && [first.split, other.split, other.alike] == [first.alike; 3]
        && other.width == first.width
}

/// Whether another delimiter joins names in the first row, and cuts all rows into as many cells.
fn joins_names(grid: &Grid<'_>, first: &Scored, other: &Scored) -> bool {
    let delimiter = other.dialect.delimiter.bytes();
    let joins = |value: &[u8]| {
        memchr::memmem::find_iter(value, delimiter).any(|at| {
            let (before, after) = (&value[..at], &value[at + delimiter.len()..]);
            before.last().is_some_and(|b| *b != b' ') && after.first().is_some_and(|b| *b != b' ')
        })
    };
    is_usual(&other.dialect.delimiter)
        && other.fit.width == first.fit.width
        && other.fit.rows > 1
        && other.fit.alike == other.fit.rows
        && grid.row(0).iter().any(|cell| {
            let value = grid.value(cell);
            !cell.quoted && !kind(value, false).is_strict() && joins(value)
        })
}

/// Whether this is one of the delimiters that nearly all files have.
fn is_usual(delimiter: &Delimiter) -> bool {
    matches!(delimiter.bytes(), b"," | b";" | b"\t" | b"|")
}

/// Whether there is nothing in the lines that speaks for more than one column.
fn is_single(text: &[u8], scored: &[Scored]) -> bool {
    let splits = |scored: &Scored| {
        let fit = &scored.fit;
        fit.split * 4 > fit.rows || (fit.columns > 2 && (fit.uniform > 0.15 || fit.quoted > 3))
    };
    let has_lone_return = memchr::memchr_iter(b'\r', text)
        .any(|at| text.get(at + 1).is_some_and(|next| *next != b'\n'))
        && memchr::memchr(b'\n', text).is_some();
    !has_lone_return
        && !is_aligned(text)
        && !scored.iter().filter(|scored| is_usual(&scored.dialect.delimiter)).any(splits)
}

/// Whether most lines have the same number of words, set apart by more than one blank.
fn is_aligned(text: &[u8]) -> bool {
    let lines =
        || text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).take(100);
    let words = |line: &[u8]| line.split(|&b| b == b' ').filter(|word| !word.is_empty()).count();
    let total = lines().count();
    let usual = lines().nth(total / 2).map_or(0, words);
    let alike = lines().filter(|line| words(line) == usual).count();
    let wide = lines().filter(|line| memchr::memmem::find(line, b"  ").is_some()).count();
    usual > 2 && total > 2 && alike * 10 >= total * 6 && wide * 2 > total
}

/// Whether two dialects with different cells fit about as well.
fn is_close(first: &Scored, second: &Scored) -> bool {
    let bare = |scored: &Scored| match scored.dialect.delimiter.bytes() {
        [byte] | [byte, b' '] | [b' ', byte, b' '] => Some(*byte),
        _ => None,
    };
    second.fit.score > first.fit.score * 0.97 && (bare(first).is_none() || bare(first) != bare(second))
}

/// The delimiters that a file with a single column is said to have.
const UNUSED: [&[u8]; 5] = [b",", b"\t", b";", b"|", b"\x1F"];

/// The lines as cells of a single column, with the first delimiter that cuts none of them.
fn single(samples: &Samples<'_>, usual: &Dialect, overrides: &Overrides) -> Result<Scored, OutOfMemory> {
    let mut last = None;
    for delimiter in UNUSED.into_iter().filter_map(Delimiter::new) {
        let dialect = Dialect { delimiter: overrides.delimiter.unwrap_or(delimiter), ..*usual };
        let fit = fit(&read(samples, &dialect)?, &dialect)?;
        last = Some(Scored { dialect, fit });
        if overrides.delimiter.is_some() || (fit.columns <= 1 && fit.alike == fit.rows) {
            break;
        }
    }
    Ok(last.expect("there are delimiters"))
}
