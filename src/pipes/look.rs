//! A look at the files of a pipeline: which there are, and what is to be done with each. Reads no byte
//! of theirs.

use super::decide::{Verdict, decide, is_unfinished};
use super::look_digest::LookDigest;
use crate::access::{self, FoundFile};
use crate::bulk::{self, BulkArguments, Scope};
use crate::catalog::{Catalog, Exception, Pipeline, as_text};
use crate::error::Error;
use crate::pg;
use crate::pg::processes::{clock, wake};
use crate::stat::FileStat;
use loader_core::memory;
use std::borrow::Cow;
use std::cmp::Ordering;

/// What was seen.
pub struct Look {
    /// The files, in the order of their paths.
    pub files: Vec<SeenFile>,
    /// Exceptions whose files are loaded or gone: their paths as they are kept.
    pub outdated: Vec<Vec<u8>>,
    /// The files that are no exception, if all of them are loaded.
    pub all_loaded: LookDigest,
}

/// A file.
pub struct SeenFile {
    pub path: Vec<u8>,
    pub stat: Option<FileStat>,
    pub verdict: Verdict,
    pub is_exception: bool,
    /// Why it is an exception, if it is one for a reason.
    pub reason: Option<Vec<u8>>,
}

/// Looks at the files. The caller has asked whether the role may read files, and has a transaction.
/// `before` is what an earlier look has seen, if that is known.
pub fn look(
    catalog: &Catalog,
    pipeline: &Pipeline,
    arguments: &BulkArguments,
    scope: &Scope,
    before: &LookDigest,
) -> Result<Look, Error> {
    let definition = &pipeline.definition;
    let mut files = access::find(&definition.pattern)?;
    files.retain(|file| !is_unfinished(&file.path));
    // Exceptions are known by the text of a path, which is the path but for odd ones.
    if files.iter().any(|file| matches!(as_text(&file.path), Cow::Owned(_))) {
        files.sort_by_cached_key(|file| as_text(&file.path).into_owned());
    }
    // Before any snapshot is taken.
    let loads_gone = wake::loads_gone();
    let exceptions = catalog.exceptions(&pipeline.key.name)?;
    let is_exception = |file: &FoundFile| {
        let path = as_text(&file.path);
        exceptions.binary_search_by(|exception| exception.path.as_slice().cmp(&path)).is_ok()
    };
    let content = scope.content(arguments);
    let ordinary = files.iter().filter(|file| !is_exception(file));
    let digest = LookDigest::new(pipeline, content.column, loads_gone, ordinary);
    let are_known = digest == *before;
    let asked = files.iter().enumerate().filter(|(_, file)| !are_known || is_exception(file));
    let loaded = bulk::find_loaded(catalog, &content, asked)?;
    let mut all_loaded = true;
    let now = clock::since_boot();
    let mut loaded = loaded.into_iter().peekable();
    let mut exceptions = exceptions.into_iter().peekable();
    let mut seen = Look { files: Vec::new(), outdated: Vec::new(), all_loaded: LookDigest::default() };
    for (number, FoundFile { path, stat }) in files.into_iter().enumerate() {
        pg::check_for_interrupts();
        let exception = exception_of(&mut exceptions, &as_text(&path), &mut seen.outdated)?;
        let is_loaded = loaded.next_if_eq(&number).is_some() || (are_known && exception.is_none());
        all_loaded &= is_loaded || exception.is_some();
        let verdict = decide(stat.as_ref(), is_loaded, exception.as_ref(), now, definition.settle);
        // A file that was skipped by hand stays so, should its table be emptied.
        if let Some(exception) = exception.as_ref().filter(|it| is_loaded && it.stat.is_some()) {
            memory::push(&mut seen.outdated, exception.path.clone())?;
        }
        let is_exception = exception.is_some();
        let reason = exception.and_then(|exception| exception.reason);
        memory::push(&mut seen.files, SeenFile { path, stat, verdict, is_exception, reason })?;
    }
    for gone in exceptions.filter(|exception| exception.stat.is_some()) {
        memory::push(&mut seen.outdated, gone.path)?;
    }
    if all_loaded {
        seen.all_loaded = digest;
    }
    Ok(seen)
}

/// The exception of that path: both lists have the same order. Those before it are of files that are
/// gone.
fn exception_of(
    exceptions: &mut std::iter::Peekable<std::vec::IntoIter<Exception>>,
    path: &[u8],
    gone: &mut Vec<Vec<u8>>,
) -> Result<Option<Exception>, Error> {
    while let Some(next) = exceptions.peek() {
        match next.path.as_slice().cmp(path) {
            Ordering::Greater => return Ok(None),
            Ordering::Equal => return Ok(exceptions.next()),
            Ordering::Less => {
                if let Some(before) = exceptions.next().filter(|before| before.stat.is_some()) {
                    memory::push(gone, before.path)?;
                }
            }
        }
    }
    Ok(None)
}
