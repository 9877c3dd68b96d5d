//! Looks at several bytes at once, by arithmetic on words of 8 bytes and by loops
//! that the compiler turns into vector instructions: the intrinsics themselves
//! are unsafe to call.

use crate::json::swar::stops;
pub(super) use crate::json::swar::{has_stop, spaces};

/// Index of the first byte that ends a plain run in a string; 16 where there is none.
#[inline(always)]
pub(super) fn first_stop(block: &[u8; 16]) -> usize {
    let whole = u128::from_le_bytes(*block);
    let (low, high) = (stops(whole as u64), stops((whole >> 64) as u64));
    // Where in 16 bytes strings end cannot be predicted: no branch.
    let (found, before) = if low == 0 { (high, 8) } else { (low, 0) };
    before + found.trailing_zeros() as usize / 8
}

/// Whether the first `length` bytes are the same; all of them where it is over 32.
#[inline(always)]
pub(super) fn begin_alike(a: &[u8; 32], b: &[u8; 32], length: usize) -> bool {
    static MASKS: [u8; 64] = {
        let mut masks = [0; 64];
        let mut i = 0;
        while i < 32 {
            masks[i] = 0xFF;
            i += 1;
        }
        masks
    };
    let from = 32 - length.min(32);
    let Some(mask) = MASKS.get(from..).and_then(|masks| masks.first_chunk::<32>()) else { return false };
    let differ = a.iter().zip(b).zip(mask).fold(0, |differ, ((a, b), mask)| differ | ((a ^ b) & mask));
    differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_ends_a_plain_run() {
        for b in 0..=255u8 {
            for fill in [b'a', b' ', b'!', b']', b'#', 0x7F, 0x80, 0xFF] {
                for (at, then) in (0..16).flat_map(|at| (0..16).map(move |then| (at, then))) {
                    let mut block = [fill; 16];
                    block[then] = b'"';
                    block[at] = b;
                    let stop = |&b: &u8| b == b'"' || b == b'\\' || b < 0x20;
                    assert_eq!(first_stop(&block), block.iter().position(stop).unwrap_or(16), "{block:?}");
                    assert_eq!(has_stop(&block), block.iter().any(stop), "{block:?}");
                }
            }
        }
        assert_eq!(first_stop(&[b'a'; 16]), 16);
    }

    #[test]
    fn counts_spaces() {
        for length in 0..=8 {
            for b in [b'!', b'\n', 0x21, 0xA0, 0] {
                let mut block = [b' '; 8];
                if let Some(rest) = block.get_mut(length) {
                    *rest = b;
                }
                assert_eq!(spaces(&block), length);
            }
        }
    }

    #[test]
    fn compares_what_it_is_asked_to() {
        for at in 0..32 {
            let mut other = [7; 32];
            other[at] = 0x87;
            for length in 0..40 {
                assert_eq!(begin_alike(&[7; 32], &other, length), at >= length, "{at} {length}");
            }
        }
    }
}
