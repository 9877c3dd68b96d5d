//! Compares what the sniffer finds with what is known of the files of a folder:
//! `cargo run --release -p loader-core --example sniff-report -- FOLDER TRUTHS [--all]`.
//!
//! TRUTHS has a line `file|encoding|delimiter|quote|escape|line end` for each file, with the
//! words that the collections of ws-garcia/CSVsniffer use (comma, semicolon, tab, vslash, space,
//! nsign; doublequote, singlequote), and lines that begin with `#`. Files that are not there are
//! passed over. Each file that is wrong or refused is listed, with `--all` every one.

use std::path::Path;
use std::time::Instant;

use loader_core::split::csv::sniff::{Guess, Samples, Sniffed, sniff};
use loader_core::split::csv::{Delimiter, Overrides};

const HEAD: usize = 512 * 1024;
const OTHER: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("which folder?")?;
    let truths = std::fs::read(args.next().ok_or("which truths?")?)?;
    let all = args.next().is_some();
    let (mut right, mut wrong, mut refused, mut quotes, mut alike) = (0, 0, 0, 0, 0);
    let mut slowest = (0.0, String::new());
    for line in String::from_utf8_lossy(&truths).lines() {
        let truth: Vec<&str> = line.trim_start_matches('\u{FEFF}').split('|').collect();
        if line.starts_with('#') || truth.len() < 6 {
            continue;
        }
        let Ok(bytes) = std::fs::read(Path::new(&folder).join(truth[0])) else { continue };
        let text = in_utf8(&bytes);
        let start = Instant::now();
        let sniffed = look(&text);
        let seconds = start.elapsed().as_secs_f64();
        if seconds > slowest.0 {
            slowest = (seconds, truth[0].to_string());
        }
        let delimiter = word(truth[2]);
        let quote = word(truth[3]).first().copied();
        let is_right = |guess: &Guess| bare(&guess.dialect.delimiter) == delimiter;
        let (verdict, guesses) = match &sniffed {
            Sniffed::Sure(guess, others) if is_right(guess) => {
                right += 1;
                let verdict = if guess.dialect.quote == quote {
                    quotes += 1;
                    "right"
                } else if reads_alike(&text, guess, quote) {
                    alike += 1;
                    "ALIKE"
                } else {
                    "QUOTE"
                };
                (verdict, [std::slice::from_ref(guess), others.as_slice()].concat())
            }
            Sniffed::Sure(guess, others) => {
                wrong += 1;
                ("WRONG", [std::slice::from_ref(guess), others.as_slice()].concat())
            }
            Sniffed::Unsure(guesses) => {
                refused += 1;
                ("UNSURE", guesses.clone())
            }
        };
        if all || verdict != "right" {
            println!("{verdict}\t{}\tis {:?} {}", truth[0], truth[2], truth[3]);
            for guess in guesses.iter().take(3) {
                println!("\t\t{}", shown(guess));
            }
        }
    }
    let files = right + wrong + refused;
    println!(
        "{files} files: delimiter right {right} (quote too {quotes}, another quote that reads the same {alike}), \
         wrong {wrong}, refused {refused}"
    );
    println!("slowest {:.1} ms: {}", slowest.0 * 1e3, slowest.1);
    Ok(())
}

/// Text in UTF-16 is told by its BOM; all else is taken as it is.
fn in_utf8(bytes: &[u8]) -> Vec<u8> {
    let join: fn([u8; 2]) -> u16 = match bytes {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        _ => return bytes.to_vec(),
    };
    let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| join([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).into_bytes()
}

fn look(text: &[u8]) -> Sniffed {
    let head = &text[..text.len().min(HEAD)];
    let rest = &text[head.len()..];
    let part = |at: usize| &rest[at.min(rest.len())..(at + OTHER).min(rest.len())];
    let parts = [0, rest.len() / 3, rest.len() / 3 * 2, rest.len().saturating_sub(OTHER)].map(part);
    let others: &[&[u8]] = if rest.is_empty() { &[] } else { &parts };
    let samples = Samples { head, is_whole: rest.is_empty(), others };
    sniff(&samples, &Overrides::default()).expect("there is memory")
}

/// Whether the file has the same fields with the quote that was found and with another one: none
/// begins with either, so that neither encloses anything.
fn reads_alike(text: &[u8], guess: &Guess, quote: Option<u8>) -> bool {
    let delimiter = bare(&guess.dialect.delimiter);
    let begins_field = |at: usize| {
        let blanks = text[..at].iter().rev().take_while(|byte| **byte == b' ').count();
        let before = &text[..at - blanks];
        before.is_empty() || before.ends_with(delimiter) || matches!(before.last(), Some(b'\n' | b'\r'))
    };
    let quotes = [guess.dialect.quote, quote];
    let is_quote = |byte: &u8| quotes.contains(&Some(*byte));
    !text.iter().enumerate().any(|(at, byte)| is_quote(byte) && begins_field(at))
}

/// A delimiter without the blanks around it: the collections do not tell these apart.
fn bare(delimiter: &Delimiter) -> &[u8] {
    match delimiter.bytes() {
        [b' ', rest @ .., b' '] | [rest @ .., b' '] if !rest.is_empty() => rest,
        bytes => bytes,
    }
}

fn word(word: &str) -> &[u8] {
    match word {
        "comma" => b",",
        "semicolon" => b";",
        "tab" => b"\t",
        "vslash" => b"|",
        "space" => b" ",
        "nsign" => b"#",
        "doublequote" => b"\"",
        "singlequote" => b"'",
        other => other.as_bytes(),
    }
}

fn shown(guess: &Guess) -> String {
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let delimiter: &Delimiter = &guess.dialect.delimiter;
    format!(
        "{:.3} delimiter {:?} quote {:?} escape {:?} {} width {}+{} skip {} header {} {:.100?}",
        guess.confidence,
        shown(delimiter.bytes()),
        guess.dialect.quote.map(|b| shown(&[b])),
        guess.dialect.escape.map(|b| shown(&[b])),
        guess.dialect.new_line.name(),
        guess.width,
        guess.surplus,
        guess.dialect.skip,
        guess.dialect.header,
        guess.names.iter().take(3).collect::<Vec<_>>(),
    )
}
