//! The file as a source of bytes: read in blocks, no further than to where it ended when
//! it was opened, hashed as it is read, and counted. In the backend's own thread it looks for cancel requests, in any
//! other one for the backend's word to stop.

use crate::access::OpenFile;
use crate::error::{ColumnError, CompressionError, ContentError, DialectError, Error};
use crate::pg;
use crate::pg::memory::allocator;
use loader_core::pipeline::Control;
use loader_core::stream::{self, Source};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread::{self, ThreadId};

/// The number of bytes that are read at once. It is large enough that the cost of system calls
/// does not count, and small enough that no cancel request waits long for one.
const BLOCK: usize = 256 * 1024;

/// The file under load.
pub struct FileSource {
    opened: OpenFile,
    /// The hash of what was read, if the file is read from its start.
    hasher: Option<blake3::Hasher>,
    bytes_read: u64,
    /// Whether the backend's progress report shows how far the file is read.
    shows_progress: bool,
    control: Arc<Control>,
    backend: ThreadId,
}

impl FileSource {
    /// The file from its start, hashed as it is read, with progress shown. Called by
    /// the backend.
    pub fn hashing(opened: OpenFile) -> Self {
        FileSource { hasher: Some(blake3::Hasher::new()), shows_progress: true, ..FileSource::new(opened) }
    }

    /// The file from its start. Called by the backend.
    pub fn new(opened: OpenFile) -> Self {
        FileSource {
            opened,
            hasher: None,
            bytes_read: 0,
            shows_progress: false,
            control: Arc::default(),
            backend: thread::current().id(),
        }
    }

    /// What the backend shares with a thread that reads.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Sets whether the backend's progress report shows how far the file is read.
    pub fn show_progress(&mut self, shows: bool) {
        self.shows_progress = shows;
    }

    /// The file as it was opened.
    pub fn opened(&self) -> &OpenFile {
        &self.opened
    }

    /// How many bytes of the file, as it lies on disk, are read.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Reads what is left, and fails unless the file is what it was when it was opened.
    pub fn check(&mut self) -> Result<(), Error> {
        let mut block = self.block()?;
        loop {
            match self.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(explain(error, &self.opened.shown)),
            }
        }
    }

    /// The hash of what was read.
    pub fn hash(&self) -> [u8; 32] {
        *self.hasher.as_ref().expect("a hashing source").finalize().as_bytes()
    }

    /// Hashes all of the file, and goes back to the start.
    pub fn hash_of_all(&mut self) -> Result<[u8; 32], Error> {
        self.check()?;
        let hash = self.hash();
        self.rewind()?;
        Ok(hash)
    }

    /// For each length, the hash of that many first bytes of the file, or `None` if the file is
    /// shorter. The lengths are in ascending order. Calls `pause` now and then, and goes back to
    /// the start of the file.
    pub fn hashes_of_fronts(
        &mut self,
        lengths: &[u64],
        mut pause: impl FnMut(),
    ) -> Result<Vec<Option<[u8; 32]>>, Error> {
        let mut hasher = blake3::Hasher::new();
        let mut block = self.block()?;
        let mut hashes = vec![None; lengths.len()];
        'fronts: for (&length, hash) in lengths.iter().zip(&mut hashes) {
            let mut left = length - hasher.count();
            while left > 0 {
                let most = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                match self.read(&mut block[..most]) {
                    Ok(0) => break 'fronts,
                    Ok(n) => {
                        hasher.update(&block[..n]);
                        left -= n as u64;
                    }
                    Err(error) => return Err(explain(error, &self.opened.shown)),
                }
                pause();
            }
            *hash = Some(*hasher.finalize().as_bytes());
        }
        self.rewind()?;
        Ok(hashes)
    }

    fn block(&self) -> Result<Vec<u8>, Error> {
        let length = BLOCK.min(usize::try_from(self.opened.size()).unwrap_or(BLOCK).max(4096));
        let mut block = Vec::new();
        block.try_reserve_exact(length).map_err(|_| Error::OutOfMemory(length))?;
        block.resize(length, 0);
        Ok(block)
    }

    /// The end of what the file was; an error where it is not that any more.
    fn end(&self) -> Result<usize, stream::Error> {
        if self.bytes_read == self.opened.size() && self.opened.is_same()? {
            Ok(0)
        } else {
            Err(stream::Error::Changed)
        }
    }

    /// Goes back to the start.
    pub fn rewind(&mut self) -> Result<(), Error> {
        self.opened
            .file
            .as_ref()
            .seek(SeekFrom::Start(0))
            .map_err(|error| Error::Read { path: self.opened.shown.clone(), error })?;
        if let Some(hasher) = &mut self.hasher {
            hasher.reset();
        }
        self.bytes_read = 0;
        Ok(())
    }
}

