//! An expression of the caller's, which is evaluated with the caller's rights and
//! search_path. It is run without a portal: what it calls can do nothing to it.

use super::nesting;
use super::snapshot::Rows;
use pgrx::spi::Spi;
use pgrx::{IntoDatum, pg_sys};
use std::ffi::{CStr, c_char};
use std::ptr::NonNull;

/// A query that has one value, prepared.
pub struct Expression<const PARAMETERS: usize> {
    plan: NonNull<pg_sys::_SPI_plan>,
    types: [Type; PARAMETERS],
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Bigint,
    Bytea,
    Text,
}

/// The value of a parameter.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    Bigint(i64),
    Bytea(&'a [u8]),
    /// In the database's encoding.
    Text(Option<&'a [u8]>),
}

impl Type {
    fn oid(self) -> pg_sys::Oid {
        match self {
            Type::Bigint => pg_sys::INT8OID,
            Type::Bytea => pg_sys::BYTEAOID,
            Type::Text => pg_sys::TEXTOID,
        }
    }
}

impl Argument<'_> {
    fn type_of(&self) -> Type {
        match self {
            Argument::Bigint(_) => Type::Bigint,
            Argument::Bytea(_) => Type::Bytea,
            Argument::Text(_) => Type::Text,
        }
    }

    /// Its value in the current memory context: text and bytea have the same form.
    fn datum(self) -> Option<pg_sys::Datum> {
        match self {
            Argument::Bigint(number) => number.into_datum(),
            Argument::Bytea(bytes) => bytes.into_datum(),
            Argument::Text(text) => text.and_then(IntoDatum::into_datum),
        }
    }
}

/// Why an expression has no value.
pub enum NoValue {
    /// The query is something else than one row with one text.
    NotOneText,
    /// There was no memory of that size for a copy of it.
    OutOfMemory(usize),
}

impl<const PARAMETERS: usize> Expression<PARAMETERS> {
    /// Prepares a query whose parameters are of these types; `None` where it is not one
    /// query. Raises the server's error where it cannot be prepared.
    pub fn prepare(sql: &CStr, types: [Type; PARAMETERS]) -> Option<Self> {
        let mut oids = types.map(Type::oid);
        Spi::connect_mut(|_| {
            // SAFETY: the types are as many as is said. A plan that is kept is freed with
            // this value; another one goes with the connection. A plan for all values: one
            // for each would take longer than what it computes.
            unsafe {
                let plan = pg_sys::SPI_prepare_cursor(
                    sql.as_ptr(),
                    PARAMETERS as i32,
                    oids.as_mut_ptr(),
                    pg_sys::CURSOR_OPT_GENERIC_PLAN as i32,
                );
                let plan = NonNull::new(plan).expect("SPI_prepare_cursor raises");
                if !pg_sys::SPI_is_cursor_plan(plan.as_ptr()) {
                    return None;
                }
                assert_eq!(pg_sys::SPI_keepplan(plan.as_ptr()), 0, "a plan of this connection can be kept");
                Some(Expression { plan, types })
            }
        })
    }

    /// Its value for these arguments, NULL being `None`. It has room for one byte more.
    pub fn evaluate(&self, arguments: [Argument<'_>; PARAMETERS]) -> Result<Option<Vec<u8>>, NoValue> {
        assert_eq!(arguments.each_ref().map(Argument::type_of), self.types, "arguments of other types");
        Spi::connect_mut(|_| {
            // What is allocated here goes with the connection.
            let datums = arguments.map(Argument::datum);
            let nulls = datums.map(|datum| if datum.is_some() { b' ' } else { b'n' } as c_char);
            let mut values = datums.map(|datum| datum.unwrap_or(pg_sys::Datum::null()));
            // SAFETY: the plan has as many parameters, of these types, and is kept as long
            // as `self`. The result is there until the connection is closed.
            unsafe {
                pg_sys::SPI_tuptable = std::ptr::null_mut();
                let code = nesting::within_transaction(|| {
                    pg_sys::SPI_execute_plan(
                        self.plan.as_ptr(),
                        values.as_mut_ptr(),
                        nulls.as_ptr(),
                        false,
                        0,
                    )
                });
                assert!(code > 0, "a plan with a result can be executed");
                let table = pg_sys::SPI_tuptable.as_ref().ok_or(NoValue::NotOneText)?;
                if pg_sys::SPI_processed != 1 {
                    return Err(NoValue::NotOneText);
                }
                let mut rows = Rows::of(table);
                let row = rows.get(0);
                if !row.is_one_text() {
                    return Err(NoValue::NotOneText);
                }
                row.try_bytes(1, 1).map_err(NoValue::OutOfMemory)
            }
        })
    }
}

impl<const PARAMETERS: usize> Drop for Expression<PARAMETERS> {
    fn drop(&mut self) {
        // SAFETY: it was kept, and nothing executes it any more.
        unsafe { pg_sys::SPI_freeplan(self.plan.as_ptr()) };
    }
}
