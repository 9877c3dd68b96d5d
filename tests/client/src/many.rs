//! Calls of `load_json_files`, and what loads leave.

use postgres::Client;

/// What a call came to, as `loader.last_call` has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Files that match.
    pub files: i64,
    /// … that were loaded to their end.
    pub loaded: i64,
    /// … that were passed over.
    pub skipped: i64,
    /// … that failed.
    pub failed: i64,
    /// Rows inserted.
    pub rows: i64,
    /// Records rejected.
    pub rejects: i64,
    /// Bytes of the streams.
    pub bytes: i64,
    /// Megabytes per second.
    pub rate: Option<f64>,
    /// The loads that it made or went on with.
    pub loads: Vec<i64>,
}

/// `CALL load_json_files(pattern, table, options)`.
pub fn load_many(
    client: &mut Client,
    pattern: &str,
    table: &str,
    options: &str,
) -> Result<Summary, postgres::Error> {
    call_many(client, "load_json_files", pattern, table, options)
}

/// `CALL load_csv_files(pattern, table, options)`.
pub fn load_many_csv(
    client: &mut Client,
    pattern: &str,
    table: &str,
    options: &str,
) -> Result<Summary, postgres::Error> {
    call_many(client, "load_csv_files", pattern, table, options)
}

fn call_many(
    client: &mut Client,
    procedure: &str,
    pattern: &str,
    table: &str,
    options: &str,
) -> Result<Summary, postgres::Error> {
    let comma = if options.is_empty() { "" } else { ", " };
    client.execute(&format!("CALL {procedure}($1, '{table}'::regclass{comma}{options})"), &[&pattern])?;
    // The server may be gone by now, where a test ends it.
    Ok(summary(client)?.expect("a call"))
}

/// What the session's last call came to, also where it failed.
pub fn last_call(client: &mut Client) -> Option<Summary> {
    summary(client).expect("loader.last_call")
}

fn summary(client: &mut Client) -> Result<Option<Summary>, postgres::Error> {
    let row = client.query_opt(
        "SELECT files, files_loaded, files_skipped, files_failed, rows_loaded, rows_rejected, bytes_read,
                mb_per_second, load_ids
         FROM loader.last_call",
        &[],
    )?;
    Ok(row.map(|row| Summary {
        files: row.get(0),
        loaded: row.get(1),
        skipped: row.get(2),
        failed: row.get(3),
        rows: row.get(4),
        rejects: row.get(5),
        bytes: row.get(6),
        rate: row.get(7),
        loads: row.get::<_, Option<Vec<i64>>>(8).expect("not so many"),
    }))
}

/// Code and message of what must have failed in the server.
pub fn message<T: std::fmt::Debug>(result: Result<T, postgres::Error>) -> String {
    match result {
        Ok(value) => panic!("should have failed, but returned {value:?}"),
        Err(error) => match error.as_db_error() {
            Some(error) => format!("{}: {}", error.code().code(), error.message()),
            None => panic!("not an error of the server: {error:?}"),
        },
    }
}

/// What loads into a table have left, in no order of theirs: two of these are
/// equal if and only if the same was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// A hash of each value, its place in the file where the table knows it, and how
    /// often it is there.
    pub rows: Vec<String>,
    /// Rejects, by file and place.
    pub rejects: Vec<String>,
    /// Sums of the history, by file.
    pub history: Vec<String>,
}

impl Left {
    /// Fails at the first difference.
    pub fn assert_same(&self, other: &Left, what: &str) {
        for (name, one, two) in [
            ("history", &self.history, &other.history),
            ("rejects", &self.rejects, &other.rejects),
            ("rows", &self.rows, &other.rows),
        ] {
            let at = one.iter().zip(two).position(|(one, two)| one != two);
            let at = at.or((one.len() != two.len()).then_some(one.len().min(two.len())));
            if let Some(at) = at {
                panic!(
                    "{what}: {name} differ, {} and {}; first at {at}:\n{:?}\n{:?}",
                    one.len(),
                    two.len(),
                    one.get(at),
                    two.get(at)
                );
            }
        }
    }
}

/// What loads into the column `data` of a table have left.
pub fn left(client: &mut Client, table: &str) -> Left {
    let has_places = format!(
        "SELECT count(*) > 0 FROM pg_attribute
         WHERE attrelid = '{table}'::regclass AND attname = '_byte_offset' AND NOT attisdropped"
    );
    let has_places: bool = client.query_one(&has_places, &[]).expect("columns").get(0);
    let place = if has_places { "_byte_offset" } else { "NULL::bigint" };
    let mut texts = |query: String| -> Vec<String> {
        client.query(&query, &[]).expect("a query").iter().map(|row| row.get(0)).collect()
    };
    let counts =
        format!("h.target_oid = '{table}'::regclass AND h.status <> 'undone' AND h.emptied_at IS NULL");
    let name = "regexp_replace(h.file_path, '^.*/', '')";
    Left {
        rows: texts(format!(
            "SELECT concat_ws(' ', md5(data::text), {place}, count(*)) FROM {table}
             GROUP BY md5(data::text), {place} ORDER BY 1"
        )),
        rejects: texts(format!(
            "SELECT concat_ws(' ', {name}, r.byte_offset, r.byte_length, r.record_no, r.line, r.error_type,
                              r.sqlstate, r.message, md5(r.raw), r.raw_truncated, r.resolved_by IS NULL)
             FROM loader.rejects r JOIN loader.load_history h ON h.load_id = r.load_id AND {counts}
             ORDER BY {name}, r.byte_offset, r.load_id"
        )),
        history: texts(format!(
            "SELECT concat_ws(' ', {name}, count(*), string_agg(DISTINCT h.status, ','), sum(h.rows_loaded),
                              sum(h.rows_rejected), sum(h.stream_bytes), sum(h.bytes_loaded), sum(h.bytes_rejected),
                              sum(h.bytes_framing), string_agg(DISTINCT h.format, ','),
                              string_agg(DISTINCT h.compression, ','))
             FROM loader.load_history h WHERE {counts} GROUP BY {name} ORDER BY {name}"
        )),
    }
}
