//! pglz: the server's own method, made faster and free of static tables.
//!
//! Written from the format. A control byte says of the next eight items, lowest
//! bit first, whether each is a literal byte (0) or a tag (1). A tag is two
//! bytes, or three: the high half of the first and the second are the offset
//! (1 to 4095), the low half of the first is the length less 3; 15 there means
//! that a third byte holds the length less 18. A literal costs 9 bits, a tag 17
//! or 25.
//!
//! How it is fast, measured on tweets: positions are linked with the one before
//! them that starts with the same five bytes in a loop of its own, which has no
//! branch to mispredict; then matches are looked for at two positions at a time,
//! without a branch up to a length of eight; only where that finds something
//! that may be had longer, the links are followed. Each of the three steps is
//! done for a kilobyte before the next, so that all stays in the L1 cache. The
//! text is copied to a buffer of 64 kB, so that a position is 16 bits and reading
//! at one needs no check of bounds; a longer value moves through it.

use super::CompressError;
use crate::memory;

/// The shortest and the longest match; up to `LONGEST_SHORT`, two bytes do.
const SHORTEST: usize = 3;
const LONGEST: usize = 273;
const LONGEST_SHORT: usize = 17;

/// The farthest match.
const FARTHEST: usize = 4095;

/// The server does not try shorter values, nor keep what saves less than a
/// quarter (`PGLZ_strategy_default`).
const LEAST: usize = 32;
const KEPT_PERCENT: u64 = 75;

/// What a control byte holds.
const ITEMS: usize = 8;

/// The buffer, and what may be read behind it.
const ROOM: usize = 1 << 16;
const SLACK: usize = LONGEST + 2 * WORD;
type Text = [u8; ROOM + SLACK];

/// Where a value starts: position 0 stands for none.
const FIRST: usize = 8;

/// Links are kept for this many positions, enough for the farthest match and a segment.
const RING: usize = 1 << 13;

/// Positions that each step is done for at a time, and how many positions more
/// the search may look at.
const SEGMENT: usize = 1 << 10;
const AHEAD: usize = 8;

/// Entries of the tables of positions.
const BITS: u32 = 12;

/// How many equal bytes a rank can tell.
const WORD: usize = 8;

/// How many links are followed from a match that is shorter than a word, and
/// from others. Small alphabets and tables of numbers need the former, records
/// that resemble each other the latter.
const STEPS: usize = 16;
const STEPS_LONG: usize = 12;

/// Once a match has this length, no longer one is looked for.
const ENOUGH: usize = 64;

/// Keeps its tables between values.
#[derive(Default)]
pub(super) struct Pglz {
    /// None or one; a vector is what can be refused memory.
    state: Vec<State>,
}

/// In one piece: few registers are left for addresses.
struct State {
    text: Text,
    seen: Seen,
    found: [Match; SEGMENT / SHORTEST + 1],
}

impl State {
    const EMPTY: State = State {
        text: [0; ROOM + SLACK],
        seen: Seen { fives: [0; 1 << BITS], earlier: [0; RING], threes: [0; 1 << BITS] },
        found: [Match { literals: 0, length: 0, offset: 0 }; SEGMENT / SHORTEST + 1],
    };
}

/// Where bytes were seen before.
struct Seen {
    /// The last position by its first five bytes, of those linked.
    fives: [u16; 1 << BITS],
    /// By position, the one before it in the same entry of `fives`.
    earlier: [u16; RING],
    /// The last position by its first three bytes, of those searched.
    threes: [u16; 1 << BITS],
}

/// A match and the number of literals before it.
#[derive(Clone, Copy)]
struct Match {
    literals: u16,
    length: u16,
    offset: u16,
}

