//! The rows of a chunk, lent to the one statement that [`run`] executes, and to nothing else that
//! the session runs meanwhile, such as a trigger of the target with the rights of
//! somebody else. What tells that statement from others is its list of parameters. The
//! server has the very list that it was given in the state of the execution, from which
//! each of its expressions has it; triggers, functions and loads within this one are
//! statements with lists of their own. What a rule of the target makes of the statement
//! is a part of it and has the same list. No SQL leads to the list of another statement.
//! A view or policy that a rule drags in is a part of it, too, and may be somebody
//! else's: the argument of the functions is a number that it cannot know.
//!
//! The rows are taken by a scan ([`chunk_scan`](super::chunk_scan)) or by functions
//! ([`chunk_functions`](super::chunk_functions)).
//!
//! A trigger of the target may load a file itself: handles nest.

use super::nesting;
use super::statement::{PARAMETERS, Parameters, RowColumn, Statement};
use crate::pg::Oid;
use loader_core::pipeline::RecordPosition;
use pgrx::spi::{Spi, SpiError};
use pgrx::{IntoDatum, PgSqlErrorCode, ereport, pg_sys};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ops::AddAssign;
use std::ptr::NonNull;

/// How far a statement has got with the values that it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandedOut {
    /// It has not asked yet.
    #[default]
    None,
    /// The last value that it got, from 0.
    UpTo(usize),
    /// It knows that there are no more.
    All,
}

/// A constraint of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// NOT NULL of that column, from 0.
    NotNull(usize),
    /// That one of its CHECKs, from 0, in the order of the server.
    Check(usize),
}

/// A row that a statement has left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one, from 0.
    pub row: usize,
    /// The constraint that it violates: the first one.
    pub constraint: Constraint,
}

/// What a row has in a column.
#[derive(Clone, Copy, Debug)]
pub(in crate::pg) enum CellDatum {
    /// The record has no such field.
    Absent,
    Null,
    Value(pg_sys::Datum),
}

/// What a statement has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The rows that were added.
    pub inserted: u64,
    /// The rows of the table that were updated.
    pub updated: u64,
}

impl AddAssign for Written {
    fn add_assign(&mut self, more: Written) {
        self.inserted += more.inserted;
        self.updated += more.updated;
    }
}

/// Rows with what stands beside them.
#[derive(Clone, Copy)]
pub(in crate::pg) struct Values<'a> {
    /// The types of the columns.
    pub types: &'a [Oid],
    /// Row by row.
    pub cells: &'a [CellDatum],
    /// Where the record of each row came from.
    pub places: &'a [RecordPosition],
    /// Texts, one for each row, or none where nobody asks for them.
    pub keys: &'a [Option<pg_sys::Datum>],
    /// The statement may leave out rows that a constraint refuses, raise no error for them, and say here
    /// which they are, in order.
    pub violations: Option<&'a RefCell<Vec<Violation>>>,
}

/// Runs a statement that takes the rows, and returns what it has written.
/// `handed_out` says meanwhile how far it has got.
///
/// # Safety
/// The cells are of the types of their columns, the keys of type text.
pub(in crate::pg) unsafe fn run(
    statement: &Statement,
    given: Values<'_>,
    parameters: Parameters<'_>,
    handed_out: &Cell<HandedOut>,
) -> Result<Written, SpiError> {
    let fits = |beside: usize| beside * given.types.len() == given.cells.len();
    assert!(fits(given.places.len()), "a place beside each row");
    assert!(given.keys.is_empty() || fits(given.keys.len()), "a key beside each row");
    Spi::connect_mut(|_| {
        let outcome = RowOutcomes::default();
        let (token, list) = open(given, &statement.layout, parameters, handed_out, &outcome);
        let _close = CloseHandle(token);
        // SAFETY: the plan has as many parameters, and is kept as long as the statement.
        // The list goes with the connection.
        unsafe {
            pg_sys::SPI_tuptable = std::ptr::null_mut();
            let code = nesting::within_transaction(|| {
                pg_sys::SPI_execute_plan_with_paramlist(statement.plan.as_ptr(), list, false, 0)
            });
            Spi::check_status(code)?;
            let rows = match pg_sys::SPI_tuptable.as_ref() {
                Some(table) => table.numvals,
                None => pg_sys::SPI_processed,
            };
            let updated = outcome.updated.get();
            Ok(Written { inserted: rows - updated, updated })
        }
    })
}

