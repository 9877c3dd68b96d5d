//! Who may read what: the role, the path, the kind of file, which files match a
//! pattern, and whether a file is still what it was when it was opened. Reads no
//! contents but the one byte that unmasks a file without a size.

mod allowed;
mod glob;

pub use self::glob::{FoundFile, WatchedDirectory, check_pattern, directories, expand, find, tidy};

use crate::error::{DIRECTORY, Error};
use crate::pg;
use crate::pg::memory::allocator;
use crate::pg::processes::descriptor::Reserved;
use crate::stat::FileStat;
use allowed::Allowed;
use loader_core::memory;
use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// A regular file that the role may read, and what it was when it was opened.
pub struct OpenFile {
    /// The file, at its start. What shares it reads at places of its own.
    pub file: Arc<File>,
    /// The path as the caller gave it, ready to be shown.
    pub shown: String,
    /// The path as the caller gave it, in the database's encoding.
    pub path: Vec<u8>,
    stat: FileStat,
    /// Goes after the file, whose descriptor it stands for.
    _reserved: Reserved,
}

impl OpenFile {
    /// Its size in bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.stat.size
    }

    /// What it was when it was opened.
    pub fn stat(&self) -> &FileStat {
        &self.stat
    }

    /// Whether it still is what it was when it was opened.
    pub fn is_same(&self) -> io::Result<bool> {
        Ok(FileStat::of(&self.file.metadata()?).is_same(&self.stat))
    }

    /// Fails if the file is not what it was.
    pub fn check_same(&self) -> Result<(), Error> {
        match self.is_same() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Changed(self.shown.clone())),
            Err(error) => Err(Error::Read { path: self.shown.clone(), error }),
        }
    }
}

/// Fails where it cannot be told which directories files may be loaded from: a
/// worker, which starts anew, would not know that it cannot.
pub fn require_known_directories() -> Result<(), Error> {
    Allowed::now().map(|_| ())
}

/// What the file system says of each file; `None` where one is not there, or not in a
/// directory that files may be loaded from.
pub fn stats(paths: &[Vec<u8>]) -> Result<Vec<Option<FileStat>>, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    let allowed = Allowed::now()?;
    let mut stats = Vec::new();
    for path in paths {
        pg::check_for_interrupts();
        allocator::check().map_err(Error::OutOfMemory)?;
        memory::push(&mut stats, stat(Path::new(OsStr::from_bytes(path)), &allowed))?;
    }
    Ok(stats)
}

fn stat(path: &Path, allowed: &Allowed) -> Option<FileStat> {
    let metadata = if allowed.is_any() {
        path.metadata().ok()?
    } else {
        let real = path.canonicalize().ok().filter(|real| allowed.permit(real))?;
        real.symlink_metadata().ok()?
    };
    metadata.is_file().then(|| FileStat::of(&metadata))
}

/// Fails if the path is that of a directory, as far as the caller may know.
pub fn require_no_directory(path: &[u8]) -> Result<(), Error> {
    let real = Path::new(OsStr::from_bytes(path)).canonicalize();
    if real.is_ok_and(|real| real.is_dir() && Allowed::now().is_ok_and(|allowed| allowed.permit(&real))) {
        return Err(Error::NotRegular { path: pg::strings::text::show(path), kind: DIRECTORY });
    }
    Ok(())
}

/// Fails unless the role may read files of the server.
pub fn require_file_role() -> Result<(), Error> {
    if pg::processes::user::may_read_server_files() { Ok(()) } else { Err(Error::NoFileRole) }
}

/// Opens a file to be read. The caller has called
/// [`require_file_role`] before it did anything with the path.
pub fn open(path: &[u8]) -> Result<OpenFile, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    let shown = pg::strings::text::show(path);
    let as_path = Path::new(OsStr::from_bytes(path));
    if !as_path.is_absolute() {
        return Err(Error::RelativePath(shown));
    }
    let allowed = Allowed::now()?;

    let Some(reserved) = Reserved::new() else {
        return Err(Error::Open { path: shown, error: io::Error::from_raw_os_error(libc::EMFILE) });
    };
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(as_path);
    let mut file = match opened {
        Ok(file) => file,
        // What cannot be opened cannot be resolved: outside of the allowed
        // directories its absence must not show.
        Err(_) if !allowed.may_explain(as_path) => return Err(Error::OutsideAllowed(shown)),
        Err(error) => return Err(Error::Open { path: shown, error }),
    };
    if !allowed.permit_open(&file)? {
        return Err(Error::OutsideAllowed(shown));
    }

    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return Err(Error::Open { path: shown, error }),
    };
    if let Some(kind) = irregular(&metadata) {
        return Err(Error::NotRegular { path: shown, kind });
    }
    if metadata.size() == 0 {
        match yields_bytes(&mut file) {
            Ok(false) => {}
            Ok(true) => return Err(Error::NoSize(shown)),
            Err(error) => return Err(Error::Read { path: shown, error }),
        }
    }
    let file = Arc::new(file);
    Ok(OpenFile { file, shown, path: path.to_vec(), stat: FileStat::of(&metadata), _reserved: reserved })
}

fn irregular(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some(DIRECTORY)
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

/// Files that the kernel makes up, as those in /proc, have no size but contents.
fn yields_bytes(file: &mut File) -> io::Result<bool> {
    loop {
        match file.read(&mut [0]) {
            Ok(n) => return Ok(n > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => pg::check_for_interrupts(),
            Err(error) => return Err(error),
        }
    }
}
