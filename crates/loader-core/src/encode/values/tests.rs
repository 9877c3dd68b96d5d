use super::*;
use crate::encode::jsonb::Encoder;
use proptest::prelude::*;

/// What a text becomes; `None` where the server is to be asked.
#[derive(Debug, PartialEq)]
enum Datum {
    Word(u64),
    Bytes(Vec<u8>),
}

fn make(kind: NativeType, text: impl AsRef<[u8]>) -> Option<Datum> {
    let mut out = b"before".to_vec();
    match kind.make(text.as_ref(), &mut out).unwrap() {
        Some(Made::Word(word)) => {
            assert_eq!(out, b"before");
            Some(Datum::Word(word))
        }
        Some(Made::Bytes) => Some(Datum::Bytes(out.strip_prefix(b"before").unwrap().to_vec())),
        None => {
            assert_eq!(out, b"before");
            None
        }
    }
}

fn signed(value: i64) -> Option<Datum> {
    Some(Datum::Word(value as u64))
}

fn varlena(content: &[u8]) -> Option<Datum> {
    Some(Datum::Bytes([&varlena::header(4 + content.len()).to_ne_bytes(), content].concat()))
}

/// What jsonb holds of a number: behind three words, as in an array of one.
fn in_jsonb(text: &str) -> Option<Datum> {
    let mut out = Vec::new();
    Encoder::new().encode(text.as_bytes(), 0, true, &mut out).unwrap()?;
    Some(Datum::Bytes(out.split_off(12)))
}

fn asked(kind: NativeType, texts: &[&str]) {
    for text in texts {
        assert_eq!(make(kind, text), None, "{kind:?} {text:?}");
    }
}

#[test]
fn booleans() {
    for text in ["true", "t", "1", "yes", "on"] {
        assert_eq!(make(NativeType::Bool, text), signed(1), "{text}");
    }
    for text in ["false", "f", "0", "no", "off"] {
        assert_eq!(make(NativeType::Bool, text), signed(0), "{text}");
    }
    asked(NativeType::Bool, &["", "o", "y", "n", "tr", "of", "TRUE", "True", " t", "01", "t\0"]);
}

#[test]
fn integers() {
    let cases = [
        ("0", 0),
        ("-0", 0),
        ("-00", 0),
        ("7", 7),
        ("007", 7),
        ("12345678", 12_345_678),
        ("123456789", 123_456_789),
        ("-2147483648", i64::from(i32::MIN)),
        ("2147483647", i64::from(i32::MAX)),
        ("00000000000000000000000000000042", 42),
        ("-00000000000000000000000000000042", -42),
        ("00000000000000000000", 0),
    ];
    for (text, value) in cases {
        assert_eq!(make(NativeType::Int4, text), signed(value), "{text}");
        assert_eq!(make(NativeType::Int8, text), signed(value), "{text}");
    }
    assert_eq!(make(NativeType::Int2, "-32768"), signed(-32768));
    assert_eq!(make(NativeType::Int2, "32767"), signed(32767));
    assert_eq!(make(NativeType::Int8, "9223372036854775807"), signed(i64::MAX));
    assert_eq!(make(NativeType::Int8, "-9223372036854775808"), signed(i64::MIN));
    asked(NativeType::Int2, &["32768", "-32769", "65536"]);
    asked(NativeType::Int4, &["2147483648", "-2147483649", "4294967296"]);
    asked(NativeType::Int8, &["9223372036854775808", "-9223372036854775809", "18446744073709551616"]);
    asked(NativeType::Int8, &["99999999999999999999", "10000000000000000000000"]);
    let others =
        ["", "-", "--1", "+5", " 5", "5 ", "0x1F", "0o7", "0b1", "1_000", "1e2", "1.5", "1.0", "5\0"];
    for kind in [NativeType::Int2, NativeType::Int4, NativeType::Int8] {
        asked(kind, &others);
    }
    // Every byte that is no digit, at every place.
    for length in 1..=19 {
        for at in 0..length {
            for b in (0..=u8::MAX).filter(|b| !b.is_ascii_digit() && !(at == 0 && length > 1 && *b == b'-')) {
                let mut text = vec![b'1'; length];
                text[at] = b;
                assert_eq!(make(NativeType::Int8, &text), None, "{text:?}");
            }
        }
    }
}

