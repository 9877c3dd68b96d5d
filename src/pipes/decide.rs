//! What is done with each file: by what the file system says of it now, what the history says, and
//! what is known of it as an exception. Reads nothing.

use crate::catalog::{Exception, ExceptionState};
use crate::stat::FileStat;
use std::time::Duration;

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is loaded as it lies there.
    Loaded,
    /// It is passed over.
    Skipped,
    /// It has failed too often as it is.
    Quarantined,
    /// It has failed, and is tried again so much later.
    Waiting(Duration),
    /// It is looked at again so much later. Where it is `new`, or not what it was, that is to be
    /// written down.
    Settling { new: bool, ready_in: Duration },
    /// It is to be loaded. If it has been tried as it is: so often it has failed since it was new or
    /// somebody asked for it.
    Ready { attempts: Option<i32> },
    /// Nothing can be said of it.
    Unreadable,
}

/// Names of files that nobody has finished to write.
const UNFINISHED: [&[u8]; 5] = [b".tmp", b".part", b".filepart", b".crdownload", b"~"];

/// Whether a file is passed over because of its name: it is hidden, or somebody is writing it.
pub fn is_unfinished(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let ends_with =
        |end: &&[u8]| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end);
    name.starts_with(b".") || UNFINISHED.iter().any(ends_with)
}

/// Decides it. `now` is in nanoseconds since the system was booted; a file has to be the same for
/// `settle` before it is loaded.
pub fn decide(
    stat: Option<&FileStat>,
    is_loaded: bool,
    exception: Option<&Exception>,
    now: i64,
    settle: Duration,
) -> Verdict {
    let Some(stat) = stat else { return Verdict::Unreadable };
    if is_loaded {
        return Verdict::Loaded;
    }
    let new = match settle {
        Duration::ZERO => Verdict::Ready { attempts: None },
        settle => Verdict::Settling { new: true, ready_in: settle },
    };
    let Some(exception) = exception else { return new };
    let is_same = exception.stat.is_none_or(|then| then.is_same(stat));
    match exception.state {
        _ if !is_same => new,
        ExceptionState::Skipped => Verdict::Skipped,
        ExceptionState::Quarantined => Verdict::Quarantined,
        ExceptionState::Retrying => match exception.times.map(|(_, due)| left(due, now)) {
            Some(wait) if !wait.is_zero() => Verdict::Waiting(wait),
            _ => Verdict::Ready { attempts: Some(exception.attempts) },
        },
        ExceptionState::Settling => match exception.times {
            // What was measured before the system was booted says nothing.
            None => new,
            Some((since, _)) => {
                let settle_ns = i64::try_from(settle.as_nanos()).unwrap_or(i64::MAX);
                match left(since.saturating_add(settle_ns), now) {
                    Duration::ZERO => Verdict::Ready { attempts: None },
                    ready_in => Verdict::Settling { new: false, ready_in },
                }
            }
        },
    }
}

fn left(until: i64, now: i64) -> Duration {
    Duration::from_nanos(u64::try_from(until.saturating_sub(now)).unwrap_or(0))
}

