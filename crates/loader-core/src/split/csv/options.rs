//! What the caller of the splitter decides.

use super::Dialect;

/// What the caller decides.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How fields and records are set apart.
    pub dialect: Dialect,
    /// A good record has so many fields, …
    pub width: usize,
    /// … and up to so many behind them, which are empty (as they are in the header).
    pub surplus: usize,
    /// `false`: a record with a stray quote is read with one quote taken literally, if exactly
    /// one reading gives the right number of fields; surplus fields that are empty are passed
    /// over, and a record with too few fields is good.
    pub strict: bool,
    /// A longer record is passed over and rejected as too large. Bytes.
    pub max_record_size: usize,
    /// So many bytes of a reject are kept in [`Reject::raw`](crate::split::Reject::raw).
    pub raw_limit: usize,
}
