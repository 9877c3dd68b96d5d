//! What people have: arrays with text around them, lines with a prefix, text
//! between records, documents around arrays; and damage that leaves little to go by.
//!
//! These suites are not part of [`all`](super::all), which is what the splitter was
//! first measured by.

use super::{Choice, any_of};
use crate::File;
use crate::around;
use crate::between;
use crate::content::Content;
use crate::document::{self, Form};
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
pub const REAL: [Suite; 5] = [
    Suite { name: "around", files: |choice| Box::new(around(choice)) },
    Suite { name: "prefixed", files: |choice| Box::new(prefixed(choice)) },
    Suite { name: "between", files: |choice| Box::new(between(choice)) },
    Suite { name: "held-out", files: |choice| Box::new(held_out(choice)) },
    Suite { name: "documents", files: |choice| Box::new(documents(choice)) },
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

/// What happens to records of documents: none of it tears a document.
const MISSPELT: &[Fault] = &[
    Fault::MissingOpenBrace,
    Fault::MissingCloseBrace,
    Fault::MissingCloseBracket,
    Fault::MissingQuote,
    Fault::MissingColon,
    Fault::MissingComma,
    Fault::UnquotedKey,
    Fault::SingleQuotes,
    Fault::NanLiteral,
    Fault::BadWord,
    Fault::InvalidUtf8,
    Fault::NulEscape,
    Fault::LostMiddle,
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
                plan.make(choice, |rng| {
                    let mut draft = plan.records(CONTENTS, HURTS, rng)?;
                    kind.put(&mut draft, rng);
                    Some(draft)
                })
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
                    plan.make(choice, |rng| {
                        let mut draft = plan.records(contents, HURTS, rng)?;
                        kind.put(&mut draft, rng);
                        Some(draft)
                    })
                })
            })
        })
    })
}

/// Files with NUL bytes or text between their records.
pub fn between(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    const FRAMINGS: [Framing; 6] = [
        Framing::Lines,
        Framing::LinesCrlf,
        Framing::ArrayLines,
        Framing::PrettyValues,
        Framing::Pretty2,
        Framing::Concatenated,
    ];
    between::ALL.iter().flat_map(move |&kind| {
        let framings = FRAMINGS.into_iter().filter(move |&framing| kind.fits(framing));
        framings.flat_map(move |framing| {
            SIZES.into_iter().flat_map(move |size| {
                (0..2).filter_map(move |variant| {
                    let plan = Plan { suite: "between", framing, kind: kind.name(), size, variant };
                    // The one array of a file is taken apart.
                    let few = size.records < 50 && !matches!(framing, Framing::ArrayLines | Framing::Pretty2);
                    let contents = if few { &CONTENTS[..7] } else { CONTENTS };
                    plan.make(choice, |rng| {
                        let mut draft = plan.records(contents, HURTS, rng)?;
                        kind.put(&mut draft, rng);
                        Some(draft)
                    })
                })
            })
        })
    })
}

/// Files where what is lost is all that told a record from what is inside of it:
/// the opening bracket of arrays one after the other, and the opening brace of
/// records of many kinds on one line.
pub fn held_out(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    const SIZES: [Size; 6] = [
        size(5, 1, "5-damaged"),
        size(50, 1, "50-damaged"),
        size(50, 5, "50-damaged-5"),
        size(200, 2, "200-damaged"),
        size(200, 20, "200-damaged-20"),
        size(2000, 20, "2000-damaged"),
    ];
    const ARRAYS: [Framing; 3] =
        [Framing::PrettyValues, Framing::PrettyValuesApart, Framing::PrettyValuesHugging];
    const ONE_LINE: [Framing; 4] =
        [Framing::CompactArray, Framing::SpacedArray, Framing::Concatenated, Framing::ConcatenatedBlank];
    type Kind = (&'static str, &'static [Framing], &'static [Content], Fault);
    const KINDS: [Kind; 2] = [
        (
            "arrays-without-bracket",
            &ARRAYS,
            &[Content::Rows, Content::Trees, Content::Matrix],
            Fault::MissingOpenBracket,
        ),
        (
            "kinds-without-brace",
            &ONE_LINE,
            &[Content::Kinds, Content::Shuffled, Content::Assorted],
            Fault::MissingOpenBrace,
        ),
    ];
    KINDS.into_iter().flat_map(move |(kind, framings, contents, fault)| {
        framings.iter().flat_map(move |&framing| {
            SIZES.into_iter().flat_map(move |size| {
                (0..9).filter_map(move |variant| {
                    let plan = Plan { suite: "held-out", framing, kind, size, variant };
                    let content = &contents[variant % contents.len()..][..1];
                    plan.make(choice, |rng| plan.records(content, &[fault], rng))
                })
            })
        })
    })
}

/// Documents around arrays of records, to be read with a records path.
pub fn documents(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    document::ALL.into_iter().flat_map(move |kind| {
        [Framing::CompactArray, Framing::Pretty2].into_iter().flat_map(move |framing| {
            SIZES.into_iter().flat_map(move |size| {
                (0..5).filter_map(move |variant| {
                    let plan = Plan { suite: "documents", framing, kind: kind.name(), size, variant };
                    plan.make(choice, |rng| {
                        let form = Form::new(framing.strict(), rng);
                        let content = *rng.pick(CONTENTS);
                        let style = form.style(rng);
                        let draft = Draft::styled(framing, content, size.records, &style, rng);
                        let mut draft = plan.hurt(draft, MISSPELT, rng)?;
                        kind.put(&mut draft, &form, rng).then_some(draft)
                    })
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
    /// Makes the file, again with other numbers until it can be made so. Of the long
    /// ones there is one in four.
    fn make(&self, choice: Choice, draft: impl Fn(&mut Rng) -> Option<Draft>) -> Option<File> {
        let Plan { suite, framing, kind, size, variant } = *self;
        let name =
            |content: &str| format!("{suite}/{}/{content}/{kind}/{}/{variant}", framing.name(), size.name);
        let mut rng = Rng::named(choice.seed, &name(""));
        if rng.below(choice.one_in) != 0 || size.records > 1000 && !rng.one_in(4) {
            return None;
        }
        (0..20).find_map(|_| {
            let draft = draft(&mut rng)?;
            let name = name(draft.content().name());
            draft.finish(name, choice.seed, kind)
        })
    }

    /// The records, some of them damaged.
    fn records(&self, contents: &[Content], hurts: &[Fault], rng: &mut Rng) -> Option<Draft> {
        let draft = Draft::new(self.framing, *rng.pick(contents), self.size.records, rng);
        self.hurt(draft, hurts, rng)
    }

    /// Damages as many records as are to be; `None` if none could be.
    fn hurt(&self, mut draft: Draft, hurts: &[Fault], rng: &mut Rng) -> Option<Draft> {
        let hurt = (0..self.size.damaged).filter(|_| any_of(hurts, &mut draft, rng)).count();
        (hurt > 0 || self.size.damaged == 0).then_some(draft)
    }
}
