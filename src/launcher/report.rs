//! What the launcher writes to the server's log.

use crate::pg::strings::message::tell;
use pgrx::PgLogLevel;
use std::io;

/// The launcher runs.
pub fn started() {
    tell(PgLogLevel::LOG, "loader launcher started".to_string(), None, None);
}

/// The server has no slot for a worker.
pub fn lacks_slots() {
    tell(
        PgLogLevel::LOG,
        "pipelines wait for a background worker slot".to_string(),
        None,
        Some("Raise max_worker_processes, or lower loader.max_pipeline_workers.".to_string()),
    );
}

/// It has one again.
pub fn has_slots() {
    tell(PgLogLevel::LOG, "pipelines wait for a background worker slot no longer".to_string(), None, None);
}

/// The server has no shared memory for what a worker is told; why.
pub fn lacks_memory(why: &str) {
    tell(
        PgLogLevel::LOG,
        format!("pipelines wait for shared memory: {why}"),
        None,
        Some(
            "Make room in /dev/shm, or raise max_connections, by which the server counts its segments."
                .to_string(),
        ),
    );
}

/// It has some again.
pub fn has_memory() {
    tell(PgLogLevel::LOG, "pipelines wait for shared memory no longer".to_string(), None, None);
}

/// Directories cannot be watched.
pub fn no_watches(error: &io::Error) {
    tell(
        PgLogLevel::LOG,
        format!("could not watch directories of pipelines: {error}"),
        Some("They are looked at as often as \"poll\" says.".to_string()),
        Some("Raise fs.inotify.max_user_watches or fs.inotify.max_user_instances.".to_string()),
    );
}

/// The worker was started by another version of the library.
pub fn other_version() {
    tell(
        PgLogLevel::LOG,
        "loader pipeline: the launcher has another version of the library".to_string(),
        None,
        Some("Restart the server after an upgrade of the library.".to_string()),
    );
}
