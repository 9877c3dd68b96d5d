//! What the reports on damaged files have in common.

use loader_damage::Span;
use loader_damage::judge::Verdict;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// So many files are listed, unless asked otherwise.
pub const WORST: usize = 40;

/// A file of a few hundred kB that takes longer shows a cost that is not linear.
const SLOW: Duration = Duration::from_millis(500);

/// A file that takes longer is given up.
const HANG: Duration = Duration::from_secs(5);

/// What stands above the figures of a table.
pub const HEADING: &str =
    "files perfect    good    kept  lost phantom errors | unsure kept | tolerated rejects/damage";

/// The figures of a group of files.
pub fn figures(v: &Verdict) -> String {
    format!(
        "{:5} {:7} {:7} {:6.2}% {:5} {:7} {:6} | {:6} {:4} | {:9} {:.2}",
        v.files,
        v.perfect,
        v.good,
        100.0 * v.kept as f64 / v.good.max(1) as f64,
        v.good - v.kept,
        v.phantoms.len(),
        v.errors.len(),
        v.unsure,
        v.unsure_kept,
        v.tolerated,
        v.rejects as f64 / v.damaged.max(1) as f64,
    )
}

/// How bad it is.
pub fn cost(v: &Verdict) -> usize {
    v.lost.len() + 3 * v.phantoms.len() + 10 * v.errors.len()
}

/// The verdict on a file, unless it takes too long: a splitter in the making may hang, and the thread
/// that it hangs in is left behind. `what` the file is, is said where that takes long.
pub fn in_time<F: Send + Sync + 'static>(
    file: &Arc<F>,
    what: impl Fn(&F) -> String,
    judge: impl FnOnce(&F) -> Verdict + Send + 'static,
) -> Option<Verdict> {
    let (send, receive) = mpsc::channel();
    let start = Instant::now();
    let shared = Arc::clone(file);
    thread::spawn(move || drop(send.send(judge(&shared))));
    let verdict = receive.recv_timeout(HANG).ok();
    if start.elapsed() > SLOW {
        let over = if verdict.is_none() { "over " } else { "" };
        println!("slow: {over}{:.1} s for {}", start.elapsed().as_secs_f64(), what(file));
    }
    verdict
}

/// Where a span lies, with so many bytes before it, and its text, or both ends of a long one.
pub fn place(file: &[u8], span: Span, before: usize, width: usize) -> String {
    let text = |bytes: &[u8]| format!("{:?}", String::from_utf8_lossy(bytes));
    let bytes = span.of(file);
    let shown = match bytes.len() > width {
        true => format!("{} … {}", text(&bytes[..width / 2]), text(&bytes[bytes.len() - width / 2..])),
        false => text(bytes),
    };
    let before = &file[span.offset.saturating_sub(before)..span.offset];
    format!("{}+{} after {} {}", span.offset, span.length, text(before), shown)
}
