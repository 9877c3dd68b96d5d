//! Text to jsonb, in bytes of text a second: `cargo bench -p loader-core --bench encoder`.
//! The records are made here, by a seeded generator, in the shapes that loads meet.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loader_core::encode::jsonb::Encoder;
use std::fmt::Write;
use std::hint::black_box;

/// Numbers that are the same in every run (xorshift64*).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn time(&mut self) -> String {
        let [month, day, hour, minute, second] = [12, 28, 24, 60, 60].map(|n| self.below(n));
        format!("2024-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1, day + 1)
    }
}

/// Records, one a line, of `bytes` bytes or a little more.
fn records(bytes: usize, mut record: impl FnMut(&mut Rng, &mut String)) -> String {
    let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
    let mut text = String::new();
    while text.len() < bytes {
        record(&mut rng, &mut text);
        text.push('\n');
    }
    text
}

/// About 280 bytes: flat, with one nested object.
fn event(rng: &mut Rng, out: &mut String) {
    let _ = write!(
        out,
        r#"{{"id": {}, "ts": "{}", "user_id": {}, "type": "{}", "session": "{:016x}{:016x}", "amount": {}.{:02}, "active": {}, "referrer": {}, "path": "/product/{}/detail", "device": {{"os": "{}", "version": "{}.{}", "width": {}}}}}"#,
        rng.below(100_000_000),
        rng.time(),
        rng.below(1_000_000),
        rng.of(&["click", "view", "purchase", "login"]),
        rng.next(),
        rng.next(),
        rng.below(1000),
        rng.below(100),
        rng.of(&["true", "false"]),
        rng.of(&["null", "\"google\"", "\"direct\""]),
        rng.below(100_000),
        rng.of(&["ios", "android", "linux"]),
        rng.below(17),
        rng.below(10),
        300 + rng.below(3000),
    );
}

/// About 1.8 kB: nested objects with many URLs, and commits in an array.
fn github(rng: &mut Rng, out: &mut String) {
    let (actor, repo) = (rng.below(10_000_000), rng.below(100_000_000));
    let login = format!("user-{:x}", rng.below(1 << 24));
    let api = "https://api.github.com";
    let _ = write!(
        out,
        r#"{{"id":"{}","type":"{}","actor":{{"id":{actor},"login":"{login}","gravatar_id":"","url":"{api}/users/{login}","avatar_url":"https://avatars.githubusercontent.com/u/{actor}?"}},"repo":{{"id":{repo},"name":"{login}/project-{repo}","url":"{api}/repos/{login}/project-{repo}"}},"payload":{{"push_id":{},"size":2,"distinct_size":2,"ref":"refs/heads/{}","head":"{:016x}{:016x}{:08x}","commits":["#,
        rng.below(10_000_000_000),
        rng.of(&["PushEvent", "WatchEvent", "CreateEvent"]),
        rng.below(1_000_000_000),
        rng.of(&["main", "develop", "feature/longer-name"]),
        rng.next(),
        rng.next(),
        rng.below(1 << 32),
    );
    for i in 0..3 {
        let sha = format!("{:016x}{:016x}{:08x}", rng.next(), rng.next(), rng.below(1 << 32));
        let message = rng.of(&[
            "Fix the build",
            "Add a test for numbers at the limit\\n\\nThey were rounded.",
            "Merge branch 'main' of github.com:someone/something into feature",
        ]);
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(
            out,
            r#"{comma}{{"sha":"{sha}","author":{{"email":"{login}@example.com","name":"{login}"}},"message":"{message}","distinct":true,"url":"{api}/repos/{login}/project-{repo}/commits/{sha}"}}"#
        );
    }
    let _ = write!(
        out,
        r#"]}},"public":true,"created_at":"{}","org":{{"id":{actor},"login":"{login}","gravatar_id":"","url":"{api}/orgs/{login}","avatar_url":"https://avatars.githubusercontent.com/u/{actor}?"}}}}"#,
        rng.time()
    );
}

