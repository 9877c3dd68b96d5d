//! Strings with escapes of every kind, and text of one to four bytes a
//! character.

use super::text::Text;
use super::words;
use loader_damage::rng::Rng;

const ESCAPED: &[&str] = &[
    r"\n",
    r"\t",
    r#"\""#,
    r"\\",
    r"\/",
    r"\r\n",
    r"\u00e9",
    r"\u00df",
    r"\u6771\u4eac",
    r"\ud83d\ude00",
    r"\b",
];
const FOREIGN: &[&str] =
    &["München", "Straße", "Привет", "мир", "東京", "مرحبا", "naïve", "😀", "𝕊", "e\u{301}"];

pub fn record(n: usize, rng: &mut Rng, text: &mut Text) {
    text.object(|t| {
        t.put_raw("id", n);
        for key in ["title", "body", "path", "schlüssel"] {
            let pieces = if key == "body" { rng.between(20, 40) } else { rng.between(3, 8) };
            t.key(key).raw(format_args!("\"{}\"", string(rng, pieces)));
        }
    });
}

fn string(rng: &mut Rng, pieces: usize) -> String {
    let mut string = String::new();
    for _ in 0..pieces {
        match rng.below(3) {
            0 => string.push_str(rng.pick(ESCAPED)),
            1 => string.push_str(rng.pick(FOREIGN)),
            _ => string.push_str(words::word(rng)),
        }
        string.push(' ');
    }
    string
}
