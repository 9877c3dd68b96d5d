//! How records are laid out in a file.

use crate::json::{Layout, Style};
use crate::rng::Rng;

/// A framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Framing {
    /// One record a line.
    Lines,
    /// One record a line, lines end in CR LF.
    LinesCrlf,
    /// `[` at the start, `,\n` behind each record, no `]`.
    OpenArray,
    /// The same with `[` on a line of its own.
    OpenArrayOwnLine,
    /// Lines with a comma at their end, no brackets.
    CommaLines,
    /// A well-formed array with a record a line, brackets on their own lines.
    ArrayLines,
    /// The same with the brackets hugging the records.
    ArrayLinesHugging,
    /// An array with a record a line and commas at the start of lines.
    CommaFirstLines,
    /// An array on one line.
    CompactArray,
    /// An array on one line with a blank behind each comma and colon.
    SpacedArray,
    /// A pretty-printed array, two blanks a step.
    Pretty2,
    /// Four blanks a step.
    Pretty4,
    /// A tab a step.
    PrettyTabs,
    /// Two blanks a step, lines end in CR LF.
    PrettyCrlf,
    /// Pretty-printed, `},{` on one line, indented.
    Hugging,
    /// Pretty-printed, `[{` and `},{` at the left edge.
    HuggingFlush,
    /// Pretty-printed with commas at the start of lines.
    CommaFirst,
    /// Values with nothing between them.
    Concatenated,
    /// Values with a blank between them.
    ConcatenatedBlank,
    /// Pretty-printed values, a newline between them.
    PrettyValues,
    /// Pretty-printed values, an empty line between them.
    PrettyValuesApart,
    /// Pretty-printed values, `}{` on one line.
    PrettyValuesHugging,
    /// RFC 7464: a record separator before each record, a newline behind.
    Sequence,
    /// RFC 7464 with pretty-printed records.
    SequencePretty,
}

