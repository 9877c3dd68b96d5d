//! What the next run of a pipeline would do with each file. Opens what is ready, to see whether it may
//! be read, and reads nothing.

use super::decide::Verdict;
use super::look::{SeenFile, look};
use super::look_digest::LookDigest;
use super::options::arguments_of;
use super::outcome::{HAS_CHANGED, IS_COPY};
use super::own_pipeline;
use crate::access;
use crate::bulk::Scope;
use crate::catalog::{Catalog, FileOfPath, as_text};
use crate::error::{Error, Failure};
use crate::pg::strings::text;
use crate::stat::FileStat;
use std::collections::HashMap;

/// A file and what is to become of it.
pub struct Previewed {
    /// In the database's encoding.
    pub path: Vec<u8>,
    /// Bytes on disk, where the file system tells.
    pub size: Option<u64>,
    pub verdict: &'static str,
    pub reason: Option<String>,
}

/// Looks at the files of a pipeline of a role whose rights the caller has.
pub fn preview(name: &[u8]) -> Result<Vec<Previewed>, Error> {
    access::require_file_role()?;
    let catalog = Catalog::open_kept()?;
    let pipeline = own_pipeline(&catalog, name)?;
    let arguments = arguments_of(&pipeline.definition)?;
    let scope = Scope::open(&arguments)?;
    let seen = look(&catalog, &pipeline, &arguments, &scope, &LookDigest::default())?;
    let is_waiting =
        |file: &&SeenFile| matches!(file.verdict, Verdict::Ready { .. } | Verdict::Settling { .. });
    let waiting: Vec<&[u8]> = seen.files.iter().filter(is_waiting).map(|file| file.path.as_slice()).collect();
    let earlier: HashMap<Vec<u8>, FileOfPath> =
        catalog.files_of_paths(&scope.content(&arguments), &waiting).into_iter().collect();
    Ok(seen.files.into_iter().map(|file| previewed(file, &earlier)).collect())
}

fn previewed(file: SeenFile, earlier: &HashMap<Vec<u8>, FileOfPath>) -> Previewed {
    let (verdict, reason) = match (file.verdict, &file.stat) {
        (Verdict::Ready { .. }, Some(stat)) => ready(&file.path, stat, earlier.get(&file.path)),
        (Verdict::Settling { ready_in, .. }, _) => {
            let left = ready_in.as_secs_f64();
            ("settling", Some(format!("it has to be the same for another {left:.1} s")))
        }
        (Verdict::Waiting(wait), _) => {
            ("retrying", Some(format!("it is tried again in {:.0} s", wait.as_secs_f64().ceil())))
        }
        (Verdict::Loaded, _) => ("loaded", None),
        (Verdict::Skipped, _) => {
            let reason = shown(file.reason.as_deref());
            let verdict = match reason.as_deref() {
                Some(IS_COPY) => "loaded",
                Some(HAS_CHANGED) => "changed",
                _ => "skipped",
            };
            (verdict, reason)
        }
        (Verdict::Quarantined, _) => ("quarantined", shown(file.reason.as_deref())),
        (Verdict::Unreadable | Verdict::Ready { .. }, _) => {
            ("unreadable", Some("the file system says nothing of it".to_string()))
        }
    };
    Previewed {
        path: as_text(&file.path).into_owned(),
        size: file.stat.map(|stat| stat.size),
        verdict,
        reason,
    }
}

fn shown(reason: Option<&[u8]>) -> Option<String> {
    reason.map(text::show)
}

/// A file that the next run would try.
fn ready(path: &[u8], stat: &FileStat, earlier: Option<&FileOfPath>) -> (&'static str, Option<String>) {
    if let Err(error) = access::open(path) {
        return ("unreadable", Some(Failure::from(error).message));
    }
    match earlier {
        None => ("new", None),
        Some(before) if stat.size > before.size && before.inode.is_none_or(|inode| inode == stat.inode) => {
            let grown = stat.size - before.size;
            ("grown", Some(format!("it has {grown} bytes more than load {} had", before.load_id)))
        }
        Some(before) => ("changed", Some(format!("it is not what load {} loaded", before.load_id))),
    }
}
