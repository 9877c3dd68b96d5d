//! What becomes of files that a run has tried.

use super::decide::backoff;
use super::notice::{self, Event};
use super::run::ReadyFile;
use crate::access;
use crate::bulk::{FileEnd, FileResult};
use crate::catalog::{Catalog, FailedAttempt, Pipeline, SkippedFile, as_text};
use crate::error::{Error, Failure};
use loader_core::memory;
use std::time::Duration;

/// Why a file is skipped whose content a load has.
pub(super) const IS_COPY: &str = "its content is loaded already";

/// Why one is skipped that is not what it was when it was loaded.
pub(super) const HAS_CHANGED: &str = "it has changed since it was loaded";

/// What a batch came to.
pub struct BatchOutcome {
    pub loaded: u64,
    pub skipped: u64,
    pub failed: u64,
    /// Files that had not failed before as they are, and how many of them failed. One that failed and is
    /// not what it was any more is none of them: that it is being written says nothing of the pipeline.
    pub fresh: u64,
    pub fresh_failed: u64,
    pub first_failure: Option<Failure>,
    /// How long it is until one of them is tried again.
    pub ready_in: Duration,
}

/// Writes it down: what is loaded is no exception any more, what was skipped is one as it lies there, so
/// that it is not read again, and what failed is tried again later, or never.
pub(super) fn write_down(
    catalog: &Catalog,
    pipeline: &Pipeline,
    files: &[ReadyFile],
    results: &[FileResult],
) -> Result<BatchOutcome, Error> {
    let definition = &pipeline.definition;
    let mut outcome = BatchOutcome {
        loaded: 0,
        skipped: 0,
        failed: 0,
        fresh: 0,
        fresh_failed: 0,
        first_failure: None,
        ready_in: Duration::MAX,
    };
    let mut loaded = Vec::new();
    let mut skipped = Vec::new();
    let mut changed = Vec::new();
    for (file, result) in files.iter().zip(results) {
        let is_fresh =
            file.attempts.is_none() && !(matches!(result.end, FileEnd::Failed(_)) && has_changed(file)?);
        outcome.fresh += u64::from(is_fresh);
        let as_skipped = || SkippedFile { path: &file.path, stat: &file.stat, load_id: result.load_id };
        match &result.end {
            FileEnd::Loaded => {
                outcome.loaded += 1;
                if file.is_exception {
                    memory::push(&mut loaded, as_text(&file.path))?;
                }
            }
            FileEnd::Skipped => {
                outcome.skipped += 1;
                memory::push(&mut skipped, as_skipped())?;
            }
            FileEnd::Changed => {
                outcome.skipped += 1;
                memory::push(&mut changed, as_skipped())?;
            }
            FileEnd::Failed(failure) => {
                outcome.failed += 1;
                outcome.fresh_failed += u64::from(is_fresh);
                let attempts = file.attempts.unwrap_or(0).saturating_add(1);
                let wait = (attempts < definition.max_attempts)
                    .then(|| backoff(definition.retry_delay, definition.retry_max, attempts));
                let attempt = FailedAttempt {
                    path: &file.path,
                    stat: &file.stat,
                    attempts,
                    wait,
                    failure,
                    load_id: result.load_id,
                };
                catalog.put_failed(&pipeline.key, &attempt)?;
                match wait {
                    Some(wait) => outcome.ready_in = outcome.ready_in.min(wait),
                    None => {
                        let (path, sqlstate) = (file.path.as_slice(), failure.code.as_str());
                        let event = Event::Quarantined { path, sqlstate, attempts };
                        notice::tell(&pipeline.key.name, definition.notify.as_deref(), &event);
                    }
                }
                outcome.first_failure.get_or_insert_with(|| failure.clone());
            }
            // They are as ready the next time.
            FileEnd::HeldUp | FileEnd::NotBegun => {}
        }
    }
    if !loaded.is_empty() {
        let loaded: Vec<&[u8]> = loaded.iter().map(AsRef::as_ref).collect();
        catalog.forget_files(&pipeline.key, &loaded)?;
    }
    if !skipped.is_empty() {
        catalog.put_skipped(&pipeline.key, &skipped, IS_COPY)?;
    }
    if !changed.is_empty() {
        catalog.put_skipped(&pipeline.key, &changed, HAS_CHANGED)?;
    }
    Ok(outcome)
}

/// Whether a file is there and not what it was when it was looked at.
fn has_changed(file: &ReadyFile) -> Result<bool, Error> {
    let stats = access::stats(std::slice::from_ref(&file.path))?;
    Ok(stats.into_iter().flatten().any(|stat| !stat.is_same(&file.stat)))
}
