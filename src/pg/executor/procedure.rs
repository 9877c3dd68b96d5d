//! How the server calls the procedures: arguments are read by their numbers, because pgrx
//! knows functions only, not procedures.

use super::object::{self, Member};
use super::transaction::{self, Obstacle};
use crate::pg::Oid;
use pgrx::{FromDatum, pg_guard, pg_sys};
use std::sync::OnceLock;

/// A call under way.
pub struct ProcedureCall(pg_sys::FunctionCallInfo);

impl ProcedureCall {
    /// An argument whose parameter is declared with this type.
    fn argument<T: FromDatum>(&self, index: usize, kind: Oid) -> Option<T> {
        // SAFETY: the procedure has as many parameters; the server keeps the expression of
        // the call, which has their types.
        unsafe {
            let declared = pg_sys::get_fn_expr_argtype((*self.0).flinfo, index as i32);
            assert_eq!(declared, kind, "a parameter of another type");
            let argument = (*self.0).args.as_slice((*self.0).nargs as usize)[index];
            T::from_datum(argument.value, argument.isnull)
        }
    }

    /// A `text`, in the database's encoding.
    pub fn text(&self, index: usize) -> Option<Vec<u8>> {
        self.argument::<&[u8]>(index, pg_sys::TEXTOID).map(<[u8]>::to_vec)
    }

    /// An `integer`.
    pub fn integer(&self, index: usize) -> Option<i32> {
        self.argument(index, pg_sys::INT4OID)
    }

    /// A `bigint`.
    pub fn bigint(&self, index: usize) -> Option<i64> {
        self.argument(index, pg_sys::INT8OID)
    }

    /// A `regclass`.
    pub fn oid(&self, index: usize) -> Option<Oid> {
        self.argument(index, pg_sys::REGCLASSOID)
    }

    /// A `text[]`, in the database's encoding.
    pub fn texts(&self, index: usize) -> Option<Vec<Option<Vec<u8>>>> {
        let list = self.argument::<pgrx::Array<'_, &[u8]>>(index, pg_sys::TEXTARRAYOID)?;
        Some(list.iter().map(|text| text.map(<[u8]>::to_vec)).collect())
    }

    /// The members of a `jsonb` object.
    pub fn members(&self, index: usize) -> Option<Vec<Member>> {
        let object = self.argument::<JsonbDatum>(index, pg_sys::JSONBOID)?;
        Some(object::members_of(object.0))
    }

    /// A `boolean`.
    pub fn boolean(&self, index: usize) -> Option<bool> {
        self.argument(index, pg_sys::BOOLOID)
    }

    /// An argument of any type as text, in the database's encoding.
    pub fn any_as_text(&self, index: usize) -> Option<Vec<u8>> {
        // SAFETY: as for `argument`; the type is that of the value.
        unsafe {
            let kind = pg_sys::get_fn_expr_argtype((*self.0).flinfo, index as i32);
            let argument = (*self.0).args.as_slice((*self.0).nargs as usize)[index];
            (!argument.isnull).then(|| object::text_of(argument.value, kind))
        }
    }

    /// What keeps it from committing, if anything does.
    pub fn obstacle_to_commit(&self) -> Option<Obstacle> {
        // SAFETY: the server's call frame.
        unsafe { transaction::obstacle_to_commit(self.0) }
    }
}

/// A datum of type jsonb.
struct JsonbDatum(pg_sys::Datum);

impl FromDatum for JsonbDatum {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: Oid) -> Option<Self> {
        (!is_null).then_some(JsonbDatum(datum))
    }
}

/// What a procedure runs.
pub type Main = fn(&ProcedureCall);

/// What the procedures run.
#[derive(Clone, Copy)]
pub struct Mains {
    /// `load_json_files`.
    pub json: Main,
    /// `load_csv_files`.
    pub csv: Main,
    /// `run_pipeline`.
    pub run_pipeline: Main,
    /// `run_pipelines`.
    pub run_pipelines: Main,
    /// `load_json_files` of 0.2.0.
    pub old: fn(),
}

static MAINS: OnceLock<Mains> = OnceLock::new();

/// Says what the procedures run. Set when the library is loaded.
pub fn set_mains(mains: Mains) {
    // The library is loaded once.
    let _ = MAINS.set(mains);
}

fn run(call: pg_sys::FunctionCallInfo, main: impl Fn(&Mains) -> Main) -> pg_sys::Datum {
    if let Some(mains) = MAINS.get() {
        let call = ProcedureCall(call);
        transaction::permit_procedure(call.obstacle_to_commit().is_none(), || main(mains)(&call));
    }
    pg_sys::Datum::null()
}

/// `CALL load_json_files(...)`. It has no result: what would be one is in
/// `loader.last_call`, because PL/pgSQL cannot leave out an INOUT argument.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_load_files(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    run(call, |mains| mains.json)
}

/// `CALL load_csv_files(...)`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_load_csv_files(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    run(call, |mains| mains.csv)
}

/// `CALL run_pipeline(...)`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_run_pipeline(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    run(call, |mains| mains.run_pipeline)
}

/// `CALL run_pipelines()`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_run_pipelines(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    run(call, |mains| mains.run_pipelines)
}

/// `load_json_files` of 0.2.0, which had eight INOUT parameters.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_load_json_files(_call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    if let Some(mains) = MAINS.get() {
        (mains.old)();
    }
    pg_sys::Datum::null()
}

/// How the server calls each of them.
const V1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

/// Tells the server how to call [`loader_load_files`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_load_files() -> &'static pg_sys::Pg_finfo_record {
    &V1
}

/// Tells the server how to call [`loader_load_csv_files`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_load_csv_files() -> &'static pg_sys::Pg_finfo_record {
    &V1
}

/// Tells the server how to call [`loader_run_pipeline`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_run_pipeline() -> &'static pg_sys::Pg_finfo_record {
    &V1
}

/// Tells the server how to call [`loader_run_pipelines`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_run_pipelines() -> &'static pg_sys::Pg_finfo_record {
    &V1
}

/// Tells the server how to call [`loader_load_json_files`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_load_json_files() -> &'static pg_sys::Pg_finfo_record {
    &V1
}
