//! pglz: the server's own method, made faster and free of static tables.
//!
//! Written from the format. A control byte says of the next eight items, lowest
//! bit first, whether each is a literal byte (0) or a tag (1). A tag is two
//! bytes, or three: the high half of the first and the second are the offset
//! (1 to 4095), the low half of the first is the length less 3; 15 there means
//! that a third byte holds the length less 18.
//!
//! Text is compressed in a buffer of 64 kB, so that a position is 16 bits and
//! reading at one needs no check of bounds; a longer value moves through it.

use super::{CompressError, reserve, table};

/// The shortest and the longest match; up to `LONGEST_SHORT`, two bytes do.
const SHORTEST: usize = 3;
const LONGEST: usize = 273;
const LONGEST_SHORT: usize = 17;

/// The farthest match.
const FARTHEST: usize = 4095;

/// The server does not try shorter values.
const LEAST: usize = 32;

/// What a control byte holds.
const ITEMS: usize = 8;

const ROOM: usize = 1 << 16;
/// Read beyond the text, never written out.
const SLACK: usize = 512;
type Text = [u8; ROOM + SLACK];

/// Position 0 stands for none.
const FIRST: usize = 8;

/// From this length of match on no better one is looked for.
const GOOD: usize = 32;

/// Keeps its tables between values.
#[derive(Default)]
pub(super) struct Pglz {
    state: Option<State>,
}

struct State {
    text: Box<Text>,
    seen: Seen,
    /// The end of what the buffer holds. Values are laid one after the other,
    /// so that tables need not be cleared for each.
    end: usize,
}

impl Pglz {
    /// Appends the items; false, with anything appended, where they would not
    /// be shorter than `below` and three quarters of the content.
    pub(super) fn compress(
        &mut self,
        content: &[u8],
        below: usize,
        out: &mut Vec<u8>,
        stop: &dyn Fn() -> bool,
    ) -> Result<bool, CompressError> {
        if content.len() < LEAST {
            return Ok(false);
        }
        let below = below.min((content.len() as u64 * 75 / 100) as usize);
        let state = match &mut self.state {
            Some(state) => state,
            none => none.insert(State { text: table()?, seen: Seen::new()?, end: ROOM }),
        };
        let start = out.len();
        let mut items = Items::new(start);
        let mut rest = content;
        let mut first = FIRST;
        while !rest.is_empty() {
            if rest.len() < content.len() {
                if stop() {
                    return Err(CompressError::Stopped);
                }
                state.slide();
                first = FIRST;
            } else {
                if state.end + rest.len() > ROOM {
                    state.clear();
                }
                first = first.max(state.end);
            }
            let from = state.end;
            let (part, after) = rest.split_at(rest.len().min(ROOM - from));
            let to = from + part.len();
            state.text[from..to].copy_from_slice(part);
            state.text[to..to + SLACK / 2].fill(0);
            let most = part.len() + part.len() / ITEMS + 32;
            reserve(out, most)?;
            out.resize(items.end + most, 0);
            encode(&state.text, &mut state.seen, first, from, to, &mut items, out);
            state.end = to;
            rest = after;
            if items.end - start >= below {
                return Ok(false);
            }
        }
        let end = items.finish(out);
        out.truncate(end);
        Ok(out.len() - start < below)
    }
}

impl State {
    fn clear(&mut self) {
        self.seen.clear();
        self.end = FIRST;
    }

    /// Keeps what a tag may point to, at the start of the buffer.
    fn slide(&mut self) {
        let kept = self.end - (FARTHEST + 1);
        self.text.copy_within(kept..self.end, FIRST);
        self.seen.slide(kept - FIRST);
        self.end = FIRST + FARTHEST + 1;
    }
}

/// Where bytes were seen last.
struct Seen {
    /// By four bytes, the last four positions, the latest lowest.
    fours: Box<[u64; 1 << 11]>,
    /// By three bytes, the last position.
    threes: Box<[u16; 1 << 12]>,
}

impl Seen {
    fn new() -> Result<Self, CompressError> {
        Ok(Seen { fours: table()?, threes: table()? })
    }

    fn clear(&mut self) {
        self.fours.fill(0);
        self.threes.fill(0);
    }

    fn slide(&mut self, by: usize) {
        let by = by as u16;
        for last in self.threes.iter_mut() {
            *last = last.saturating_sub(by);
        }
        for last in self.fours.iter_mut() {
            let moved = [0, 16, 32, 48].map(|shift| ((*last >> shift) as u16).saturating_sub(by));
            *last = moved.iter().rev().fold(0, |all, one| all << 16 | u64::from(*one));
        }
    }

    #[inline(always)]
    fn insert(&mut self, at: usize, word: u64) {
        let four = &mut self.fours[four(word)];
        *four = *four << 16 | at as u64;
        self.threes[three(word)] = at as u16;
    }

