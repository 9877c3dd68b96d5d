//! A file in the making: records and what stands between them, each with what
//! became of it. [`Draft::finish`] writes it down with the truth about it.

use crate::content::Content;
use crate::fault::Fault;
use crate::framing::Framing;
use crate::json::{self, Style, write};
use crate::rng::Rng;
use crate::tokens;
use crate::{Damage, File, Good, Span};

/// Longer remains are brackets by the thousand, which make no records.
const LONG: usize = 50_000;

/// A record may start at one of so many brackets behind the first.
const STARTS: usize = 32;

/// A record, or rubbish in the place of one.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// What stands before it.
    pub(crate) glue: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    /// What was done to it.
    pub(crate) fault: Option<Fault>,
    /// The record before it was damaged; empty for rubbish.
    pub(crate) whole: Vec<u8>,
    /// The damage of a neighbour relies on it: leave it as it is.
    pub(crate) reserved: bool,
    /// The document that it is in lost a bracket of its array.
    pub(crate) doubtful: bool,
    /// It is the first of such a document, of which so many bytes stand before it.
    pub(crate) opens: Option<usize>,
}

impl Slot {
    pub(crate) fn rubbish(glue: Vec<u8>, bytes: Vec<u8>, fault: Fault) -> Self {
        Slot {
            glue,
            bytes,
            fault: Some(fault),
            whole: Vec::new(),
            reserved: true,
            doubtful: false,
            opens: None,
        }
    }

    /// Whether nothing was done to it, and nothing forbids it.
    pub(crate) fn is_free(&self) -> bool {
        self.fault.is_none() && !self.reserved
    }

    /// Whether the record is as it was made.
    pub(crate) fn is_good(&self) -> bool {
        self.fault.is_none()
    }

    pub(crate) fn spoil(&mut self, bytes: Vec<u8>, fault: Fault) {
        self.whole = std::mem::replace(&mut self.bytes, bytes);
        self.fault = Some(fault);
    }
}

/// A file in the making.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(crate) framing: Framing,
    content: Content,
    pub(crate) slots: Vec<Slot>,
    pub(crate) tail: Vec<u8>,
    pub(crate) records_path: Option<&'static str>,
}

impl Draft {
    /// A file without a fault.
    pub fn new(framing: Framing, content: Content, records: usize, rng: &mut Rng) -> Self {
        let style = framing.style(rng);
        Draft::styled(framing, content, records, &style, rng)
    }

    /// The same, with records written so.
    pub(crate) fn styled(
        framing: Framing,
        content: Content,
        records: usize,
        style: &Style,
        rng: &mut Rng,
    ) -> Self {
        let [first, between, last] = framing.glue();
        let slots = (0..records).map(|n| Slot {
            glue: if n == 0 { first } else { between }.into(),
            bytes: write(&content.record(n, rng), style),
            fault: None,
            whole: Vec::new(),
            reserved: false,
            doubtful: false,
            opens: None,
        });
        Draft { framing, content, slots: slots.collect(), tail: last.into(), records_path: None }
    }

    /// What its records are.
    pub(crate) fn content(&self) -> Content {
        self.content
    }

    /// The slots that may still be damaged.
    pub fn free(&self) -> Vec<usize> {
        (0..self.slots.len()).filter(|&at| self.slots[at].is_free()).collect()
    }

    /// The position of the last slot.
    pub fn last(&self) -> usize {
        self.slots.len() - 1
    }

