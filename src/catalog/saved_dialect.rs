//! How a load has read a file of delimited text, as the history has it.

use super::Catalog;
use crate::error::Error;
use loader_core::split::csv::{Delimiter, Dialect, NewLine};

/// The dialect of a file, and the names of its fields.
pub struct SavedDialect {
    pub dialect: Dialect,
    pub names: Vec<String>,
}

impl Catalog {
    /// How a load has read its file; `None` where that was no delimited text, or had no record
    /// from which anything could be told.
    pub fn saved_dialect(&self, load_id: i64) -> Result<Option<SavedDialect>, Error> {
        let members = self.texts(
            load_id,
            "SELECT pg_catalog.convert_to(e.key, 'UTF8'::pg_catalog.name),
                    pg_catalog.convert_to(e.value, 'UTF8'::pg_catalog.name)
             FROM loader.load_history_data AS h, pg_catalog.jsonb_each_text(h.dialect) AS e
             WHERE h.load_id OPERATOR(pg_catalog.=) $1 AND h.records OPERATOR(pg_catalog.>) 0",
        )?;
        let names = self.texts(
            load_id,
            "SELECT pg_catalog.convert_to(e.value, 'UTF8'::pg_catalog.name), NULL::pg_catalog.bytea
             FROM loader.load_history_data AS h, pg_catalog.jsonb_array_elements_text(
                 pg_catalog.jsonb_extract_path(h.dialect, 'columns')) WITH ORDINALITY AS e (value, place)
             WHERE h.load_id OPERATOR(pg_catalog.=) $1
             ORDER BY e.place",
        )?;
        let names = names.into_iter().map(|(name, _)| name).collect();
        Ok(dialect_of(&members).map(|dialect| SavedDialect { dialect, names }))
    }

    fn texts(&self, load_id: i64, query: &str) -> Result<Vec<(String, Option<String>)>, Error> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
        let members = self.members(load_id, query)?.into_iter();
        Ok(members.map(|(name, value)| (text(name), value.map(text))).collect())
    }
}

/// The dialect that these members stand for.
fn dialect_of(members: &[(String, Option<String>)]) -> Option<Dialect> {
    let member = |name: &str| members.iter().find(|(other, _)| other == name)?.1.as_deref();
    let byte = |name: &str| member(name)?.bytes().next();
    Some(Dialect {
        delimiter: Delimiter::new(member("delimiter")?.as_bytes())?,
        quote: byte("quote"),
        escape: byte("escape"),
        new_line: match member("new_line")? {
            "cr" => NewLine::Cr,
            "crlf" => NewLine::CrLf,
            _ => NewLine::Lf,
        },
        comment: byte("comment"),
        skip: member("skip")?.parse().ok()?,
        header: member("header")?.parse().ok()?,
    })
}
