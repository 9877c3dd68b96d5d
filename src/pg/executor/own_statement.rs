//! Statements of our own that are executed for each file: parsed and planned once in the life of a
//! process. The server plans one anew where something that it depends on has changed.

use super::snapshot::{Row, Snapshot, rows_of_select};
use crate::pg::processes::local_settings::LocalSettings;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

thread_local! {
    /// The plans, by address and length of the statement. Never dropped: to register what drops them
    /// takes memory, and where there is none that ends the process.
    static PLANS: RefCell<ManuallyDrop<Option<Plans>>> = const { RefCell::new(ManuallyDrop::new(None)) };
}

type Plans = HashMap<(usize, usize), Plan>;

/// The types of the parameters of a statement, and its plan, which is kept.
struct Plan(Vec<pg_sys::Oid>, NonNull<pg_sys::_SPI_plan>);

/// Hands each row of a SELECT, in the database's encoding, to `take`. Parameters are always of the same
/// types. The names in the statement have their schemas.
pub fn select(
    snapshot: Snapshot,
    query: &'static str,
    arguments: &[DatumWithOid<'_>],
    take: impl FnMut(&Row<'_>),
) {
    // SAFETY: called within a connection, with a snapshot.
    snapshot.within(|| rows_of_select(|| unsafe { execute(query, arguments, true) }, take));
}

/// Whether a SELECT has a row. The same holds.
pub fn has_row(snapshot: Snapshot, query: &'static str, arguments: &[DatumWithOid<'_>]) -> bool {
    let mut is_any = false;
    select(snapshot, query, arguments, |_| is_any = true);
    is_any
}

/// Executes an INSERT, UPDATE or DELETE, and returns of how many rows. The same holds.
pub fn run(statement: &'static str, arguments: &[DatumWithOid<'_>]) -> u64 {
    super::nesting::within_transaction(|| {
        // SAFETY: what is connected is finished. On an error the server takes the connection down with the
        // transaction.
        unsafe {
            pg_sys::SPI_connect();
            let code = execute(statement, arguments, false);
            assert!(code > 0, "a statement of ours failed");
            let rows = pg_sys::SPI_processed;
            pg_sys::SPI_finish();
            rows
        }
    })
}

/// Executes it, and returns the code of SPI.
///
/// # Safety
/// Called within a connection.
unsafe fn execute(statement: &'static str, arguments: &[DatumWithOid<'_>], read_only: bool) -> i32 {
    let Arguments { mut types, mut values, nulls } = Arguments::of(arguments);
    // What is looked up is found by an index, whatever the planner knows of the size of a table: a plan for
    // the first file of very many is one for a table that is still small. For the few rows that there are a
    // bitmap costs more than it saves.
    let _by_index = LocalSettings::set(&[(c"enable_seqscan", c"off"), (c"enable_bitmapscan", c"off")]);
    // SAFETY: the arrays have one entry for each argument; plans are kept.
    unsafe {
        let plan = plan_of(statement, &mut types);
        pg_sys::SPI_execute_plan(plan.as_ptr(), values.as_mut_ptr(), nulls.as_ptr(), read_only, 0)
    }
}

/// The plan of a statement.
///
/// # Safety
/// Called within a connection.
unsafe fn plan_of(statement: &'static str, types: &mut [pg_sys::Oid]) -> NonNull<pg_sys::_SPI_plan> {
    let key = (statement.as_ptr() as usize, statement.len());
    let known = PLANS.with_borrow(|plans| {
        let Plan(known, plan) = plans.as_ref()?.get(&key)?;
        assert!(known == types, "parameters of other types");
        Some(*plan)
    });
    if let Some(plan) = known {
        return plan;
    }
    let text = crate::pg::strings::text::c_string(statement.as_bytes());
    // SAFETY: the types are as many as is said; a plan that was made is kept.
    let plan = unsafe {
        let generic = pg_sys::CURSOR_OPT_GENERIC_PLAN as i32;
        let plan = pg_sys::SPI_prepare_cursor(text.as_ptr(), types.len() as i32, types.as_mut_ptr(), generic);
        let plan = NonNull::new(plan).expect("SPI_prepare_cursor raises");
        assert_eq!(pg_sys::SPI_keepplan(plan.as_ptr()), 0, "a plan of this connection can be kept");
        plan
    };
    PLANS.with_borrow_mut(|plans| plans.get_or_insert_default().insert(key, Plan(types.to_vec(), plan)));
    plan
}

/// Arguments as SPI takes them.
pub(super) struct Arguments {
    pub types: Vec<pg_sys::Oid>,
    pub values: Vec<pg_sys::Datum>,
    pub nulls: Vec<std::ffi::c_char>,
}

impl Arguments {
    pub(super) fn of(arguments: &[DatumWithOid<'_>]) -> Self {
        let value = |argument: &DatumWithOid<'_>| argument.datum().map(|datum| datum.sans_lifetime());
        let null = |argument: &DatumWithOid<'_>| if argument.datum().is_some() { b' ' } else { b'n' };
        Arguments {
            types: arguments.iter().map(DatumWithOid::oid).collect(),
            values: arguments.iter().map(|a| value(a).unwrap_or(pg_sys::Datum::null())).collect(),
            nulls: arguments.iter().map(|a| null(a) as std::ffi::c_char).collect(),
        }
    }
}
