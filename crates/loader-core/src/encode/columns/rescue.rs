//! What no column takes of a record, and under which names it is kept.

use crate::memory::{self, OutOfMemory};

/// What no column takes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescued<'a> {
    /// There is nothing.
    Nothing,
    /// This JSON object.
    Object(&'a [u8]),
    /// The value of this column, which its type refuses, would be kept under a name that another value has.
    NameTaken(usize),
}

/// A value that its column's type refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RefusedValue<'a> {
    /// The name of the column, …
    pub column: &'a str,
    /// … and that of the field, where it may be another one.
    pub field: Option<&'a str>,
}

/// A name for each of the values, no two of them the same, and none that a field has which no column
/// takes: the name of the column, else that of the field. Otherwise the index of a value for which there
/// is none. No two columns have the same name.
pub(super) fn names<'a>(
    values: &[RefusedValue<'a>],
    is_unknown: impl Fn(&str) -> Result<bool, OutOfMemory>,
) -> Result<Result<Vec<&'a str>, usize>, OutOfMemory> {
    let mut names: Vec<&str> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let name = match value.field {
            // Only a field that goes to a column of another name leaves that name to another field.
            Some(field) if is_unknown(value.column)? => {
                let is_taken = is_unknown(field)?
                    || values.iter().any(|other| other.column == field)
                    || names.contains(&field);
                if is_taken {
                    return Ok(Err(index));
                }
                field
            }
            _ => value.column,
        };
        memory::push(&mut names, name)?;
    }
    Ok(Ok(names))
}
