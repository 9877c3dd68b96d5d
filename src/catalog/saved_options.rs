//! The options that a load was made with, as the history has them.

use super::Catalog;
use crate::error::Error;

/// A name, and its value as text; JSON null is `None`.
type Member = (Vec<u8>, Option<Vec<u8>>);

/// Those of them that are needed when rejects of the load are retried. Texts are in the database's
/// encoding.
pub struct SavedOptions {
    /// The options that are no lists.
    pub words: Vec<Member>,
    pub column_map: Vec<Member>,
    pub key: Vec<Vec<u8>>,
    pub force_null: Vec<Vec<u8>>,
    pub force_not_null: Vec<Vec<u8>>,
}

impl SavedOptions {
    /// An option that is no list.
    pub fn word(&self, name: &str) -> Option<Vec<u8>> {
        self.words.iter().find(|(other, _)| other == name.as_bytes())?.1.clone()
    }
}

impl Catalog {
    /// The options of a load.
    pub fn saved_options(&self, load_id: i64) -> Result<SavedOptions, Error> {
        Ok(SavedOptions {
            words: self.members(
                load_id,
                "SELECT pg_catalog.convert_to(e.key, pg_catalog.getdatabaseencoding()),
                        pg_catalog.convert_to(e.value, pg_catalog.getdatabaseencoding())
                 FROM loader.load_history_data AS h, pg_catalog.jsonb_each_text(h.options) AS e
                 WHERE h.load_id OPERATOR(pg_catalog.=) $1",
            )?,
            column_map: self.members(
                load_id,
                "SELECT pg_catalog.convert_to(e.key, pg_catalog.getdatabaseencoding()),
                        pg_catalog.convert_to(e.value, pg_catalog.getdatabaseencoding())
                 FROM loader.load_history_data AS h, pg_catalog.jsonb_each_text(
                     pg_catalog.jsonb_extract_path(h.options, 'column_map')) AS e
                 WHERE h.load_id OPERATOR(pg_catalog.=) $1",
            )?,
            key: self.list(load_id, "key")?,
            force_null: self.list(load_id, "force_null")?,
            force_not_null: self.list(load_id, "force_not_null")?,
        })
    }

    /// An option that is a list of texts.
    fn list(&self, load_id: i64, option: &str) -> Result<Vec<Vec<u8>>, Error> {
        self.as_owner(|client| {
            let rows = client.select(
                "SELECT pg_catalog.convert_to(e.value, pg_catalog.getdatabaseencoding())
                 FROM loader.load_history_data AS h, pg_catalog.jsonb_array_elements_text(
                     pg_catalog.jsonb_extract_path(h.options, $2)) WITH ORDINALITY AS e (value, place)
                 WHERE h.load_id OPERATOR(pg_catalog.=) $1
                 ORDER BY e.place",
                None,
                &[load_id.into(), option.into()],
            )?;
            rows.map(|row| Ok(row.get(1)?.unwrap_or_default())).collect()
        })
    }

    /// The rows of a query about a load: names, and their values.
    pub(super) fn members(&self, load_id: i64, query: &str) -> Result<Vec<Member>, Error> {
        self.as_owner(|client| {
            let rows = client.select(query, None, &[load_id.into()])?;
            rows.map(|row| Ok((row.get(1)?.unwrap_or_default(), row.get(2)?))).collect()
        })
    }
}
