//! What the caller of a pipeline decides.

use super::datum::Compression;
use crate::framing::Range;

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
    pub compression: Option<Compression>,
    /// An offset in the decompressed stream at which a batch of an earlier run
    /// ended: what lies before it is split again and forgotten. 0 for none.
    pub skip_to: u64,
    /// Only this part of the stream.
    pub range: Option<Range>,
}
