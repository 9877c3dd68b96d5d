//! What was measured, as it is kept between a run and its report: a file of
//! tab-separated lines for each version of PostgreSQL.

use crate::Result;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// One run of one peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The case.
    pub case: String,
    /// The peer.
    pub peer: String,
    /// The round, from 1; 0 is the discarded one.
    pub round: usize,
    /// Size of the newline-delimited form, or of what was loaded of it, in bytes.
    pub bytes: u64,
    /// Files that it came from.
    pub files: i64,
    /// Time to commit.
    pub seconds: f64,
    /// CPU seconds of the backend.
    pub cpu: f64,
    /// Bytes of WAL.
    pub wal: i64,
    /// Private memory of the backend beyond that at its start, in bytes.
    pub peak: u64,
    /// That of all workers together, or of backends that came and went.
    pub others: u64,
    /// Records in the table.
    pub kept: i64,
    /// Records rejected.
    pub rejected: i64,
    /// Rows that are not what they should be; `None` where nobody looked.
    pub wrong: Option<i64>,
    /// Rows that should be there and are not.
    pub lost: Option<i64>,
    /// Size of the table, in bytes.
    pub size: i64,
}

/// All about one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Of machine, server and run: name and value.
    pub facts: Vec<(String, String)>,
    /// Case, peer, and why there is no figure.
    pub absent: Vec<(String, String, String)>,
    /// The figures.
    pub samples: Vec<Sample>,
}

impl Results {
    /// The value of a fact; empty if there is none.
    pub fn fact(&self, name: &str) -> &str {
        self.facts.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Writes them to a file.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut text = String::new();
        for (name, value) in &self.facts {
            writeln!(text, "fact\t{name}\t{value}")?;
        }
        for (case, peer, why) in &self.absent {
            writeln!(text, "absent\t{case}\t{peer}\t{why}")?;
        }
        let figure = |figure: Option<i64>| figure.map_or("-".to_owned(), |figure| figure.to_string());
        for s in &self.samples {
            writeln!(
                text,
                "sample\t{}\t{}\t{}\t{}\t{}\t{:.6}\t{:.2}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                s.case,
                s.peer,
                s.round,
                s.bytes,
                s.files,
                s.seconds,
                s.cpu,
                s.wal,
                s.peak,
                s.others,
                s.kept,
                s.rejected,
                figure(s.wrong),
                figure(s.lost),
                s.size
            )?;
        }
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Reads them back.
    pub fn load(path: &Path) -> Result<Results> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut results = Results::default();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            match fields[..] {
                ["fact", name, value] => results.facts.push((name.into(), value.into())),
                ["absent", case, peer, why] => results.absent.push((case.into(), peer.into(), why.into())),
                ["sample", case, peer, ref figures @ ..] if figures.len() == 13 => {
                    results.samples.push(sample(case, peer, figures)?);
                }
                _ => return Err(format!("{}: not a line of results: {line}", path.display()).into()),
            }
        }
        Ok(results)
    }
}

fn sample(case: &str, peer: &str, figures: &[&str]) -> Result<Sample> {
    let optional = |figure: &str| if figure == "-" { Ok(None) } else { figure.parse().map(Some) };
    Ok(Sample {
        case: case.into(),
        peer: peer.into(),
        round: figures[0].parse()?,
        bytes: figures[1].parse()?,
        files: figures[2].parse()?,
        seconds: figures[3].parse()?,
        cpu: figures[4].parse()?,
        wal: figures[5].parse()?,
        peak: figures[6].parse()?,
        others: figures[7].parse()?,
        kept: figures[8].parse()?,
        rejected: figures[9].parse()?,
        wrong: optional(figures[10])?,
        lost: optional(figures[11])?,
        size: figures[12].parse()?,
    })
}
