//! Functions of older versions, until the extension is updated. Their arguments are not read.

use crate::error::Error;
use pgrx::prelude::*;

/// `seed_json_table` of 0.1.0, until the extension is updated. Its arguments were others
/// than today's, so they are not read.
#[pg_extern(sql = false)]
fn seed_json_table() {
    Error::OldFunctions.raise()
}

/// `load_json_file` of 0.1.0, until the extension is updated.
#[pg_extern(sql = false)]
fn load_json_file() {
    Error::OldFunctions.raise()
}

/// `load_json_file` of 0.2.0, until the extension is updated.
#[pg_extern(sql = false)]
fn load_file() {
    Error::OldFunctions.raise()
}

/// `undo_load` of 0.2.0, until the extension is updated.
#[pg_extern(sql = false)]
fn undo_load() {
    Error::OldFunctions.raise()
}

/// `read_json_file` of 0.2.0, until the extension is updated.
#[pg_extern(sql = false)]
fn read_json_file() {
    Error::OldFunctions.raise()
}

/// `load_json_files` of 0.2.0, until the extension is updated.
pub fn old_load_json_files() {
    Error::OldFunctions.raise()
}
