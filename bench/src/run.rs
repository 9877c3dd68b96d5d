//! Runs the peers of each case in turn, round after round.

use crate::Result;
use crate::cases::Case;
use crate::data::{self, Form};
use crate::peers::{Ended, Peer, Stage, Tools};
use crate::results::{Results, Sample};
use crate::server::{Server, Session};
use postgres::error::SqlState;
use std::path::PathBuf;

/// What a run is given.
pub struct Plan {
    /// The server.
    pub server: Server,
    /// How many events; other data in proportion.
    pub rows: usize,
    /// Rounds that count.
    pub rounds: usize,
    /// Where the data goes.
    pub directory: PathBuf,
    /// Whether it stays there.
    pub keep: bool,
    /// Programs outside of the server.
    pub tools: Tools,
}

impl Plan {
    /// Measures one case.
    pub fn measure(&self, case: &Case, results: &mut Results) -> Result<()> {
        let mut session = match self.server.connect(case.settings) {
            Ok(session) => session,
            // Some are built without lz4.
            Err(error) if refuses(&*error) => {
                let why = format!("skipped: this server does not take {}", case.settings);
                return note(case, "all", why, results);
            }
            Err(error) => return Err(describe(&*error).into()),
        };
        let mut peers = Vec::new();
        for &peer in &case.peers {
            match peer.missing(&self.tools) {
                Some(why) => note(case, peer.name(), format!("skipped: {why}"), results)?,
                None => peers.push(peer),
            }
        }
        let mut forms = vec![Form::Lines];
        for peer in &peers {
            if !forms.contains(&peer.form()) {
                forms.push(peer.form());
            }
        }

        let records = (self.rows * case.set.per_million).div_ceil(1_000_000);
        eprintln!("{}: making {records} records", case.name);
        let mut cuts = Vec::new();
        for (cut, _) in peers.iter().filter_map(|peer| peer.parts()) {
            if !cuts.contains(&cut) {
                cuts.push(cut);
            }
        }
        let files = data::make(case.set, records, &forms, &cuts, &self.directory)?;
        session.prepare(&files, &forms, peers.contains(&Peer::JsonbIn))?;
        files.warm(&forms, &cuts)?;

        for round in 0..=self.rounds {
            // Every other round runs backwards: who follows whom must not matter.
            let order: Vec<Peer> =
                if round % 2 == 0 { peers.clone() } else { peers.iter().rev().copied().collect() };
            for peer in order {
                let table = format!("{}_{}_{round}", case.name, peer.name()).replace(['-', '.'], "_");
                let stage = Stage {
                    server: &self.server,
                    settings: case.settings,
                    files: &files,
                    table: &table,
                    tools: &self.tools,
                };
                // A look at every row takes as long as a load.
                let thorough = round == 0 || round == self.rounds;
                let sample = once(&stage, case, peer, round, thorough, &mut session)
                    .map_err(|error| format!("{}/{}: {}", case.name, peer.name(), describe(&*error)))?;
                match sample {
                    Ok(sample) => {
                        eprintln!("{} round {round} {} {:.3} s", case.name, peer.name(), sample.seconds);
                        results.samples.push(sample);
                    }
                    Err(limit) => {
                        peers.retain(|other| *other != peer);
                        note(case, peer.name(), format!("fails: {limit}"), results)?;
                    }
                }
            }
        }
        session.client.batch_execute("DROP TABLE IF EXISTS ready, lines, truth_lines")?;
        if !self.keep {
            files.remove()?;
        }
        Ok(())
    }
}

/// Writes down why there is no figure.
fn note(case: &Case, peer: &str, why: String, results: &mut Results) -> Result<()> {
    eprintln!("{}: {peer} {why}", case.name);
    results.absent.push((case.name.into(), peer.into(), why));
    Ok(())
}

/// Whether a connection failed because the server does not know a setting's
/// value.
fn refuses(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<postgres::Error>()
        .is_some_and(|error| error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE))
}

/// One run. The inner error is a limit of the server.
fn once(
    stage: &Stage<'_>,
    case: &Case,
    peer: Peer,
    round: usize,
    thorough: bool,
    session: &mut Session,
) -> Result<std::result::Result<Sample, String>> {
    // The round that does not count shows whether rows come in the order of the
    // file.
    let numbered = round == 0 && peer.keeps_order();
    if peer.fills() && peer != Peer::CreateTableAs {
        let number = if numbered { ", n bigint GENERATED ALWAYS AS IDENTITY" } else { "" };
        session
            .client
            .batch_execute(&format!("CREATE TABLE {} (data jsonb NOT NULL{number})", stage.table))?;
    }
    session.client.batch_execute("CHECKPOINT")?;
    let before = session.wal_position()?;
    let ended = peer.run(stage)?;
    let wal = session.wal_position()? - before;
    let (seconds, usage, rejected) = match ended {
        Ended::Done { seconds, usage, rejected } => (seconds, usage, rejected),
        Ended::BeyondLimits(message) => {
            session.client.batch_execute(&format!("DROP TABLE {}", stage.table))?;
            return Ok(Err(message));
        }
    };
    let mut sample = Sample {
        case: case.name.into(),
        peer: peer.name().into(),
        round,
        bytes: stage.files.size(Form::Lines)?,
        files: 1,
        seconds,
        cpu: usage.cpu,
        wal,
        peak: usage.peak,
        others: usage.others,
        kept: 0,
        rejected,
        wrong: None,
        lost: None,
        size: 0,
    };
    let mut left_out = 0;
    if let Some((cut, shares)) = peer.parts() {
        let parts = stage.files.parts(cut, shares);
        sample.files = parts.len().try_into()?;
        sample.bytes = data::size(&parts)?;
        left_out = stage.files.records_beyond(cut, shares).try_into()?;
    }
    if peer.fills() {
        sample.size = session.size(stage.table)?;
        if thorough {
            let found = session.check(stage.table, peer.form(), numbered)?;
            (sample.kept, sample.wrong, sample.lost) =
                (found.rows, Some(found.wrong), Some(found.lost - left_out));
        } else {
            sample.kept = session.count(stage.table)?;
        }
        session.client.batch_execute(&format!("DROP TABLE {}", stage.table))?;
    }
    Ok(Ok(sample))
}

/// An error with its causes: the client's own says no more than "db error".
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
