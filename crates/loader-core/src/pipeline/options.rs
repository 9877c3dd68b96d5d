//! What the caller of a pipeline decides.

use super::finisher::ToastPolicy;
use crate::split::Range;

/// What the caller decides.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// So many threads; fewer, down to none, where they cannot be started.
    pub threads: usize,
    /// Values are made here. Otherwise all are texts, for the server to encode.
    pub native: bool,
    /// Texts are kept beside the values.
    pub check: bool,
    /// Long values are compressed.
    pub toast: Option<ToastPolicy>,
    /// An offset in the decompressed stream at which a batch of an earlier run
    /// ended: what lies before it is split again and forgotten. 0 for none.
    pub resume_at: u64,
    /// Only this part of the stream.
    pub range: Option<Range>,
}
