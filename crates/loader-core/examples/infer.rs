//! Finds the schema of a file, and says how fast: `cargo run --release -p loader-core --example
//! infer -- FILE [THREADS]`.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use loader_core::infer::SharedObservations;
use loader_core::pipeline::{Observing, Options, Pipeline, Target};
use loader_core::split::json;
use loader_core::stream::{self, Decoded, Error, Source};

struct Bytes(File);

impl Source for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        Ok(self.0.read(buf)?)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("which file?")?;
    let threads = args.next().map_or(Ok(0), |threads| threads.parse())?;
    let start = Instant::now();
    let explain = |error: Error| format!("{error:?}");
    let source = Decoded::new(Bytes(File::open(&path)?), &stream::Options::default()).map_err(explain)?;
    let framing = json::Options {
        format: None,
        records_path: None,
        keep: json::Keep::NONE,
        line_prefix: None,
        max_record_size: 256 << 20,
        raw_limit: 0,
    };
    let observations = Arc::new(SharedObservations::default());
    let observing = Observing { observations: observations.clone(), records_before: 0, last: u64::MAX };
    let options = Options { threads, target: Target::Schema(observing), resume_at: 0, range: None };
    let mut pipeline = Pipeline::new(source, framing, options, Arc::default()).map_err(explain)?;
    pipeline.start(&mut || true);
    while let Some(batch) = pipeline.next(&mut || ()).map_err(explain)? {
        pipeline.recycle(batch);
    }
    let tally = pipeline.finish().tally;
    let all = observations.take().map_err(|wanted| format!("{wanted:?}"))?;
    for column in all.columns().map_err(|wanted| format!("{wanted:?}"))? {
        println!("{:30} {}", column.field, column.data_type.name());
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} records, {} rejects, {:.0} MB/s",
        tally.records,
        tally.rejects,
        tally.stream_bytes as f64 / 1e6 / seconds
    );
    Ok(())
}
