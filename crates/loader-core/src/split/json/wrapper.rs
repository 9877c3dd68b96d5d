//! Records that are the elements of an array inside of a large object.
//!
//! To the rest of the splitter such an array is the whole stream: the window is
//! fenced where the array ends, and nothing that lies behind is seen. What lies
//! before and between arrays is passed over by `documents`.
//!
//! Where an array ends in a document that is not known to be well-formed is told
//! when a record or framing ends before it: behind a `]` there the rest of the
//! document follows, and behind that the end of the stream or another document. A
//! record that lost its end, or was lost whole, is searched for such a place.

use super::arrays;
use super::containers::Containers;
use super::document::Document;
use super::finder::{Event, Finder};
use super::keep::Keep;
use super::keeper::Keeper;
use super::profile::Profile;
use super::records_path::RecordsPath;
use crate::json::scan::{Progress, RECORD_SEPARATOR, Scanner};
use crate::json::shape::key_hash;
use crate::split::window::Window;
use crate::stream::{Error, Source};

/// The rest of the document is looked for within this many bytes behind the end of an array.
pub(super) const TAIL: usize = 1024 * 1024;

/// Looks behind ends of arrays may cost this many bytes for each byte that has been split, …
const LOOK_FACTOR: u64 = 8;

/// … and this many to begin with. Once that is spent, each look goes no farther than
/// [`SHORT_TAIL`].
const LOOK_GRACE: u64 = 16 * 1024 * 1024;

/// See [`LOOK_GRACE`]. Bytes.
pub(super) const SHORT_TAIL: usize = 1024;

/// Behind an array that has the right key at the wrong place, this many bytes are looked at to
/// tell whether the document is sound.
const PROBE: usize = 16 * 1024 * 1024;

/// What starts where a record should is another document if it shows its array within this
/// many bytes.
pub(super) const DOCUMENT_HEAD: usize = 64 * 1024;

/// The wrapper around the array in hand.
pub(super) struct Wrapper {
    /// While an array is in hand it stands right behind that, as if it had ended. It does not
    /// go through well-formed documents.
    pub(super) finder: Finder,
    /// The document in hand.
    pub(super) document: Option<Document>,
    /// Finds what is kept of documents, if anything is.
    pub(super) keeper: Option<Keeper>,
    /// What was found in the value that was looked at last: the document in hand, if that is
    /// well-formed.
    pub(super) containers: Containers,
    /// The finder has seen everything before this offset.
    pub(super) seen: u64,
    /// Records begin there, and something was to be said before.
    pub(super) waiting: bool,
    /// The fence stands where the array in hand ends, or where another document is
    /// expected.
    pub(super) ended: bool,
    /// The array in hand is well-formed.
    pub(super) sound: bool,
    /// The fence stands where another document is expected.
    pub(super) restart: bool,
    /// Records were found.
    pub(super) has_records: bool,
    /// Bytes that were looked at behind ends of arrays, and as whole documents.
    pub(super) looked: u64,
    /// What is said where there are none: arrays of the first document, and the path
    /// through those that lie on the way.
    others: Vec<String>,
    between: Option<String>,
}

/// What follows a place where an array may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// The rest of the document, and nothing that belongs to an array.
    Whole,
    /// The same, up to the end of the stream or of what is looked at.
    Cut,
    /// The same, up to where it is damaged.
    Broken,
    /// A closing bracket too many, but no more than those.
    Closers,
    /// Something else.
    No,
    /// More bytes are needed to tell.
    More,
}

/// The keys on the levels of the path in what follows such a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keys {
    /// None at all.
    None,
    /// Such that records do not have.
    Others,
    /// One that records have.
    OfRecords,
}

/// What a look behind a place showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) tail: Tail,
    pub(super) keys: Keys,
    /// It took so many bytes.
    pub(super) bytes: usize,
}

impl Look {
    /// Whether an array ends where no record is open.
    pub(super) fn ends_array(self) -> bool {
        match self.tail {
            Tail::Whole => true,
            Tail::Cut => self.keys != Keys::OfRecords,
            Tail::Broken => self.keys == Keys::Others,
            Tail::Closers | Tail::No | Tail::More => false,
        }
    }

    /// Whether an array ends inside of something that is no record as it stands.
    pub(super) fn ends_array_surely(self) -> bool {
        match self.tail {
            Tail::Whole => self.keys != Keys::OfRecords,
            Tail::Cut => self.keys == Keys::Others,
            Tail::Broken | Tail::Closers | Tail::No | Tail::More => false,
        }
    }
}

