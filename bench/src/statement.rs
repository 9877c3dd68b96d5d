//! A statement that fills a table of typed columns: what it costs, and how its rows compare with those
//! that are ready.

use crate::Result;
use crate::results::Sample;
use crate::server::{Server, Session};
use crate::watch::Watch;
use std::time::Instant;

/// One run of a statement.
pub struct Statement<'a> {
    pub case: &'a str,
    pub peer: &'a str,
    pub round: usize,
    /// Size of what it reads, in bytes.
    pub bytes: u64,
    pub sql: &'a str,
    /// The table that it fills, …
    pub table: &'a str,
    /// … and the one with the rows that are to be there then.
    pub ready: &'a str,
    /// Whether all of them are to be there.
    pub is_whole: bool,
}

impl Statement<'_> {
    /// Runs it in a session of its own. What is done around it is done in `session`.
    pub fn measure(&self, server: &Server, session: &mut Session) -> Result<Sample> {
        session.client.batch_execute("CHECKPOINT")?;
        let before = session.wal_position()?;
        let mut measured = server.connect("")?;
        let watch = Watch::start(&[measured.backend])?;
        let start = Instant::now();
        measured.client.batch_execute(self.sql)?;
        let seconds = start.elapsed().as_secs_f64();
        let usage = watch.finish()?;
        let wal = session.wal_position()? - before;
        let kept = session.count(self.table)?;
        let mut except = |a: &str, b: &str| -> Result<i64> {
            let query = format!("SELECT count(*) FROM (TABLE {a} EXCEPT ALL TABLE {b}) AS x");
            Ok(session.client.query_one(&query, &[])?.get(0))
        };
        let wrong = except(self.table, self.ready)?;
        let lost = if self.is_whole { except(self.ready, self.table)? } else { 0 };
        Ok(Sample {
            case: self.case.into(),
            peer: self.peer.into(),
            round: self.round,
            bytes: self.bytes,
            files: 1,
            seconds,
            cpu: usage.cpu,
            wal,
            peak: usage.peak,
            others: usage.others,
            kept,
            rejected: 0,
            wrong: Some(wrong),
            lost: Some(lost),
            size: session.size(self.table)?,
        })
    }
}
