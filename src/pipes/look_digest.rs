//! What a look at the files of a pipeline has seen, in a few bytes: a later look that sees the same need
//! not ask the history again whether the files are loaded.

use crate::access::FoundFile;
use crate::catalog::Pipeline;

/// A hash of files that were all loaded, and of what that depends on; empty where they were not, or where
/// nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookDigest {
    pub hash: Vec<u8>,
}

impl LookDigest {
    /// The digest of files that are loaded into a column of the target; empty where their fields go to
    /// columns. `loads_gone` is how often loads had ceased to be in force when the files were looked at. Once
    /// that happens again, the same files have another digest, and are looked up again.
    pub fn new<'a>(
        pipeline: &Pipeline,
        column: &[u8],
        loads_gone: u64,
        files: impl Iterator<Item = &'a FoundFile>,
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        for number in [pipeline.key.generation as u64, pipeline.changes as u64, loads_gone] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&column.len().to_le_bytes()).update(column);
        for FoundFile { path, stat } in files {
            hasher.update(&path.len().to_le_bytes()).update(path);
            let numbers = stat
                .map(|stat| [stat.device, stat.inode, stat.size, stat.mtime_ns as u64, stat.ctime_ns as u64]);
            for number in numbers.unwrap_or_default() {
                hasher.update(&number.to_le_bytes());
            }
        }
        LookDigest { hash: hasher.finalize().as_bytes().to_vec() }
    }
}
