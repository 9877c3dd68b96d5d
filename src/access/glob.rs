//! Which files match a pattern: `*`, `?` and `[...]` within a name, `**` for any
//! number of directories. Names are matched by the crate `glob`; the directories
//! are walked here, so that a cancel request is heard between two entries and
//! nothing outside of the allowed directories is looked at.

use super::allowed::{Allowed, by_descriptor};
use super::stat;
use crate::error::Error;
use crate::pg;
use crate::pg::memory::allocator;
use crate::pg::processes::descriptor::Reserved;
use crate::pg::processes::directory_events;
use crate::stat::FileStat;
use glob::{MatchOptions, Pattern};
use loader_core::memory;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// As in a shell: a hidden name has to be asked for.
const RULES: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The files that match an absolute pattern, in the order of their bytes, each
/// once. One without a wildcard is returned as it is: opening it says what is
/// wrong. The caller has called [`super::require_file_role`].
pub fn expand(pattern: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let files = walk(pattern, Wanted::Paths)?;
    Ok(memory::collect(files.into_iter().map(|file| file.path))?)
}

/// A file that was found.
#[derive(Clone)]
pub struct FoundFile {
    pub path: Vec<u8>,
    /// What the file system says of it; `None` where it is not there any more, or not in a directory that
    /// files may be loaded from.
    pub stat: Option<FileStat>,
}

impl FoundFile {
    /// Bytes, as far as that is known.
    pub fn size(&self) -> u64 {
        self.stat.map_or(0, |stat| stat.size)
    }
}

/// The same files, and what the file system says of each.
pub fn find(pattern: &[u8]) -> Result<Vec<FoundFile>, Error> {
    walk(pattern, Wanted::Stats)
}

fn walk(pattern: &[u8], wanted: Wanted) -> Result<Vec<FoundFile>, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    if !pattern.starts_with(b"/") {
        return Err(Error::RelativePath(pg::strings::text::show(pattern)));
    }
    let (front, steps) = parse(pattern)
        .map_err(|what| Error::BadPattern { pattern: pg::strings::text::show(pattern), what })?;
    let mut walk = Walk::new(pattern, &steps, wanted)?;
    if steps.is_empty() {
        walk.take(tidy(pattern), None)?;
    } else {
        walk.follow(front)?;
    }
    let mut found = walk.found;
    found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    found.dedup_by(|one, other| one.path == other.path);
    Ok(found)
}

/// A directory in which something may appear that matches a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedDirectory {
    pub path: Vec<u8>,
    /// Files; otherwise directories only, below which files may appear.
    pub has_files: bool,
}

/// The directories in which files that match an absolute pattern may appear, at most so many of them,
/// without those of which the system does not tell when something appears there. Where one that the
/// pattern names is not there, the nearest one above it is what to look at. What cannot be looked into
/// is left out. The caller has called [`super::require_file_role`].
pub fn directories(pattern: &[u8], most: usize) -> Result<Vec<WatchedDirectory>, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    let pattern = tidy(pattern);
    // One that is refused has been refused before.
    let Ok((front, mut steps)) = parse(&pattern) else { return Ok(Vec::new()) };
    let mut front = front;
    if steps.is_empty() {
        let end = front.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        steps.push(Step::Plain(front.split_off(end)));
    }
    let mut walk = Walk::new(&pattern, &steps, Wanted::Paths)?;
    walk.todo(front, 0, false)?;
    let mut directories: Vec<WatchedDirectory> = Vec::new();
    while let Some(task) = walk.todo.pop() {
        if directories.len() >= most {
            break;
        }
        pg::check_for_interrupts();
        if let Some(directory) = walk.look_at(task)? {
            match directories.iter_mut().find(|other| other.path == directory.path) {
                Some(other) => other.has_files |= directory.has_files,
                None => memory::push(&mut directories, directory)?,
            }
        }
    }
    Ok(directories)
}

/// What is to be done in a directory.
enum Step {
    /// Names that are taken as they are.
    Plain(Vec<u8>),
    /// The entries whose names match.
    Match(Name),
    /// The directory, and all directories below it.
    Descend,
}

