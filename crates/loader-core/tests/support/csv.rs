//! Runs the splitter of delimited text over generated files, for the judge.

use super::{Slow, items, ledger};
use loader_core::split::csv::sniff::{self, Samples, Sniffed};
use loader_core::split::csv::{Delimiter, Dialect, NewLine, Options, Overrides, Splitter};
use loader_damage::csv::judge::judge;
use loader_damage::csv::{File, dialect};
use loader_damage::judge::{Found, Ledger, Verdict};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Who says what the dialect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The caller.
    Caller,
    /// The sniffer.
    Sniffer,
}

/// The splitter's word for a dialect of the generator.
pub fn dialect(of: &dialect::Dialect, skip: u64, header: u64) -> Dialect {
    let new_line = match of.line_end {
        "\r" => NewLine::Cr,
        "\r\n" => NewLine::CrLf,
        _ => NewLine::Lf,
    };
    Dialect {
        delimiter: Delimiter::new(of.delimiter.as_bytes()).expect("the generator's delimiters are short"),
        quote: of.quoting.then_some(of.quote),
        escape: of.quoting.then_some(of.escape),
        new_line,
        comment: None,
        skip,
        header,
    }
}

/// The options of a caller that knows the file.
pub fn options(file: &File) -> Options {
    let dialect = dialect(file.dialect, file.skip as u64, u64::from(file.header));
    with_dialect(dialect, file.width, 0)
}

fn with_dialect(dialect: Dialect, width: usize, surplus: usize) -> Options {
    Options { dialect, width, surplus, strict: true, max_record_size: 1 << 28, raw_limit: 64 * 1024 }
}

/// The options that the bytes alone tell, or why there are none.
pub fn sniffed(file: &File) -> Result<Options, String> {
    let samples = Samples { head: &file.bytes, is_whole: true, others: &[] };
    match sniff::sniff(&samples, &Overrides::default()) {
        Ok(Sniffed::Sure(guess, _)) => Ok(with_dialect(guess.dialect, guess.width, guess.surplus)),
        Ok(Sniffed::Unsure(guesses)) => Err(format!("the sniffer is unsure between {}", guesses.len())),
        Err(error) => Err(format!("the sniffer fails: {error:?}")),
    }
}

/// Everything that the splitter says of the bytes, read `step` bytes at a time.
pub fn split(bytes: &[u8], step: usize, options: Options) -> Result<(Vec<Found>, Ledger), String> {
    let fails = |error| format!("the splitter fails: {error:?}");
    let mut splitter = Splitter::new(Slow { bytes, step }, options).map_err(fails)?;
    let found = items(&mut splitter, bytes.len()).map_err(fails)?;
    Ok((found, ledger(splitter.tally())))
}

/// The judgement on the outcome for a file. A panic or an error is an error in the books, with
/// everything lost; so is a dialect that is not found out.
pub fn judged(file: &File, by: By) -> Verdict {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let options = if by == By::Caller { options(file) } else { sniffed(file)? };
        split(&file.bytes, 1 << 20, options)
    }));
    let error = match outcome {
        Ok(Ok((found, ledger))) => return judge(file, &found, &ledger),
        Ok(Err(error)) => error,
        Err(_) => "a panic".to_owned(),
    };
    let mut verdict = judge(file, &[], &Ledger::default());
    verdict.errors = vec![error];
    verdict
}
