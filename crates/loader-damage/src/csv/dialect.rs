//! How fields and rows are set apart.

/// How fields and rows are set apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Its name in the report.
    pub name: &'static str,
    /// What stands between two fields.
    pub delimiter: &'static str,
    /// Whether fields are quoted at all; where none is, a quote is a letter like others.
    pub quoting: bool,
    /// What encloses a field.
    pub quote: u8,
    /// What stands before a quote in a quoted field; the quote itself where it is doubled.
    pub escape: u8,
    /// The line end.
    pub line_end: &'static str,
    /// Every field is quoted, not only those that have to be.
    pub all_quoted: bool,
    /// What numbers have before their fraction.
    pub decimal: char,
}

const COMMA: Dialect = Dialect {
    name: "comma",
    delimiter: ",",
    quoting: true,
    quote: b'"',
    escape: b'"',
    line_end: "\n",
    all_quoted: false,
    decimal: '.',
};

impl Dialect {
    /// All of them.
    pub const ALL: &'static [Dialect] = &[
        COMMA,
        Dialect { name: "comma-crlf", line_end: "\r\n", ..COMMA },
        Dialect { name: "semicolon", delimiter: ";", decimal: ',', ..COMMA },
        Dialect { name: "tab", delimiter: "\t", ..COMMA },
        Dialect { name: "bare-tab", delimiter: "\t", quoting: false, ..COMMA },
        Dialect { name: "pipe", delimiter: "|", line_end: "\r\n", ..COMMA },
        Dialect { name: "apostrophe", quote: b'\'', escape: b'\'', ..COMMA },
        Dialect { name: "backslash", escape: b'\\', ..COMMA },
        Dialect { name: "cr", line_end: "\r", ..COMMA },
        Dialect { name: "two-bars", delimiter: "||", ..COMMA },
        Dialect { name: "all-quoted", all_quoted: true, ..COMMA },
        Dialect { name: "spaced", delimiter: ", ", ..COMMA },
        Dialect {
            name: "semicolon-apostrophe",
            delimiter: ";",
            quote: b'\'',
            escape: b'\'',
            line_end: "\r\n",
            ..COMMA
        },
    ];

    /// Whether a carriage return alone ends a row.
    pub fn is_cr(&self) -> bool {
        self.line_end == "\r"
    }
}
