//! `loader.chunk_rows` in FROM: the rows of a chunk as a scan of their own kind (a custom scan, see
//! "Writing a Custom Scan Provider" in PostgreSQL's manual). The server would first collect what a
//! function in FROM returns; a scan hands out row by row, each of them as it lies in the chunk. The
//! planner's hook puts it in place of the function while a statement of a load is planned, and leaves
//! all else as it is. Where the statement does no more with the rows than to insert them, they go in many at
//! a time ([`multi_insert`]).
//!
//! As for [`chunk_handle`](super::chunk_handle), rows are handed to no other statement than the one
//! that a load executes: the scan looks for the chunk by the list of parameters.

use super::chunk_handle::{self, ChunkHandle};
use super::multi_insert;
use super::slot;
use pgrx::{PgSqlErrorCode, ereport, pg_guard, pg_sys};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// The scan under way, as the executor keeps it.
#[repr(C)]
struct ChunkScanState {
    /// Has to come first: the server knows of no more.
    base: pg_sys::CustomScanState,
    /// The chunk; it is there as long as its statement runs.
    handle: Option<NonNull<ChunkHandle>>,
    /// Of each column of the scan which column of the function it is, from 0.
    columns: *mut u16,
    /// The number of columns of the scan.
    width: usize,
    /// The next row.
    row: usize,
}

/// Methods, which the server only reads.
struct Shared<T>(T);

// SAFETY: pointers to functions and to static strings.
unsafe impl<T> Sync for Shared<T> {}

const NAME: *const std::ffi::c_char = c"loader chunk".as_ptr();

static PATH_METHODS: Shared<pg_sys::CustomPathMethods> = Shared(pg_sys::CustomPathMethods {
    CustomName: NAME,
    PlanCustomPath: Some(plan_path),
    ReparameterizeCustomPathByChild: None,
});

static SCAN_METHODS: Shared<pg_sys::CustomScanMethods> =
    Shared(pg_sys::CustomScanMethods { CustomName: NAME, CreateCustomScanState: Some(create_state) });

static EXEC_METHODS: Shared<pg_sys::CustomExecMethods> = Shared(pg_sys::CustomExecMethods {
    CustomName: NAME,
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(next_row),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: None,
    InitializeDSMCustomScan: None,
    ReInitializeDSMCustomScan: None,
    InitializeWorkerCustomScan: None,
    ShutdownCustomScan: None,
    ExplainCustomScan: None,
});

thread_local! {
    /// The hook that was there before.
    static HOOK_BEFORE: Cell<pg_sys::set_rel_pathlist_hook_type> = const { Cell::new(None) };
}

/// Sets the planner's hook. Called once, when the library is loaded.
pub fn set_hook() {
    // SAFETY: a variable of this single-threaded process.
    unsafe {
        HOOK_BEFORE.set(pg_sys::set_rel_pathlist_hook);
        pg_sys::set_rel_pathlist_hook = Some(add_scan);
    }
}

/// Adds the path of a scan to those of the function.
#[pg_guard]
unsafe extern "C-unwind" fn add_scan(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    index: pg_sys::Index,
    entry: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: called by the planner with what it plans. A path is a node of the planner's own
    // memory, all of whose fields are set or zero.
    unsafe {
        if let Some(before) = HOOK_BEFORE.get() {
            before(root, rel, index, entry);
        }
        if !chunk_handle::is_any_open() || !is_chunk_rows(&*entry) {
            return;
        }
        let mut path = pgrx::PgBox::<pg_sys::CustomPath>::alloc_node(pg_sys::NodeTag::T_CustomPath);
        path.path.pathtype = pg_sys::NodeTag::T_CustomScan;
        path.path.parent = rel;
        path.path.pathtarget = (*rel).reltarget;
        path.path.rows = (*rel).rows;
        path.flags = pg_sys::CUSTOMPATH_SUPPORT_PROJECTION;
        // What is asked of the relation. The planner puts there later what it makes of that.
        path.custom_private = pg_sys::list_copy((*(*rel).reltarget).exprs);
        path.methods = &raw const PATH_METHODS.0;
        pg_sys::add_path(rel, path.into_pg().cast());
    }
}

/// Whether an entry of a range table is a call of `loader.chunk_rows` and nothing else.
///
/// # Safety
/// The entry is one of a query that is planned.
unsafe fn is_chunk_rows(entry: &pg_sys::RangeTblEntry) -> bool {
    // SAFETY: by contract; a function of a range table has an expression.
    unsafe {
        if entry.rtekind != pg_sys::RTEKind::RTE_FUNCTION || entry.funcordinality {
            return false;
        }
        let [function] = crate::pg::relations::list::elements(entry.functions) else { return false };
        let call = (*function.ptr_value.cast::<pg_sys::RangeTblFunction>()).funcexpr;
        if call.is_null() || (*call).type_ != pg_sys::NodeTag::T_FuncExpr {
            return false;
        }
        let function = (*call.cast::<pg_sys::FuncExpr>()).funcid;
        let name = crate::pg::strings::text::take(pg_sys::get_func_name(function));
        name.as_deref() == Some(b"chunk_rows")
            && pg_sys::get_func_namespace(function) == pg_sys::get_namespace_oid(c"loader".as_ptr(), true)
    }
}

