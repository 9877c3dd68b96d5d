//! Posts in the shape of Twitter's search API: 4.7 kB on average, Japanese text,
//! three in four with the post that they repeat, text and all, inside of them. The server
//! compresses all of them.

use super::text::Text;
use super::words;
use loader_damage::rng::Rng;

const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SOURCES: &[(&str, &str)] = &[
    ("http://twitter.com/download/iphone", "Twitter for iPhone"),
    ("http://twitter.com/download/android", "Twitter for Android"),
    ("http://twittbot.net/", "twittbot.net"),
    ("http://twitter.com", "Twitter Web Client"),
];
const COLOURS: &[&str] = &["C0DEED", "DDEEF6", "0084B4", "333333", "131516", "FFFFFF", "EEEEEE", "009999"];

pub fn record(n: usize, rng: &mut Rng, text: &mut Text) {
    let repeats = rng.below(100) < 73;
    let (author, said) = (Author::new(rng), say(rng));
    if repeats {
        // Both hold the same text, which compresses well.
        let outer = Author::new(rng);
        text.object(|t| post(n, &outer, &said, Some(&author), rng, t));
    } else {
        text.object(|t| post(n, &author, &said, None, rng, t));
    }
}

/// Who wrote a post.
struct Author {
    id: u64,
    login: String,
    name: String,
}

impl Author {
    fn new(rng: &mut Rng) -> Author {
        Author { id: identifier(rng), login: words::login(rng), name: words::japanese(rng, 6) }
    }
}

fn say(rng: &mut Rng) -> String {
    let characters = rng.between(20, 130);
    words::japanese(rng, characters)
}

/// A post; one that repeats what `repeated` wrote has that one's inside of it.
fn post(n: usize, author: &Author, said: &str, repeated: Option<&Author>, rng: &mut Rng, t: &mut Text) {
    let id = 505_874_924_095_815_681 + n as u64 * 3_000_017 + rng.below(1000) as u64;
    let answered = (repeated.is_none() && rng.one_in(3)).then(|| Author::new(rng));
    t.put_object("metadata", |t| {
        t.put("result_type", "recent");
        t.put("iso_language_code", "ja");
    });
    t.put("created_at", created(2014, rng));
    t.put_raw("id", id);
    t.put("id_str", id.to_string());
    match (repeated, &answered) {
        (Some(Author { login, .. }), _) => t.put("text", format!("RT @{login}: {said}")),
        (None, Some(Author { login, .. })) => t.put("text", format!("@{login} {said}")),
        (None, None) => t.put("text", said),
    }
    let (address, program) = rng.pick(SOURCES);
    t.put("source", format!("<a href=\"{address}\" rel=\"nofollow\">{program}</a>"));
    t.put_raw("truncated", false);
    t.put_null("in_reply_to_status_id");
    t.put_null("in_reply_to_status_id_str");
    t.put_null("in_reply_to_user_id");
    t.put_null("in_reply_to_user_id_str");
    t.put_null("in_reply_to_screen_name");
    t.put_object("user", |t| user(author, rng, t));
    for key in ["geo", "coordinates", "place", "contributors"] {
        t.put_null(key);
    }
    if let Some(repeated) = repeated {
        t.put_object("retweeted_status", |t| post(n / 2, repeated, said, None, rng, t));
    }
    t.put_raw("retweet_count", if repeated.is_some() { rng.below(5000) } else { 0 });
    t.put_raw("favorite_count", rng.below(10));
    t.put_object("entities", |t| entities(repeated.or(answered.as_ref()), rng, t));
    t.put_raw("favorited", false);
    t.put_raw("retweeted", false);
    if rng.one_in(3) {
        t.put_raw("possibly_sensitive", false);
    }
    t.put("lang", "ja");
}

fn entities(mentioned: Option<&Author>, rng: &mut Rng, t: &mut Text) {
    t.put_array("hashtags", |t| {
        if rng.one_in(4) {
            t.object(|t| {
                t.put("text", words::japanese(rng, 6));
                indices(t, 20, 27);
            });
        }
    });
    t.put_array("symbols", |_| ());
    t.put_array("urls", |t| {
        if rng.one_in(4) {
            t.object(|t| link(rng, t));
        }
    });
    t.put_array("user_mentions", |t| {
        if let Some(Author { id, login, name }) = mentioned {
            t.object(|t| {
                t.put("screen_name", login);
                t.put("name", name);
                t.put_raw("id", id);
                t.put("id_str", id.to_string());
                indices(t, 3, 4 + login.len());
            });
        }
    });
    if rng.one_in(10) {
        t.put_array("media", |t| t.object(|t| media(rng, t)));
    }
}

