//! Records as programs write them, with what trips up those who search for
//! brackets: braces, quotes and whole records inside of strings, objects inside
//! of records that look like records.

use crate::json::{Value, object};
use crate::rng::Rng;

/// What the records of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Tracking events: nested objects, nasty strings.
    Events,
    /// Weather: nested arrays of numbers.
    Weather,
    /// People: every script, arrays of objects.
    People,
    /// A few bytes each.
    Tiny,
    /// A tweet inside of a tweet.
    Tweets,
    /// Posts with replies that have the same keys, nested.
    Replies,
    /// Keys in a new order in each record, some left out.
    Shuffled,
    /// Several kinds of objects.
    Kinds,
    /// Arrays.
    Rows,
    /// Arrays whose elements are arrays like them.
    Trees,
    /// Objects, arrays and scalars.
    Mixed,
    /// Arrays of arrays of numbers.
    Matrix,
    /// Many kinds of objects, hardly a key in common, some inside of others.
    Assorted,
    /// Events, now and then one of some hundred kilobytes.
    Bulky,
}

impl Content {
    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Content::Events => "events",
            Content::Weather => "weather",
            Content::People => "people",
            Content::Tiny => "tiny",
            Content::Tweets => "tweets",
            Content::Replies => "replies",
            Content::Shuffled => "shuffled",
            Content::Kinds => "kinds",
            Content::Rows => "rows",
            Content::Trees => "trees",
            Content::Mixed => "mixed",
            Content::Matrix => "matrix",
            Content::Assorted => "assorted",
            Content::Bulky => "bulky",
        }
    }

    /// The record with this number, from 0.
    pub fn record(self, n: usize, rng: &mut Rng) -> Value {
        let id = 1000 + n;
        match self {
            Content::Events => event(id, rng),
            Content::Weather => weather(id, rng),
            Content::People => person(id, rng),
            Content::Tiny => object([("id", id.into()), ("v", scalar(rng))]),
            Content::Tweets => tweet(id, 2, rng),
            Content::Replies => post(id, 3, rng),
            Content::Shuffled => shuffled(id, rng),
            Content::Kinds => kind(id, rng),
            Content::Rows => row(id, rng),
            Content::Trees => tree(id, 3, rng),
            Content::Mixed => mixed(id, rng),
            Content::Matrix => matrix(id, rng),
            Content::Assorted => assorted(id, rng),
            Content::Bulky => bulky(id, rng),
        }
    }
}

/// Text of which the brackets and quotes mean nothing.
const NASTY: &[&str] = &[
    "},{",
    "}, {\"id\": 7, \"v\": null}, {",
    "{\"id\":1001,\"event\":\"page_view\",\"ok\":true}",
    "[",
    "]",
    "[[[",
    "},\n{",
    "}\n{\"id\":5}\n{",
    "},{},{",
    "[1,2],[3]",
    "say \\\"hi\\\"",
    "C:\\path\\",
    "\\",
    "\"",
    "a: {b}",
    "\": \"",
    "\",\"",
    "line one\nline two\r\n\ttabbed",
    "// not a comment /* nor this */",
    "NaN",
    "null,",
    "\u{FEFF}BOM",
    "\u{7F}\u{80}",
    "}}}}",
    "{{{{",
    "]]",
    "'single'",
    "ends with a comma,",
    "\u{1E}",
];

const PLAIN: &[&str] = &[
    "",
    "a",
    "Berlin",
    "München",
    "東京",
    "Привет, мир",
    "😀 👩‍👩‍👧",
    "hello world",
    "x=1&y=2",
    "https://example.org/a?b=[c]#d",
    "The quick brown fox jumps over the lazy dog",
    "عربى",
    "e\u{301}",
    "0042",
    "true",
    "2024-05-01T12:00:00Z",
    "𝕊",
];

fn text(rng: &mut Rng) -> Value {
    match rng.below(5) {
        0 => (*rng.pick(NASTY)).into(),
        1 => format!("{} {} {}", rng.pick(PLAIN), rng.pick(NASTY), rng.pick(PLAIN)).into(),
        2 => format!("{} {}", rng.pick(PLAIN), rng.pick(PLAIN)).into(),
        _ => (*rng.pick(PLAIN)).into(),
    }
}

fn number(rng: &mut Rng) -> Value {
    Value::Number(match rng.below(7) {
        0 => "0".into(),
        1 => format!("-{}", rng.below(1000)),
        2 => format!("{}.{}", rng.below(1000), rng.between(1, 9999)),
        3 => format!("{}e{}", rng.between(1, 9), rng.below(30)),
        4 => format!("{}", rng.next()),
        5 => format!("-0.{}E-{}", rng.between(1, 99), rng.below(9)),
        _ => format!("{}", rng.below(100_000)),
    })
}

