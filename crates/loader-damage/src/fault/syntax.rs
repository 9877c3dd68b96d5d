//! Faults of grammar: a token too many, too few or misspelt.

use super::{Fault, place};
use crate::rng::Rng;
use crate::tokens::{Kind, Token, tokens};

/// The record with one fault; `None` where there is nothing to damage.
pub(super) fn edit(fault: Fault, record: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    use Fault::*;
    let all = tokens(record);
    let one = |kinds: &[Kind], rng: &mut Rng| {
        let of: Vec<&Token> = all.iter().filter(|token| kinds.contains(&token.kind)).collect();
        (!of.is_empty()).then(|| *of[place(of.len(), rng)])
    };
    const STRINGS: &[Kind] = &[Kind::Key, Kind::Text];
    const VALUES: &[Kind] = &[Kind::Text, Kind::Number, Kind::Word];
    match fault {
        MissingOpenBrace => one(&[Kind::OpenBrace], rng).map(|t| without(record, t.at, t.end)),
        MissingCloseBrace => one(&[Kind::CloseBrace], rng).map(|t| without(record, t.at, t.end)),
        MissingOpenBracket => one(&[Kind::OpenBracket], rng).map(|t| without(record, t.at, t.end)),
        MissingCloseBracket => one(&[Kind::CloseBracket], rng).map(|t| without(record, t.at, t.end)),
        MissingColon => one(&[Kind::Colon], rng).map(|t| without(record, t.at, t.end)),
        MissingComma => one(&[Kind::Comma], rng).map(|t| without(record, t.at, t.end)),
        ExtraOpenBrace => extra(record, &all, b"{", rng),
        ExtraCloseBrace => extra(record, &all, b"}", rng),
        ExtraOpenBracket => extra(record, &all, b"[", rng),
        ExtraCloseBracket => extra(record, &all, b"]", rng),
        ExtraQuote => extra(record, &all, b"\"", rng),
        ExtraColon => extra(record, &all, b":", rng),
        ExtraComma => extra(record, &all, b",", rng),
        SwappedBracket => {
            one(&[Kind::OpenBrace, Kind::CloseBrace, Kind::OpenBracket, Kind::CloseBracket], rng).map(|t| {
                let other: &[u8] = match t.kind {
                    Kind::OpenBrace => b"[",
                    Kind::CloseBrace => b"]",
                    Kind::OpenBracket => b"{",
                    _ => b"}",
                };
                with(record, t.at, t.end, other)
            })
        }
        MissingQuote => one(STRINGS, rng).map(|t| {
            let at = if rng.one_in(2) { t.at } else { t.end - 1 };
            without(record, at, at + 1)
        }),
        UnquotedKey => {
            one(&[Kind::Key], rng).map(|t| with(record, t.at, t.end, &record[t.at + 1..t.end - 1]))
        }
        SingleQuotes => {
            if rng.one_in(2) {
                return one(STRINGS, rng).map(|t| single_quoted(record, t));
            }
            let strings = all.iter().rev().filter(|t| STRINGS.contains(&t.kind));
            Some(strings.fold(record.to_vec(), |record, t| single_quoted(&record, *t)))
        }
        NanLiteral => {
            let word = *rng.pick(&["NaN", "Infinity", "-Infinity", "nan", "inf"]);
            value(record, &all, VALUES, word, rng)
        }
        BadWord => {
            let word =
                *rng.pick(&["True", "None", "undefined", "nul", "truee", "FALSE", "tru", "N/A", "1 2"]);
            value(record, &all, VALUES, word, rng)
        }
        BadNumber => {
            let word = *rng
                .pick(&["007", "+1", ".5", "1.", "0x1F", "1e", "--1", "1.2.3", "1_000", "-", "1,000.", "00"]);
            value(record, &all, VALUES, word, rng)
        }
        HugeNumber => {
            let word =
                *rng.pick(&["1e131072", "-9e999999", "1e-16384", "123E131070", "1e99999999999999999999"]);
            value(record, &all, VALUES, word, rng)
        }
        BadEscape => {
            inside(record, &all, rng.pick(&["\\x", "\\'", "\\u12G4", "\\U0001", "\\u00", "\\0", "\\ "]), rng)
        }
        NulEscape => inside(record, &all, "\\u0000", rng),
        LoneSurrogate => inside(
            record,
            &all,
            rng.pick(&["\\ud83d", "\\ude00", "\\ud83d\\ud83d", "\\ud83dx", "\\uDE00\\uD83D"]),
            rng,
        ),
        _ => None,
    }
}

fn with(record: &[u8], from: usize, to: usize, by: &[u8]) -> Vec<u8> {
    [&record[..from], by, &record[to..]].concat()
}

fn without(record: &[u8], from: usize, to: usize) -> Vec<u8> {
    with(record, from, to, b"")
}

/// One more before or behind a token, at the very ends too.
fn extra(record: &[u8], all: &[Token], what: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    let token = all[place(all.len(), rng)];
    let at = if rng.one_in(2) { token.at } else { token.end };
    Some(with(record, at, at, what))
}

fn value(record: &[u8], all: &[Token], kinds: &[Kind], word: &str, rng: &mut Rng) -> Option<Vec<u8>> {
    let of: Vec<&Token> = all.iter().filter(|token| kinds.contains(&token.kind)).collect();
    let token = (!of.is_empty()).then(|| of[place(of.len(), rng)])?;
    Some(with(record, token.at, token.end, word.as_bytes()))
}

/// Puts something into a string, not between a backslash and what it escapes.
fn inside(record: &[u8], all: &[Token], what: &str, rng: &mut Rng) -> Option<Vec<u8>> {
    let of: Vec<&Token> = all.iter().filter(|token| matches!(token.kind, Kind::Key | Kind::Text)).collect();
    let token = (!of.is_empty()).then(|| of[place(of.len(), rng)])?;
    let at = string_place(record, token, rng);
    Some(with(record, at, at, what.as_bytes()))
}

/// A place between two characters of a string.
pub(super) fn string_place(record: &[u8], token: &Token, rng: &mut Rng) -> usize {
    let mut places = Vec::new();
    let mut at = token.at + 1;
    while at < token.end {
        places.push(at);
        at += match record[at] {
            b'\\' if record[at + 1] == b'u' => 6,
            b'\\' => 2,
            byte => [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4][usize::from(byte >> 4)],
        };
    }
    places[place(places.len(), rng)]
}

fn single_quoted(record: &[u8], token: Token) -> Vec<u8> {
    let text = [b"'", &record[token.at + 1..token.end - 1], b"'"].concat();
    with(record, token.at, token.end, &text)
}