#[test]
fn floats() {
    let eight = |value: f64| Some(Datum::Word(value.to_bits()));
    assert_eq!(make(NativeType::Float8, "1"), Some(Datum::Word(0x3FF0_0000_0000_0000)));
    assert_eq!(make(NativeType::Float8, "-0"), Some(Datum::Word(0x8000_0000_0000_0000)));
    assert_eq!(make(NativeType::Float8, "-0.0e5"), eight(-0.0));
    assert_eq!(make(NativeType::Float8, "0e400"), eight(0.0));
    assert_eq!(make(NativeType::Float8, "007.50"), eight(7.5));
    assert_eq!(make(NativeType::Float8, "1E+2"), eight(100.0));
    assert_eq!(make(NativeType::Float8, "1.7976931348623157e308"), eight(f64::MAX));
    assert_eq!(make(NativeType::Float8, "2.2250738585072014e-308"), eight(f64::MIN_POSITIVE));
    // Half way between two floats, and a little more than that at the 40th digit.
    assert_eq!(make(NativeType::Float8, "9007199254740993"), eight(9_007_199_254_740_992.0));
    let more = "9007199254740993.000000000000000000000001";
    assert_eq!(make(NativeType::Float8, more), eight(9_007_199_254_740_994.0));
    assert_eq!(make(NativeType::Float4, "1"), Some(Datum::Word(0x3F80_0000)));
    assert_eq!(make(NativeType::Float4, "-1"), Some(Datum::Word(0xFFFF_FFFF_BF80_0000)));
    // Rounded once: as a double it would be half way, and then round to even.
    assert_eq!(make(NativeType::Float4, "1.00000017881393432617187499"), Some(Datum::Word(0x3F80_0001)));
    for kind in [NativeType::Float4, NativeType::Float8] {
        let others = [
            "", "-", ".", "+1", " 1", "1 ", ".5", "5.", "1e", "1e+", "1e5.0", "e5", "inf", "nan", "NaN",
            "Infinity", "-inf", "0x1p3", "1e-320", "1e-400", "1e400", "1_0", "1,5", "1\0",
        ];
        asked(kind, &others);
    }
    asked(NativeType::Float4, &["1e39", "1e-39", "1e-46", "3.4028236e38"]);
    asked(NativeType::Float8, &["2.2250738585072009e-308", "1.7976931348623159e308"]);
}

#[test]
fn numerics() {
    // Sign, display scale and weight in the short form of the header, then digits of base 10000.
    let by_hand: [(&str, &[u16]); 8] = [
        ("0", &[0x8000]),
        ("-0.00", &[0x8100]),
        ("1", &[0x8000, 1]),
        ("-1", &[0xA000, 1]),
        ("10000", &[0x8001, 1]),
        ("12345.678", &[0x8181, 1, 2345, 6780]),
        ("0.00010", &[0x82FF, 1]),
        // The long form: a scale of more than 63.
        ("1e-64", &[0x0040, 0xFFF0, 1]),
    ];
    for (text, units) in by_hand {
        let content: Vec<u8> = units.iter().flat_map(|unit| unit.to_ne_bytes()).collect();
        assert_eq!(make(NativeType::Numeric(None), text), varlena(&content), "{text}");
    }
    // What JSON does not allow.
    assert_eq!(make(NativeType::Numeric(None), "007.50"), in_jsonb("7.50"));
    assert_eq!(make(NativeType::Numeric(None), "-000"), in_jsonb("0"));
    let others = [
        "",
        "-",
        "+5",
        " 1",
        "1 ",
        ".5",
        "5.",
        "1e",
        "1_000.5",
        "0x1F",
        "NaN",
        "Infinity",
        "-inf",
        "inf",
        "1e131072",
        "1e-16384",
        "1\0",
        "12345678901234567890\0",
        "1e2000000000",
        "1.2.3",
    ];
    asked(NativeType::Numeric(None), &others);
}

