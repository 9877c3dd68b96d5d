//! Tells a client which processes its load waits for.

use crate::pg::strings::message;
use crate::pg::strings::text;
use pgrx::PgLogLevel;

/// What another process is loading, for which a load waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// A file with the same path or the same content.
    File,
    /// A file of the same size, which may be the same content: `load_json_file` takes
    /// turns by it.
    Size,
}

/// Who is in the way of a file, by the numbers of the processes, and why:
/// `process 1234, which is loading the same file or content: "/data/a.json"`.
pub fn in_the_way(path: &[u8], pids: &[i32], same: Same) -> String {
    let (file, files) = match same {
        Same::File => ("the same file or content", "the same file or content"),
        Same::Size => ("a file of the same size", "files of the same size"),
    };
    let path = text::show(path);
    match pids {
        // The server has no process for it.
        [0] => format!("a prepared transaction, which has loaded {file}: \"{path}\""),
        [pid] => format!("process {pid}, which is loading {file}: \"{path}\""),
        [] => format!("another session, which is loading {file}: \"{path}\""),
        pids => {
            let pids: Vec<String> = pids.iter().map(i32::to_string).collect();
            format!("processes {}, which are loading {files}: \"{path}\"", pids.join(", "))
        }
    }
}

/// Tells the client for whom a load waits; so many other files wait for the same.
pub fn tell(path: &[u8], pids: &[i32], same: Same, others: usize) {
    let detail = (others > 0).then(|| {
        format!("{} for it too.", message::count(others as u64, "other file waits", "other files wait"))
    });
    message::tell(
        PgLogLevel::NOTICE,
        format!("waiting for {}", in_the_way(path, pids, same)),
        detail,
        Some("It may have loaded it and not committed yet; pg_stat_activity shows what it does.".to_string()),
    );
}
