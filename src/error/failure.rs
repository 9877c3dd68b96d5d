//! What is kept of an error that did not end the call.

use super::Error;
use super::code::code_text;
use crate::pg::executor::subtransaction::Contained;
use crate::pg::strings::text;

/// Bytes of a message that are kept. Every word of ours is shorter, but names of files
/// may be longer, and so may what a trigger raises.
const LONGEST: usize = 1024;

/// An error of one file of many.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// Its SQLSTATE.
    pub code: String,
    /// Its message, with the record that it is about. Never with the server's DETAIL,
    /// which may hold contents of rows.
    pub message: String,
}

impl Failure {
    /// Whether it was a conflict with other transactions, which may be those of other
    /// workers: a deadlock, a serialization failure, a lock that was not to be had in time.
    pub fn is_conflict(&self) -> bool {
        self.code.starts_with("40") || self.code == "55P03"
    }

    /// Whether it may have been trouble between servers, which passes: a connection that was
    /// lost, a server that shuts down or has no place left. What another server raises may come
    /// as an internal error, a deadlock too.
    pub fn is_trouble_between_servers(&self) -> bool {
        let code = self.code.as_str();
        code.starts_with("08") || matches!(code, "XX000" | "53300" | "57P01" | "57P02" | "57P03")
    }

    /// Whether it may pass by itself: a conflict with others, lack of something, trouble with the operating
    /// system or between servers.
    pub fn may_pass(&self) -> bool {
        self.is_conflict()
            || self.is_trouble_between_servers()
            || ["53", "57", "58", "XX"].iter().any(|class| self.code.starts_with(class))
    }

    /// Whether a right is missing.
    pub fn is_lack_of_right(&self) -> bool {
        self.code == "42501"
    }

    /// Whether there is no such file.
    pub fn is_missing_file(&self) -> bool {
        self.code == "58P01"
    }

    /// What failures of the same kind have in common, whichever file and record they are
    /// about: code and message without the file's path, and with the numbers of a place
    /// left out.
    pub fn kind(&self, path: &str) -> String {
        const BEFORE_NUMBERS: [&str; 7] = ["record", "records", "line", "lines", "byte", "bytes", "to"];
        let message = self.message.replace(path, "");
        let mut kind = self.code.clone();
        let mut last = "";
        for piece in message.split_inclusive(' ') {
            let word = piece.trim_matches([' ', '(', ')', ',', '.', ';']);
            let is_place = BEFORE_NUMBERS.contains(&last)
                && !word.is_empty()
                && word.bytes().all(|b| b.is_ascii_digit());
            kind.push_str(if is_place { "" } else { piece });
            last = word;
        }
        kind
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let parts = error.message();
        let message = match parts.detail {
            Some(detail) => format!("{}: {detail}", parts.message),
            None => parts.message,
        };
        // The system's own words may be in another language.
        let mut message = text::keep(&message);
        message.truncate(message.floor_char_boundary(LONGEST));
        Failure { code: code_text(parts.code), message }
    }
}

impl From<Contained> for Failure {
    fn from(error: Contained) -> Self {
        let place = error.place.map_or(String::new(), |place| format!(" ({place})"));
        let mut message = error.message;
        message.truncate(message.floor_char_boundary(LONGEST.saturating_sub(place.len())));
        message.push_str(&place);
        Failure { code: code_text(error.code), message }
    }
}