#[test]
fn numerics_within_a_limit() {
    let limited = |precision, scale| NativeType::Numeric(Some(NumericLimit { precision, scale }));
    let alike = [
        (limited(5, 2), "1", "1.00"),
        (limited(5, 2), "-999.99", "-999.99"),
        (limited(5, 2), "1.5e2", "150.00"),
        (limited(5, 2), "0", "0.00"),
        (limited(5, 2), "0005.5", "5.50"),
        (limited(2, 4), "0.0099", "0.0099"),
        (limited(2, 4), "0", "0.0000"),
        (
            limited(100, 80),
            "1.5",
            concat!(
                "1.50000000000000000000",
                "000000000000000000000000000000",
                "000000000000000000000000000000"
            ),
        ),
        (limited(38, 9), "1234567890123456789.1", "1234567890123456789.100000000"),
        (limited(19, 0), "9999999999999999999", "9999999999999999999"),
    ];
    for (kind, text, same) in alike {
        assert_eq!(make(kind, text), in_jsonb(same), "{kind:?} {text}");
    }
    // To be rounded, even where that changes nothing, and too large.
    asked(limited(5, 2), &["1.555", "1.500", "1000", "-1000.00", "1e3", "99999999999999999999", "1e-3"]);
    asked(limited(2, 4), &["0.01", "0.0100", "1", "0.00001"]);
    asked(limited(2, -3), &["0", "1000", "99000", "1"]);
}

#[test]
fn texts() {
    for kind in [NativeType::Text, NativeType::Json, NativeType::Varchar(None)] {
        assert_eq!(make(kind, ""), varlena(b""));
        assert_eq!(make(kind, " {\"a\": 1} "), varlena(b" {\"a\": 1} "));
        assert_eq!(make(kind, "ü€"), varlena("ü€".as_bytes()));
        asked(kind, &["\0", "a\0b"]);
    }
    for text in ["", "abc", "ü€𝄞"] {
        assert_eq!(make(NativeType::Varchar(Some(3)), text), varlena(text.as_bytes()));
    }
    asked(NativeType::Varchar(Some(3)), &["abcd", "abc ", "ü€𝄞x", "𝄞𝄞𝄞𝄞𝄞", "a\0"]);
}

#[test]
fn dates() {
    let cases = [
        ("2000-01-01", 0),
        ("2000-02-29", 59),
        ("2000-03-01", 60),
        ("1999-12-31", -1),
        ("1970-01-01", -10957),
        ("0001-01-01", -730_119),
        ("9999-12-31", 2_921_939),
    ];
    for (text, days) in cases {
        assert_eq!(make(NativeType::Date, text), signed(days), "{text}");
    }
    let others = [
        "",
        "2023-02-29",
        "1900-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-01-00",
        "2024-04-31",
        "0000-01-01",
        "03/04/2024",
        "20240105",
        "J2451187",
        "2024-1-5",
        "24-01-05",
        "12024-01-05",
        "infinity",
        "-infinity",
        "now",
        "epoch",
        "today",
        "2024-01-05 BC",
        "2024-01-05 00:00",
        "2024-01-05Z",
        " 2024-01-05",
        "2024-01-05 ",
        "2024-01-05\0",
        "-024-01-05",
    ];
    asked(NativeType::Date, &others);
}

