//! The kinds of damage: what each does to a file in the making.

mod bytes;
mod fields;
mod lines;
mod quotes;
mod rubbish;

use super::draft::Draft;
use crate::rng::Rng;

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is described by its name")]
pub enum Fault {
    OpeningQuoteLost,
    ClosingQuoteLost,
    StrayQuoteInQuoted,
    StrayQuoteInUnquoted,
    StrayOpeningQuote,
    QuoteAtLineEnd,
    QuoteMadeSingle,
    OtherEscape,
    TextBehindQuote,
    TypographicQuotes,
    DelimiterLost,
    DelimiterAdded,
    FieldLost,
    FieldAdded,
    BareNewline,
    BareCarriageReturn,
    LineCut,
    LineCutInQuotes,
    LineEndLost,
    LostBoundary,
    HalfThenWhole,
    HalfThenWholeOnALine,
    BlankLines,
    HeaderAgain,
    HeaderAgainWithBom,
    MixedLineEnds,
    DoubledCarriageReturn,
    NulInside,
    NulBoundary,
    NulLine,
    NulBefore,
    InvalidUtf8,
    BinaryLine,
    RubbishLine,
    RubbishWithQuote,
    LogLine,
    LogInside,
    Footer,
    Preamble,
    OtherTable,
    OtherTableAtEnd,
    UnclosedAtEnd,
    FileCut,
}

