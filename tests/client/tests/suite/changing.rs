//! A file that changes while it is read: an error, or exactly the snapshot's
//! records; never recorded as loaded otherwise.

use crate::helpers::{Gate, count, lines, session};
use loader_client_tests::{empty, load_with, sqlstate};
use postgres::error::SqlState;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;

/// More than any buffer: most of it is read after the change.
const RECORDS: usize = 100_000;

fn changed(name: &str, change: impl FnOnce(&Path)) -> Result<i64, SqlState> {
    let (database, mut client) = session(name);
    let path = database.file(name, lines(RECORDS));
    let mut gate = Gate::close(&database, "t", 5);
    let result = thread::scope(|scope| {
        let load = scope.spawn(|| load_with(&mut client, &path, "t", "chunk => 10"));
        gate.wait_for_waiters(1);
        change(Path::new(&path));
        gate.open();
        load.join().expect("the loading session")
    });
    let mut client = database.connect();
    match result {
        Ok(outcome) => {
            assert_eq!(count(&mut client, "t"), outcome.rows_loaded);
            Ok(outcome.rows_loaded)
        }
        Err(_) => {
            assert!(empty(&mut client, "t"));
            Err(sqlstate(result))
        }
    }
}

#[test]
fn appended() {
    let result = changed("changing_appended", |path| {
        File::options()
            .append(true)
            .open(path)
            .expect("the file")
            .write_all(b"{\"late\": 1}\n")
            .expect("appended");
    });
    assert_eq!(result, Err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE));
}

#[test]
fn truncated() {
    let result = changed("changing_truncated", |path| {
        let file = File::options().write(true).open(path).expect("the file");
        file.set_len(file.metadata().expect("its size").len() / 2).expect("truncated");
    });
    assert_eq!(result, Err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE));
}

#[test]
fn rewritten_in_place() {
    let result = changed("changing_rewritten", |path| {
        let mut file = File::options().write(true).open(path).expect("the file");
        file.seek(SeekFrom::End(-20)).expect("seek");
        file.write_all(b"{}").expect("rewritten");
    });
    assert_eq!(result, Err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE));
}

#[test]
fn replaced_by_another() {
    let result = changed("changing_replaced", |path| {
        let other = path.with_extension("new");
        fs::write(&other, "{\"other\": 1}\n").expect("another file");
        fs::rename(&other, path).expect("renamed");
    });
    // The file that was opened is still whole: its records, or an error.
    assert!(matches!(result, Ok(rows) if rows == RECORDS as i64) || result.is_err(), "{result:?}");
}
