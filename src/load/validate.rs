//! `validate => true`: a load of which nothing stays.

use super::Outcome;
use crate::error::Error;
use crate::pg::executor::{constraint, subtransaction};

/// Runs the load, and looks at what would be looked at when it is committed:
/// all that waits for the end of the transaction, of the load and before it.
pub fn run(load: impl FnOnce() -> Result<Outcome, Error>) -> Result<Outcome, Error> {
    subtransaction::take_back(|| {
        let outcome = load()?;
        constraint::check_deferred()?;
        Ok(Outcome { load_id: None, status: "validated", ..outcome })
    })
}
