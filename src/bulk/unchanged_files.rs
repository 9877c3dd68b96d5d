//! Files of a call that are known to be loaded before anybody opens them.

use super::board::{FileOutcome, QueueState};
use crate::access::FoundFile;
use crate::catalog::{Catalog, Content};
use crate::error::Error;
use crate::pg;
use crate::pg::strings::text;
use loader_core::memory;

/// So many files are asked for at a time: a cancel request waits no longer, and what the server keeps of
/// them meanwhile is a few megabytes.
const BATCH: usize = 4_000;

/// Those of the files that are loaded and lie on disk as they did then, as the outcomes of a call.
pub fn find(
    catalog: &Catalog,
    content: &Content<'_>,
    files: &[FoundFile],
) -> Result<Vec<FileOutcome>, Error> {
    let mut known = Vec::new();
    each(catalog, content, files.iter().enumerate(), |file, load_id| {
        Ok(memory::push(&mut known, FileOutcome { file, state: QueueState::Skipped, load_id })?)
    })?;
    Ok(known)
}

/// The numbers of those files, in order.
pub fn find_loaded<'a>(
    catalog: &Catalog,
    content: &Content<'_>,
    files: impl Iterator<Item = (usize, &'a FoundFile)>,
) -> Result<Vec<usize>, Error> {
    let mut loaded = Vec::new();
    each(catalog, content, files, |file, _| Ok(memory::push(&mut loaded, file)?))?;
    loaded.sort_unstable();
    Ok(loaded)
}

/// The files come with their numbers.
fn each<'a>(
    catalog: &Catalog,
    content: &Content<'_>,
    files: impl Iterator<Item = (usize, &'a FoundFile)>,
    mut found: impl FnMut(usize, i64) -> Result<(), Error>,
) -> Result<(), Error> {
    let asked = |(number, file): (usize, &'a FoundFile)| {
        let stat = file.stat.filter(|_| text::is_valid(&file.path))?;
        Some((number, (file.path.as_slice(), stat)))
    };
    let mut files = files.filter_map(asked).peekable();
    while files.peek().is_some() {
        pg::check_for_interrupts();
        let (mut numbers, mut batch) = (Vec::new(), Vec::new());
        for (number, file) in files.by_ref().take(BATCH) {
            memory::push(&mut numbers, number)?;
            memory::push(&mut batch, file)?;
        }
        for (index, load_id) in catalog.known(content, &batch)? {
            found(numbers[index], load_id)?;
        }
    }
    Ok(())
}