    /// Whether these bytes are damaged beyond doubt: neither they, without some
    /// framing at their ends, nor one of their lines where a line is a record,
    /// are JSON, unless it is the whole record with something beside it.
    pub(crate) fn is_damage(&self, bytes: &[u8], whole: &[u8]) -> bool {
        let sound = |piece: &[u8]| {
            let framing = |b: u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | 0x1E);
            let before = piece.iter().take(4).take_while(|b| framing(**b)).count();
            let behind = piece.iter().rev().take(4).take_while(|b| framing(**b)).count();
            let cuts = (0..=before).flat_map(|from| (0..=behind).map(move |to| (from, to)));
            let mut parts = cuts.filter_map(|(from, to)| piece.get(from..piece.len() - to));
            parts.any(|part| json::valid(part) && part.trim_ascii() != whole)
                || json::valid(json::strip(piece)) && json::strip(piece) != whole
        };
        let in_lines = self.framing.one_a_line() || whole.is_empty();
        let lines_sound = in_lines && bytes.split(|b| matches!(b, b'\n' | 0x1E)).any(sound);
        !bytes.trim_ascii().is_empty()
            && !json::valid(bytes)
            && !sound(bytes)
            && !lines_sound
            && !self.is_several(bytes, whole)
    }

    /// Whether nothing but whole containers and framing is left, two or more of
    /// them: as good as records whose separators are damaged.
    fn is_several(&self, bytes: &[u8], whole: &[u8]) -> bool {
        let mut containers = 0;
        let mut at = 0;
        if bytes.len() > LONG {
            return false;
        }
        while at < bytes.len() {
            // Brackets may be framing or a container: what is valid is one.
            match json::prefix(&bytes[at..]).filter(|_| matches!(bytes[at], b'{' | b'[')) {
                Some(length) => {
                    containers += usize::from(&bytes[at..at + length] != whole);
                    at += length;
                }
                None if json::strip(&bytes[at..at + 1]).is_empty() => at += 1,
                None => return false,
            }
        }
        containers > 1
    }

    /// Whether remains beside the record at `at` could be a part of it, or it a
    /// part of them, for all that stands between them.
    fn is_unsure(&self, at: usize) -> bool {
        let slot = &self.slots[at];
        let bare = |glue: &[u8]| glue.trim_ascii().is_empty() && !glue.contains(&b'\n');
        if let Some(behind) = self.slots.get(at + 1)
            && behind.fault.is_some()
            && bare(&behind.glue)
            && matches!(behind.bytes.trim_ascii_start().first(), Some(b'}' | b']' | b':'))
        {
            return true;
        }
        let Some(before) = at.checked_sub(1).map(|at| &self.slots[at]) else { return false };
        let Some(fault) = before.fault else { return false };
        if self.framing.strict() {
            let marked = slot.glue.iter().any(|b| matches!(b, b'\n' | 0x1E));
            let shown = marked || (self.framing.hugging() && self.last_line_intact(before));
            return !shown;
        }
        let open = matches!(before.bytes.trim_ascii_end().last(), Some(b'{' | b'[' | b':'));
        slot.glue.trim_ascii().is_empty() && (open || fault.tears() && tokens::value_due(&before.bytes))
    }

    /// Whether the last line of a damaged record is still its closing bracket at
    /// the indentation of records.
    fn last_line_intact(&self, slot: &Slot) -> bool {
        let line = |bytes: &[u8]| bytes.rsplit(|&b| b == b'\n').next().map(<[u8]>::to_vec);
        slot.bytes.contains(&b'\n') && line(&slot.bytes) == line(&slot.whole)
    }

    /// Whether remains happen to make a record together with what follows them:
    /// the next remains or record, or the end of the file.
    fn has_chimera(&self) -> bool {
        let behind =
            self.slots.iter().skip(1).map(|slot| (slot.glue.as_slice(), slot.bytes.as_slice(), &*slot.whole));
        let behind = behind.chain([(self.tail.as_slice(), b"".as_slice(), b"".as_slice())]);
        self.slots.iter().zip(behind).filter(|(slot, _)| slot.fault.is_some()).any(
            |(slot, (glue, next, whole))| {
                let all = [&slot.bytes, glue, next].concat();
                json::prefix(&all).is_some_and(|end| end > slot.bytes.len())
                    || within(whole, next).is_none() && within(whole, &all).is_some()
            },
        )
    }

    /// Writes the file; `None` if what was done to it makes no damage.
    pub fn finish(self, name: String, seed: u64, scenario: &'static str) -> Option<File> {
        if self.has_chimera() {
            return None;
        }
        let mut file = File {
            name,
            seed,
            framing: self.framing,
            content: self.content,
            scenario,
            records_path: self.records_path,
            bytes: Vec::new(),
            good: Vec::new(),
            damaged: Vec::new(),
            tolerated: Vec::new(),
            broken: Vec::new(),
        };
        for (at, slot) in self.slots.iter().enumerate() {
            file.bytes.extend_from_slice(&slot.glue);
            let span = Span { offset: file.bytes.len(), length: slot.bytes.len() };
            if let Some(before) = slot.opens {
                file.broken.push(Span { offset: span.offset - before, length: 0 });
            }
            file.bytes.extend_from_slice(&slot.bytes);
            match slot.fault {
                None => file.good.push(Good { span, unsure: slot.doubtful || self.is_unsure(at) }),
                Some(fault) => {
                    file.damaged.push(Damage { span, fault });
                    if let Some(found) = within(&slot.whole, &slot.bytes) {
                        file.tolerated
                            .push(Span { offset: span.offset + found.offset, length: found.length });
                    }
                }
            }
        }
        file.bytes.extend_from_slice(&self.tail);
        for broken in &mut file.broken {
            let last = file.good.iter().filter(|good| good.span.offset > broken.offset && !good.unsure);
            let end = last.map(|good| good.span.offset).min().unwrap_or(file.bytes.len());
            broken.length = end - broken.offset;
        }
        Some(file)
    }
}

/// Where in what became of a record it still lies as it was, but for white
/// space.
fn within(whole: &[u8], bytes: &[u8]) -> Option<Span> {
    let first = *whole.first()?;
    if let Some(offset) = bytes.windows(whole.len()).position(|part| part == whole) {
        return Some(Span { offset, length: whole.len() });
    }
    let dense =
        |bytes: &[u8]| bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<u8>>();
    let starts = (0..bytes.len()).filter(|&at| bytes[at] == first);
    starts.take(STARTS).find_map(|offset| {
        let length = json::prefix(&bytes[offset..])?;
        (dense(&bytes[offset..offset + length]) == dense(whole)).then_some(Span { offset, length })
    })
}
