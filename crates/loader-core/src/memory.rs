//! Memory of which a file decides how much is needed, taken in a way that can be refused.
//! An allocation that fails where Rust cannot return an error ends the process, and a
//! server's process takes all sessions with it. So this crate's own code grows its buffers
//! by the functions here. `clippy.toml` forbids the calls that cannot return an error,
//! except for allocations that a constant bounds.
#![expect(clippy::disallowed_methods, reason = "the room was asked for before")]

use std::collections::HashSet;
use std::hash::Hash;

/// So many bytes were not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory(pub usize);

impl From<OutOfMemory> for usize {
    /// How many.
    fn from(OutOfMemory(bytes): OutOfMemory) -> usize {
        bytes
    }
}

/// Makes room for so many more.
#[inline]
pub(crate) fn reserve<T>(list: &mut Vec<T>, more: usize) -> Result<(), OutOfMemory> {
    list.try_reserve(more).map_err(|_| wanted::<T>(list.len(), more))
}

/// Makes room for so many more, and no more than that.
pub(crate) fn reserve_exact<T>(list: &mut Vec<T>, more: usize) -> Result<(), OutOfMemory> {
    list.try_reserve_exact(more).map_err(|_| wanted::<T>(list.len(), more))
}

fn wanted<T>(length: usize, more: usize) -> OutOfMemory {
    OutOfMemory(length.saturating_add(more).saturating_mul(size_of::<T>()))
}

/// Adds one.
#[inline]
pub fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), OutOfMemory> {
    reserve(list, 1)?;
    list.push(item);
    Ok(())
}

/// Adds all.
#[inline]
pub(crate) fn append<T: Copy>(list: &mut Vec<T>, items: &[T]) -> Result<(), OutOfMemory> {
    reserve(list, items.len())?;
    list.extend_from_slice(items);
    Ok(())
}

/// Puts one where it belongs.
pub(crate) fn insert<T>(list: &mut Vec<T>, at: usize, item: T) -> Result<(), OutOfMemory> {
    reserve(list, 1)?;
    list.insert(at, item);
    Ok(())
}

/// Makes it so long, with `fill` at its end if that is longer.
#[inline]
pub(crate) fn resize<T: Copy>(list: &mut Vec<T>, length: usize, fill: T) -> Result<(), OutOfMemory> {
    reserve(list, length.saturating_sub(list.len()))?;
    list.resize(length, fill);
    Ok(())
}

/// A list of so many, all the same, in a piece that is no larger than they are.
pub fn filled<T: Copy>(length: usize, fill: T) -> Result<Vec<T>, OutOfMemory> {
    let mut list = Vec::new();
    reserve_exact(&mut list, length)?;
    list.resize(length, fill);
    Ok(list)
}

/// A list of what there is.
pub fn collect<T>(items: impl Iterator<Item = T>) -> Result<Vec<T>, OutOfMemory> {
    let mut list = Vec::new();
    for item in items {
        push(&mut list, item)?;
    }
    Ok(list)
}

/// Adds all to a set.
pub(crate) fn add_all<T: Copy + Eq + Hash>(set: &mut HashSet<T>, items: &[T]) -> Result<(), OutOfMemory> {
    set.try_reserve(items.len()).map_err(|_| wanted::<T>(set.len(), items.len()))?;
    set.extend(items);
    Ok(())
}

/// A copy of a text.
pub(crate) fn copy_str(text: &str) -> Result<String, OutOfMemory> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len()).map_err(|_| OutOfMemory(text.len()))?;
    copy.push_str(text);
    Ok(copy)
}