/// Where a fault goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At any row, and at several.
    Anywhere,
    /// Before the first row.
    Start,
    /// At the last row.
    End,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 43] = [
        Fault::OpeningQuoteLost,
        Fault::ClosingQuoteLost,
        Fault::StrayQuoteInQuoted,
        Fault::StrayQuoteInUnquoted,
        Fault::StrayOpeningQuote,
        Fault::QuoteAtLineEnd,
        Fault::QuoteMadeSingle,
        Fault::OtherEscape,
        Fault::TextBehindQuote,
        Fault::TypographicQuotes,
        Fault::DelimiterLost,
        Fault::DelimiterAdded,
        Fault::FieldLost,
        Fault::FieldAdded,
        Fault::BareNewline,
        Fault::BareCarriageReturn,
        Fault::LineCut,
        Fault::LineCutInQuotes,
        Fault::LineEndLost,
        Fault::LostBoundary,
        Fault::HalfThenWhole,
        Fault::HalfThenWholeOnALine,
        Fault::BlankLines,
        Fault::HeaderAgain,
        Fault::HeaderAgainWithBom,
        Fault::MixedLineEnds,
        Fault::DoubledCarriageReturn,
        Fault::NulInside,
        Fault::NulBoundary,
        Fault::NulLine,
        Fault::NulBefore,
        Fault::InvalidUtf8,
        Fault::BinaryLine,
        Fault::RubbishLine,
        Fault::RubbishWithQuote,
        Fault::LogLine,
        Fault::LogInside,
        Fault::Footer,
        Fault::Preamble,
        Fault::OtherTable,
        Fault::OtherTableAtEnd,
        Fault::UnclosedAtEnd,
        Fault::FileCut,
    ];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Fault::OpeningQuoteLost => "opening-quote-lost",
            Fault::ClosingQuoteLost => "closing-quote-lost",
            Fault::StrayQuoteInQuoted => "stray-quote-in-quoted",
            Fault::StrayQuoteInUnquoted => "stray-quote-in-unquoted",
            Fault::StrayOpeningQuote => "stray-opening-quote",
            Fault::QuoteAtLineEnd => "quote-at-line-end",
            Fault::QuoteMadeSingle => "quote-made-single",
            Fault::OtherEscape => "other-escape",
            Fault::TextBehindQuote => "text-behind-quote",
            Fault::TypographicQuotes => "typographic-quotes",
            Fault::DelimiterLost => "delimiter-lost",
            Fault::DelimiterAdded => "delimiter-added",
            Fault::FieldLost => "field-lost",
            Fault::FieldAdded => "field-added",
            Fault::BareNewline => "bare-newline",
            Fault::BareCarriageReturn => "bare-carriage-return",
            Fault::LineCut => "line-cut",
            Fault::LineCutInQuotes => "line-cut-in-quotes",
            Fault::LineEndLost => "line-end-lost",
            Fault::LostBoundary => "lost-boundary",
            Fault::HalfThenWhole => "half-then-whole",
            Fault::HalfThenWholeOnALine => "half-then-whole-on-a-line",
            Fault::BlankLines => "blank-lines",
            Fault::HeaderAgain => "header-again",
            Fault::HeaderAgainWithBom => "header-again-with-bom",
            Fault::MixedLineEnds => "mixed-line-ends",
            Fault::DoubledCarriageReturn => "doubled-carriage-return",
            Fault::NulInside => "nul-inside",
            Fault::NulBoundary => "nul-boundary",
            Fault::NulLine => "nul-line",
            Fault::NulBefore => "nul-before",
            Fault::InvalidUtf8 => "invalid-utf8",
            Fault::BinaryLine => "binary-line",
            Fault::RubbishLine => "rubbish-line",
            Fault::RubbishWithQuote => "rubbish-with-quote",
            Fault::LogLine => "log-line",
            Fault::LogInside => "log-inside",
            Fault::Footer => "footer",
            Fault::Preamble => "preamble",
            Fault::OtherTable => "other-table",
            Fault::OtherTableAtEnd => "other-table-at-end",
            Fault::UnclosedAtEnd => "unclosed-at-end",
            Fault::FileCut => "file-cut",
        }
    }

    /// Where it goes.
    pub fn place(self) -> Place {
        match self {
            Fault::Preamble => Place::Start,
            Fault::Footer | Fault::OtherTableAtEnd | Fault::UnclosedAtEnd | Fault::FileCut => Place::End,
            _ => Place::Anywhere,
        }
    }

    /// Whether it needs a file that has quoted fields.
    pub fn needs_quotes(self) -> bool {
        matches!(
            self,
            Fault::OpeningQuoteLost
                | Fault::ClosingQuoteLost
                | Fault::StrayQuoteInQuoted
                | Fault::StrayQuoteInUnquoted
                | Fault::StrayOpeningQuote
                | Fault::QuoteAtLineEnd
                | Fault::QuoteMadeSingle
                | Fault::OtherEscape
                | Fault::TextBehindQuote
                | Fault::TypographicQuotes
                | Fault::LineCutInQuotes
                | Fault::RubbishWithQuote
                | Fault::UnclosedAtEnd
        )
    }

    /// Damages the row of a free piece, or puts something behind it. `false`: that cannot be
    /// done there, or it could not be decided what it makes, and nothing has changed.
    pub fn apply(self, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
        if !draft.is_free(at) || self.needs_quotes() && !draft.shows_quotes {
            return false;
        }
        match self {
            Fault::OpeningQuoteLost
            | Fault::ClosingQuoteLost
            | Fault::StrayQuoteInQuoted
            | Fault::StrayQuoteInUnquoted
            | Fault::StrayOpeningQuote
            | Fault::QuoteAtLineEnd
            | Fault::QuoteMadeSingle
            | Fault::OtherEscape
            | Fault::TextBehindQuote
            | Fault::TypographicQuotes
            | Fault::UnclosedAtEnd => quotes::apply(self, draft, at, rng),
            Fault::DelimiterLost
            | Fault::DelimiterAdded
            | Fault::FieldLost
            | Fault::FieldAdded
            | Fault::BareNewline
            | Fault::BareCarriageReturn => fields::apply(self, draft, at, rng),
            Fault::LineCut
            | Fault::LineCutInQuotes
            | Fault::LineEndLost
            | Fault::LostBoundary
            | Fault::HalfThenWhole
            | Fault::HalfThenWholeOnALine
            | Fault::BlankLines
            | Fault::HeaderAgain
            | Fault::HeaderAgainWithBom
            | Fault::MixedLineEnds
            | Fault::DoubledCarriageReturn
            | Fault::FileCut => lines::apply(self, draft, at, rng),
            Fault::NulInside
            | Fault::NulBoundary
            | Fault::NulLine
            | Fault::NulBefore
            | Fault::InvalidUtf8
            | Fault::BinaryLine => bytes::apply(self, draft, at, rng),
            Fault::RubbishLine
            | Fault::RubbishWithQuote
            | Fault::LogLine
            | Fault::LogInside
            | Fault::Footer
            | Fault::Preamble
            | Fault::OtherTable
            | Fault::OtherTableAtEnd => rubbish::apply(self, draft, at, rng),
        }
    }
}
