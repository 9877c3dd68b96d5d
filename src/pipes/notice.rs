//! What a pipeline tells of trouble: a NOTIFY on the channel that it was given, and a line in the
//! server's log. Neither carries contents of files: what a trigger or a constraint says of a row is in
//! the views, for those who may see it.

use crate::catalog::as_text;
use crate::pg::processes::notify;
use crate::pg::strings::{message, text};
use crate::words::quoted;
use pgrx::PgLogLevel;

/// What has happened.
pub enum Event<'a> {
    /// A file is left alone from now on.
    Quarantined { path: &'a [u8], sqlstate: &'a str, attempts: i32 },
    /// The pipeline does not run any more.
    Suspended { reason: &'a str },
    /// Runs load files again, after some in which all files failed or none could be looked for.
    Recovered,
    /// on_batch has failed.
    HookFailed { sqlstate: &'a str },
}

impl Event<'_> {
    fn name(&self) -> &'static str {
        match self {
            Event::Quarantined { .. } => "quarantined",
            Event::Suspended { .. } => "suspended",
            Event::Recovered => "recovered",
            Event::HookFailed { .. } => "hook_failed",
        }
    }

    fn line(&self, pipeline: &[u8]) -> String {
        let pipeline = text::show(pipeline);
        match self {
            Event::Quarantined { path, sqlstate, attempts } => format!(
                "pipeline \"{pipeline}\": file \"{}\" is quarantined after {} (SQLSTATE {sqlstate})",
                text::show(&as_text(path)),
                message::count(u64::try_from(*attempts).unwrap_or(0), "attempt", "attempts"),
            ),
            Event::Suspended { reason } => format!("pipeline \"{pipeline}\" is suspended: {reason}"),
            Event::Recovered => format!("pipeline \"{pipeline}\" has recovered"),
            Event::HookFailed { sqlstate } => {
                format!("pipeline \"{pipeline}\": on_batch failed (SQLSTATE {sqlstate})")
            }
        }
    }

    /// As a JSON object, in the encoding of the database.
    fn to_json(&self, pipeline: &[u8]) -> Vec<u8> {
        let mut json = b"{\"pipeline\": ".to_vec();
        let mut member = |name: &str, value: &[u8]| {
            json.extend_from_slice(name.as_bytes());
            json.extend_from_slice(value);
        };
        member("", &quoted(pipeline));
        member(", \"event\": ", &quoted(self.name().as_bytes()));
        match self {
            Event::Quarantined { path, sqlstate, attempts } => {
                member(", \"path\": ", &quoted_end(&as_text(path)));
                member(", \"sqlstate\": ", &quoted(sqlstate.as_bytes()));
                member(", \"attempts\": ", attempts.to_string().as_bytes());
            }
            Event::Suspended { reason } => member(", \"reason\": ", &quoted_start(reason)),
            Event::Recovered => {}
            Event::HookFailed { sqlstate } => {
                member(", \"hook\": ", b"\"on_batch\"");
                member(", \"sqlstate\": ", &quoted(sqlstate.as_bytes()));
            }
        }
        json.push(b'}');
        json
    }
}

/// Bytes of a path or a reason, as JSON, that a notification carries: its payload has less than 8,000.
const LONGEST: usize = 7000;

/// Text of the database as a JSON string; of one that is too long, the end.
fn quoted_end(text: &[u8]) -> Vec<u8> {
    let (mut json, mut end) = (quoted(text), text);
    while json.len() > LONGEST {
        end = text::tail(end, end.len() / 8 * 7);
        json = quoted(&[b"...", end].concat());
    }
    json
}

/// The same, of one that is too long, the start.
fn quoted_start(text: &str) -> Vec<u8> {
    let (mut json, mut start) = (quoted(text.as_bytes()), text);
    while json.len() > LONGEST {
        start = &start[..start.floor_char_boundary(start.len() / 8 * 7)];
        json = quoted(format!("{start}...").as_bytes());
    }
    json
}

/// Tells it, on the channel when the transaction commits.
pub fn tell(pipeline: &[u8], channel: Option<&[u8]>, event: &Event<'_>) {
    message::tell(PgLogLevel::LOG, event.line(pipeline), None, None);
    if let Some(channel) = channel {
        notify::send(channel, &event.to_json(pipeline));
    }
}