/// Makes the plan of a path. The rows of the scan have the columns that are asked for.
#[pg_guard]
unsafe extern "C-unwind" fn plan_path(
    _root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    path: *mut pg_sys::CustomPath,
    columns: *mut pg_sys::List,
    clauses: *mut pg_sys::List,
    _plans: *mut pg_sys::List,
) -> *mut pg_sys::Plan {
    // SAFETY: called by the planner with a path of ours; what is asked of the relation are variables.
    unsafe {
        if !clauses.is_null() {
            ereport!(ERROR, PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "a scan of a chunk has no conditions");
        }
        // The columns of the scan are those that anything asks for; what the plan makes of them, a
        // projection, is its target list.
        let (mut numbers, mut scanned) = (ptr::null_mut(), ptr::null_mut());
        for (index, column) in crate::pg::relations::list::elements((*path).custom_private).iter().enumerate()
        {
            let column = column.ptr_value.cast::<pg_sys::Expr>();
            assert!((*column).type_ == pg_sys::NodeTag::T_Var, "a scan has columns of its relation");
            let number = (*column.cast::<pg_sys::Var>()).varattno;
            numbers = pg_sys::lappend_int(numbers, i32::from(number));
            let column = pg_sys::copyObjectImpl(column.cast()).cast();
            let entry = pg_sys::makeTargetEntry(column, index as i16 + 1, ptr::null_mut(), false);
            scanned = pg_sys::lappend(scanned, entry.cast());
        }
        let mut scan = pgrx::PgBox::<pg_sys::CustomScan>::alloc_node(pg_sys::NodeTag::T_CustomScan);
        scan.scan.plan.targetlist = columns;
        // There is no relation to be opened.
        scan.scan.scanrelid = 0;
        scan.custom_scan_tlist = scanned;
        scan.custom_relids = pg_sys::bms_copy((*rel).relids);
        scan.custom_private = numbers;
        scan.flags = (*path).flags;
        scan.methods = &raw const SCAN_METHODS.0;
        scan.into_pg().cast()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn create_state(_scan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: zeroed memory is a state without a chunk.
    unsafe {
        let state = pg_sys::palloc0(size_of::<ChunkScanState>()).cast::<ChunkScanState>();
        (*state).base.ss.ps.type_ = pg_sys::NodeTag::T_CustomScanState;
        (*state).base.methods = &raw const EXEC_METHODS.0;
        state.cast()
    }
}

/// Finds the chunk, and checks that its columns are what the statement takes them for.
#[pg_guard]
unsafe extern "C-unwind" fn begin(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    _flags: std::ffi::c_int,
) {
    // SAFETY: called by the executor with a state of ours, whose plan is ours, too.
    unsafe {
        let state = &mut *node.cast::<ChunkScanState>();
        let plan = &*state.base.ss.ps.plan.cast::<pg_sys::CustomScan>();
        let Some(handle) = chunk_handle::of_statement((*estate).es_param_list_info) else {
            chunk_handle::refuse()
        };
        let numbers = crate::pg::relations::list::elements(plan.custom_private);
        let row = &*(*state.base.ss.ss_ScanTupleSlot).tts_tupleDescriptor;
        assert!(row.natts as usize == numbers.len(), "a scan has the columns that it was planned with");
        state.columns = pg_sys::palloc(numbers.len() * size_of::<u16>()).cast();
        for (index, number) in numbers.iter().enumerate() {
            let column = number.int_value as usize - 1;
            let declared = pg_sys::SPI_gettypeid((&raw const *row).cast_mut(), index as i32 + 1);
            assert!(handle.as_ref().type_of(column) == Some(declared), "a column of another type");
            state.columns.add(index).write(column as u16);
        }
        state.width = numbers.len();
        state.handle = Some(handle);
        state.row = 0;
    }
}

/// The next row, or an empty slot behind the last.
#[pg_guard]
unsafe extern "C-unwind" fn next_row(node: *mut pg_sys::CustomScanState) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: called by the executor while the statement runs: the chunk is there. The slot is a
    // virtual one with as many columns.
    unsafe {
        let state = &mut *node.cast::<ChunkScanState>();
        let (slot, projection) = (state.base.ss.ss_ScanTupleSlot, state.base.ss.ps.ps_ProjInfo);
        slot::empty(slot);
        let Some(handle) = state.handle else { return slot };
        let handle = handle.as_ref();
        let columns = std::slice::from_raw_parts(state.columns, state.width);
        if state.row == 0
            && let Some(table) = multi_insert::table_of(&state.base)
        {
            state.handle = None;
            multi_insert::insert_all(&mut state.base, table, handle, columns);
            slot::empty(slot);
            return slot;
        }
        if !handle.take_row(state.row) {
            return slot;
        }
        slot::store(slot, state.row, handle, columns);
        state.row += 1;
        if projection.is_null() {
            return slot;
        }
        let context = state.base.ss.ps.ps_ExprContext;
        pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
        (*context).ecxt_scantuple = slot;
        slot::project(projection)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn end(_node: *mut pg_sys::CustomScanState) {}

#[pg_guard]
unsafe extern "C-unwind" fn rescan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: called by the executor with a state of ours.
    unsafe { (*node.cast::<ChunkScanState>()).row = 0 };
}

/// `loader.chunk_rows(bigint)`, where it is called in another place than the FROM of a load.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_chunk_rows(_call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    chunk_handle::refuse()
}

/// Tells the server how to call [`loader_chunk_rows`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_chunk_rows() -> &'static pg_sys::Pg_finfo_record {
    const V1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &V1
}