impl Wrapper {
    /// At the start of a stream, whose head is told.
    #[expect(
        clippy::disallowed_methods,
        reason = "paths of bounded length, and no more of them than `arrays` finds"
    )]
    pub(super) fn new(path: RecordsPath, keep: &Keep, head: &[u8]) -> Result<Self, Error> {
        Ok(Wrapper {
            others: arrays::in_head(head).iter().map(RecordsPath::to_string).collect(),
            between: arrays::between(head, &path).map(|path| path.to_string()),
            keeper: Keeper::new(&path, keep)?,
            finder: Finder::new(path),
            document: None,
            containers: Containers::default(),
            seen: 0,
            waiting: false,
            ended: true,
            sound: false,
            restart: false,
            has_records: false,
            looked: 0,
        })
    }

    /// What is said of a stream without any records at the path.
    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    pub(super) fn no_records(&mut self) -> Error {
        Error::NoRecords {
            path: self.finder.path().to_string(),
            others: std::mem::take(&mut self.others),
            between: self.between.take(),
        }
    }

    /// Whether no document is in hand, or only pieces of one.
    pub(super) fn is_between(&self) -> bool {
        self.finder.is_between() && self.document.is_none_or(|document| document.piece)
    }

    /// Whether something that lies at `offset` may be looked at ahead.
    pub(super) fn may_look(&self, offset: u64) -> bool {
        self.looked < LOOK_GRACE + LOOK_FACTOR * offset
    }

    /// Whether the structure is broken around an array that has the keys of the
    /// path before it, but lies elsewhere: then `None`, and the array is taken.
    /// Else up to where the document was looked at.
    pub(super) fn probe<S: Source>(
        &self,
        window: &mut Window<S>,
        from: usize,
    ) -> Result<Option<usize>, Error> {
        if self.finder.is_cut() {
            return Ok(None);
        }
        let mut finder = self.finder.clone();
        let mut broken = finder.is_broken();
        let mut at = from;
        while at - from < PROBE {
            let Some(&b) = window.bytes().get(at) else {
                if window.eof() {
                    broken |= finder.could_end();
                    break;
                }
                window.grow()?;
                continue;
            };
            at += 1;
            match finder.step(b) {
                Some(Event::Found) => return Ok(Some(at)),
                Some(Event::Ended) => {
                    broken |= b == b'{';
                    break;
                }
                _ => broken |= finder.is_broken(),
            }
        }
        Ok((!broken).then_some(at))
    }

    /// The end of the array that starts the head of a stream, if it lies in it.
    /// Without it the head would teach what the rest of the document looks like.
    pub(super) fn array_end(&self, head: &[u8], eof: bool) -> Result<Option<usize>, Error> {
        let tail = |at: usize| self.look(&head[at..], eof, None).tail;
        // Of one that is well-formed it is enough that nothing in the head speaks against it: the
        // rest of the document may be longer, and so may what comes before the next array.
        if let Progress::Done(end) = Scanner::for_text(false, head.len())?.scan(head, 0, eof)
            && matches!(tail(end), Tail::Whole | Tail::Cut | Tail::More)
        {
            return Ok(Some(end));
        }
        let next = self.next_document(head);
        let mut closers = memchr::memchr_iter(b']', &head[..next.unwrap_or(head.len())]).map(|at| at + 1);
        let ends = |at: usize| looks_like_tail(&head[at..]) && matches!(tail(at), Tail::Whole | Tail::Cut);
        Ok(closers.find(|&at| ends(at)).or(next))
    }

    /// Where the head goes on with another document, the array having no end: a
    /// line that starts like the document before, and leads to such an array.
    fn next_document(&self, head: &[u8]) -> Option<usize> {
        let mut lines = memchr::memchr_iter(b'\n', head).map(|at| at + 1);
        lines.find(|&at| self.finder.starts_alike(&head[at..]) && leads_to_array(&self.finder, &head[at..]))
    }

    /// What `text` is, which follows a closing bracket; nothing follows it if `eof`.
    pub(super) fn look(&self, text: &[u8], eof: bool, profile: Option<&Profile>) -> Look {
        if self.finder.path().around() == 0 {
            return behind_root(text, eof);
        }
        let mut finder = self.finder.clone();
        let mut keys = Keys::None;
        let mut quote = 0;
        let mut at = 0;
        let tail = loop {
            let Some(&b) = text.get(at) else {
                break match (eof, is_closers(text)) {
                    (false, _) => Tail::More,
                    (true, true) => Tail::Whole,
                    (true, false) => Tail::Cut,
                };
            };
            match finder.step(b) {
                Some(Event::Ended) => {
                    // A brace where the document should go on or end: another one?
                    let lost = b == b'{';
                    let from = at + usize::from(!lost);
                    let (tail, bytes) = behind_document(&finder, &text[from..], eof, profile, lost);
                    at = from + bytes;
                    break tail;
                }
                Some(Event::Found) => break Tail::Whole,
                _ if finder.is_broken() => break Tail::Broken,
                _ if b != b'"' => {}
                _ if finder.is_in_string() => quote = at,
                _ if finder.has_wrapper_key() => {
                    let known = |profile: &Profile| profile.knows_key(key_hash(&text[quote..=at]));
                    let key = if profile.is_some_and(known) { Keys::OfRecords } else { Keys::Others };
                    keys = keys.max(key);
                }
                _ => {}
            }
            at += 1;
        };
        Look { tail, keys, bytes: at }
    }
}

