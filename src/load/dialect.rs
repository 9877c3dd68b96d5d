//! The dialect of a file of delimited text, as the history keeps it.

use crate::error::Error;
use crate::pg::strings::text;
use crate::words::{quoted, quoted_list};
use loader_core::encode::RecordForm;
use std::sync::Arc;

/// A JSON object in the encoding of the database; `None` for files of another kind, and where that
/// encoding lacks a character of a name.
pub fn to_json(form: &RecordForm) -> Result<Option<Arc<[u8]>>, Error> {
    let RecordForm::Delimited(delimited) = form else { return Ok(None) };
    let dialect = delimited.dialect();
    let byte = |byte: Option<u8>| byte.map_or(b"null".to_vec(), |byte| quoted(&[byte]));
    let names: Vec<Vec<u8>> = delimited.names().iter().map(|name| name.as_bytes().to_vec()).collect();
    let members: [(&str, Vec<u8>); 8] = [
        ("delimiter", quoted(dialect.delimiter.bytes())),
        ("quote", byte(dialect.quote)),
        ("escape", byte(dialect.escape)),
        ("new_line", quoted(dialect.new_line.name().as_bytes())),
        ("comment", byte(dialect.comment)),
        ("skip", dialect.skip.to_string().into_bytes()),
        ("header", dialect.header.to_string().into_bytes()),
        ("columns", quoted_list(&names)),
    ];
    let mut json = b"{".to_vec();
    for (index, (name, value)) in members.iter().enumerate() {
        json.extend(if index == 0 { &b""[..] } else { b", " });
        json.extend(quoted(name.as_bytes()));
        json.extend(b": ");
        json.extend(value);
    }
    json.push(b'}');
    Ok(text::from_utf8(&json, false).map_err(Error::OutOfMemory)?.map(Arc::from))
}
