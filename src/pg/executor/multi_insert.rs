//! Many rows of a chunk with one call of the table, as COPY does it: the heap then fills a page and
//! writes one WAL record for it, where a row by itself costs a look for a page and a record of its own.
//!
//! The INSERT stays the statement that it is: the server plans it, checks the rights and runs the
//! triggers of the statement. Where its plan does no more with a row than to check constraints and to
//! put the row into the heap and the indexes, the scan of the chunk does that itself, batch by batch,
//! and has no row left for the plan. COPY takes rows together under similar conditions (`CIM_MULTI` in
//! src/backend/commands/copyfrom.c). Here tables with row triggers, partitioned tables and those of other
//! servers are left to the executor, which takes the rows one by one.

use super::chunk_handle::{ChunkHandle, Constraint, Violation};
use super::slot::{mark_stored, project, store};
use pgrx::{PgTupleDesc, pg_sys};
use std::ptr;

/// The rows that go in with one call. More gain nothing: they leave the processor's cache.
const BATCH: usize = 200;

unsafe extern "C-unwind" {
    // The server's, without the guards that pgrx puts around them: one guard is set around all rows.
    fn heap_multi_insert(
        relation: pg_sys::Relation,
        slots: *mut *mut pg_sys::TupleTableSlot,
        count: std::ffi::c_int,
        command: pg_sys::CommandId,
        options: std::ffi::c_int,
        state: pg_sys::BulkInsertState,
    );
    fn ExecConstraints(
        table: *mut pg_sys::ResultRelInfo,
        slot: *mut pg_sys::TupleTableSlot,
        estate: *mut pg_sys::EState,
    );
    fn ExecCheck(expression: *mut pg_sys::ExprState, context: *mut pg_sys::ExprContext) -> bool;
    fn ExecPartitionCheck(
        table: *mut pg_sys::ResultRelInfo,
        slot: *mut pg_sys::TupleTableSlot,
        estate: *mut pg_sys::EState,
        raises: bool,
    ) -> bool;
    fn ProcessInterrupts();
    fn ExecOpenIndices(table: *mut pg_sys::ResultRelInfo, speculative: bool);
    #[cfg(feature = "pg15")]
    fn ExecInsertIndexTuples(
        table: *mut pg_sys::ResultRelInfo,
        slot: *mut pg_sys::TupleTableSlot,
        estate: *mut pg_sys::EState,
        is_update: bool,
        no_duplicate_error: bool,
        conflict: *mut bool,
        arbiters: *mut pg_sys::List,
    ) -> *mut pg_sys::List;
    #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
    fn ExecInsertIndexTuples(
        table: *mut pg_sys::ResultRelInfo,
        slot: *mut pg_sys::TupleTableSlot,
        estate: *mut pg_sys::EState,
        is_update: bool,
        no_duplicate_error: bool,
        conflict: *mut bool,
        arbiters: *mut pg_sys::List,
        only_summarizing: bool,
    ) -> *mut pg_sys::List;
    #[cfg(feature = "pg19")]
    fn ExecInsertIndexTuples(
        table: *mut pg_sys::ResultRelInfo,
        estate: *mut pg_sys::EState,
        flags: u32,
        slot: *mut pg_sys::TupleTableSlot,
        arbiters: *mut pg_sys::List,
        conflict: *mut bool,
    ) -> *mut pg_sys::List;
}

