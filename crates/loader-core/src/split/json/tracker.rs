//! A forgiving idea of what is open in a broken record: a stack that closes what
//! the text shows to be lost.

use crate::json::shape::MAX_KEYS;
use crate::memory::{self, OutOfMemory};

/// Deeper levels are counted, not told apart.
const MAX_FRAMES: usize = 1024;

/// What should come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Key,
    Value,
    Separator,
}

/// How the tracker sees the place of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing is open.
    Top,
    /// Where an object wants a key or a comma: something was lost before.
    Illegal,
    /// After an element of an array, without a comma.
    Unseparated,
    /// An element of an array, as it should be.
    Element,
}

/// What an array holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elements {
    None,
    LikeRecords,
    Others,
}

/// An object or array that is open.
pub(super) struct Frame {
    pub(super) opener: u8,
    pub(super) start: usize,
    /// It is the value of a key.
    pub(super) member: bool,
    /// What it holds so far.
    pub(super) elements: Elements,
    /// Its elements that look like records.
    pub(super) row: Vec<usize>,
}

/// What the tracker believes to be open.
pub(super) struct Tracker {
    pub(super) frames: Vec<Frame>,
    pub(super) beyond: usize,
    pub(super) expect: Expect,
    /// The last byte that was not blank: a structural one, `"` for a string,
    /// `0` for anything else.
    pub(super) previous: u8,
    /// The object or array that ended last, if only a comma has come since: its
    /// bytes, and whether it was the value of a key.
    pub(super) ended: Option<(usize, usize, bool)>,
    /// The keys of the outermost object so far, hashed.
    pub(super) keys: Vec<u64>,
}

impl Tracker {
    pub(super) fn new() -> Self {
        Tracker {
            frames: Vec::new(),
            beyond: 0,
            expect: Expect::Value,
            previous: 0,
            ended: None,
            keys: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, b: u8, start: usize) -> Result<(), OutOfMemory> {
        let member = self.previous == b':';
        if self.frames.is_empty() {
            self.keys.clear();
        }
        if self.frames.len() == MAX_FRAMES {
            self.beyond += 1;
        } else {
            let frame = Frame { opener: b, start, member, elements: Elements::None, row: Vec::new() };
            memory::push(&mut self.frames, frame)?;
        }
        self.expect = if b == b'{' { Expect::Key } else { Expect::Value };
        self.previous = b;
        Ok(())
    }

    /// A key at `start`, where nothing is open: its object lost its brace.
    pub(super) fn open_lost(&mut self, start: usize) -> Result<(), OutOfMemory> {
        self.previous = 0;
        self.open(b'{', start)
    }

    /// Notes a key of the outermost object, by its hash; as many as shapes have.
    pub(super) fn key(&mut self, hash: u64) -> Result<(), OutOfMemory> {
        if self.keys.len() < MAX_KEYS { memory::push(&mut self.keys, hash) } else { Ok(()) }
    }

    /// Closes the nearest bracket that fits, and what is open inside of it; one
    /// that fits nowhere closes nothing.
    pub(super) fn close(&mut self, b: u8, i: usize) {
        self.ended = None;
        let opener = if b == b'}' { b'{' } else { b'[' };
        if self.beyond > 0 {
            self.beyond -= 1;
        } else if let Some(at) = self.frames.iter().rposition(|frame| frame.opener == opener) {
            self.ended = Some((self.frames[at].start, i + 1, self.frames[at].member));
            self.frames.truncate(at);
        }
        self.expect = Expect::Separator;
        self.previous = b;
    }

    /// How many objects and arrays are open.
    pub(super) fn depth(&self) -> usize {
        self.frames.len() + self.beyond
    }

    /// The opener of the innermost frame.
    pub(super) fn top(&self) -> Option<u8> {
        self.frames.last().map(|frame| frame.opener)
    }

    pub(super) fn comma(&mut self) {
        if let Some(Frame { elements: elements @ Elements::None, .. }) = self.frames.last_mut() {
            *elements = Elements::Others;
        }
        self.expect = if self.top() == Some(b'{') { Expect::Key } else { Expect::Value };
        self.previous = b',';
    }

    /// A colon after a string makes it a key: an array around it lost its end.
    pub(super) fn colon(&mut self) {
        if self.previous == b'"'
            && self.top() == Some(b'[')
            && let Some(at) = self.frames.iter().rposition(|frame| frame.opener == b'{')
        {
            self.frames.truncate(at + 1);
        }
        self.expect = Expect::Value;
        self.previous = b':';
    }

    /// A string, a scalar or rubbish.
    pub(super) fn token(&mut self, representative: u8) {
        self.ended = None;
        let in_object = self.top() == Some(b'{');
        if !(in_object && self.expect == Expect::Key && representative == b'"') {
            self.expect = Expect::Separator;
        }
        self.previous = representative;
    }

    pub(super) fn place(&self) -> Place {
        match (self.top(), self.expect) {
            (None, _) => Place::Top,
            (Some(b'{'), _) => Place::Illegal,
            (Some(_), Expect::Separator) => Place::Unseparated,
            (Some(_), _) => Place::Element,
        }
    }
}
