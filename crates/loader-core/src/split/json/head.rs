//! The start of a stream: reads its head, tells the layout and learns what the
//! records look like, before the first is handed out.

use super::framing::BOM;
use super::framing::is_framing;
use super::layout::{self, Asked, Layout, Sniffed};
use super::profile::Profile;
use super::splitter::Splitter;
use super::wrapper::Wrapper;
use super::{Format, Options};
use crate::json::scan::{Progress, Scanner};
use crate::looks;
use crate::memory;
use crate::split::Reader;
use crate::split::window::Window;
use crate::split::{Item, Reject, Split};
use crate::stream::{Error, Source};

/// Format and layout are told from the first this many bytes of the stream.
const HEAD: usize = 64 * 1024;

/// If these show fewer whole values than this, …
const FEW: usize = 8;

/// … the records are large or damage fills the head, and this many bytes are looked at.
const LONG_HEAD: usize = 1024 * 1024;

/// If no record is whole where records should be, at most this many values are tried as the
/// pattern of the file's records.
const ROUGH_KINDS: usize = 32;

impl<S: Source> Splitter<S> {
    /// Reads the head of the stream, which is UTF-8, and tells its format.
    pub fn new(source: S, options: Options) -> Result<Self, Error> {
        Splitter::with_reader(source, options, ())
    }
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// As [`Splitter::new`], with a reader that is asked before the scanner is.
    pub fn with_reader(source: S, options: Options, reader: R) -> Result<Self, Error> {
        let mut window = Window::new(source);
        window.grow()?;
        let path = options.records_path.clone();
        let asked = Asked {
            format: options.format,
            prefixed: options.line_prefix.is_some(),
            is_file: path.is_none(),
        };
        let wrapper = match path {
            Some(path) => Some(Wrapper::new(path, &options.keep, window.bytes())?),
            None => None,
        };
        let mut splitter = Splitter::with(window, reader, options);
        if wrapper.is_some() {
            // Nothing is seen before the first records are found.
            splitter.cursor.fence(0);
            splitter.wrapper = wrapper;
            splitter.format = Format::Array;
            return Ok(splitter);
        }
        let mut looks = None;
        loop {
            let head = splitter.look_at_head(asked)?;
            if !head.sniffed.is_text {
                splitter.learn_head(head)?;
                return Ok(splitter);
            }
            let looks = *looks.get_or_insert(looks::looks(&splitter.cursor.bytes()[..head.length]));
            if head.whole {
                return Err(Error::NotJson(looks));
            }
            splitter.pass_text(head.length)?;
        }
    }

    /// Looks at the window, at the start of which records begin that lie in a document, for
    /// their layout and what they look like.
    pub(super) fn look_at_records(&mut self) -> Result<(), Error> {
        let asked = Asked { format: Some(Format::Array), prefixed: false, is_file: false };
        let head = self.look_at_head(asked)?;
        self.learn_head(head)
    }

    /// Reads the head of what is left of the stream, and tells how it is laid out.
    fn look_at_head(&mut self, asked: Asked) -> Result<Head, Error> {
        let mut most = HEAD;
        loop {
            let (length, whole) = head_length(self.cursor.window_mut(), self.wrapper.as_ref(), most)?;
            let sniffed = layout::sniff(&self.cursor.bytes()[..length], whole, asked)?;
            if whole || most == LONG_HEAD || (sniffed.seen >= FEW && !sniffed.is_text) {
                return Ok(Head { length, whole, sniffed });
            }
            most = LONG_HEAD;
        }
    }

    /// Passes over text before the first record that is longer than a head.
    fn pass_text(&mut self, length: usize) -> Result<(), Error> {
        let text = &self.cursor.bytes()[..length];
        let start = if self.ledger.has_passed() { 0 } else { skip_framing(text) };
        let end = memchr::memrchr(b'\n', text).map_or(length, |newline| newline + 1).max(start);
        self.pass(start, end)?;
        Ok(())
    }

    /// Learns what the records look like from the head of a stream.
    fn learn_head(&mut self, head: Head) -> Result<(), Error> {
        let Head { length, whole, sniffed } = head;
        let bytes = &self.cursor.bytes()[sniffed.begin..length];
        let profile = learn_from_head(bytes, whole, &self.options, sniffed)?;
        self.lay_out(sniffed, profile);
        self.learned_to = self.cursor.offset(length);
        if sniffed.begin > 0 || self.ledger.has_passed() {
            self.preamble = Some(sniffed.begin);
        }
        Ok(())
    }
}

