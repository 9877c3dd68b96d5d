//! Records for ten typed columns: bigint, timestamptz, date, numeric(12,2), double precision,
//! integer, boolean, two texts, uuid. About 260 bytes.

use super::text::Text;
use super::words;
use loader_damage::rng::Rng;

/// The columns of a table for them.
pub const COLUMNS: &str = "id bigint, at timestamptz, day date, amount numeric(12,2), ratio double precision, \
                           hits integer, ok boolean, name text, note text, uid uuid";

/// So many records are good for one that is not, in the sets that have some.
const GOOD: usize = 99;

pub fn record(n: usize, rng: &mut Rng, text: &mut Text) {
    typed(n, rng, text, None);
}

/// In one of a hundred, `hits` is no number.
pub fn with_refused_values(n: usize, rng: &mut Rng, text: &mut Text) {
    typed(n, rng, text, (n % (GOOD + 1) == GOOD).then_some("\"many\""));
}

/// In one of a hundred, `hits` is below zero.
pub fn with_violations(n: usize, rng: &mut Rng, text: &mut Text) {
    typed(n, rng, text, (n % (GOOD + 1) == GOOD).then_some("-1"));
}

fn typed(n: usize, rng: &mut Rng, text: &mut Text, hits: Option<&str>) {
    text.object(|t| {
        t.put_raw("id", n);
        let (day, month) = (rng.between(1, 28), rng.between(1, 12));
        let (hour, minute, second) = (rng.below(24), rng.below(60), rng.below(60));
        let micros = rng.below(1_000_000);
        t.put("at", format!("2024-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}+00:00"));
        t.put("day", format!("20{:02}-{month:02}-{day:02}", rng.between(10, 29)));
        t.put_raw("amount", format_args!("{}.{:02}", rng.below(100_000), rng.below(100)));
        t.put_raw("ratio", format_args!("{:?}", rng.next() as f64 / u64::MAX as f64 * 1000.0));
        let number = rng.below(1_000_000).to_string();
        t.put_raw("hits", hits.unwrap_or(&number));
        t.put_raw("ok", words::flag(rng));
        t.put("name", words::english(rng, 3));
        t.put("note", words::english(rng, 6));
        let hex = words::hex(rng, 32);
        t.put(
            "uid",
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]),
        );
    });
}
