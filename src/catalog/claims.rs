//! What keeps others from loading the same meanwhile: claims on a content or a path,
//! held over transactions, and turns, taken to the end of one. They are locks on pairs
//! that nobody else locks: not advisory ones, whose numbers are the users' own.

use super::{Catalog, Past};
use crate::pg::Oid;
use crate::pg::lock::{Claim, Held, Mode, Object};

impl Catalog {
    /// Lets loads of files of one size into one table take turns, to the end
    /// of the transaction.
    pub fn take_turn(&self, target: Oid, file_size: u64) {
        self.turn(target, file_size).lock(Mode::Exclusive);
    }

    /// Lets a load of `load_json_file` of a file of that size finish first;
    /// `false` where one is under way. Several of `load_json_files` are not in
    /// each other's way: they claim contents.
    pub fn try_share_turn(&self, target: Oid, file_size: u64) -> bool {
        self.turn(target, file_size).try_lock(Mode::Shared)
    }

    fn turn(&self, target: Oid, file_size: u64) -> Object {
        let hash = file_size.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        Object { class: self.history, object: target.to_u32(), number: hash as u16 }
    }

    /// What a load of something into the target locks while it is under way, over
    /// transactions: a hash of the content, or of the path.
    fn claim(&self, target: Oid, hash: &[u8; 32]) -> Claim {
        let part = |at: usize| u32::from_le_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
        let object = part(0) ^ target.to_u32();
        Claim(Object { class: self.rejects, object, number: part(4) as u16 })
    }

    /// Claims a content or a path for this session; `None` where another has it. The
    /// transaction has it too: functions of users can give back what sessions hold.
    pub fn try_claim(&self, target: Oid, hash: &[u8; 32]) -> Option<Held> {
        self.claim(target, hash).try_hold()
    }

    /// The transaction has what this session has claimed in an earlier one; `false` where
    /// somebody else has it.
    pub fn try_guard_claim(&self, target: Oid, hash: &[u8; 32]) -> bool {
        self.claim(target, hash).try_guard()
    }

    /// Waits until nobody has claimed it; to the end of the transaction nobody else
    /// will.
    pub fn keep_unclaimed(&self, target: Oid, hash: &[u8; 32]) {
        self.claim(target, hash).keep();
    }

    /// Keeps others from claiming it to the end of the transaction; `false` where one
    /// has.
    pub fn try_keep_unclaimed(&self, target: Oid, hash: &[u8; 32]) -> bool {
        self.claim(target, hash).try_keep()
    }

    /// Keeps others from claiming path and content of a load, as those that load it do,
    /// to the end of the transaction; `false` where another session is at work on it.
    pub fn keep_past_unclaimed(&self, past: &Past) -> bool {
        let hash = past.content_hash.as_deref().and_then(|hash| hash.try_into().ok());
        let Some(target) = past.target else { return true };
        let path = blake3::hash(&past.file_path);
        self.try_keep_unclaimed(target, path.as_bytes())
            && hash.is_none_or(|hash| self.try_keep_unclaimed(target, hash))
    }
}
