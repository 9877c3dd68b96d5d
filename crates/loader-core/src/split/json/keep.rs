//! Which fields of a document are given to each of its records, and where they lie.

use super::records_path::{BadPath, RecordsPath, Root, Step, parse_steps};
use std::fmt;
use std::sync::Arc;

/// The way from the root of a document to a field that lies outside of its records: `cod`,
/// `city.name`, `["a b"].x`, `$.cod`. Arrays that lie on the way to the records need not be
/// named: where these are at `$.a[*].b`, `a.id` is the field `id` of the element of `a` that
/// holds the record, as `a[*].id` is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeepPath {
    /// From the outermost container on. The last one is a key.
    steps: Arc<[Step]>,
}

const NO_FIELD: &str = "a path of a field ends with a key";

impl KeepPath {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<KeepPath, BadPath> {
        let steps = parse_steps(text, Root::Implied)?;
        match steps.last() {
            Some(Step::Key(_)) => Ok(KeepPath { steps: steps.into() }),
            _ => Err(BadPath { what: NO_FIELD, at: text.len() }),
        }
    }

    /// The last key: the name of the field.
    pub fn name(&self) -> &str {
        match self.steps.last() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }
}

impl fmt::Display for KeepPath {
    /// The canonical form, without the root: plain keys bare, others quoted as JSON has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.steps.iter().enumerate() {
            if n > 0 && *step != Step::Elements {
                f.write_str(".")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

/// Why a field cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKeep {
    /// In PostgreSQL's message style, without any of the path.
    pub what: &'static str,
    /// Which of the paths, from 0.
    pub path: usize,
}

const HOLDS_RECORDS: &str = "the records lie in the field";
const IN_RECORDS: &str = "the field lies in the records";
const OTHER_ARRAY: &str = "\"[*]\" and \"*\" are allowed only where the path of the records has them, too";
const SAME_NAME: &str = "another field has the same last key";

/// The fields of each document that are given to its records: [`Keep::new`] makes them for the
/// [`Options::records_path`](super::Options::records_path) that they stand beside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep(Option<Arc<[Field]>>);

/// A field, and where its way leaves that of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    path: KeepPath,
    /// The level of the container on the way to the records, from 0, in which its own first
    /// key stands.
    pub(super) level: usize,
    /// So many steps of its path lead there.
    shared: usize,
}

impl Keep {
    /// No fields.
    pub const NONE: Keep = Keep(None);

    /// The fields at these paths, each under its last key, for records at `records`.
    #[expect(clippy::disallowed_methods, reason = "as many as the caller has asked for")]
    pub fn new(records: &RecordsPath, paths: &[KeepPath]) -> Result<Keep, BadKeep> {
        let mut fields: Vec<Field> = Vec::new();
        for (n, path) in paths.iter().enumerate() {
            let field = Field::on_way(records, path).map_err(|what| BadKeep { what, path: n })?;
            if fields.iter().any(|other| other.path.name() == path.name()) {
                return Err(BadKeep { what: SAME_NAME, path: n });
            }
            fields.push(field);
        }
        Ok(Keep((!fields.is_empty()).then(|| fields.into())))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The fields, if there are any.
    pub(super) fn fields(&self) -> Option<Arc<[Field]>> {
        self.0.clone()
    }
}

impl Field {
    fn on_way(records: &RecordsPath, path: &KeepPath) -> Result<Field, &'static str> {
        let (mut level, mut shared) = (0, 0);
        while level < records.around() {
            let along = match (&records.steps()[level], &path.steps[shared]) {
                (Step::Elements, step) => {
                    level += 1;
                    shared += usize::from(*step == Step::Elements);
                    continue;
                }
                (Step::Values, Step::Values) => true,
                (Step::Key(key), Step::Key(own)) => key == own,
                _ => false,
            };
            let field = Field { path: path.clone(), level, shared };
            if !along {
                let plain = field.keys().iter().all(|step| matches!(step, Step::Key(_)));
                return if plain { Ok(field) } else { Err(OTHER_ARRAY) };
            }
            (level, shared) = (level + 1, shared + 1);
            if shared == path.steps.len() {
                return Err(HOLDS_RECORDS);
            }
        }
        Err(IN_RECORDS)
    }