#[test]
fn timestamps() {
    let cases = [
        ("2000-01-01 00:00:00", 0),
        ("2000-01-01", 0),
        ("2000-01-01T00:01", 60_000_000),
        ("1999-12-31 23:59:59.999999", -1),
        ("1970-01-01 00:00:00", -946_684_800_000_000),
        ("2024-01-05T10:00:00.5", 757_764_000_500_000),
        ("2000-01-01 00:00:00.000001", 1),
        ("9999-12-31 23:59:59.999999", 252_455_615_999_999_999),
    ];
    for (text, microseconds) in cases {
        assert_eq!(make(NativeType::Timestamp(None), text), signed(microseconds), "{text}");
        assert_eq!(make(NativeType::Timestamp(Some(6)), text), signed(microseconds), "{text}");
    }
    assert_eq!(make(NativeType::Timestamp(Some(3)), "2000-01-01 00:00:00.012"), signed(12_000));
    assert_eq!(make(NativeType::Timestamp(Some(0)), "2000-01-01 00:00:01"), signed(1_000_000));
    asked(NativeType::Timestamp(Some(3)), &["2000-01-01 00:00:00.0120"]);
    asked(NativeType::Timestamp(Some(0)), &["2000-01-01 00:00:01.5"]);
    let others = [
        "2024-01-05 24:00:00",
        "2024-01-05 10:00:60",
        "2024-01-05 10:60",
        "2024-01-05 10",
        "2024-01-05 ",
        "2024-01-05T",
        "2024-01-05 10:00:00.",
        "2024-01-05 10:00:00.1234567",
        "2024-01-05 10:00:00.0000000",
        "2024-01-05 10:00:00Z",
        "2024-01-05 10:00:00+02",
        "2024-01-05 10:00:00 UTC",
        "2023-02-29 10:00",
        "2024-01-05t10:00",
        "2024-01-05 10:00 PM",
        "2024-01-05 1:00",
        "2024-01-05  10:00",
        "infinity",
        "now",
        "2024-01-05 10:00:00 BC",
        "2024-01-05 10:00:00\0",
    ];
    asked(NativeType::Timestamp(None), &others);
    asked(NativeType::TimestampTz(None), &others[..8]);
}

#[test]
fn timestamps_with_an_offset() {
    let cases = [
        ("2000-01-01 00:00:00Z", 0),
        ("2000-01-01 00:00:00+00", 0),
        ("2000-01-01 00:00:00-00:00", 0),
        ("2000-01-01T02:00:00+02", 0),
        ("2000-01-01T00:00-0530", 19_800_000_000),
        ("2000-01-01 05:45:00.25+05:45", 250_000),
        ("2000-01-01 00:00:00 -0700", 25_200_000_000),
        ("2000-01-01 00:00:00+15:59", -57_540_000_000),
        ("0001-01-01 00:00:00+15:59", -63_082_281_600_000_000 - 57_540_000_000),
    ];
    for (text, microseconds) in cases {
        assert_eq!(make(NativeType::TimestampTz(None), text), signed(microseconds), "{text}");
    }
    assert_eq!(make(NativeType::TimestampTz(Some(1)), "2000-01-01 00:00:00.1Z"), signed(100_000));
    asked(NativeType::TimestampTz(Some(1)), &["2000-01-01 00:00:00.10Z"]);
    let others = [
        "2000-01-01",
        "2000-01-01 00:00:00",
        "2000-01-01Z",
        "2000-01-01+02",
        "2000-01-01 00:00:00 Z",
        "2000-01-01 00:00:00z",
        "2000-01-01 00:00:00+16",
        "2000-01-01 00:00:00+1",
        "2000-01-01 00:00:00+02:60",
        "2000-01-01 00:00:00+02:00:00",
        "2000-01-01 00:00:00 UTC",
        "2000-01-01 00:00:00 Europe/Berlin",
        "2000-01-01 00:00:00+02 ",
        "2000-01-01 00:00:00+020",
        "2000-02-30 00:00:00Z",
    ];
    asked(NativeType::TimestampTz(None), &others);
}

