//! A JSON value, its text, and how it is read from jsonb: written from the
//! description of the format (src/include/utils/jsonb.h and numeric.c), and strict
//! about everything that the server relies on.

/// A value. Numbers are texts: as JSON has them or, when read from jsonb, without
/// an exponent and with as many decimals as the display scale says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        match self {
            Value::Null => text.push_str("null"),
            Value::Bool(b) => text.push_str(if *b { "true" } else { "false" }),
            Value::Number(number) => text.push_str(number),
            Value::String(string) => write_string(string, text),
            Value::Array(elements) => {
                text.push('[');
                for (i, element) in elements.iter().enumerate() {
                    separate(i, text);
                    element.write(text);
                }
                text.push(']');
            }
            Value::Object(pairs) => {
                text.push('{');
                for (i, (key, value)) in pairs.iter().enumerate() {
                    separate(i, text);
                    write_string(key, text);
                    text.push_str([":", ": ", " :\n  "][i % 3]);
                    value.write(text);
                }
                text.push('}');
            }
        }
    }

    /// The value as jsonb has it: keys sorted, the last of equal ones, plain numbers.
    pub fn into_stored(self) -> Value {
        match self {
            Value::Number(number) => Value::Number(plain(&number)),
            Value::Array(elements) => Value::Array(elements.into_iter().map(Value::into_stored).collect()),
            Value::Object(pairs) => {
                let mut kept: Vec<(String, Value)> = Vec::new();
                for (key, value) in pairs {
                    kept.retain(|(other, _)| *other != key);
                    kept.push((key, value.into_stored()));
                }
                kept.sort_by(|(a, _), (b, _)| (a.len(), a.as_bytes()).cmp(&(b.len(), b.as_bytes())));
                Value::Object(kept)
            }
            other => other,
        }
    }
}

fn separate(i: usize, text: &mut String) {
    if i > 0 {
        text.push_str([",", ", ", ",\n      \t     "][i % 3]);
    }
}

/// Writes some characters as they are and some as escapes, where JSON leaves that open.
fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for (i, c) in string.chars().enumerate() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '/' if i % 2 == 0 => text.push_str("\\/"),
            c if c < ' ' || (!c.is_ascii() && i % 2 == 0) || (i + c as usize).is_multiple_of(97) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let escape = format!("\\u{unit:04x}");
                    text.push_str(&if i % 3 == 0 {
                        escape
                    } else {
                        escape.to_uppercase().replace("\\U", "\\u")
                    });
                }
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// A JSON number without exponent, with its display scale.
fn plain(number: &str) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i64 = exponent.parse().expect("an exponent");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = (fraction.len() as i64 - exponent).max(0) as usize;
    let zeros = "0".repeat(exponent.unsigned_abs() as usize + 1);
    let digits = format!("{zeros}{integer}{fraction}{zeros}");
    let point = (zeros.len() as i64 + integer.len() as i64 + exponent) as usize;
    canonical(sign, &digits[..point], &digits[point..point + scale])
}

fn canonical(sign: &str, integer: &str, fraction: &str) -> String {
    let zero = integer.bytes().chain(fraction.bytes()).all(|b| b == b'0');
    let integer = integer.trim_start_matches('0');
    let integer = if integer.is_empty() { "0" } else { integer };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{integer}{point}{fraction}", if zero { "" } else { sign })
}

/// Reads a whole datum.
pub fn decode(datum: &[u8]) -> Value {
    let total = varlena_length(datum);
    assert_eq!(total, datum.len());
    let header = word(datum, 4);
    if header & 0x1000_0000 == 0 {
        return container(datum, 4, total);
    }
    assert_eq!(header, 0x5000_0001);
    let Value::Array(mut elements) = container(datum, 4, total) else { panic!("no array") };
    elements.pop().expect("one element")
}

fn word(datum: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(datum[at..at + 4].try_into().expect("four bytes"))
}

fn half(datum: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(datum[at..at + 2].try_into().expect("two bytes"))
}

fn varlena_length(varlena: &[u8]) -> usize {
    let header = word(varlena, 0);
    (if cfg!(target_endian = "big") { header } else { header >> 2 }) as usize
}