/// The table that a statement inserts into, if the rows of its scan can go in many at a time.
///
/// # Safety
/// `node` is a scan that the executor has begun, and that is about to return its first row.
pub(super) unsafe fn table_of(node: &pg_sys::CustomScanState) -> Option<*mut pg_sys::ResultRelInfo> {
    // SAFETY: by contract; the plan of a running statement and its tables are there, and the tables of a
    // ModifyTable are opened before the nodes below it.
    unsafe {
        let estate = &*node.ss.ps.state;
        let top = (*estate.es_plannedstmt).planTree;
        if (*top).type_ != pg_sys::NodeTag::T_ModifyTable || (*top).lefttree != node.ss.ps.plan {
            return None;
        }
        let insert = &*top.cast::<pg_sys::ModifyTable>();
        let does_no_more = insert.operation == pg_sys::CmdType::CMD_INSERT
            && insert.canSetTag
            && insert.onConflictAction == pg_sys::OnConflictAction::ONCONFLICT_NONE
            && insert.returningLists.is_null()
            && insert.withCheckOptionLists.is_null();
        let [number] = crate::pg::relations::list::elements(insert.resultRelations) else { return None };
        if !does_no_more || estate.es_result_relations.is_null() {
            return None;
        }
        let table = *estate.es_result_relations.add(number.int_value as usize - 1);
        let relation = (*table).ri_RelationDesc;
        let about = &*(*relation).rd_rel;
        let is_heap = about.relkind == pg_sys::RELKIND_RELATION as i8
            && about.relam == pg_sys::HEAP_TABLE_AM_OID
            && (*table).ri_FdwRoutine.is_null();
        let has_row_triggers = (*table).ri_TrigDesc.as_ref().is_some_and(|triggers| {
            triggers.trig_insert_before_row
                || triggers.trig_insert_after_row
                || triggers.trig_insert_instead_row
                || triggers.trig_insert_new_table
        });
        let constraints = (*(*relation).rd_att).constr.as_ref();
        let is_computed = constraints.is_some_and(|constraints| constraints.has_generated_stored);
        // What a volatile function of the statement or of a CHECK reads may be the rows before.
        let is_volatile =
            pg_sys::contain_volatile_functions_not_nextval((*node.ss.ps.plan).targetlist.cast())
                || constraints.is_some_and(|constraints| has_volatile_check(constraints));
        (is_heap && !has_row_triggers && !is_computed && !is_volatile).then_some(table)
    }
}

/// Whether a CHECK calls a volatile function.
///
/// # Safety
/// The constraints are those of a table that is open.
unsafe fn has_volatile_check(constraints: &pg_sys::TupleConstr) -> bool {
    (0..usize::from(constraints.num_check)).any(|index| {
        // SAFETY: the checks are so many. One without an expression is not enforced.
        unsafe {
            let expression = (*constraints.check.add(index)).ccbin;
            !expression.is_null()
                && pg_sys::contain_volatile_functions(pg_sys::stringToNode(expression).cast())
        }
    })
}

/// What is needed to insert the rows of one statement.
struct Insertion<'a> {
    node: &'a mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    table: *mut pg_sys::ResultRelInfo,
    handle: &'a ChunkHandle,
    columns: &'a [u16],
    /// The columns that are NOT NULL, from 0.
    not_null: &'a [usize],
    slots: [*mut pg_sys::TupleTableSlot; BATCH],
    /// Of each slot of the batch which row it has.
    rows: [usize; BATCH],
    /// Keeps the page that is being filled, and a few pages to be used again and again.
    state: pg_sys::BulkInsertState,
    /// For the tuples of one batch.
    memory: pg_sys::MemoryContext,
}

/// Inserts all rows of a chunk. `columns` says of each column of the scan which one of the chunk's it is.
///
/// # Safety
/// `table` is what [`table_of`] says of the scan; the columns are those of its slot.
pub(super) unsafe fn insert_all(
    node: &mut pg_sys::CustomScanState,
    table: *mut pg_sys::ResultRelInfo,
    handle: &ChunkHandle,
    columns: &[u16],
) {
    // SAFETY: by contract. The closure has no destructors, and all that it takes is the statement's: an
    // error leaves it to the end of the statement.
    unsafe {
        let estate = node.ss.ps.state;
        let memory = pg_sys::AllocSetContextCreateInternal(
            (*estate).es_query_cxt,
            c"loader rows".as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        );
        let state = pg_sys::GetBulkInsertState();
        let slots = [ptr::null_mut(); BATCH];
        let row = PgTupleDesc::from_pg_unchecked((*(*table).ri_RelationDesc).rd_att);
        let not_null = row.iter().enumerate().filter(|(_, column)| column.attnotnull).map(|(index, _)| index);
        let not_null: Vec<usize> = not_null.collect();
        let not_null = &*not_null;
        let mut insertion = Insertion {
            node,
            estate,
            table,
            handle,
            columns,
            not_null,
            slots,
            rows: [0; BATCH],
            state,
            memory,
        };
        pg_sys::ffi::pg_guard_ffi_boundary(|| insertion.run());
        for slot in insertion.slots.into_iter().filter(|slot| !slot.is_null()) {
            pg_sys::ExecDropSingleTupleTableSlot(slot);
        }
        pg_sys::FreeBulkInsertState(state);
        pg_sys::MemoryContextDelete(memory);
    }
}