/// About 4.7 kB: multi-byte text, long numbers, entities, a profile, twice over.
fn tweet(rng: &mut Rng, out: &mut String) {
    out.push('{');
    status(rng, out);
    out.push_str(r#","retweeted_status":{"#);
    status(rng, out);
    out.push_str("}}");
}

fn status(rng: &mut Rng, out: &mut String) {
    let id = 505_000_000_000_000_000 + rng.below(1_000_000_000_000_000);
    let user = rng.below(3_000_000_000);
    let text = rng.of(&[
        "RT @someone: 名前:前田あゆみ\\n第一印象:なんか怖っ！\\n今の印象:とりあえずキモい。噛み合わない😋✨✨ http:\\/\\/t.co\\/Bv7T2rP9CQ",
        "そしてエボラ出血熱の感染が拡大している件について、きちんと説明してほしい。これは他人事ではない",
        "Just a plain ASCII text about nothing at all, as long as they used to be: one hundred and forty letters",
    ]);
    let _ = write!(
        out,
        r#""metadata":{{"result_type":"recent","iso_language_code":"ja"}},"created_at":"{}","id":{id},"id_str":"{id}","text":"{text}","source":"<a href=\"http://twitter.com/download/iphone\" rel=\"nofollow\">Twitter for iPhone</a>","truncated":false,"in_reply_to_status_id":null,"in_reply_to_status_id_str":null,"in_reply_to_user_id":{user},"in_reply_to_user_id_str":"{user}","in_reply_to_screen_name":"aym0566x","user":{{"id":{user},"id_str":"{user}","name":"前田あゆみ","screen_name":"ayuu0123","location":"","description":"元野球部マネージャー❤︎…最高の夏をありがとう…❤︎","url":null,"entities":{{"description":{{"urls":[]}}}},"protected":false,"followers_count":{},"friends_count":{},"listed_count":0,"created_at":"{}","favourites_count":{},"utc_offset":null,"time_zone":null,"geo_enabled":false,"verified":false,"statuses_count":{},"lang":"ja","contributors_enabled":false,"is_translator":false,"profile_background_color":"C0DEED","profile_background_image_url":"http://abs.twimg.com/images/themes/theme1/bg.png","profile_background_image_url_https":"https://abs.twimg.com/images/themes/theme1/bg.png","profile_background_tile":false,"profile_image_url":"http://pbs.twimg.com/profile_images/{id}/fyWhnQps_normal.jpeg","profile_link_color":"0084B4","profile_text_color":"333333","profile_use_background_image":true,"default_profile":true,"following":false,"notifications":false}},"geo":null,"coordinates":null,"place":null,"contributors":null,"retweet_count":{},"favorite_count":{},"entities":{{"hashtags":[],"symbols":[],"urls":[{{"url":"http://t.co/Bv7T2rP9CQ","expanded_url":"http://example.com/{user}","display_url":"example.com/{user}","indices":[{},{}]}}],"user_mentions":[{{"screen_name":"aym0566x","name":"前田あゆみ","id":{user},"id_str":"{user}","indices":[0,9]}}]}},"favorited":false,"retweeted":false,"lang":"ja""#,
        rng.time(),
        rng.below(5000),
        rng.below(5000),
        rng.time(),
        rng.below(10_000),
        rng.below(100_000),
        rng.below(100),
        rng.below(100),
        rng.below(70),
        70 + rng.below(70),
    );
}

/// Sixty numbers of any length, without an order that could be learnt.
fn numbers(rng: &mut Rng, out: &mut String) {
    out.push('[');
    for i in 0..60 {
        let comma = if i > 0 { "," } else { "" };
        let sign = rng.of(&["", "", "-"]);
        let digits = 10u64.pow(1 + rng.below(14) as u32);
        let integer = rng.below(digits);
        let _ = match rng.below(4) {
            0 | 1 => write!(out, "{comma}{sign}{integer}"),
            2 => write!(out, "{comma}{sign}{}.{:06}", rng.below(1000), rng.below(1_000_000)),
            _ => write!(out, "{comma}{sign}{}.{integer}e{sign}{}", rng.below(10), rng.below(30)),
        };
    }
    out.push(']');
}

/// Text as programs write it that keep to ASCII.
fn escapes(rng: &mut Rng, out: &mut String) {
    let _ = write!(out, r#"{{"id":{},"text":""#, rng.below(1_000_000));
    for _ in 0..20 {
        out.push_str(rng.of(&[
            "line\\n",
            "\\\"quoted\\\" ",
            "tab\\t",
            "\\u00fcn\\u00efc\\u00f6d\\u00e9 ",
            "\\u65e5\\u672c\\u8a9e",
            "\\ud83d\\ude00 ",
            "plain words here ",
            "back\\\\slash ",
        ]));
    }
    out.push_str("\"}");
}

/// Two hundred keys, always in one order or always in another.
fn wide(rng: &mut Rng, out: &mut String, shuffled: bool) {
    let mut keys: Vec<u64> = (0..200).collect();
    if shuffled {
        for i in (1..keys.len()).rev() {
            keys.swap(i, rng.below(i as u64 + 1) as usize);
        }
    }
    for (i, key) in keys.iter().enumerate() {
        let open = if i > 0 { "," } else { "{" };
        let number = rng.below(1_000_000);
        let _ = match rng.below(4) {
            0 => write!(out, r#"{open}"field_{key:03}":{number}"#),
            1 => write!(out, r#"{open}"field_{key:03}":"value {number}""#),
            2 => write!(out, r#"{open}"field_{key:03}":true"#),
            _ => write!(out, r#"{open}"field_{key:03}":null"#),
        };
    }
    out.push('}');
}

fn encoder(criterion: &mut Criterion) {
    const BYTES: usize = 1 << 20;
    let data = [
        ("events", records(BYTES, event)),
        ("github", records(BYTES, github)),
        ("tweets", records(BYTES, tweet)),
        ("numbers", records(BYTES, numbers)),
        ("escapes", records(BYTES, escapes)),
        ("wide", records(BYTES, |rng, out| wide(rng, out, false))),
        ("shuffled", records(BYTES, |rng, out| wide(rng, out, true))),
    ];
    let mut group = criterion.benchmark_group("encoder");
    for (name, text) in &data {
        group.throughput(Throughput::Bytes(text.len() as u64));
        let mut encoder = Encoder::new();
        let mut out = Vec::new();
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                out.clear();
                let mut at = 0;
                while at < text.len() {
                    match encoder.encode(text.as_bytes(), at, true, &mut out) {
                        Ok(Some(end)) => at = end + 1,
                        other => panic!("{other:?} at {at} of {name}"),
                    }
                }
                black_box(out.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encoder);
criterion_main!(benches);