/// The head of a stream.
struct Head {
    length: usize,
    /// Nothing follows it.
    whole: bool,
    sniffed: Sniffed,
}

/// The first index that is no framing.
fn skip_framing(text: &[u8]) -> usize {
    let bom = if text.starts_with(BOM) { BOM.len() } else { 0 };
    bom + text[bom..].iter().take_while(|b| is_framing(**b)).count()
}

/// How much of the stream is its head, `most` bytes or all, and whether nothing
/// follows that. Behind the end of a wrapped array nothing does; the window ends with one
/// that is well-formed.
fn head_length<S: Source>(
    window: &mut Window<S>,
    wrapper: Option<&Wrapper>,
    most: usize,
) -> Result<(usize, bool), Error> {
    while window.bytes().len() < most && !window.eof() {
        window.grow()?;
    }
    let bytes = window.bytes();
    let length = most.min(bytes.len());
    let whole = window.eof() && length == bytes.len();
    let end = match wrapper {
        Some(wrapper) if !wrapper.sound => wrapper.array_end(&bytes[..length], whole)?,
        _ => None,
    };
    Ok(end.map_or((length, whole), |end| (end, true)))
}

/// Runs a splitter over the head, which is `whole` if nothing follows it, for what
/// it finds good.
fn learn_from_head(head: &[u8], whole: bool, options: &Options, sniffed: Sniffed) -> Result<Profile, Error> {
    let mut window = Window::new(head);
    window.grow()?;
    let options = Options { raw_limit: 0, ..options.clone() };
    let mut splitter = Splitter::with(window, (), options);
    splitter.lay_out(sniffed, Profile::default());
    // Where the head ends inside of a record, that one tells nothing.
    let mut told = head;
    while let Some(item) = splitter.next()? {
        if let Item::Reject(Reject { offset, fault, .. }) = item
            && !whole
            && fault.at as usize == head.len()
        {
            told = &head[..offset as usize];
        }
    }
    let tally = *splitter.tally();
    if !matches!(sniffed.layout, Layout::Lines { .. }) && tally.bytes_loaded < tally.bytes_rejected {
        return learn_from_values(told, tally.bytes_loaded as usize, splitter.profile);
    }
    Ok(splitter.profile)
}

/// Where little of the head is good: learns from the most frequent kind of the
/// largest whole values in it, wherever they lie, if that is more than the
/// `loaded` bytes that were found where records should start.
fn learn_from_values(head: &[u8], loaded: usize, mut profile: Profile) -> Result<Profile, Error> {
    let mut scanner = Scanner::for_text(false, head.len())?;
    let mut found: Vec<&[u8]> = Vec::new();
    let mut effort = 32 * head.len();
    let mut i = 0;
    while let Some(at) = memchr::memchr2(b'{', b'[', &head[i..]) {
        let start = i + at;
        i = start + 1;
        // The value of a key, or brackets in a text.
        let before = head[..start].trim_ascii_end().last();
        if before.is_some_and(|&b| b == b':' || b.is_ascii_alphanumeric() || b >= 0x80) {
            continue;
        }
        scanner.reset(false);
        match scanner.scan(head, start, true) {
            Progress::Done(end) if scanner.soft().is_some() => i = end,
            Progress::Done(end) => {
                memory::push(&mut found, &head[start..end])?;
                i = end;
            }
            Progress::Broken(spot) if spot.at - start < effort => {
                effort -= spot.at - start;
                // Of a row of brackets the last is as good as the first.
                let row = head[start..].iter().take_while(|&&b| b == head[start]).count();
                i = (start + row).saturating_sub(2).max(i);
            }
            _ => break,
        }
    }
    let mut best: Vec<&[u8]> = Vec::new();
    let mut best_weight = loaded + loaded / 2;
    for kind in found.iter().take(ROUGH_KINDS) {
        let mut rough = Profile::default();
        rough.learn(kind)?;
        let alike: Vec<&[u8]> = memory::collect(found.iter().copied().filter(|value| rough.owns(value)))?;
        let weight: usize = alike.iter().map(|value| value.len()).sum();
        if weight > best_weight {
            (best, best_weight) = (alike, weight);
        }
    }
    if !best.is_empty() {
        profile = Profile::default();
    }
    for value in best {
        profile.learn(value)?;
    }
    Ok(profile)
}
