//! Statements that take the rows of a chunk.

use crate::pg::relations::list;
use crate::pg::strings::text;
use pgrx::pg_sys;
use pgrx::spi::Spi;
use std::ffi::CStr;
use std::ptr::NonNull;

/// A column of the rows of `loader.chunk_rows`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowColumn {
    /// The cell of that column of the chunk.
    Cell(usize),
    /// Whether the record lacks the field of that column.
    Absent(usize),
    /// The offset of the record.
    Offset,
    /// Its key.
    Key,
}

/// The types of the parameters of a statement.
pub(super) const PARAMETERS: [pg_sys::Oid; 3] = [pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::TEXTOID];

/// What a statement is given beside rows: its second and third parameter.
#[derive(Clone, Copy)]
pub struct Parameters<'a> {
    /// A bigint.
    pub number: i64,
    /// A text, in the database's encoding.
    pub file: &'a str,
}

/// A statement that takes values, prepared: its first parameter is the argument for
/// `loader.chunk_records` and the functions beside it, its second one is a bigint, its third one a
/// text.
pub struct Statement {
    pub(super) plan: NonNull<pg_sys::_SPI_plan>,
    /// The columns of `loader.chunk_rows`, if the statement calls that.
    pub(super) layout: Vec<RowColumn>,
}

impl Statement {
    /// Prepares it. Where it takes rows by `loader.chunk_rows`, `layout` has their columns. Raises the
    /// server's error where it is none.
    pub fn prepare(sql: &CStr, layout: Vec<RowColumn>) -> Self {
        let mut types = PARAMETERS;
        Spi::connect_mut(|_| {
            // SAFETY: the types are as many as is said; a plan that was made is kept, and
            // freed with this value.
            unsafe {
                let plan = pg_sys::SPI_prepare(sql.as_ptr(), types.len() as i32, types.as_mut_ptr());
                let plan = NonNull::new(plan).expect("SPI_prepare raises");
                assert_eq!(pg_sys::SPI_keepplan(plan.as_ptr()), 0, "a plan of this connection can be kept");
                Statement { plan, layout }
            }
        })
    }
}

/// The names of the columns that a query has which takes the same parameters. Raises the server's
/// error where it is none.
pub fn columns_of(query: &CStr) -> Vec<Vec<u8>> {
    let Statement { plan, .. } = &Statement::prepare(query, Vec::new());
    // SAFETY: the plan is kept until this returns; it is one query, whose rows are described.
    unsafe {
        let sources = pg_sys::SPI_plan_get_plan_sources(plan.as_ptr());
        let mut names = Vec::new();
        for source in list::elements(sources) {
            let Some(row) = (*source.ptr_value.cast::<pg_sys::CachedPlanSource>()).resultDesc.as_ref() else {
                continue;
            };
            for column in 1..=row.natts {
                let name = pg_sys::SPI_fname((&raw const *row).cast_mut(), column);
                names.extend(text::take(name));
            }
        }
        names
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: it was kept, and nothing executes it any more.
        unsafe { pg_sys::SPI_freeplan(self.plan.as_ptr()) };
    }
}
