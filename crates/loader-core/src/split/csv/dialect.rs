//! How the fields and the records of a file are set apart.

/// The most bytes that a delimiter has.
pub const LONGEST_DELIMITER: usize = 4;

/// What stands between two fields: one to four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delimiter {
    bytes: [u8; LONGEST_DELIMITER],
    length: u8,
}

impl Delimiter {
    /// `None` where it is empty, longer than four bytes, or has a line end in it.
    pub fn new(text: &[u8]) -> Option<Delimiter> {
        let length = text.len();
        if length == 0 || length > LONGEST_DELIMITER || text.iter().any(|b| matches!(b, b'\n' | b'\r' | 0)) {
            return None;
        }
        let mut bytes = [0; LONGEST_DELIMITER];
        bytes[..length].copy_from_slice(text);
        Some(Delimiter { bytes, length: length as u8 })
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length as usize]
    }

    /// Whether it stands at an index of a text.
    #[inline]
    pub(super) fn is_at(&self, text: &[u8], at: usize) -> bool {
        text.get(at) == Some(&self.bytes[0]) && (self.length == 1 || text[at..].starts_with(self.bytes()))
    }
}

impl Default for Delimiter {
    /// A comma.
    fn default() -> Self {
        Delimiter { bytes: [b',', 0, 0, 0], length: 1 }
    }
}

/// Which line end the head of the file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NewLine {
    /// LF; CRLF ends a record too.
    Lf,
    /// CRLF; LF ends a record too.
    CrLf,
    /// CR, in a file whose head has no LF; LF and CRLF end a record too.
    Cr,
}

impl NewLine {
    /// The name that options and history use.
    pub fn name(self) -> &'static str {
        match self {
            NewLine::Lf => "lf",
            NewLine::CrLf => "crlf",
            NewLine::Cr => "cr",
        }
    }
}

/// How the fields and the records of a file are set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// What stands between two fields.
    pub delimiter: Delimiter,
    /// What encloses a field that may hold anything; `None` where nothing does.
    pub quote: Option<u8>,
    /// What stands before a quote, or before itself, within quotes to mean the character: the
    /// quote itself where it is doubled. `None` only where there is no quote.
    pub escape: Option<u8>,
    /// The line end.
    pub new_line: NewLine,
    /// A line that begins with this byte is no record.
    pub comment: Option<u8>,
    /// So many lines stand before the header, or before the first record where there is none.
    pub skip: u64,
    /// So many lines are the header; the last of them has the names of the columns. 0 for none.
    pub header: u64,
}

impl Default for Dialect {
    /// Commas, doubled quotes, LF, no header.
    fn default() -> Self {
        Dialect {
            delimiter: Delimiter::default(),
            quote: Some(b'"'),
            escape: Some(b'"'),
            new_line: NewLine::Lf,
            comment: None,
            skip: 0,
            header: 0,
        }
    }
}

/// What the caller says of a dialect; the rest is found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// See [`Dialect::delimiter`].
    pub delimiter: Option<Delimiter>,
    /// See [`Dialect::quote`]; `Some(None)` says that there is no quote.
    pub quote: Option<Option<u8>>,
    /// See [`Dialect::escape`].
    pub escape: Option<u8>,
    /// See [`Dialect::new_line`].
    pub new_line: Option<NewLine>,
    /// See [`Dialect::comment`]; there is none where it is not given.
    pub comment: Option<u8>,
    /// See [`Dialect::skip`].
    pub skip: Option<u64>,
    /// See [`Dialect::header`].
    pub header: Option<u64>,
}

impl Dialect {
    /// The first byte from `at` on that ends a line.
    #[inline]
    pub(super) fn find_line_end(&self, text: &[u8], at: usize) -> Option<usize> {
        let found = match self.new_line {
            NewLine::Cr => memchr::memchr2(b'\n', b'\r', &text[at..]),
            NewLine::Lf | NewLine::CrLf => memchr::memchr(b'\n', &text[at..]),
        };
        found.map(|found| at + found)
    }

    /// Where the text of a line ends that starts at `start`, and whose end is at `end`.
    #[inline]
    pub(super) fn text_end(text: &[u8], start: usize, mut end: usize) -> usize {
        while end > start && text[end - 1] == b'\r' {
            end -= 1;
        }
        end
    }
}
