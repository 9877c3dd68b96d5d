//! Damages single records of a newline-delimited file, so that they are surely
//! not JSON and their neighbours surely whole.

use loader_damage::rng::Rng;

/// Spoils `record`, an object with at least one member, without its newline.
pub fn spoil(record: &mut Vec<u8>, rng: &mut Rng) {
    match rng.below(6) {
        // Cut, as by a full disk: the outermost brace is never closed.
        0 => record.truncate(rng.between(2, record.len() - 1)),
        // The opening brace is lost.
        1 => {
            record.remove(0);
        }
        // The closing brace is lost.
        2 => {
            record.pop();
        }
        // The first key has lost its opening quote.
        3 => {
            record.remove(1);
        }
        // The first colon is lost.
        4 => {
            if let Some(at) = record.iter().position(|&byte| byte == b':') {
                record.remove(at);
            }
        }
        // Garbage: control characters are legal nowhere in JSON.
        _ => {
            let at = rng.between(1, record.len() - 1);
            record.splice(at..at, *b"\x00\x1b[0m\xff");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spoiled_is_not_json() {
        let mut rng = Rng::new(1);
        for _ in 0..10_000 {
            let mut record = br#"{"a": {"b": [1, "two", {}]}, "c": "}"}"#.to_vec();
            spoil(&mut record, &mut rng);
            assert!(!loader_damage::json::valid(&record), "{}", String::from_utf8_lossy(&record));
            assert!(!record.contains(&b'\n'));
        }
    }
}
