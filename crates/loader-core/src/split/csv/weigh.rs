//! Weighs the ways in which lines can be records, and says what the first of them is.
//!
//! The lines ahead are cut into parts: a line that is a record, a record by its quotes that
//! goes over several lines, a line that is rejected, several lines that are rejected as one
//! damaged record. Each part costs, as the constants say, and of all ways to cut the one that
//! costs least is taken. Only its first part is used.

use super::ahead::{Line, Viewer};
use super::field::has_width;
use super::read::Read;
use super::walk::{Reading, Stop, walk};
use crate::memory::{self, OutOfMemory};

/// A reject.
const REJECT: u32 = 100;
/// A value of a record that does not fit its column, …
const CONTRARY: u32 = 40;
/// … up to so many of them.
const MOST_CONTRARY: u32 = 3;
/// A line in a reject behind its first, …
const LINE: u32 = 10;
/// … that is a record by itself, for each delimiter in it up to a few, …
const LOST_RECORD: u32 = 50;
const MOST_DELIMITERS: u32 = 4;
/// … of which values fit that texts would not, or that ends a record over several lines, …
const LOST_STRONG: u32 = 300;
/// … that begins as a record does, and opens a field, …
const LOST_BEGINNING: u32 = 150;
/// … or is too short.
const LOST_PART: u32 = 60;
/// A reject that ends in a quoted field.
const CUT_OFF: u32 = 30;
/// A line in a quoted field that is a record by itself, …
const SWALLOWED_RECORD: u32 = 20;
/// … of which values fit that texts would not; or would be one but for its quotes.
const SWALLOWED_STRONG: u32 = 120;
/// A line end in a column that has none in the head.
const NEVER_BROKEN: u32 = 90;

/// What the first lines are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// A record by its quotes.
    Record(Read),
    /// A damaged record that ends before the index; as it reads by its quotes, if those tell
    /// its end.
    Reject(usize, Option<Read>),
}

/// The cheapest way from a line on.
#[derive(Clone, Copy)]
struct Way {
    cost: u32,
    part: Part,
}

/// What is known from a line on.
#[derive(Clone, Copy, Default)]
struct Onward {
    /// What the cheapest way costs.
    cost: u32,
    /// The line behind the record over several lines that begins here by its quotes, and whose
    /// values fit.
    record_to: Option<usize>,
}

/// What the first of the lines is. `is_whole`: nothing follows the text. There is a line.
pub(super) fn weigh(
    viewer: &mut Viewer<'_>,
    lines: &[Line],
    is_whole: bool,
) -> Result<Option<Part>, OutOfMemory> {
    let mut costs = memory::filled(lines.len() + 1, Onward::default())?;
    let mut first = None;
    for from in (0..lines.len()).rev() {
        let way = best(viewer, lines, from, &mut costs, is_whole)?;
        costs[from].cost = way.cost;
        first = Some(way.part);
    }
    Ok(first)
}

/// The cheapest way from the line `from` on; `costs` are those from the lines behind it.
fn best(
    viewer: &mut Viewer<'_>,
    lines: &[Line],
    from: usize,
    costs: &mut [Onward],
    is_whole: bool,
) -> Result<Way, OutOfMemory> {
    let line = &lines[from];
    if line.is_blank {
        return Ok(Way { cost: costs[from + 1].cost, part: Part::Reject(line.end, None) });
    }
    if line.is_record {
        let contrary = line.fits.contrary.min(MOST_CONTRARY);
        let way = Way { cost: contrary * CONTRARY + costs[from + 1].cost, part: Part::Record(line.read) };
        if contrary == 0 {
            return Ok(way);
        }
        return Ok(cheaper(way, several(viewer, lines, from, costs)?));
    }
    let alone = Way { cost: REJECT + costs[from + 1].cost, part: Part::Reject(line.end, None) };
    let mut way = cheaper(alone, several(viewer, lines, from, costs)?);
    way = cheaper(way, joined(viewer, lines, from, costs, is_whole)?);
    let Stop::Open(first) = line.read.stop else { return Ok(way) };
    let mut read = line.read;
    while let Stop::Open(open) = read.stop {
        let Some(next) = viewer.options.dialect.read_step_within(viewer.text, read, open, is_whole)? else {
            break;
        };
        if next.stop == Stop::Open(open) {
            break;
        }
        read = next;
        way = cheaper(way, Some(by_quotes(viewer, lines, from, costs, (first, read))?));
    }
    Ok(way)
}

