//! Writes the files of a seed and the truth about them, for comparisons with
//! programs that are not written in Rust.
//!
//! `damage-files DIR [SEED [ONE_IN]]` makes DIR/manifest.jsonl, a line for each
//! file: its name, framing and scenario, and `[offset, length]` of each good
//! record, of the unsure ones and of those that may be loaded or not.

use loader_damage::suite::{self, Choice};
use loader_damage::{File, Span};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize| args.get(n).map_or(Some(1), |arg| arg.parse().ok());
    let (Some(directory), Some(seed), Some(one_in)) = (args.first(), number(1), number(2)) else {
        eprintln!("usage: damage-files DIR [SEED [ONE_IN]]");
        return ExitCode::FAILURE;
    };
    match write(Path::new(directory), Choice { seed, one_in: one_in as usize }) {
        Ok(count) => {
            println!("{count} files in {directory}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{directory}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(directory: &Path, choice: Choice) -> io::Result<usize> {
    fs::create_dir_all(directory)?;
    let mut manifest = BufWriter::new(fs::File::create(directory.join("manifest.jsonl"))?);
    let mut count = 0;
    for file in suite::plain(choice).chain(suite::hard(choice)) {
        let name = file.name.replace('/', "_") + ".json";
        fs::write(directory.join(&name), &file.bytes)?;
        writeln!(manifest, "{}", line(&name, &file))?;
        count += 1;
    }
    manifest.flush()?;
    Ok(count)
}

/// A line of the manifest. No name has a character that JSON would escape.
fn line(name: &str, file: &File) -> String {
    let spans = |spans: &mut dyn Iterator<Item = Span>| {
        spans.map(|span| format!("[{},{}]", span.offset, span.length)).collect::<Vec<_>>().join(",")
    };
    let good =
        |unsure: bool| file.good.iter().filter(move |good| good.unsure == unsure).map(|good| good.span);
    format!(
        "{{\"file\":\"{name}\",\"suite\":\"{}\",\"framing\":\"{}\",\"scenario\":\"{}\",\"strict\":{},\
         \"good\":[{}],\"unsure\":[{}],\"tolerated\":[{}]}}",
        file.name.split('/').next().unwrap_or_default(),
        file.framing.name(),
        file.scenario,
        file.framing.strict(),
        spans(&mut good(false)),
        spans(&mut good(true)),
        spans(&mut file.tolerated.iter().copied()),
    )
}