impl Pglz {
    /// Appends the items; false, with anything appended, where they would not
    /// be shorter than `below` or save too little.
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
        let below = below.min((content.len() as u64 * KEPT_PERCENT / 100) as usize);
        if self.state.is_empty() {
            memory::reserve_exact(&mut self.state, 1)?;
            memory::push(&mut self.state, State::EMPTY)?;
        }
        let [State { text, seen, found }] = &mut self.state[..] else { return Ok(false) };
        seen.clear();
        let start = out.len();
        let mut items = Items::new(start);
        let mut filled = FIRST;
        let mut rest = content;
        while !rest.is_empty() {
            if rest.len() < content.len() {
                if stop() {
                    return Err(CompressError::Stopped);
                }
                filled = slide(text, seen, filled);
            }
            let mut at = filled;
            let (part, after) = rest.split_at(rest.len().min(ROOM - at));
            rest = after;
            filled += part.len();
            text[at..filled].copy_from_slice(part);
            // What the search sees behind the value must not be chance.
            text[filled..filled + SLACK].fill(0);
            let most = part.len() + part.len() / ITEMS + 4 * WORD;
            memory::resize(out, items.end + most, 0)?;
            let mut linked = at;
            while at < filled {
                let segment = filled.min(at + SEGMENT);
                let until = (segment + AHEAD).min(filled).max(linked);
                seen.link(text, linked, until);
                linked = until;
                let (count, next) = search(text, seen, at, segment, filled, found);
                // The server gives up here, too: most such values are noise to
                // their end.
                if count == 0 && at == FIRST && segment < filled {
                    return Ok(false);
                }
                items = items.write(text, at, &found[..count], next, out);
                at = next;
            }
            if items.end - start >= below {
                return Ok(false);
            }
        }
        let end = items.finish(out);
        out.truncate(end);
        Ok(end - start < below)
    }
}

/// Moves what a match may reach to the start of the buffer, by a multiple of
/// the links' ring; returns where it ends now.
fn slide(text: &mut Text, seen: &mut Seen, filled: usize) -> usize {
    let by = (filled - FIRST - (FARTHEST + 1)) / RING * RING;
    text.copy_within(by + FIRST..filled, FIRST);
    let positions = seen.fives.iter_mut().chain(seen.earlier.iter_mut()).chain(seen.threes.iter_mut());
    for position in positions {
        *position = position.saturating_sub(by as u16);
    }
    filled - by
}

impl Seen {
    /// Forgets all. Links are read only where this value has made them, and at
    /// position 0, where the search begins from nothing.
    fn clear(&mut self) {
        self.fives.fill(0);
        self.threes.fill(0);
        self.earlier[0] = 0;
    }

    /// Links the positions with the ones before them.
    #[inline(never)]
    fn link(&mut self, text: &Text, from: usize, to: usize) {
        for at in from..to {
            let last = &mut self.fives[five(word(text, at))];
            self.earlier[at % RING] = *last;
            *last = at as u16;
        }
    }

    /// Ranks the matches for the text at `at` that are to be had for little.
    /// A rank is the number of equal bytes, up to eight, above the position, so
    /// that of the longest the nearest is the greatest.
    #[inline(always)]
    fn ranks(&mut self, text: &Text, at: usize) -> [u32; 3] {
        let here = word(text, at);
        let first = first_in_reach(at);
        let last = self.earlier[at % RING];
        let before = self.earlier[usize::from(last) % RING];
        let three = &mut self.threes[three(here)];
        let alike = *three;
        *three = at as u16;
        let rank = |place: u16| {
            let place = usize::from(place);
            let equal = equal_bytes(word(text, place) ^ here);
            // From `first` to before `at`: entries may be stale, or of a position
            // that was searched in vain.
            let in_reach = place.wrapping_sub(first) < at - first;
            (equal << 16 | place as u32) & u32::from(in_reach).wrapping_neg()
        };
        [rank(last), rank(before), rank(alike)]
    }