fn scalar(rng: &mut Rng) -> Value {
    match rng.below(5) {
        0 => Value::Null,
        1 => rng.one_in(2).into(),
        2 => number(rng),
        _ => text(rng),
    }
}

fn list(low: usize, high: usize, rng: &mut Rng, mut of: impl FnMut(&mut Rng) -> Value) -> Value {
    let n = rng.between(low, high);
    Value::Array((0..n).map(|_| of(rng)).collect())
}

fn word<const N: usize>(words: [&str; N], rng: &mut Rng) -> Value {
    words[rng.below(N)].into()
}

fn event(id: usize, rng: &mut Rng) -> Value {
    object([
        ("id", id.into()),
        ("event", word(["page_view", "click", "purchase", "log\"in"], rng)),
        ("ts", format!("2024-05-{:02}T12:{:02}:00Z", rng.between(1, 28), rng.below(60)).into()),
        (
            "user",
            object([("id", rng.below(9999).into()), ("name", text(rng)), ("tags", list(0, 3, rng, text))]),
        ),
        (
            "properties",
            object([
                ("path", text(rng)),
                ("price", number(rng)),
                ("items", list(0, 3, rng, |rng| object([("sku", text(rng)), ("qty", rng.below(9).into())]))),
                ("meta", Value::Object(Vec::new())),
            ]),
        ),
        ("ok", rng.one_in(2).into()),
        ("note", scalar(rng)),
    ])
}

fn weather(id: usize, rng: &mut Rng) -> Value {
    object([
        ("station", format!("ST-{id}").into()),
        ("coord", Value::Array(vec![number(rng), number(rng)])),
        ("hourly", list(1, 4, rng, |rng| list(2, 4, rng, number))),
        ("alerts", list(0, 2, rng, |rng| object([("type", text(rng)), ("area", list(0, 2, rng, text))]))),
        ("summary", object([("min", number(rng)), ("max", number(rng)), ("sky", text(rng))])),
        ("empty", Value::Array(Vec::new())),
    ])
}

fn person(id: usize, rng: &mut Rng) -> Value {
    object([
        ("name", text(rng)),
        ("id", id.into()),
        ("emails", list(0, 3, rng, text)),
        (
            "address",
            object([("street", text(rng)), ("geo", object([("lat", number(rng)), ("lon", number(rng))]))]),
        ),
        (
            "friends",
            list(0, 3, rng, |rng| object([("name", text(rng)), ("since", rng.between(1990, 2024).into())])),
        ),
        ("active", rng.one_in(2).into()),
        ("boss", Value::Null),
    ])
}

fn tweet(id: usize, depth: usize, rng: &mut Rng) -> Value {
    let mut members = vec![
        ("created_at".to_owned(), "Sun Aug 31 00:29:15 +0000 2014".into()),
        ("id".to_owned(), id.into()),
        ("text".to_owned(), text(rng)),
        (
            "user".to_owned(),
            object([("id", rng.below(9999).into()), ("screen_name", text(rng)), ("followers", number(rng))]),
        ),
    ];
    if depth > 0 && rng.one_in(2) {
        members.push(("retweeted_status".to_owned(), tweet(id + 100_000, depth - 1, rng)));
    }
    if depth > 0 && rng.one_in(4) {
        members.push(("quoted_status".to_owned(), tweet(id + 200_000, depth - 1, rng)));
    }
    members.push((
        "entities".to_owned(),
        object([
            (
                "hashtags",
                list(0, 2, rng, |rng| object([("text", text(rng)), ("indices", list(2, 2, rng, number))])),
            ),
            ("urls", Value::Array(Vec::new())),
        ]),
    ));
    members.push(("favorited".to_owned(), rng.one_in(2).into()));
    Value::Object(members)
}

fn post(id: usize, depth: usize, rng: &mut Rng) -> Value {
    let most = if depth == 0 { 0 } else { depth };
    object([
        ("id", id.into()),
        ("author", text(rng)),
        ("body", text(rng)),
        ("replies", list(0, most, rng, |rng| post(rng.between(500_000, 900_000), depth - 1, rng))),
        ("likes", rng.below(100).into()),
    ])
}

fn shuffled(id: usize, rng: &mut Rng) -> Value {
    let mut members = vec![
        ("alpha".to_owned(), scalar(rng)),
        ("beta".to_owned(), list(0, 3, rng, scalar)),
        ("gamma".to_owned(), object([("alpha", scalar(rng)), ("beta", number(rng))])),
        ("delta".to_owned(), text(rng)),
        ("epsilon".to_owned(), list(0, 2, rng, |rng| object([("id", number(rng)), ("delta", text(rng))]))),
        ("zeta".to_owned(), rng.one_in(2).into()),
    ];
    rng.shuffle(&mut members);
    members.truncate(rng.between(3, 6));
    members.push(("id".to_owned(), id.into()));
    rng.shuffle(&mut members);
    Value::Object(members)
}

