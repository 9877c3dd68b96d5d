//! `loader.chunk_records`, which hands the values of a chunk to an INSERT one by one,
//! without a copy and without detoasting; or `loader.chunk_cells`, which does so with the cells
//! of one column. In step with them, `loader.chunk_numbers`, `chunk_lines` and `chunk_offsets` hand
//! out where the record of each row came from, `loader.chunk_keys` a text or NULL, and `loader.chunk_absent` whether the record
//! lacks the field of a column.
//!
//! Three more functions are called for the row that was handed out last: `loader.chunk_has` says
//! whether its record has the field of a column, `loader.chunk_conflict` is told that its key is
//! in the table, and `loader.chunk_written` that the row was written.
//!
//! They hand them to the one statement that [`run`] executes, and to nothing else that
//! the session runs meanwhile, such as a trigger of the target with the rights of
//! somebody else. What tells that statement from others is its list of parameters. The
//! server has the very list that it was given in the state of the execution, from which
//! each of its expressions has it; triggers, functions and loads within this one are
//! statements with lists of their own. What a rule of the target makes of the statement
//! is a part of it and has the same list. No SQL leads to the list of another statement.
//! A view or policy that a rule drags in is a part of it, too, and may be somebody
//! else's: the argument of the functions is a number that it cannot know.
//!
//! A trigger of the target may load a file itself: handles nest.

use super::nesting;
use crate::pg::Oid;
use crate::pg::relations::list;
use crate::pg::strings::text;
use loader_core::pipeline::RecordPosition;
use pgrx::spi::{Spi, SpiError};
use pgrx::{IntoDatum, PgSqlErrorCode, ereport, pg_guard, pg_sys};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
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

