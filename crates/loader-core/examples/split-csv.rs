//! Splits a file of delimited text and prints what was found: `cargo run --release -p loader-core
//! --example split-csv -- FILE WIDTH [DELIMITER [HEADER [--rejects]]]`.

use std::fs::File;
use std::io::Read;
use std::time::Instant;

use loader_core::split::csv::{Delimiter, Dialect, Options, Splitter};
use loader_core::split::{Item, Split};
use loader_core::stream::{Error, Source};

struct Bytes(File);

impl Source for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        Ok(self.0.read(buf)?)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let path = args.first().ok_or("which file?")?;
    let width = args.get(1).ok_or("how many columns?")?.parse()?;
    let delimiter = args.get(2).map_or(",", |delimiter| delimiter);
    let dialect = Dialect {
        delimiter: Delimiter::new(delimiter.as_bytes()).ok_or("which delimiter?")?,
        header: args.get(3).map_or(Ok(0), |header| header.parse())?,
        ..Dialect::default()
    };
    let options =
        Options { dialect, width, surplus: 0, strict: true, max_record_size: 256 << 20, raw_limit: 200 };
    let rejects = args.iter().any(|arg| arg == "--rejects");
    let start = Instant::now();
    let mut splitter =
        Splitter::new(Bytes(File::open(path)?), options).map_err(|error| format!("{error:?}"))?;
    while let Some(item) = splitter.next().map_err(|error| format!("{error:?}"))? {
        if let (Item::Reject(reject), true) = (item, rejects) {
            println!("line {} length {}: {:?}", reject.line, reject.length, reject.fault);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let tally = splitter.tally();
    println!("{tally:?}");
    println!("{:.3} s, {:.0} MB/s", seconds, tally.stream_bytes as f64 / seconds / 1e6);
    Ok(())
}
