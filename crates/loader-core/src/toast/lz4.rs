//! LZ4 blocks: a compressor that can be stopped and whose memory can be refused.
//!
//! Written from the description of the block format. A block is a row of
//! sequences: a token (high half: number of literals, low half: length of the
//! match less 4; 15 means that bytes to be added follow, each 255 but the
//! last), the literals, two bytes of offset, low first. The last sequence has
//! literals only.

use super::{CompressError, zeros};
use crate::memory;

/// The shortest match.
const SHORTEST: usize = 4;

/// The format's rules for the end: the last five bytes are literals, and no
/// match starts in the last twelve.
const LAST_LITERALS: usize = 5;
const LAST_START: usize = 12;

/// Positions are remembered by their low 16 bits: an offset has no more.
const BITS: u32 = 13;
type Table = [u16; 1 << BITS];

/// Below this length a position is 16 bits, and four bytes are hashed. From it
/// on five are: with many positions for each entry of the table, longer matches
/// are to be preferred.
const LONG: usize = 1 << 16;

/// After this many misses the search goes on two bytes at a time, after as many more three, and
/// so on.
const PATIENCE: usize = 1 << 6;

/// How many bytes may pass before the caller is asked whether to go on.
const POLL: usize = 1 << 16;

/// Literals are copied in steps of this many bytes.
const STEP: usize = 16;

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
            none => none.insert(zeros()?),
        };
        let start = out.len();
        // Literals only are the longest block there is.
        let most = content.len() + content.len() / 255 + 2 * STEP;
        memory::resize(out, start + most, 0)?;
        let block = &mut out[start..];
        let length = if content.len() < LONG {
            sequences::<false>(content, seen, block, stop)
        } else {
            sequences::<true>(content, seen, block, stop)
        }?;
        out.truncate(start + length);
        Ok(length < below)
    }
}

/// Writes the sequences of the whole content and returns their length.
fn sequences<const IS_LONG: bool>(
    content: &[u8],
    seen: &mut Table,
    block: &mut [u8],
    stop: &dyn Fn() -> bool,
) -> Result<usize, CompressError> {
    let mut end = 0;
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
        let pause = last_start.min(poll);
        let mut misses = PATIENCE;
        let mut source;
        loop {
            let here = word(content, at);
            let slot = &mut seen[hash::<IS_LONG>(here)];
            source = usize::from(*slot);
            if IS_LONG {
                source = at.wrapping_sub(usize::from((at as u16).wrapping_sub(*slot)));
            }
            *slot = at as u16;
            // An entry that no position was written to says 0, which is as good
            // a place to look as any.
            if source < at && half(content, source) == here as u32 {
                break;
            }
            at += misses / PATIENCE;
            misses += 1;
            if at >= pause {
                continue 'sequences;
            }
        }
        while at > literals && source > 0 && content[at - 1] == content[source - 1] {
            at -= 1;
            source -= 1;
        }
        let matched = same(content, source + SHORTEST, at + SHORTEST, last_end);
        let run = at - literals;
        let token = end;
        end += 1;
        block[token] = (run.min(15) << 4 | matched.min(15)) as u8;
        if run <= STEP - 2 {
            // Most runs are short, and a copy of a fixed length beats a call.
            // `last_start` leaves room behind them.
            match (content.get(literals..literals + STEP), block.get_mut(end..end + STEP)) {
                (Some(from), Some(to)) => to.copy_from_slice(from),
                _ => block[end..end + run].copy_from_slice(&content[literals..at]),
            }
            end += run;
        } else {
            end = put_run(content, literals, at, block, end);
        }
        block[end..end + 2].copy_from_slice(&((at - source) as u16).to_le_bytes());
        end += 2;
        if matched >= 15 {
            end = put_rest(matched, block, end);
        }
        at += SHORTEST + matched;
        literals = at;
        if at < last_start {
            seen[hash::<IS_LONG>(word(content, at - 2))] = (at - 2) as u16;
        }
    }
    let run = content.len() - literals;
    block[end] = (run.min(15) << 4) as u8;
    Ok(put_run(content, literals, content.len(), block, end + 1))
}

/// Literals with what of their number the token does not hold.
fn put_run(content: &[u8], from: usize, to: usize, block: &mut [u8], mut end: usize) -> usize {
    let run = to - from;
    if run >= 15 {
        end = put_rest(run, block, end);
    }
    block[end..end + run].copy_from_slice(&content[from..to]);
    end + run
}

/// What of a length of 15 or more the token does not hold.
fn put_rest(length: usize, block: &mut [u8], mut end: usize) -> usize {
    let rest = length - 15;
    block[end..end + rest / 255].fill(255);
    end += rest / 255;
    block[end] = (rest % 255) as u8;
    end + 1
}

#[inline(always)]
fn word(content: &[u8], at: usize) -> u64 {
    content[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[inline(always)]
fn half(content: &[u8], at: usize) -> u32 {
    content[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[inline(always)]
fn hash<const IS_LONG: bool>(word: u64) -> usize {
    // Multipliers of the golden ratio; the best mixed bits are the highest.
    if IS_LONG {
        (word.wrapping_mul(0x9E37_79B1_85EB_CA87 << 24) >> (64 - BITS)) as usize
    } else {
        ((word as u32).wrapping_mul(0x9E37_79B1) >> (32 - BITS)) as usize
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
