//! What is measured on which data.

use crate::data::{Cut, Form, SETS, Set};
use crate::peers::Peer;

/// A data set under settings of its own, and who is measured on it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name in tables and patterns.
    pub name: &'static str,
    /// The data.
    pub set: Set,
    /// Settings of every session.
    pub settings: &'static str,
    /// Who is measured, in the order in which they run.
    pub peers: Vec<Peer>,
}

/// On every data set, what is to be compared side by side.
const EVERYWHERE: &[Peer] = &[
    Peer::Read,
    Peer::Encoder,
    Peer::JsonbIn,
    Peer::Copy,
    Peer::Loader(Form::OpenArray),
    Peer::Loader(Form::CompactArray),
    Peer::Loader(Form::Lines),
    Peer::Loader(Form::PrettyArray),
    Peer::Loader(Form::Damaged01),
    Peer::Loader(Form::Damaged1),
    Peer::InsertSelect,
    Peer::CreateTableAs,
];

/// On events only: they are slow, or say the same on any data.
const ON_EVENTS: &[Peer] = &[
    Peer::TwoCopies(Cut::Halves),
    Peer::ExecuteValues,
    Peer::PsycopgCopy,
    Peer::JqCopy,
    Peer::ArrayElements,
];

/// Case, peer, and why it is not run.
pub const SPARK: (&str, &str, &str) =
    ("events", "spark", "skipped: JDBC needs TCP, and this cluster has a Unix socket only");

/// What compression of long values touches.
const LZ4: &[Peer] = &[Peer::Copy, Peer::Loader(Form::Lines), Peer::InsertSelect, Peer::CreateTableAs];

/// All cases, or what of them fits one of the patterns: parts of `case/peer`,
/// separated by commas. COPY is always there: the others are compared with it.
pub fn choose(patterns: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for &set in SETS {
        let mut peers = EVERYWHERE.to_vec();
        if set.name == "events" {
            peers.extend(ON_EVENTS);
        }
        cases.push(Case { name: set.name, set, settings: "-c default_toast_compression=pglz", peers });
        if set.name == "tweets" {
            let settings = "-c default_toast_compression=lz4";
            cases.push(Case { name: "tweets-lz4", set, settings, peers: LZ4.to_vec() });
        }
    }
    let patterns: Vec<&str> = patterns.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if patterns.is_empty() {
        return cases;
    }
    for case in &mut cases {
        let chosen = |peer: &Peer| {
            let name = format!("{}/{}", case.name, peer.name());
            patterns.iter().any(|pattern| name.contains(pattern))
        };
        let any = case.peers.iter().any(chosen);
        case.peers.retain(|peer| any && (*peer == Peer::Copy || chosen(peer)));
    }
    cases.retain(|case| !case.peers.is_empty());
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert_eq!(choose("").len(), SETS.len() + 1);
        let cases = choose("github/loader, wide/insert");
        let names: Vec<_> = cases.iter().map(|case| (case.name, case.peers.len())).collect();
        assert_eq!(names, [("github", 2), ("wide", 2)]);
        assert!(choose("memory").is_empty());
        assert!(choose("many").is_empty());
    }
}
