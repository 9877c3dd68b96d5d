//! Values that the input function of a type makes of text, and that the server makes of JSON as
//! it does for `json_to_record`.

use super::chunk::Chunk;
use super::subtransaction::{self, Contained};
use crate::pg::memory::context::Context;
use crate::pg::relations::type_name::TypeName;
use crate::pg::strings::text;
use pgrx::spi::{Spi, SpiError};
use pgrx::{PgSqlErrorCode, pg_sys};
use std::ffi::{CStr, c_char};
use std::ptr::NonNull;

unsafe extern "C-unwind" {
    /// The server's, without the guard that pgrx puts around it: see [`Chunk::within_scratch`].
    fn InputFunctionCall(
        function: *mut pg_sys::FmgrInfo,
        text: *mut c_char,
        parameter: pg_sys::Oid,
        modifier: i32,
    ) -> pg_sys::Datum;

    /// The same, where an error that the function does not raise is kept in `save`.
    #[cfg(not(feature = "pg15"))]
    fn InputFunctionCallSafe(
        function: *mut pg_sys::FmgrInfo,
        text: *mut c_char,
        parameter: pg_sys::Oid,
        modifier: i32,
        save: *mut pg_sys::Node,
        datum: *mut pg_sys::Datum,
    ) -> bool;
}

/// Why the server refuses a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its SQLSTATE.
    pub code: PgSqlErrorCode,
    /// Its message; see [`text::keep`].
    pub message: String,
}

/// The input function of a type.
pub struct InputFunction {
    data_type: TypeName,
    function: pg_sys::FmgrInfo,
    parameter: pg_sys::Oid,
    /// It says that it refuses a value without raising an error.
    #[cfg(not(feature = "pg15"))]
    is_soft: bool,
    is_domain: bool,
    /// What the function of a domain says to NULL, once it was asked.
    null: Option<Result<(), Refused>>,
    /// The statement that converts JSON; made when it is first needed.
    from_json: Option<NonNull<pg_sys::_SPI_plan>>,
    /// What the function keeps from call to call.
    _memory: Context,
}

impl InputFunction {
    /// That of a type.
    pub fn of(data_type: TypeName) -> Self {
        let memory = Context::new(c"loader input function", 8 * 1024);
        let oid = data_type.oid();
        let (mut function, mut parameter) = (pg_sys::Oid::INVALID, pg_sys::Oid::INVALID);
        let mut info = pg_sys::FmgrInfo::default();
        // SAFETY: look-ups of a type that there is; results are written to. The context lives as
        // long as the function's information.
        unsafe {
            pg_sys::getTypeInputInfo(oid, &raw mut function, &raw mut parameter);
            let before = memory.enter();
            pg_sys::fmgr_info_cxt(function, &raw mut info, pg_sys::CurrentMemoryContext);
            pg_sys::MemoryContextSwitchTo(before);
        }
        InputFunction {
            data_type,
            function: info,
            parameter,
            // Those of extensions, and the checks of domains, raise what they like.
            // SAFETY: a look-up.
            #[cfg(not(feature = "pg15"))]
            is_soft: oid.to_u32() < pg_sys::FirstNormalObjectId || unsafe { pg_sys::type_is_enum(oid) },
            // SAFETY: a look-up.
            is_domain: unsafe { pg_sys::get_typtype(oid) } as u8 == pg_sys::TYPTYPE_DOMAIN,
            null: None,
            from_json: None,
            _memory: memory,
        }
    }

    /// Adds to a chunk a cell for a column of the type: what the function makes of a text, which is
    /// in the database's encoding.
    pub fn text(&mut self, text: &CStr, chunk: &mut Chunk, column: usize) -> Result<(), Refused> {
        chunk.note_scratch(text.count_bytes());
        #[cfg(not(feature = "pg15"))]
        if self.is_soft {
            return self.text_softly(text, chunk, column);
        }
        let datum = self.call(Some(text), chunk)?;
        // SAFETY: a datum of the type, as the caller says that the column is.
        unsafe { chunk.push_copy(datum, column) };
        Ok(())
    }

    /// Whether the type takes NULL: a domain may not. An INSERT of values of the domain would not ask.
    pub fn takes_null(&mut self, chunk: &mut Chunk) -> Result<(), Refused> {
        if !self.is_domain {
            return Ok(());
        }
        if self.null.is_none() {
            self.null = Some(self.call(None, chunk).map(|_| ()));
        }
        self.null.clone().unwrap_or(Ok(()))
    }

    /// What the function makes of a text, or of NULL, in the chunk's scratch memory.
    fn call(&mut self, text: Option<&CStr>, chunk: &Chunk) -> Result<pg_sys::Datum, Refused> {
        let modifier = self.data_type.modifier();
        let text = text.map_or(std::ptr::null_mut(), |text| text.as_ptr().cast_mut());
        // SAFETY: a NUL-terminated string or NULL; the function is that of the type, with its
        // arguments.
        let call = || unsafe {
            chunk.within_scratch(|| InputFunctionCall(&raw mut self.function, text, self.parameter, modifier))
        };
        subtransaction::refusable(call, is_refusal).map_err(Refused::of)
    }

