//! Memory of a load of a file that is large beside everything else.

use crate::Result;
use crate::cases::Case;
use crate::data::Form;
use crate::data::SETS;
use crate::peers::Peer;
use crate::results::Results;
use crate::run::Plan;

/// Its name in tables and patterns.
pub const CASE: &str = "memory";

/// What a chunk holds at most.
const CHUNK: u64 = 8 << 20;

/// What a backend may take beyond what it has at the start.
pub const LIMIT: u64 = (64 << 20) + 2 * CHUNK;

/// Some 2 GB.
const RECORDS: usize = 7_200_000;

/// Loads it once.
pub fn measure(plan: &Plan, results: &mut Results) -> Result<()> {
    let case = Case { name: CASE, set: SETS[0], settings: "", peers: vec![Peer::Loader(Form::Lines)] };
    let plan = Plan {
        server: plan.server.clone(),
        rows: RECORDS,
        rounds: 0,
        directory: plan.directory.clone(),
        keep: plan.keep,
        tools: plan.tools.clone(),
    };
    plan.measure(&case, results)
}
