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
    let (exceptions, gone) = match_exceptions(&files, catalog.exceptions(&pipeline.key.name)?)?;
    let is_exception = |number| exceptions.binary_search_by_key(&number, |&(file, _)| file).is_ok();
    let content = scope.content(arguments);
    let numbered = || files.iter().enumerate();
    let ordinary = numbered().filter(|&(number, _)| !is_exception(number)).map(|(_, file)| file);
    let digest = LookDigest::new(pipeline, content.column, loads_gone, ordinary);
    let are_known = digest == *before;
    let asked = numbered().filter(|&(number, _)| !are_known || is_exception(number));
    let loaded = bulk::find_loaded(catalog, &content, asked)?;
    let mut all_loaded = true;
    let now = clock::since_boot();
    let mut loaded = loaded.into_iter().peekable();
    let mut exceptions = exceptions.into_iter().peekable();
    let mut seen = Look { files: Vec::new(), outdated: gone, all_loaded: LookDigest::default() };
    for (number, FoundFile { path, stat }) in files.into_iter().enumerate() {
        pg::check_for_interrupts();
        let exception = exceptions.next_if(|&(file, _)| file == number).map(|(_, exception)| exception);
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
    if all_loaded {
        seen.all_loaded = digest;
    }
    Ok(seen)
}

/// The exceptions that are of files, each with the number of its file, and the paths of those whose files
/// are gone. Both lists have the order of the paths as they are kept.
#[expect(clippy::type_complexity)]
fn match_exceptions(
    files: &[FoundFile],
    exceptions: Vec<Exception>,
) -> Result<(Vec<(usize, Exception)>, Vec<Vec<u8>>), Error> {
    let (mut matched, mut gone) = (Vec::new(), Vec::new());
    let mut files = files.iter().enumerate().peekable();
    for exception in exceptions {
        while files.next_if(|(_, file)| *as_text(&file.path) < *exception.path).is_some() {}
        match files.next_if(|(_, file)| *as_text(&file.path) == *exception.path) {
            Some((number, _)) => memory::push(&mut matched, (number, exception))?,
            None if exception.stat.is_some() => memory::push(&mut gone, exception.path)?,
            // It is one whatever becomes of the file.
            None => {}
        }
    }
    Ok((matched, gone))
}
