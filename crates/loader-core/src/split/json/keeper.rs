//! Finds the kept fields of a document in what of it lies around its records.
//!
//! The keeper sees each byte of a document but those of the containers of its records, once and
//! in their order, and holds nothing but values of kept fields. It is strict: behind a byte that
//! cannot stand where it does, nothing is found until the next records, of which the splitter
//! says where they lie. What it has found before that stays, as far as it is certain that it
//! belongs to those records.

use super::keep::{Field, Keep};
use super::limits::SURE_DEPTH;
use super::records_path::{RecordsPath, Step, is_key, write_quoted};
use crate::json::scan::{Progress, Scanner};
use crate::memory;
use crate::stream::Error;
use memchr::memmem;
use std::sync::Arc;

/// The most that may be kept for a record, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Containers that are nested deeper are not gone through.
const MAX_DEPTH: usize = 16_000_000;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Nothing that is looked at: there is no document, or the structure of it is lost.
    Nothing,
    Key,
    KeyOrEnd,
    Colon,
    Value,
    ValueOrEnd,
    Separator,
    /// The rest of a key.
    InKey,
    /// The rest of a string.
    InString,
    /// The rest of a number or literal.
    InScalar,
}

/// What is known of a field in the document in hand.
#[derive(Clone, Debug, Default)]
struct State {
    /// So many of its own keys lead to objects that are open.
    matched: usize,
    /// The key before the value that comes next is the next one of its own.
    due: bool,
    /// Its key was seen in the container that is open.
    seen: bool,
    /// Its value goes on: the depth at which it lies, and where in the log it begins.
    taken: Option<(usize, usize)>,
    /// Its value, if it has one, and how deep that is.
    value: Option<(Vec<u8>, usize)>,
    /// Nothing has come behind its value yet that shows that it is whole.
    unsure: bool,
}

impl State {
    /// Forgets how much of a way and of a value was seen.
    fn lose(&mut self) {
        if std::mem::take(&mut self.unsure) {
            self.value = None;
        }
        (self.matched, self.due, self.taken) = (0, false, None);
    }
}

/// Which of the containers that are open are objects: one bit for each.
#[derive(Debug, Default)]
struct Open {
    bits: Vec<u64>,
    depth: usize,
}

impl Open {
    fn push(&mut self, is_object: bool) -> Result<(), Error> {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.bits.len() {
            memory::push(&mut self.bits, 0)?;
        }
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(is_object) << bit;
        self.depth += 1;
        Ok(())
    }

    /// Whether the innermost one is an object.
    fn in_object(&self) -> bool {
        let Some(last) = self.depth.checked_sub(1) else { return false };
        self.bits[last / 64] >> (last % 64) & 1 == 1
    }
}

/// Finds fields in documents whose records lie at a path.
pub(super) struct Keeper {
    records: RecordsPath,
    /// The keys on the way, in quotes, each with the level of the container that it stands in.
    way: Vec<(usize, String)>,
    fields: Arc<[Field]>,
    /// One for each of the fields.
    states: Vec<State>,
    open: Open,
    /// So many of the containers that are open lie on the way to the records.
    level: usize,
    /// One for each of these that may be: whether records lie in it.
    has_records: Vec<bool>,
    /// The key before leads on.
    due: bool,
    expect: Expect,
    escaped: bool,
    /// The last key, without its quotes, as much of it as one that is looked for can have.
    key: Vec<u8>,
    longest_key: usize,
    /// What came since the outermost value that is taken began.
    log: Vec<u8>,
    /// So many are taken.
    taken: usize,
    /// A value has ended, and nothing has come behind it yet.
    unsure: bool,
    /// The structure of this document was lost once.
    damaged: bool,
    /// The document is known to be broken.
    broken: bool,
    /// Records begin there, and there were so many before.
    entered: Option<u64>,
    /// In a well-formed document everything before this offset has been seen.
    pub(super) seen: u64,
    /// What is given to the records in hand: members of an object.
    members: Vec<u8>,
    /// How deep the deepest of them is.
    deepest: usize,
}

