//! Tracking events: flat, with one nested object, about 280 bytes.

use super::text::Text;
use super::words;
use loader_damage::rng::Rng;

const KINDS: &[&str] = &["page_view", "click", "purchase", "signup", "search", "logout"];
const PAGES: &[&str] =
    &["/", "/products/shoes", "/cart", "/checkout/payment", "/account/settings", "/search"];
const BROWSERS: &[&str] = &["Firefox", "Chrome", "Safari", "Edge"];
const SYSTEMS: &[&str] = &["Linux", "Windows", "macOS", "Android", "iOS"];

pub fn record(n: usize, rng: &mut Rng, text: &mut Text) {
    text.object(|t| {
        t.put_raw("id", 1_000_000 + n);
        t.put("type", rng.pick(KINDS));
        t.put(
            "ts",
            format!(
                "2024-05-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                rng.between(1, 31),
                rng.below(24),
                rng.below(60),
                rng.below(60),
                rng.below(1000)
            ),
        );
        t.put("user_id", format!("u{:07}", rng.below(10_000_000)));
        t.put("session", words::hex(rng, 24));
        t.put("page", rng.pick(PAGES));
        t.put_raw("duration_ms", rng.below(60_000));
        t.put_raw("price", format_args!("{}.{:02}", rng.below(500), rng.below(100)));
        t.put_raw("returning", words::flag(rng));
        t.put_object("device", |t| {
            t.put("browser", rng.pick(BROWSERS));
            t.put("os", rng.pick(SYSTEMS));
            t.put_raw("width", rng.between(320, 2560));
        });
        if rng.one_in(4) {
            t.put_null("referrer");
        } else {
            t.put("referrer", format!("https://example.org/{}", words::word(rng)));
        }
    });
}