fn container(datum: &[u8], start: usize, end: usize) -> Value {
    assert_eq!(start % 4, 0);
    let header = word(datum, start);
    let count = (header & 0x0FFF_FFFF) as usize;
    let object = match header & 0x6000_0000 {
        0x2000_0000 => true,
        0x4000_0000 => false,
        _ => panic!("header {header:08x}"),
    };
    let entries = if object { 2 * count } else { count };
    let data = start + 4 + 4 * entries;
    let mut from = data;
    let mut values = Vec::new();
    for index in 0..entries {
        let entry = word(datum, start + 4 + 4 * index);
        let number = (entry & 0x0FFF_FFFF) as usize;
        assert_eq!(entry >> 31 == 1, index % 32 == 0, "an offset where a length belongs, or the reverse");
        let to = if entry >> 31 == 1 { data + number } else { from + number };
        values.push(element(datum, entry >> 28 & 7, from, to));
        from = to;
    }
    assert_eq!(from, end, "the container ends elsewhere");
    if !object {
        return Value::Array(values);
    }
    let values_of_keys = values.split_off(count);
    let keys: Vec<String> = values
        .into_iter()
        .map(|key| match key {
            Value::String(key) => key,
            other => panic!("{other:?} as a key"),
        })
        .collect();
    let order = |key: &String| (key.len(), key.clone().into_bytes());
    assert!(keys.windows(2).all(|two| order(&two[0]) < order(&two[1])), "keys out of order");
    Value::Object(keys.into_iter().zip(values_of_keys).collect())
}

fn element(datum: &[u8], kind: u32, from: usize, to: usize) -> Value {
    let aligned = from.next_multiple_of(4);
    if kind == 1 || kind == 5 {
        assert!(datum[from..aligned].iter().all(|&b| b == 0), "padding is not zero");
    }
    match kind {
        0 => Value::String(String::from_utf8(datum[from..to].to_vec()).expect("UTF-8")),
        1 => Value::Number(numeric(&datum[aligned..to])),
        5 => container(datum, aligned, to),
        _ => {
            assert_eq!(from, to);
            match kind {
                2 => Value::Bool(false),
                3 => Value::Bool(true),
                4 => Value::Null,
                _ => panic!("type {kind}"),
            }
        }
    }
}

fn numeric(varlena: &[u8]) -> String {
    assert_eq!(varlena_length(varlena), varlena.len());
    let header = half(varlena, 4);
    let short = header & 0x8000 != 0;
    let (negative, scale, weight, digits) = if short {
        let weight = i32::from(header & 0x3F) - i32::from(header & 0x40);
        (header & 0x2000 != 0, usize::from(header >> 7 & 0x3F), weight, 6)
    } else {
        assert_eq!(header & 0x8000, 0);
        let weight = i32::from(half(varlena, 6) as i16);
        (header & 0x4000 != 0, usize::from(header & 0x3FFF), weight, 8)
    };
    assert_eq!(short, scale <= 63 && (-64..=63).contains(&weight), "the other form is due");
    let digits: Vec<u16> = (digits..varlena.len()).step_by(2).map(|at| half(varlena, at)).collect();
    assert!(digits.iter().all(|&digit| digit < 10_000));
    assert!(digits.first() != Some(&0) && digits.last() != Some(&0), "zeros are not stripped");
    if digits.is_empty() {
        assert!(weight == 0 && !negative, "a zero with weight or sign");
    }
    // Digit i stands for 10000^(weight - i).
    let first = weight.max(0);
    let last = (weight - digits.len() as i32 + 1).min(-(scale.div_ceil(4) as i32));
    let text: String = (last..=first)
        .rev()
        .map(|power| {
            let digit = usize::try_from(weight - power).ok().and_then(|i| digits.get(i));
            format!("{:04}", digit.unwrap_or(&0))
        })
        .collect();
    let (integer, fraction) = text.split_at(4 * (first as usize + 1));
    assert!(fraction[scale..].bytes().all(|b| b == b'0'), "digits beyond the scale");
    canonical(if negative { "-" } else { "" }, integer, &fraction[..scale])
}
