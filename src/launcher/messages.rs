//! What the launcher asks its workers, and what they answer.

use crate::access::WatchedDirectory;
use crate::bulk::serialise::{serialise_fields, serialise_lists};
use crate::pg::Oid;
use crate::pipes::LookDigest;
use std::time::Duration;

/// Asks a database for its schedule.
pub struct ScheduleRequest {
    pub database: Oid,
    /// Pipelines whose workers have ended again and again without a word.
    pub broken: Vec<Vec<u8>>,
}
serialise_fields!(ScheduleRequest { database, broken });

/// The schedule of a database.
pub struct ScheduleAnswer {
    /// Whether the database has the extension.
    pub has_extension: bool,
    /// The active pipelines.
    pub pipelines: Vec<DuePipeline>,
}
serialise_fields!(ScheduleAnswer { has_extension, pipelines });

/// A pipeline, and when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePipeline {
    /// In the encoding of its database.
    pub name: Vec<u8>,
    pub owner: Oid,
    /// From now on.
    pub wait: Duration,
}
serialise_fields!(DuePipeline { name, owner, wait });
serialise_lists!(DuePipeline);

/// Asks for a run of a pipeline.
pub struct RunRequest {
    pub database: Oid,
    pub owner: Oid,
    pub name: Vec<u8>,
    /// What the last run has seen, if all files were loaded.
    pub all_loaded: LookDigest,
}
serialise_fields!(RunRequest { database, owner, name, all_loaded });

/// What a run came to; by default, that the pipeline is not active any more.
#[derive(Default)]
pub struct RunAnswer {
    /// When the pipeline is due again, from now on; `None` where it is not active any more.
    pub wait: Option<Duration>,
    /// Another session runs it at this moment: there was no run.
    pub elsewhere: bool,
    /// Where files of it may appear.
    pub directories: Vec<WatchedDirectory>,
    /// What this run has seen, if all files are loaded.
    pub all_loaded: LookDigest,
}
serialise_fields!(RunAnswer { wait, elsewhere, directories, all_loaded });
serialise_fields!(LookDigest { hash });
serialise_fields!(WatchedDirectory { path, has_files });
serialise_lists!(WatchedDirectory);
