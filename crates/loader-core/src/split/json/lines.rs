//! Finds the lines of a text that are indented less than most.

/// This many bytes are looked at together, by loops that the compiler turns into
/// vector instructions.
const BLOCK: usize = 64;

/// Deeper indentation is looked at line by line.
const MANY: usize = 32;

/// The first newline in `bytes[from..to]` that is followed by fewer than `indent`
/// spaces. Inside of a pretty-printed record nearly every line is indented, and
/// a branch for each would cost more than all else.
pub(super) fn shallow(bytes: &[u8], from: usize, to: usize, indent: usize) -> Option<usize> {
    let mut i = from;
    while indent <= MANY
        && i + BLOCK <= to
        && let Some(text) = bytes.get(i..i + BLOCK + indent)
    {
        if holds_shallow(text, indent)
            && let Some(newline) = one_by_one(bytes, i, i + BLOCK, indent)
        {
            return Some(newline);
        }
        i += BLOCK;
    }
    one_by_one(bytes, i, to, indent)
}

/// Whether one of the first [`BLOCK`] bytes is such a newline; `indent` more
/// bytes follow them.
#[inline]
fn holds_shallow(text: &[u8], indent: usize) -> bool {
    let Some(block) = text.first_chunk::<BLOCK>() else { return true };
    let mut others = [0; BLOCK];
    for after in text[1..].windows(BLOCK).take(indent) {
        for (other, b) in others.iter_mut().zip(after) {
            *other |= b ^ b' ';
        }
    }
    // Comparisons would become branches; the least of a byte and 1 does not.
    let mut found = 0;
    for (b, other) in block.iter().zip(&others) {
        found |= other.min(&1) & !(b ^ b'\n').min(1);
    }
    found != 0
}

fn one_by_one(bytes: &[u8], from: usize, to: usize, indent: usize) -> Option<usize> {
    let indented = |newline: usize| {
        let blanks = bytes.get(newline + 1..newline + 1 + indent);
        blanks.is_some_and(|blanks| blanks.iter().all(|&b| b == b' '))
    };
    memchr::memchr_iter(b'\n', &bytes[from..to]).map(|at| from + at).find(|&newline| !indented(newline))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_shallow_line_wherever_it_lies() {
        for indent in [1, 2, 4, 8, 33] {
            for depth in [0, indent - 1, indent, indent + 1] {
                for before in 0..80 {
                    let deep = format!("\n{}x", " ".repeat(indent + 2));
                    let mut text = deep.repeat(before / deep.len() + 1);
                    text.push_str(&"y".repeat(before));
                    let at = text.len();
                    text.push_str(&format!("\n{}z", " ".repeat(depth)));
                    let end = text.len();
                    let expected = (depth < indent).then_some(at);
                    for after in ["", "\n", &deep.repeat(30)] {
                        let bytes = format!("{text}{after}");
                        assert_eq!(shallow(bytes.as_bytes(), 0, end, indent), expected, "{bytes:?}");
                        assert_eq!(shallow(bytes.as_bytes(), 0, at, indent), None, "{bytes:?}");
                    }
                }
            }
        }
    }
}