/// An absolute path as the server's own listings write it, without empty names and
/// `.`: by the path a file is known again.
pub fn tidy(path: &[u8]) -> Vec<u8> {
    if !path.starts_with(b"/") {
        return path.to_vec();
    }
    let names = path.split(|&b| b == b'/').filter(|name| !name.is_empty() && *name != b".");
    let mut tidy = Vec::with_capacity(path.len());
    for name in names {
        tidy.push(b'/');
        tidy.extend_from_slice(name);
    }
    if tidy.is_empty() { b"/".to_vec() } else { tidy }
}

/// Fails where it is no absolute pattern, or names a directory that lies outside of the allowed ones.
/// Whether anything matches does not matter.
pub fn check_pattern(pattern: &[u8]) -> Result<(), Error> {
    if !pattern.starts_with(b"/") {
        return Err(Error::RelativePath(pg::strings::text::show(pattern)));
    }
    let (front, steps) = parse(pattern)
        .map_err(|what| Error::BadPattern { pattern: pg::strings::text::show(pattern), what })?;
    if steps.is_empty() {
        return Ok(());
    }
    Walk::new(pattern, &steps, Wanted::Paths)?.open(&front, true).map(|_| ())
}

/// Cuts a pattern into the names before its first wildcard and what is to be
/// done from there on: nothing where there is no wildcard.
fn parse(pattern: &[u8]) -> Result<(Vec<u8>, Vec<Step>), &'static str> {
    let mut front = Vec::new();
    let mut steps = Vec::new();
    for name in pattern.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
        let wild = name.iter().any(|byte| b"*?[".contains(byte));
        match steps.last_mut() {
            None if !wild => join(&mut front, name),
            Some(Step::Plain(names)) if !wild => join(names, name),
            Some(Step::Descend) if name == b"**" => {}
            _ if name == b"**" => steps.push(Step::Descend),
            _ if wild => steps.push(Step::Match(Name::new(name)?)),
            _ => steps.push(Step::Plain(below(b"", name))),
        }
    }
    if let Some(Step::Descend) = steps.last() {
        steps.push(Step::Match(Name::new(b"*")?));
    }
    Ok((front, steps))
}

fn join(path: &mut Vec<u8>, name: &[u8]) {
    path.push(b'/');
    path.extend_from_slice(name);
}

fn below(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut below = Vec::with_capacity(path.len() + 1 + name.len());
    below.extend_from_slice(path);
    join(&mut below, name);
    below
}

/// A pattern for one name.
struct Name {
    /// By characters; `None` where the pattern is not UTF-8.
    characters: Option<Pattern>,
    /// By bytes, each as a character.
    bytes: Pattern,
}

impl Name {
    fn new(pattern: &[u8]) -> Result<Self, &'static str> {
        let compile = |text: &str| Pattern::new(text).map_err(|error| error.msg);
        let characters = str::from_utf8(pattern).ok().map(compile).transpose()?;
        Ok(Name { characters, bytes: compile(&widen(pattern))? })
    }

    fn matches(&self, name: &[u8]) -> bool {
        match (&self.characters, str::from_utf8(name)) {
            (Some(pattern), Ok(name)) => pattern.matches_with(name, RULES),
            _ => self.bytes.matches_with(&widen(name), RULES),
        }
    }
}

fn widen(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// A directory in which the steps from `step` on are to be taken.
struct Task {
    directory: Vec<u8>,
    step: usize,
    /// No wildcard led here: the caller named it.
    named: bool,
}

/// What a step can go on from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    LinkToDirectory,
}

/// What is wanted of the files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Paths,
    Stats,
}

struct Walk<'a> {
    pattern: &'a [u8],
    steps: &'a [Step],
    wanted: Wanted,
    allowed: Allowed,
    todo: Vec<Task>,
    found: Vec<FoundFile>,
}

impl<'a> Walk<'a> {
    fn new(pattern: &'a [u8], steps: &'a [Step], wanted: Wanted) -> Result<Self, Error> {
        let allowed = Allowed::now()?;
        Ok(Walk { pattern, steps, wanted, allowed, todo: Vec::new(), found: Vec::new() })
    }