/// A statement that takes values, prepared: its first parameter is the argument for
/// `loader.chunk_records` and the functions beside it, its second one is a bigint, its third one a
/// text.
pub struct Statement {
    plan: NonNull<pg_sys::_SPI_plan>,
    /// The columns of `loader.chunk_rows`, if the statement calls that.
    layout: Vec<RowColumn>,
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

/// The types of the parameters of a statement.
const PARAMETERS: [pg_sys::Oid; 3] = [pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::TEXTOID];

/// What a statement is given beside rows: its second and third parameter.
#[derive(Clone, Copy)]
pub struct Parameters<'a> {
    /// A bigint.
    pub number: i64,
    /// A text, in the database's encoding.
    pub file: &'a str,
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
    let Values { types, cells, places, keys } = given;
    let handle = ChunkHandle {
        token,
        list,
        types: types.into(),
        cells: cells.into(),
        layout: layout.into(),
        places: places.into(),
        keys: keys.into(),
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

    /// What a row has in a column of `loader.chunk_rows`, which is one of the layout.
    #[inline]
    pub(super) fn row_column(&self, row: usize, column: usize) -> pg_sys::NullableDatum {
        // SAFETY: they are there as long as the handle.
        let (types, cells, layout) =
            unsafe { (self.types.as_ref(), self.cells.as_ref(), self.layout.as_ref()) };
        let taken = match layout[column] {
            RowColumn::Cell(index) => return nullable_cell(cells[row * types.len() + index]),
            RowColumn::Absent(index) => self.absent(row, index),
            RowColumn::Offset => self.place(row, 2),
            RowColumn::Key => self.key(row, 0),
        };
        taken.unwrap_or(nullable(None))
    }

    /// The cell of a row in a column; `None` behind the last row. The first column says how far
    /// the rows have been taken.
    fn cell(&self, row: usize, column: usize) -> Option<CellDatum> {
        // SAFETY: they are there as long as the handle.
        let (types, cells) = unsafe { (self.types.as_ref(), self.cells.as_ref()) };
        assert!(column < types.len(), "a column of the chunk");
        let cell = cells.get(row * types.len() + column).copied();
        if column == 0 {
            // SAFETY: as above.
            let (handed_out, outcomes) = unsafe { (self.handed_out.as_ref(), self.outcomes.as_ref()) };
            handed_out.set(if cell.is_some() { HandedOut::UpTo(row) } else { HandedOut::All });
            outcomes.is_conflict.set(false);
        }
        cell
    }

    /// The value at `index`; `None` behind the last.
    fn value(&self, index: usize, _: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        let types = unsafe { self.types.as_ref() };
        assert!(types == [pg_sys::JSONBOID], "a chunk of documents");
        self.cell(index, 0).map(nullable_cell)
    }

    /// The value of a cell.
    fn cell_value(&self, index: usize, column: usize) -> Option<pg_sys::NullableDatum> {
        self.cell(index, column).map(nullable_cell)
    }

    /// Whether a record lacks the field of a column. How far the rows have been taken is not
    /// touched.
    fn absent(&self, index: usize, column: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        let (types, cells) = unsafe { (self.types.as_ref(), self.cells.as_ref()) };
        let is_absent = |cell: &CellDatum| matches!(cell, CellDatum::Absent);
        let absent = cells.get(index * types.len() + column).map(is_absent);
        absent.map(|absent| nullable(Some(pg_sys::Datum::from(absent))))
    }

    /// The number, the line (1) or the offset (2) of the record of a row. The same.
    fn place(&self, index: usize, what: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        let place = unsafe { self.places.as_ref() }.get(index)?;
        let number = [place.number, place.line, place.offset][what.min(2)];
        Some(nullable(Some(pg_sys::Datum::from(number as i64))))
    }

    /// The same for the key.
    fn key(&self, index: usize, _: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        unsafe { self.keys.as_ref() }.get(index).map(|&key| nullable(key))
    }

    /// Whether the record that was handed out last has the field of a column.
    fn has(&self, column: usize) -> bool {
        // SAFETY: they are there as long as the handle.
        let (types, cells, handed_out) =
            unsafe { (self.types.as_ref(), self.cells.as_ref(), self.handed_out.as_ref()) };
        let HandedOut::UpTo(row) = handed_out.get() else { return false };
        !matches!(cells.get(row * types.len() + column), None | Some(CellDatum::Absent))
    }

    /// Notes that the key of the row that was handed out last is in the table.
    fn note_conflict(&self) {
        // SAFETY: they are there as long as the handle.
        unsafe { self.outcomes.as_ref() }.is_conflict.set(true);
    }

    /// Notes that the row that was handed out last is written.
    fn note_written(&self) {
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

fn nullable(datum: Option<pg_sys::Datum>) -> pg_sys::NullableDatum {
    pg_sys::NullableDatum { value: datum.unwrap_or(pg_sys::Datum::null()), isnull: datum.is_none() }
}

/// What a function takes by a handle: the element at an index, `None` behind the last. The last
/// argument is the number of a column.
type Take = fn(&ChunkHandle, index: usize, column: usize) -> Option<pg_sys::NullableDatum>;

/// A call of one of the functions, by the server: the call frame, which has the arguments that the
/// function is declared with.
#[derive(Clone, Copy)]
struct Call(pg_sys::FunctionCallInfo);

impl Call {
    /// The argument at `index`.
    fn argument(self, index: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: a call frame of the server's, see the type.
        unsafe { (*self.0).args.as_slice((*self.0).nargs as usize).get(index).copied() }
    }

    /// The first argument, a bigint: it tells the handle.
    fn token(self) -> Option<i64> {
        let argument = self.argument(0).filter(|argument| !argument.isnull)?;
        Some(argument.value.value() as i64)
    }

    /// The second argument, the number of a column.
    fn column(self) -> usize {
        let argument = self.argument(1).filter(|argument| !argument.isnull);
        argument.map_or(0, |argument| argument.value.value() as u32 as usize)
    }
}

/// Makes a function known to the server: its symbol, and that it is called in the usual way.
macro_rules! server_function {
    ($(#[doc = $doc:literal])* $symbol:ident, $finfo:ident, $body:expr) => {
        $(#[doc = $doc])*
        ///
        /// # Safety
        /// Called by the server with a valid call frame, as the function is declared.
        #[unsafe(no_mangle)]
        #[pg_guard]
        pub unsafe extern "C-unwind" fn $symbol(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
            let body: fn(Call) -> pg_sys::Datum = $body;
            // By contract it is such a call.
            body(Call(fcinfo))
        }

        /// Tells the server how to call the function.
        #[unsafe(no_mangle)]
        pub extern "C" fn $finfo() -> &'static pg_sys::Pg_finfo_record {
            &V1
        }
    };
}

const V1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

server_function!(
    /// `loader.chunk_records(bigint)`.
    loader_chunk_records,
    pg_finfo_loader_chunk_records,
    |call| hand_out(call, None, ChunkHandle::value)
);
server_function!(
    /// `loader.chunk_cells(bigint, integer, anyelement)`.
    loader_chunk_cells,
    pg_finfo_loader_chunk_cells,
    |call| {
        let column = call.column();
        hand_out(call, Some(column), ChunkHandle::cell_value)
    }
);
server_function!(
    /// `loader.chunk_absent(bigint, integer)`.
    loader_chunk_absent,
    pg_finfo_loader_chunk_absent,
    |call| {
        let column = call.column();
        hand_out(call, Some(column), ChunkHandle::absent)
    }
);
server_function!(
    /// `loader.chunk_offsets(bigint)`.
    loader_chunk_offsets,
    pg_finfo_loader_chunk_offsets,
    |call| hand_out(call, Some(2), ChunkHandle::place)
);
server_function!(
    /// `loader.chunk_numbers(bigint)`.
    loader_chunk_numbers,
    pg_finfo_loader_chunk_numbers,
    |call| hand_out(call, Some(0), ChunkHandle::place)
);
server_function!(
    /// `loader.chunk_lines(bigint)`.
    loader_chunk_lines,
    pg_finfo_loader_chunk_lines,
    |call| hand_out(call, Some(1), ChunkHandle::place)
);
server_function!(
    /// `loader.chunk_keys(bigint)`.
    loader_chunk_keys,
    pg_finfo_loader_chunk_keys,
    |call| hand_out(call, None, ChunkHandle::key)
);
server_function!(
    /// `loader.chunk_has(bigint, integer)`.
    loader_chunk_has,
    pg_finfo_loader_chunk_has,
    |call| {
        let column = call.column();
        pg_sys::Datum::from(with_handle(call, |handle| handle.has(column)))
    }
);
server_function!(
    /// `loader.chunk_conflict(bigint, boolean)`.
    loader_chunk_conflict,
    pg_finfo_loader_chunk_conflict,
    |call| {
        with_handle(call, ChunkHandle::note_conflict);
        call.argument(1).map_or(pg_sys::Datum::from(false), |argument| argument.value)
    }
);
server_function!(
    /// `loader.chunk_written(bigint)`.
    loader_chunk_written,
    pg_finfo_loader_chunk_written,
    |call| {
        with_handle(call, ChunkHandle::note_written);
        pg_sys::Datum::from(true)
    }
);

/// Runs `body` with the handle that the first argument tells. No other function has the parameters of
/// its statement: only the number says who asks, which nobody can know.
fn with_handle<R>(call: Call, body: impl FnOnce(&ChunkHandle) -> R) -> R {
    let found = CHUNK_HANDLES.with_borrow(|handles| {
        let found = handles.iter().rev().find(|handle| Some(handle.token) == call.token());
        found.map(|handle| body(handle))
    });
    found.unwrap_or_else(|| refuse())
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

/// A set in value-per-call mode. Where it stands is kept per call site and scan,
/// as the server does for its own.
/// The function returns a set. Where cells are taken (`column`), its third argument, if it has
/// three, is of the type that it returns.
fn hand_out(call: Call, column: Option<usize>, take: Take) -> pg_sys::Datum {
    let Call(fcinfo) = call;
    // SAFETY: a call frame of the server's; its result info, if any, is a ReturnSetInfo.
    unsafe {
        let result_info = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        if result_info.is_null() || (*(*fcinfo).flinfo).fn_extra.is_null() {
            if result_info.is_null()
                || (*result_info).type_ != pg_sys::NodeTag::T_ReturnSetInfo
                || (*result_info).allowedModes & pg_sys::SetFunctionReturnMode::SFRM_ValuePerCall as i32 == 0
            {
                ereport!(
                    ERROR,
                    PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                    "set-valued function called in context that cannot accept a set"
                );
            }
            pg_sys::init_MultiFuncCall(fcinfo);
        }
        let state = (*(*fcinfo).flinfo).fn_extra.cast::<pg_sys::FuncCallContext>();
        let index = (*state).call_cntr as usize;
        let context = (*result_info).econtext.as_ref();
        let statement = context.map_or(std::ptr::null_mut(), |context| context.ecxt_param_list_info);
        let taken = CHUNK_HANDLES.with_borrow(|handles| {
            let is_it = |handle: &ChunkHandle| Some(handle.token) == call.token() && handle.list == statement;
            let handle = handles.iter().rev().find(|handle| is_it(handle))?;
            if index == 0 && (*fcinfo).nargs == 3 {
                let declared = pg_sys::get_fn_expr_argtype((*fcinfo).flinfo, 2);
                let kind = *handle.types.as_ref().get(column?)?;
                // A value of a domain is one of its base type.
                let fits = declared == kind || declared == pg_sys::getBaseType(kind);
                assert!(fits, "cells of the type that the statement expects");
            }
            Some(take(handle, index, column.unwrap_or(0)))
        });
        match taken {
            Some(Some(pg_sys::NullableDatum { value, isnull })) => {
                (*state).call_cntr += 1;
                (*result_info).isDone = pg_sys::ExprDoneCond::ExprMultipleResult;
                (*fcinfo).isnull = isnull;
                value
            }
            Some(None) => {
                pg_sys::end_MultiFuncCall(fcinfo, state);
                (*result_info).isDone = pg_sys::ExprDoneCond::ExprEndResult;
                (*fcinfo).isnull = true;
                pg_sys::Datum::null()
            }
            None => refuse(),
        }
    }
}
