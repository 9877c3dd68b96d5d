//! Measurements: nothing but numbers, in the spellings that programs write.

use super::text::Text;
use loader_damage::rng::Rng;

pub fn record(n: usize, rng: &mut Rng, text: &mut Text) {
    text.object(|t| {
        t.put_raw("n", n);
        t.put_raw("t", 1_700_000_000_000 + n as u64 * 250);
        t.put_raw("lat", format_args!("{}.{:06}", rng.below(90), rng.below(1_000_000)));
        t.put_raw("lon", format_args!("-{}.{:06}", rng.below(180), rng.below(1_000_000)));
        t.put_raw("big", rng.next());
        t.put_raw(
            "tiny",
            format_args!("{}.{}e-{}", rng.between(1, 9), rng.below(100_000), rng.between(5, 12)),
        );
        t.put_raw("zero", 0);
        t.put_array("v", |t| {
            for _ in 0..16 {
                match rng.below(4) {
                    0 => t.raw(rng.below(10_000)),
                    1 => t.raw(format_args!("-{}", rng.below(100_000_000))),
                    2 => t.raw(format_args!("{}.{:02}", rng.below(1000), rng.below(100))),
                    _ => t.raw(format_args!("{:?}", rng.next() as f64 / u64::MAX as f64)),
                }
            }
        });
    });
}
