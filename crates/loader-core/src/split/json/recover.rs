//! After a broken record: where does the next one start?
//!
//! Hard evidence first: a newline, a line at the records' indentation or a
//! record separator bounds the search, where the layout has one. Inside of that
//! bound (in compact files: up to the end) a forgiving tracker walks on from the
//! start of the broken record, with a stack of what is open, and closes what the
//! text shows to be lost. Each bracket or brace that could start a record is
//! judged: how deep does the tracker believe it lies, is it legal there, does a
//! whole value parse from it, has that the shape of this file's records, and
//! does what follows bear it out? What does not suffice is not loaded.
//!
//! Advice for the next reader: a wrong step of the tracker costs little, since
//! nothing is taken for a record that does not parse and look like one. The
//! dangerous case is an inner object that looks just like a record. There the
//! tracker's depth and what follows (`chain`) decide.

use super::bounds::SPAN;
use super::framing::is_framing;
use super::layout::Layout;
use super::splitter::Splitter;
use super::tracker::{Elements, Expect, Frame, Place, Tracker};
use crate::fault::FaultKind;
use crate::json::scan::{Progress, RECORD_SEPARATOR, Spot};
use crate::json::shape::{Class, key_hash};
use crate::memory;
use crate::split::Reader;
use crate::stream::{Error, Source};

/// Parsing candidates may cost this many bytes for each byte that the tracker has walked, …
const EFFORT: usize = 32;

/// … and this many to begin with.
const EFFORT_GRACE: usize = 1024 * 1024;

/// A string that runs longer without its end is taken for a stray quote.
const MAX_STRING: usize = 8 * 1024 * 1024;

/// A cancel request is looked for once in this many bytes of walking. They are slow ones, in
/// which candidates are parsed.
const POLL: usize = 64 * 1024;

/// Where nothing inside of records looks like a record, this many whole values in a row are
/// records.
const ROW: usize = 16;

/// No record is looked for more than this many levels below the deepest level of the good ones.
const DEEPER: usize = 16;

/// How far a search may go.
#[derive(Clone, Copy, Debug)]
struct Bound {
    /// Index of the hard evidence, if it is at hand.
    limit: Option<usize>,
    /// The record really ends there (it may be the end of what was read so far).
    real: bool,
}

/// What to do with a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// A record starts here.
    Start,
    /// A whole value, but no record: go on behind it.
    Skip(usize),
    /// Not a whole value, or no record by its looks: go on inside.
    Enter,
}

