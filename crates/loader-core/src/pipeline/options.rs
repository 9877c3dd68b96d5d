//! What the caller of a pipeline decides.

use super::finisher::ToastPolicy;
use crate::encode::columns::Columns;
use crate::infer::SharedObservations;
use crate::split::Range;
use std::sync::Arc;

/// What the caller decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// So many threads; fewer, down to none, where they cannot be started.
    pub threads: usize,
    /// What is made of the records.
    pub target: Target,
    /// An offset in the decompressed stream at which a batch of an earlier run
    /// ended: what lies before it is split again and forgotten. 0 for none.
    pub resume_at: u64,
    /// Only this part of the stream.
    pub range: Option<Range>,
}

/// What is made of the records.
#[derive(Clone, Debug)]
pub enum Target {
    /// jsonb datums.
    Jsonb {
        /// Texts are kept beside the datums.
        keep_texts: bool,
        /// Long datums are compressed.
        toast: Option<ToastPolicy>,
    },
    /// Rows, whose cells are the fields of the records.
    Columns {
        /// Which field goes where.
        columns: Arc<Columns>,
        /// Beside each cell there is the text that it was made of.
        check: bool,
    },
    /// They stay texts, for the server to encode.
    Text,
    /// What their fields are is observed.
    Schema(Observing),
}

/// How records are observed.
#[derive(Clone, Debug)]
pub struct Observing {
    /// What is observed is added to these.
    pub observations: Arc<SharedObservations>,
    /// So many records came before those of the stream.
    pub records_before: u64,
    /// Records of the stream with a higher number are not observed.
    pub last: u64,
}