impl Source for FileSource {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, stream::Error> {
        // A file that grows while it is read would have no end.
        let left = usize::try_from(self.opened.size().saturating_sub(self.bytes_read)).unwrap_or(usize::MAX);
        let most = buf.len().min(BLOCK).min(left);
        if left == 0 {
            return self.end();
        }
        loop {
            self.poll()?;
            match self.opened.file.as_ref().read(&mut buf[..most]) {
                Ok(0) => return Err(stream::Error::Changed),
                Ok(n) => {
                    if let Some(hasher) = &mut self.hasher {
                        hasher.update(&buf[..n]);
                    }
                    self.bytes_read += n as u64;
                    self.control.set_bytes_read(self.bytes_read);
                    return Ok(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(stream::Error::Io(error)),
            }
        }
    }

    fn skip(&mut self, bytes: u64) -> Result<(), stream::Error> {
        let forward = i64::try_from(bytes).map_err(|_| stream::Error::NoBoundary)?;
        self.opened.file.as_ref().seek(SeekFrom::Current(forward))?;
        self.bytes_read += bytes;
        Ok(())
    }

    fn length(&self) -> Option<u64> {
        Some(self.opened.size())
    }

    fn sample(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, stream::Error> {
        let mut read = 0;
        while read < buf.len() {
            match self.opened.file.read_at(&mut buf[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => self.poll()?,
                Err(error) => return Err(stream::Error::Io(error)),
            }
        }
        Ok(read)
    }

    fn poll(&mut self) -> Result<(), stream::Error> {
        allocator::check().map_err(stream::Error::OutOfMemory)?;
        if thread::current().id() == self.backend {
            pg::check_for_interrupts();
            if self.shows_progress {
                pg::processes::progress::bytes_processed(self.bytes_read);
            }
        } else if self.control.is_stopped() {
            return Err(stream::Error::Stopped);
        }
        Ok(())
    }
}

/// What an error of the input means to the user.
pub fn explain(error: stream::Error, path: &str) -> Error {
    let path = path.to_string();
    match error {
        stream::Error::Io(error) => Error::Read { path, error },
        stream::Error::Corrupt(compression) => CompressionError::Corrupt { path, compression }.into(),
        stream::Error::CutOff(compression) => CompressionError::CutOff { path, compression }.into(),
        stream::Error::Bomb(compression) => CompressionError::Bomb { path, compression }.into(),
        stream::Error::Foreign(foreign) => CompressionError::Foreign { path, foreign }.into(),
        stream::Error::NotCompressed { asked, found } => {
            CompressionError::NotCompressed { path, asked, found }.into()
        }
        stream::Error::Window { compression, needed, max } => {
            CompressionError::Window { path, compression, needed, max }.into()
        }
        stream::Error::NotJson(looks) => ContentError::NoJson { path, looks }.into(),
        stream::Error::NoRecords { path: records_path, others, between } => {
            ContentError::NoRecords { path, records_path, others, between }.into()
        }
        stream::Error::Mismatch(mismatch) => ColumnError::Mismatch { path, mismatch }.into(),
        stream::Error::IsJson => DialectError::IsJson(path).into(),
        stream::Error::NotUtf8 { likely } => DialectError::NotUtf8 { path, likely }.into(),
        stream::Error::Undecided(guesses) => DialectError::Undecided { path, guesses }.into(),
        stream::Error::NoSuchField { field, argument } => {
            DialectError::NoSuchField { path, field, argument }.into()
        }
        stream::Error::KeptBehind { field } => ContentError::KeptBehind { path, field }.into(),
        stream::Error::KeptTooLong { field, most } => ContentError::KeptTooLong { path, field, most }.into(),
        stream::Error::OutOfMemory(bytes) => Error::OutOfMemory(bytes),
        stream::Error::NoBoundary => Error::NotTheSame { path, load_id: None },
        stream::Error::Changed => Error::Changed(path),
        stream::Error::Stopped => {
            unreachable!("only the backend stops its threads, and asks them nothing then")
        }
    }
}
