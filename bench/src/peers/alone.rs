//! Parts of a load by themselves, without a server.

use super::{Ended, Stage};
use crate::Result;
use crate::data::Form;
use crate::watch::Watch;
use loader_core::encode::jsonb::Encoder;
use std::fs::{self, File};
use std::io::Read;
use std::time::Instant;

/// Reads in blocks of the size that loader reads in.
const BLOCK: usize = 256 * 1024;

/// As many bytes of datums as loader collects before it inserts them.
const CHUNK: usize = 8 << 20;

/// Runs something in this process, watched.
fn watched(run: impl FnOnce() -> Result<()>) -> Result<Ended> {
    let watch = Watch::start(&[std::process::id().try_into()?])?;
    let start = Instant::now();
    run()?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Ended::Done { seconds, usage: watch.finish()?, rejected: 0 })
}

/// The file, read and dropped.
pub fn read(stage: &Stage<'_>) -> Result<Ended> {
    let mut file = File::open(stage.files.path(Form::Lines))?;
    let mut block = vec![0; BLOCK];
    watched(|| {
        while file.read(&mut block)? > 0 {}
        Ok(())
    })
}

/// Each record of the file, in memory already, to its jsonb. Like `jsonb_in` by
/// itself, without a check of UTF-8.
pub fn encoder(stage: &Stage<'_>) -> Result<Ended> {
    let text = fs::read(stage.files.path(Form::Lines))?;
    let mut encoder = Encoder::new();
    let mut datums = Vec::with_capacity(CHUNK);
    watched(|| {
        let mut at = 0;
        while at < text.len() {
            if datums.len() >= CHUNK {
                datums.clear();
            }
            // Datums are aligned.
            datums.resize(datums.len().next_multiple_of(8), 0);
            let end = encoder.encode(&text, at, true, &mut datums).map_err(|error| format!("{error:?}"))?;
            // The newline follows.
            at = end.ok_or_else(|| format!("the encoder refuses the record at byte {at}"))? + 1;
        }
        Ok(())
    })
}
