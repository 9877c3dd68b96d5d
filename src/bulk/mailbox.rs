//! What a process and a worker that it has started tell each other: a request when the worker is
//! started, an answer once.

use super::serialise::Serialise;
use crate::pg::memory::shared::{Segment, SharedMemory, shared_struct};
use crate::pg::processes::session::Session;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a word of the answer.
const WORD: usize = size_of::<u64>();

shared_struct! {
    struct Head {
        /// Bytes of the answer, and one more; 0 while there is none. More than there is room for says
        /// how much it needs.
        length: AtomicU64,
    }
}

/// The end of who has started the worker, or the worker's.
pub struct Mailbox(SharedMemory<Head, u64, AtomicU64>);

/// What who has started the worker finds.
pub enum Answer<T> {
    /// Nothing: the worker has ended too early, or runs.
    None,
    /// It takes so many bytes, for which there is no room.
    TooLong(usize),
    /// The answer.
    Is(T),
}

impl Mailbox {
    /// One with a request, and room for an answer of so many bytes, of a process that has no transaction;
    /// where there is no memory for it, what the server says of that.
    pub fn new(request: &impl Serialise, room: usize) -> Result<Self, String> {
        let mut bytes = Vec::new();
        request.write(&mut bytes);
        SharedMemory::try_new(room.div_ceil(WORD), std::iter::once(&bytes[..])).map(Mailbox)
    }

    /// One of a transaction, for a worker that is to take over a session. Raises where there is no memory.
    pub fn of_session(session: &Session, request: &impl Serialise, room: usize) -> Self {
        let mut bytes = Vec::new();
        request.write(&mut bytes);
        Mailbox(session.share(room.div_ceil(WORD), std::iter::once(&bytes[..]), |_, _, _| ()))
    }

    /// The one that a worker was started with; `None` where another version of the library has made it.
    pub fn of(segment: Segment) -> Option<Self> {
        SharedMemory::of(segment).map(Mailbox)
    }

    /// What a worker is started with.
    pub fn segment(&self) -> &Segment {
        self.0.segment()
    }

    /// What is asked.
    pub fn request<T: Serialise>(&self) -> Option<T> {
        T::read(&mut self.0.bytes())
    }

    /// Bytes that an answer may have.
    pub fn room(&self) -> usize {
        self.0.entries().len() * WORD
    }

    /// Answers, once. An answer that is too long only says how long it is.
    pub fn answer(&self, answer: &impl Serialise) {
        let mut bytes = Vec::new();
        answer.write(&mut bytes);
        if bytes.len() <= self.room() {
            for (word, piece) in self.0.entries().iter().zip(bytes.chunks(WORD)) {
                let mut padded = [0; WORD];
                padded[..piece.len()].copy_from_slice(piece);
                word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
            }
        }
        self.0.open().length.store(bytes.len() as u64 + 1, Ordering::Release);
    }

    /// What the worker has answered.
    pub fn answered<T: Serialise>(&self) -> Answer<T> {
        let Some(length) = self.0.open().length.load(Ordering::Acquire).checked_sub(1) else {
            return Answer::None;
        };
        let length = length as usize;
        if length > self.room() {
            return Answer::TooLong(length);
        }
        let words = self.0.entries()[..length.div_ceil(WORD)].iter();
        let bytes: Vec<u8> = words.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        T::read(&mut &bytes[..length]).map_or(Answer::None, Answer::Is)
    }
}
