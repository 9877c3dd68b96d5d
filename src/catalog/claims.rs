//! What keeps others from loading the same meanwhile: claims on a content or a path,
//! held over transactions, and turns, taken to the end of one. They are locks on numbers
//! that nobody else locks: hashes of what is meant, each kind in a range of its own, so
//! that nobody who writes a file can make one be another.

use super::{Catalog, Past, PipelineKey};
use crate::pg::Oid;
use crate::pg::processes::lock::{Claim, Held, Mode, Object};

/// What a load can claim, by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    Path([u8; 32]),
    Content([u8; 32]),
}

impl Claimed {
    /// The lock that a load of it into the target takes.
    pub fn object(&self, target: Oid) -> Object {
        match self {
            Claimed::Path(hash) => object(Kind::Path, target, hash),
            Claimed::Content(hash) => object(Kind::Content, target, hash),
        }
    }
}

/// The lock that a load of a file of that size into the target takes for its turn.
pub fn turn(target: Oid, file_size: u64) -> Object {
    object(Kind::Turn, target, &file_size.to_le_bytes())
}

/// The kinds of these locks: the two highest bits of a lock's number.
#[derive(Clone, Copy)]
enum Kind {
    Path = 0,
    Content = 1,
    Turn = 2,
    Pipeline = 3,
}

fn object(kind: Kind, target: Oid, what: &[u8]) -> Object {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[kind as u8]).update(&target.to_u32().to_le_bytes()).update(what);
    let mut number = [0; 10];
    number.copy_from_slice(&hasher.finalize().as_bytes()[..10]);
    number[9] = (number[9] >> 2) | ((kind as u8) << 6);
    Object(number)
}

/// The lock that a run of a pipeline holds.
fn of_run(pipeline: &PipelineKey) -> Object {
    let generation = pipeline.generation.to_le_bytes();
    object(Kind::Pipeline, Oid::INVALID, &[&generation[..], &pipeline.name].concat())
}

impl Catalog {
    /// Keeps others from running a pipeline; `None` where somebody does.
    pub fn try_claim_run(&self, pipeline: &PipelineKey) -> Option<Held> {
        Claim(of_run(pipeline)).try_hold()
    }

    /// Lets loads of files of one size into one table take turns, to the end
    /// of the transaction. Before it waits for long, `tell` hears for whom.
    pub fn take_turn(&self, target: Oid, file_size: u64, tell: &mut dyn FnMut(&[i32])) {
        turn(target, file_size).lock(Mode::Exclusive, tell);
    }

    /// Lets a load of `load_json_file` of a file of that size finish first;
    /// `false` where one is under way. Several of `load_json_files` are not in
    /// each other's way: they claim contents.
    pub fn try_share_turn(&self, target: Oid, file_size: u64) -> bool {
        turn(target, file_size).try_lock(Mode::Shared)
    }

    /// Claims a content or a path for this session; `None` where somebody has it, this
    /// session too. The transaction has it as well: functions of users can give back what
    /// sessions hold.
    pub fn try_claim(&self, target: Oid, what: &Claimed) -> Option<Held> {
        Claim(what.object(target)).try_hold()
    }

    /// The transaction has what this session has claimed in an earlier one; `false` where
    /// somebody else has it.
    pub fn try_guard_claim(&self, target: Oid, what: &Claimed) -> bool {
        Claim(what.object(target)).try_guard()
    }

    /// Waits until nobody has claimed it; to the end of the transaction nobody else
    /// will. Before it waits for long, `tell` hears for whom.
    pub fn keep_unclaimed(&self, target: Oid, what: &Claimed, tell: &mut dyn FnMut(&[i32])) {
        Claim(what.object(target)).keep(tell);
    }

    /// Keeps others from claiming it to the end of the transaction; `false` where one
    /// has.
    pub fn try_keep_unclaimed(&self, target: Oid, what: &Claimed) -> bool {
        Claim(what.object(target)).try_keep()
    }

    /// Keeps others from claiming path and content of a load, as those that load it do,
    /// to the end of the transaction; `false` where another session is at work on it.
    pub fn keep_past_unclaimed(&self, past: &Past) -> bool {
        let Some(target) = past.target else { return true };
        let (path, content) = past.claims();
        self.try_keep_unclaimed(target, &path)
            && content.is_none_or(|content| self.try_keep_unclaimed(target, &content))
    }
}

impl Past {
    /// What those claim who load the same: its path and, where it is known, its content.
    pub fn claims(&self) -> (Claimed, Option<Claimed>) {
        let hash = self.content_hash.as_deref().and_then(|hash| <[u8; 32]>::try_from(hash).ok());
        (Claimed::Path(*blake3::hash(&self.file_path).as_bytes()), hash.map(Claimed::Content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn top_bits(object: Object) -> u8 {
        object.0[9] >> 6
    }

    #[test]
    fn kinds_do_not_meet() {
        for seed in 0..1000u32 {
            let (hash, target) = (*blake3::hash(&seed.to_le_bytes()).as_bytes(), Oid::from(seed));
            assert_eq!(top_bits(Claimed::Path(hash).object(target)), 0);
            assert_eq!(top_bits(Claimed::Content(hash).object(target)), 1);
            assert_eq!(top_bits(turn(target, u64::from(seed))), 2);
            assert_eq!(top_bits(object(Kind::Pipeline, target, &hash)), 3);
        }
    }

    #[test]
    fn every_bit_of_what_is_meant_counts() {
        let (hash, target) = ([7; 32], Oid::from(16_384));
        let mut objects = HashSet::from([Claimed::Path(hash).object(target)]);
        for bit in 0..256 {
            let mut other = hash;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(objects.insert(Claimed::Path(other).object(target)), "bit {bit}");
        }
        for bit in 0..32 {
            assert!(objects.insert(Claimed::Path(hash).object(Oid::from(16_384 ^ (1 << bit)))), "bit {bit}");
        }
        for bit in 0..64 {
            assert!(objects.insert(turn(target, 1 << bit)), "bit {bit}");
        }
    }

    #[test]
    fn every_bit_of_the_number_is_used() {
        let mut seen = [0; 10];
        for seed in 0..1000u64 {
            let number = turn(Oid::from(1), seed).0;
            seen.iter_mut().zip(number).for_each(|(seen, byte)| *seen |= byte);
        }
        assert_eq!(seen, [255, 255, 255, 255, 255, 255, 255, 255, 255, 0b1011_1111]);
    }
}
