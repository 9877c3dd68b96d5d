//! The bytes of a file that is only looked at: not hashed, no progress shown.

use crate::access::OpenFile;
use crate::error::Error;
use crate::pg;
use loader_core::input::{self, Source};
use loader_core::pipeline::Control;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::thread::{self, ThreadId};

/// Bytes read at once: a cancel request never waits for more.
const BLOCK: usize = 256 * 1024;

/// The bytes of the file. In the backend's own thread reading looks for cancel
/// requests, in any other one for the backend's word to stop.
pub struct Bytes {
    opened: OpenFile,
    bytes_read: u64,
    control: Arc<Control>,
    backend: ThreadId,
}

impl Bytes {
    /// The file from its start. Called by the backend.
    pub fn new(opened: OpenFile, control: Arc<Control>) -> Self {
        Bytes { opened, bytes_read: 0, control, backend: thread::current().id() }
    }

    /// Bytes read of the file as it lies on disk.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Fails if the file is not what it was when it was opened, or, where all of
    /// it `was_read`, if that was not all.
    pub fn check_unchanged(&self, was_read: bool) -> Result<(), Error> {
        self.opened.check_unchanged(if was_read { self.bytes_read } else { self.opened.size() })
    }
}

impl Source for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, input::Error> {
        let most = buf.len().min(BLOCK);
        loop {
            self.poll()?;
            match self.opened.file.read(&mut buf[..most]) {
                Ok(n) => {
                    self.bytes_read += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(input::Error::Io(error)),
            }
        }
    }

    fn poll(&mut self) -> Result<(), input::Error> {
        if thread::current().id() == self.backend {
            pg::check_for_interrupts();
        } else if self.control.is_stopped() {
            return Err(input::Error::Stopped);
        }
        Ok(())
    }
}
