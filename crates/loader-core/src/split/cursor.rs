//! Where a splitter stands in its stream: the bytes at hand, the place up to which they are
//! booked, and the line there.

use super::window::Window;
use crate::stream::{Error, Source};

/// The bytes at hand have indexes, from 0. They become less when bytes are forgotten that are
/// booked; offsets in the stream never do.
pub(super) struct Cursor<S: Source> {
    window: Window<S>,
    /// The index of the first byte that is not booked.
    position: usize,
    /// Lines are counted up to this index.
    counted: usize,
    /// Newlines before it.
    newlines: u64,
}

impl<S: Source> Cursor<S> {
    /// At the start of a stream.
    pub(super) fn new(window: Window<S>) -> Self {
        Cursor { window, position: 0, counted: 0, newlines: 0 }
    }

    /// The source beneath.
    pub(super) fn source(&self) -> &S {
        self.window.source()
    }

    /// The source beneath, to be changed.
    pub(super) fn source_mut(&mut self) -> &mut S {
        self.window.source_mut()
    }

    /// Gives the source back.
    pub(super) fn into_source(self) -> S {
        self.window.into_source()
    }

    /// The bytes at hand.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.window.bytes()
    }

    /// Whether nothing follows the bytes at hand.
    #[inline]
    pub(super) fn eof(&self) -> bool {
        self.window.eof()
    }

    /// Reads one more block, or up to the end of the stream.
    pub(super) fn grow(&mut self) -> Result<(), Error> {
        self.window.grow()
    }

    /// Asks the source whether to go on.
    pub(super) fn poll(&mut self) -> Result<(), Error> {
        self.window.poll()
    }

    /// Lets the stream end at `at`, until the fence is lifted.
    pub(super) fn fence(&mut self, at: usize) {
        self.window.fence(at);
    }

    /// Lets the stream go on. Returns whether there was a fence.
    pub(super) fn lift_fence(&mut self) -> bool {
        self.window.lift_fence()
    }

    /// The window by itself, for what looks ahead and books nothing.
    pub(super) fn window_mut(&mut self) -> &mut Window<S> {
        &mut self.window
    }

    /// The byte at `at`, or `None` at the end of the stream.
    #[inline]
    pub(super) fn byte(&mut self, at: usize) -> Result<Option<u8>, Error> {
        while at >= self.window.bytes().len() {
            if self.window.eof() {
                return Ok(None);
            }
            self.window.grow()?;
        }
        Ok(Some(self.window.bytes()[at]))
    }

    /// The offset in the stream of index `at`.
    #[inline]
    pub(super) fn offset(&self, at: usize) -> u64 {
        self.window.offset(at)
    }

    /// The index of an offset; 0 for one before the bytes at hand.
    pub(super) fn index(&self, offset: u64) -> usize {
        usize::try_from(offset.saturating_sub(self.window.offset(0))).unwrap_or(usize::MAX)
    }

    /// The index of the first byte that is not booked.
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Its offset in the stream.
    pub(super) fn here(&self) -> u64 {
        self.window.offset(self.position)
    }

    /// Everything before `at` is booked.
    #[inline]
    pub(super) fn advance(&mut self, at: usize) {
        self.position = at;
    }

    /// Everything before `at` is booked, and no line ends between the place up to which lines
    /// are counted and `at`.
    #[inline]
    pub(super) fn advance_on_line(&mut self, at: usize) {
        (self.position, self.counted) = (at, at);
    }

    /// How many newlines lie before the first byte that is not booked.
    #[inline]
    pub(super) fn newlines(&mut self) -> u64 {
        if self.position > self.counted {
            let passed = &self.window.bytes()[self.counted..self.position];
            self.newlines += memchr::memchr_iter(b'\n', passed).count() as u64;
            self.counted = self.position;
        }
        self.newlines
    }

    /// From now on, newlines count from there.
    pub(super) fn set_newlines(&mut self, newlines: u64) {
        self.newlines();
        self.newlines = newlines;
    }

    /// Forgets what is booked, if that is so much that it pays to move the rest.
    #[inline]
    pub(super) fn release(&mut self) {
        if self.window.is_worth_a_move(self.position) {
            self.forget();
        }
    }

    /// Forgets what is booked. Returns by how much indexes have become less.
    pub(super) fn forget(&mut self) -> usize {
        self.newlines();
        let moved = self.window.drop_front(self.position);
        self.position -= moved;
        self.counted -= moved;
        moved
    }

    /// Goes on at `offset`, as if everything before it had been read and booked; what newlines
    /// there are before it is not known then. Returns the byte before it.
    pub(super) fn jump(&mut self, offset: u64) -> Result<Option<u8>, Error> {
        let before = u64::from(offset > 0);
        self.window.jump(offset - before)?;
        self.advance_on_line(before as usize);
        if before > 0 { self.byte(0) } else { Ok(None) }
    }
}
