//! LZ4 blocks: a compressor that can be stopped and whose memory can be refused.
//!
//! Written from the description of the block format. A block is a row of
//! sequences: a token (high half: number of literals, low half: length of the
//! match less 4; 15 means that bytes to be added follow, each 255 but the
//! last), the literals, two bytes of offset, low first. The last sequence has
//! literals only.

use super::{CompressError, reserve, table};

/// The shortest match.
const SHORTEST: usize = 4;

/// The format's rules for the end: the last five bytes are literals, and no
/// match starts in the last twelve.
const LAST_LITERALS: usize = 5;
const LAST_START: usize = 12;

/// Positions are remembered by their low 16 bits: an offset has no more.
const BITS: u32 = 13;
type Table = [u16; 1 << BITS];

/// From this length on five bytes are hashed rather than four: with many
/// positions for each entry of the table, longer matches are to be preferred.
const LONG: usize = 1 << 16;

/// After so many misses the search goes on two bytes at a time, then three …
const PATIENCE: usize = 1 << 6;

/// How many bytes may pass before the caller is asked whether to go on.
const POLL: usize = 1 << 16;

/// Keeps its table between values.
#[derive(Default)]
pub(super) struct Lz4 {
    table: Option<Box<Table>>,
}

impl Lz4 {
    /// Appends the block; false, with anything appended, where it would not be
    /// shorter than `below`.
    pub(super) fn compress(
        &mut self,
        content: &[u8],
        below: usize,
        out: &mut Vec<u8>,
        stop: &dyn Fn() -> bool,
    ) -> Result<bool, CompressError> {
        let seen = match &mut self.table {
            Some(seen) => {
                seen.fill(0);
                seen
            }
            none => none.insert(table()?),
        };
        let mut block = Block { end: out.len(), below: out.len() + below, out };
        let done = if content.len() < LONG {
            sequences::<4>(content, seen, &mut block, stop)
        } else {
            sequences::<5>(content, seen, &mut block, stop)
        }?;
        let fits = done && block.end < block.below;
        let end = block.end;
        out.truncate(end);
        Ok(fits)
    }
}

/// The block as far as it is written.
struct Block<'a> {
    out: &'a mut Vec<u8>,
    /// Where the next byte goes; what lies behind is room.
    end: usize,
    /// Where a block that is worth it ends before.
    below: usize,
}

impl Block<'_> {
    /// Room for a sequence; false where the block is too long already.
    #[inline(always)]
    fn make_room(&mut self, literals: usize, matched: usize) -> Result<bool, CompressError> {
        // Token and offset; bytes that add to the lengths; what copies in steps
        // of 16 may overwrite.
        let room = literals + literals / 255 + matched / 255 + 24;
        if self.out.len() - self.end < room { self.grow(room) } else { Ok(true) }
    }

    #[cold]
    fn grow(&mut self, room: usize) -> Result<bool, CompressError> {
        if self.end >= self.below {
            return Ok(false);
        }
        let room = room.max(1 << 12);
        self.out.truncate(self.end);
        reserve(self.out, room)?;
        let all = self.out.capacity().min(self.end + room.max(POLL));
        self.out.resize(all, 0);
        Ok(true)
    }

    #[inline(always)]
    fn put(&mut self, byte: u8) {
        self.out[self.end] = byte;
        self.end += 1;
    }

    /// What of a length the token does not hold.
    #[inline(always)]
    fn put_length(&mut self, length: usize) {
        if length >= 15 {
            let mut rest = length - 15;
            while rest >= 255 {
                self.put(255);
                rest -= 255;
            }
            self.put(rest as u8);
        }
    }

    #[inline(always)]
    fn put_literals(&mut self, content: &[u8], from: usize, to: usize) {
        let length = to - from;
        // Most runs are short: a copy of fixed size beats a call.
        match (content.get(from..from + 16), self.out.get_mut(self.end..self.end + 16)) {
            (Some(source), Some(target)) if length <= 16 => target.copy_from_slice(source),
            _ => self.out[self.end..self.end + length].copy_from_slice(&content[from..to]),
        }
        self.end += length;
    }
}

/// Writes the sequences of the whole content; false where they got too long.
fn sequences<const HASHED: usize>(
    content: &[u8],
    seen: &mut Table,
    block: &mut Block<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<bool, CompressError> {
    let mut literals = 0;
    let mut at = 1;
    let mut poll = POLL;
    // A match starts before `last_start` and ends at `last_end` at the latest.
    let last_start = (content.len() + 1).saturating_sub(LAST_START);
    let last_end = content.len().saturating_sub(LAST_LITERALS);
    'sequences: while at < last_start {
        if at >= poll {
            if stop() {
                return Err(CompressError::Stopped);
            }
            poll = at + POLL;
        }
        let mut misses = PATIENCE;
        let mut source;
        loop {
            let word = word(content, at);
            let slot = &mut seen[hash::<HASHED>(word)];
            let offset = (at as u16).wrapping_sub(*slot) as usize;
            *slot = at as u16;
            source = at.wrapping_sub(offset);
            if offset != 0 && source < at && self::word(content, source) as u32 == word as u32 {
                break;
            }
            at += misses / PATIENCE;
            misses += 1;
            if at >= last_start {
                break 'sequences;
            }
            if at >= poll {
                continue 'sequences;
            }
        }
        while at > literals && source > 0 && content[at - 1] == content[source - 1] {
            at -= 1;
            source -= 1;
        }
        let matched = SHORTEST + same(content, source + SHORTEST, at + SHORTEST, last_end);
        if !block.make_room(at - literals, matched)? {
            return Ok(false);
        }
        let run = at - literals;
        block.put((run.min(15) << 4 | (matched - SHORTEST).min(15)) as u8);
        block.put_length(run);
        block.put_literals(content, literals, at);
        let offset = ((at - source) as u16).to_le_bytes();
        block.put(offset[0]);
        block.put(offset[1]);
        block.put_length(matched - SHORTEST);
        at += matched;
        literals = at;
        if at < last_start {
            seen[hash::<HASHED>(word(content, at - 2))] = (at - 2) as u16;
        }
    }
    let run = content.len() - literals;
    if !block.make_room(run, 0)? {
        return Ok(false);
    }
    block.put((run.min(15) << 4) as u8);
    block.put_length(run);
    block.put_literals(content, literals, content.len());
    Ok(true)
}

/// Eight bytes; at less than that before the end, none.
#[inline(always)]
fn word(content: &[u8], at: usize) -> u64 {
    content.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[inline(always)]
fn hash<const HASHED: usize>(word: u64) -> usize {
    // Multipliers of the golden ratio; the best mixed bits are the highest.
    if HASHED == 4 {
        ((word as u32).wrapping_mul(0x9E37_79B1) >> (32 - BITS)) as usize
    } else {
        ((word << 24).wrapping_mul(0x9E37_79B1_85EB_CA87) >> (64 - BITS)) as usize
    }
}

/// How many bytes from `a` and from `b` on are the same; `b` stays below `end`.
#[inline(always)]
fn same(content: &[u8], a: usize, b: usize, end: usize) -> usize {
    let mut length = 0;
    while b + length + 8 <= end {
        let difference = word(content, a + length) ^ word(content, b + length);
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    while b + length < end && content[a + length] == content[b + length] {
        length += 1;
    }
    length
}