/// How long it is until the next attempt after so many failed ones: twice as long each time.
pub fn backoff(delay: Duration, most: Duration, attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(30);
    delay.checked_mul(1 << doublings).unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(10);
    const SECOND: i64 = 1_000_000_000;

    fn stat(size: u64) -> FileStat {
        FileStat::remembered(1, 2, size, 3, 4)
    }

    fn exception(state: ExceptionState, stat: Option<FileStat>, times: Option<(i64, i64)>) -> Exception {
        Exception { path: Vec::new(), state, stat, times, attempts: 2, reason: None }
    }

    fn verdict(exception: Option<&Exception>, now: i64) -> Verdict {
        decide(Some(&stat(5)), false, exception, now, SETTLE)
    }

    #[test]
    fn a_new_file_settles_unless_it_need_not() {
        let settling = Verdict::Settling { new: true, ready_in: SETTLE };
        assert_eq!(verdict(None, 0), settling);
        let ready = decide(Some(&stat(5)), false, None, 0, Duration::ZERO);
        assert_eq!(ready, Verdict::Ready { attempts: None });
        assert_eq!(decide(None, false, None, 0, SETTLE), Verdict::Unreadable);
        assert_eq!(decide(Some(&stat(5)), true, None, 0, SETTLE), Verdict::Loaded);
    }

    #[test]
    fn two_looks_have_to_be_far_enough_apart_and_see_the_same() {
        let seen = exception(ExceptionState::Settling, Some(stat(5)), Some((SECOND, 0)));
        let later = |ready_in| Verdict::Settling { new: false, ready_in };
        assert_eq!(verdict(Some(&seen), SECOND), later(SETTLE));
        assert_eq!(verdict(Some(&seen), 11 * SECOND - 1), later(Duration::from_nanos(1)));
        assert_eq!(verdict(Some(&seen), 11 * SECOND), Verdict::Ready { attempts: None });
        let grown = Exception { stat: Some(stat(4)), ..seen.clone() };
        assert_eq!(verdict(Some(&grown), 11 * SECOND), Verdict::Settling { new: true, ready_in: SETTLE });
        let rebooted = Exception { times: None, ..seen };
        assert_eq!(verdict(Some(&rebooted), 11 * SECOND), Verdict::Settling { new: true, ready_in: SETTLE });
    }

    #[test]
    fn what_has_failed_waits_and_is_left_alone_until_it_changes() {
        let failed = exception(ExceptionState::Retrying, Some(stat(5)), Some((0, 60 * SECOND)));
        assert_eq!(verdict(Some(&failed), 0), Verdict::Waiting(Duration::from_secs(60)));
        assert_eq!(verdict(Some(&failed), 60 * SECOND), Verdict::Ready { attempts: Some(2) });
        let rebooted = Exception { times: None, ..failed.clone() };
        assert_eq!(verdict(Some(&rebooted), 0), Verdict::Ready { attempts: Some(2) });
        let quarantined = Exception { state: ExceptionState::Quarantined, ..failed };
        assert_eq!(verdict(Some(&quarantined), i64::MAX), Verdict::Quarantined);
        let changed = Exception { stat: Some(stat(6)), ..quarantined };
        assert_eq!(verdict(Some(&changed), 0), Verdict::Settling { new: true, ready_in: SETTLE });
    }

    #[test]
    fn what_is_skipped_by_hand_is_skipped_whatever_it_becomes() {
        let by_hand = exception(ExceptionState::Skipped, None, Some((0, 0)));
        assert_eq!(verdict(Some(&by_hand), 0), Verdict::Skipped);
        let as_it_was = exception(ExceptionState::Skipped, Some(stat(5)), Some((0, 0)));
        assert_eq!(verdict(Some(&as_it_was), 0), Verdict::Skipped);
        let changed = exception(ExceptionState::Skipped, Some(stat(6)), Some((0, 0)));
        assert_eq!(verdict(Some(&changed), 0), Verdict::Settling { new: true, ready_in: SETTLE });
    }

    #[test]
    fn attempts_are_further_and_further_apart() {
        let after =
            |attempts| backoff(Duration::from_secs(60), Duration::from_secs(3600), attempts).as_secs();
        assert_eq!([1, 2, 3, 4, 7, 100].map(after), [60, 120, 240, 480, 3600, 3600]);
        assert_eq!(backoff(Duration::ZERO, Duration::MAX, 100), Duration::ZERO);
    }

    #[test]
    fn unfinished_names() {
        for name in
            ["/d/.a.json", "/d/a.tmp", "/d/a.json.part", "/d/a.filepart", "/d/A.CRDOWNLOAD", "/d/a.json~"]
        {
            assert!(is_unfinished(name.as_bytes()), "{name}");
        }
        for name in ["/d/a.json", "/.d/a", "/d/tmp", "/d/part.json", "/d.tmp/a"] {
            assert!(!is_unfinished(name.as_bytes()), "{name}");
        }
    }
}
