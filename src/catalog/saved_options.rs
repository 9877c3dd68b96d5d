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
}

impl Catalog {
    /// The options of a load.
    pub fn saved_options(&self, load_id: i64) -> Result<SavedOptions, Error> {
        let key = self.members(
            load_id,
            "SELECT pg_catalog.convert_to(e.value, pg_catalog.getdatabaseencoding()), NULL::pg_catalog.bytea
             FROM loader.load_history_data AS h, pg_catalog.jsonb_array_elements_text(
                 pg_catalog.jsonb_extract_path(h.options, 'key')) WITH ORDINALITY AS e (value, place)
             WHERE h.load_id OPERATOR(pg_catalog.=) $1
             ORDER BY e.place",
        )?;
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
            key: key.into_iter().map(|(name, _)| name).collect(),
        })
    }

    fn members(&self, load_id: i64, query: &str) -> Result<Vec<Member>, Error> {
        self.as_owner(|client| {
            let rows = client.select(query, None, &[load_id.into()])?;
            rows.map(|row| Ok((row.get(1)?.unwrap_or_default(), row.get(2)?))).collect()
        })
    }
}