    /// Takes a file. The stat of an entry that is no link is asked for by the open directory, which is quick,
    /// and cannot lead out of a directory that may be looked into.
    fn take(&mut self, path: Vec<u8>, entry: Option<&DirEntry>) -> Result<(), Error> {
        let stat = match self.wanted {
            Wanted::Paths => None,
            Wanted::Stats => match entry.and_then(|entry| entry.metadata().ok()) {
                Some(metadata) if metadata.is_file() => Some(FileStat::of(&metadata)),
                _ => stat(Path::new(OsStr::from_bytes(&path)), &self.allowed),
            },
        };
        Ok(memory::push(&mut self.found, FoundFile { path, stat })?)
    }

    /// Follows the steps from a folder on.
    fn follow(&mut self, front: Vec<u8>) -> Result<(), Error> {
        self.todo(front, 0, true)?;
        while let Some(task) = self.todo.pop() {
            pg::check_for_interrupts();
            allocator::check().map_err(Error::OutOfMemory)?;
            let last = task.step + 1 == self.steps.len();
            match &self.steps[task.step] {
                Step::Plain(names) if last => self.look_for(&task, names)?,
                Step::Plain(names) => {
                    let directory = [&task.directory[..], names].concat();
                    self.todo(directory, task.step + 1, false)?;
                }
                Step::Match(name) => self.list(
                    &task,
                    |entry, kind| match kind {
                        Kind::File => last && name.matches(entry),
                        Kind::Directory | Kind::LinkToDirectory => !last && name.matches(entry),
                    },
                    task.step + 1,
                )?,
                Step::Descend => {
                    self.list(
                        &task,
                        |entry, kind| kind == Kind::Directory && !entry.starts_with(b"."),
                        task.step,
                    )?;
                    self.todo(task.directory, task.step + 1, task.named)?;
                }
            }
        }
        Ok(())
    }

