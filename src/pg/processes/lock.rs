//! Locks on numbers of ours, which nothing else locks. They are of a type that the server
//! keeps for others and never uses itself; `pg_locks` calls it `userlock`. Not advisory
//! locks: those numbers are the users' own.

use super::latch;
use pgrx::pg_sys;
use std::time::{Duration, Instant};

/// Whoever waits for longer than this is told for whom.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// Between the first two tries before that; twice as long each time, up to a while.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What is locked: a number of 80 bits, in this database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object(pub [u8; 10]);

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
    /// It stays, as advisory locks do.
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

/// Takes a lock to the end of the transaction, and waits for it as `lock_timeout` lets it.
/// Before it waits for long, `tell` hears who has it.
fn wait_for(object: Object, kind: Kind, mode: Mode, tell: &mut dyn FnMut(&[i32])) {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    while acquire(object, kind, mode, false, true) == Acquired::No {
        // The server counts `lock_timeout` from when it is asked to wait.
        if timeout().is_some() || began.elapsed() >= TELL_AFTER {
            tell(&object.holders());
            acquire(object, kind, mode, false, false);
            return;
        }
        latch::wait(pause);
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

impl Object {
    fn tag(self, kind: Kind) -> pg_sys::LOCKTAG {
        let method = match kind {
            Kind::Transactions => pg_sys::DEFAULT_LOCKMETHOD,
            Kind::Sessions => pg_sys::USER_LOCKMETHOD,
        };
        let [a, b, c, d, e, f, g, h, i, j] = self.0;
        pg_sys::LOCKTAG {
            // SAFETY: a plain variable of this single-threaded process.
            locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
            locktag_field2: u32::from_le_bytes([a, b, c, d]),
            locktag_field3: u32::from_le_bytes([e, f, g, h]),
            locktag_field4: u16::from_le_bytes([i, j]),
            locktag_type: pg_sys::LockTagType::LOCKTAG_USERLOCK as u8,
            locktag_lockmethodid: method as u8,
        }
    }

    fn of_tag(tag: &pg_sys::LOCKTAG) -> Option<Self> {
        // SAFETY: a plain variable of this single-threaded process.
        let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
        let ours = u32::from(tag.locktag_type) == pg_sys::LockTagType::LOCKTAG_USERLOCK
            && tag.locktag_field1 == database;
        ours.then(|| {
            let mut number = [0; 10];
            number[..4].copy_from_slice(&tag.locktag_field2.to_le_bytes());
            number[4..8].copy_from_slice(&tag.locktag_field3.to_le_bytes());
            number[8..].copy_from_slice(&tag.locktag_field4.to_le_bytes());
            Object(number)
        })
    }

    /// Takes the lock to the end of the transaction, and waits for it. Before it waits for
    /// long, `tell` hears who has it.
    pub fn lock(self, mode: Mode, tell: &mut dyn FnMut(&[i32])) {
        wait_for(self, Kind::Transactions, mode, tell);
    }

    /// Takes the lock to the end of the transaction, if nobody has to be waited for.
    pub fn try_lock(self, mode: Mode) -> bool {
        acquire(self, Kind::Transactions, mode, false, true) != Acquired::No
    }

    fn holders(self) -> Vec<i32> {
        let mut pids: Vec<i32> =
            held_by_others().into_iter().filter(|(object, _)| *object == self).map(|(_, pid)| pid).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }
}

/// What other processes hold in this database, and which; 0 for a prepared transaction.
pub fn held_by_others() -> Vec<(Object, i32)> {
    // SAFETY: the server copies what it knows into the current context, as many entries
    // as it says, and leaves them to the caller.
    unsafe {
        let data = pg_sys::GetLockStatusData();
        let locks = std::slice::from_raw_parts((*data).locks, (*data).nelements.max(0) as usize);
        let held = locks
            .iter()
            .filter(|lock| lock.holdMask != 0 && lock.pid != pg_sys::MyProcPid)
            .filter_map(|lock| Some((Object::of_tag(&lock.locktag)?, lock.pid)))
            .collect();
        pg_sys::pfree((*data).locks.cast());
        pg_sys::pfree(data.cast());
        held
    }
}

/// How long one may wait for a lock; `None` for ever.
pub fn timeout() -> Option<Duration> {
    // SAFETY: a plain variable of this single-threaded process.
    let milliseconds = unsafe { pg_sys::LockTimeout };
    u64::try_from(milliseconds).ok().filter(|&time| time > 0).map(Duration::from_millis)
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

    /// Keeps others from it to the end of the transaction, and waits for it. Before it
    /// waits for long, `tell` hears who has it.
    pub fn keep(self, tell: &mut dyn FnMut(&[i32])) {
        wait_for(self.0, Kind::Sessions, Mode::Exclusive, tell);
        self.0.lock(Mode::Exclusive, tell);
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