fn cheaper(way: Way, other: Option<Way>) -> Way {
    match other {
        Some(other) if other.cost < way.cost => other,
        _ => way,
    }
}

/// The record over several lines that the line `from` begins by its quotes, as far as `read`. If
/// it is damaged, it is so on the last of these lines.
fn by_quotes(
    viewer: &mut Viewer<'_>,
    lines: &[Line],
    from: usize,
    costs: &mut [Onward],
    (open, read): (usize, Read),
) -> Result<Way, OutOfMemory> {
    let behind = from + lines[from..].iter().take_while(|line| line.start < read.end).count();
    let inner = &lines[from + 1..behind];
    viewer.scratch.clear();
    let scratch = &mut *viewer.scratch;
    let text = &viewer.text[..read.end];
    let start = (lines[from].start, None);
    let stop =
        walk(text, &viewer.options.dialect, Reading::default(), start, |field| memory::push(scratch, field))?;
    let width = viewer.options.width;
    if stop != Stop::End || !has_width(scratch, width, viewer.options.surplus) {
        let lost = (from + 1..behind).map(|at| lost_up_to(lines, costs, from + 1, at)).sum::<u32>();
        let cost = REJECT + lost + costs[behind].cost;
        return Ok(Way { cost, part: Part::Reject(read.end, Some(read)) });
    }
    let fits = viewer.profile.fits(viewer.text, scratch, 0);
    if fits.contrary == 0 && fits.strong > 0 {
        costs[from].record_to = Some(behind);
    }
    let column = viewer.scratch.iter().position(|field| field.start > open).unwrap_or(0);
    let never = if viewer.profile.may_be_broken(column) { 0 } else { NEVER_BROKEN };
    let is_usual = viewer.profile.is_nesting(lines[from].read.fields);
    let swallowed: u32 = if is_usual { 0 } else { inner.iter().map(swallowed).sum() };
    let cost = fits.contrary.min(MOST_CONTRARY) * CONTRARY + never + swallowed + costs[behind].cost;
    Ok(Way { cost, part: Part::Record(read) })
}

/// What it costs if a line is a part of a quoted field.
pub(super) fn swallowed(line: &Line) -> u32 {
    if line.nearly_fits() || (line.fits_whole() && line.fits.strong > 0) {
        SWALLOWED_STRONG
    } else if line.fits_whole() && line.read.fields > 1 {
        SWALLOWED_RECORD
    } else {
        0
    }
}

/// What it costs if a line is a part of a reject, behind its first line.
fn lost(line: &Line) -> u32 {
    if line.is_blank {
        0
    } else if line.nearly_fits() || (line.fits_whole() && line.fits.strong > 0) {
        LOST_STRONG
    } else if line.fits_whole() || line.seems_whole() {
        LOST_RECORD * (line.read.fields as u32).saturating_sub(1).min(MOST_DELIMITERS)
    } else if line.fits.strong == 0 || line.fits.contrary > 0 {
        LINE
    } else if matches!(line.read.stop, Stop::Open(_)) {
        LOST_BEGINNING
    } else {
        LOST_PART
    }
}

/// What the line `at` adds to the cost of a reject whose second line is `from`: a record over
/// several lines is lost with its last line.
fn lost_up_to(lines: &[Line], costs: &[Onward], from: usize, at: usize) -> u32 {
    let ends = |onward: &Onward| onward.record_to == Some(at + 1);
    let records = costs[from..=at].iter().filter(|onward| ends(onward)).count() as u32;
    lost(&lines[at]) + records * LOST_STRONG
}

