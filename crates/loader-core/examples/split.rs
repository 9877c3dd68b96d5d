//! Splits a file and prints what was found: `cargo run --release -p loader-core
//! --example split -- FILE [--rejects | --items | PATH]`; with a PATH as `$.key`, the
//! records in the array there. `--items` prints a line for
//! each record (R) and reject (X) with its offset and length.

use std::fs::File;
use std::io::Read;
use std::time::Instant;

use loader_core::split::json::{Keep, Options, RecordsPath, Splitter};
use loader_core::split::{Item, Split};
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
    let mode = args.next();
    let path_of_records = mode.as_deref().filter(|mode| mode.starts_with('$')).map(RecordsPath::parse);
    let records_path = path_of_records.transpose().map_err(|bad| bad.what)?;
    let (rejects, items) = (mode.as_deref() == Some("--rejects"), mode.as_deref() == Some("--items"));
    let start = Instant::now();
    let source = Decoded::new(Bytes(File::open(&path)?), &stream::Options::default())
        .map_err(|error| format!("{error:?}"))?;
    let options = Options {
        format: None,
        records_path,
        keep: Keep::NONE,
        line_prefix: None,
        max_record_size: 256 << 20,
        raw_limit: 200,
    };
    let mut splitter = Splitter::new(source, options).map_err(|error| format!("{error:?}"))?;
    while let Some(item) = splitter.next().map_err(|error| format!("{error:?}"))? {
        if items {
            match &item {
                Item::Record(record) => println!("R {} {}", record.offset, record.bytes.len()),
                Item::Reject(reject) => println!("X {} {}", reject.offset, reject.length),
            }
        }
        if let (Item::Reject(reject), true) = (item, rejects) {
            println!(
                "record {} line {} offset {} length {}: {:?} at {}: {}",
                reject.number,
                reject.line,
                reject.offset,
                reject.length,
                reject.fault.kind,
                reject.fault.at,
                reject.fault.what
            );
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let tally = splitter.tally();
    println!("{}: {tally:?}", splitter.format().name());
    println!("{:.3} s, {:.0} MB/s", seconds, tally.stream_bytes as f64 / seconds / 1e6);
    Ok(())
}
