//! Files of a call that are known to be loaded before anybody opens them.

use super::board::{FileOutcome, QueueState};
use crate::access::FoundFile;
use crate::catalog::{Catalog, Content};
use crate::error::Error;
use crate::pg;
use crate::pg::strings::text;
use crate::stat::FileStat;
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
    each(catalog, content, files, |file, load_id| {
        Ok(memory::push(&mut known, FileOutcome { file, state: QueueState::Skipped, load_id })?)
    })?;
    Ok(known)
}

/// The numbers of those files, in order.
pub fn find_loaded(
    catalog: &Catalog,
    content: &Content<'_>,
    files: &[FoundFile],
) -> Result<Vec<usize>, Error> {
    let mut loaded = Vec::new();
    each(catalog, content, files, |file, _| Ok(memory::push(&mut loaded, file)?))?;
    loaded.sort_unstable();
    Ok(loaded)
}

fn each(
    catalog: &Catalog,
    content: &Content<'_>,
    files: &[FoundFile],
    mut found: impl FnMut(usize, i64) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut batch = Vec::new();
    let room = BATCH.min(files.len());
    batch.try_reserve_exact(room).map_err(|_| Error::OutOfMemory(room * size_of::<(&[u8], FileStat)>()))?;
    let mut start = 0;
    while start < files.len() {
        pg::check_for_interrupts();
        let end = (start + BATCH).min(files.len());
        batch.clear();
        let mut numbers = Vec::new();
        numbers
            .try_reserve_exact(end - start)
            .map_err(|_| Error::OutOfMemory((end - start) * size_of::<usize>()))?;
        for (number, file) in files.iter().enumerate().take(end).skip(start) {
            if let Some(stat) = file.stat.filter(|_| text::is_valid(&file.path)) {
                batch.push((file.path.as_slice(), stat));
                numbers.push(number);
            }
        }
        for (index, load_id) in catalog.known(content, &batch)? {
            found(numbers[index], load_id)?;
        }
        start = end;
    }
    Ok(())
}
