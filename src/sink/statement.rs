//! The text of the INSERT that takes the rows of a chunk.

use super::Target;
use super::lineage::Lineage;
use super::route::{ColumnRoute, Route};
use super::upsert::Upsert;
use crate::pg::executor::statement::{RowColumn, Statement};
use crate::pg::relations::relation;
use crate::pg::relations::type_name::TypeName;
use crate::pg::strings::text;

/// The INSERT of a target, prepared.
pub fn prepare(target: &Target, table: &[u8], upsert: Option<&Upsert>) -> Statement {
    // The scan knows of no conditions, as rules have them; and for rows of other servers, the statement
    // may be planned in ways that know no such scan.
    let layout = if target.is_plain() { layout(target) } else { Vec::new() };
    Statement::prepare(&text::c_string(&insert(target, table, upsert, &layout)), layout)
}

/// No function in FROM has more columns (MaxHeapAttributeNumber).
const MOST_COLUMNS: usize = 1600;

/// The columns of the rows of the scan; none where rows do not come from a scan.
fn layout(target: &Target) -> Vec<RowColumn> {
    let mut layout = match &target.route {
        Route::Document(_) => vec![RowColumn::Cell(0)],
        Route::Columns(route) if 2 * route.columns.len() + 2 <= MOST_COLUMNS => {
            let columns = 0..route.columns.len();
            let with_default = columns.clone().filter(|&index| route.columns[index].default.is_some());
            columns.map(RowColumn::Cell).chain(with_default.map(RowColumn::Absent)).collect()
        }
        Route::Columns(_) | Route::Transform(_) => return Vec::new(),
    };
    if target.lineage.byte_offset {
        layout.push(RowColumn::Offset);
    }
    if target.lineage.key {
        layout.push(RowColumn::Key);
    }
    layout
}

/// The INSERT. Its first parameter is the argument of the functions that hand out the chunk, the
/// second one is the number of the load, the third one the path of the file.
fn insert(target: &Target, table: &[u8], upsert: Option<&Upsert>, layout: &[RowColumn]) -> Vec<u8> {
    let mut sql = b"INSERT INTO ".to_vec();
    sql.extend_from_slice(table);
    push(&mut sql, if upsert.is_some() { " AS loader_target (" } else { " (" });
    let mut separator: &[u8] = b"";
    let mut add = |name: &[u8]| {
        sql.extend_from_slice(separator);
        sql.extend_from_slice(&relation::quote_identifier(name));
        separator = b", ";
    };
    target.route.names().into_iter().for_each(&mut add);
    target.lineage.columns().for_each(|name| add(name.as_bytes()));
    sql.extend_from_slice(b") ");
    match &target.route {
        Route::Document(_) if layout.is_empty() => {
            sql.extend_from_slice(b"SELECT loader.chunk_records($1)");
            let values = ["$2", "loader.chunk_offsets($1)", "loader.chunk_keys($1)"];
            add_lineage(&mut sql, target.lineage, values);
        }
        Route::Document(_) => {
            sql.extend_from_slice(b"SELECT r.c0");
            add_lineage(&mut sql, target.lineage, SCANNED_LINEAGE);
            from_scan(&mut sql, layout, |_| TypeName::jsonb());
        }
        Route::Columns(route) => select_columns(&mut sql, route, target.lineage, layout),
        Route::Transform(transform) => {
            let load_id = if target.lineage.load_id { ", $2" } else { "" };
            transform.select(&mut sql, relation::quote_identifier, load_id);
        }
    }
    if let Some(upsert) = upsert {
        on_conflict(&mut sql, target, upsert);
    }
    sql
}

/// The SELECT of the cells, with the defaults that stand in for absent fields. They come from a scan
/// with these columns, or from a function for each.
fn select_columns(sql: &mut Vec<u8>, route: &ColumnRoute, lineage: Lineage, layout: &[RowColumn]) {
    push(sql, "SELECT ");
    for (index, column) in route.columns.iter().enumerate() {
        let before = if index == 0 { "" } else { ", " };
        match &column.default {
            None => push(sql, &format!("{before}r.c{index}")),
            Some(default) => {
                push(sql, &format!("{before}CASE WHEN r.a{index} THEN ("));
                sql.extend_from_slice(default);
                // Of its own type the default may be another than the column's, which would change values.
                push(sql, ")::");
                sql.extend_from_slice(&route.columns[index].data_type.unmodified().quoted());
                push(sql, &format!(" ELSE r.c{index} END"));
            }
        }
    }
    add_lineage(sql, lineage, SCANNED_LINEAGE);
    if layout.is_empty() {
        push(sql, " FROM (SELECT ");
        for (index, column) in route.columns.iter().enumerate() {
            let before = if index == 0 { "" } else { ", " };
            // A domain may refuse to be NULL.
            push(sql, &format!("{before}loader.chunk_cells($1, {index}, NULL::"));
            sql.extend_from_slice(&column.data_type.base().quoted());
            push(sql, &format!(") AS c{index}"));
            if column.default.is_some() {
                push(sql, &format!(", loader.chunk_absent($1, {index}) AS a{index}"));
            }
        }
        if lineage.byte_offset {
            push(sql, ", loader.chunk_offsets($1) AS o");
        }
        if lineage.key {
            push(sql, ", loader.chunk_keys($1) AS k");
        }
        push(sql, ") AS r");
        return;
    }
    // With its modifier: the cells are as long and as precise as the column wants them, and the server
    // need not see to that again.
    from_scan(sql, layout, |index| route.columns[index].data_type);
}