fn media(rng: &mut Rng, t: &mut Text) {
    let id = identifier(rng);
    let picture = words::letters(rng, 15);
    t.put_raw("id", id);
    t.put("id_str", id.to_string());
    t.put("media_url", format!("http://pbs.twimg.com/media/{picture}.jpg"));
    t.put("media_url_https", format!("https://pbs.twimg.com/media/{picture}.jpg"));
    link(rng, t);
    t.put("type", "photo");
    t.put_object("sizes", |t| {
        for (name, size, fit) in
            [("medium", 600, "fit"), ("small", 340, "fit"), ("thumb", 150, "crop"), ("large", 1024, "fit")]
        {
            t.put_object(name, |t| {
                t.put_raw("w", size);
                t.put_raw("h", size * 3 / 4);
                t.put("resize", fit);
            });
        }
    });
}

fn link(rng: &mut Rng, t: &mut Text) {
    let short = words::letters(rng, 10);
    let long = format!("example.jp/{}/{}", words::word(rng), words::letters(rng, 12));
    t.put("url", format!("http://t.co/{short}"));
    t.put("expanded_url", format!("http://{long}"));
    t.put("display_url", long);
    indices(t, 80, 102);
}

fn indices(t: &mut Text, from: usize, to: usize) {
    t.put_array("indices", |t| {
        t.raw(from);
        t.raw(to);
    });
}

fn user(author: &Author, rng: &mut Rng, t: &mut Text) {
    let Author { id, login, name } = author;
    let picture = format!(
        "pbs.twimg.com/profile_images/{}/{}",
        497_760_886_795_153_410 + rng.next() % 1_000_000_000_000_000,
        words::letters(rng, 8)
    );
    // Two in three keep the default look, whose addresses and colours repeat.
    let default = rng.below(3) > 0;
    let theme = if default { 1 } else { rng.between(2, 19) };
    let characters = rng.between(10, 90);
    t.put_raw("id", id);
    t.put("id_str", id.to_string());
    t.put("name", name);
    t.put("screen_name", login);
    t.put("location", if rng.one_in(2) { words::japanese(rng, 8) } else { String::new() });
    t.put("description", words::japanese(rng, characters));
    t.put_null("url");
    t.put_object("entities", |t| t.put_object("description", |t| t.put_array("urls", |_| ())));
    t.put_raw("protected", false);
    t.put_raw("followers_count", rng.below(3000));
    t.put_raw("friends_count", rng.below(3000));
    t.put_raw("listed_count", rng.below(30));
    let year = rng.between(2009, 2014);
    t.put("created_at", created(year, rng));
    t.put_raw("favourites_count", rng.below(9000));
    t.put_null("utc_offset");
    t.put_null("time_zone");
    for key in ["geo_enabled", "verified"] {
        t.put_raw(key, rng.one_in(8));
    }
    t.put_raw("statuses_count", rng.below(50_000));
    t.put("lang", "ja");
    for key in ["contributors_enabled", "is_translator", "is_translation_enabled"] {
        t.put_raw(key, false);
    }
    let colour = |n: usize, rng: &mut Rng| if default { COLOURS[n] } else { *rng.pick(COLOURS) };
    t.put("profile_background_color", colour(0, rng));
    t.put("profile_background_image_url", format!("http://abs.twimg.com/images/themes/theme{theme}/bg.png"));
    t.put(
        "profile_background_image_url_https",
        format!("https://abs.twimg.com/images/themes/theme{theme}/bg.png"),
    );
    t.put_raw("profile_background_tile", !default);
    t.put("profile_image_url", format!("http://{picture}_normal.jpeg"));
    t.put("profile_image_url_https", format!("https://{picture}_normal.jpeg"));
    t.put(
        "profile_banner_url",
        format!("https://pbs.twimg.com/profile_banners/{id}/{}", 1_409_318_784 + rng.below(9_000_000)),
    );
    t.put("profile_link_color", colour(2, rng));
    t.put("profile_sidebar_border_color", colour(0, rng));
    t.put("profile_sidebar_fill_color", colour(1, rng));
    t.put("profile_text_color", colour(3, rng));
    t.put_raw("profile_use_background_image", true);
    t.put_raw("default_profile", default);
    for key in ["default_profile_image", "following", "follow_request_sent", "notifications"] {
        t.put_raw(key, false);
    }
}

fn identifier(rng: &mut Rng) -> u64 {
    10_000_000 + rng.next() % 2_700_000_000
}

fn created(year: usize, rng: &mut Rng) -> String {
    let (_, time) = words::moment(rng);
    format!("{} {} {:02} {time} +0000 {year}", rng.pick(DAYS), rng.pick(MONTHS), rng.between(1, 28))
}