thread_local! {
    /// The chunks whose values can be taken now: one within the other. Never dropped: to register what drops it
    /// takes memory, and where there is none that ends the process.
    #[expect(clippy::vec_box, reason = "a scan keeps the address of one while others are added")]
    static CHUNK_HANDLES: RefCell<ManuallyDrop<Vec<Box<ChunkHandle>>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Values that a statement can take. What it points to is there as long as it is in the
/// list: until [`run`] returns, in whatever way.
pub(super) struct ChunkHandle {
    token: i64,
    /// The parameters of the statement.
    list: pg_sys::ParamListInfo,
    types: NonNull<[Oid]>,
    cells: NonNull<[CellDatum]>,
    layout: NonNull<[RowColumn]>,
    places: NonNull<[RecordPosition]>,
    keys: NonNull<[Option<pg_sys::Datum>]>,
    violations: Option<NonNull<RefCell<Vec<Violation>>>>,
    handed_out: NonNull<Cell<HandedOut>>,
    outcomes: NonNull<RowOutcomes>,
}

/// What the statement tells of its rows.
#[derive(Default)]
struct RowOutcomes {
    /// The key of the row in hand is in the table.
    is_conflict: Cell<bool>,
    updated: Cell<u64>,
}

/// Makes the parameters of a statement, and the values those that it can take.
fn open(
    given: Values<'_>,
    layout: &[RowColumn],
    parameters: Parameters<'_>,
    handed_out: &Cell<HandedOut>,
    outcomes: &RowOutcomes,
) -> (i64, pg_sys::ParamListInfo) {
    // SAFETY: a list of so many parameters, all of which are filled in.
    let list = unsafe { pg_sys::makeParamList(PARAMETERS.len() as i32) };
    let token = random();
    let Parameters { number, file } = parameters;
    // Nothing raises an error between the handle and what closes it.
    let datums = [token.into_datum(), number.into_datum(), file.into_datum()];
    let Values { types, cells, places, keys, violations } = given;
    let handle = ChunkHandle {
        token,
        list,
        types: types.into(),
        cells: cells.into(),
        layout: layout.into(),
        places: places.into(),
        keys: keys.into(),
        violations: violations.map(NonNull::from),
        handed_out: handed_out.into(),
        outcomes: outcomes.into(),
    };
    CHUNK_HANDLES.with_borrow_mut(|handles| handles.push(Box::new(handle)));
    // SAFETY: as above.
    let list_of_values = unsafe { (*list).params.as_mut_slice(PARAMETERS.len()) };
    for ((parameter, value), kind) in list_of_values.iter_mut().zip(datums).zip(PARAMETERS) {
        *parameter = pg_sys::ParamExternData {
            value: value.unwrap_or(pg_sys::Datum::null()),
            isnull: value.is_none(),
            pflags: pg_sys::PARAM_FLAG_CONST as u16,
            ptype: kind,
        };
    }
    handed_out.set(HandedOut::None);
    (token, list)
}

fn random() -> i64 {
    let mut bits = 0_i64;
    // SAFETY: so many bytes are written to.
    if !unsafe { pg_sys::pg_strong_random((&raw mut bits).cast(), size_of::<i64>()) } {
        ereport!(ERROR, PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "could not generate a random number");
    }
    bits
}

/// Closes a handle: its values cannot be taken any more.
struct CloseHandle(i64);

impl Drop for CloseHandle {
    fn drop(&mut self) {
        CHUNK_HANDLES.with_borrow_mut(|handles| handles.retain(|handle| handle.token != self.0));
    }
}

/// Whether a statement is running that can take rows.
pub(super) fn is_any_open() -> bool {
    CHUNK_HANDLES.with_borrow(|handles| !handles.is_empty())
}

/// The chunk whose rows the statement with these parameters can take. It is there as long as the
/// statement runs.
pub(super) fn of_statement(list: pg_sys::ParamListInfo) -> Option<NonNull<ChunkHandle>> {
    CHUNK_HANDLES.with_borrow(|handles| {
        let found = handles.iter().rev().find(|handle| !list.is_null() && handle.list == list);
        found.map(|handle| NonNull::from(&**handle))
    })
}

/// Runs `body` with the handle that a number tells, and with none but that of the statement with these
/// parameters, if they are given. `None` where there is no such handle.
pub(super) fn with<R>(
    token: Option<i64>,
    list: Option<pg_sys::ParamListInfo>,
    body: impl FnOnce(&ChunkHandle) -> R,
) -> Option<R> {
    CHUNK_HANDLES.with_borrow(|handles| {
        let is_it =
            |handle: &ChunkHandle| Some(handle.token) == token && list.is_none_or(|list| handle.list == list);
        handles.iter().rev().find(|handle| is_it(handle)).map(|handle| body(handle))
    })
}

/// Says that no load is calling.
pub(super) fn refuse() -> ! {
    ereport!(
        ERROR,
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        "no chunk with that number is being loaded",
        "Only a load can call this function."
    );
}

impl ChunkHandle {
    /// The type of a column of the rows of `loader.chunk_rows`.
    pub(super) fn type_of(&self, column: usize) -> Option<Oid> {
        // SAFETY: they are there as long as the handle.
        let (types, layout) = unsafe { (self.types.as_ref(), self.layout.as_ref()) };
        Some(match *layout.get(column)? {
            RowColumn::Cell(index) => *types.get(index)?,
            RowColumn::Absent(_) => pg_sys::BOOLOID,
            RowColumn::Offset => pg_sys::INT8OID,
            RowColumn::Key => pg_sys::TEXTOID,
        })
    }

    /// Whether the cells of a column can be taken as values of this type: a value of a domain is one of
    /// its base type.
    pub(super) fn fits(&self, column: usize, declared: Oid) -> bool {
        // SAFETY: they are there as long as the handle.
        let Some(&kind) = unsafe { self.types.as_ref() }.get(column) else { return false };
        // SAFETY: a look-up.
        declared == kind || declared == unsafe { pg_sys::getBaseType(kind) }
    }

    /// Says how far the rows have been taken; `false` behind the last row.
    #[inline]
    pub(super) fn take_row(&self, row: usize) -> bool {
        // SAFETY: they are there as long as the handle.
        let (places, handed_out, outcomes) =
            unsafe { (self.places.as_ref(), self.handed_out.as_ref(), self.outcomes.as_ref()) };
        let is_row = row < places.len();
        handed_out.set(if is_row { HandedOut::UpTo(row) } else { HandedOut::All });
        outcomes.is_conflict.set(false);
        is_row
    }

    /// Whether the statement may leave out rows that a constraint refuses.
    pub(super) fn may_leave_out(&self) -> bool {
        self.violations.is_some()
    }

    /// Says that a row is left out; `false` where there is no memory to say so.
    pub(super) fn leave_out(&self, violation: Violation) -> bool {
        // SAFETY: it is there as long as the handle.
        let Some(violations) = self.violations.map(|violations| unsafe { violations.as_ref() }) else {
            return false;
        };
        let mut violations = violations.borrow_mut();
        let is_noted = violations.try_reserve(1).is_ok();
        if is_noted {
            violations.push(violation);
        }
        is_noted
    }

    /// Says that it is not known which of the rows the statement is at.
    pub(super) fn take_none(&self) {
        // SAFETY: it is there as long as the handle.
        unsafe { self.handed_out.as_ref() }.set(HandedOut::None);
    }

    /// What a row has in a column of `loader.chunk_rows`, which is one of the layout.
    #[inline]
    pub(super) fn row_column(&self, row: usize, column: usize) -> pg_sys::NullableDatum {
        // SAFETY: they are there as long as the handle.
        let (types, cells, layout) =
            unsafe { (self.types.as_ref(), self.cells.as_ref(), self.layout.as_ref()) };
        let taken = match layout[column] {
            RowColumn::Cell(index) => return nullable_cell(cells[row * types.len() + index]),
            RowColumn::Absent(index) => self.absent(row, index),
            RowColumn::Offset => self.offset(row, 0),
            RowColumn::Key => self.key(row, 0),
        };
        taken.unwrap_or(nullable(None))
    }

    /// The value of a document; `None` behind the last.
    pub(super) fn document(&self, index: usize, _: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        let types = unsafe { self.types.as_ref() };
        assert!(types == [pg_sys::JSONBOID], "a chunk of documents");
        self.value(index, 0)
    }

    /// The value of a cell; `None` behind the last row. The first column says how far the rows have
    /// been taken.
    pub(super) fn value(&self, index: usize, column: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        let (types, cells) = unsafe { (self.types.as_ref(), self.cells.as_ref()) };
        assert!(column < types.len(), "a column of the chunk");
        if column == 0 {
            self.take_row(index);
        }
        cells.get(index * types.len() + column).copied().map(nullable_cell)
    }

    /// Whether a record lacks the field of a column. How far the rows have been taken is not
    /// touched.
    pub(super) fn absent(&self, index: usize, column: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        let (types, cells) = unsafe { (self.types.as_ref(), self.cells.as_ref()) };
        let is_absent = |cell: &CellDatum| matches!(cell, CellDatum::Absent);
        let absent = cells.get(index * types.len() + column).map(is_absent);
        absent.map(|absent| nullable(Some(pg_sys::Datum::from(absent))))
    }

    /// The number of the record of a row. The same.
    pub(super) fn number(&self, index: usize, _: usize) -> Option<pg_sys::NullableDatum> {
        self.place(index).map(|place| bigint(place.number))
    }

    /// The line of the record of a row. The same.
    pub(super) fn line(&self, index: usize, _: usize) -> Option<pg_sys::NullableDatum> {
        self.place(index).map(|place| bigint(place.line))
    }

    /// The offset of the record of a row. The same.
    pub(super) fn offset(&self, index: usize, _: usize) -> Option<pg_sys::NullableDatum> {
        self.place(index).map(|place| bigint(place.offset))
    }

    fn place(&self, index: usize) -> Option<&RecordPosition> {
        // SAFETY: they are there as long as the handle.
        unsafe { self.places.as_ref() }.get(index)
    }

    /// The same for the key.
    pub(super) fn key(&self, index: usize, _: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        unsafe { self.keys.as_ref() }.get(index).map(|&key| nullable(key))
    }

    /// Whether the record that was handed out last has the field of a column.
    pub(super) fn has(&self, column: usize) -> bool {
        // SAFETY: they are there as long as the handle.
        let (types, cells, handed_out) =
            unsafe { (self.types.as_ref(), self.cells.as_ref(), self.handed_out.as_ref()) };
        let HandedOut::UpTo(row) = handed_out.get() else { return false };
        !matches!(cells.get(row * types.len() + column), None | Some(CellDatum::Absent))
    }

    /// Notes that the key of the row that was handed out last is in the table.
    pub(super) fn note_conflict(&self) {
        // SAFETY: they are there as long as the handle.
        unsafe { self.outcomes.as_ref() }.is_conflict.set(true);
    }

    /// Notes that the row that was handed out last is written.
    pub(super) fn note_written(&self) {
        // SAFETY: they are there as long as the handle.
        let outcomes = unsafe { self.outcomes.as_ref() };
        if outcomes.is_conflict.take() {
            outcomes.updated.set(outcomes.updated.get() + 1);
        }
    }
}

fn nullable_cell(cell: CellDatum) -> pg_sys::NullableDatum {
    nullable(match cell {
        CellDatum::Value(datum) => Some(datum),
        CellDatum::Absent | CellDatum::Null => None,
    })
}

fn bigint(number: u64) -> pg_sys::NullableDatum {
    nullable(Some(pg_sys::Datum::from(number as i64)))
}

fn nullable(datum: Option<pg_sys::Datum>) -> pg_sys::NullableDatum {
    pg_sys::NullableDatum { value: datum.unwrap_or(pg_sys::Datum::null()), isnull: datum.is_none() }
}
