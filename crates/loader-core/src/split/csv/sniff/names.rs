//! The names of the columns.

use super::super::Dialect;
use super::super::fields::unescape;
use super::grid::{Cell, Grid};
use crate::memory::{OutOfMemory, append, push};

/// So many names, from the cells of a header.
pub(super) fn names(
    grid: &Grid<'_>,
    row: &[Cell],
    width: usize,
    dialect: &Dialect,
) -> Result<Vec<String>, OutOfMemory> {
    let mut names = Vec::new();
    for index in 0..width {
        let name = match row.get(index) {
            Some(cell) => text(grid.raw(cell), cell.quoted.then_some(dialect))?,
            None => String::new(),
        };
        push(&mut names, name)?;
    }
    Ok(names)
}

/// The text of a cell without the blanks around it, and without the escapes of a dialect.
fn text(raw: &[u8], escaped: Option<&Dialect>) -> Result<String, OutOfMemory> {
    let mut plain = Vec::new();
    match escaped {
        Some(dialect) => unescape(raw, dialect, &mut plain)?,
        None => append(&mut plain, raw)?,
    }
    let mut text = Vec::new();
    for chunk in plain.trim_ascii().utf8_chunks() {
        append(&mut text, chunk.valid().as_bytes())?;
        if !chunk.invalid().is_empty() {
            append(&mut text, "\u{FFFD}".as_bytes())?;
        }
    }
    Ok(String::from_utf8(text).unwrap_or_default())
}