    /// The longest match that the links from `from` lead to, or the one given.
    #[inline(always)]
    fn follow(&self, text: &Text, at: usize, from: usize, best: (usize, usize)) -> (usize, usize) {
        let first = first_in_reach(at);
        let (mut length, mut place) = best;
        let mut next = from;
        for _ in 0..if length < WORD { STEPS } else { STEPS_LONG } {
            let before = usize::from(self.earlier[next % RING]);
            if before < first || before >= next {
                break;
            }
            next = before;
            // A longer one is equal at the best one's end.
            let end = length - SHORTEST;
            if word(text, next + end) as u32 == word(text, at + end) as u32 {
                let longer = same(text, next, at, 0);
                if longer > length {
                    (length, place) = (longer, next);
                    if length >= ENOUGH {
                        break;
                    }
                }
            }
        }
        (length, place)
    }
}

/// The first position that a match at `at` may point to.
#[inline(always)]
fn first_in_reach(at: usize) -> usize {
    at.saturating_sub(FARTHEST).max(FIRST)
}

/// Finds the matches of the positions from `from` to `segment`; they do not
/// reach beyond `to`. Returns their number and where the search is to go on.
#[inline(never)]
fn search(
    text: &Text,
    seen: &mut Seen,
    from: usize,
    segment: usize,
    to: usize,
    found: &mut [Match],
) -> (usize, usize) {
    let mut at = from;
    let mut literals = from;
    let mut count = 0;
    while at < segment {
        let ranks = seen.ranks(text, at);
        let ranks_next = seen.ranks(text, at + 1);
        let best = greatest(ranks);
        let best_next = greatest(ranks_next);
        if best.max(best_next) < (SHORTEST as u32) << 16 {
            at += 2;
            continue;
        }
        // A match one byte later must be longer by two: it costs a literal.
        let later = (best >> 16) < SHORTEST as u32 || best_next >= best + (2 << 16);
        at += usize::from(later);
        let (ranks, best) = if later { (ranks_next, best_next) } else { (ranks, best) };
        let (mut length, mut place) = ((best >> 16) as usize, best as usize & 0xFFFF);
        if length == WORD {
            (length, place) = beyond_a_word(text, at, ranks);
        }
        // The position before the last in the same entry matches, too: there
        // are likely more.
        if ranks[1] >> 16 >= 5 && length < ENOUGH {
            (length, place) = seen.follow(text, at, ranks[1] as usize & 0xFFFF, (length, place));
        }
        length = length.min(to.saturating_sub(at));
        if length < SHORTEST {
            at += 1;
            continue;
        }
        let Some(slot) = found.get_mut(count) else { break };
        *slot =
            Match { literals: (at - literals) as u16, length: length as u16, offset: (at - place) as u16 };
        count += 1;
        at += length;
        literals = at;
    }
    (count, at.min(to))
}

#[inline(always)]
fn greatest(ranks: [u32; 3]) -> u32 {
    ranks[0].max(ranks[1]).max(ranks[2])
}

/// The longest of the matches whose first eight bytes are equal.
#[inline(always)]
fn beyond_a_word(text: &Text, at: usize, ranks: [u32; 3]) -> (usize, usize) {
    let here = word(text, at + WORD);
    let ranks = ranks.map(|rank| {
        let equal = equal_bytes(word(text, (rank as usize & 0xFFFF) + WORD) ^ here);
        if rank >> 16 == WORD as u32 { equal << 16 | rank & 0xFFFF } else { 0 }
    });
    let best = greatest(ranks);
    let equal = (best >> 16) as usize;
    let mut place = best as usize & 0xFFFF;
    if equal < WORD {
        return (WORD + equal, place);
    }
    let mut length = same(text, place, at, 2 * WORD);
    for rank in ranks {
        let other = rank as usize & 0xFFFF;
        if rank >> 16 == WORD as u32 && text[other + length] == text[at + length] {
            let longer = same(text, other, at, 2 * WORD);
            if longer > length {
                (length, place) = (longer, other);
            }
        }
    }
    (length, place)
}