impl Framing {
    /// All of them.
    pub const ALL: [Framing; 24] = [
        Framing::Lines,
        Framing::LinesCrlf,
        Framing::OpenArray,
        Framing::OpenArrayOwnLine,
        Framing::CommaLines,
        Framing::ArrayLines,
        Framing::ArrayLinesHugging,
        Framing::CommaFirstLines,
        Framing::CompactArray,
        Framing::SpacedArray,
        Framing::Pretty2,
        Framing::Pretty4,
        Framing::PrettyTabs,
        Framing::PrettyCrlf,
        Framing::Hugging,
        Framing::HuggingFlush,
        Framing::CommaFirst,
        Framing::Concatenated,
        Framing::ConcatenatedBlank,
        Framing::PrettyValues,
        Framing::PrettyValuesApart,
        Framing::PrettyValuesHugging,
        Framing::Sequence,
        Framing::SequencePretty,
    ];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Framing::Lines => "lines",
            Framing::LinesCrlf => "lines-crlf",
            Framing::OpenArray => "open-array",
            Framing::OpenArrayOwnLine => "open-array-own-line",
            Framing::CommaLines => "comma-lines",
            Framing::ArrayLines => "array-lines",
            Framing::ArrayLinesHugging => "array-lines-hugging",
            Framing::CommaFirstLines => "comma-first-lines",
            Framing::CompactArray => "compact-array",
            Framing::SpacedArray => "spaced-array",
            Framing::Pretty2 => "pretty-2",
            Framing::Pretty4 => "pretty-4",
            Framing::PrettyTabs => "pretty-tabs",
            Framing::PrettyCrlf => "pretty-crlf",
            Framing::Hugging => "hugging",
            Framing::HuggingFlush => "hugging-flush",
            Framing::CommaFirst => "comma-first",
            Framing::Concatenated => "concatenated",
            Framing::ConcatenatedBlank => "concatenated-blank",
            Framing::PrettyValues => "pretty-values",
            Framing::PrettyValuesApart => "pretty-values-apart",
            Framing::PrettyValuesHugging => "pretty-values-hugging",
            Framing::Sequence => "sequence",
            Framing::SequencePretty => "sequence-pretty",
        }
    }

    /// Whether newlines, indentation or separators show where records start.
    pub fn strict(self) -> bool {
        use Framing::*;
        !matches!(self, CompactArray | SpacedArray | Concatenated | ConcatenatedBlank)
    }

    /// Whether each record is on a line of its own.
    pub fn one_a_line(self) -> bool {
        use Framing::*;
        matches!(
            self,
            Lines
                | LinesCrlf
                | OpenArray
                | OpenArrayOwnLine
                | CommaLines
                | ArrayLines
                | ArrayLinesHugging
                | CommaFirstLines
                | Sequence
        )
    }

    /// Whether the end of one record and the start of the next share a line in
    /// a file where lines otherwise show where records start.
    pub fn hugging(self) -> bool {
        matches!(self, Framing::Hugging | Framing::HuggingFlush | Framing::PrettyValuesHugging)
    }

    /// How records are written.
    pub fn style(self, rng: &mut Rng) -> Style {
        use Framing::*;
        let (layout, indent, level) = match self {
            Lines | LinesCrlf | OpenArray | OpenArrayOwnLine | CommaLines | ArrayLines
            | ArrayLinesHugging | CommaFirstLines | Sequence => {
                (if rng.one_in(3) { Layout::Spaced } else { Layout::Compact }, "", 0)
            }
            CompactArray | Concatenated => (Layout::Compact, "", 0),
            SpacedArray | ConcatenatedBlank => (Layout::Spaced, "", 0),
            Pretty2 | PrettyCrlf | Hugging => (Layout::Pretty, "  ", 1),
            Pretty4 => (Layout::Pretty, "    ", 1),
            PrettyTabs => (Layout::Pretty, "\t", 1),
            CommaFirst => (Layout::CommaFirst, "  ", 1),
            HuggingFlush | PrettyValues | PrettyValuesApart | PrettyValuesHugging | SequencePretty => {
                (Layout::Pretty, *rng.pick(&["  ", "    ", "\t"]), 0)
            }
        };
        let inline = matches!(layout, Layout::Pretty | Layout::CommaFirst) && rng.one_in(3);
        Style { layout, indent, level, newline: self.newline(), ascii: rng.one_in(3), inline }
    }

    /// The end of a line.
    pub fn newline(self) -> &'static str {
        if matches!(self, Framing::LinesCrlf | Framing::PrettyCrlf) { "\r\n" } else { "\n" }
    }

    /// What stands before the first record, between records and behind the last.
    pub fn glue(self) -> [&'static str; 3] {
        match self {
            Framing::Lines => ["", "\n", "\n"],
            Framing::LinesCrlf => ["", "\r\n", "\r\n"],
            Framing::OpenArray => ["[", ",\n", ",\n"],
            Framing::OpenArrayOwnLine => ["[\n", ",\n", ",\n"],
            Framing::CommaLines => ["", ",\n", ",\n"],
            Framing::ArrayLines => ["[\n", ",\n", "\n]\n"],
            Framing::ArrayLinesHugging => ["[", ",\n", "]\n"],
            Framing::CommaFirstLines => ["[", "\n,", "\n]\n"],
            Framing::CompactArray => ["[", ",", "]"],
            Framing::SpacedArray => ["[", ", ", "]\n"],
            Framing::Pretty2 => ["[\n  ", ",\n  ", "\n]\n"],
            Framing::Pretty4 => ["[\n    ", ",\n    ", "\n]"],
            Framing::PrettyTabs => ["[\n\t", ",\n\t", "\n]\n"],
            Framing::PrettyCrlf => ["[\r\n  ", ",\r\n  ", "\r\n]\r\n"],
            Framing::Hugging => ["[\n  ", ",", "\n]\n"],
            Framing::HuggingFlush => ["[", ",", "]\n"],
            Framing::CommaFirst => ["[ ", "\n, ", "\n]\n"],
            Framing::Concatenated => ["", "", ""],
            Framing::ConcatenatedBlank => ["", " ", "\n"],
            Framing::PrettyValues => ["", "\n", "\n"],
            Framing::PrettyValuesApart => ["", "\n\n", "\n"],
            Framing::PrettyValuesHugging => ["", "", "\n"],
            Framing::Sequence => ["\x1E", "\n\x1E", "\n"],
            Framing::SequencePretty => ["\x1E", "\n\x1E", "\n"],
        }
    }
}
