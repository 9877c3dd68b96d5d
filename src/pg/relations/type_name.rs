//! Types: their names as the caller writes them, and how values of them come about.

use crate::pg::Oid;
use crate::pg::executor::snapshot::{self, Snapshot};
use crate::pg::strings::text;
use loader_core::encode::columns::Conversion;
use loader_core::encode::values::{NativeType, NumericLimit};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;

/// A type that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeName {
    oid: Oid,
    /// Its length, precision and the like; -1 for none.
    modifier: i32,
}

impl TypeName {
    /// Reads the name of a type as SQL does, with its modifier. Raises where it is not one.
    pub fn parse(name: &[u8]) -> Self {
        let name = text::c_string(name);
        let mut found = TypeName { oid: pg_sys::Oid::INVALID, modifier: -1 };
        // SAFETY: the text is only read; both results are written to. Without a place to keep
        // an error, one is raised.
        unsafe {
            #[cfg(feature = "pg15")]
            pg_sys::parseTypeString(name.as_ptr(), &mut found.oid, &mut found.modifier, false);
            #[cfg(not(feature = "pg15"))]
            pg_sys::parseTypeString(name.as_ptr(), &mut found.oid, &mut found.modifier, std::ptr::null_mut());
        }
        found
    }

    /// The type of that OID and modifier.
    pub fn of(oid: Oid, modifier: i32) -> Self {
        TypeName { oid, modifier }
    }

    /// jsonb.
    pub fn jsonb() -> Self {
        TypeName::of(pg_sys::JSONBOID, -1)
    }

    /// The same type without a modifier.
    pub fn unmodified(self) -> Self {
        TypeName { oid: self.oid, modifier: -1 }
    }

    /// The type that a domain is made of, without a modifier; of another type itself.
    pub fn base(self) -> Self {
        // SAFETY: a look-up.
        TypeName::of(unsafe { pg_sys::getBaseType(self.oid) }, -1)
    }

    /// The operator that says whether a value is not before another one, as SQL names it whatever the
    /// search_path: that of the type's default order. `None` where it has no order.
    pub fn not_before(self) -> Option<Vec<u8>> {
        const GREATER_OR_EQUAL: i16 = 4;
        const OPERATOR: &str = "
            SELECT 'OPERATOR(' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(n.nspname::pg_catalog.text)
                   OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) o.oprname::pg_catalog.text
                   OPERATOR(pg_catalog.||) ')'
            FROM pg_catalog.pg_operator AS o
            JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) o.oprnamespace
            WHERE o.oid OPERATOR(pg_catalog.=) $1";
        // SAFETY: the entry is of the server's cache; an OID is passed by value.
        let operator = unsafe {
            let entry = &*pg_sys::lookup_type_cache(self.oid, pg_sys::TYPECACHE_BTREE_OPFAMILY as i32);
            let (family, kind) = (entry.btree_opf, entry.btree_opintype);
            if family == pg_sys::InvalidOid {
                return None;
            }
            let operator = pg_sys::get_opfamily_member(family, kind, kind, GREATER_OR_EQUAL);
            DatumWithOid::new(pg_sys::Datum::from(operator), pg_sys::OIDOID)
        };
        let mut name = None;
        snapshot::select(Snapshot::Latest, OPERATOR, &[operator], |row| name = row.bytes(1));
        name
    }

    /// Its OID.
    pub fn oid(self) -> Oid {
        self.oid
    }

    /// Its modifier.
    pub fn modifier(self) -> i32 {
        self.modifier
    }

    /// Whether it is jsonb, and no domain.
    pub fn is_jsonb(self) -> bool {
        self.oid == pg_sys::JSONBOID
    }

    /// How a field of a record becomes a value of it. In a database that is not in UTF-8
    /// (`is_utf8`) whatever may have a character beyond ASCII is the server's to make.
    pub fn conversion(self, is_utf8: bool) -> Conversion {
        let modifier = u32::try_from(self.modifier).ok();
        // The modifiers of texts and of numeric are counted from the length of a header.
        let above_header = modifier.map(|modifier| modifier.wrapping_sub(pg_sys::VARHDRSZ as u32));
        let native = match self.oid {
            pg_sys::BOOLOID => NativeType::Bool,
            pg_sys::INT2OID => NativeType::Int2,
            pg_sys::INT4OID => NativeType::Int4,
            pg_sys::INT8OID => NativeType::Int8,
            pg_sys::FLOAT4OID => NativeType::Float4,
            pg_sys::FLOAT8OID => NativeType::Float8,
            pg_sys::DATEOID => NativeType::Date,
            pg_sys::UUIDOID => NativeType::Uuid,
            pg_sys::BYTEAOID => NativeType::Bytea,
            pg_sys::TIMESTAMPOID => NativeType::Timestamp(modifier.map(|digits| digits as u8)),
            pg_sys::TIMESTAMPTZOID => NativeType::TimestampTz(modifier.map(|digits| digits as u8)),
            // src/backend/utils/adt/numeric.c, numeric_typmod_precision and numeric_typmod_scale.
            pg_sys::NUMERICOID => NativeType::Numeric(above_header.map(|packed| NumericLimit {
                precision: (packed >> 16) as u16,
                scale: (((packed & 0x7FF) ^ 1024) as i16) - 1024,
            })),
            pg_sys::TEXTOID if is_utf8 => NativeType::Text,
            pg_sys::VARCHAROID if is_utf8 => NativeType::Varchar(above_header),
            pg_sys::JSONOID if is_utf8 => return Conversion::Json,
            pg_sys::JSONBOID if is_utf8 => return Conversion::Jsonb,
            _ => return self.conversion_by_server(),
        };
        Conversion::Native(native)
    }

    fn conversion_by_server(self) -> Conversion {
        // SAFETY: look-ups.
        let (base, is_composed) = unsafe {
            let base = pg_sys::getBaseType(self.oid);
            let is_array = pg_sys::get_element_type(base) != pg_sys::InvalidOid;
            (base, is_array || pg_sys::type_is_rowtype(base))
        };
        match base {
            pg_sys::JSONBOID => Conversion::JsonInput,
            // Of a string the server keeps what it writes itself, not what the file has.
            pg_sys::JSONOID => Conversion::Populate,
            _ if is_composed => Conversion::Populate,
            _ => Conversion::Input,
        }
    }

    /// With its schema and modifier, quoted as SQL needs it.
    pub fn quoted(&self) -> Vec<u8> {
        let flags = pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN | pg_sys::FORMAT_TYPE_FORCE_QUALIFY;
        // SAFETY: a look-up that returns a copy.
        unsafe { text::take(pg_sys::format_type_extended(self.oid, self.modifier, flags as _)) }
            .unwrap_or_default()
    }
}