/// What `text` is, which follows a bracket that may end a document. In an array a comma
/// follows, or another bracket that closes.
fn behind_root(text: &[u8], eof: bool) -> Look {
    let mut newline = false;
    let blank = |b: &&u8| b.is_ascii_whitespace() || **b == RECORD_SEPARATOR;
    let bytes = text.iter().take_while(blank).inspect(|b| newline |= **b == b'\n').count();
    let tail = match text.get(bytes) {
        None => {
            if eof {
                Tail::Whole
            } else {
                Tail::More
            }
        }
        Some(b'[') => Tail::Whole,
        Some(b',' | b':' | b'"' | b']' | b'}') => Tail::No,
        Some(_) if newline => Tail::Whole,
        Some(_) => Tail::No,
    };
    Look { tail, keys: Keys::Others, bytes }
}

/// What `text` is, which follows the end of a document, and how much of it tells.
/// Where `lost` brackets should have come before, only a document with an array
/// at the path is one.
fn behind_document(
    finder: &Finder,
    text: &[u8],
    eof: bool,
    profile: Option<&Profile>,
    lost: bool,
) -> (Tail, usize) {
    let mut around = finder.around();
    let mut comma = false;
    let mut start = 0;
    loop {
        match text.get(start) {
            None => return (if eof { Tail::Whole } else { Tail::More }, start),
            Some(b' ' | b'\t' | b'\r' | b'\n' | &RECORD_SEPARATOR) => {}
            Some(b']') if around > 0 && !comma => around -= 1,
            Some(b',') if around > 0 => comma = true,
            Some(b'{') => break,
            Some(b']' | b'}') => {
                return match (is_closers(&text[start..]), eof) {
                    (true, false) => (Tail::More, text.len()),
                    (true, true) => (Tail::Closers, text.len()),
                    (false, _) => (Tail::No, start),
                };
            }
            Some(b',' | b'"' | b':') => return (Tail::No, start),
            Some(_) => return (Tail::Broken, start),
        }
        start += 1;
    }
    let is_record =
        lost || profile.is_none_or(|profile| profile.opens(&text[start..text.len().min(start + 1024)]));
    let unless_record = |tail| if is_record { Tail::No } else { tail };
    let mut finder = Finder::new(finder.path().clone());
    for (at, &b) in text.iter().enumerate().skip(start) {
        match finder.step(b) {
            Some(Event::Found) => return (Tail::Whole, at),
            // A document that has no such array.
            Some(Event::Ended) => return (unless_record(Tail::Whole), at),
            _ if finder.is_broken() => return (unless_record(Tail::Broken), at),
            _ => {}
        }
    }
    (if eof { unless_record(Tail::Cut) } else { Tail::More }, text.len())
}

/// Whether the path leads from the start of `text` to records, and how much of it tells.
pub(super) fn leads_to_records(path: &RecordsPath, text: &[u8]) -> (bool, usize) {
    let mut finder = Finder::new(path.clone());
    for (at, &b) in text.iter().enumerate() {
        match finder.step(b) {
            Some(Event::Found) => return (true, at),
            Some(Event::Ended) => return (false, at),
            _ if finder.is_broken() => return (false, at),
            _ => {}
        }
    }
    (false, text.len())
}

/// Whether the path leads from the start of `text` to records, near it.
pub(super) fn leads_to_array(finder: &Finder, text: &[u8]) -> bool {
    leads_to_records(finder.path(), &text[..text.len().min(DOCUMENT_HEAD)]).0
}

/// Whether `text` holds closing brackets and blanks only.
fn is_closers(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_whitespace() || matches!(b, b']' | b'}'))
}

/// Whether a closing bracket may be followed by this at the end of an array: a
/// key, a closing brace, or nothing.
pub(super) fn looks_like_tail(text: &[u8]) -> bool {
    let blank = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let text = &text[blank(text)..];
    match text.first() {
        None | Some(b'}') => true,
        Some(b',') => text[1 + blank(&text[1..])..].first().is_none_or(|&b| b == b'"'),
        _ => false,
    }
}
