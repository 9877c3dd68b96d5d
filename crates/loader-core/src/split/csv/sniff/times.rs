//! Dates and times of day as people and programs write them.

/// A date or a time of day, or both, as in 2024-01-05T10:00:00Z, 5.1.2024, 3-Apr-20, 10:15 PM.
pub(super) fn is_time(value: &[u8]) -> bool {
    if !value[0].is_ascii_alphanumeric() {
        return false;
    }
    let mut dates = 0;
    let mut clocks = 0;
    for part in value.split(|b| matches!(b, b' ' | b'T')).filter(|part| !part.is_empty()) {
        if is_date(part) {
            dates += 1;
        } else if is_clock(part) {
            clocks += 1;
        } else if !is_clock_suffix(part) || clocks == 0 {
            return is_written_date(value);
        }
    }
    dates <= 1 && clocks <= 1 && dates + clocks > 0
}

/// Three numbers, or two and the name of a month, between the same separators.
fn is_date(part: &[u8]) -> bool {
    let Some(separator) = part.iter().copied().find(|b| matches!(b, b'-' | b'/' | b'.')) else {
        return false;
    };
    let mut count = 0;
    let mut years = 0;
    for piece in part.split(|&b| b == separator) {
        count += 1;
        let digits = piece.iter().all(u8::is_ascii_digit);
        match piece.len() {
            1 | 2 if digits => {}
            4 if digits => years += 1,
            3.. if is_month(piece) => {}
            _ => return false,
        }
    }
    years <= 1 && (count == 3 || (count == 2 && years == 1 && separator != b'.'))
}

fn is_month(word: &[u8]) -> bool {
    const MONTHS: [&[u8]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    word.len() <= 9
        && word.get(..3).is_some_and(|start| MONTHS.iter().any(|month| month.eq_ignore_ascii_case(start)))
        && word.iter().all(u8::is_ascii_alphabetic)
}

/// 10:15, 10:15:30, 10:15:30.123, with an offset or a Z.
fn is_clock(part: &[u8]) -> bool {
    let part = part.strip_suffix(b"Z").unwrap_or(part);
    let length = part.iter().position(|b| matches!(b, b'+' | b'-')).unwrap_or(part.len());
    let (clock, offset) = part.split_at(length);
    let lower = |b: &u8| b.is_ascii_alphabetic();
    let digits = clock.iter().rposition(|b| !lower(b)).map_or(0, |last| last + 1);
    let (clock, suffix) = clock.split_at(digits);
    let mut count = 0;
    for piece in clock.split(|&b| b == b':') {
        count += 1;
        let (whole, fraction) = match piece.iter().position(|&b| b == b'.') {
            Some(at) if count == 3 => piece.split_at(at),
            _ => (piece, &[][..]),
        };
        if !(1..=2).contains(&whole.len())
            || !whole.iter().all(u8::is_ascii_digit)
            || !fraction.iter().skip(1).all(u8::is_ascii_digit)
        {
            return false;
        }
    }
    (2..=3).contains(&count)
        && (suffix.is_empty() || is_clock_suffix(suffix))
        && offset.iter().skip(1).all(|b| b.is_ascii_digit() || *b == b':')
}

fn is_clock_suffix(part: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [b"am", b"pm", b"utc", b"gmt", b"z", b"est"];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(part))
        || matches!(part, [b'+' | b'-', digits @ ..] if digits.len() >= 2 && digits.iter().all(|b| b.is_ascii_digit() || *b == b':'))
}

/// 5 January 2024, Jan 5, 2024, Mon Jan 5 10:00:00 2024.
fn is_written_date(value: &[u8]) -> bool {
    let mut months = 0;
    let mut numbers = 0;
    let mut others = 0;
    for part in value.split(|b| matches!(b, b' ' | b',' | b'-')).filter(|part| !part.is_empty()) {
        if is_month(part) {
            months += 1;
        } else if part.len() <= 4 && part.iter().all(u8::is_ascii_digit) {
            numbers += 1;
        } else if !is_clock(part) && !is_clock_suffix(part) {
            others += 1;
        }
    }
    months == 1
        && (1..=2).contains(&numbers)
        && others <= usize::from(value[0].is_ascii_alphabetic())
        && (others == 0 || is_weekday(value))
}

fn is_weekday(value: &[u8]) -> bool {
    const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    value.get(..3).is_some_and(|start| DAYS.iter().any(|day| day.eq_ignore_ascii_case(start)))
}
