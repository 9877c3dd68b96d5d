//! Peers that load many files.

use super::{Ended, Stage};
use crate::Result;
use crate::data::{Cut, Form};
use crate::server::literal;
use crate::watch::Watch;
use std::process::Command;
use std::time::Instant;

/// How `load_json_files` is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name in tables and in patterns.
    pub name: &'static str,
    /// What it is given.
    pub input: Input,
    /// How many workers it asks for.
    pub workers: u8,
}

/// Files for `load_json_files`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The newline-delimited form as it is.
    One,
    /// What it is cut into.
    All(Cut),
    /// The first tenth of that.
    Tenth(Cut),
}

impl Call {
    /// How the file is cut for it, and which share it loads.
    pub fn parts(self) -> Option<(Cut, usize)> {
        match self.input {
            Input::One => None,
            Input::All(cut) => Some((cut, 1)),
            Input::Tenth(cut) => Some((cut, 10)),
        }
    }
}

/// The memory of the workers is watched, too.
pub fn call(stage: &Stage<'_>, call: Call) -> Result<Ended> {
    let pattern = match call.input {
        Input::One => stage.files.path(Form::Lines),
        Input::All(cut) => stage.files.folder(cut).join("*.json"),
        Input::Tenth(cut) => stage.files.folder(cut).join("0-*.json"),
    };
    let statement = format!(
        "CALL load_json_files({}, '{}', workers => {})",
        literal(&pattern)?,
        stage.table,
        call.workers
    );
    let mut session = stage.server.connect(stage.settings)?;
    let watch = Watch::with_others(session.backend)?;
    let start = Instant::now();
    session.client.batch_execute(&statement)?;
    let seconds = start.elapsed().as_secs_f64();
    let usage = watch.finish()?;
    let row =
        session.client.query_one("SELECT files, files_loaded, rows_rejected FROM loader.last_call", &[])?;
    let (found, loaded): (i64, i64) = (row.get("files"), row.get("files_loaded"));
    if loaded != found {
        return Err(format!("of {found} files {loaded} were loaded").into());
    }
    Ok(Ended::Done { seconds, usage, rejected: row.get("rows_rejected") })
}

/// One after the other, as a script would.
pub fn psql_calls(stage: &Stage<'_>) -> Result<Ended> {
    // It does nothing but be a backend of the server that is watched.
    let session = stage.server.connect(stage.settings)?;
    let watch = Watch::with_others(session.backend)?;
    let start = Instant::now();
    for part in stage.files.parts(Cut::Small, 20) {
        let statement = format!("SELECT load_json_file({}, '{}')", literal(&part)?, stage.table);
        let output = Command::new(&stage.tools.psql)
            .args(["-X", "-q", "-d", &stage.server.conninfo(stage.settings), "-c", &statement])
            .output()?;
        if !output.status.success() {
            return Err(format!("psql: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(Ended::Done { seconds, usage: watch.finish()?, rejected: 0 })
}