impl Insertion<'_> {
    /// Inserts batch by batch.
    ///
    /// # Safety
    /// As for [`insert_all`]; called within a guard.
    unsafe fn run(&mut self) {
        // SAFETY: by contract.
        unsafe {
            let table = &*self.table;
            let about = &*(*table.ri_RelationDesc).rd_rel;
            if about.relhasindex && table.ri_IndexRelationDescs.is_null() {
                ExecOpenIndices(self.table, false);
            }
            let checks_constraints = !(*(*table.ri_RelationDesc).rd_att).constr.is_null();
            let (mut row, mut is_row) = (0, true);
            while is_row {
                self.forget_batch();
                if pg_sys::InterruptPending != 0 {
                    ProcessInterrupts();
                }
                let (first, mut count) = (row, 0);
                while row - first < BATCH {
                    is_row = self.handle.take_row(row);
                    if !is_row {
                        break;
                    }
                    let slot = self.fill(row, count);
                    if !checks_constraints || self.fulfils_constraints(slot, row) {
                        if about.relispartition {
                            ExecPartitionCheck(self.table, slot, self.estate, true);
                        }
                        self.rows[count] = row;
                        count += 1;
                    }
                    row += 1;
                }
                self.insert_batch(count);
                (*self.estate).es_processed += count as u64;
            }
            self.handle.take_row(row);
        }
    }

    /// Whether a row fulfils NOT NULL and CHECK. One that does not is an error, unless it may be left out.
    ///
    /// # Safety
    /// The table has constraints, and the slot has that row; called within a guard.
    unsafe fn fulfils_constraints(&self, slot: *mut pg_sys::TupleTableSlot, row: usize) -> bool {
        // SAFETY: by contract.
        unsafe {
            match self.violated(slot) {
                Some(None) => return true,
                Some(Some(constraint)) if self.handle.leave_out(Violation { row, constraint }) => {
                    return false;
                }
                _ => ExecConstraints(self.table, slot, self.estate),
            }
            true
        }
    }

    /// The first constraint that a row violates, as the server looks at them. `None` where that is not to
    /// be told: rows may not be left out, or the constraints are not prepared yet.
    ///
    /// # Safety
    /// The table has constraints, and the slot has a row of it; called within a guard.
    unsafe fn violated(&self, slot: *mut pg_sys::TupleTableSlot) -> Option<Option<Constraint>> {
        if !self.handle.may_leave_out() {
            return None;
        }
        // SAFETY: the slot has a row of the table. The expressions are as many as the constraints, those
        // that are not enforced have none, and they were prepared by ExecConstraints for their context.
        unsafe {
            let constraints = &*(*(*(*self.table).ri_RelationDesc).rd_att).constr;
            #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17")))]
            if constraints.has_generated_virtual {
                return None;
            }
            #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
            let expressions = (*self.table).ri_ConstraintExprs;
            #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17")))]
            let expressions = (*self.table).ri_CheckConstraintExprs;
            let context = (*self.estate).es_per_tuple_exprcontext;
            let checks = usize::from(constraints.num_check);
            if checks > 0 && (expressions.is_null() || context.is_null()) {
                return None;
            }
            if let Some(&column) = self.not_null.iter().find(|&&column| *(*slot).tts_isnull.add(column)) {
                return Some(Some(Constraint::NotNull(column)));
            }
            if checks > 0 {
                (*context).ecxt_scantuple = slot;
            }
            let holds = |index| {
                let expression: *mut pg_sys::ExprState = *expressions.add(index);
                expression.is_null() || ExecCheck(expression, context)
            };
            Some((0..checks).find(|&index| !holds(index)).map(Constraint::Check))
        }
    }

    /// Frees what the last batch has left.
    ///
    /// # Safety
    /// Nothing of that batch is used any more.
    unsafe fn forget_batch(&mut self) {
        // SAFETY: contexts of the statement in which nothing is used any more.
        unsafe {
            pg_sys::MemoryContextReset(self.memory);
            for context in [self.node.ss.ps.ps_ExprContext, (*self.estate).es_per_tuple_exprcontext] {
                if let Some(context) = context.as_ref() {
                    pg_sys::MemoryContextReset(context.ecxt_per_tuple_memory);
                }
            }
        }
    }

    /// Puts a row into a slot of the batch, as the table has it.
    ///
    /// # Safety
    /// The chunk has the row, and a batch the place.
    unsafe fn fill(&mut self, row: usize, place: usize) -> *mut pg_sys::TupleTableSlot {
        // SAFETY: the slots are virtual ones with the columns of the table. Without a projection those of
        // the scan are the same.
        unsafe {
            let relation = (*self.table).ri_RelationDesc;
            let mut slot = self.slots[place];
            if slot.is_null() {
                slot = pg_sys::MakeSingleTupleTableSlot((*relation).rd_att, &raw const pg_sys::TTSOpsVirtual);
                (*slot).tts_tableOid = (*relation).rd_id;
                self.slots[place] = slot;
            }
            let projection = self.node.ss.ps.ps_ProjInfo;
            let scanned = if projection.is_null() { slot } else { self.node.ss.ss_ScanTupleSlot };
            store(scanned, row, self.handle, self.columns);
            if !projection.is_null() {
                (*self.node.ss.ps.ps_ExprContext).ecxt_scantuple = scanned;
                let projected = project(projection);
                let width = (*(*slot).tts_tupleDescriptor).natts as usize;
                (*slot).tts_values.copy_from_nonoverlapping((*projected).tts_values, width);
                (*slot).tts_isnull.copy_from_nonoverlapping((*projected).tts_isnull, width);
                mark_stored(slot, width);
            }
            slot
        }
    }

    /// Puts the rows of the batch into the table and its indexes.
    ///
    /// # Safety
    /// So many slots are filled; called within a guard.
    unsafe fn insert_batch(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        // SAFETY: as many slots are filled.
        unsafe {
            // Which row an error of the heap means is not known.
            self.handle.take_none();
            let before = pg_sys::CurrentMemoryContext;
            pg_sys::CurrentMemoryContext = self.memory;
            heap_multi_insert(
                (*self.table).ri_RelationDesc,
                self.slots.as_mut_ptr(),
                count as i32,
                (*self.estate).es_output_cid,
                0,
                self.state,
            );
            pg_sys::CurrentMemoryContext = before;
            if (*self.table).ri_NumIndices == 0 {
                return;
            }
            for place in 0..count {
                self.handle.take_row(self.rows[place]);
                insert_into_indexes(self.table, self.slots[place], self.estate);
            }
        }
    }
}

/// Puts a row that is in the table into its indexes.
///
/// # Safety
/// The slot says where the row lies; called within a guard.
unsafe fn insert_into_indexes(
    table: *mut pg_sys::ResultRelInfo,
    slot: *mut pg_sys::TupleTableSlot,
    estate: *mut pg_sys::EState,
) {
    let (none, nowhere) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: by contract. Constraints that are checked later have triggers, and no such table is here:
    // there is nothing to be checked again.
    unsafe {
        #[cfg(feature = "pg15")]
        ExecInsertIndexTuples(table, slot, estate, false, false, nowhere, none);
        #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
        ExecInsertIndexTuples(table, slot, estate, false, false, nowhere, none, false);
        #[cfg(feature = "pg19")]
        ExecInsertIndexTuples(table, estate, 0, slot, none, nowhere);
    }
}
