//! The jsonb encoder against the scanner (is it good, where does it end), and
//! against serde_json's reading of the same text (is the datum that value). A
//! decoder written from the format's description reads the datum, and is strict
//! about everything that the server relies on.

use crate::value::{self, Value};
use loader_core::encode::jsonb::Encoder;
use loader_core::json::scan::{Progress, Scanner};

/// Deeper values are left to the server.
const DEEPEST: usize = 500;

/// The decoder writes numbers out; so many zeros, and what it says is not worth
/// the time.
const ZEROS: u64 = 20_000;

/// Encodes the values of a text one after the other, with one encoder: what it
/// remembers of one must not show in the next.
pub fn check(text: &[u8]) {
    let mut encoder = Encoder::new();
    let mut at = 0;
    while let Some(start) = first(text, at) {
        match one(&mut encoder, text, start) {
            // A scalar may end where the next begins.
            Some(end) => at = end,
            None => return,
        }
    }
}

/// Whether the text is one good value with white space around it, in UTF-8.
pub fn accepts(text: &[u8]) -> bool {
    let Some(start) = first(text, 0) else { return false };
    let whole = |end| first(text, end).is_none();
    std::str::from_utf8(text).is_ok() && verdict(text, start, true).0.is_some_and(whole)
}

/// The first byte from `at` on that is no white space of JSON's.
fn first(text: &[u8], at: usize) -> Option<usize> {
    let blank = text[at..].iter().position(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'))?;
    Some(at + blank)
}

/// The scanner's: the end of a good value, and how deep it is.
fn verdict(text: &[u8], start: usize, eof: bool) -> (Option<usize>, usize) {
    let mut scanner = Scanner::new(false);
    let end = match scanner.scan(text, start, eof) {
        Progress::Done(end) if scanner.soft().is_none() => Some(end),
        _ => None,
    };
    (end, scanner.deepest())
}

fn one(encoder: &mut Encoder, text: &[u8], start: usize) -> Option<usize> {
    let (expected, deepest) = verdict(text, start, true);
    let expected = expected.filter(|_| deepest <= DEEPEST);
    let before = b"before".to_vec();
    let mut out = before.clone();
    let end = encoder.encode(text, start, true, &mut out).expect("there is memory");
    assert_eq!(end, expected, "the scanner says otherwise");
    assert!(out.starts_with(&before));
    let datum = out.split_off(before.len());
    let Some(end) = end else {
        assert!(datum.is_empty(), "something is left of a value that is not good");
        cut(encoder, text, start);
        return None;
    };
    assert_eq!(encoder.deepest(), deepest);
    let value = &text[start..end];
    // Where the text lies in what is around it, and what came before, must not
    // matter; words are read otherwise near the end of the text.
    for (around, eof) in [(value.to_vec(), true), ([value, &[b' '; 64]].concat(), false)] {
        for encoder in [&mut Encoder::new(), &mut *encoder] {
            let mut again = Vec::new();
            let found = encoder.encode(&around, 0, eof, &mut again).expect("there is memory");
            assert_eq!(found, Some(value.len()));
            assert!(again == datum, "one text, two values");
        }
    }
    cut(encoder, text, start);
    compare(value, &datum);
    Some(end)
}

/// Where more may follow, less is decided, and nothing otherwise.
fn cut(encoder: &mut Encoder, text: &[u8], start: usize) {
    let got = encoder.encode(text, start, false, &mut Vec::new()).expect("there is memory");
    let (expected, deepest) = verdict(text, start, false);
    if got.is_some() || deepest > DEEPEST {
        // The scanner waits for more where an escape ends near the end.
        let more = [text, &[b' '; 16]].concat();
        assert!(got.is_none() || got == verdict(&more, start, true).0);
    } else {
        assert_eq!(got, expected, "not decided");
    }
}

fn compare(text: &[u8], datum: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let read = <serde_json::Value as serde::Deserialize>::deserialize(&mut reader);
    let read = read.unwrap_or_else(|error| panic!("serde_json: {error}"));
    let mut zeros = 0;
    let read = convert(read, &mut zeros);
    if zeros <= ZEROS {
        assert_eq!(value::decode(datum), read.into_stored());
    }
}

fn convert(read: serde_json::Value, zeros: &mut u64) -> Value {
    use serde_json::Value as Read;
    match read {
        Read::Null => Value::Null,
        Read::Bool(b) => Value::Bool(b),
        Read::Number(number) => {
            let text = number.as_str().to_owned();
            let exponent = text.split_once(['e', 'E']).and_then(|(_, exponent)| exponent.parse::<i64>().ok());
            *zeros += exponent.map_or(0, i64::unsigned_abs);
            Value::Number(text)
        }
        Read::String(string) => Value::String(string),
        Read::Array(elements) => {
            Value::Array(elements.into_iter().map(|element| convert(element, zeros)).collect())
        }
        Read::Object(pairs) => {
            Value::Object(pairs.into_iter().map(|(key, value)| (key, convert(value, zeros))).collect())
        }
    }
}
