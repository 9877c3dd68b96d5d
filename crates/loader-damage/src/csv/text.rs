//! Text for fields.

use crate::rng::Rng;

const PLAIN: &[&str] = &[
    "alpha",
    "blue bird",
    "it's fine",
    "North-East",
    "x=1&y=2",
    "100 %",
    "São Paulo",
    "tea for two",
    "A/B",
    "so-so",
    "don't",
    "C# & F#",
];

const SCRIPTS: &[&str] = &[
    "München",
    "東京",
    "Привет, мир",
    "عربى",
    "😀 👩‍👩‍👧",
    "e\u{301}te\u{301}",
    "naïve; façade",
    "Ελλάδα|Κύπρος",
    "«цитата»",
    "한국어",
    "“curly”",
    "l'été",
];

/// One of these.
pub fn word(words: &[&str], rng: &mut Rng) -> String {
    (*rng.pick(words)).to_owned()
}

/// Text that no dialect has to quote.
pub fn plain(rng: &mut Rng) -> String {
    word(&["alpha", "blue bird", "North-East", "100 %", "São Paulo", "A/B", "so-so", "ok"], rng)
}

/// Some words, now and then with delimiters or quotes in them.
pub fn phrase(rng: &mut Rng) -> String {
    let (one, other) = (*rng.pick(PLAIN), *rng.pick(PLAIN));
    match rng.below(8) {
        0 => format!("{one}, {other}"),
        1 => format!("{one} \"{other}\""),
        2 => format!("{one}; {other} | {one}\t{other}"),
        3 => format!("{one} {other}"),
        _ => one.to_owned(),
    }
}

/// Text of every script.
pub fn scripts(rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => format!("{} {}", rng.pick(SCRIPTS), rng.pick(SCRIPTS)),
        _ => word(SCRIPTS, rng),
    }
}

/// Free text, most of which has to be quoted.
pub fn note(delimiter: &str, rng: &mut Rng) -> String {
    let (one, other) = (phrase(rng), phrase(rng));
    if rng.one_in(200) {
        return long(delimiter, rng);
    }
    match rng.below(9) {
        0 => format!("{one}\n{other}"),
        1 => format!("He said \"{one}\"{delimiter} then left"),
        2 => format!("{one}{delimiter}{other}{delimiter}{one}"),
        3 => format!("first line\n\n\"{other}\"\nlast line"),
        4 => format!("\"{one}\""),
        5 => format!("5\" of {one}\"{delimiter}\"{other}"),
        6 => format!("path C:\\temp\\{one}\\"),
        _ => one,
    }
}

/// Up to some ten thousand bytes in many lines, of which some have as many delimiters as a row.
fn long(delimiter: &str, rng: &mut Rng) -> String {
    let line = |rng: &mut Rng| {
        let words = (0..rng.below(8)).map(|_| plain(rng)).collect::<Vec<_>>();
        words.join(if rng.one_in(2) { delimiter } else { " " })
    };
    let lines = if rng.one_in(5) { rng.between(300, 800) } else { rng.between(5, 60) };
    (0..lines).map(|_| line(rng)).collect::<Vec<_>>().join("\n")
}

/// An object as it stands in a column.
pub fn json(rng: &mut Rng) -> String {
    let (one, other) = (rng.pick(PLAIN), rng.pick(PLAIN));
    match rng.below(4) {
        0 => "{}".to_owned(),
        1 => format!("{{\"k\": \"{one}\", \"n\": [1, {}]}}", rng.below(90)),
        2 => format!("{{\"q\":\"say \\\"{one}\\\"\",\"o\":{{\"x\":\"{other}\"}}}}"),
        _ => format!("[{{\"a\":null,\"b\":\"{other}\\n\"}},{{\"c\":{}}}]", rng.below(9)),
    }
}

/// Lines that are by themselves like rows of a file of four columns.
pub fn csv_lines(delimiter: &str, rng: &mut Rng) -> String {
    let line = |rng: &mut Rng| {
        let (id, size) = (rng.between(1000, 9000), rng.below(90_000));
        [id.to_string(), plain(rng), plain(rng), size.to_string()].join(delimiter)
    };
    (0..rng.between(1, 4)).map(|_| line(rng)).collect::<Vec<_>>().join("\n")
}
