//! What people have: arrays with text around them, lines with a prefix, text
//! between records, documents around arrays.
//!
//! These suites are not part of [`all`](super::all), which is what the splitter was
//! first measured by.

use super::{Choice, any_of};
use crate::File;
use crate::around;
use crate::content::Content;
use crate::draft::Draft;
use crate::fault::Fault;
use crate::framing::Framing;
use crate::prefix;
use crate::rng::Rng;

/// A suite of this module.
#[derive(Clone, Copy)]
pub struct Suite {
    /// Its name, with which the names of its files begin.
    pub name: &'static str,
    /// Its files.
    pub files: fn(Choice) -> Box<dyn Iterator<Item = File> + Send>,
}

/// All suites of this module.
pub const REAL: [Suite; 2] = [
    Suite { name: "around", files: |choice| Box::new(around(choice)) },
    Suite { name: "prefixed", files: |choice| Box::new(prefixed(choice)) },
];

/// What happens to records of files that people have.
const HURTS: &[Fault] = &[
    Fault::MissingOpenBrace,
    Fault::MissingCloseBrace,
    Fault::MissingCloseBracket,
    Fault::SwappedBracket,
    Fault::MissingQuote,
    Fault::ExtraQuote,
    Fault::MissingColon,
    Fault::MissingComma,
    Fault::ExtraComma,
    Fault::UnquotedKey,
    Fault::SingleQuotes,
    Fault::NanLiteral,
    Fault::BadWord,
    Fault::BadNumber,
    Fault::InvalidUtf8,
    Fault::NulEscape,
    Fault::LoneSurrogate,
    Fault::RawNewline,
    Fault::RawNul,
    Fault::LostMiddle,
    Fault::LostHead,
    Fault::LostTail,
    Fault::TornWrite,
    Fault::TornWriteNewline,
];

const CONTENTS: &[Content] = &[
    Content::Events,
    Content::Weather,
    Content::People,
    Content::Tiny,
    Content::Tweets,
    Content::Kinds,
    Content::Shuffled,
    Content::Rows,
];

/// How many records, and how many of them are damaged.
#[derive(Clone, Copy)]
struct Size {
    records: usize,
    damaged: usize,
    name: &'static str,
}

const fn size(records: usize, damaged: usize, name: &'static str) -> Size {
    Size { records, damaged, name }
}

const SIZES: [Size; 10] = [
    size(1, 0, "1"),
    size(2, 0, "2"),
    size(3, 0, "3"),
    size(5, 0, "5"),
    size(50, 0, "50"),
    size(2000, 0, "2000"),
    size(3, 1, "3-damaged"),
    size(5, 1, "5-damaged"),
    size(50, 3, "50-damaged"),
    size(2000, 20, "2000-damaged"),
];

/// Arrays with text before them, behind them or both.
pub fn around(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    const FRAMINGS: [Framing; 7] = [
        Framing::CompactArray,
        Framing::SpacedArray,
        Framing::ArrayLines,
        Framing::ArrayLinesHugging,
        Framing::Pretty2,
        Framing::PrettyCrlf,
        Framing::Hugging,
    ];
    around::ALL.iter().flat_map(move |&kind| {
        FRAMINGS.into_iter().flat_map(move |framing| {
            SIZES.into_iter().filter_map(move |size| {
                let plan = Plan { suite: "around", framing, kind: kind.name(), size, variant: 0 };
                plan.make(choice, CONTENTS, HURTS, |draft, rng| kind.put(draft, rng))
            })
        })
    })
}

/// Files with a record a line that have a prefix or a suffix on every line.
pub fn prefixed(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    prefix::ALL.iter().flat_map(move |kind| {
        [Framing::Lines, Framing::LinesCrlf].into_iter().flat_map(move |framing| {
            SIZES.into_iter().flat_map(move |size| {
                (0..3).filter_map(move |variant| {
                    let plan = Plan { suite: "prefixed", framing, kind: kind.name, size, variant };
                    // A line with an array on it could be an array over several lines.
                    let contents = if size.records < 50 { &CONTENTS[..7] } else { CONTENTS };
                    plan.make(choice, contents, HURTS, |draft, rng| kind.put(draft, rng))
                })
            })
        })
    })
}

/// What a file is to be.
#[derive(Clone, Copy)]
struct Plan {
    suite: &'static str,
    framing: Framing,
    kind: &'static str,
    size: Size,
    variant: usize,
}

impl Plan {
    /// Makes the file, again with other numbers until it can be damaged so. Of the
    /// long ones there is one in four.
    fn make(
        &self,
        choice: Choice,
        contents: &[Content],
        hurts: &[Fault],
        put: impl Fn(&mut Draft, &mut Rng),
    ) -> Option<File> {
        let Plan { suite, framing, kind, size, variant } = *self;
        let name =
            |content: &str| format!("{suite}/{}/{content}/{kind}/{}/{variant}", framing.name(), size.name);
        let mut rng = Rng::named(choice.seed, &name(""));
        if rng.below(choice.one_in) != 0 || size.records > 1000 && !rng.one_in(4) {
            return None;
        }
        (0..20).find_map(|_| {
            let content = *rng.pick(contents);
            let mut draft = Draft::new(framing, content, size.records, &mut rng);
            let hurt = (0..size.damaged).filter(|_| any_of(hurts, &mut draft, &mut rng)).count();
            if size.damaged > 0 && hurt == 0 {
                return None;
            }
            put(&mut draft, &mut rng);
            draft.finish(name(content.name()), choice.seed, kind)
        })
    }
}