/// The damaged record over several lines that the line `from` begins, if one mistake explains
/// them.
fn several(
    viewer: &mut Viewer<'_>,
    lines: &[Line],
    from: usize,
    costs: &[Onward],
) -> Result<Option<Way>, OutOfMemory> {
    let (mut cheapest, mut cost): (Option<Way>, u32) = (None, REJECT);
    for (at, line) in lines.iter().enumerate().skip(from + 1) {
        cost += lost_up_to(lines, costs, from + 1, at);
        if cheapest.is_some_and(|way| way.cost <= cost) {
            break;
        }
        let first = &lines[from];
        let cut_off = if line.is_blank || (first.seems_whole() && line.seems_whole()) {
            continue;
        } else if ends(viewer, first, line, at == from + 1)? {
            0
        } else if matches!(first.read.stop, Stop::Open(_)) {
            CUT_OFF
        } else {
            continue;
        };
        let way = Way { cost: cost + cut_off + costs[at + 1].cost, part: Part::Reject(line.end, None) };
        cheapest = Some(cheapest.map_or(way, |earlier| cheaper(earlier, Some(way))));
    }
    Ok(cheapest)
}

/// Whether one mistake explains that the record which begins with `first` ends with `last`.
fn ends(viewer: &mut Viewer<'_>, first: &Line, last: &Line, is_next: bool) -> Result<bool, OutOfMemory> {
    let width = viewer.options.width;
    // The closing quote is lost.
    if let Stop::Open(_) = first.read.stop {
        let column = first.read.fields;
        return Ok(column < width
            && (viewer.profile.may_be_broken(column) || !viewer.profile.is_typed(column))
            && (last.closes_before(width - 1 - column)
                || viewer.ends_with(last.start, last.end, width - 1 - column)?));
    }
    // The opening one is lost, or another stands in the field: the one that closes it is there.
    let most = first.read.fields.min(width);
    if viewer.options.dialect.quote.is_some() && most > 0 {
        let from = if let Stop::Behind(_) = first.read.stop { most - 1 } else { 0 };
        let to = if let Stop::Bare(_) = first.read.stop { (most + 1).min(width) } else { most };
        let closes = |column: usize| last.closes_before(width - 1 - column);
        if (from..to).any(|column| closes(column) && viewer.profile.is_broken(column)) {
            return Ok(true);
        }
    }
    // A line end stands in a field without quotes.
    let are_plain = first.read.stop == Stop::End && last.read.stop == Stop::End;
    let is_part = last.read.fields < width || last.fits.contrary > 0;
    Ok(is_next && are_plain && is_part && first.read.fields + last.read.fields == width + 1)
}

/// The damaged record that the line `from` begins if a line end stands in a field without
/// quotes, and a field with lines in the rest.
fn joined(
    viewer: &Viewer<'_>,
    lines: &[Line],
    from: usize,
    costs: &[Onward],
    is_whole: bool,
) -> Result<Option<Way>, OutOfMemory> {
    let (first, Some(next)) = (&lines[from], lines.get(from + 1)) else { return Ok(None) };
    if first.read.stop != Stop::End || !matches!(next.read.stop, Stop::Open(_)) {
        return Ok(None);
    }
    let dialect = &viewer.options.dialect;
    let Some(read) = dialect.read_on_within(viewer.text, next.read, is_whole)? else { return Ok(None) };
    if read.stop != Stop::End || first.read.fields + read.fields != viewer.options.width + 1 {
        return Ok(None);
    }
    let behind = from + lines[from..].iter().take_while(|line| line.start < read.end).count();
    let swallowed: u32 = lines[from + 1..behind].iter().skip(1).map(swallowed).sum();
    let lost = if costs[from + 1].record_to == Some(behind) { LOST_STRONG } else { LINE };
    let cost = REJECT + lost + swallowed + costs[behind].cost;
    Ok(Some(Way { cost, part: Part::Reject(read.end, None) }))
}
