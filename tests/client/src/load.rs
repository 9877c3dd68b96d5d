//! Calls of the extension, and what they return.

use postgres::Client;
use postgres::error::SqlState;

/// The one row that a load returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its number in the history.
    pub load_id: i64,
    /// `loaded` or `skipped`.
    pub status: String,
    /// Rows inserted.
    pub rows_loaded: i64,
    /// Records rejected.
    pub rows_rejected: i64,
    /// Bytes of the decompressed stream.
    pub bytes_read: i64,
}

/// `load_json_file(path, table)`.
pub fn load(client: &mut Client, path: &str, table: &str) -> Result<Outcome, postgres::Error> {
    load_with(client, path, table, "")
}

/// The same with `options`, for example `chunk => 10, on_error => 'stop'`.
pub fn load_with(
    client: &mut Client,
    path: &str,
    table: &str,
    options: &str,
) -> Result<Outcome, postgres::Error> {
    load_by(client, "load_json_file", path, table, options)
}

/// `load_csv_file(path, table)` with `options`.
pub fn load_csv(
    client: &mut Client,
    path: &str,
    table: &str,
    options: &str,
) -> Result<Outcome, postgres::Error> {
    load_by(client, "load_csv_file", path, table, options)
}

fn load_by(
    client: &mut Client,
    function: &str,
    path: &str,
    table: &str,
    options: &str,
) -> Result<Outcome, postgres::Error> {
    let comma = if options.is_empty() { "" } else { ", " };
    let statement = format!(
        "SELECT load_id, status, rows_loaded, rows_rejected, bytes_read \
         FROM {function}($1, $2::text::regclass{comma}{options})"
    );
    let row = client.query_one(&statement, &[&path, &table])?;
    Ok(Outcome {
        load_id: row.get(0),
        status: row.get(1),
        rows_loaded: row.get(2),
        rows_rejected: row.get(3),
        bytes_read: row.get(4),
    })
}

/// The SQLSTATE of what must have failed.
pub fn sqlstate<T: std::fmt::Debug>(result: Result<T, postgres::Error>) -> SqlState {
    match result {
        Ok(value) => panic!("should have failed, but returned {value:?}"),
        Err(error) => error.code().cloned().unwrap_or_else(|| panic!("no SQLSTATE: {error:?}")),
    }
}

/// Whether a load into `table` left nothing behind, seen from a session of its
/// own: no row, no reject, no history.
pub fn empty(client: &mut Client, table: &str) -> bool {
    let statement = format!(
        "SELECT (SELECT count(*) FROM {table}) + (SELECT count(*) FROM loader.rejects) \
              + (SELECT count(*) FROM loader.load_history) = 0"
    );
    client.query_one(&statement, &[]).expect("a look at what is left").get(0)
}
