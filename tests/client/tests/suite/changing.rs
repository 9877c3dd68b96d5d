//! A file that changes while it is read: an error, or exactly the snapshot's
//! records; never recorded as loaded otherwise.

use crate::helpers::{Barrier, Gate, append, count, gzip, lines, session, tiny};
use loader_client_tests::{empty, load_many, load_with, sqlstate};
use postgres::error::SqlState;
use std::fs::{self, File, FileTimes};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;

/// More than any buffer: most of it is read after the change.
const RECORDS: usize = 100_000;

fn changed(name: &str, change: impl FnOnce(&Path)) -> Result<i64, SqlState> {
    changed_from(name, lines(RECORDS).as_bytes(), change)
}

/// The same with these bytes in the file.
fn changed_from(name: &str, bytes: &[u8], change: impl FnOnce(&Path)) -> Result<i64, SqlState> {
    let (database, mut client) = session(name);
    // What reads on without end does not hang the test.
    client.batch_execute("SET statement_timeout = '1min'").expect("the setting");
    let path = database.file(name, bytes);
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

/// Makes the file so long that nobody reads it to its end: 64 GB, most of it a hole.
fn grow_without_end(path: &Path) {
    File::options().write(true).open(path).and_then(|file| file.set_len(64 << 30)).expect("a sparse file");
}

#[test]
fn grows_without_end() {
    let result = changed("changing_grows", grow_without_end);
    assert_eq!(result, Err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE));
}

#[test]
fn the_rest_of_a_compressed_file_arrives() {
    let whole = gzip(lines(RECORDS).as_bytes());
    let (there, late) = whole.split_at(whole.len() / 2);
    let result = changed_from("changing_gzip", there, |path| {
        append(path.to_str().expect("a path"), late);
    });
    assert_eq!(result, Err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE));
}

/// Writes other bytes in the place of some, and puts the time back, as `rsync --inplace`
/// with `--times` does.
fn rewrite_and_put_time_back(path: &Path) {
    let mut file = File::options().write(true).open(path).expect("the file");
    let modified = file.metadata().and_then(|file| file.modified()).expect("its time");
    file.seek(SeekFrom::End(-20)).expect("seek");
    file.write_all(b"{}").expect("rewritten");
    file.set_times(FileTimes::new().set_modified(modified)).expect("the time put back");
}

#[test]
fn rewritten_and_its_time_put_back() {
    let result = changed("changing_time", rewrite_and_put_time_back);
    assert_eq!(result, Err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE));
}

/// Changes a file that is cut into ranges, and checks that it fails.
fn changed_in_ranges(name: &str, change: impl FnOnce(&Path)) {
    let (database, mut client) = session(name);
    client
        .batch_execute("SET loader.transaction_size = '1kB'; SET statement_timeout = '1min'")
        .expect("the settings");
    let path = database.file(name, tiny(30_000));
    let mut barrier = Barrier::close(&database, "t");
    let summary = thread::scope(|scope| {
        let call = scope.spawn(|| load_many(&mut client, &path, "t", "workers => 3"));
        barrier.wait_for_idle(2);
        barrier.open();
        barrier.close_again();
        // The first part is committed, and ranges are begun.
        barrier.wait_for_waiters(3);
        change(Path::new(&path));
        barrier.open();
        call.join().expect("a session").expect("a call")
    });
    assert_eq!((summary.loaded, summary.failed), (0, 1));
    let said: String =
        client.query_one("SELECT error_message FROM loader.load_history", &[]).expect("one row").get(0);
    assert!(said.ends_with("changed while it was read"), "{said}");
}

#[test]
fn rewritten_in_ranges() {
    changed_in_ranges("changing_cut_time", rewrite_and_put_time_back);
}

#[test]
fn grows_in_ranges() {
    changed_in_ranges("changing_cut_grows", grow_without_end);
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
