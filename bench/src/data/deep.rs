//! Trees of objects and arrays, 10 to 60 levels deep.

use super::text::Text;
use super::words;
use loader_damage::rng::Rng;

pub fn record(n: usize, rng: &mut Rng, text: &mut Text) {
    let depth = rng.between(10, 60);
    text.object(|t| {
        t.put_raw("id", n);
        t.key("tree");
        level(depth, rng, t);
    });
}

fn level(left: usize, rng: &mut Rng, t: &mut Text) {
    if left == 0 {
        t.string(words::word(rng));
    } else if rng.one_in(3) {
        t.array(|t| {
            t.raw(rng.below(1000));
            level(left - 1, rng, t);
        });
    } else {
        t.object(|t| {
            t.put("name", words::word(rng));
            t.key("child");
            level(left - 1, rng, t);
        });
    }
}
