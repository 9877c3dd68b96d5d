//! Looks for the container of the records in a document, byte by byte: the document
//! may be larger than memory. That is an array, or an object where the path ends with
//! `.*`.
//!
//! It keeps a stack of what is open, which closes what the text shows to be
//! lost, and so knows where the path leads in a sound document. Beside that it
//! watches for the path's keys as mere text, `"key" : [`, whatever is open and
//! whether a string is: what counts where the structure is broken.

use super::records_path::{RecordsPath, Step};
use super::tracker::Expect;

/// Deeper levels are counted, not told apart.
const MAX_OPEN: usize = 1024;

/// What a byte shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It opens the container at the path.
    Found,
    /// It opens a container that has the path's keys before it, but the structure
    /// says that it lies elsewhere.
    Text,
    /// It ends a document, or begins one where the last has no end.
    Ended,
}

/// How much of the text `"key" : [` was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Nothing,
    Key,
    Colon,
}

/// The state of the search.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    path: RecordsPath,
    /// The openers of what is open, and how many more are.
    open: Vec<u8>,
    beyond: usize,
    /// Where in `open` the root of a document is; arrays around it lie before.
    root: Option<usize>,
    /// So many of the path's steps lead to the container in hand.
    matched: usize,
    /// The key before is the next one of the path.
    due: bool,
    expect: Expect,
    /// The last byte that was not blank: a structural one, `"` for a string, `0`
    /// for anything else.
    previous: u8,
    in_string: bool,
    escaped: bool,
    /// The byte before ended a line.
    line_starts: bool,
    /// The first key of the document, as much of it as the path's can have.
    first: Vec<u8>,
    /// What came since the last quote, as much of it as a key can have.
    piece: Vec<u8>,
    text: Text,
    /// So many of the path's keys, but for the last, have come in their order.
    texts: usize,
    /// Something was lost or added in this document.
    broken: bool,
    /// The document has no head.
    cut: bool,
}

impl Finder {
    /// At the start of a stream.
    pub(super) fn new(path: RecordsPath) -> Self {
        Finder {
            path,
            open: Vec::new(),
            beyond: 0,
            root: None,
            matched: 0,
            due: false,
            expect: Expect::Value,
            previous: 0,
            in_string: false,
            escaped: false,
            line_starts: false,
            first: Vec::new(),
            piece: Vec::new(),
            text: Text::Nothing,
            texts: 0,
            broken: false,
            cut: false,
        }
    }

    /// The path.
    pub(super) fn path(&self) -> &RecordsPath {
        &self.path
    }

    /// Where a document is expected, perhaps one without its head.
    pub(super) fn restart(&mut self) {
        *self = Finder { cut: true, ..Finder::new(self.path.clone()) };
    }

    /// Between documents, whatever became of the last one; with `alone`, in no array either.
    pub(super) fn end_document(&mut self, alone: bool) {
        let mut open = std::mem::take(&mut self.open);
        open.truncate(if alone { 0 } else { self.root.unwrap_or(open.len()) });
        *self = Finder { open, line_starts: self.line_starts, ..Finder::new(self.path.clone()) };
    }

    /// A value between documents was passed over.
    pub(super) fn pass_value(&mut self) {
        self.value_ends(b'}');
        self.line_starts = false;
    }

    /// Right behind the container: those on the way to it are open, and what arrays are
    /// around the document.
    pub(super) fn leave(&mut self) {
        let around = self.path.around();
        let root = self.root.unwrap_or(0).min(self.open.len());
        let mut left = Finder::new(self.path.clone());
        left.open = std::mem::take(&mut self.open);
        left.open.truncate(root);
        left.first = std::mem::take(&mut self.first);
        if around > 0 {
            left.open_way();
            left.root = Some(root);
            left.matched = around - 1;
            left.expect = Expect::Separator;
            // All keys but the last stand before the next one.
            left.texts = if self.path.is_manifold() { self.path.keys().saturating_sub(1) } else { 0 };
        }
        left.previous = if self.path.is_keyed() { b'}' } else { b']' };
        *self = left;
    }

    #[expect(clippy::disallowed_methods, reason = "no longer than a path")]
    fn open_way(&mut self) {
        self.open.extend((0..self.path.around()).filter_map(|n| self.path.opener(n)));
    }

    /// Whether no document is open.
    pub(super) fn is_between(&self) -> bool {
        self.root.is_none()
    }

    /// Whether the byte before ended a line.
    pub(super) fn starts_line(&self) -> bool {
        self.line_starts
    }

    /// Whether a value that opens with `b`, between documents, is worth a look: it may be a
    /// document, or something else that is passed over.
    pub(super) fn may_begin(&self, b: u8) -> bool {
        match self.path.opener(0) {
            Some(b'{') => b == b'{',
            _ => self.open.is_empty() || (b == b'[' && self.line_starts),
        }
    }

