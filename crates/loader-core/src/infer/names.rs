//! Names of columns, from the names of fields.

use crate::memory::{self, OutOfMemory};

/// The server's names have so many bytes at most (NAMEDATALEN - 1).
const LONGEST: usize = 63;

/// Names that no column of a table can have.
const SYSTEM: [&str; 6] = ["tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"];

/// The name of a field whose own has no letter and no digit.
const NAMELESS: &str = "field";

/// Names for the columns of these fields, in their order: snake_case with `normalize`, and as
/// they are without. All are different from each other and from `reserved`, and of at most 63
/// bytes of UTF-8. A field that is named as its column would be has that name before others.
pub fn column_names(fields: &[&str], normalize: bool, reserved: &[&str]) -> Result<Vec<String>, OutOfMemory> {
    let mut names = Vec::new();
    for field in fields {
        let mut name = if normalize { snake_case(field)? } else { memory::copy_str(field)? };
        name.truncate(name.floor_char_boundary(LONGEST));
        if name.is_empty() {
            name = memory::copy_str(NAMELESS)?;
        }
        memory::push(&mut names, name)?;
    }
    let is_own = |index: usize| names[index] == fields[index];
    let mut order = memory::collect((0..fields.len()).filter(|&index| is_own(index)))?;
    for index in (0..fields.len()).filter(|&index| !is_own(index)) {
        memory::push(&mut order, index)?;
    }
    let mut taken: Vec<String> = Vec::new();
    for name in SYSTEM.iter().chain(reserved) {
        take(&mut taken, name)?;
    }
    for index in order {
        let mut number = 1;
        while taken.binary_search(&names[index]).is_ok() {
            number += 1;
            names[index] = numbered(&names[index], number)?;
        }
        take(&mut taken, &names[index])?;
    }
    Ok(names)
}

/// `userId` and `User-ID` as `user_id`; `HTTPServer` as `http_server`. Letters and digits of
/// any language stay, and whatever stands between them becomes one underscore.
pub fn snake_case(field: &str) -> Result<String, OutOfMemory> {
    let mut name = String::new();
    let mut letters = field.chars().peekable();
    let (mut before, mut gap) = (None::<char>, false);
    while let Some(c) = letters.next() {
        if !c.is_alphanumeric() {
            // One in front stays, as the mark of a private field.
            gap = !name.is_empty() || c == '_';
            before = None;
            continue;
        }
        let begins_word = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || letters.peek().is_some_and(|next| next.is_lowercase())
            });
        if gap || begins_word {
            append(&mut name, '_')?;
        }
        gap = false;
        for lower in c.to_lowercase() {
            append(&mut name, lower)?;
        }
        before = Some(c);
    }
    Ok(name)
}

/// A name with a number behind it, in place of one that it has.
fn numbered(name: &str, number: usize) -> Result<String, OutOfMemory> {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    // `name_2` becomes `name_3`.
    let stem = match name.rsplit_once('_') {
        Some((stem, last)) if number > 2 && last.parse() == Ok(number - 1) => stem,
        _ => name,
    };
    let room = LONGEST - 1 - (digits.len() - at);
    let mut numbered = memory::copy_str(&stem[..stem.floor_char_boundary(room)])?;
    append(&mut numbered, '_')?;
    for digit in &digits[at..] {
        append(&mut numbered, char::from(*digit))?;
    }
    Ok(numbered)
}

fn take(taken: &mut Vec<String>, name: &str) -> Result<(), OutOfMemory> {
    match taken.binary_search_by(|other| other.as_str().cmp(name)) {
        Ok(_) => Ok(()),
        Err(at) => memory::insert(taken, at, memory::copy_str(name)?),
    }
}

fn append(text: &mut String, c: char) -> Result<(), OutOfMemory> {
    text.try_reserve(c.len_utf8()).map_err(|_| OutOfMemory(text.len() + c.len_utf8()))?;
    push_str(text, c.encode_utf8(&mut [0; 4]));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the room was asked for before")]
fn push_str(text: &mut String, more: &str) {
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_cases() {
        let cases = [
            ("userId", "user_id"),
            ("user_id", "user_id"),
            ("User ID", "user_id"),
            ("HTTPServer", "http_server"),
            ("parseJSON2Table", "parse_json2_table"),
            ("a.b-c", "a_b_c"),
            ("_private", "_private"),
            ("__typename", "_typename"),
            ("@type", "type"),
            ("$oid ", "oid"),
            ("ÜberGröße", "über_größe"),
            ("2024", "2024"),
            ("---", ""),
            ("x\"; DROP TABLE t; --", "x_drop_table_t"),
        ];
        for (field, expected) in cases {
            assert_eq!(snake_case(field).expect("memory"), expected, "{field}");
        }
    }

    #[test]
    fn names_are_unique_and_short() {
        let names =
            |fields: &[&str], normalize| column_names(fields, normalize, &["_rescued"]).expect("memory");
        assert_eq!(
            names(&["userId", "user-id", "user_id", "", "%", "ctid", "_rescued", "user_id_2"], true),
            ["user_id_3", "user_id_4", "user_id", "field", "field_2", "ctid_2", "_rescued_2", "user_id_2"]
        );
        assert_eq!(names(&["userId", "user id", ""], false), ["userId", "user id", "field"]);
        let long = "ä".repeat(40);
        let named = names(&[&long, &format!("{long}x")], true);
        assert_eq!(named, ["ä".repeat(31), format!("{}_2", "ä".repeat(30))]);
        assert!(named.iter().all(|name| name.len() <= LONGEST));
    }

    #[test]
    fn many_of_one_name_are_numbered() {
        let fields: Vec<String> = (0..120).map(|n| format!("{}x", "-".repeat(n))).collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let names = column_names(&fields, true, &[]).expect("memory");
        assert_eq!((names[0].as_str(), names[119].as_str()), ("x", "x_120"));
    }
}