/// The scan with these columns. `type_of` says of which type the cells of a column are.
fn from_scan(sql: &mut Vec<u8>, layout: &[RowColumn], type_of: impl Fn(usize) -> TypeName) {
    push(sql, " FROM loader.chunk_rows($1) AS r (");
    for (position, column) in layout.iter().enumerate() {
        push(sql, if position == 0 { "" } else { ", " });
        match *column {
            RowColumn::Cell(index) => {
                push(sql, &format!("c{index} "));
                sql.extend_from_slice(&type_of(index).quoted());
            }
            RowColumn::Absent(index) => push(sql, &format!("a{index} pg_catalog.bool")),
            RowColumn::Offset => push(sql, "o pg_catalog.int8"),
            RowColumn::Key => push(sql, "k pg_catalog.text"),
        }
    }
    push(sql, ")");
}

/// What a scan, or what stands for it, has of the lineage of a row.
const SCANNED_LINEAGE: [&str; 3] = ["$2", "r.o", "r.k"];

/// The columns of lineage that the target has: the number of the load, the offset, the key.
fn add_lineage(sql: &mut Vec<u8>, lineage: Lineage, values: [&str; 3]) {
    let has = [lineage.load_id, lineage.byte_offset, lineage.key];
    for (value, _) in values.into_iter().zip(has).filter(|(_, has)| *has) {
        push(sql, ", ");
        push(sql, value);
    }
}

/// What happens to a row whose key is there. A field that the record does not have leaves the
/// column as it is.
fn on_conflict(sql: &mut Vec<u8>, target: &Target, upsert: &Upsert) {
    let lineage = target.lineage;
    let names = target.route.names();
    let name = |index: usize| relation::quote_identifier(names[index]);
    if !upsert.updates && target.has_keys_elsewhere() {
        // The server takes no columns here, because it knows of no unique index that they are of.
        push(sql, " ON CONFLICT DO NOTHING");
        return;
    }
    push(sql, " ON CONFLICT (");
    for (position, &index) in upsert.key.iter().enumerate() {
        push(sql, if position == 0 { "" } else { ", " });
        sql.extend_from_slice(&name(index));
    }
    let others: Vec<usize> = (0..names.len()).filter(|index| !upsert.key.contains(index)).collect();
    if !upsert.updates || (others.is_empty() && lineage.columns().next().is_none()) {
        push(sql, ") DO NOTHING");
        return;
    }
    push(sql, ") DO UPDATE SET ");
    let mut before = "";
    for index in others {
        let name = name(index);
        push(sql, before);
        sql.extend_from_slice(&name);
        if matches!(target.route, Route::Columns(_)) {
            push(sql, &format!(" = CASE WHEN loader.chunk_has($1, {index}) THEN EXCLUDED."));
            sql.extend_from_slice(&name);
            push(sql, " ELSE loader_target.");
            sql.extend_from_slice(&name);
            push(sql, " END");
        } else {
            push(sql, " = EXCLUDED.");
            sql.extend_from_slice(&name);
        }
        before = ", ";
    }
    for name in lineage.columns() {
        push(sql, &format!("{before}{name} = EXCLUDED.{name}"));
        before = ", ";
    }
    push(sql, " WHERE loader.chunk_conflict($1, ");
    match upsert.version {
        None => push(sql, "true"),
        Some(version) => {
            let name = name(version);
            push(sql, "loader_target.");
            sql.extend_from_slice(&name);
            push(sql, " IS NULL OR EXCLUDED.");
            sql.extend_from_slice(&name);
            push(sql, " ");
            sql.extend_from_slice(upsert.not_before.as_deref().unwrap_or(b"OPERATOR(pg_catalog.>=)"));
            push(sql, " loader_target.");
            sql.extend_from_slice(&name);
        }
    }
    push(sql, ") RETURNING loader.chunk_written($1)");
}

fn push(sql: &mut Vec<u8>, text: &str) {
    sql.extend_from_slice(text.as_bytes());
}