    /// Whether a document begins if `b` is the next byte.
    pub(super) fn begins(&self, b: u8) -> bool {
        self.begins_behind(b, self.line_starts)
    }

    fn begins_behind(&self, b: u8, line_starts: bool) -> bool {
        // What a colon or a comma stands before is a piece of a cut document.
        let piece = self.cut && matches!(self.previous, b':' | b',') && !line_starts;
        // One that is an array lies in nothing else.
        let place = b == b'{' || self.open.is_empty();
        self.root.is_none() && self.path.opener(0) == Some(b) && place && !piece
    }

    /// Whether a colon here would stand behind a string.
    pub(super) fn is_behind_string(&self) -> bool {
        !self.in_string && self.previous == b'"'
    }

    /// Whether the last byte, of what stands between documents, shows that a piece of one
    /// goes on.
    pub(super) fn is_in_piece(&self) -> bool {
        self.cut && matches!(self.previous, b':' | b',' | b'[')
    }

    /// The level of the path at which an array opens where it names a key next, if `b` is
    /// the next byte.
    pub(super) fn array_between(&self, b: u8) -> Option<usize> {
        let next = self.path.opener(self.matched + 1);
        (b == b'[' && !self.in_string && self.is_due() && next == Some(b'{')).then_some(self.matched)
    }

    /// How many arrays are around the document.
    pub(super) fn around(&self) -> usize {
        self.root.unwrap_or(self.open.len())
    }

    /// Whether the document shows damage.
    pub(super) fn is_broken(&self) -> bool {
        self.broken || self.cut
    }

    /// Whether the document has no head.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether `text` starts with a brace and the first key of the document.
    pub(super) fn starts_alike(&self, text: &[u8]) -> bool {
        let quoted = |text: &[u8]| {
            Some(text.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?.starts_with(&self.first))
        };
        !self.first.is_empty() && quoted(text) == Some(true)
    }

    /// Whether the byte before is a part of a string.
    pub(super) fn is_in_string(&self) -> bool {
        self.in_string
    }

    /// Whether the string before is a key of an object on the way of the path.
    pub(super) fn has_wrapper_key(&self) -> bool {
        self.expect == Expect::Key
            && self.previous == b'"'
            && self.root.is_some_and(|root| self.open.len() + self.beyond <= root + self.matched + 1)
    }

    /// Whether the document could end here, but for brackets that are open.
    pub(super) fn could_end(&self) -> bool {
        !self.in_string && matches!(self.previous, b'}' | b']')
    }

    /// Takes one more byte.
    pub(super) fn step(&mut self, b: u8) -> Option<Event> {
        let line_starts = std::mem::replace(&mut self.line_starts, b == b'\n');
        if std::mem::take(&mut self.escaped) && b != b'\n' {
            self.keep(b);
            return None;
        }
        let sighted = self.watch(b);
        let event = match b {
            b'\n' if self.in_string => {
                self.in_string = false;
                self.broken = true;
                self.value_ends(b'0');
                None
            }
            b' ' | b'\t' | b'\r' | b'\n' => None,
            b'\\' => {
                self.escaped = true;
                if !self.in_string { self.token(b) } else { None }
            }
            b'"' => {
                self.quote();
                None
            }
            _ if self.in_string => None,
            b'{' | b'[' => self.opener(b, line_starts),
            b'}' | b']' => self.closer(b),
            b',' => self.comma(),
            b':' => self.colon(),
            _ => self.token(b),
        };
        match b {
            b'"' | b'\n' => self.piece.clear(),
            _ => self.keep(b),
        }
        match event {
            None if sighted => Some(Event::Text),
            event => event,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "no longer than a path")]
    fn keep(&mut self, b: u8) {
        if self.piece.len() <= self.path.longest_raw() {
            self.piece.push(b);
        }
    }

    /// Follows the text of the path's keys. True at the bracket behind the last.
    fn watch(&mut self, b: u8) -> bool {
        if !self.path.ends_with_key() {
            return false;
        }
        let last = self.path.keys() - 1;
        let opener = self.path.opener(self.path.around());
        self.text = match (self.text, b) {
            (_, b'"') => {
                if self.path.is_nth_key(last, &self.piece) {
                    Text::Key
                } else {
                    let next = self.texts < last && self.path.is_nth_key(self.texts, &self.piece);
                    self.texts += usize::from(next);
                    Text::Nothing
                }
            }
            (text, b' ' | b'\t' | b'\r' | b'\n') => text,
            (Text::Key, b':') => Text::Colon,
            (Text::Colon, b) if Some(b) == opener => {
                self.text = Text::Nothing;
                return self.texts == last || self.cut;
            }
            _ => Text::Nothing,
        };
        false
    }