fn kind(id: usize, rng: &mut Rng) -> Value {
    match rng.below(5) {
        0 => object([
            ("type", "user".into()),
            ("uid", id.into()),
            ("name", text(rng)),
            ("address", object([("city", text(rng)), ("zip", text(rng))])),
        ]),
        1 => object([
            ("type", "order".into()),
            ("no", id.into()),
            ("lines", list(1, 3, rng, |rng| object([("sku", text(rng)), ("qty", rng.below(9).into())]))),
            (
                "customer",
                object([("type", "user".into()), ("uid", rng.below(999).into()), ("name", text(rng))]),
            ),
        ]),
        2 => object([
            ("level", "error".into()),
            ("seq", id.into()),
            ("message", text(rng)),
            ("stack", list(0, 3, rng, text)),
        ]),
        3 => object([("ping", id.into())]),
        _ => object([
            ("kind", "batch".into()),
            ("seq", id.into()),
            ("entries", list(1, 3, rng, |rng| object([("ping", rng.below(999).into())]))),
        ]),
    }
}

fn row(id: usize, rng: &mut Rng) -> Value {
    Value::Array(vec![
        id.into(),
        text(rng),
        number(rng),
        rng.one_in(2).into(),
        list(0, 3, rng, text),
        object([("note", text(rng)), ("pair", list(2, 2, rng, number))]),
        Value::Null,
    ])
}

fn tree(id: usize, depth: usize, rng: &mut Rng) -> Value {
    let most = if depth == 0 { 0 } else { 2 };
    let children = list(0, most, rng, |rng| tree(rng.between(5000, 9000), depth - 1, rng));
    Value::Array(vec![id.into(), text(rng), children])
}

fn mixed(id: usize, rng: &mut Rng) -> Value {
    match rng.below(8) {
        0 => id.into(),
        1 => format!("text {id} {}", rng.pick(NASTY)).into(),
        2 => row(id, rng),
        3 => Value::Object(Vec::new()),
        4 => tree(id, 1, rng),
        5 => object([("ping", id.into())]),
        _ => event(id, rng),
    }
}

fn matrix(id: usize, rng: &mut Rng) -> Value {
    let row = |rng: &mut Rng| list(2, 5, rng, |rng| list(0, 3, rng, number));
    Value::Array(vec![id.into(), list(1, 4, rng, number), row(rng), row(rng)])
}

fn assorted(id: usize, rng: &mut Rng) -> Value {
    let address = |rng: &mut Rng| object([("street", text(rng)), ("city", text(rng)), ("zip", text(rng))]);
    let actor = |rng: &mut Rng| object([("login", text(rng)), ("uid", rng.below(999).into())]);
    match rng.below(9) {
        0 => object([("actor", actor(rng)), ("repo", object([("name", text(rng)), ("size", number(rng))]))]),
        1 => object([("metric", text(rng)), ("points", list(1, 4, rng, |rng| list(2, 2, rng, number)))]),
        2 => object([("login", text(rng)), ("uid", id.into()), ("address", address(rng))]),
        3 => object([
            ("op", word(["insert", "update", "delete"], rng)),
            ("ns", text(rng)),
            ("o", object([("_id", object([("$oid", text(rng))])), ("n", number(rng)), ("by", actor(rng))])),
        ]),
        4 => object([
            ("type", "Feature".into()),
            ("geometry", object([("type", "Point".into()), ("coordinates", list(2, 3, rng, number))])),
            ("properties", object([("name", text(rng)), ("rank", scalar(rng))])),
        ]),
        5 => address(rng),
        6 => object([("batch", list(1, 3, rng, address)), ("checksum", text(rng)), ("seq", id.into())]),
        7 => object([("heartbeat", id.into())]),
        _ => object([
            ("request", object([("method", "GET".into()), ("headers", object([("host", text(rng))]))])),
            ("response", object([("status", rng.between(200, 599).into()), ("body", scalar(rng))])),
            ("elapsed", number(rng)),
        ]),
    }
}

fn bulky(id: usize, rng: &mut Rng) -> Value {
    let mut record = event(id, rng);
    if let Value::Object(members) = &mut record
        && rng.one_in(150)
    {
        let blob = match rng.one_in(2) {
            true => rng.pick(NASTY).repeat(rng.between(1000, 30_000)).into(),
            false => list(2_000, 10_000, rng, |rng| object([("id", number(rng)), ("note", scalar(rng))])),
        };
        members.push(("blob".to_owned(), blob));
    }
    record
}
