//! Files of a call that are known to be loaded before anybody opens them.

use super::board::{FileOutcome, QueueState};
use crate::catalog::{Catalog, Content};
use crate::error::Error;
use crate::pg;
use crate::pg::strings::text;
use crate::stat::FileStat;

/// So many files are asked for at a time: a cancel request waits no longer.
const BATCH: usize = 10_000;

/// Those of the files that are loaded and lie on disk as they did then.
pub fn find(
    catalog: &Catalog,
    content: &Content<'_>,
    paths: &[Vec<u8>],
    stats: &[Option<FileStat>],
) -> Result<Vec<FileOutcome>, Error> {
    let mut known = Vec::new();
    let mut batch = Vec::new();
    let room = BATCH.min(paths.len());
    batch.try_reserve_exact(room).map_err(|_| Error::OutOfMemory(room * size_of::<(&[u8], FileStat)>()))?;
    let mut start = 0;
    while start < paths.len() {
        pg::check_for_interrupts();
        let end = (start + BATCH).min(paths.len());
        batch.clear();
        let mut numbers = Vec::new();
        numbers
            .try_reserve_exact(end - start)
            .map_err(|_| Error::OutOfMemory((end - start) * size_of::<usize>()))?;
        for file in start..end {
            if let Some(stat) = stats[file].filter(|_| text::is_valid(&paths[file])) {
                batch.push((paths[file].as_slice(), stat));
                numbers.push(file);
            }
        }
        for (index, load_id) in catalog.known(content, &batch)? {
            known
                .try_reserve(1)
                .map_err(|_| Error::OutOfMemory((known.len() + 1) * size_of::<FileOutcome>()))?;
            known.push(FileOutcome { file: numbers[index], state: QueueState::Skipped, load_id });
        }
        start = end;
    }
    Ok(known)
}
