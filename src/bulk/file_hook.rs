//! What is to happen in the transaction in which a file is loaded to its end: both or neither.

use super::serialise::serialise_fields;
use crate::catalog::{Catalog, PipelineKey};
use crate::error::{Error, HookError};
use crate::pg::executor::hook;
use crate::pg::executor::subtransaction;
use crate::pg::strings::text;
use std::time::Duration;

/// What a pipeline wants of each file that it loads. Texts are in the database's encoding.
#[derive(Clone, Debug)]
pub struct FileHook {
    pub pipeline: PipelineKey,
    /// SQL whose parameters are the number of the load and the path of the file.
    pub on_file: Option<Vec<u8>>,
    /// The search_path of that.
    pub search_path: Vec<u8>,
    /// Whether the load is to be told of later, with others.
    pub in_batches: bool,
    /// How long files were the same before they are loaded. Zero: they are final when they appear, and that
    /// one has just been written does not mean that it is still written to.
    pub settle: Duration,
}

serialise_fields!(PipelineKey { name, generation });
serialise_fields!(FileHook { pipeline, on_file, search_path, in_batches, settle });

impl FileHook {
    /// Runs it for a file that is loaded to its end.
    pub fn run(&self, catalog: &Catalog, load_id: i64, path: &[u8]) -> Result<(), Error> {
        if self.in_batches {
            catalog.add_to_batch(&self.pipeline, load_id)?;
        }
        let Some(sql) = &self.on_file else { return Ok(()) };
        let run = || {
            hook::run(sql, &self.search_path, &[load_id.into(), text::parameter(path)]);
            Ok(())
        };
        subtransaction::contain(run, |error| HookError { hook: "on_file", failure: error.into() }.into())
    }
}
