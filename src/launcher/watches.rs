//! Directories in which files of pipelines may appear. What happens there starts a run before it is
//! due; nothing depends on it.

use super::report;
use super::schedule::PipelineKey;
use crate::access::WatchedDirectory;
use crate::pg::processes::directory_events::{DirectoryEvents, Event, Watch};
use crate::pipes;
use std::collections::{HashMap, HashSet};
use std::os::fd::BorrowedFd;

/// Directories that are watched, and for which pipelines.
pub struct Watches {
    events: Option<DirectoryEvents>,
    by_pipeline: HashMap<PipelineKey, Vec<Watched>>,
    by_watch: HashMap<Watch, Vec<PipelineKey>>,
    /// What the system has refused was written to the log: once.
    is_refusal_told: bool,
}

#[derive(Clone, Copy)]
struct Watched {
    watch: Watch,
    has_files: bool,
}

impl Watches {
    /// None so far. Where the system does not allow any there are none.
    pub fn new() -> Self {
        let events = DirectoryEvents::new().map_err(|error| report::no_watches(&error)).ok();
        Watches {
            is_refusal_told: events.is_none(),
            events,
            by_pipeline: HashMap::new(),
            by_watch: HashMap::new(),
        }
    }

    /// What can be read from when something has happened.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().map(DirectoryEvents::descriptor)
    }

    /// These are the directories of a pipeline, at this moment: each is watched anew, because there may
    /// be another directory of that name. Says whether the pipeline has to be looked at again: where
    /// there is a new watch files may have come before it, and where a directory is not there any more
    /// another one is to be watched.
    pub fn set(&mut self, key: &PipelineKey, directories: &[WatchedDirectory]) -> bool {
        let Some(events) = &self.events else { return false };
        let mut watched: Vec<Watched> = Vec::new();
        let mut has_gone = false;
        for WatchedDirectory { path, has_files } in directories {
            match events.watch(path) {
                Ok(watch) => match watched.iter_mut().find(|other| other.watch == watch) {
                    Some(other) => other.has_files |= has_files,
                    None => watched.push(Watched { watch, has_files: *has_files }),
                },
                // Too many watches, or no memory for one.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::ENOMEM)) => {
                    if !std::mem::replace(&mut self.is_refusal_told, true) {
                        report::no_watches(&error);
                    }
                    break;
                }
                Err(error) => {
                    has_gone |= matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR));
                }
            }
        }
        let before = self.by_pipeline.remove(key).unwrap_or_default();
        let had: HashSet<Watch> = before.iter().map(|watched| watched.watch).collect();
        let has: HashSet<Watch> = watched.iter().map(|watched| watched.watch).collect();
        for &watch in has.difference(&had) {
            self.by_watch.entry(watch).or_default().push(key.clone());
        }
        for &watch in had.difference(&has) {
            self.release(key, watch);
        }
        if !watched.is_empty() {
            self.by_pipeline.insert(key.clone(), watched);
        }
        has_gone || !has.is_subset(&had)
    }

    /// Forgets the pipelines that are not to be kept.
    pub fn keep(&mut self, keep: impl Fn(&PipelineKey) -> bool) {
        let gone: Vec<PipelineKey> = self.by_pipeline.keys().filter(|key| !keep(key)).cloned().collect();
        for key in gone {
            for Watched { watch, .. } in self.by_pipeline.remove(&key).unwrap_or_default() {
                self.release(&key, watch);
            }
        }
    }

    /// A watch is of no use to that pipeline any more.
    fn release(&mut self, key: &PipelineKey, watch: Watch) {
        let Some(users) = self.by_watch.get_mut(&watch) else { return };
        users.retain(|user| user != key);
        if users.is_empty() {
            self.by_watch.remove(&watch);
            if let Some(events) = &self.events {
                events.unwatch(watch);
            }
        }
    }

    /// The pipelines for which something may have come since the last call.
    pub fn take_news(&mut self) -> HashSet<PipelineKey> {
        let mut news = HashSet::new();
        let mut gone = Vec::new();
        let (by_pipeline, by_watch) = (&self.by_pipeline, &self.by_watch);
        if let Some(events) = &mut self.events {
            events.read(|event, name| {
                let (watch, is_file) = match event {
                    Event::Lost => return news.extend(by_pipeline.keys().cloned()),
                    Event::File(_) if pipes::is_unfinished(name) => return,
                    Event::File(watch) => (watch, true),
                    Event::Directory(watch) => (watch, false),
                    Event::Gone(watch) => {
                        gone.push(watch);
                        (watch, false)
                    }
                };
                let users = by_watch.get(&watch).into_iter().flatten();
                news.extend(users.filter(|user| !is_file || has_files(&by_pipeline[*user], watch)).cloned());
            });
        }
        // One that was moved is still watched, under a name that nobody has asked for.
        for watch in gone {
            for user in self.by_watch.remove(&watch).unwrap_or_default() {
                if let Some(watched) = self.by_pipeline.get_mut(&user) {
                    watched.retain(|watched| watched.watch != watch);
                }
            }
            if let Some(events) = &self.events {
                events.unwatch(watch);
            }
        }
        news
    }
}

/// Whether files of the pipeline may be in that directory.
fn has_files(watched: &[Watched], watch: Watch) -> bool {
    watched.iter().any(|watched| watched.watch == watch && watched.has_files)
}
