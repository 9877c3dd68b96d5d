//! Peers that read the file in a program of their own and send it to the
//! server.

use super::{Ended, Stage};
use crate::Result;
use crate::data::Form;
use crate::server::COPY_OPTIONS;
use crate::watch::Watch;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs a script of bench/peers. It connects, prints the process of its
/// backend, waits for a line, loads and commits, prints the seconds that this
/// took, and keeps its connection until its input ends.
pub fn script(stage: &Stage<'_>, name: &str) -> Result<Ended> {
    let mut child = Command::new(&stage.tools.python)
        .arg(stage.tools.scripts.join(name))
        .arg(stage.server.conninfo(stage.settings))
        .arg(stage.files.path(Form::Lines))
        .arg(stage.table)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no pipe to a script")?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no pipe from a script")?);
    let mut answer = || -> Result<String> {
        let mut line = String::new();
        output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    };
    let mut conversation = || -> Result<Ended> {
        let backend = answer()?.parse().map_err(|_| "it printed no backend")?;
        let watch = Watch::start(&[backend])?;
        input.write_all(b"go\n")?;
        let seconds = answer()?.parse().map_err(|_| "it printed no time")?;
        Ok(Ended::Done { seconds, usage: watch.finish()?, rejected: 0 })
    };
    let ended = conversation();
    drop(input);
    let status = child.wait()?;
    match ended {
        Ok(ended) if status.success() => Ok(ended),
        Ok(_) => Err(format!("{name}: {status}").into()),
        Err(error) => Err(format!("{name}: {error} ({status})").into()),
    }
}

/// `jq -c '.[]'`, whose lines go to COPY.
pub fn jq(stage: &Stage<'_>) -> Result<Ended> {
    let mut session = stage.server.connect(stage.settings)?;
    let watch = Watch::start(&[session.backend])?;
    let start = Instant::now();
    let mut jq = Command::new("jq")
        .args(["-c", ".[]"])
        .arg(stage.files.path(Form::CompactArray))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = BufReader::with_capacity(1 << 18, jq.stdout.take().ok_or("no pipe from jq")?);
    let mut copy =
        session.client.copy_in(&format!("COPY {} (data) FROM STDIN WITH {COPY_OPTIONS}", stage.table))?;
    std::io::copy(&mut output, &mut copy)?;
    let status = jq.wait()?;
    if !status.success() {
        return Err(format!("jq: {status}").into());
    }
    copy.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Ended::Done { seconds, usage: watch.finish()?, rejected: 0 })
}