    #[cfg(not(feature = "pg15"))]
    fn text_softly(&mut self, text: &CStr, chunk: &mut Chunk, column: usize) -> Result<(), Refused> {
        let mut save = pg_sys::ErrorSaveContext {
            type_: pg_sys::NodeTag::T_ErrorSaveContext,
            details_wanted: true,
            ..Default::default()
        };
        let mut datum = pg_sys::Datum::null();
        // SAFETY: as above; the error is kept in a struct of the kind that the server expects.
        let good = unsafe {
            chunk.within_scratch(|| {
                InputFunctionCallSafe(
                    &raw mut self.function,
                    text.as_ptr().cast_mut(),
                    self.parameter,
                    self.data_type.modifier(),
                    (&raw mut save).cast(),
                    &raw mut datum,
                )
            })
        };
        if good {
            // SAFETY: a datum of the type, as the caller says that the column is.
            unsafe { chunk.push_copy(datum, column) };
            return Ok(());
        }
        // SAFETY: the details were asked for, and lie in the scratch memory.
        let error = unsafe { &*save.error_data };
        let message = match error.message.is_null() {
            true => String::new(),
            // SAFETY: a string of the server.
            false => text::show(unsafe { CStr::from_ptr(error.message) }.to_bytes()),
        };
        Err(Refused { code: PgSqlErrorCode::from(error.sqlerrcode as isize), message: text::keep(&message) })
    }

    /// Adds to a chunk a cell for a column of the type: what the server makes of a JSON value, which
    /// is in the database's encoding.
    pub fn json(&mut self, json: &CStr, chunk: &mut Chunk, column: usize) -> Result<(), Refused> {
        let plan = match self.from_json {
            Some(plan) => plan,
            None => *self.from_json.insert(self.prepare_from_json()),
        };
        let convert = || {
            Spi::connect_mut(|_| {
                let record = json_record(json.to_bytes());
                let mut values = [record];
                // SAFETY: one parameter of type json, which has the representation of bytea; the
                // result has one column of the type, which is copied out of it.
                unsafe {
                    let code = pg_sys::SPI_execute_plan(
                        plan.as_ptr(),
                        values.as_mut_ptr(),
                        std::ptr::null(),
                        true,
                        0,
                    );
                    Spi::check_status(code)?;
                    let table = &*pg_sys::SPI_tuptable;
                    let mut is_null = false;
                    let datum = pg_sys::SPI_getbinval(*table.vals, table.tupdesc, 1, &raw mut is_null);
                    if is_null {
                        chunk.push_null();
                    } else {
                        chunk.push_copy(datum, column);
                    }
                }
                Ok::<_, SpiError>(())
            })
            .unwrap_or_else(|error| panic!("{error}"))
        };
        subtransaction::refusable(convert, is_refusal).map_err(Refused::of)
    }

    fn prepare_from_json(&self) -> NonNull<pg_sys::_SPI_plan> {
        let mut sql = b"SELECT x.v FROM pg_catalog.json_to_record($1) AS x(v ".to_vec();
        sql.extend_from_slice(&self.data_type.quoted());
        sql.push(b')');
        let sql = text::c_string(&sql);
        Spi::connect_mut(|_| {
            // SAFETY: one type is given, as is said; a plan that was made is kept, and freed with
            // this value.
            unsafe {
                let plan = pg_sys::SPI_prepare(sql.as_ptr(), 1, [pg_sys::JSONOID].as_mut_ptr());
                let plan = NonNull::new(plan).expect("SPI_prepare raises");
                assert_eq!(pg_sys::SPI_keepplan(plan.as_ptr()), 0, "a plan of this connection can be kept");
                plan
            }
        })
    }
}

impl Drop for InputFunction {
    fn drop(&mut self) {
        if let Some(plan) = self.from_json {
            // SAFETY: it was kept, and nothing executes it any more.
            unsafe { pg_sys::SPI_freeplan(plan.as_ptr()) };
        }
    }
}

/// The record `{"v":...}` as a json datum in the current memory context, the server's own of this
/// query.
fn json_record(json: &[u8]) -> pg_sys::Datum {
    let parts = [br#"{"v":"#, json, b"}"];
    let size = pg_sys::VARHDRSZ + parts.iter().map(|part| part.len()).sum::<usize>();
    // SAFETY: so many bytes are allocated, and written to; raises where there is no memory.
    unsafe {
        let datum = pg_sys::palloc(size).cast::<u8>();
        pgrx::set_varsize_4b(datum.cast(), size as i32);
        let mut at = datum.add(pg_sys::VARHDRSZ);
        for part in parts {
            std::ptr::copy_nonoverlapping(part.as_ptr(), at, part.len());
            at = at.add(part.len());
        }
        pg_sys::Datum::from(datum)
    }
}

/// Whether an error of an input function is about the value. Those of extensions raise internal
/// errors, too.
fn is_refusal(code: PgSqlErrorCode) -> bool {
    // Six bits for each of the characters; two are the class.
    let class = [0, 6].map(|shift| ((code as i32 >> shift) & 0x3F) as u8 + b'0');
    matches!(&class, b"22" | b"23" | b"44" | b"0A" | b"54")
        || matches!(code, PgSqlErrorCode::ERRCODE_RAISE_EXCEPTION | PgSqlErrorCode::ERRCODE_INTERNAL_ERROR)
}

impl Refused {
    /// The value has a NUL byte.
    pub fn nul() -> Self {
        Refused::own(PgSqlErrorCode::ERRCODE_UNTRANSLATABLE_CHARACTER, "value has a NUL byte")
    }

    /// The encoding of the database lacks a character of the value.
    pub fn lacking() -> Self {
        let message = "value has a character that the encoding of the database lacks";
        Refused::own(PgSqlErrorCode::ERRCODE_UNTRANSLATABLE_CHARACTER, message)
    }

    fn own(code: PgSqlErrorCode, message: &str) -> Self {
        Refused { code, message: message.to_owned() }
    }

    fn of(error: Contained) -> Self {
        Refused { code: error.code, message: error.message }
    }
}
