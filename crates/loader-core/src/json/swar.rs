//! Looks for bytes eight at a time, by the usual arithmetic on whole words
//! ("Determine if a word has a byte less than n", Bit Twiddling Hacks), and more
//! at a time by loops that the compiler turns into vector instructions.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The first byte from `i` on that is a quote, a backslash or a control
/// character.
#[inline]
pub(crate) fn plain_end(buf: &[u8], mut i: usize) -> usize {
    // Most strings are short.
    for _ in 0..2 {
        let Some(block) = block(buf, i) else { return short_plain_end(buf, i) };
        let stops = stops(u64::from_le_bytes(*block));
        if stops != 0 {
            return i + first(stops);
        }
        i += 8;
    }
    long_plain_end(buf, i)
}

fn long_plain_end(buf: &[u8], mut i: usize) -> usize {
    while let Some(block) = block::<32>(buf, i)
        && !has_stop(block)
    {
        i += 32;
    }
    while let Some(block) = block(buf, i) {
        let stops = stops(u64::from_le_bytes(*block));
        if stops != 0 {
            return i + first(stops);
        }
        i += 8;
    }
    short_plain_end(buf, i)
}

/// At the end of a buffer.
fn short_plain_end(buf: &[u8], i: usize) -> usize {
    let rest = buf.get(i..).unwrap_or_default();
    i + rest.iter().position(|&b| is_stop(b)).unwrap_or(rest.len())
}

/// The number of spaces in front.
#[inline(always)]
pub(crate) fn spaces(block: &[u8; 8]) -> usize {
    first(u64::from_le_bytes(*block) ^ (ONES * u64::from(b' ')))
}

/// The number of digits in front.
#[inline]
pub(super) fn digits(bytes: &[u8]) -> usize {
    let mut i = 0;
    while let Some(block) = block::<8>(bytes, i) {
        let values = u64::from_le_bytes(*block) ^ (ONES * u64::from(b'0'));
        // A carry out of a byte that is no digit spoils later ones only.
        let others = (values.wrapping_add(ONES * 0x76) | values) & HIGHS;
        if others != 0 {
            return i + first(others);
        }
        i += 8;
    }
    let rest = &bytes[i..];
    i + rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len())
}

#[inline]
fn block<const N: usize>(bytes: &[u8], i: usize) -> Option<&[u8; N]> {
    bytes.get(i..)?.first_chunk()
}

/// The lowest byte in which a bit is set; 8 where there is none.
#[inline]
fn first(word: u64) -> usize {
    word.trailing_zeros() as usize / 8
}

/// Marks the lowest byte that is a quote, a backslash or a control character;
/// bytes above it may be marked wrongly.
#[inline(always)]
pub(crate) fn stops(word: u64) -> u64 {
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let found = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    found & HIGHS
}

fn is_stop(b: u8) -> bool {
    (b == b'"') | (b == b'\\') | (b < 0x20)
}

/// Whether there is such a byte.
#[inline(always)]
pub(crate) fn has_stop<const N: usize>(block: &[u8; N]) -> bool {
    block.iter().fold(false, |found, &b| found | is_stop(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_is_found_wherever_it_lies() {
        for length in 0..100 {
            for at in 0..=length {
                for b in 0..=255u8 {
                    let mut text = vec![b'7'; length];
                    if let Some(place) = text.get_mut(at) {
                        *place = b;
                    }
                    let plain = text.iter().position(|&b| is_stop(b)).unwrap_or(length);
                    assert_eq!(plain_end(&text, 0), plain, "{text:?}");
                    let number = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(length);
                    assert_eq!(digits(&text), number, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn spaces_are_counted() {
        for length in 0..=8 {
            let mut text = [b' '; 8];
            text[length..].fill(b'!');
            assert_eq!(spaces(&text), length);
        }
    }
}
