//! Virtual slots: filled with a row of a chunk, projected and emptied as the server does it inline, or by
//! functions that pgrx puts a guard around. A guard sets a place to jump back to for each row, and took
//! one twentieth of the time of a load.

use super::chunk_handle::ChunkHandle;
use pgrx::pg_sys;

/// Puts a row of the chunk into a virtual slot with a column for each of `columns`.
///
/// # Safety
/// It is such a slot.
#[inline]
pub(super) unsafe fn store(
    slot: *mut pg_sys::TupleTableSlot,
    row: usize,
    handle: &ChunkHandle,
    columns: &[u16],
) {
    // SAFETY: by contract.
    unsafe {
        for (index, &column) in columns.iter().enumerate() {
            let value = handle.row_column(row, usize::from(column));
            (*slot).tts_values.add(index).write(value.value);
            (*slot).tts_isnull.add(index).write(value.isnull);
        }
        mark_stored(slot, columns.len());
    }
}

/// What ExecStoreVirtualTuple does.
///
/// # Safety
/// The values of so many columns, which are all, are set.
pub(super) unsafe fn mark_stored(slot: *mut pg_sys::TupleTableSlot, width: usize) {
    // SAFETY: by contract.
    unsafe {
        (*slot).tts_flags &= !(pg_sys::TTS_FLAG_EMPTY as u16);
        (*slot).tts_nvalid = width as i16;
    }
}

/// What ExecProject does, which is inline in the server.
///
/// # Safety
/// The projection is one of a node that runs, and its context has the tuple that it needs.
pub(super) unsafe fn project(projection: *mut pg_sys::ProjectionInfo) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: by contract.
    unsafe {
        let expression = &raw mut (*projection).pi_state;
        let context = (*projection).pi_exprContext;
        let slot = (*expression).resultslot;
        empty(slot);
        let before = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = (*context).ecxt_per_tuple_memory;
        let mut is_null = false;
        if let Some(evaluate) = (*expression).evalfunc {
            evaluate(expression, context, &raw mut is_null);
        }
        pg_sys::CurrentMemoryContext = before;
        mark_stored(slot, (*(*slot).tts_tupleDescriptor).natts as usize);
        slot
    }
}

/// What ExecClearTuple does.
///
/// # Safety
/// It is a slot.
pub(super) unsafe fn empty(slot: *mut pg_sys::TupleTableSlot) {
    // SAFETY: by contract.
    unsafe {
        if let Some(clear) = (*(*slot).tts_ops).clear {
            clear(slot);
        }
    }
}