    /// The longest match for the text at `at` among the positions from `first`
    /// on: its length, below 3 if there is none, and where it is.
    #[inline(always)]
    fn find(&self, text: &Text, at: usize, word: u64, first: usize) -> (usize, usize) {
        let first = first.max(at.saturating_sub(FARTHEST));
        let four = self.fours[four(word)];
        let places = [
            four as u16,
            (four >> 16) as u16,
            (four >> 32) as u16,
            (four >> 48) as u16,
            self.threes[three(word)],
        ];
        // Without branches as far as eight bytes go: how many are equal above,
        // the position below, so that the nearest of the longest wins.
        let ranks = places.map(|place| {
            let difference = self::word(text, place as usize) ^ word;
            let difference = if (place as usize) < first { 1 } else { difference };
            (difference.trailing_zeros() / 8) << 16 | u32::from(place)
        });
        let best = ranks.iter().fold(0, |best, rank| best.max(*rank));
        if best >> 16 < 8 {
            return ((best >> 16) as usize, best as usize & 0xFFFF);
        }
        let mut longest = (0, 0);
        for rank in ranks {
            let place = rank as usize & 0xFFFF;
            if rank >> 16 == 8 && text[place + longest.0] == text[at + longest.0] {
                let length = same(text, place, at);
                if length > longest.0 {
                    longest = (length, place);
                }
            }
        }
        longest
    }
}

#[inline(always)]
fn four(word: u64) -> usize {
    ((word as u32).wrapping_mul(0x9E37_79B1) >> (32 - 11)) as usize
}

#[inline(always)]
fn three(word: u64) -> usize {
    ((word as u32) << 8).wrapping_mul(0x9E37_79B1) as usize >> (32 - 12)
}

#[inline(always)]
fn word(text: &Text, at: usize) -> u64 {
    text[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The length of a match of at least eight bytes.
#[inline(always)]
fn same(text: &Text, place: usize, at: usize) -> usize {
    let mut length = 8;
    while length < LONGEST {
        let difference = word(text, place + length) ^ word(text, at + length);
        if difference != 0 {
            return LONGEST.min(length + difference.trailing_zeros() as usize / 8);
        }
        length += 8;
    }
    LONGEST
}

/// Writes the items of the text between `from` and `to`.
fn encode(
    text: &Text,
    seen: &mut Seen,
    first: usize,
    from: usize,
    to: usize,
    items: &mut Items,
    out: &mut [u8],
) {
    let mut at = from;
    let mut literals = from;
    while at < to {
        let here = word(text, at);
        let (mut length, mut place) = seen.find(text, at, here, first);
        seen.insert(at, here);
        if length < SHORTEST {
            at += 1;
            continue;
        }
        // A match one byte later must be longer by two: it costs a literal.
        while length < GOOD {
            let next = word(text, at + 1);
            let (later, its_place) = seen.find(text, at + 1, next, first);
            if later < length + 2 {
                break;
            }
            (length, place) = (later, its_place);
            at += 1;
            seen.insert(at, next);
        }
        // The text behind `to` is not this value's.
        length = length.min(to.saturating_sub(at));
        if length < SHORTEST {
            at += 1;
            continue;
        }
        items.put_literals(text, literals, at, out);
        items.put_tag(length, at - place, out);
        for inside in at + 1..at + length {
            seen.insert(inside, word(text, inside));
        }
        at += length;
        literals = at;
    }
    items.put_literals(text, literals, to, out);
}

/// The items as far as they are written.
struct Items {
    /// Where the next byte goes.
    end: usize,
    /// Where the control byte of the items since then is.
    control_at: usize,
    control: u32,
    /// Items since then.
    count: usize,
}

impl Items {
    fn new(start: usize) -> Self {
        Items { end: start + 1, control_at: start, control: 0, count: 0 }
    }

    #[inline(always)]
    fn put_literals(&mut self, text: &Text, mut from: usize, to: usize, out: &mut [u8]) {
        while from < to {
            let some = (to - from).min(ITEMS - self.count);
            out[self.end..self.end + 8].copy_from_slice(&word(text, from).to_le_bytes());
            from += some;
            self.end += some;
            self.count += some;
            self.close_full(out);
        }
    }

    #[inline(always)]
    fn put_tag(&mut self, length: usize, offset: usize, out: &mut [u8]) {
        let long = length > LONGEST_SHORT;
        let low = if long { 15 } else { length - SHORTEST };
        let bytes =
            (offset >> 4 & 0xF0 | low) | (offset & 0xFF) << 8 | (length.wrapping_sub(18) & 0xFF) << 16;
        out[self.end..self.end + 4].copy_from_slice(&(bytes as u32).to_le_bytes());
        self.end += 2 + usize::from(long);
        self.control |= 1 << self.count;
        self.count += 1;
        self.close_full(out);
    }

    /// After eight items a new control byte.
    #[inline(always)]
    fn close_full(&mut self, out: &mut [u8]) {
        if self.count == ITEMS {
            out[self.control_at] = self.control as u8;
            *self = Items::new(self.end);
        }
    }

    /// Where the items end: no control byte may follow the last.
    fn finish(&self, out: &mut [u8]) -> usize {
        if self.count == 0 {
            return self.control_at;
        }
        out[self.control_at] = self.control as u8;
        self.end
    }
}
