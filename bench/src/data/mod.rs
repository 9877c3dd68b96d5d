//! The data sets, and the files that they are written to. The same seed makes
//! the same bytes on every machine.

mod cut;
mod damage;
mod deep;
mod escapes;
mod events;
mod github;
mod layout;
mod numbers;
mod text;
mod tweets;
mod typed;
mod wide;
mod words;

use crate::Result;
pub use cut::Cut;
use cut::Parts;
use layout::Layout;
use loader_damage::rng::Rng;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use text::Text;

const SEED: u64 = 2026;

/// Records of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// Its name in tables and file names.
    pub name: &'static str,
    /// How many records of it stand beside a million events.
    pub per_million: usize,
    record: fn(usize, &mut Rng, &mut Text),
}

/// All data sets. At a million events each makes some 180 to 330 MB.
pub const SETS: &[Set] = &[
    Set { name: "events", per_million: 1_000_000, record: events::record },
    Set { name: "github", per_million: 100_000, record: github::record },
    Set { name: "tweets", per_million: 50_000, record: tweets::record },
    Set { name: "numbers", per_million: 800_000, record: numbers::record },
    Set { name: "escapes", per_million: 400_000, record: escapes::record },
    Set { name: "deep", per_million: 300_000, record: deep::record },
    Set { name: "wide", per_million: 200_000, record: wide::record },
];

/// Events for very many files.
pub const SMALL: Set = Set { name: "small", per_million: 40_000, record: events::record };

/// Records for typed columns: all good, one in a hundred with a value that its column refuses, and one
/// in a hundred that violates a constraint.
pub const TYPED: [Set; 3] = [
    Set { name: "typed", per_million: 1_000_000, record: typed::record },
    Set { name: "typed-refused", per_million: 1_000_000, record: typed::with_refused_values },
    Set { name: "typed-violating", per_million: 1_000_000, record: typed::with_violations },
];

pub use typed::COLUMNS as TYPED_COLUMNS;

/// The form of a file of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A record a line.
    Lines,
    /// `,\n` between records, no closing bracket.
    OpenArray,
    /// An array on one line.
    CompactArray,
    /// An indented array.
    PrettyArray,
    /// A record a line, one in a thousand damaged.
    Damaged01,
    /// A record a line, one in a hundred damaged.
    Damaged1,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 6] = [
        Form::Lines,
        Form::OpenArray,
        Form::CompactArray,
        Form::PrettyArray,
        Form::Damaged01,
        Form::Damaged1,
    ];

    /// Its name in tables and file names.
    pub fn name(self) -> &'static str {
        match self {
            Form::Lines => "lines",
            Form::OpenArray => "open-array",
            Form::CompactArray => "compact-array",
            Form::PrettyArray => "pretty-array",
            Form::Damaged01 => "damaged-0.1",
            Form::Damaged1 => "damaged-1",
        }
    }

    /// One record in so many is damaged; `None` for none.
    pub fn damaged_one_in(self) -> Option<usize> {
        match self {
            Form::Damaged01 => Some(1000),
            Form::Damaged1 => Some(100),
            _ => None,
        }
    }

    fn layout(self) -> Layout {
        match self {
            Form::Lines | Form::Damaged01 | Form::Damaged1 => Layout::Lines,
            Form::OpenArray => Layout::OpenArray,
            Form::CompactArray => Layout::CompactArray,
            Form::PrettyArray => Layout::PrettyArray,
        }
    }
}

/// The files of a data set.
#[derive(Clone, Debug)]
pub struct Files {
    directory: PathBuf,
    name: &'static str,
    records: usize,
}

impl Files {
    /// The file of a form.
    pub fn path(&self, form: Form) -> PathBuf {
        self.file(form.name(), "json")
    }

    /// The numbers of the damaged records of a form, from 1, a line each.
    pub fn damaged(&self, form: Form) -> PathBuf {
        self.file(form.name(), "damaged")
    }

    /// The newline-delimited form, cut: the folder of its parts.
    pub fn folder(&self, cut: Cut) -> PathBuf {
        self.directory.join(format!("{}-{}", self.name, cut.name()))
    }

    /// The first of so many shares of those parts, in order.
    pub fn parts(&self, cut: Cut, shares: usize) -> Vec<PathBuf> {
        cut.names(self.records, shares).map(|name| self.folder(cut).join(name)).collect()
    }

    /// How many records are not in that share.
    pub fn records_beyond(&self, cut: Cut, shares: usize) -> usize {
        self.records
            .saturating_sub(cut.names(self.records, shares).count() * cut.records_a_file(self.records))
    }

    /// The size of a form, in bytes.
    pub fn size(&self, form: Form) -> Result<u64> {
        size(&[self.path(form)])
    }

