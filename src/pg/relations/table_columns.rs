//! The columns of a table, as far as values for them have to be known.

use super::type_name::TypeName;
use crate::pg::Oid;
use crate::pg::executor::snapshot::{self, Snapshot};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;

/// A column. Names and texts are in the database's encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its number.
    pub number: i16,
    /// Its name.
    pub name: Vec<u8>,
    /// Its type.
    pub data_type: TypeName,
    /// The collation of its values.
    pub collation: Oid,
    /// The comment on it.
    pub comment: Option<Vec<u8>>,
    /// The expression of its default.
    pub default: Option<Vec<u8>>,
    /// NULL is refused.
    pub is_not_null: bool,
    /// The server computes its values, and takes no others.
    pub is_computed: bool,
}

/// The expressions of defaults: of an identity, whose sequence may be that of a table above (17), of
/// the column, or of its domain.
const COLUMNS: &str = "
    SELECT a.attnum::pg_catalog.int8, a.attname::pg_catalog.text, a.atttypid::pg_catalog.int8,
           a.atttypmod::pg_catalog.int8, pg_catalog.col_description(a.attrelid, a.attnum::pg_catalog.int4),
           CASE a.attidentity
               WHEN 'd' THEN (
                   SELECT 'pg_catalog.nextval('
                          OPERATOR(pg_catalog.||) pg_catalog.quote_literal(p.objid::pg_catalog.text)
                          OPERATOR(pg_catalog.||) '::pg_catalog.regclass)'
                   FROM pg_catalog.pg_depend AS p
                   JOIN pg_catalog.pg_attribute AS o
                     ON o.attrelid OPERATOR(pg_catalog.=) p.refobjid
                    AND o.attnum OPERATOR(pg_catalog.=) p.refobjsubid
                   WHERE p.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
                     AND p.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
                     AND o.attname OPERATOR(pg_catalog.=) a.attname
                     AND p.deptype OPERATOR(pg_catalog.=) 'i'
                     AND (p.refobjid OPERATOR(pg_catalog.=) a.attrelid
                          OR p.refobjid OPERATOR(pg_catalog.=) ANY (
                              SELECT t.relid FROM pg_catalog.pg_partition_ancestors(a.attrelid) AS t))
                   LIMIT 1)
               ELSE COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid),
                             pg_catalog.pg_get_expr(t.typdefaultbin, 0))
           END,
           a.attnotnull::pg_catalog.int4::pg_catalog.int8,
           (a.attgenerated OPERATOR(pg_catalog.<>) ''
            OR a.attidentity OPERATOR(pg_catalog.=) 'a')::pg_catalog.int4::pg_catalog.int8,
           a.attcollation::pg_catalog.int8
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef AS d
      ON d.adrelid OPERATOR(pg_catalog.=) a.attrelid AND d.adnum OPERATOR(pg_catalog.=) a.attnum
    WHERE a.attrelid OPERATOR(pg_catalog.=) $1 AND a.attnum OPERATOR(pg_catalog.>) 0
      AND NOT a.attisdropped
    ORDER BY a.attnum";

/// The columns of a relation, in their order.
pub fn of(relation: Oid) -> Vec<TableColumn> {
    let mut columns = Vec::new();
    // SAFETY: an OID is passed by value.
    let relation = unsafe { DatumWithOid::new(pg_sys::Datum::from(relation), pg_sys::OIDOID) };
    snapshot::select(Snapshot::Latest, COLUMNS, &[relation], |row| {
        let number = |column| row.bigint(column).unwrap_or_default();
        columns.push(TableColumn {
            number: number(1) as i16,
            name: row.bytes(2).unwrap_or_default(),
            data_type: TypeName::of(Oid::from(number(3) as u32), number(4) as i32),
            collation: Oid::from(number(9) as u32),
            comment: row.bytes(5),
            default: row.bytes(6),
            is_not_null: number(7) != 0,
            is_computed: number(8) != 0,
        });
    });
    columns
}

/// The names of the columns of a relation's primary key, in the order of the key; none where it has
/// no such key.
pub fn primary_key(relation: Oid) -> Vec<Vec<u8>> {
    const KEY: &str = "
        SELECT a.attname::pg_catalog.text
        FROM pg_catalog.pg_index AS i, pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attnum OPERATOR(pg_catalog.=) k.number
        WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND a.attrelid OPERATOR(pg_catalog.=) $1
          AND i.indisprimary AND k.place OPERATOR(pg_catalog.<=) i.indnkeyatts
        ORDER BY k.place";
    let mut names = Vec::new();
    // SAFETY: an OID is passed by value.
    let relation = unsafe { DatumWithOid::new(pg_sys::Datum::from(relation), pg_sys::OIDOID) };
    snapshot::select(Snapshot::Latest, KEY, &[relation], |row| names.extend(row.bytes(1)));
    names
}
