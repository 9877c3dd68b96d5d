//! SQL that users give to be run later, with parameters.

use crate::pg::Oid;
use crate::pg::processes::local_settings::LocalSettings;
use crate::pg::relations::list;
use crate::pg::strings::text;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use std::ffi::CStr;

/// The types of the parameters of a hook that is told of a file: the number of the load and the path.
pub const ON_FILE: [Oid; 2] = [pg_sys::INT8OID, pg_sys::TEXTOID];

/// The type of the parameter of a hook that is told of loads: their numbers.
pub const ON_BATCH: [Oid; 1] = [pg_sys::INT8ARRAYOID];

/// The search_path that is in force.
pub fn search_path() -> Vec<u8> {
    // SAFETY: a setting of the server, which always has a value.
    unsafe { CStr::from_ptr(pg_sys::namespace_search_path) }.to_bytes().to_vec()
}

/// Runs it within the transaction. Raises what it raises.
pub fn run(sql: &[u8], search_path: &[u8], arguments: &[DatumWithOid<'_>]) {
    let _back = LocalSettings::set(&[(c"search_path", &text::c_string(search_path))]);
    execute(sql, arguments);
}

fn execute(sql: &[u8], arguments: &[DatumWithOid<'_>]) {
    let sql = text::c_string(sql);
    let mut types: Vec<_> = arguments.iter().map(DatumWithOid::oid).collect();
    let mut values: Vec<_> =
        arguments.iter().map(|a| a.datum().map_or(pg_sys::Datum::null(), |d| d.sans_lifetime())).collect();
    // SAFETY: the arrays have one entry for each argument, none of which is NULL. On an error the
    // server takes the connection down with the (sub)transaction.
    unsafe {
        pg_sys::SPI_connect();
        let code = pg_sys::SPI_execute_with_args(
            sql.as_ptr(),
            arguments.len() as i32,
            types.as_mut_ptr(),
            values.as_mut_ptr(),
            std::ptr::null(),
            false,
            0,
        );
        pg_sys::SPI_finish();
        if code < 0 {
            let reason = CStr::from_ptr(pg_sys::SPI_result_code_string(code)).to_string_lossy();
            pgrx::ereport!(
                ERROR,
                pgrx::PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                format!("the hook has a statement that cannot be run there: {reason}")
            );
        }
    }
}

/// Fails where it is no SQL, or takes other parameters than of these types: raises the server's error.
pub fn check(sql: &[u8], types: &[Oid]) {
    let (sql, mut types) = (text::c_string(sql), types.to_vec());
    // SAFETY: the types are as many as is said; the plan goes with the connection.
    unsafe {
        pg_sys::SPI_connect();
        let plan = pg_sys::SPI_prepare(sql.as_ptr(), types.len() as i32, types.as_mut_ptr());
        assert!(!plan.is_null(), "SPI_prepare raises");
        pg_sys::SPI_finish();
    }
}

/// Whether it calls a procedure, which may commit, and does nothing else. Raises the server's error
/// where it is no SQL.
pub fn is_call(sql: &[u8]) -> bool {
    let sql = text::c_string(sql);
    // SAFETY: what is parsed lies in the current context; the text outlives that.
    unsafe {
        let statements = list::elements(pg_sys::pg_parse_query(sql.as_ptr()));
        let [one] = statements else { return false };
        let raw = &*one.ptr_value.cast::<pg_sys::RawStmt>();
        (*raw.stmt).type_ == pg_sys::NodeTag::T_CallStmt
    }
}

/// Puts a search_path in force for the rest of the session, once the transaction commits. In a worker that
/// exists for a hook alone.
pub fn keep_search_path(search_path: &[u8]) {
    let search_path = text::c_string(search_path);
    // SAFETY: both are copied.
    unsafe {
        pg_sys::SetConfigOption(
            c"search_path".as_ptr(),
            search_path.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
        );
    }
}

/// Runs a CALL as if a client had sent it, so that the procedure may commit. In a worker that exists for
/// that alone, within [`super::transaction::Transactions::run_statement`]. Raises what it raises.
pub fn call(sql: &[u8], argument: &DatumWithOid<'_>) {
    let sql = text::c_string(sql);
    let types = [argument.oid()];
    let value = argument.datum().map_or(pg_sys::Datum::null(), |datum| datum.sans_lifetime());
    // SAFETY: what is parsed and planned lies in the current context, which outlives transactions, as the
    // caller promises and the text and the argument do. The portal is this function's own.
    unsafe {
        let parsed = list::elements(pg_sys::pg_parse_query(sql.as_ptr()));
        let [one] = parsed else { return };
        let raw = one.ptr_value.cast::<pg_sys::RawStmt>();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let queries = pg_sys::pg_analyze_and_rewrite_fixedparams(
            raw,
            sql.as_ptr(),
            types.as_ptr(),
            types.len() as i32,
            std::ptr::null_mut(),
        );
        let plans = pg_sys::pg_plan_queries(queries, sql.as_ptr(), 0, std::ptr::null_mut());
        pg_sys::PopActiveSnapshot();
        let parameters = pg_sys::makeParamList(1);
        (*parameters).params.as_mut_ptr().write(pg_sys::ParamExternData {
            value,
            isnull: argument.datum().is_none(),
            pflags: pg_sys::PARAM_FLAG_CONST as u16,
            ptype: types[0],
        });
        let portal = pg_sys::CreatePortal(c"".as_ptr(), true, true);
        pg_sys::PortalDefineQuery(
            portal,
            std::ptr::null(),
            sql.as_ptr(),
            pg_sys::CommandTag::CMDTAG_CALL,
            plans,
            std::ptr::null_mut(),
        );
        pg_sys::PortalStart(portal, parameters, 0, std::ptr::null_mut());
        let nowhere = pg_sys::CreateDestReceiver(pg_sys::CommandDest::DestNone);
        let all = std::ffi::c_long::MAX;
        #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
        pg_sys::PortalRun(portal, all, true, true, nowhere, nowhere, std::ptr::null_mut());
        #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17")))]
        pg_sys::PortalRun(portal, all, true, nowhere, nowhere, std::ptr::null_mut());
        pg_sys::PortalDrop(portal, false);
    }
}
