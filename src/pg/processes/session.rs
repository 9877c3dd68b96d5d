//! As whom a worker connects: as the session that starts it, whose user, libraries, settings and
//! role it takes over; as a role that logs in; as the superuser; or to no database.

use crate::pg::Oid;
use crate::pg::executor::snapshot::{Snapshot, select_bigint};
use crate::pg::executor::transaction;
use crate::pg::memory::shared::{Segment, Shareable, SharedMemory};
use crate::pg::strings::text;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::CStr;

/// What a worker takes over of the session that starts it.
#[derive(Clone)]
pub struct Session {
    database: Oid,
    session_user: Oid,
    current_user: Oid,
    /// What the server made of the names of its libraries and of its settings;
    /// whole words, for their alignment.
    libraries: Vec<u64>,
    settings: Vec<u64>,
}

impl Session {
    /// This one.
    pub fn own() -> Self {
        // SAFETY: read plain variables; the settings are written into as many
        // bytes as the server asked for.
        unsafe {
            let room = |size: usize| vec![0u64; size.div_ceil(size_of::<u64>())];
            let size = pg_sys::EstimateLibraryStateSpace();
            let mut libraries = room(size);
            pg_sys::SerializeLibraryState(size, libraries.as_mut_ptr().cast());
            let size = pg_sys::EstimateGUCStateSpace();
            let mut settings = room(size);
            pg_sys::SerializeGUCState(size, settings.as_mut_ptr().cast());
            Session {
                database: pg_sys::MyDatabaseId,
                session_user: pg_sys::GetSessionUserId(),
                current_user: pg_sys::GetUserId(),
                libraries,
                settings,
            }
        }
    }

    /// Shared memory that tells of this session, with so many entries and those bytes, one
    /// piece behind the other; `fill` gets all else of it, and that is zero.
    pub fn share<'b, Open: Shareable, Guarded: Shareable, Entry: Shareable>(
        &self,
        entries: usize,
        bytes: impl Iterator<Item = &'b [u8]> + Clone,
        fill: impl FnOnce(&mut Open, &mut Guarded, &mut [Entry]),
    ) -> SharedMemory<Open, Guarded, Entry> {
        let oids = [self.database, self.session_user, self.current_user].map(|oid| u64::from(oid.to_u32()));
        let length = [self.libraries.len() as u64];
        let told = oids.into_iter().chain(length).chain(self.libraries.iter().chain(&self.settings).copied());
        SharedMemory::new(&told.collect::<Vec<u64>>(), entries, bytes, fill)
    }

    /// The session that shared memory tells of; `None` where another version of the
    /// library has made it.
    pub fn of(segment: &Segment) -> Option<Self> {
        let words = segment.told()?;
        let oid = |index: usize| Oid::from(words[index] as u32);
        let (libraries, settings) = words[4..].split_at(words[3] as usize);
        Some(Session {
            database: oid(0),
            session_user: oid(1),
            current_user: oid(2),
            libraries: libraries.to_vec(),
            settings: settings.to_vec(),
        })
    }

    /// Whether a worker can be this session's user: a role that may not log in
    /// cannot be anybody's before 17.
    pub fn can_be_taken_over(&self) -> bool {
        cfg!(not(any(feature = "pg15", feature = "pg16"))) || super::user::may_log_in(self.session_user)
    }

    /// Connects a worker to the database as the session's user, gives it the
    /// session's libraries and settings, and then its current role. Never more rights than
    /// those of the session's user: no RESET ROLE leads any further.
    pub fn take_over(mut self) {
        assert!(MAY_CONNECT.take(), "a worker connects once");
        // SAFETY: once in a worker's life, before any transaction; the settings are what
        // the server wrote, in a session, and only this file has had them since. They are put in force within a transaction:
        // some look into catalogs. Libraries first: they know settings of their own.
        unsafe {
            pg_sys::BackgroundWorkerInitializeConnectionByOid(
                self.database,
                self.session_user,
                CONNECT_FLAGS,
            );
            pg_sys::StartTransactionCommand();
            pg_sys::RestoreLibraryState(self.libraries.as_mut_ptr().cast());
            pg_sys::RestoreGUCState(self.settings.as_mut_ptr().cast());
            if pg_sys::GetUserId() != self.current_user {
                let name = text::c_string(&super::user::name(self.current_user));
                pg_sys::SetConfigOption(
                    c"role".as_ptr(),
                    name.as_ptr(),
                    pg_sys::GucContext::PGC_USERSET,
                    pg_sys::GucSource::PGC_S_SESSION,
                );
            }
            assert!(pg_sys::GetUserId() == self.current_user, "the worker has the session's role");
            pg_sys::CommitTransactionCommand();
        }
        transaction::permit_worker();
    }
}

