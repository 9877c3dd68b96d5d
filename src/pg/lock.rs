//! Locks on objects of ours: a pair of OIDs and a number that nothing else
//! locks. `class` is the OID of a table of ours, where the server itself uses
//! those of its catalogs. Not advisory locks: those numbers are the users' own.

use super::Oid;
use pgrx::pg_sys;

/// What is locked.
#[derive(Clone, Copy)]
pub struct Object {
    /// The OID of a table of ours.
    pub class: Oid,
    /// Any number.
    pub object: u32,
    /// Any number.
    pub number: u16,
}

/// How it is locked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Others may have it in this mode, too.
    Shared,
    /// Nobody else has it.
    Exclusive,
}

impl Mode {
    fn of_server(self) -> pg_sys::LOCKMODE {
        (match self {
            Mode::Shared => pg_sys::RowExclusiveLock,
            Mode::Exclusive => pg_sys::ExclusiveLock,
        }) as pg_sys::LOCKMODE
    }
}

impl Object {
    fn tag(self) -> pg_sys::LOCKTAG {
        pg_sys::LOCKTAG {
            // SAFETY: a plain variable of this single-threaded process.
            locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
            locktag_field2: self.class.to_u32(),
            locktag_field3: self.object,
            locktag_field4: self.number,
            locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
            locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
        }
    }

    fn acquire(self, mode: Mode, session: bool, dont_wait: bool) -> bool {
        let tag = self.tag();
        // SAFETY: a complete tag; waits and raises as any lock request does.
        let result = unsafe { pg_sys::LockAcquire(&raw const tag, mode.of_server(), session, dont_wait) };
        result != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
    }

    /// Takes the lock to the end of the transaction, and waits for it.
    pub fn lock(self, mode: Mode) {
        self.acquire(mode, false, false);
    }

    /// The same, if nobody has to be waited for.
    pub fn try_lock(self, mode: Mode) -> bool {
        self.acquire(mode, false, true)
    }

    /// Takes the lock, exclusively, for longer than a transaction, if nobody has
    /// to be waited for. The end of the process gives it back, too.
    pub fn try_hold(self) -> Option<Held> {
        self.acquire(Mode::Exclusive, true, true).then_some(Held(self))
    }
}

/// A lock that goes when this value does.
pub struct Held(Object);

impl Drop for Held {
    fn drop(&mut self) {
        let tag = self.0.tag();
        // SAFETY: it is held by this session, once for each value of this type.
        unsafe { pg_sys::LockRelease(&raw const tag, Mode::Exclusive.of_server(), true) };
    }
}
