//! The server that is measured: sessions, tables, and what is in them compared
//! with what should be.

use crate::Result;
use crate::data::{Files, Form};
use postgres::{Client, NoTls};
use std::path::{Path, PathBuf};

/// How COPY takes a line as one value: two bytes that no JSON text holds.
pub const COPY_OPTIONS: &str = r"(FORMAT csv, QUOTE e'\x01', DELIMITER e'\x02')";

/// A cluster, reached through its socket.
#[derive(Clone, Debug)]
pub struct Server {
    /// The folder of its socket.
    pub socket: PathBuf,
    /// The database, which has the extension.
    pub database: String,
}

/// A connection.
pub struct Session {
    /// Its client.
    pub client: Client,
    /// The process of its backend.
    pub backend: i32,
}

/// What was found in a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Its rows.
    pub rows: i64,
    /// Rows that should not be there, or not in this place.
    pub wrong: i64,
    /// Rows that should be there and are not.
    pub lost: i64,
}

impl Server {
    /// A session with settings such as `-c name=value`.
    pub fn connect(&self, settings: &str) -> Result<Session> {
        let mut client = postgres::Config::new()
            .host_path(&self.socket)
            .user("postgres")
            .dbname(&self.database)
            .options(settings)
            .connect(NoTls)?;
        let backend = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        Ok(Session { client, backend })
    }

    /// The same for programs that use libpq.
    pub fn conninfo(&self, settings: &str) -> String {
        let host = self.socket.display();
        format!("host='{host}' user=postgres dbname={} options='{settings}'", self.database)
    }
}

impl Session {
    /// Where the next WAL record goes.
    pub fn wal_position(&mut self) -> Result<i64> {
        let statement = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
        Ok(self.client.query_one(statement, &[])?.get(0))
    }

    /// Table, indexes and TOAST table, in bytes.
    pub fn size(&mut self, table: &str) -> Result<i64> {
        Ok(self.client.query_one(&format!("SELECT pg_total_relation_size('{table}')"), &[])?.get(0))
    }

    /// How many rows a table has.
    pub fn count(&mut self, table: &str) -> Result<i64> {
        Ok(self.client.query_one(&format!("SELECT count(*) FROM {table}"), &[])?.get(0))
    }

    /// COPY of a file that the server reads.
    pub fn copy(&mut self, table: &str, file: &Path) -> Result<u64> {
        Ok(self
            .client
            .execute(&format!("COPY {table} (data) FROM {} WITH {COPY_OPTIONS}", literal(file)?), &[])?)
    }

    /// Makes the tables `ready` (rows whose jsonb is built and compressed),
    /// `lines` (the text), and the truth about each form: what `jsonb_in` makes
    /// of the records that are not damaged, in order.
    pub fn prepare(&mut self, files: &Files, forms: &[Form], lines: bool) -> Result<()> {
        let file = files.path(Form::Lines);
        self.client.batch_execute(
            "DROP TABLE IF EXISTS ready, lines, truth_lines; CREATE TABLE ready (data jsonb NOT NULL); \
             CREATE UNLOGGED TABLE numbered (n bigint GENERATED ALWAYS AS IDENTITY, data jsonb)",
        )?;
        self.copy("ready", &file)?;
        if lines {
            // Neither compressed nor decompressed: this is to measure jsonb_in.
            self.client.batch_execute(
                "CREATE UNLOGGED TABLE lines (data text); ALTER TABLE lines ALTER data SET STORAGE EXTERNAL",
            )?;
            self.copy("lines", &file)?;
        }
        self.copy("numbered", &file)?;
        self.client.batch_execute(
            "CREATE UNLOGGED TABLE truth_lines AS \
             SELECT n, hashtextextended(data::text, 0) AS h FROM numbered; DROP TABLE numbered",
        )?;
        for &form in forms.iter().filter(|form| form.damaged_one_in().is_some()) {
            let numbers = literal(&files.damaged(form))?;
            let truth = truth(form);
            self.client.batch_execute(&format!(
                "CREATE TEMP TABLE damaged (n bigint); COPY damaged FROM {numbers}; \
                 DROP TABLE IF EXISTS {truth}; CREATE UNLOGGED TABLE {truth} AS \
                 SELECT row_number() OVER (ORDER BY n) AS n, h FROM truth_lines \
                 WHERE n NOT IN (SELECT n FROM damaged); DROP TABLE damaged"
            ))?;
        }
        self.client.batch_execute("VACUUM (ANALYZE) ready")?;
        Ok(())
    }

    /// Compares the rows of a table with the truth about `form`; if `numbered`,
    /// also their order. Only the numbers tell that: an INSERT puts short rows
    /// into the gaps that long ones have left on earlier pages.
    pub fn check(&mut self, table: &str, form: Form, numbered: bool) -> Result<Found> {
        let truth = truth(form);
        let number = if numbered { "row_number() OVER (ORDER BY n)" } else { "0" };
        self.client.batch_execute(&format!(
            "DROP TABLE IF EXISTS got; CREATE TEMP TABLE got AS \
             SELECT {number} AS n, hashtextextended(data::text, 0) AS h FROM {table}"
        ))?;
        let mut figure =
            |statement: &str| -> Result<i64> { Ok(self.client.query_one(statement, &[])?.get(0)) };
        let except = |a: &str, b: &str| {
            format!("SELECT count(*) FROM (SELECT h FROM {a} EXCEPT ALL SELECT h FROM {b}) x")
        };
        let rows = figure("SELECT count(*) FROM got")?;
        let mut wrong = figure(&except("got", truth))?;
        let lost = figure(&except(truth, "got"))?;
        if numbered && wrong == 0 && lost == 0 {
            wrong = figure(&format!("SELECT count(*) FROM got JOIN {truth} t USING (n) WHERE got.h <> t.h"))?;
        }
        Ok(Found { rows, wrong, lost })
    }
}

fn truth(form: Form) -> &'static str {
    match form {
        Form::Damaged01 => "truth_damaged_01",
        Form::Damaged1 => "truth_damaged_1",
        _ => "truth_lines",
    }
}

/// A path as a literal of SQL.
pub fn literal(path: &Path) -> Result<String> {
    let path = path.to_str().ok_or("a path is not UTF-8")?;
    Ok(format!("'{}'", path.replace('\'', "''")))
}
