//! Dates and timestamps as ISO 8601 writes them, in the forms that the server reads in the same
//! way whatever DateStyle and TimeZone are: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM` or
//! `YYYY-MM-DDTHH:MM`, behind it perhaps `:SS` or `:SS.F`, and perhaps `Z` or an offset.

/// What a text says.
pub(crate) struct Written<'a> {
    pub date: Date,
    pub clock: Option<Clock<'a>>,
    /// How many seconds the clock is ahead of UTC; only where there is a clock.
    pub offset: Option<i32>,
}

/// A date, perhaps of a day that there is not.
#[derive(Clone, Copy)]
pub(crate) struct Date {
    pub year: u32,
    pub month: u32,
    pub day: u32,
}

/// A time of day, from 00:00 to before 24:00. A 60th second is not taken: the server makes
/// another time of it, as it does of 24:00.
pub(crate) struct Clock<'a> {
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    /// The digits of a second behind the point.
    pub fraction: &'a [u8],
}

/// What the text says; `None` where it is written in another way.
#[inline]
pub(crate) fn read(text: &[u8]) -> Option<Written<'_>> {
    let (&[y, e, a, r, b'-', m, o, b'-', d, t], rest) = text.split_first_chunk()? else { return None };
    let date = Date { year: number([y, e, a, r])?, month: number([m, o])?, day: number([d, t])? };
    let rest = match rest {
        [] => return Some(Written { date, clock: None, offset: None }),
        [b'T' | b' ', rest @ ..] => rest,
        _ => return None,
    };
    let (clock, rest) = clock(rest)?;
    let offset = if rest.is_empty() { None } else { Some(offset(rest)?) };
    Some(Written { date, clock: Some(clock), offset })
}

/// The time of day that the text begins with, and what follows it.
#[inline]
fn clock(text: &[u8]) -> Option<(Clock<'_>, &[u8])> {
    let (&[h, o, b':', m, i], mut rest) = text.split_first_chunk()? else { return None };
    let mut clock = Clock { hour: number([h, o])?, minute: number([m, i])?, second: 0, fraction: &[] };
    if let [b':', seconds @ ..] = rest {
        let (&digits, behind) = seconds.split_first_chunk::<2>()?;
        clock.second = number(digits)?;
        rest = behind;
        if let [b'.', fraction @ ..] = rest {
            let length = fraction.iter().position(|b| !b.is_ascii_digit()).unwrap_or(fraction.len());
            if length == 0 {
                return None;
            }
            (clock.fraction, rest) = fraction.split_at(length);
        }
    }
    (clock.hour <= 23 && clock.minute <= 59 && clock.second <= 59).then_some((clock, rest))
}

/// The seconds that an offset stands for: `Z`, or hours or hours and minutes, perhaps behind a
/// space. The server takes offsets of less than 16 hours.
#[inline]
fn offset(text: &[u8]) -> Option<i32> {
    if text == b"Z" {
        return Some(0);
    }
    let (sign, hours, minutes) = match *text.strip_prefix(b" ").unwrap_or(text) {
        [sign, h, o] => (sign, [h, o], [b'0'; 2]),
        [sign, h, o, m, i] | [sign, h, o, b':', m, i] => (sign, [h, o], [m, i]),
        _ => return None,
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 15 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 3600 + minutes * 60) as i32;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

impl Date {
    /// Whether there is such a day.
    #[inline]
    pub(crate) fn exists(self) -> bool {
        let is_leap =
            self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let days = match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => 0,
        };
        self.year > 0 && (1..=days).contains(&self.day)
    }
}

/// The value of a few digits; `None` where they are others.
#[inline]
fn number<const N: usize>(digits: [u8; N]) -> Option<u32> {
    let (mut value, mut are_digits) = (0, true);
    for b in digits {
        let digit = b.wrapping_sub(b'0');
        are_digits &= digit <= 9;
        value = value * 10 + u32::from(digit);
    }
    are_digits.then_some(value)
}
