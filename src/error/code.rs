//! SQLSTATEs: of faults, of what the operating system says, and as text.

use loader_core::fault::FaultKind;
use pgrx::PgSqlErrorCode as Code;
use std::io;

/// The SQLSTATE that the server gives to a record with such a fault, five characters.
pub fn sqlstate_text(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Syntax | FaultKind::Truncated | FaultKind::Text => "22P02",
        FaultKind::InvalidUnicode | FaultKind::NulCharacter | FaultKind::NulBytes => "22P05",
        FaultKind::TooDeep => "54001",
        FaultKind::TooLarge => "54000",
        FaultKind::NumericRange => "22003",
        FaultKind::UnterminatedQuote
        | FaultKind::StrayQuote
        | FaultKind::MissingColumns
        | FaultKind::TooManyColumns => "22P04",
    }
}

/// The name of a kind of fault in `loader.rejects`.
pub fn error_type(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Syntax => "SYNTAX",
        FaultKind::Truncated => "TRUNCATED",
        FaultKind::InvalidUnicode => "INVALID_UNICODE",
        FaultKind::NulCharacter => "NUL_CHARACTER",
        FaultKind::TooDeep => "TOO_DEEP",
        FaultKind::TooLarge => "TOO_LARGE",
        FaultKind::NumericRange => "NUMERIC_RANGE",
        FaultKind::UnterminatedQuote => "UNTERMINATED_QUOTE",
        FaultKind::StrayQuote => "STRAY_QUOTE",
        FaultKind::MissingColumns => "MISSING_COLUMNS",
        FaultKind::TooManyColumns => "TOO_MANY_COLUMNS",
        FaultKind::Text => "TEXT",
        FaultKind::NulBytes => "NUL_BYTES",
    }
}

/// As the server's `errcode_for_file_access`, with codes also for what it calls an
/// internal error: a path is the caller's.
pub fn file_access_code(error: &io::Error) -> Code {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES | libc::EROFS) => Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
        Some(libc::ENOENT) => Code::ERRCODE_UNDEFINED_FILE,
        Some(libc::ENOTDIR | libc::EISDIR | libc::ELOOP | libc::ENXIO) => Code::ERRCODE_WRONG_OBJECT_TYPE,
        Some(libc::EMFILE | libc::ENFILE) => Code::ERRCODE_INSUFFICIENT_RESOURCES,
        Some(libc::ENOMEM) => Code::ERRCODE_OUT_OF_MEMORY,
        Some(libc::ENAMETOOLONG) => Code::ERRCODE_NAME_TOO_LONG,
        Some(libc::EIO) => Code::ERRCODE_IO_ERROR,
        _ => Code::ERRCODE_SYSTEM_ERROR,
    }
}

/// The SQLSTATE of five characters.
pub fn code_of(text: &str) -> Code {
    let bits = text.bytes().rev().fold(0, |code, b| code << 6 | i32::from(b.wrapping_sub(b'0') & 0x3F));
    Code::from(bits)
}

/// The five characters of an SQLSTATE: six bits each.
pub fn code_text(code: Code) -> String {
    let code = code as i32;
    (0..5).map(|index| char::from(((code >> (6 * index)) & 0x3F) as u8 + b'0')).collect()
}
