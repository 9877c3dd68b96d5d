//! Peers that run inside of the server, on files that it reads itself.

use super::{Ended, Stage};
use crate::Result;
use crate::data::{Cut, Form};
use crate::server::{Session, literal};
use crate::watch::Watch;
use postgres::error::SqlState;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

/// Runs something in a session of its own, watched. What it returns is the
/// number of records rejected.
fn watched(stage: &Stage<'_>, run: impl FnOnce(&mut Session) -> Result<i64>) -> Result<Ended> {
    let mut session = stage.server.connect(stage.settings)?;
    let watch = Watch::start(&[session.backend])?;
    let start = Instant::now();
    let rejected = run(&mut session)?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Ended::Done { seconds, usage: watch.finish()?, rejected })
}

pub fn loader(stage: &Stage<'_>, form: Form) -> Result<Ended> {
    let path = literal(&stage.files.path(form))?;
    watched(stage, |session| {
        let statement =
            format!("SELECT status, rows_rejected FROM load_json_file({path}, '{}')", stage.table);
        let row = session.client.query_one(&statement, &[])?;
        match row.get(0) {
            "loaded" => Ok(row.get(1)),
            other => Err(format!("loader ended with status {other}").into()),
        }
    })
}

pub fn copy(stage: &Stage<'_>) -> Result<Ended> {
    watched(stage, |session| {
        session.copy(stage.table, &stage.files.path(Form::Lines))?;
        Ok(0)
    })
}

pub fn insert_select(stage: &Stage<'_>) -> Result<Ended> {
    watched(stage, |session| {
        session.client.execute(&format!("INSERT INTO {} (data) SELECT data FROM ready", stage.table), &[])?;
        Ok(0)
    })
}

pub fn create_table_as(stage: &Stage<'_>) -> Result<Ended> {
    watched(stage, |session| {
        session.client.execute(&format!("CREATE TABLE {} AS SELECT data FROM ready", stage.table), &[])?;
        Ok(0)
    })
}

/// The array is one jsonb value first, which the server limits to 256 MB.
pub fn array_elements(stage: &Stage<'_>) -> Result<Ended> {
    let path = literal(&stage.files.path(Form::CompactArray))?;
    let statement = format!(
        "INSERT INTO {} (data) SELECT jsonb_array_elements(pg_read_file({path})::jsonb)",
        stage.table
    );
    let mut message = None;
    let ended = watched(stage, |session| {
        match session.client.execute(&statement, &[]) {
            Err(error) if error.code() == Some(&SqlState::PROGRAM_LIMIT_EXCEEDED) => {
                message = error.as_db_error().map(|error| error.message().to_owned());
            }
            result => {
                result?;
            }
        }
        Ok(0)
    })?;
    Ok(message.map_or(ended, Ended::BeyondLimits))
}

/// Both start together; the time ends with the later commit.
pub fn two_copies(stage: &Stage<'_>, cut: Cut) -> Result<Ended> {
    let mut sessions = [stage.server.connect(stage.settings)?, stage.server.connect(stage.settings)?];
    let watch = Watch::start(&[sessions[0].backend, sessions[1].backend])?;
    let barrier = Barrier::new(3);
    let parts = stage.files.parts(cut, 1);
    let seconds = thread::scope(|scope| -> Result<f64> {
        let copies: Vec<_> = sessions
            .iter_mut()
            .zip(parts.chunks(parts.len().div_ceil(2)))
            .map(|(session, half)| {
                let barrier = &barrier;
                scope.spawn(move || -> Result<()> {
                    barrier.wait();
                    for part in half {
                        session.copy(stage.table, part)?;
                    }
                    Ok(())
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        for copy in copies {
            copy.join().map_err(|_| "a COPY panicked")??;
        }
        Ok(start.elapsed().as_secs_f64())
    })?;
    Ok(Ended::Done { seconds, usage: watch.finish()?, rejected: 0 })
}

/// The text is scanned with `jsonb_in` and without it; the difference is what
/// `jsonb_in` takes.
pub fn jsonb_in(stage: &Stage<'_>) -> Result<Ended> {
    let scan = |what: &str| {
        let statement = format!("SELECT count({what}) FROM lines");
        watched(stage, |session| {
            session.client.query_one(&statement, &[])?;
            Ok(0)
        })
    };
    match (scan("textout(data)")?, scan("jsonb_in(textout(data))")?) {
        (
            Ended::Done { seconds: without, usage: base, .. },
            Ended::Done { seconds: with, mut usage, rejected },
        ) => {
            usage.cpu -= base.cpu;
            Ok(Ended::Done { seconds: with - without, usage, rejected })
        }
        (other, _) => Ok(other),
    }
}