impl Keeper {
    /// Where no document has begun; `None` if there is nothing to keep.
    pub(super) fn new(records: &RecordsPath, keep: &Keep) -> Result<Option<Keeper>, Error> {
        let Some(fields) = keep.fields() else { return Ok(None) };
        let longest = fields.iter().map(Field::longest_raw).max().unwrap_or(0);
        let keys = records.steps().iter().enumerate().filter_map(|(level, step)| match step {
            Step::Key(key) => Some((level, quoted(key))),
            Step::Elements | Step::Values => None,
        });
        let way = memory::collect(keys)?;
        let states = memory::collect(fields.iter().map(|_| State::default()))?;
        Ok(Some(Keeper {
            way,
            states,
            open: Open::default(),
            level: 0,
            has_records: memory::filled(records.around(), false)?,
            due: false,
            expect: Expect::Nothing,
            escaped: false,
            key: Vec::new(),
            longest_key: longest.max(records.longest_raw()),
            log: Vec::new(),
            taken: 0,
            unsure: false,
            damaged: false,
            broken: false,
            entered: None,
            seen: 0,
            members: Vec::new(),
            deepest: 0,
            records: records.clone(),
            fields,
        }))
    }

    /// The next byte is the first one of a document, which may be known to be broken.
    pub(super) fn begin(&mut self, broken: bool) {
        self.end();
        (self.expect, self.damaged, self.broken) = (Expect::Value, false, broken);
    }

    /// The document in hand ends.
    pub(super) fn end(&mut self) {
        self.lose();
        self.close_from(0);
        (self.open.depth, self.entered) = (0, None);
    }

    /// What comes next may be anything.
    pub(super) fn lose(&mut self) {
        self.expect = Expect::Nothing;
        self.damaged = true;
        self.lose_place();
    }

    /// Forgets what was begun and has not ended.
    fn lose_place(&mut self) {
        self.states.iter_mut().for_each(State::lose);
        self.escaped = false;
        self.drop_log();
    }

    /// The records in hand end, and there were so many up to there.
    pub(super) fn leave(&mut self, records: u64) {
        if self.entered.take().is_some_and(|before| records > before) {
            self.has_records.fill(true);
        }
    }

    /// Records begin here, and there were so many before: what is kept for them is put
    /// together. Their container is not seen; the next byte is the one behind it.
    pub(super) fn enter(&mut self, records: u64) -> Result<(), Error> {
        let around = self.records.around();
        let expects_value = matches!(self.expect, Expect::Value | Expect::ValueOrEnd);
        if !expects_value || self.open.depth != around || self.level != around || !self.is_due() {
            self.damaged = true;
            // A document has only one container at each of these levels.
            let keys = self.records.steps().iter().take_while(|step| matches!(step, Step::Key(_)));
            let unique = keys.count();
            for (field, state) in self.fields.iter().zip(&mut self.states) {
                if field.level > unique {
                    (state.value, state.seen) = (None, false);
                }
            }
        }
        self.lose_place();
        self.open.depth = 0;
        for n in 0..around {
            self.open.push(self.records.opener(n) == Some(b'{'))?;
        }
        (self.level, self.expect, self.entered) = (around, Expect::Separator, Some(records));
        self.put_together()
    }

    /// What is given to the records in hand, as the members of an object stand in it, and
    /// whether the server has to be asked about what it is given to.
    pub(super) fn members(&self) -> (&[u8], bool) {
        (&self.members, self.deepest >= SURE_DEPTH)
    }

    /// Something that is no record lies between those in hand. Where a key on the way stands in
    /// it, what comes behind it may lie in another container than the one that has that key in
    /// hand: it is given no fields of that, nor of those inside.
    pub(super) fn pass_reject(&mut self, text: &[u8]) -> Result<(), Error> {
        let mut way = self.way.iter();
        let Some((level, _)) = way.find(|(_, key)| memmem::find(text, key.as_bytes()).is_some()) else {
            return Ok(());
        };
        self.damaged = true;
        for (_, state) in self.fields.iter().zip(&mut self.states).filter(|(field, _)| field.level >= *level)
        {
            state.value = None;
        }
        self.put_together()
    }