    /// Its own keys: those that the way to the records does not have.
    pub(super) fn keys(&self) -> &[Step] {
        &self.path.steps[self.shared..]
    }

    /// The path.
    pub(super) fn path(&self) -> &KeepPath {
        &self.path
    }

    /// So many bytes of a document may stand for one of its keys: each byte as an escape.
    pub(super) fn longest_raw(&self) -> usize {
        let length = |step: &Step| if let Step::Key(key) = step { key.len() } else { 0 };
        6 * self.keys().iter().map(length).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> KeepPath {
        KeepPath::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad:?}"))
    }

    #[test]
    fn paths_of_fields_have_no_root() {
        for (text, shown, name) in [
            ("cod", "cod", "cod"),
            (" city.name ", "city.name", "name"),
            ("$.city.name", "city.name", "name"),
            ("$['a b'].x", r#""a b".x"#, "x"),
            (r#"["a b"].x"#, r#""a b".x"#, "x"),
            (r#""a b"."x\"y""#, r#""a b"."x\"y""#, "x\"y"),
            ("a[*].id", "a[*].id", "id"),
            ("[*].id", "id", "id"),
            ("*.id", "*.id", "id"),
        ] {
            assert_eq!((path(text).to_string().as_str(), path(text).name()), (shown, name), "{text}");
            assert_eq!(path(shown), path(text));
        }
        for (text, at) in [("", 0), (" ", 1), (".a", 0), ("$", 1), ("a.", 2), ("a..b", 2), ("a b", 1)] {
            assert_eq!(KeepPath::parse(text).expect_err(text).at, at, "{text}");
        }
        for text in ["a.*", "a[*]", "[*]", "a[0].b", "\"a", "$a"] {
            assert!(KeepPath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_lie_beside_the_way_to_the_records() {
        for (records, text, wanted) in [
            ("$.list", "cod", Ok((0, 1))),
            ("$.list", "city.name", Ok((0, 2))),
            ("$.data.list", "data.id", Ok((1, 1))),
            ("$.data.list", "data.x.id", Ok((1, 2))),
            ("$.a[*].b[*]", "id", Ok((0, 1))),
            ("$.a[*].b[*]", "a.id", Ok((2, 1))),
            ("$.a[*].b[*]", "a[*].id", Ok((2, 1))),
            ("$.a[*].b[*]", "a[*].c.id", Ok((2, 2))),
            ("$.a[*][*].b", "a.id", Ok((3, 1))),
            ("$.a.*", "cod", Ok((0, 1))),
            ("$.*.b", "cod", Ok((0, 1))),
            ("$.*.b", "*.cod", Ok((1, 1))),
            ("$[*][*].b", "id", Ok((2, 1))),
            ("$.list", "list", Err(HOLDS_RECORDS)),
            ("$.data.list", "data", Err(HOLDS_RECORDS)),
            ("$.a[*].b[*]", "a", Err(HOLDS_RECORDS)),
            ("$.a[*].b[*]", "a.b", Err(HOLDS_RECORDS)),
            ("$.list", "list.dt", Err(IN_RECORDS)),
            ("$.list", "list[*].dt", Err(IN_RECORDS)),
            ("$.a[*].b[*]", "a.b.c", Err(IN_RECORDS)),
            ("$.a.*", "a.x", Err(IN_RECORDS)),
            ("$", "x", Err(IN_RECORDS)),
            ("$.*", "x", Err(IN_RECORDS)),
            ("$.list", "x[*].y", Err(OTHER_ARRAY)),
            ("$.list", "*.y", Err(OTHER_ARRAY)),
        ] {
            let records = RecordsPath::parse(records).expect("a path");
            let found = Keep::new(&records, &[path(text)]);
            let found = found.map(|keep| {
                let fields = keep.fields().expect("a field");
                (fields[0].level, fields[0].keys().len())
            });
            assert_eq!(found, wanted.map_err(|what| BadKeep { what, path: 0 }), "{text} of {records}");
        }
        let records = RecordsPath::parse("$.list").expect("a path");
        let bad = Keep::new(&records, &[path("id"), path("cod"), path("city.id")]);
        assert_eq!(bad, Err(BadKeep { what: SAME_NAME, path: 2 }));
        assert_eq!(Keep::new(&records, &[]), Ok(Keep::NONE));
    }
}
