//! The newline-delimited form cut into files of whole lines.

use super::{Files, writer};
use crate::Result;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::vec::IntoIter;

/// How a file is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In two.
    Halves,
    /// In eight.
    Eighths,
    /// Into files of some 1 kB.
    Small,
}

/// Records of a small file: events have 280 bytes.
const RECORDS_OF_SMALL: usize = 4;

impl Cut {
    /// All of them.
    pub const ALL: [Cut; 3] = [Cut::Halves, Cut::Eighths, Cut::Small];

    /// Its name in names of folders.
    pub fn name(self) -> &'static str {
        match self {
            Cut::Halves => "halves",
            Cut::Eighths => "eighths",
            Cut::Small => "small",
        }
    }

    /// How many of so many records are in each file but the last.
    pub fn records_a_file(self, records: usize) -> usize {
        match self {
            Cut::Halves => records.div_ceil(2),
            Cut::Eighths => records.div_ceil(8),
            Cut::Small => RECORDS_OF_SMALL,
        }
    }

    /// The names of the first of so many shares of the files. They begin with the
    /// tenth that a file is in, so that a pattern can ask for one of them.
    pub fn names(self, records: usize, shares: usize) -> impl Iterator<Item = String> {
        let count = records.div_ceil(self.records_a_file(records));
        (0..count.div_ceil(shares)).map(move |n| format!("{}-{n:05}.json", n * 10 / count))
    }
}

/// Parts in the making, one after the other.
pub struct Parts {
    paths: IntoIter<PathBuf>,
    file: Option<BufWriter<File>>,
    records_a_file: usize,
    /// Records of the file in hand.
    records: usize,
}

impl Parts {
    pub fn create(files: &Files, cut: Cut) -> Result<Parts> {
        fs::create_dir(files.folder(cut))?;
        Ok(Parts {
            paths: files.parts(cut, 1).into_iter(),
            file: None,
            records_a_file: cut.records_a_file(files.records),
            records: 0,
        })
    }

    pub fn write(&mut self, record: &[u8]) -> Result<()> {
        let file = match &mut self.file {
            Some(file) if self.records < self.records_a_file => file,
            file => {
                if let Some(before) = file {
                    before.flush()?;
                }
                self.records = 0;
                file.insert(writer(&self.paths.next().ok_or("more records than files")?)?)
            }
        };
        self.records += 1;
        file.write_all(record)?;
        file.write_all(b"\n")?;
        Ok(())
    }

    pub fn finish(mut self) -> Result<()> {
        if let Some(file) = &mut self.file {
            file.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths() {
        let names: Vec<_> = Cut::Small.names(40_000, 1).collect();
        assert_eq!((names.len(), &*names[999], &*names[1000]), (10_000, "0-00999.json", "1-01000.json"));
        assert_eq!(Cut::Small.names(40_000, 20).count(), 500);
        assert_eq!(Cut::Eighths.names(1_000_003, 1).last().as_deref(), Some("8-00007.json"));
    }
}
