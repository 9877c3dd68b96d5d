//! `loader.allowed_directories`: where files may lie.

use crate::error::Error;
use crate::settings::AllowedDirectories;
use crate::{pg, settings};
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The directories with symbolic links resolved; `None` is any.
pub struct Allowed(Option<Vec<PathBuf>>);

impl Allowed {
    /// Those of the setting as it is now.
    pub fn now() -> Result<Self, Error> {
        let list = match settings::allowed_directories() {
            AllowedDirectories::Any => return Ok(Allowed(None)),
            AllowedDirectories::Unknown => return Err(Error::DirectoriesUnknown),
            AllowedDirectories::List(list) => list,
        };
        let names = pg::strings::text::split_directories(&list).ok_or(Error::BadDirectoryList)?;
        // A directory that is not there, or not absolute, permits nothing.
        let directories = names
            .iter()
            .filter(|name| name.starts_with(b"/"))
            .filter_map(|name| std::fs::canonicalize(OsStr::from_bytes(name)).ok())
            .collect();
        Ok(Allowed(Some(directories)))
    }

    /// Whether files may lie anywhere.
    pub fn is_any(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a path, in which symbolic links are resolved, lies inside.
    pub fn permit(&self, path: &Path) -> bool {
        match &self.0 {
            None => true,
            Some(directories) => directories.iter().any(|directory| path.starts_with(directory)),
        }
    }

    /// Whether what is open lies inside, wherever it was found.
    pub fn permit_open(&self, file: &File) -> Result<bool, Error> {
        Ok(self.is_any() || self.permit(&real_path(file)?))
    }

    /// Whether the caller may be told why a path cannot be opened: only if as much
    /// of it as exists lies inside the allowed directories. A link that leads
    /// nowhere does not count as inside, whatever it points at.
    pub fn may_explain(&self, path: &Path) -> bool {
        self.is_any()
            || path
                .ancestors()
                .find(|ancestor| ancestor.symlink_metadata().is_ok())
                .is_some_and(|existing| existing.canonicalize().is_ok_and(|real| self.permit(&real)))
    }
}

/// Where the open file lies now: no symbolic link and no race is left in it.
fn real_path(file: &File) -> Result<PathBuf, Error> {
    std::fs::read_link(by_descriptor(file)).map_err(|_| Error::NoRealPath)
}

/// A path that leads to what is open, even if it is moved.
pub fn by_descriptor(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}
