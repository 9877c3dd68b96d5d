//! A stream of delimited text from its start: its dialect is found out, and it is ready to be
//! split.

use super::Overrides;
use super::dialect::LONGEST_DELIMITER;
use super::options::Options;
use super::sniff::{Guess, Samples, Sniffed, sniff};
use super::splitter::Splitter;
use super::text_encoding;
use crate::fault::DialectGuess;
use crate::looks;
use crate::memory::{self, OutOfMemory};
use crate::split::window::Window;
use crate::stream::{Error, Source};

/// The dialect is told from so many first bytes of the stream, …
const HEAD: usize = 512 * 1024;

/// … and from so many samples behind them, where the source can be read from any place, …
const SAMPLES: u64 = 4;

/// … of so many bytes each.
const SAMPLE: usize = 64 * 1024;

/// What the caller decides.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// What is said of the dialect.
    pub overrides: Overrides,
    /// The text was taken for UTF-8 because nothing else was said.
    pub is_encoding_assumed: bool,
    /// See [`Options::strict`].
    pub strict: bool,
    /// See [`Options::max_record_size`].
    pub max_record_size: usize,
    /// See [`Options::raw_limit`].
    pub raw_limit: usize,
}

/// A stream that can be split.
pub struct Opened<S: Source> {
    /// What splits it.
    pub splitter: Splitter<S>,
    /// The names of its columns, each of which is another.
    pub names: Vec<String>,
    /// How sure the dialect is, from 0 to 1.
    pub confidence: f64,
}

/// Finds out what the options do not say. Fails where that cannot be decided.
pub fn open<S: Source>(source: S, options: &OpenOptions) -> Result<Opened<S>, Error> {
    let mut window = Window::new(source);
    let (guess, _) = decide(&mut window, options, HEAD)?;
    let splitter = Splitter::with_window(
        window,
        Options {
            dialect: guess.dialect,
            width: guess.width,
            surplus: guess.surplus,
            strict: options.strict,
            max_record_size: options.max_record_size,
            raw_limit: options.raw_limit,
        },
    )?;
    Ok(Opened { splitter, names: unique_names(guess.names, guess.width)?, confidence: guess.confidence })
}

/// Looks at a stream, and returns what was found with all that is like it: the dialect, unless two
/// fit about as well, and the other candidates.
///
/// So many first bytes are looked at.
pub fn look_at<S: Source>(
    source: S,
    options: &OpenOptions,
    head: usize,
) -> Result<(Guess, Vec<Guess>), Error> {
    let (mut guess, others) = decide(&mut Window::new(source), options, head)?;
    guess.names = unique_names(guess.names, guess.width)?;
    Ok((guess, others))
}

fn decide<S: Source>(
    window: &mut Window<S>,
    options: &OpenOptions,
    most: usize,
) -> Result<(Guess, Vec<Guess>), Error> {
    while window.bytes().len() < most && !window.eof() {
        window.grow()?;
    }
    let others = samples_of(window)?;
    let parts = memory::collect(others.iter().map(Vec::as_slice))?;
    let head = &window.bytes()[..window.bytes().len().min(most)];
    if options.is_encoding_assumed
        && let Some(likely) = text_encoding::likely_other(head)
    {
        return Err(Error::NotUtf8 { likely });
    }
    if options.overrides.delimiter.is_none() && looks::is_json(head) && !head.trim_ascii().is_empty() {
        return Err(Error::IsJson);
    }
    let is_whole = window.eof() && head.len() == window.bytes().len();
    match sniff(&Samples { head, is_whole, others: &parts }, &options.overrides)? {
        Sniffed::Sure(guess, others) => Ok((guess, others)),
        Sniffed::Unsure(guesses) => {
            let guesses = guesses.iter().map(guess_of);
            Err(Error::Undecided(memory::collect(guesses)?))
        }
    }
}

/// Parts of the stream behind its head: at places that its length alone decides.
fn samples_of<S: Source>(window: &mut Window<S>) -> Result<Vec<Vec<u8>>, Error> {
    let mut samples = Vec::new();
    let Some(length) = window.source().length() else { return Ok(samples) };
    let room = length.saturating_sub(HEAD as u64);
    if room < SAMPLE as u64 * SAMPLES {
        return Ok(samples);
    }
    for number in 1..=SAMPLES {
        let offset = HEAD as u64 + (room - SAMPLE as u64) / SAMPLES * number;
        let mut sample = memory::filled(SAMPLE, 0)?;
        let read = window.source_mut().sample(offset, &mut sample)?;
        sample.truncate(read);
        memory::push(&mut samples, sample)?;
    }
    Ok(samples)
}

/// A guess, to be shown.
pub fn guess_of(guess: &Guess) -> DialectGuess {
    let dialect = &guess.dialect;
    let text = dialect.delimiter.bytes();
    let mut delimiter = [0; LONGEST_DELIMITER];
    delimiter[..text.len()].copy_from_slice(text);
    DialectGuess {
        delimiter: (delimiter, text.len()),
        quote: dialect.quote,
        header: dialect.header,
        skip: dialect.skip,
        width: guess.width,
        confidence: guess.confidence,
    }
}

/// Gives each column a name of its own: that of the header, or `column1` and so on. Of those that
/// are the same, all but the first get a number.
fn unique_names(names: Vec<String>, width: usize) -> Result<Vec<String>, OutOfMemory> {
    let mut all = Vec::new();
    let mut given = names.into_iter();
    for index in 0..width {
        let name = match given.next().filter(|name| !name.is_empty()) {
            Some(name) => name,
            None => numbered("column", "", index + 1)?,
        };
        memory::push(&mut all, name)?;
    }
    let mut order = memory::collect(0..width)?;
    order.sort_unstable_by(|&a, &b| all[a].cmp(&all[b]).then(a.cmp(&b)));
    let mut renamed = Vec::new();
    let mut number = 2;
    for pair in order.windows(2) {
        let (before, index) = (pair[0], pair[1]);
        if all[before] != all[index] {
            number = 2;
            continue;
        }
        // Others that are numbered have other names before their numbers.
        let name = loop {
            let name = numbered(&all[index], "_", number)?;
            number += 1;
            if order.binary_search_by(|&other| all[other].cmp(&name)).is_err() {
                break name;
            }
        };
        memory::push(&mut renamed, (index, name))?;
    }
    for (index, name) in renamed {
        all[index] = name;
    }
    Ok(all)
}

/// A name with a number behind it.
fn numbered(name: &str, separator: &str, number: usize) -> Result<String, OutOfMemory> {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let mut text = Vec::new();
    for part in [name.as_bytes(), separator.as_bytes(), &digits[at..]] {
        memory::append(&mut text, part)?;
    }
    // A name with ASCII behind it is UTF-8.
    Ok(String::from_utf8(text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::unique_names;

    #[test]
    fn each_column_has_a_name_of_its_own() {
        let unique = |names: &[&str], width| {
            let names = names.iter().map(|name| name.to_string()).collect();
            unique_names(names, width).expect("memory")
        };
        assert_eq!(unique(&["a", "b"], 2), ["a", "b"]);
        assert_eq!(unique(&["a", "a", "a_2", "a"], 4), ["a", "a_3", "a_2", "a_4"]);
        assert_eq!(unique(&["", "column1", "x"], 4), ["column1", "column1_2", "x", "column4"]);
        assert_eq!(unique(&["a_2", "a_2", "a"], 3), ["a_2", "a_2_2", "a"]);
        let many = vec!["same"; 50_000];
        assert_eq!(unique(&many, many.len())[49_999], "same_50000");
    }
}
