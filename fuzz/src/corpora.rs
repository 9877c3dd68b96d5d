//! Folders of inputs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of a folder, in the order of their names; none where there is no
/// folder.
pub fn read(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(fs::read).collect()
}

/// JSONTestSuite, where it is at hand: below `LOADER_CORPORA`, or in
/// `shared/corpora` beside the repository.
pub fn test_suite() -> io::Result<Vec<Vec<u8>>> {
    let folder = match std::env::var_os("LOADER_CORPORA") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
    };
    read(&folder.join("JSONTestSuite/test_parsing"))
}
