//! Dates and timestamps (`date.c` and `timestamp.c` of the server).

use crate::encode::digits::POWERS;
use crate::iso8601::{self, Clock, Date, Written};

/// Days from 0000-03-01 to 2000-01-01, from which on the server counts.
const EPOCH: i32 = 730_425;

/// The bits of a date: days since 2000-01-01.
pub(super) fn date(text: &[u8]) -> Option<u64> {
    match iso8601::read(text)? {
        Written { date, clock: None, .. } => days(date).map(|days| i64::from(days) as u64),
        _ => None,
    }
}

/// The bits of a timestamp: microseconds since 2000-01-01 00:00.
pub(super) fn timestamp(text: &[u8], digits: Option<u8>) -> Option<u64> {
    let written = iso8601::read(text)?;
    if written.offset.is_some() {
        return None;
    }
    let time = match written.clock {
        Some(clock) => microseconds(clock, digits)?,
        None => 0,
    };
    Some(sum(days(written.date)?, time, 0))
}

/// The bits of a timestamptz: microseconds since 2000-01-01 00:00 UTC.
pub(super) fn timestamptz(text: &[u8], digits: Option<u8>) -> Option<u64> {
    match iso8601::read(text)? {
        Written { date, clock: Some(clock), offset: Some(offset) } => {
            Some(sum(days(date)?, microseconds(clock, digits)?, offset))
        }
        _ => None,
    }
}

/// The bits of the moment `time` microseconds into a day, on a clock that is `offset` seconds
/// ahead.
fn sum(days: i32, time: i64, offset: i32) -> u64 {
    (i64::from(days) * 86_400_000_000 + time - i64::from(offset) * 1_000_000) as u64
}

/// Days from 2000-01-01 to a day that there is. Years begin in March, so that the leap day is
/// the last, and month m, of those from 0 on, begins (153 m + 2) / 5 days into its year.
fn days(date: Date) -> Option<i32> {
    if !date.exists() {
        return None;
    }
    let (year, month) =
        if date.month > 2 { (date.year, date.month - 3) } else { (date.year - 1, date.month + 9) };
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    Some((before + (153 * month + 2) / 5 + date.day - 1) as i32 - EPOCH)
}

/// The time of day in microseconds, if it is written with no more digits than the limit, which
/// may be 6.
fn microseconds(clock: Clock, digits: Option<u8>) -> Option<i64> {
    const MOST: usize = 6;
    let length = clock.fraction.len();
    if length > digits.map_or(MOST, |digits| MOST.min(digits.into())) {
        return None;
    }
    let fraction = clock.fraction.iter().fold(0, |value, b| value * 10 + u64::from(b - b'0'));
    let seconds = (clock.hour * 60 + clock.minute) * 60 + clock.second;
    Some(i64::from(seconds) * 1_000_000 + (fraction * POWERS.get(MOST - length)?) as i64)
}
