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

/// What becomes of a lock that is held over transactions when one is rolled back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The server takes it away, even one of a session.
    Transactions,
    /// It stays: as advisory locks do, among which its object has no place.
    Sessions,
}

/// What a request for a lock came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acquired {
    New,
    Again,
    No,
}

fn acquire(object: Object, kind: Kind, mode: Mode, session: bool, dont_wait: bool) -> Acquired {
    let tag = object.tag(kind);
    // SAFETY: a complete tag; waits and raises as any lock request does.
    match unsafe { pg_sys::LockAcquire(&raw const tag, mode.of_server(), session, dont_wait) } {
        pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL => Acquired::No,
        pg_sys::LockAcquireResult::LOCKACQUIRE_OK => Acquired::New,
        _ => Acquired::Again,
    }
}

impl Object {
    fn tag(self, kind: Kind) -> pg_sys::LOCKTAG {
        let method = match kind {
            Kind::Transactions => pg_sys::DEFAULT_LOCKMETHOD,
            Kind::Sessions => pg_sys::USER_LOCKMETHOD,
        };
        pg_sys::LOCKTAG {
            // SAFETY: a plain variable of this single-threaded process.
            locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
            locktag_field2: self.class.to_u32(),
            locktag_field3: self.object,
            locktag_field4: self.number,
            locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
            locktag_lockmethodid: method as u8,
        }
    }

    /// Takes the lock to the end of the transaction, and waits for it.
    pub fn lock(self, mode: Mode) {
        acquire(self, Kind::Transactions, mode, false, false);
    }

    /// Takes the lock to the end of the transaction, if nobody has to be waited for.
    pub fn try_lock(self, mode: Mode) -> bool {
        acquire(self, Kind::Transactions, mode, false, true) != Acquired::No
    }
}

/// What can be held over transactions, those that are rolled back too. The end of
/// the process gives it back, and so does `pg_advisory_unlock_all()`, in a trigger, say.
/// A second lock, of the transaction and of the other kind, is proof against that.
#[derive(Clone, Copy)]
pub struct Claim(pub Object);

impl Claim {
    /// Takes it, if nobody has it, not even this session. Nobody else gets it before
    /// the transaction ends, or [`Held::let_go`].
    pub fn try_hold(self) -> Option<Held> {
        match acquire(self.0, Kind::Sessions, Mode::Exclusive, true, true) {
            Acquired::New => {
                // Held first: an error on the way to the second lock gives it back.
                let held = Held(self.0);
                self.try_guard().then_some(held)
            }
            Acquired::Again => {
                // What was counted once more.
                drop(Held(self.0));
                None
            }
            Acquired::No => None,
        }
    }

    /// Makes sure that nobody else gets what this session holds, to the end of the
    /// transaction; `false` where somebody has it.
    pub fn try_guard(self) -> bool {
        self.0.try_lock(Mode::Exclusive)
    }

    /// Keeps others from it to the end of the transaction, and waits for it.
    pub fn keep(self) {
        acquire(self.0, Kind::Sessions, Mode::Exclusive, false, false);
        self.0.lock(Mode::Exclusive);
    }

    /// Keeps others from it to the end of the transaction, if nobody has to be waited for.
    pub fn try_keep(self) -> bool {
        acquire(self.0, Kind::Sessions, Mode::Exclusive, false, true) != Acquired::No && self.try_guard()
    }
}

/// A claim that goes when this value does.
pub struct Held(Object);

impl Held {
    /// Gives it back before the end of the (sub)transaction that it was taken in.
    pub fn let_go(self) {
        release(self.0, Kind::Transactions);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        release(self.0, Kind::Sessions);
    }
}

fn release(object: Object, kind: Kind) {
    let tag = object.tag(kind);
    // The server would complain of one that has gone.
    if is_held(&tag, Mode::Exclusive) {
        // SAFETY: it was taken once for each value of `Held`.
        unsafe {
            pg_sys::LockRelease(&raw const tag, Mode::Exclusive.of_server(), kind == Kind::Sessions);
        }
    }
}

fn is_held(tag: &pg_sys::LOCKTAG, mode: Mode) -> bool {
    // SAFETY: looks at the locks of this process.
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    unsafe {
        pg_sys::LockHeldByMe(tag, mode.of_server())
    }
    // SAFETY: the same.
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    unsafe {
        pg_sys::LockHeldByMe(tag, mode.of_server(), false)
    }
}
