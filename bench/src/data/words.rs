//! Words, names, times and identifiers that the records are made of.

use loader_damage::rng::Rng;

const ENGLISH: &[&str] = &[
    "the", "of", "and", "release", "fix", "server", "table", "column", "index", "query", "value", "when",
    "is", "not", "set", "with", "for", "add", "remove", "support", "update", "test", "error", "build",
    "version", "number", "string", "object", "null", "array", "parser", "crash", "memory", "leak", "on",
    "windows", "linux", "in", "docs", "readme", "typo", "merge", "branch", "from", "into", "feature",
    "request", "handle", "return", "check", "missing", "option", "default", "config", "file", "path",
    "network", "timeout", "retry", "client", "session", "token", "user", "page", "style", "button",
];

const NAMES: &[&str] = &[
    "anna", "bruno", "chen", "dmitri", "elif", "farid", "greta", "hiro", "ines", "jonas", "kofi", "lena",
    "mika", "nadia", "omar", "petra", "quentin", "rosa", "sven", "tara", "umut", "vera", "wanda", "xavier",
    "yuki", "zoe",
];

// Syllables, so that no text is like another: real text compresses badly.
const KANA: &[&str] = &[
    "あ", "い", "う", "え", "お", "か", "き", "く", "け", "こ", "さ", "し", "す", "せ", "そ", "た", "ち",
    "つ", "て", "と", "な", "に", "の", "は", "ひ", "ま", "み", "も", "や", "ゆ", "よ", "ら", "り", "る",
    "れ", "ろ", "わ", "を", "ん", "が", "で", "だ", "ば", "っ", "ア", "イ", "ク", "ス", "ト", "ラ", "ン",
    "ー", "日", "本", "人", "今", "年", "大", "生", "時", "学", "会", "見", "行", "国", "中", "月", "分",
    "名", "前", "私", "何", "好", "明", "夜", "朝", "電", "車", "駅", "店", "友", "海", "山", "花", "音",
];

const MARKS: &[&str] = &["。", "、", "！", "？", "…", "😊", "😘", "✨", "❤️", "💖", "【", "】", "\n", "  "];

/// Some English words.
pub fn english(rng: &mut Rng, words: usize) -> String {
    let mut text = String::new();
    for n in 0..words {
        if n > 0 {
            text.push(' ');
        }
        text.push_str(rng.pick(ENGLISH));
    }
    text
}

/// Some characters of Japanese.
pub fn japanese(rng: &mut Rng, characters: usize) -> String {
    (0..characters).map(|_| if rng.one_in(9) { *rng.pick(MARKS) } else { *rng.pick(KANA) }).collect()
}

/// A name that is also good as part of an address.
pub fn login(rng: &mut Rng) -> String {
    format!("{}{}{}", rng.pick(NAMES), rng.pick(ENGLISH), rng.below(1000))
}

/// A word.
pub fn word(rng: &mut Rng) -> &'static str {
    rng.pick(ENGLISH)
}

/// Hexadecimal digits.
pub fn hex(rng: &mut Rng, digits: usize) -> String {
    (0..digits.div_ceil(16)).map(|_| format!("{:016x}", rng.next())).collect::<String>()[..digits].to_owned()
}

/// Letters and digits, as in shortened addresses and names of files.
pub fn letters(rng: &mut Rng, count: usize) -> String {
    const SET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    (0..count).map(|_| char::from(*rng.pick(SET))).collect()
}

/// A moment of some year from 2009 to 2014, as `date`, `time`.
pub fn moment(rng: &mut Rng) -> (String, String) {
    let date = format!("{}-{:02}-{:02}", rng.between(2009, 2014), rng.between(1, 12), rng.between(1, 28));
    (date, format!("{:02}:{:02}:{:02}", rng.below(24), rng.below(60), rng.below(60)))
}

/// The same as `2013-01-10T07:58:30Z`.
pub fn timestamp(rng: &mut Rng) -> String {
    let (date, time) = moment(rng);
    format!("{date}T{time}Z")
}

/// True or false, as JSON writes it.
pub fn flag(rng: &mut Rng) -> bool {
    rng.one_in(2)
}
