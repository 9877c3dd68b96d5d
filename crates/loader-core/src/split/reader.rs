//! A quick reader of whole good values, asked before the scanner is: what it
//! takes is not parsed a second time. The scanner, which knows what is wrong
//! with a value and can go on where a window ends, looks at the others.

use crate::stream::Error;

/// Reads a value that is whole and good.
pub trait Reader {
    /// The good value that starts at `bytes[start]`, which is no white space, or
    /// `None` where it is not good, not whole within `bytes`, or not to be decided
    /// by this reader. `eof` says that nothing follows `bytes`. UTF-8 and the
    /// size of a record are the splitter's to check.
    ///
    /// Its verdict must be that of [`crate::json::scan::Scanner`].
    fn read(&mut self, bytes: &[u8], start: usize, eof: bool) -> Result<Option<Value>, Error>;
}

/// A value that a [`Reader`] took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// It ends before this index.
    pub end: usize,
    /// How deep containers are nested in it: 0 for a scalar.
    pub deepest: usize,
    /// Newlines are among its white space.
    pub spans_lines: bool,
}

/// Takes nothing: the scanner does it all.
impl Reader for () {
    fn read(&mut self, _: &[u8], _: usize, _: bool) -> Result<Option<Value>, Error> {
        Ok(None)
    }
}