    /// Something is where it cannot be.
    fn breaks(&mut self) {
        self.broken = true;
        self.cut |= self.root.is_none();
    }

    fn value_ends(&mut self, previous: u8) {
        self.expect = if self.open.is_empty() { Expect::Value } else { Expect::Separator };
        self.previous = previous;
        self.due = false;
    }

    fn quote(&mut self) {
        self.in_string = !self.in_string;
        if self.in_string {
            if self.root.is_none() || self.expect == Expect::Separator || self.previous == b'"' {
                self.breaks();
            }
            return;
        }
        if self.expect == Expect::Key {
            if self.previous == b'{' && self.root.is_some_and(|root| self.open.len() == root + 1) {
                self.first.clone_from(&self.piece);
            }
            self.due = self.beyond == 0
                && self.root.is_some_and(|root| self.open.len() == root + self.matched + 1)
                && self.path.is_key(self.matched, &self.piece);
            self.previous = b'"';
        } else {
            self.value_ends(b'"');
        }
    }

    fn opener(&mut self, b: u8, line_starts: bool) -> Option<Event> {
        let begins = self.begins_behind(b, line_starts);
        let due = self.is_due() && self.path.opener(self.matched + 1) == Some(b);
        self.due = false;
        if due && self.matched + 1 == self.path.around() {
            return Some(Event::Found);
        }
        let mut event = None;
        if self.expect == Expect::Separator
            && b == b'{'
            && !self.open.is_empty()
            && (line_starts || matches!(self.previous, b'}' | b']'))
        {
            self.open.clear();
            self.beyond = 0;
            self.root = None;
            event = Some(Event::Ended);
        } else if self.expect != Expect::Value {
            self.breaks();
            if self.expect == Expect::Key && self.previous == b',' {
                // The elements of an array that lost its bracket.
                self.push(b'[');
            }
        }
        if due {
            self.matched += 1;
        }
        if begins || (event.is_some() && self.path.opener(0) == Some(b)) {
            self.begin_document();
            if self.path.around() == 0 {
                return Some(Event::Found);
            }
        }
        self.push(b);
        self.expect = if b == b'{' { Expect::Key } else { Expect::Value };
        self.previous = b;
        event
    }

    #[expect(clippy::disallowed_methods, reason = "MAX_OPEN bytes at most")]
    fn push(&mut self, b: u8) {
        if self.open.len() == MAX_OPEN {
            self.beyond += 1;
        } else {
            self.open.push(b);
        }
    }

    /// Whether the value that comes next is on the way.
    fn is_due(&self) -> bool {
        let inside = self.beyond == 0
            && self.root.is_some_and(|root| self.open.len() == root + self.matched + 1)
            && self.open.last().copied() == self.path.opener(self.matched);
        match self.path.steps().get(self.matched) {
            Some(Step::Elements) => inside && self.expect == Expect::Value,
            _ => self.due && self.previous == b':',
        }
    }

    /// A document begins with the next byte.
    fn begin_document(&mut self) {
        self.root = Some(self.open.len());
        self.matched = 0;
        (self.broken, self.cut, self.texts) = (false, false, 0);
    }

    fn closer(&mut self, b: u8) -> Option<Event> {
        let opener = if b == b'}' { b'{' } else { b'[' };
        if self.beyond > 0 {
            self.beyond -= 1;
        } else {
            if self.open.last() != Some(&opener) {
                self.broken = true;
            }
            if let Some(at) = self.open.iter().rposition(|&open| open == opener) {
                self.open.truncate(at);
            }
        }
        self.value_ends(b);
        let root = self.root?;
        self.matched = self.matched.min(self.open.len().saturating_sub(root + 1));
        if self.open.len() > root {
            return None;
        }
        self.root = None;
        self.texts = 0;
        Some(Event::Ended)
    }

    fn comma(&mut self) -> Option<Event> {
        self.expect = if self.open.last() == Some(&b'{') { Expect::Key } else { Expect::Value };
        self.previous = b',';
        self.due = false;
        None
    }

    fn colon(&mut self) -> Option<Event> {
        if self.expect != Expect::Key || self.previous != b'"' {
            self.breaks();
        }
        self.expect = Expect::Value;
        self.previous = b':';
        None
    }

    fn token(&mut self, b: u8) -> Option<Event> {
        // A byte order mark, or a record separator.
        if self.root.is_none() && matches!(b, 0xEF | 0xBB | 0xBF | 0x1E) {
            return None;
        }
        let scalar = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
        if !scalar || self.root.is_none() || (self.previous != b'0' && self.expect != Expect::Value) {
            self.breaks();
        }
        self.value_ends(b'0');
        None
    }
}