    /// Reads all of them once, so that they are in the page cache.
    pub fn warm(&self, forms: &[Form], cuts: &[Cut]) -> Result<()> {
        let parts = cuts.iter().flat_map(|&cut| self.parts(cut, 1));
        for path in forms.iter().map(|&form| self.path(form)).chain(parts) {
            std::io::copy(&mut File::open(path)?, &mut std::io::sink())?;
        }
        Ok(())
    }

    /// Removes them.
    pub fn remove(&self) -> Result<()> {
        let paths = Form::ALL.iter().flat_map(|&form| [self.path(form), self.damaged(form)]);
        for path in paths.chain([self.stamp()]) {
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        for folder in Cut::ALL.map(|cut| self.folder(cut)) {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    fn file(&self, what: &str, extension: &str) -> PathBuf {
        self.directory.join(format!("{}-{what}.{extension}", self.name))
    }

    /// Says that the files are whole, and of how many records.
    fn stamp(&self) -> PathBuf {
        self.directory.join(format!("{}.records", self.name))
    }
}

/// Makes the files of `set` in `forms` with `records` records, unless an
/// earlier run of this very program has left them.
pub fn make(set: Set, records: usize, forms: &[Form], cuts: &[Cut], directory: &Path) -> Result<Files> {
    let files = Files { directory: directory.to_owned(), name: set.name, records };
    let names = forms.iter().map(|form| form.name()).chain(cuts.iter().map(|cut| cut.name()));
    let names = names.collect::<Vec<_>>().join(" ");
    let stamp = format!("{:016x} {SEED} {records} {names}", fingerprint()?);
    if fs::read_to_string(files.stamp()).is_ok_and(|found| found == stamp) {
        return Ok(files);
    }
    files.remove()?;

    let mut outputs = forms.iter().map(|&form| Output::create(&files, form)).collect::<Result<Vec<_>>>()?;
    let mut parts = cuts.iter().map(|&cut| Parts::create(&files, cut)).collect::<Result<Vec<_>>>()?;
    let mut rng = Rng::named(SEED, set.name);
    let mut text = Text::default();
    let mut record = Vec::new();
    for n in 0..records {
        (set.record)(n, &mut rng, &mut text);
        text.take(&mut record);
        for output in &mut outputs {
            output.write(n, &record)?;
        }
        for parts in &mut parts {
            parts.write(&record)?;
        }
    }
    for output in outputs {
        output.finish()?;
    }
    for parts in parts {
        parts.finish()?;
    }
    fs::write(files.stamp(), stamp)?;
    Ok(files)
}

/// The size of files together, in bytes.
pub fn size(paths: &[PathBuf]) -> Result<u64> {
    let mut sum = 0;
    for path in paths {
        sum += fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    }
    Ok(sum)
}

/// Tells this program from others, whose generators may differ.
fn fingerprint() -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(std::env::current_exe()?)?);
    Ok(hasher.finish())
}

/// A file in the making.
struct Output {
    layout: Layout,
    file: BufWriter<File>,
    laid: Vec<u8>,
    damage: Option<Damage>,
}

/// Which records are damaged.
struct Damage {
    numbers: BufWriter<File>,
    one_in: usize,
    rng: Rng,
    /// The record before was.
    before: bool,
}

impl Output {
    fn create(files: &Files, form: Form) -> Result<Output> {
        let damage = match form.damaged_one_in() {
            // Damage has its own numbers: it must not change the other records.
            Some(one_in) => Some(Damage {
                numbers: writer(&files.damaged(form))?,
                one_in,
                rng: Rng::named(SEED, form.name()),
                before: false,
            }),
            None => None,
        };
        Ok(Output { layout: form.layout(), file: writer(&files.path(form))?, laid: Vec::new(), damage })
    }

    fn write(&mut self, n: usize, record: &[u8]) -> Result<()> {
        self.laid.clear();
        self.laid.extend_from_slice(self.layout.before(n));
        if let Some(damage) = &mut self.damage
            && damage.strikes()
        {
            let mut spoiled = record.to_vec();
            damage::spoil(&mut spoiled, &mut damage.rng);
            self.laid.extend_from_slice(&spoiled);
            writeln!(damage.numbers, "{}", n + 1)?;
        } else {
            self.layout.write(record, &mut self.laid);
        }
        self.laid.extend_from_slice(self.layout.after());
        self.file.write_all(&self.laid)?;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.file.write_all(self.layout.tail())?;
        self.file.flush()?;
        if let Some(mut damage) = self.damage {
            damage.numbers.flush()?;
        }
        Ok(())
    }
}

impl Damage {
    /// Whether the next record is damaged. Never two in a row: the head of one
    /// and the tail of the next can make a whole record.
    fn strikes(&mut self) -> bool {
        self.before = !self.before && self.rng.one_in(self.one_in);
        self.before
    }
}

fn writer(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}