#[inline(always)]
fn five(word: u64) -> usize {
    // The multiplier leaves out what is behind the fifth byte.
    (word.wrapping_mul(0x9E37_79B1_85EB_CA87 << 24) >> (64 - BITS)) as usize
}

#[inline(always)]
fn three(word: u64) -> usize {
    ((word as u32).wrapping_mul(0x9E37_79B1 << 8) >> (32 - BITS)) as usize
}

/// Eight bytes of the buffer.
#[inline(always)]
fn word(text: &Text, at: usize) -> u64 {
    // Reading at 2^16 or beyond is reading behind any value; that it reads at the
    // start instead is as good, and the remainder is the cheapest check of bounds.
    text[at % ROOM..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes are equal, of two words that differ by this.
#[inline(always)]
fn equal_bytes(difference: u64) -> u32 {
    difference.trailing_zeros() / 8
}

/// The length of a match of which `known` bytes are known.
#[inline(always)]
fn same(text: &Text, place: usize, at: usize, known: usize) -> usize {
    let mut length = known;
    while length < LONGEST {
        let difference = word(text, place + length) ^ word(text, at + length);
        if difference != 0 {
            return LONGEST.min(length + equal_bytes(difference) as usize);
        }
        length += WORD;
    }
    LONGEST
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

    /// Writes the matches from `at` on and the literals between them and behind
    /// them, up to `to`.
    #[inline(never)]
    fn write(self, text: &Text, mut at: usize, matches: &[Match], to: usize, out: &mut [u8]) -> Self {
        // A copy, so that the fields can be held in registers.
        let Items { end, control_at, control, count } = self;
        let mut items = Items { end, control_at, control, count };
        for &Match { literals, length, offset } in matches {
            items.put_literals(text, at, literals.into(), out);
            items.put_tag(length.into(), offset.into(), out);
            at += usize::from(literals) + usize::from(length);
        }
        items.put_literals(text, at, to - at, out);
        items
    }

    #[inline(always)]
    fn put_literals(&mut self, text: &Text, mut at: usize, mut run: usize, out: &mut [u8]) {
        loop {
            let some = run.min(ITEMS - self.count);
            out[self.end..self.end + ITEMS].copy_from_slice(&word(text, at).to_le_bytes());
            self.end += some;
            self.count += some;
            self.close_full(out);
            at += some;
            run -= some;
            if run == 0 {
                break;
            }
        }
    }

    #[inline(always)]
    fn put_tag(&mut self, length: usize, offset: usize, out: &mut [u8]) {
        let long = length > LONGEST_SHORT;
        let low = if long { 15 } else { length - SHORTEST };
        let third = length.wrapping_sub(LONGEST_SHORT + 1) & 0xFF;
        let bytes = (offset >> 4 & 0xF0 | low) | (offset & 0xFF) << 8 | third << 16;
        out[self.end..self.end + 4].copy_from_slice(&(bytes as u32).to_le_bytes());
        self.end += 2 + usize::from(long);
        self.control |= 1 << self.count;
        self.count += 1;
        self.close_full(out);
    }

    /// After eight items there is a new control byte. Whether there is cannot be
    /// foreseen, so this has no branch.
    #[inline(always)]
    fn close_full(&mut self, out: &mut [u8]) {
        out[self.control_at] = self.control as u8;
        let full = self.count / ITEMS;
        let mask = full.wrapping_neg();
        self.control_at ^= (self.control_at ^ self.end) & mask;
        self.end += full;
        self.control &= !(mask as u32);
        self.count %= ITEMS;
    }

    /// Where the items end: the server takes no control byte behind the last.
    fn finish(&self, out: &mut [u8]) -> usize {
        if self.count == 0 {
            return self.control_at;
        }
        out[self.control_at] = self.control as u8;
        self.end
    }
}
