//! The files of a seed.

mod real;

pub use real::{REAL, Suite, around, between, documents, held_out, prefixed};

use crate::File;
use crate::content::Content;
use crate::draft::Draft;
use crate::fault::Fault;
use crate::framing::Framing;
use crate::rng::Rng;

/// The files of a seed, or some of them.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The seed.
    pub seed: u64,
    /// One file in so many, spread over framings and faults; 1 for all.
    pub one_in: usize,
}

impl From<u64> for Choice {
    fn from(seed: u64) -> Self {
        Choice { seed, one_in: 1 }
    }
}

/// Files of 60 records: each fault alone in each framing, and several at once.
pub fn plain(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    const CONTENTS: [Content; 4] = [Content::Events, Content::Weather, Content::People, Content::Tiny];
    Framing::ALL.into_iter().flat_map(move |framing| {
        let alone = Fault::ALL.into_iter().map(|fault| (fault.name(), Some(fault), 0));
        let several = (0..6).map(|n| ("several", None, n));
        let healthy = CONTENTS.iter().enumerate().map(|(n, _)| ("healthy", None, n));
        alone.chain(several).chain(healthy).filter_map(move |(scenario, fault, n)| {
            make(choice, "plain", framing, &CONTENTS, 60, scenario, n, |draft, rng| match (fault, scenario) {
                (Some(fault), _) => once(fault, draft, rng),
                (None, "several") => (0..rng.between(3, 7)).filter(|_| anything(draft, rng)).count() > 0,
                _ => true,
            })
        })
    })
}

/// Files of 40 records whose inner objects look like records, or that differ
/// from record to record; first, last, one or a third of the records damaged.
pub fn hard(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    const CONTENTS: [Content; 7] = [
        Content::Tweets,
        Content::Replies,
        Content::Shuffled,
        Content::Kinds,
        Content::Rows,
        Content::Trees,
        Content::Mixed,
    ];
    const SCENARIOS: [&str; 8] =
        ["first", "last", "third", "third-syntax", "one", "several", "torn", "separators"];
    Framing::ALL.into_iter().flat_map(move |framing| {
        // Scalars need something between them.
        let fits =
            move |content: &&Content| **content != Content::Mixed || framing.strict() && !framing.hugging();
        CONTENTS.iter().filter(fits).flat_map(move |&content| {
            SCENARIOS.into_iter().filter_map(move |scenario| {
                make(choice, "hard", framing, &[content], 40, scenario, 0, |draft, rng| {
                    damage(scenario, draft, rng)
                })
            })
        })
    })
}

/// Files of 1,500 records, a few of them large, with damage all over: what lies
/// beyond the head of a file and across the edges of buffers.
pub fn long(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    const CONTENTS: [Content; 3] = [Content::Bulky, Content::Kinds, Content::Tweets];
    Framing::ALL.into_iter().flat_map(move |framing| {
        CONTENTS.into_iter().filter_map(move |content| {
            make(choice, "long", framing, &[content], 1_500, "long", 0, |draft, rng| {
                (0..60).filter(|_| anything(draft, rng)).count() > 0
            })
        })
    })
}

/// All files of a seed.
pub fn all(choice: impl Into<Choice>) -> impl Iterator<Item = File> {
    let choice = choice.into();
    plain(choice).chain(hard(choice)).chain(long(choice))
}

fn damage(scenario: &str, draft: &mut Draft, rng: &mut Rng) -> bool {
    const TORN: &[Fault] = &[
        Fault::TornWrite,
        Fault::TornWriteNewline,
        Fault::LostTail,
        Fault::LostHead,
        Fault::LostBoundary,
        Fault::ZeroedBoundary,
        Fault::LostMiddle,
    ];
    const SEPARATORS: &[Fault] =
        &[Fault::StraySeparator, Fault::DoubledSeparator, Fault::MissingSeparator, Fault::BomBetween];
    let third = draft.last() / 3;
    match scenario {
        "first" => at_end(0, Fault::CutHead, draft, rng),
        "last" => at_end(draft.last(), Fault::TruncatedFile, draft, rng),
        "third" => (0..third).filter(|_| anything(draft, rng)).count() > 0,
        "third-syntax" => (0..third).filter(|_| any_of(&Fault::ALL[..15], draft, rng)).count() > 0,
        "several" => (0..5).filter(|_| anything(draft, rng)).count() > 0,
        "torn" => (0..4).filter(|_| any_of(TORN, draft, rng)).count() > 0,
        "separators" => (0..6).filter(|_| any_of(SEPARATORS, draft, rng)).count() > 0,
        _ => anything(draft, rng),
    }
}

/// Builds a file, again with other numbers until it can be damaged so.
#[allow(clippy::too_many_arguments)]
fn make(
    choice: Choice,
    suite: &str,
    framing: Framing,
    contents: &[Content],
    records: usize,
    scenario: &'static str,
    n: usize,
    damage: impl Fn(&mut Draft, &mut Rng) -> bool,
) -> Option<File> {
    let name = format!("{suite}/{}/{scenario}/{n}/{}", framing.name(), contents[0].name());
    let mut rng = Rng::named(choice.seed, &name);
    if rng.below(choice.one_in) != 0 {
        return None;
    }
    (0..20).find_map(|_| {
        let content = if scenario == "healthy" { contents[n] } else { *rng.pick(contents) };
        let name = format!("{suite}/{}/{}/{scenario}/{n}", framing.name(), content.name());
        let mut draft = Draft::new(framing, content, records, &mut rng);
        damage(&mut draft, &mut rng).then(|| draft.finish(name, choice.seed, scenario)).flatten()
    })
}

fn once(fault: Fault, draft: &mut Draft, rng: &mut Rng) -> bool {
    (0..20).any(|_| {
        let at = match fault {
            Fault::CutHead | Fault::BomAtStart => 0,
            Fault::TruncatedFile => draft.last(),
            _ => rng.between(0, draft.last()),
        };
        fault.apply(draft, at, rng)
    })
}

fn any_of(faults: &[Fault], draft: &mut Draft, rng: &mut Rng) -> bool {
    (0..20).any(|_| {
        let free = draft.free();
        !free.is_empty() && {
            let at = *rng.pick(&free);
            rng.pick(faults).apply(draft, at, rng)
        }
    })
}

fn anything(draft: &mut Draft, rng: &mut Rng) -> bool {
    any_of(&Fault::ALL, draft, rng)
}

fn at_end(at: usize, favourite: Fault, draft: &mut Draft, rng: &mut Rng) -> bool {
    (0..20).any(|_| {
        let fault = if rng.one_in(3) { favourite } else { *rng.pick(&Fault::ALL) };
        fault.apply(draft, at, rng)
    })
}
