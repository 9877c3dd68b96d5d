//! Measures loader against its peers. `scripts/bench` builds everything, starts
//! a cluster and calls this; by hand:
//!
//! ```text
//! loader-bench run NAME=VALUE…      measures on one cluster
//! loader-bench report OUT FILE…     tables and plot of what was measured
//! ```
#![deny(unsafe_code)]

mod cases;
mod columns;
mod csv;
mod data;
mod figures;
mod machine;
mod many;
mod memory;
mod peers;
mod plot;
mod report;
mod results;
mod run;
mod server;
mod statement;
mod targets;
mod watch;

use peers::Tools;
use results::Results;
use run::Plan;
use server::Server;
use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Any error ends a run: a figure that is not sound is none.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match words[..] {
        ["run", ref settings @ ..] => measure(settings),
        ["report", out, ref files @ ..] if !files.is_empty() => report::write(Path::new(out), files),
        _ => Err("usage: loader-bench run NAME=VALUE… | loader-bench report OUT FILE…".into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what `only` says on one server, and keeps the figures in `results`.
fn measure(settings: &[&str]) -> Result<()> {
    let mut given = HashMap::new();
    for setting in settings {
        let (name, value) = setting.split_once('=').ok_or_else(|| format!("not NAME=VALUE: {setting}"))?;
        given.insert(name, value);
    }
    let mut take = |name: &str| given.remove(name).ok_or_else(|| format!("{name}=… is missing"));
    let plan = Plan {
        server: Server { socket: PathBuf::from(take("socket")?), database: take("database")?.to_owned() },
        rows: take("rows")?.parse().map_err(|_| "rows is not a number")?,
        rounds: take("rounds")?.parse().map_err(|_| "rounds is not a number")?,
        directory: PathBuf::from(take("directory")?),
        keep: take("keep")? == "true",
        tools: Tools {
            python: take("python")?.to_owned(),
            scripts: PathBuf::from(take("scripts")?),
            psql: PathBuf::from(take("psql")?),
        },
    };
    let only = take("only")?;
    let out = PathBuf::from(take("results")?);
    let command = take("command")?;
    if let Some(name) = given.keys().next() {
        return Err(format!("no such setting: {name}").into());
    }
    if plan.rows == 0 || plan.rounds == 0 {
        return Err("rows and rounds are 1 or more".into());
    }

    let mut results = Results { facts: machine::facts(&plan, command)?, ..Results::default() };
    let cases = cases::choose(only);
    let large = only.contains(memory::CASE);
    let many = only.contains(many::CASE);
    let typed = only.is_empty() || only.contains(columns::CASE);
    let delimited = only.is_empty() || only.contains(csv::CASE);
    if cases.is_empty() && !large && !many && !typed && !delimited {
        return Err(format!("nothing is called {only}").into());
    }
    let (case, peer, why) = cases::SPARK;
    if cases.iter().any(|chosen| chosen.name == case) {
        results.absent.push((case.into(), peer.into(), why.into()));
    }
    for case in &cases {
        plan.measure(case, &mut results)?;
        results.save(&out)?;
    }
    if many {
        many::measure(&plan, &mut results)?;
        results.save(&out)?;
    }
    if typed {
        columns::measure(&plan, &mut results)?;
        results.save(&out)?;
    }
    if delimited {
        csv::measure(&plan, &mut results)?;
        results.save(&out)?;
    }
    if large {
        memory::measure(&plan, &mut results)?;
    }
    results.save(&out)
}