/// Connects a worker to a database as a role that logs in: with its rights, its settings and those of the
/// database, and refused for the same reasons. What refuses it ends the process.
pub fn log_in(database: Oid, role: Oid) {
    connect(database, role);
    transaction::permit_worker();
}

/// Connects a worker to a database as the superuser that the cluster was made with. Settings of the
/// database, which its owner may have made, that could change what a statement of ours means or
/// keep it from running are not in force.
pub fn log_in_as_superuser(database: Oid) {
    connect(database, Oid::INVALID);
    // SAFETY: settings of the server, with values that it accepts, for this session alone. Some look into
    // catalogs, hence the transaction.
    unsafe {
        pg_sys::StartTransactionCommand();
        for (name, value) in PINNED {
            pg_sys::SetConfigOption(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
            );
        }
        pg_sys::CommitTransactionCommand();
    }
    transaction::permit_worker();
}

/// Whether a setting has its value because that was set for the role that has logged in, or for the
/// database, and not for the server as a whole. In a transaction.
pub fn is_set_for_owner_or_database(setting: &str) -> bool {
    const QUERY: &str = "SELECT 1::pg_catalog.int8 FROM pg_catalog.pg_settings AS s
        WHERE s.name OPERATOR(pg_catalog.=) $1
          AND s.source OPERATOR(pg_catalog.=) ANY (ARRAY['database', 'user', 'database user'])";
    select_bigint(Snapshot::Transaction, QUERY, &[setting.into()]).is_some()
}

/// What holds for statements that run as the superuser. Who holds a lock on tables of ours for
/// longer is waited for at a later time.
const PINNED: [(&CStr, &CStr); 5] = [
    (c"role", c"none"),
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"default_transaction_isolation", c"read committed"),
    (c"default_transaction_read_only", c"off"),
    (c"lock_timeout", c"10s"),
];

/// Connects a worker to no database: it sees what all of them share.
pub fn connect_without_database() {
    assert!(MAY_CONNECT.take(), "a worker connects once");
    // SAFETY: once in a worker's life, before any transaction.
    unsafe { pg_sys::BackgroundWorkerInitializeConnection(std::ptr::null(), std::ptr::null(), 0) }
}

fn connect(database: Oid, role: Oid) {
    assert!(MAY_CONNECT.take(), "a worker connects once");
    // SAFETY: once in a worker's life, before any transaction.
    unsafe { pg_sys::BackgroundWorkerInitializeConnectionByOid(database, role, 0) }
}

thread_local! {
    static MAY_CONNECT: Cell<bool> = const { Cell::new(false) };
}

/// This process is a worker that has just begun.
pub(in crate::pg) fn permit_connection() {
    MAY_CONNECT.set(true);
}

#[cfg(any(feature = "pg15", feature = "pg16"))]
const CONNECT_FLAGS: u32 = 0;
#[cfg(not(any(feature = "pg15", feature = "pg16")))]
const CONNECT_FLAGS: u32 = pg_sys::BGWORKER_BYPASS_ROLELOGINCHECK;
