//! The kinds of damage: what each does to a file in the making.

mod bytes;
mod rubbish;
mod separators;
mod syntax;

use crate::draft::Draft;
use crate::rng::Rng;

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is described by its name")]
pub enum Fault {
    MissingOpenBrace,
    MissingCloseBrace,
    ExtraOpenBrace,
    ExtraCloseBrace,
    MissingOpenBracket,
    MissingCloseBracket,
    ExtraOpenBracket,
    ExtraCloseBracket,
    SwappedBracket,
    MissingQuote,
    ExtraQuote,
    MissingColon,
    ExtraColon,
    MissingComma,
    ExtraComma,
    UnquotedKey,
    SingleQuotes,
    NanLiteral,
    BadWord,
    BadNumber,
    HugeNumber,
    BadEscape,
    NulEscape,
    LoneSurrogate,
    Comment,
    GarbageInside,
    BinaryInside,
    InvalidUtf8,
    RawNul,
    ControlCharacter,
    RawNewline,
    BomInside,
    OpenBracketsInside,
    LostMiddle,
    LostHead,
    LostTail,
    ZeroedMiddle,
    TornWrite,
    TornWriteNewline,
    LostBoundary,
    ZeroedBoundary,
    CutHead,
    TruncatedFile,
    GarbageBlock,
    GarbageRecord,
    GarbageTouching,
    BinaryBlock,
    BinaryRecord,
    OpenBracketsRecord,
    DeepObjects,
    StraySeparator,
    DoubledSeparator,
    MissingSeparator,
    BomAtStart,
    BomBetween,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 55] = [
        Fault::MissingOpenBrace,
        Fault::MissingCloseBrace,
        Fault::ExtraOpenBrace,
        Fault::ExtraCloseBrace,
        Fault::MissingOpenBracket,
        Fault::MissingCloseBracket,
        Fault::ExtraOpenBracket,
        Fault::ExtraCloseBracket,
        Fault::SwappedBracket,
        Fault::MissingQuote,
        Fault::ExtraQuote,
        Fault::MissingColon,
        Fault::ExtraColon,
        Fault::MissingComma,
        Fault::ExtraComma,
        Fault::UnquotedKey,
        Fault::SingleQuotes,
        Fault::NanLiteral,
        Fault::BadWord,
        Fault::BadNumber,
        Fault::HugeNumber,
        Fault::BadEscape,
        Fault::NulEscape,
        Fault::LoneSurrogate,
        Fault::Comment,
        Fault::GarbageInside,
        Fault::BinaryInside,
        Fault::InvalidUtf8,
        Fault::RawNul,
        Fault::ControlCharacter,
        Fault::RawNewline,
        Fault::BomInside,
        Fault::OpenBracketsInside,
        Fault::LostMiddle,
        Fault::LostHead,
        Fault::LostTail,
        Fault::ZeroedMiddle,
        Fault::TornWrite,
        Fault::TornWriteNewline,
        Fault::LostBoundary,
        Fault::ZeroedBoundary,
        Fault::CutHead,
        Fault::TruncatedFile,
        Fault::GarbageBlock,
        Fault::GarbageRecord,
        Fault::GarbageTouching,
        Fault::BinaryBlock,
        Fault::BinaryRecord,
        Fault::OpenBracketsRecord,
        Fault::DeepObjects,
        Fault::StraySeparator,
        Fault::DoubledSeparator,
        Fault::MissingSeparator,
        Fault::BomAtStart,
        Fault::BomBetween,
    ];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Fault::MissingOpenBrace => "missing-open-brace",
            Fault::MissingCloseBrace => "missing-close-brace",
            Fault::ExtraOpenBrace => "extra-open-brace",
            Fault::ExtraCloseBrace => "extra-close-brace",
            Fault::MissingOpenBracket => "missing-open-bracket",
            Fault::MissingCloseBracket => "missing-close-bracket",
            Fault::ExtraOpenBracket => "extra-open-bracket",
            Fault::ExtraCloseBracket => "extra-close-bracket",
            Fault::SwappedBracket => "swapped-bracket",
            Fault::MissingQuote => "missing-quote",
            Fault::ExtraQuote => "extra-quote",
            Fault::MissingColon => "missing-colon",
            Fault::ExtraColon => "extra-colon",
            Fault::MissingComma => "missing-comma",
            Fault::ExtraComma => "extra-comma",
            Fault::UnquotedKey => "unquoted-key",
            Fault::SingleQuotes => "single-quotes",
            Fault::NanLiteral => "nan-literal",
            Fault::BadWord => "bad-word",
            Fault::BadNumber => "bad-number",
            Fault::HugeNumber => "huge-number",
            Fault::BadEscape => "bad-escape",
            Fault::NulEscape => "nul-escape",
            Fault::LoneSurrogate => "lone-surrogate",
            Fault::Comment => "comment",
            Fault::GarbageInside => "garbage-inside",
            Fault::BinaryInside => "binary-inside",
            Fault::InvalidUtf8 => "invalid-utf8",
            Fault::RawNul => "raw-nul",
            Fault::ControlCharacter => "control-character",
            Fault::RawNewline => "raw-newline",
            Fault::BomInside => "bom-inside",
            Fault::OpenBracketsInside => "open-brackets-inside",
            Fault::LostMiddle => "lost-middle",
            Fault::LostHead => "lost-head",
            Fault::LostTail => "lost-tail",
            Fault::ZeroedMiddle => "zeroed-middle",
            Fault::TornWrite => "torn-write",
            Fault::TornWriteNewline => "torn-write-newline",
            Fault::LostBoundary => "lost-boundary",
            Fault::ZeroedBoundary => "zeroed-boundary",
            Fault::CutHead => "cut-head",
            Fault::TruncatedFile => "truncated-file",
            Fault::GarbageBlock => "garbage-block",
            Fault::GarbageRecord => "garbage-record",
            Fault::GarbageTouching => "garbage-touching",
            Fault::BinaryBlock => "binary-block",
            Fault::BinaryRecord => "binary-record",
            Fault::OpenBracketsRecord => "open-brackets-record",
            Fault::DeepObjects => "deep-objects",
            Fault::StraySeparator => "stray-separator",
            Fault::DoubledSeparator => "doubled-separator",
            Fault::MissingSeparator => "missing-separator",
            Fault::BomAtStart => "bom-at-start",
            Fault::BomBetween => "bom-between",
        }
    }

    /// Whether it can only befall the first record, or only the last.
    pub fn is_at_an_end(self) -> bool {
        matches!(self, Fault::CutHead | Fault::TruncatedFile | Fault::BomAtStart)
    }

    /// Whether it leaves the head of a record.
    pub(crate) fn tears(self) -> bool {
        matches!(self, Fault::LostTail | Fault::TornWrite | Fault::TornWriteNewline)
    }

    /// Damages the record at `at`, which is free, or what stands beside it.
    /// False if that cannot be done to this record; then nothing was.
    pub fn apply(self, draft: &mut Draft, at: usize, rng: &mut Rng) -> bool {
        use Fault::*;
        match self {
            MissingOpenBrace | MissingCloseBrace | ExtraOpenBrace | ExtraCloseBrace | MissingOpenBracket
            | MissingCloseBracket | ExtraOpenBracket | ExtraCloseBracket | SwappedBracket | MissingQuote
            | ExtraQuote | MissingColon | ExtraColon | MissingComma | ExtraComma | UnquotedKey
            | SingleQuotes | NanLiteral | BadWord | BadNumber | HugeNumber | BadEscape | NulEscape
            | LoneSurrogate => edit(self, draft, at, rng, |record, rng| syntax::edit(self, record, rng)),
            Comment | GarbageInside | BinaryInside | InvalidUtf8 | RawNul | ControlCharacter | RawNewline
            | BomInside | OpenBracketsInside | LostMiddle | LostHead | LostTail | ZeroedMiddle => {
                let strict = draft.framing.strict();
                edit(self, draft, at, rng, |record, rng| bytes::edit(self, record, strict, rng))
            }
            TornWrite | TornWriteNewline | LostBoundary | ZeroedBoundary | CutHead | TruncatedFile => {
                bytes::cut(self, draft, at, rng)
            }
            GarbageBlock | GarbageRecord | GarbageTouching | BinaryBlock | BinaryRecord
            | OpenBracketsRecord | DeepObjects => rubbish::put(self, draft, at, rng),
            StraySeparator | DoubledSeparator | MissingSeparator | BomAtStart | BomBetween => {
                separators::change(self, draft, at, rng)
            }
        }
    }
}

/// Tries an edit of one record until its outcome is damage.
fn edit(
    fault: Fault,
    draft: &mut Draft,
    at: usize,
    rng: &mut Rng,
    change: impl Fn(&[u8], &mut Rng) -> Option<Vec<u8>>,
) -> bool {
    for _ in 0..20 {
        let record = &draft.slots[at].bytes;
        let Some(bytes) = change(record, rng) else { continue };
        if draft.is_damage(&bytes, record) {
            draft.slots[at].spoil(bytes, fault);
            return true;
        }
    }
    false
}

/// A position in a list of `n`, which is not 0: often the first or the last.
fn place(n: usize, rng: &mut Rng) -> usize {
    match rng.below(5) {
        0 => 0,
        1 => n - 1,
        _ => rng.below(n),
    }
}