    fn put_together(&mut self) -> Result<(), Error> {
        self.members.clear();
        self.deepest = 0;
        for (field, state) in self.fields.iter().zip(&self.states) {
            let Some((value, deepest)) = &state.value else { continue };
            let name = quoted(field.path().name());
            if self.members.len() + name.len() + value.len() > LONGEST {
                return Err(too_long(field));
            }
            if !self.members.is_empty() {
                memory::push(&mut self.members, b',')?;
            }
            memory::append(&mut self.members, name.as_bytes())?;
            memory::push(&mut self.members, b':')?;
            memory::append(&mut self.members, value)?;
            self.deepest = self.deepest.max(*deepest);
        }
        Ok(())
    }

    /// Takes more bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        bytes.iter().try_for_each(|&b| self.step(b))
    }

    /// Takes one more byte.
    pub(super) fn step(&mut self, b: u8) -> Result<(), Error> {
        if self.expect == Expect::Nothing {
            return Ok(());
        }
        let blank = matches!(b, b' ' | b'\t' | b'\r' | b'\n');
        if self.expect == Expect::InScalar && !is_scalar(b) {
            self.value_ends()?;
        }
        if matches!(self.expect, Expect::Value | Expect::ValueOrEnd) && !blank && b != b']' {
            self.value_begins(b);
        }
        if self.taken > 0 {
            self.note(b)?;
        }
        match (self.expect, b) {
            (Expect::InKey | Expect::InString, _) => self.string(b),
            _ if blank => Ok(()),
            (Expect::Key | Expect::KeyOrEnd, b'"') => {
                self.key.clear();
                self.expect = Expect::InKey;
                Ok(())
            }
            (Expect::Colon, b':') => {
                self.expect = Expect::Value;
                Ok(())
            }
            (Expect::Value | Expect::ValueOrEnd, b'"') => {
                self.expect = Expect::InString;
                Ok(())
            }
            (Expect::Value | Expect::ValueOrEnd, b'{' | b'[') => self.opens(b),
            (Expect::Value | Expect::ValueOrEnd | Expect::InScalar, _) if is_scalar(b) => {
                self.expect = Expect::InScalar;
                Ok(())
            }
            (Expect::Separator | Expect::KeyOrEnd, b'}') if self.open.in_object() => self.closes(),
            (Expect::Separator | Expect::ValueOrEnd, b']') if !self.open.in_object() => self.closes(),
            (Expect::Separator, b',') => {
                self.settle();
                self.expect = if self.open.in_object() { Expect::Key } else { Expect::Value };
                Ok(())
            }
            _ => {
                self.lose();
                Ok(())
            }
        }
    }

    /// Takes one more byte of a key or string, or the quote behind it.
    fn string(&mut self, b: u8) -> Result<(), Error> {
        let is_key = self.expect == Expect::InKey;
        let escaped = std::mem::take(&mut self.escaped);
        match b {
            b'\n' => {
                self.lose();
                return Ok(());
            }
            b'"' if !escaped && is_key => return self.key_ends(),
            b'"' if !escaped => return self.value_ends(),
            b'\\' => self.escaped = !escaped,
            _ => {}
        }
        if is_key && self.key.len() <= self.longest_key {
            memory::push(&mut self.key, b)?;
        }
        Ok(())
    }

    /// Whether the value that comes next lies on the way, if the container around it does.
    fn is_due(&self) -> bool {
        let Some(step) = self.level.checked_sub(1) else { return true };
        self.due || self.records.steps().get(step) == Some(&Step::Elements)
    }

    fn key_ends(&mut self) -> Result<(), Error> {
        self.expect = Expect::Colon;
        let depth = self.open.depth;
        self.due = depth == self.level && self.records.is_key(self.level - 1, &self.key);
        for (field, state) in self.fields.iter().zip(&mut self.states) {
            let inside = self.level > field.level && depth == field.level + 1 + state.matched;
            state.due = inside && field.keys().get(state.matched).is_some_and(|key| is_key(key, &self.key));
            if !state.due || state.matched + 1 < field.keys().len() {
                continue;
            }
            if !state.seen && !self.damaged && self.has_records.get(field.level) == Some(&true) {
                return Err(behind(field));
            }
            state.seen = true;
        }
        Ok(())
    }

    /// A value begins with `b`.
    fn value_begins(&mut self, b: u8) {
        for (field, state) in self.fields.iter().zip(&mut self.states) {
            if !std::mem::take(&mut state.due) {
                continue;
            }
            // Of fields with one key, the last counts.
            state.value = None;
            if state.matched + 1 == field.keys().len() {
                state.taken = Some((self.open.depth, self.log.len()));
                self.taken += 1;
            } else if b == b'{' {
                state.matched += 1;
            }
        }
    }

    /// Keeps one more byte of the values that are taken.
    fn note(&mut self, b: u8) -> Result<(), Error> {
        if self.log.len() < LONGEST {
            return Ok(memory::push(&mut self.log, b)?);
        }
        let mut taken = self.fields.iter().zip(&self.states).filter(|(_, state)| state.taken.is_some());
        if let Some((field, _)) = taken.next()
            && !self.broken
        {
            return Err(too_long(field));
        }
        // What has lost its end may be as long as the document.
        self.states.iter_mut().for_each(|state| state.taken = None);
        self.drop_log();
        Ok(())
    }

    fn opens(&mut self, b: u8) -> Result<(), Error> {
        let on_way =
            self.open.depth == self.level && self.records.opener(self.level) == Some(b) && self.is_due();
        self.due = false;
        if self.open.depth == MAX_DEPTH || on_way && self.level == self.records.around() {
            // The latter are records that the splitter has not found.
            self.lose();
            return Ok(());
        }
        self.level += usize::from(on_way);
        self.open.push(b == b'{')?;
        self.expect = if b == b'{' { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
        Ok(())
    }

    fn closes(&mut self) -> Result<(), Error> {
        self.settle();
        self.open.depth -= 1;
        let depth = self.open.depth;
        for (field, state) in self.fields.iter().zip(&mut self.states) {
            state.matched = state.matched.min(depth.saturating_sub(field.level + 1));
        }
        if depth < self.level {
            self.close_from(depth);
        }
        self.value_ends()
    }

    /// The containers on the way from this level on are no longer open.
    fn close_from(&mut self, level: usize) {
        self.level = level;
        for (field, state) in self.fields.iter().zip(&mut self.states) {
            if field.level >= level {
                (state.value, state.seen) = (None, false);
            }
        }
        self.has_records.iter_mut().skip(level).for_each(|has| *has = false);
    }

    /// A value ends, and the log with it.
    fn value_ends(&mut self) -> Result<(), Error> {
        let depth = self.open.depth;
        self.expect = if depth == 0 { Expect::Nothing } else { Expect::Separator };
        if self.taken == 0 {
            return Ok(());
        }
        for state in &mut self.states {
            if let Some((at, start)) = state.taken
                && at == depth
            {
                state.taken = None;
                self.taken -= 1;
                state.value = whole_value(&self.log[start..])?;
                (state.unsure, self.unsure) = (true, true);
            }
        }
        if self.taken == 0 {
            self.log.clear();
        }
        Ok(())
    }

    /// What comes behind a value shows that it is whole.
    fn settle(&mut self) {
        if std::mem::take(&mut self.unsure) {
            self.states.iter_mut().for_each(|state| state.unsure = false);
        }
    }

    fn drop_log(&mut self) {
        self.taken = 0;
        self.log.clear();
    }
}

fn is_scalar(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')
}

/// The value that the text is, and how deep it is, if it is good.
fn whole_value(text: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Error> {
    let mut scanner = Scanner::for_text(false, text.len())?;
    let good = scanner.scan(text, 0, true) == Progress::Done(text.len())
        && scanner.soft().is_none()
        && simdutf8::basic::from_utf8(text).is_ok();
    if !good {
        return Ok(None);
    }
    let mut value = Vec::new();
    memory::append(&mut value, text)?;
    Ok(Some((value, scanner.deepest())))
}

/// A key as a JSON string.
fn quoted(key: &str) -> String {
    let mut text = String::new();
    // A string takes whatever is written to it.
    let _ = write_quoted(&mut text, key);
    text
}

#[expect(clippy::disallowed_methods, reason = "a path is short")]
fn behind(field: &Field) -> Error {
    Error::KeptBehind { field: field.path().to_string() }
}

#[expect(clippy::disallowed_methods, reason = "a path is short")]
fn too_long(field: &Field) -> Error {
    Error::KeptTooLong { field: field.path().to_string(), most: LONGEST }
}
