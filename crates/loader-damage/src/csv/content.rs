//! Rows as programs export them, with what trips up those who search for quotes, delimiters
//! and newlines.

use super::dialect::Dialect;
use super::text::{csv_lines, json, note, phrase, plain, scripts, word};
use crate::rng::Rng;

/// What the rows of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Integers and short text.
    Orders,
    /// Timestamps, UUIDs and numbers.
    Readings,
    /// Free text with delimiters, quotes and newlines.
    Notes,
    /// JSON in a column.
    Events,
    /// Many empty fields.
    Sparse,
    /// Text of every script.
    People,
    /// Forty columns.
    Wide,
    /// A key and a number.
    Pairs,
    /// Text that itself looks like rows of the file.
    Mails,
}

/// A field.
#[derive(Clone, Debug, Default)]
pub struct Value {
    /// What it says.
    pub text: String,
    /// It is quoted even if it need not be.
    pub quoted: bool,
}

impl Content {
    /// All of them.
    pub const ALL: [Content; 9] = [
        Content::Orders,
        Content::Readings,
        Content::Notes,
        Content::Events,
        Content::Sparse,
        Content::People,
        Content::Wide,
        Content::Pairs,
        Content::Mails,
    ];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Content::Orders => "orders",
            Content::Readings => "readings",
            Content::Notes => "notes",
            Content::Events => "events",
            Content::Sparse => "sparse",
            Content::People => "people",
            Content::Wide => "wide",
            Content::Pairs => "pairs",
            Content::Mails => "mails",
        }
    }

    /// The names of its columns.
    pub fn header(self) -> Vec<Value> {
        let names: &[&str] = match self {
            Content::Orders => &["id", "customer", "quantity", "city", "status", "price"],
            Content::Readings => &["taken_at", "sensor", "value", "low", "high"],
            Content::Notes => &["id", "author", "note", "created", "score"],
            Content::Events => &["id", "at", "payload", "ok"],
            Content::Sparse => &["id", "a", "b", "note", "c", "d", "due", "e"],
            Content::People => &["id", "name", "birthday", "address", "height"],
            Content::Wide => return (1..=40).map(|n| plain_value(format!("column_{n}"))).collect(),
            Content::Pairs => &["metric", "value"],
            Content::Mails => &["id", "sender", "body", "size"],
        };
        names.iter().map(|name| plain_value((*name).to_owned())).collect()
    }

    /// The row with this number, from 0.
    pub fn row(self, n: usize, dialect: &Dialect, rng: &mut Rng) -> Vec<Value> {
        let id = (1000 + n).to_string();
        let number = |digits, rng: &mut Rng| number(digits, dialect.decimal, rng);
        let texts = match self {
            Content::Orders => vec![
                id,
                person(rng),
                rng.between(1, 99).to_string(),
                phrase(rng),
                word(&["new", "paid", "sent", "returned"], rng),
                number(2, rng),
            ],
            Content::Readings => {
                vec![timestamp(n, rng), uuid(rng), number(3, rng), number(1, rng), number(1, rng)]
            }
            Content::Notes => {
                vec![id, person(rng), note(dialect.delimiter, rng), date(rng), rng.below(100).to_string()]
            }
            Content::Events => vec![id, timestamp(n, rng), json(rng), word(&["true", "false"], rng)],
            Content::Sparse => return sparse(id, dialect, rng),
            Content::People => vec![
                id,
                scripts(rng),
                date(rng),
                format!("{}, {}", scripts(rng), scripts(rng)),
                number(2, rng),
            ],
            Content::Wide => (1..=40).map(|column| cell(column, n, dialect.decimal, rng)).collect(),
            Content::Pairs => vec![metric(n, rng), number(2, rng)],
            Content::Mails => vec![id, person(rng), mail(dialect, rng), rng.below(90_000).to_string()],
        };
        texts.into_iter().map(plain_value).collect()
    }

    /// Whether text in a field may itself look like rows of the file.
    pub fn has_rows_in_fields(self) -> bool {
        matches!(self, Content::Notes | Content::Mails)
    }

    /// Whether the first line without a header is told from one with it by its values.
    pub fn is_typed(self) -> bool {
        matches!(
            self,
            Content::Orders | Content::Readings | Content::Events | Content::People | Content::Wide
        )
    }
}

fn plain_value(text: String) -> Value {
    Value { text, quoted: false }
}

fn sparse(id: String, dialect: &Dialect, rng: &mut Rng) -> Vec<Value> {
    let mut row = vec![plain_value(id)];
    for column in 1..8 {
        let value = match (rng.below(10), column) {
            (0..6, _) => Value::default(),
            (6, _) => Value { text: String::new(), quoted: true },
            (_, 3) => plain_value(note(dialect.delimiter, rng)),
            (_, 6) => plain_value(date(rng)),
            (_, 1 | 4) => plain_value(rng.below(5000).to_string()),
            _ => plain_value(phrase(rng)),
        };
        row.push(value);
    }
    row
}

fn cell(column: usize, n: usize, decimal: char, rng: &mut Rng) -> String {
    match column % 5 {
        _ if column == 1 => (5000 + n).to_string(),
        0 => number(2, decimal, rng),
        1 => rng.below(1000).to_string(),
        2 => word(&["a", "b", "c", ""], rng),
        3 if rng.one_in(6) => phrase(rng),
        3 => plain(rng),
        _ => date(rng),
    }
}

fn metric(n: usize, rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => format!("host-{}, disk {}; used | free", rng.below(20), n),
        1 => format!("cpu.load.{n}"),
        _ => format!("{} \"{n}\" it's", plain(rng)),
    }
}

/// Some lines of it are rows by themselves, once the quote before them is gone.
fn mail(dialect: &Dialect, rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => csv_lines(dialect.delimiter, rng),
        1 => format!("Hi,\n{}\nbye", csv_lines(dialect.delimiter, rng)),
        _ => phrase(rng),
    }
}

fn person(rng: &mut Rng) -> String {
    let last = word(&["Smith", "Meyer", "O'Neil", "García", "Nowak", "Li"], rng);
    let first = word(&["Ann", "Bo", "Carl", "Dee", "Eva"], rng);
    if rng.one_in(3) { format!("{last}, {first}") } else { format!("{first} {last}") }
}

fn number(digits: usize, decimal: char, rng: &mut Rng) -> String {
    let sign = if rng.one_in(8) { "-" } else { "" };
    let fraction = rng.below(10usize.pow(digits as u32));
    format!("{sign}{}{decimal}{fraction:0digits$}", rng.below(1000))
}

fn date(rng: &mut Rng) -> String {
    format!("20{:02}-{:02}-{:02}", rng.between(10, 29), rng.between(1, 12), rng.between(1, 28))
}

fn timestamp(n: usize, rng: &mut Rng) -> String {
    format!("2024-05-{:02} {:02}:{:02}:{:02}", 1 + n / 1440 % 28, n / 60 % 24, n % 60, rng.below(60))
}

fn uuid(rng: &mut Rng) -> String {
    let (high, low) = (rng.next(), rng.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        low >> 52,
        low & 0xFFFF_FFFF_FFFF
    )
}
