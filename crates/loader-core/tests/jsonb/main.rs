//! The jsonb encoder: literal bytes that `jsonb_in` of PostgreSQL 15 and 18 made,
//! and, for random documents, a decoder of our own that knows nothing of the
//! encoder, the structure that the server relies on, and the scanner's verdict.

mod value;

use loader_core::encode::jsonb::Encoder;
use loader_core::json::scan::{Progress, Scanner};
use proptest::prelude::*;
use value::{Value, decode};

fn encode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let end = Encoder::new().encode(text, 0, true, &mut out).expect("there is memory");
    assert!(end.is_some() || out.is_empty());
    end.map(|_| out)
}

fn hex(bytes: &[u8]) -> String {
    let words = bytes.chunks(4).map(|word| word.iter().map(|b| format!("{b:02x}")).collect::<String>());
    words.collect::<Vec<_>>().join(" ")
}

/// What `jsonb_in` makes of these on a little-endian machine: `jsonb_send` would
/// not show it, so the bytes were read by a C function.
#[rustfmt::skip]
const FROM_THE_SERVER: &[(&str, &str)] = &[
    (r#"{"b":12345}"#, "78000000 01000020 01000080 0d000010 62000000 28000000 01800100 2909"),
    (r#"{}"#, "20000000 00000020"),
    (r#"[]"#, "20000000 00000040"),
    (r#"null"#, "30000000 01000050 000000c0"),
    (r#"true"#, "30000000 01000050 000000b0"),
    (r#""abc""#, "3c000000 01000050 03000080 616263"),
    (r#"-0"#, "48000000 01000050 06000090 18000000 0080"),
    (r#"0.00"#, "48000000 01000050 06000090 18000000 0081"),
    (r#"-0.0"#, "48000000 01000050 06000090 18000000 8080"),
    (r#"0e5"#, "48000000 01000050 06000090 18000000 0080"),
    (r#"1.10"#, "58000000 01000050 0a000090 28000000 00810100 e803"),
    (r#"1e5"#, "50000000 01000050 08000090 20000000 01800a00"),
    (r#"1e-3"#, "50000000 01000050 08000090 20000000 ff810a00"),
    (r#"10000"#, "50000000 01000050 08000090 20000000 01800100"),
    (r#"12340000"#, "50000000 01000050 08000090 20000000 0180d204"),
    (r#"1e16"#, "50000000 01000050 08000090 20000000 04800100"),
    (r#"123456789012345678"#, "70000000 01000050 10000090 40000000 04800c00 800dd21e d2042e16"),
    (r#"18446744073709551616"#, "70000000 01000050 10000090 40000000 04803407 581ae102 bb035006"),
    (r#"0.00010000"#, "50000000 01000050 08000090 20000000 7f840100"),
    (r#"-12345.678"#, "60000000 01000050 0c000090 30000000 81a10100 29097c1a"),
    (r#"1e-63"#, "50000000 01000050 08000090 20000000 f09f0a00"),
    (r#"1e-64"#, "58000000 01000050 0a000090 28000000 4000f0ff 0100"),
    (r#"1e252"#, "50000000 01000050 08000090 20000000 3f800100"),
    (r#"1e256"#, "58000000 01000050 0a000090 28000000 00004000 0100"),
    (r#"1e131071"#, "58000000 01000050 0a000090 28000000 0000ff7f e803"),
    (r#"[1,[],{},"x",{"a":[false]}]"#, "20010000 05000040 08000090 04000050 04000050 01000000 1b000050 20000000 00800100 00000040 00000020 78000000 01000020 01000080 0b000050 61000000 01000040 000000a0"),
    (r#"{"bb":1,"a":2,"c":null,"":3,"a":4}"#, "10010000 04000020 00000080 01000000 01000000 02000000 08000010 08000010 00000040 08000010 61636262 20000000 00800300 20000000 00800400 20000000 00800100"),
    (r#"{"a\u0062":1,"ab":2}"#, "70000000 01000020 02000080 0a000010 61620000 20000000 00800200"),
    (r#""\u0041\u00e9\u20ac\ud83d\ude00\n\/""#, "60000000 01000050 0c000080 41c3a9e2 82acf09f 98800a2f"),
    (r#"["a",1,"bc",[2]]"#, "e0000000 04000040 01000080 0b000010 02000000 12000050 61000000 20000000 00800100 62630000 01000040 08000090 20000000 00800200"),
];

#[test]
#[cfg(target_endian = "little")]
fn bytes_of_the_server() {
    for (text, bytes) in FROM_THE_SERVER {
        let got = encode(text.as_bytes()).unwrap_or_else(|| panic!("not encoded: {text}"));
        assert_eq!(hex(&got), *bytes, "{text}");
    }
}

#[test]
fn appends_and_leaves_alone() {
    let mut encoder = Encoder::new();
    let mut out = vec![1, 2, 3, 4];
    let text = b"[1] {\"a\":[true]} [\"x";
    assert_eq!(encoder.encode(text, 0, false, &mut out), Ok(Some(3)));
    let one = out.clone();
    assert_eq!(one[..4], [1, 2, 3, 4]);
    assert_eq!(Some(&one[4..]), encode(b"[1]").as_deref());
    assert_eq!(encoder.encode(text, 17, true, &mut out), Ok(None));
    assert_eq!(out, one);
    assert_eq!(encoder.encode(text, 4, false, &mut out), Ok(Some(16)));
    assert_eq!(Some(&out[one.len()..]), encode(b"{\"a\":[true]}").as_deref());
    assert_eq!(encoder.encode(text, text.len(), true, &mut out), Ok(None));
    assert_eq!(encoder.encode(text, text.len() + 1, true, &mut out), Ok(None));
}

#[test]
fn what_ends_the_text_decides_only_at_its_end() {
    for (text, whole) in [("12", false), ("true", false), ("12 ", true), ("\"a\"", true), ("[1]", true)] {
        let mut out = Vec::new();
        let got = Encoder::new().encode(text.as_bytes(), 0, false, &mut out);
        assert_eq!(got.map(|end| end.is_some()), Ok(whole), "{text}");
        assert!(encode(text.as_bytes()).is_some(), "{text}");
    }
    for text in ["12x", "12.", "true1", "null$", "1é", "-", "01"] {
        assert_eq!(encode(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn tells_depth_and_lines() {
    let mut encoder = Encoder::new();
    let mut tell = |text: &str| {
        encoder.encode(text.as_bytes(), 0, true, &mut Vec::new()).expect("there is memory");
        (encoder.deepest(), encoder.spans_lines())
    };
    assert_eq!(tell("1"), (0, false));
    assert_eq!(tell("[[1],{}]"), (2, false));
    assert_eq!(tell("[1,\n          2]"), (1, true));
    assert_eq!(tell("[1, 2 ,\t\r3]\n"), (1, false));
    assert_eq!(tell("{ \n}"), (1, true));
}

#[test]
fn leaves_very_deep_records_to_the_server() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(encode(nested(500).as_bytes()).is_some());
        assert_eq!(encode(nested(501).as_bytes()), None);
    }
}

/// Offsets stand in every 32nd JEntry, so what is special happens around there.
#[test]
fn containers_around_the_stride() {
    for count in [0, 1, 31, 32, 33, 63, 64, 65, 129, 1000] {
        let element = |i: usize| Value::Number(format!("{i}"));
        let array = Value::Array((0..count).map(element).collect());
        assert_eq!(round_trip(&array), array);
        let object = |order: fn(usize) -> usize| {
            Value::Object((0..count).map(|i| (format!("key {}", order(i)), element(i))).collect())
        };
        for order in [|i| i, |i| 5000 - i, |i| i * 7919 % 5003] {
            let value = object(order);
            assert_eq!(round_trip(&value), value.clone().into_stored());
        }
    }
}

#[test]
fn strings_of_every_length_with_anything_anywhere() {
    for length in 0..80 {
        for at in 0..=length {
            for special in ["\n", "\"", "\\", "\u{1}", "é", "日", "😀", "\u{7f}", " "] {
                let text = format!("{}{special}{}", "x".repeat(at), "y".repeat(length - at));
                let value = Value::Object(vec![(text.clone(), Value::String(text))]);
                assert_eq!(round_trip(&value), value);
            }
        }
    }
}

#[test]
fn limits_of_numeric() {
    for good in ["1e131071", "0e131072", "1e-16383", "0.0001e131075", "-9.99e131071"] {
        assert!(encode(good.as_bytes()).is_some(), "{good}");
    }
    for bad in ["1e131072", "1e-16384", "0e-16384", "1e1073741823", "0e1073741823", "1e99999999999999999999"]
    {
        assert_eq!(encode(bad.as_bytes()), None, "{bad}");
    }
}

/// The value that is read back from the encoded text of `value`.
fn round_trip(value: &Value) -> Value {
    let text = value.to_text();
    let mut out = Vec::new();
    let mut encoder = Encoder::new();
    // Later objects of a shape take another way than the first ones; near the end
    // of the text words cannot be read.
    let padded = format!("{text}{}", " ".repeat(64));
    let mut seen = Vec::new();
    for (text, eof) in [(&text, true), (&padded, false), (&padded, false), (&padded, false)] {
        out.clear();
        let end = encoder.encode(text.as_bytes(), 0, eof, &mut out).expect("there is memory");
        assert_eq!(end, Some(text.trim_end().len()), "{text}");
        seen.push(out.clone());
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "one text, two values: {text}");
    decode(&out)
}

fn number() -> impl Strategy<Value = String> {
    let plain = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?";
    let zeros = "-?[1-9]0{0,24}(\\.0{0,20}[0-9]{1,3})?";
    let any = "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?";
    prop_oneof![plain, zeros, any]
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{0,12}",
        2 => "[ -~]{0,70}",
        1 => proptest::collection::vec(any::<char>().prop_filter("no text holds it", |c| *c != '\0'), 0..20)
            .prop_map(|chars| chars.into_iter().collect::<String>()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(Value::Number),
        string().prop_map(Value::String),
    ];
    scalar.prop_recursive(5, 200, 40, |inner| {
        let key = prop_oneof![string(), "[ab]{0,2}", "common prefix [ab]{0,9}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..40).prop_map(Value::Array),
            proptest::collection::vec((key, inner), 0..40).prop_map(Value::Object),
        ]
    })
}

/// A document with a few bytes changed.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(&b"\"\\{}[],:0123456789-+.eEtfnu \n\t\x01\x1e\x7f$\xc3"[..]);
    let change = (any::<prop::sample::Index>(), 0..4usize, piece);
    (value(), proptest::collection::vec(change, 0..4)).prop_map(|(value, changes)| {
        let mut text = value.to_text().into_bytes();
        for (at, how, piece) in changes {
            let at = at.index(text.len() + 1);
            match how {
                0 => text.truncate(at.max(1)),
                1 if at < text.len() && text.len() > 1 => drop(text.remove(at)),
                2 if at < text.len() => text[at] = piece,
                _ => text.insert(at, piece),
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn is_read_back(value in value()) {
        prop_assert_eq!(round_trip(&value), value.into_stored());
    }

    #[test]
    fn judges_as_the_scanner_does(text in broken()) {
        let start = text.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(text.len());
        for eof in [true, false] {
            let mut scanner = Scanner::new(false);
            let expected = match scanner.scan(&text, start, eof) {
                Progress::Done(end) if scanner.soft().is_none() => Some(end),
                _ => None,
            };
            let mut encoder = Encoder::new();
            let got = encoder.encode(&text, start, eof, &mut Vec::new()).expect("there is memory");
            if eof || got.is_none() || expected.is_some() {
                prop_assert_eq!(got, expected, "eof {}: {}", eof, String::from_utf8_lossy(&text));
            } else {
                // The scanner waits for more where an escape ends near the end of the text.
                let mut more = text.clone();
                more.extend_from_slice(&[b' '; 16]);
                let mut scanner = Scanner::new(false);
                prop_assert_eq!(scanner.scan(&more, start, true), Progress::Done(got.unwrap_or(0)));
                prop_assert!(scanner.soft().is_none());
            }
            if got.is_some() {
                prop_assert_eq!(encoder.deepest(), scanner.deepest());
            }
        }
    }

    #[test]
    fn takes_any_bytes(text in proptest::collection::vec(any::<u8>(), 0..200), start in 0..220usize) {
        let _ = Encoder::new().encode(&text, start, true, &mut Vec::new());
    }
}