    /// Which directory is to be watched for the task. Goes on to those below it, without looking at
    /// files.
    fn look_at(&mut self, task: Task) -> Result<Option<WatchedDirectory>, Error> {
        let last = task.step + 1 == self.steps.len();
        let mut path = task.directory.clone();
        if let (Step::Plain(names), true) = (&self.steps[task.step], last) {
            let end = names.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
            path.extend_from_slice(&names[..end]);
        }
        let mut has_files = last && !matches!(self.steps[task.step], Step::Descend);
        let directory = loop {
            match self.open(&path, false) {
                Ok(Some(directory)) => break directory,
                Ok(None) if !path.is_empty() => {
                    path.truncate(path.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
                    has_files = false;
                }
                Ok(None) | Err(_) => return Ok(None),
            }
        };
        if directory_events::is_remote(&directory.handle) {
            return Ok(None);
        }
        drop(directory);
        let there = path.len() >= task.directory.len();
        match &self.steps[task.step] {
            Step::Plain(names) if !last && there => {
                self.todo([&task.directory[..], names].concat(), task.step + 1, false)?;
            }
            Step::Match(name) if !last && there => {
                let wanted = |entry: &[u8], kind| kind != Kind::File && name.matches(entry);
                self.list_if_possible(&task, wanted, task.step + 1)?;
            }
            Step::Descend if there => {
                let wanted = |entry: &[u8], kind| kind == Kind::Directory && !entry.starts_with(b".");
                self.list_if_possible(&task, wanted, task.step)?;
                self.todo(task.directory, task.step + 1, false)?;
            }
            Step::Plain(_) | Step::Match(_) | Step::Descend => {}
        }
        Ok(Some(WatchedDirectory { path: if path.is_empty() { b"/".to_vec() } else { path }, has_files }))
    }

    /// As [`Walk::list`]; a directory that cannot be read has no entries.
    fn list_if_possible(
        &mut self,
        task: &Task,
        wanted: impl Fn(&[u8], Kind) -> bool,
        step: usize,
    ) -> Result<(), Error> {
        match self.list(task, wanted, step) {
            Err(Error::ReadDirectory { .. }) => Ok(()),
            result => result,
        }
    }

    fn todo(&mut self, directory: Vec<u8>, step: usize, named: bool) -> Result<(), Error> {
        Ok(memory::push(&mut self.todo, Task { directory, step, named })?)
    }

    /// Takes `names`, which end the pattern, if there is such a thing.
    fn look_for(&mut self, task: &Task, names: &[u8]) -> Result<(), Error> {
        let path = [&task.directory[..], names].concat();
        let end = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let named = task.named && end == task.directory.len();
        let there = self.open(&path[..end], named)?.is_some_and(|directory| {
            directory.at.join(OsStr::from_bytes(&path[end + 1..])).symlink_metadata().is_ok()
        });
        if there { self.take(path, None) } else { Ok(()) }
    }

    /// Goes through a directory. Entries that are wanted are found, if they are
    /// files, or gone on from at `step`.
    fn list(&mut self, task: &Task, wanted: impl Fn(&[u8], Kind) -> bool, step: usize) -> Result<(), Error> {
        let Some(directory) = self.open(&task.directory, task.named)? else { return Ok(()) };
        let failed = |error| Error::ReadDirectory { path: pg::strings::text::show(&task.directory), error };
        for entry in fs::read_dir(&directory.at).map_err(failed)? {
            pg::check_for_interrupts();
            // What is taken for one entry is little; there may be any number of them.
            allocator::check().map_err(Error::OutOfMemory)?;
            let entry = entry.map_err(failed)?;
            let Some(kind) = self.kind(&entry) else { continue };
            let name = entry.file_name().into_vec();
            if !wanted(&name, kind) {
                continue;
            }
            let path = below(&task.directory, &name);
            match kind {
                Kind::File => self.take(path, Some(&entry))?,
                Kind::Directory | Kind::LinkToDirectory => self.todo(path, step, false)?,
            }
        }
        Ok(())
    }

    /// `None` for what is of no use. That includes links that lead out of the
    /// allowed directories: not even what they lead to is told.
    fn kind(&self, entry: &DirEntry) -> Option<Kind> {
        let kind = entry.file_type().ok()?;
        if kind.is_file() {
            return Some(Kind::File);
        }
        if kind.is_dir() {
            return Some(Kind::Directory);
        }
        if !kind.is_symlink() {
            return None;
        }
        let real = entry.path().canonicalize().ok()?;
        let metadata = if self.allowed.permit(&real) { real.symlink_metadata().ok()? } else { return None };
        if metadata.is_file() { Some(Kind::File) } else { metadata.is_dir().then_some(Kind::LinkToDirectory) }
    }

    /// Opens a directory to look into; `None` where there is nothing to be seen.
    /// What keeps us out of one that the caller named is an error.
    fn open(&self, path: &[u8], named: bool) -> Result<Option<Directory>, Error> {
        let path = if path.is_empty() { b"/" } else { path };
        let as_path = Path::new(OsStr::from_bytes(path));
        let outside = || Error::OutsideAllowed(pg::strings::text::show(self.pattern));
        let error = match Directory::open(as_path, &self.allowed) {
            Ok(directory) if self.allowed.permit_open(&directory.handle)? => return Ok(Some(directory)),
            Ok(_) if named => return Err(outside()),
            Ok(_) => return Ok(None),
            Err(_) if named && !self.allowed.may_explain(as_path) => return Err(outside()),
            Err(error) => error,
        };
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => Ok(None),
            Some(libc::EACCES | libc::EPERM | libc::ELOOP) if !named => Ok(None),
            _ => Err(Error::ReadDirectory { path: pg::strings::text::show(path), error }),
        }
    }
}

/// An open directory.
struct Directory {
    /// Where to look into it. If it had to be permitted, a path that leads to what
    /// was permitted whatever is moved meanwhile.
    at: PathBuf,
    handle: File,
    /// For the handle, and for its entries while they are read.
    _reserved: [Reserved; 2],
}

impl Directory {
    fn open(path: &Path, allowed: &Allowed) -> io::Result<Self> {
        let full = || io::Error::from_raw_os_error(libc::EMFILE);
        let reserved = [Reserved::new().ok_or_else(full)?, Reserved::new().ok_or_else(full)?];
        let handle = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_CLOEXEC | libc::O_DIRECTORY | libc::O_NONBLOCK)
            .open(path)?;
        let at = if allowed.is_any() { path.to_path_buf() } else { by_descriptor(&handle) };
        Ok(Directory { at, handle, _reserved: reserved })
    }
}
