//! Shows what is made of values, to be held against what a server stores: reads lines of a type
//! as SQL writes it, a tab and a text, and prints for each the datum in hexadecimal digits, or
//! `ask`. Words are printed as numbers, other datums byte by byte.
//! `cargo run -p loader-core --example values < FILE`.

use std::io::{BufWriter, Write, stdin, stdout};

use loader_core::encode::values::{Made, NativeType, NumericLimit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut output = BufWriter::new(stdout().lock());
    let mut out = Vec::new();
    for line in stdin().lines() {
        let line = line?;
        let (name, text) = line.split_once('\t').ok_or("a line without a tab")?;
        let kind = kind(name).ok_or_else(|| format!("no such type: {name}"))?;
        out.clear();
        match kind.make(text.as_bytes(), &mut out).map_err(|error| format!("{error:?}"))? {
            None => writeln!(output, "ask")?,
            Some(Made::Word(word)) => writeln!(output, "{word:016x}")?,
            Some(Made::Bytes) => {
                for b in &out {
                    write!(output, "{b:02x}")?;
                }
                writeln!(output)?;
            }
        }
    }
    Ok(())
}

/// The type of that name, as in `numeric(5,2)`.
fn kind(name: &str) -> Option<NativeType> {
    let (name, limits) = match name.strip_suffix(')') {
        Some(name) => name.split_once('(').map(|(name, limits)| (name, Some(limits)))?,
        None => (name, None),
    };
    let digits = limits.and_then(|digits| digits.parse().ok());
    Some(match name {
        "boolean" => NativeType::Bool,
        "smallint" => NativeType::Int2,
        "integer" => NativeType::Int4,
        "bigint" => NativeType::Int8,
        "real" => NativeType::Float4,
        "double precision" => NativeType::Float8,
        "numeric" => NativeType::Numeric(match limits {
            None => None,
            Some(limits) => {
                let (precision, scale) = limits.split_once(',')?;
                Some(NumericLimit { precision: precision.parse().ok()?, scale: scale.parse().ok()? })
            }
        }),
        "text" => NativeType::Text,
        "varchar" => NativeType::Varchar(limits.and_then(|characters| characters.parse().ok())),
        "date" => NativeType::Date,
        "timestamp" => NativeType::Timestamp(digits),
        "timestamptz" => NativeType::TimestampTz(digits),
        "uuid" => NativeType::Uuid,
        "json" => NativeType::Json,
        "bytea" => NativeType::Bytea,
        _ => return None,
    })
}
