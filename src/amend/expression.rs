//! `mend_rejects`: an expression of the caller's over the rejects of a load, whose value
//! is what `mend_reject` would store. It is evaluated with the caller's rights, and may run
//! any code: between two evaluations nothing of ours is open that it could reach.

use super::mend::to_mend;
use super::record_form::TextReader;
use crate::catalog::{Catalog, UnmendedReject};
use crate::error::{AmendError, Error};
use crate::pg;
use crate::pg::executor::chunk::Chunk;
use crate::pg::executor::expression::{Argument, Expression, NoValue, Type};
use crate::pg::memory::allocator;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::strings::{error_context, text};
use std::ffi::CStr;
use std::fmt::Write;

/// At most this many texts are stored together.
const AT_A_TIME: usize = 200;

/// Texts are stored as soon as they have this many bytes together.
const TOGETHER: usize = 1024 * 1024;

/// What an expression can name, in the order of [`TYPES`].
const COLUMNS: &str =
    "SELECT $1 AS raw_text, $2 AS raw, $3 AS record_no, $4 AS line, $5 AS error_type, $6 AS message";

const TYPES: [Type; 6] = [Type::Text, Type::Bytea, Type::Bigint, Type::Bigint, Type::Text, Type::Text];

/// What `mend_rejects` returns: how many rejects …
#[derive(Default)]
pub struct Mended {
    /// … have a text now that is good.
    pub mended: u64,
    /// … would have had one that is bad.
    pub still_bad: u64,
    /// … were left alone: the expression is NULL, or has changed them itself.
    pub unchanged: u64,
    /// … lack some of their bytes.
    pub truncated: u64,
}

/// Mends those rejects of a load that nobody has mended, of one kind or of all.
pub fn mend_all(load_id: i64, error_type: Option<&[u8]>, expression: &[u8]) -> Result<Mended, Error> {
    pg::prevent_during_recovery(c"mend_rejects");
    allocator::refill().map_err(Error::OutOfMemory)?;
    let what = &|line: &mut dyn Write| write!(line, "mending rejects of load {load_id}");
    Context::new(c"loader", RESERVE).within(|| {
        error_context::with_context(what, || {
            let catalog = Catalog::open()?;
            to_mend(&catalog, load_id)?;
            let mut run = Run {
                catalog: &catalog,
                load_id,
                expression: prepare(expression)?,
                reader: TextReader::new(&catalog, load_id, &catalog.saved_options(load_id)?)?,
                chunk: Chunk::new(),
                texts: Vec::with_capacity(AT_A_TIME),
                bytes: 0,
                outcome: Mended {
                    truncated: catalog.count_truncated(load_id, error_type),
                    ..Mended::default()
                },
            };
            let mut rejects = catalog.unmended(load_id, error_type);
            while let Some(reject) = rejects.next()? {
                pg::check_for_interrupts();
                run.take(&reject)?;
            }
            run.store()?;
            Ok(run.outcome)
        })
    })
}

/// A query for the value of an expression. It stands on lines of its own: it may end with a
/// comment.
fn prepare(expression: &[u8]) -> Result<Expression<6>, Error> {
    let mut sql = b"SELECT (SELECT (\n".to_vec();
    sql.extend_from_slice(expression);
    sql.extend_from_slice(b"\n)::pg_catalog.text FROM (");
    sql.extend_from_slice(COLUMNS.as_bytes());
    sql.extend_from_slice(b") AS reject)");
    Expression::prepare(&text::c_string(&sql), TYPES).ok_or(AmendError::NotAnExpression.into())
}

/// A call under way.
struct Run<'a> {
    catalog: &'a Catalog,
    load_id: i64,
    expression: Expression<6>,
    /// For the verdict on one text.
    reader: TextReader,
    chunk: Chunk,
    /// Good ones, with the offsets of their rejects, that are not stored yet.
    texts: Vec<(i64, Vec<u8>)>,
    /// How long they are together.
    bytes: usize,
    outcome: Mended,
}

impl Run<'_> {
    /// Evaluates the expression for a reject, and keeps its value if that is good.
    fn take(&mut self, reject: &UnmendedReject) -> Result<(), Error> {
        let Some(mut text) = self.evaluate(reject)? else {
            self.outcome.unchanged += 1;
            return Ok(());
        };
        text.push(0);
        self.chunk.reserve().map_err(Error::OutOfMemory)?;
        // A text of the server has no NUL in it.
        let good = match CStr::from_bytes_with_nul(&text) {
            Ok(text) => self.reader.push_document(text, &mut self.chunk)?,
            Err(_) => false,
        };
        self.chunk.clear().for_each(drop);
        if !good {
            self.outcome.still_bad += 1;
            return Ok(());
        }
        text.pop();
        // A long one is stored alone.
        if self.bytes + text.len() > TOGETHER || self.texts.len() == AT_A_TIME {
            self.store()?;
        }
        self.bytes += text.len();
        self.texts.push((reject.place.offset as i64, text));
        Ok(())
    }

    fn evaluate(&self, reject: &UnmendedReject) -> Result<Option<Vec<u8>>, Error> {
        let raw_text = text::from_utf8(&reject.raw, false).map_err(Error::OutOfMemory)?;
        let whose = |line: &mut dyn Write| write!(line, "{}", reject.place);
        let value = error_context::with_context(&whose, || {
            self.expression.evaluate([
                Argument::Text(raw_text.as_deref()),
                Argument::Bytea(&reject.raw),
                Argument::Bigint(reject.place.number as i64),
                Argument::Bigint(reject.place.line as i64),
                Argument::Text(Some(&reject.error_type)),
                Argument::Text(Some(&reject.message)),
            ])
        });
        value.map_err(|error| match error {
            NoValue::NotOneText => AmendError::NotAnExpression.into(),
            NoValue::OutOfMemory(size) => Error::OutOfMemory(size),
        })
    }

    /// Stores what is good so far.
    fn store(&mut self) -> Result<(), Error> {
        if self.texts.is_empty() {
            return Ok(());
        }
        allocator::refill().map_err(Error::OutOfMemory)?;
        let stored = self.catalog.mend_all(self.load_id, &self.texts)?;
        self.outcome.mended += stored;
        self.outcome.unchanged += self.texts.len() as u64 - stored;
        self.texts.clear();
        self.bytes = 0;
        Ok(())
    }
}
