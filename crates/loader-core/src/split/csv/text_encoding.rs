//! Whether a text is UTF-8 at all.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// A text of which at least one line in so many is not UTF-8, and none has a character beyond
/// ASCII that is, is in another encoding. Single bytes that are wrong are damage.
const ONE_IN: usize = 5;

/// The name of the encoding that a text is likely to have which is not UTF-8 as a whole.
pub(super) fn likely_other(head: &[u8]) -> Option<&'static str> {
    if simdutf8::basic::from_utf8(head).is_ok() {
        return None;
    }
    let (mut lines, mut wrong) = (0, 0);
    for line in head.split(|&b| b == b'\n') {
        lines += 1;
        if line.is_ascii() {
            continue;
        }
        match std::str::from_utf8(line) {
            Ok(_) => return None,
            Err(error) if !line[..error.valid_up_to()].is_ascii() => return None,
            Err(_) => wrong += 1,
        }
    }
    if wrong < 2 || wrong * ONE_IN < lines || memchr::memchr(0, head).is_some() {
        return None;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, true);
    Some(detector.guess(None, Utf8Detection::Deny).name())
}

#[cfg(test)]
mod tests {
    use super::likely_other;

    #[test]
    fn another_encoding_is_told_from_damage() {
        let latin1 = b"id;city\n1;Z\xFCrich\n2;Gen\xE8ve\n3;Bern\n4;M\xFCnchen\n5;K\xF6ln\n";
        assert_eq!(likely_other(latin1), Some("windows-1252"));
        let sound: [&[u8]; 5] = [
            b"",
            b"id;city\n1;Bern\n",
            "id;city\n1;Z\u{fc}rich\n".as_bytes(),
            // One damaged line, and damage beside characters that are sound.
            b"id;city\n1;Z\xFCrich\n2;Bern\n3;Bonn\n",
            b"id;city\n1;Z\xC3\xBCrich\n2;Z\xFCrich\n3;K\xF6ln\n",
        ];
        for text in sound {
            assert_eq!(likely_other(text), None, "{}", String::from_utf8_lossy(text));
        }
    }
}