#[test]
fn uuids() {
    let bytes =
        [0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8, 0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a, 0x11];
    for text in ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"] {
        assert_eq!(make(NativeType::Uuid, text), Some(Datum::Bytes(bytes.to_vec())));
    }
    let others = [
        "",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1 ",
        "a0eebc99-9c0b-4ef8-bb6d6-bb9bd380a11",
    ];
    asked(NativeType::Uuid, &others);
}

#[test]
fn byteas() {
    assert_eq!(make(NativeType::Bytea, r"\x"), varlena(b""));
    assert_eq!(make(NativeType::Bytea, r"\x00fFA5"), varlena(b"\x00\xFF\xA5"));
    asked(
        NativeType::Bytea,
        &["", "abc", r"\\x00", r"\X00", r"\x0", r"\x 00", r"\x0 0", r"\x0g", r"\x00\", "x00"],
    );
}

/// Every byte at every place.
#[test]
fn what_is_a_hexadecimal_digit() {
    for at in 0..8 {
        for b in 0..=u8::MAX {
            let mut text = *br"\x37373737";
            text[2 + at] = b;
            let mut bytes = *b"7777";
            let expected = char::from(b).to_digit(16).map(|digit| {
                let shift = if at % 2 == 0 { 4 } else { 0 };
                bytes[at / 2] = bytes[at / 2] & !(0xF << shift) | (digit as u8) << shift;
                bytes
            });
            let expected = expected.and_then(|bytes| varlena(&bytes));
            assert_eq!(make(NativeType::Bytea, text), expected, "{}", text.escape_ascii());
        }
    }
}

#[test]
fn datums_are_padded() {
    let mut out = b"abc".to_vec();
    crate::encode::pad(&mut out).unwrap();
    assert_eq!(out, b"abc\0\0\0\0\0");
    crate::encode::pad(&mut out).unwrap();
    assert_eq!(out.len(), 8);
}

/// The day after, by the lengths of months.
fn next((year, month, day): (u32, u32, u32)) -> (u32, u32, u32) {
    let is_leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
    let days =
        [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
    match (year, month, day) {
        (_, 12, 31) => (year + 1, 1, 1),
        (_, _, day) if day == days => (year, month + 1, 1),
        _ => (year, month, day + 1),
    }
}

/// In 400 years, after which all days come again, and the next of them.
#[test]
fn every_day_is_the_one_after_the_day_before() {
    let (mut date, mut days) = ((1, 1, 1), -730_119);
    while date.0 <= 801 {
        let (year, month, day) = date;
        assert_eq!(make(NativeType::Date, format!("{year:04}-{month:02}-{day:02}")), signed(days));
        (date, days) = (next(date), days + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn integers_as_std_reads_them(text in "-?[0-9]{1,21}|-?[0-9]{1,6}|[-+0-9 .e]{0,9}") {
        let plain = !text.starts_with('+');
        let word = |value: i64| Some(Datum::Word(value as u64));
        let (two, four, eight) = (text.parse::<i16>(), text.parse::<i32>(), text.parse::<i64>());
        prop_assert_eq!(make(NativeType::Int2, &text), two.ok().filter(|_| plain).and_then(|v| word(v.into())));
        prop_assert_eq!(make(NativeType::Int4, &text), four.ok().filter(|_| plain).and_then(|v| word(v.into())));
        prop_assert_eq!(make(NativeType::Int8, &text), eight.ok().filter(|_| plain).and_then(word));
    }

    #[test]
    fn floats_come_back(bits in any::<u64>()) {
        let eight = f64::from_bits(bits);
        let four = f32::from_bits(bits as u32);
        for text in [format!("{eight}"), format!("{eight:e}")] {
            let expected = eight.is_normal().then_some(Datum::Word(bits));
            prop_assert_eq!(make(NativeType::Float8, &text), expected, "{}", text);
        }
        for text in [format!("{four}"), format!("{four:e}")] {
            let expected = if four.is_normal() { signed(i64::from(bits as i32)) } else { None };
            prop_assert_eq!(make(NativeType::Float4, &text), expected, "{}", text);
        }
    }

    #[test]
    fn numerics_as_in_jsonb(text in "-?(0|[1-9][0-9]{0,25})([.][0-9]{1,30})?(e[-+]?[0-9]{1,3})?") {
        prop_assert_eq!(make(NativeType::Numeric(None), &text), in_jsonb(&text));
    }

    /// Zeros written out to the scale.
    #[test]
    fn numerics_have_the_scale_of_their_limit(
        integer in "-?(0|[1-9][0-9]{0,24})",
        fraction in "[0-9]{0,12}",
        scale in 0_u16..80,
        room in 0_u16..30,
    ) {
        let text = if fraction.is_empty() { integer.clone() } else { format!("{integer}.{fraction}") };
        let limit = NumericLimit { precision: scale + room + 1, scale: scale as i16 };
        let digits = integer.trim_start_matches('-').trim_start_matches('0').len();
        let fits = fraction.len() <= scale.into() && digits <= (room + 1).into();
        let expected = if fits {
            let zeros = "0".repeat(usize::from(scale) - fraction.len());
            let point = if scale == 0 { "" } else { "." };
            in_jsonb(&format!("{integer}{point}{fraction}{zeros}"))
        } else {
            None
        };
        prop_assert_eq!(make(NativeType::Numeric(Some(limit)), &text), expected);
    }

    #[test]
    fn timestamps_add_up(
        days in -730_119_i64..2_921_940,
        time in 0_i64..86_400_000_000,
        digits in 0_u32..=6,
        offset in -959_i64..=959,
    ) {
        // From the day back to the date, by another way: Julian days.
        let (mut l, n, i, j);
        l = days + 2_451_545 + 68_569;
        n = 4 * l / 146_097;
        l -= (146_097 * n + 3) / 4;
        i = 4000 * (l + 1) / 1_461_001;
        l = l - 1461 * i / 4 + 31;
        j = 80 * l / 2447;
        let day = l - 2447 * j / 80;
        l = j / 11;
        let (year, month) = (100 * (n - 49) + i + l, j + 2 - 12 * l);
        let step = 10_i64.pow(6 - digits);
        let time = time / step * step;
        let (hour, minute, second) = (time / 3_600_000_000, time / 60_000_000 % 60, time / 1_000_000 % 60);
        let mut text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
        if digits > 0 {
            text += &format!(".{:0width$}", time % 1_000_000 / step, width = digits as usize);
        }
        let value = days * 86_400_000_000 + time;
        prop_assert_eq!(make(NativeType::Timestamp(Some(digits as u8)), &text), signed(value));
        let (sign, ahead) = (if offset < 0 { '-' } else { '+' }, offset.abs());
        text += &format!("{sign}{:02}:{:02}", ahead / 60, ahead % 60);
        prop_assert_eq!(make(NativeType::TimestampTz(None), &text), signed(value - offset * 60_000_000));
        prop_assert_eq!(make(NativeType::Timestamp(None), &text), None);
    }

    #[test]
    fn texts_of_any_kind_never_panic(text in any::<String>(), bytes in "[-0-9a-fxT:.+ Z\\\\]{0,40}") {
        use NativeType::*;
        let limit = Some(NumericLimit { precision: 3, scale: 1 });
        for kind in [
            Bool, Int2, Int4, Int8, Float4, Float8, Numeric(None), Numeric(limit), Text, Varchar(Some(4)), Date,
            Timestamp(None), TimestampTz(Some(2)), Uuid, Json, Bytea,
        ] {
            make(kind, &text);
            make(kind, &bytes);
        }
    }
}
