//! What happens in directories, as inotify tells it. Events may be lost, and of file systems on
//! other machines there are none: whoever listens looks by himself, too.

use crate::pg::strings::text;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd};

/// What a directory is watched for: a file that was finished, put there under its name, or linked;
/// a new directory; and the end of the directory itself.
const EVENTS: u32 = libc::IN_CLOSE_WRITE
    | libc::IN_MOVED_TO
    | libc::IN_CREATE
    | libc::IN_DELETE_SELF
    | libc::IN_MOVE_SELF
    | libc::IN_ONLYDIR;

/// Bytes of events that are read at once: many short names, or some dozens of the longest.
const BUFFER: usize = 16 * 1024;

/// Bytes of an event before the name: watch, kind, cookie, and length of the name.
const HEADER: usize = 16;

/// A directory that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watch(i32);

/// Something that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file has come.
    File(Watch),
    /// A directory has come.
    Directory(Watch),
    /// The directory has gone, or is elsewhere.
    Gone(Watch),
    /// Nobody knows what has happened, and where: there was too much.
    Lost,
}

/// Directories that are watched.
pub struct DirectoryEvents(File);

impl DirectoryEvents {
    /// None so far.
    pub fn new() -> io::Result<Self> {
        // SAFETY: makes a descriptor, which is nobody else's.
        unsafe {
            let descriptor = libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC);
            if descriptor < 0 {
                Err(io::Error::last_os_error())
            } else {
                Ok(Self(File::from_raw_fd(descriptor)))
            }
        }
    }

    /// What can be read from when something has happened.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Watches a directory. One that is watched already has the same watch, whatever it is called.
    pub fn watch(&self, directory: &[u8]) -> io::Result<Watch> {
        let path = text::c_string(directory);
        // SAFETY: the path is a C string, and read only.
        let watch = unsafe { libc::inotify_add_watch(self.0.as_raw_fd(), path.as_ptr(), EVENTS) };
        if watch < 0 { Err(io::Error::last_os_error()) } else { Ok(Watch(watch)) }
    }

    /// Watches it no longer.
    pub fn unwatch(&self, watch: Watch) {
        // SAFETY: takes numbers. One that is gone by itself is an error that says so.
        unsafe { libc::inotify_rm_watch(self.0.as_raw_fd(), watch.0) };
    }

    /// Hands what has happened since the last call to `take`, with the name in the directory, without
    /// waiting.
    pub fn read(&mut self, mut take: impl FnMut(Event, &[u8])) {
        let mut buffer = [0; BUFFER];
        // An error is that there is nothing.
        while let Ok(length @ 1..) = self.0.read(&mut buffer) {
            events(&buffer[..length]).for_each(|(event, name)| take(event, name));
        }
    }
}

/// The events in what was read. The system writes them whole.
fn events(mut bytes: &[u8]) -> impl Iterator<Item = (Event, &[u8])> {
    std::iter::from_fn(move || {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let number =
            |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (padded, rest) = rest.split_at_checked(number(12) as usize)?;
        let name = padded.split(|&byte| byte == 0).next().unwrap_or_default();
        bytes = rest;
        let (watch, kind) = (Watch(number(0) as i32), number(4));
        let event = if kind & libc::IN_Q_OVERFLOW != 0 {
            Event::Lost
        } else if kind & (libc::IN_DELETE_SELF | libc::IN_MOVE_SELF | libc::IN_IGNORED | libc::IN_UNMOUNT)
            != 0
        {
            Event::Gone(watch)
        } else if kind & libc::IN_ISDIR != 0 {
            Event::Directory(watch)
        } else {
            Event::File(watch)
        };
        Some((event, name))
    })
}

/// Whether other machines, or programs, write to the file system of a directory without the kernel's
/// knowledge: there is nothing to watch then, and whoever asks may wait for the network.
pub fn is_remote(directory: &File) -> bool {
    // As statfs(2) and linux/magic.h have them; libc does not know all of them.
    const NFS: i64 = 0x6969;
    const SMB: i64 = 0x517B;
    const SMB2: i64 = 0xFE53_4D42;
    const CIFS: i64 = 0xFF53_4D42;
    const CEPH: i64 = 0x00C3_6400;
    const AFS: i64 = 0x5346_414F;
    const NINE_P: i64 = 0x0102_1997;
    const FUSE: i64 = 0x6573_5546;
    const GFS2: i64 = 0x0116_1970;
    const OCFS2: i64 = 0x7461_636F;
    const LUSTRE: i64 = 0x0BD0_0BD0;
    // SAFETY: a struct of numbers, which the call fills in.
    let kind = unsafe {
        let mut about: libc::statfs = std::mem::zeroed();
        if libc::fstatfs(directory.as_raw_fd(), &raw mut about) != 0 {
            return true;
        }
        about.f_type as i64 & 0xFFFF_FFFF
    };
    [NFS, SMB, SMB2, CIFS, CEPH, AFS, NINE_P, FUSE, GFS2, OCFS2, LUSTRE].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::{DirectoryEvents, Event, events};

    #[test]
    fn events_of_a_directory() {
        let folder = std::env::temp_dir().join(format!("loader-events-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let mut directories = DirectoryEvents::new().expect("inotify");
        let path = folder.to_str().expect("a path").as_bytes();
        let watch = directories.watch(path).expect("a watch");
        assert_eq!(directories.watch(path).expect("the same"), watch);
        let mut read = || {
            let mut read = Vec::new();
            directories.read(|event, _| read.push(event));
            read.dedup();
            read
        };
        assert_eq!(read(), []);
        std::fs::write(folder.join("a"), "a").expect("a file");
        assert_eq!(read(), [Event::File(watch)]);
        std::fs::rename(folder.join("a"), folder.join("b")).expect("another name");
        assert_eq!(read(), [Event::File(watch)]);
        std::fs::create_dir(folder.join("below")).expect("a folder");
        assert_eq!(read(), [Event::Directory(watch)]);
        std::fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(read(), [Event::Gone(watch)]);
    }

    #[test]
    fn what_the_system_says() {
        let event = |watch: i32, kind: u32, name: &[u8]| {
            let numbers = [watch as u32, kind, 0, name.len() as u32].map(u32::to_ne_bytes);
            [&numbers.concat(), name].concat()
        };
        let all = [
            event(1, libc::IN_CREATE, b"name\0\0\0\0\0\0\0\0\0\0\0\0"),
            event(-1, libc::IN_Q_OVERFLOW, b""),
            event(2, libc::IN_IGNORED, b""),
        ]
        .concat();
        let found: Vec<_> = events(&all).collect();
        let wanted =
            matches!(found[..], [(Event::File(_), b"name"), (Event::Lost, b""), (Event::Gone(_), b"")]);
        assert!(wanted, "{found:?}");
        assert_eq!(events(&all[..20]).count(), 0);
    }
}
