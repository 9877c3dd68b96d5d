//! Objects of fifty keys, in another order in each record; short enough not to
//! be compressed.

use super::text::Text;
use super::words;
use loader_damage::rng::Rng;

const KEYS: usize = 50;

pub fn record(n: usize, rng: &mut Rng, text: &mut Text) {
    let mut order: Vec<usize> = (0..KEYS).collect();
    rng.shuffle(&mut order);
    text.object(|t| {
        for key in order {
            let name = format!("{}_{key}", ["field", "measure", "attribute", "p", "extra_label"][key % 5]);
            match key % 4 {
                0 => t.put_raw(&name, n + key),
                1 => t.put(&name, words::letters(rng, 8)),
                2 => t.put_raw(&name, words::flag(rng)),
                _ => t.put(&name, words::english(rng, 2)),
            }
        }
    });
}