/// What follows a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    /// Records, or the end.
    Confirms,
    /// The rest of an object or array that encloses the candidate.
    Refutes,
    Unclear,
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// The index where the reject that starts at `start` ends. What follows is
    /// framing or the next record.
    pub(super) fn recover(&mut self, start: usize) -> Result<usize, Error> {
        let limit = self.limit(start)?;
        let mut walk = Walk { start, at: start, bound: Bound { limit, real: true }, spent: 0 };
        let end = self.track(&mut walk)?;
        let Some(fence) = self.fence_reject(walk.start, end)? else { return Ok(self.trim(end)) };
        if self.ledger.passed_to(&self.cursor) > 0 {
            return Ok(self.trim(fence));
        }
        // Once more, now that it is known where the array ends.
        let limit = self.limit(start)?;
        let mut walk = Walk { start, at: start, bound: Bound { limit, real: true }, spent: 0 };
        let end = self.track(&mut walk)?;
        Ok(self.trim(end.min(fence)))
    }

    /// Whether a record starts between `start` and `until`, by evidence that
    /// lies before `until`.
    pub(super) fn boundary(&mut self, start: usize, until: Option<usize>) -> Result<Option<usize>, Error> {
        let bound = Bound { limit: until, real: false };
        let mut walk = Walk { start, at: start, bound, spent: 0 };
        let end = self.track(&mut walk)?;
        Ok((Some(end) != until).then_some(end))
    }

    /// The end of a record that is too large to be held, of which the scanner
    /// has seen everything before `at`. Where a line may hold more than one record,
    /// the scanner goes on: a good neighbour may follow on it.
    pub(super) fn pass_over(&mut self, start: usize, at: usize) -> Result<usize, Error> {
        let mut at = at - self.pass(start, at)?;
        let lines = matches!(self.layout, Layout::Lines { .. });
        if lines || self.layout == Layout::Free {
            loop {
                match self.scanner.scan(self.cursor.bytes(), at, self.cursor.eof()) {
                    Progress::Done(end) => return Ok(end),
                    Progress::More(next) => {
                        at = next - self.pass(start, next)?;
                        self.cursor.grow()?;
                    }
                    Progress::OutOfMemory(error) => return Err(error.into()),
                    Progress::Broken(Spot { kind: FaultKind::Truncated, at: end, .. })
                        if self.cursor.eof() && !lines =>
                    {
                        return Ok(end.min(self.cursor.bytes().len()));
                    }
                    Progress::Broken(spot) => {
                        at = spot.at;
                        break;
                    }
                }
            }
        }
        let end = match self.layout {
            Layout::Free => {
                let bound = Bound { limit: None, real: true };
                self.track(&mut Walk { start: at, at, bound, spent: 0 })?
            }
            Layout::Lines { .. } => self.skip_line(at)?,
            _ => self.skip_to_limit(at)?,
        };
        Ok(self.trim(end))
    }

    /// Takes framing off the end of a reject.
    pub(super) fn trim(&self, end: usize) -> usize {
        let bytes = &self.cursor.bytes()[..end];
        let framing = bytes.iter().rev().take_while(|b| is_framing(**b)).count();
        (end - framing).max(self.ledger.passed_to(&self.cursor))
    }

    /// Walks from the start of a broken record to where the next one starts, or
    /// to the bound, or to the end.
    fn track(&mut self, walk: &mut Walk) -> Result<usize, Error> {
        let mut tracker = Tracker::new();
        let mut polled = walk.at;
        loop {
            let i = walk.at;
            if i.abs_diff(polled) > POLL {
                polled = i;
                self.cursor.poll()?;
            }
            if walk.bound.limit.is_some_and(|limit| i >= limit) {
                return Ok(walk.bound.limit.unwrap_or(i));
            }
            let Some(b) = self.cursor.byte(i)? else {
                return Ok(self.row_at_end(&tracker).unwrap_or(i));
            };
            match b {
                b'\n' if matches!(self.layout, Layout::Lines { .. }) => return Ok(i),
                RECORD_SEPARATOR if self.layout != Layout::Free => return Ok(i),
                b' ' | b'\t' | b'\r' => walk.at += 1,
                b'\n' => {
                    if let Layout::Indented(indent) = self.layout
                        && walk.bound.limit.is_none()
                        && let Some(at) = self.starts_line(i, indent, None)?
                    {
                        return Ok(at);
                    }
                    walk.at += 1;
                }
                b'"' => self.track_quote(walk, &mut tracker)?,
                b'{' | b'[' => {
                    if let Some(start) = self.track_opener(walk, &mut tracker, b)? {
                        return Ok(start);
                    }
                }
                // What is around the records is no part of a broken one.
                b']' if tracker.depth() == 0 && i > walk.start && self.closes_records(i) => return Ok(i),
                b'}' | b']' => {
                    tracker.close(b, i);
                    walk.at += 1;
                }
                b',' => {
                    tracker.comma();
                    walk.at += 1;
                }
                b':' => {
                    tracker.colon();
                    walk.at += 1;
                }
                // In rubbish an escaped quote is no quote.
                b'\\' => {
                    tracker.token(b'0');
                    walk.at += if self.cursor.byte(i + 1)? == Some(b'"') { 2 } else { 1 };
                }
                _ => {
                    tracker.token(b'0');
                    walk.at += 1;
                }
            }
            if walk.bound.limit.is_none() && walk.at - walk.start > SPAN {
                let moved = self.pass(walk.start, walk.at)?;
                walk.at -= moved;
                walk.start = walk.at;
                walk.spent = 0;
                tracker.ended = None;
                for frame in &mut tracker.frames {
                    frame.row.clear();
                    frame.start = 0;
                }
            }
        }
    }

    /// A quote: a string where it looks like one, else rubbish. A closing quote
    /// that lost its opening one is followed by what follows strings; a string
    /// that is not followed by that lost its end.
    fn track_quote(&mut self, walk: &mut Walk, tracker: &mut Tracker) -> Result<(), Error> {
        let i = walk.at;
        let opens = matches!(tracker.previous, 0 | b'{' | b'[' | b',' | b':');
        if !opens && self.follows_string(i + 1, walk.bound)? {
            tracker.token(b'0');
            walk.at += 1;
            return Ok(());
        }
        match self.close_of_string(i, walk.bound)? {
            Some(end) if self.follows_string(end, walk.bound)? => {
                if tracker.frames.is_empty() && self.is_key(i)? {
                    tracker.open_lost(i)?;
                }
                if tracker.frames.len() == 1 && tracker.expect == Expect::Key {
                    tracker.key(key_hash(&self.cursor.bytes()[i..end]))?;
                }
                tracker.token(b'"');
                walk.at = end;
            }
            _ => {
                tracker.token(b'0');
                walk.at += 1;
            }
        }
        Ok(())
    }

    /// The index behind the string that opens at `i`, if it ends on its line.
    fn close_of_string(&mut self, i: usize, bound: Bound) -> Result<Option<usize>, Error> {
        let mut at = i + 1;
        while bound.limit.is_none_or(|limit| at < limit) && at - i < MAX_STRING {
            match self.cursor.byte(at)? {
                None | Some(b'\n' | RECORD_SEPARATOR) => return Ok(None),
                Some(b'"') => return Ok(Some(at + 1)),
                Some(b'\\') if matches!(self.cursor.byte(at + 1)?, Some(b'"' | b'\\')) => at += 2,
                Some(_) => at += 1,
            }
        }
        Ok(None)
    }

    /// Whether what stands at `at` may follow a string.
    fn follows_string(&mut self, mut at: usize, bound: Bound) -> Result<bool, Error> {
        while bound.limit.is_none_or(|limit| at < limit) {
            match self.cursor.byte(at)? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b',' | b':' | b'}' | b']' | RECORD_SEPARATOR) | None => return Ok(true),
                Some(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// An opening bracket: the start of a record, or one more level.
    fn track_opener(
        &mut self,
        walk: &mut Walk,
        tracker: &mut Tracker,
        b: u8,
    ) -> Result<Option<usize>, Error> {
        let at = walk.at;
        let judgement =
            if at == walk.start && tracker.previous == 0 && self.ledger.passed_to(&self.cursor) == 0
                || tracker.previous == b':'
                || !Class::of(b).is_some_and(|class| self.profile.knows_class(class))
            {
                Judgement::Enter
            } else {
                self.judge(walk, tracker)?
            };
        match judgement {
            Judgement::Start => return Ok(Some(at)),
            Judgement::Skip(end) => {
                if self.profile.owns(&self.cursor.bytes()[at..end])
                    && let Some(frame) = tracker.frames.last_mut()
                {
                    frame.elements = Elements::LikeRecords;
                    if let Some(row_start) = self.note_row(frame, at)? {
                        return Ok(Some(row_start));
                    }
                }
                walk.at = end;
                tracker.expect = Expect::Separator;
                tracker.previous = b'}';
                tracker.ended = Some((at, end, false));
            }
            Judgement::Enter => {
                tracker.open(b, at)?;
                walk.at = at + 1;
            }
        }
        Ok(None)
    }

    /// Counts elements of one array that look like records. More of them than
    /// any array in a good record has are records: the first that is surely one.
    fn note_row(&self, frame: &mut Frame, at: usize) -> Result<Option<usize>, Error> {
        if frame.opener == b'[' {
            memory::push(&mut frame.row, at)?;
        }
        let longest = self.profile.longest_row;
        Ok((frame.row.len() > 2 * longest + 2).then(|| frame.row[longest]))
    }

    /// At the end of the stream: a row of elements that is longer than any array
    /// in a good record, and still open.
    fn row_at_end(&self, tracker: &Tracker) -> Option<usize> {
        let longest = self.profile.longest_row;
        let row = tracker.frames.iter().map(|frame| &frame.row).max_by_key(|row| row.len())?;
        (row.len() > longest + 1).then(|| row[longest])
    }

    /// Whether a record starts at the bracket where the walk stands.
    fn judge(&mut self, walk: &mut Walk, tracker: &Tracker) -> Result<Judgement, Error> {
        let at = walk.at;
        let place = tracker.place();
        let opens = self.opens(at)?;
        let learned = self.profile.records() > 0;
        if !learned && walk.bound.limit.is_some() {
            // Nothing is unmistakable yet, and the next record will show itself.
            return Ok(Judgement::Enter);
        }
        if place != Place::Top && learned && !opens {
            return Ok(Judgement::Enter);
        }
        // A brace right behind the first one is one too many, not a record.
        let doubled = place == Place::Illegal && tracker.frames.len() == 1 && tracker.previous == b'{';
        if doubled || (walk.spent > EFFORT_GRACE && walk.spent / EFFORT > at - walk.start) {
            return Ok(Judgement::Enter);
        }
        let Some(end) = self.whole(walk, at)? else {
            let lost = place == Place::Illegal && tracker.frames.len() == 1;
            return Ok(if (place == Place::Top || lost) && learned && opens {
                Judgement::Start
            } else {
                Judgement::Enter
            });
        };
        let value = &self.cursor.bytes()[at..end];
        let like = self.profile.owns(value);
        let rest_of_record = like && self.profile.completes(value, &tracker.keys);
        let lookalike = like && self.profile.is_lookalike(value);
        // A row of objects in an array that lost its bracket reads like this too.
        let in_row = tracker.ended.is_some_and(|(start, end, member)| {
            let bytes = self.cursor.bytes();
            member && tracker.previous == b',' && end <= bytes.len() && self.profile.owns(&bytes[start..end])
        });
        let chain = self.chain(walk, end)?;
        let start = match place {
            Place::Top if !learned => chain != Chain::Refutes,
            Place::Top if like => chain != Chain::Refutes,
            Place::Top => {
                let separated = tracker.previous == b',' || !self.commas;
                separated && walk.bound.limit.is_none() && chain == Chain::Confirms
            }
            // Its other half is before the brace: that is one too many.
            Place::Illegal if tracker.frames.len() == 1 && rest_of_record => false,
            Place::Illegal if !learned => chain == Chain::Confirms,
            Place::Illegal => {
                like && (chain == Chain::Confirms || (chain == Chain::Unclear && !(lookalike && in_row)))
            }
            // Far deeper than anything lies in a record, it does not lie in one. Else only
            // where the array has held others so far: its first element may be one
            // of many that look like records.
            Place::Unseparated | Place::Element => {
                let too_deep = tracker.depth() > self.profile.deepest + DEEPER;
                let others = tracker.frames.last().is_some_and(|frame| frame.elements == Elements::Others);
                learned && like && (too_deep || (!lookalike && others)) && chain != Chain::Refutes
            }
        };
        Ok(if start { Judgement::Start } else { Judgement::Skip(end) })
    }

    /// The end of the value at `at`, if it is whole.
    fn whole(&mut self, walk: &mut Walk, at: usize) -> Result<Option<usize>, Error> {
        self.scanner.reset(matches!(self.layout, Layout::Lines { .. }));
        let mut from = at;
        loop {
            let bytes = self.cursor.bytes();
            // Exactly so far, whatever is at hand.
            let far = at + SPAN;
            let (bytes, eof) = match walk.bound.limit {
                Some(limit) => (&bytes[..limit], true),
                None if bytes.len() >= far => (&bytes[..far], false),
                None => (bytes, self.cursor.eof()),
            };
            let cut = bytes.len() == far;
            match self.scanner.scan(bytes, from, eof) {
                Progress::Done(end) => {
                    walk.spent += end - at;
                    return Ok(Some(end));
                }
                Progress::OutOfMemory(error) => return Err(error.into()),
                Progress::Broken(spot) => {
                    walk.spent += spot.at - at;
                    return Ok(None);
                }
                Progress::More(next) if cut => {
                    walk.spent += next - at;
                    return Ok(None);
                }
                Progress::More(next) => {
                    from = next;
                    self.cursor.grow()?;
                }
            }
        }
    }

    /// Follows the values after a candidate that ends before `at`.
    fn chain(&mut self, walk: &mut Walk, at: usize) -> Result<Chain, Error> {
        let lines = matches!(self.layout, Layout::Lines { .. });
        let row = if self.profile.has_lookalikes() { self.profile.longest_row + 1 } else { ROW };
        let mut at = at;
        for _ in 0..row {
            let (mut comma, mut bracket) = (false, false);
            let b = loop {
                if walk.bound.limit.is_some_and(|limit| at >= limit) {
                    return Ok(if walk.bound.real { Chain::Confirms } else { Chain::Unclear });
                }
                match self.cursor.byte(at)? {
                    None => return Ok(Chain::Confirms),
                    Some(b'\n') if lines => return Ok(Chain::Confirms),
                    Some(RECORD_SEPARATOR) => return Ok(Chain::Confirms),
                    Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                    Some(b',') => comma = true,
                    Some(b']') if !bracket && self.ends_array(at)? => return Ok(Chain::Confirms),
                    Some(b']') => bracket = true,
                    Some(b) => break b,
                }
                at += 1;
            };
            match b {
                b'}' | b':' => return Ok(Chain::Refutes),
                b'"' if self.is_key(at)? => {
                    let record =
                        !bracket && (comma || !self.commas) && self.lost_its_brace(at, &mut walk.spent)?;
                    return Ok(if record { Chain::Confirms } else { Chain::Refutes });
                }
                b'[' if bracket && !comma => return Ok(Chain::Confirms),
                _ if bracket => return Ok(Chain::Refutes),
                b'{' | b'[' => {}
                _ => return Ok(Chain::Unclear),
            }
            let Some(end) = self.whole(walk, at)? else { return Ok(Chain::Unclear) };
            let value = &self.cursor.bytes()[at..end];
            if self.profile.owns(value) && !self.profile.is_lookalike(value) {
                return Ok(Chain::Confirms);
            }
            at = end;
        }
        Ok(Chain::Confirms)
    }
}

/// A search for the next record.
struct Walk {
    /// Where the broken record starts, or what of it is still in the window.
    start: usize,
    /// Where the tracker stands.
    at: usize,
    bound: Bound,
    /// Bytes of candidates that were parsed.
    spent: usize,
}
