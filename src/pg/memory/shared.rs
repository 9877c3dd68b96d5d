//! Memory that a process shares with its workers.

use crate::pg::executor::subtransaction::Contained;
use crate::pg::processes::shared_lock::SharedLock;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgTryBuilder, pg_sys};
use std::any::type_name;
use std::cell::UnsafeCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, AtomicU64};

/// Tells versions of the library apart: a session may have the old one when its workers
/// get the new one.
const VERSION: u64 = {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let (mut number, mut at) = (0u64, 0);
    while at < version.len() {
        number = number.wrapping_mul(257).wrapping_add(version[at] as u64);
        at += 1;
    }
    number
};

/// A type that processes can share.
///
/// # Safety
/// Any bits are a value of the type, none of its values points anywhere, and it is not aligned
/// to more than eight bytes.
pub unsafe trait Shareable: Sync + 'static {}

macro_rules! shareable {
    ($($type:ty),*) => {$(
        // SAFETY: a number.
        unsafe impl Shareable for $type {}
    )*};
}
shareable!(u8, u32, u64, i32, i64, AtomicI32, AtomicI64, AtomicU32, AtomicU64);

// SAFETY: as its elements.
unsafe impl<T: Shareable, const N: usize> Shareable for [T; N] {}

/// Declares a struct that processes can share, whose fields are [`Shareable`].
macro_rules! shared_struct {
    ($(#[$about:meta])* $vis:vis struct $name:ident {
        $($(#[$about_field:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$about])*
        #[repr(C)]
        $vis struct $name {
            $($(#[$about_field])* $field_vis $field: $type),*
        }

        // SAFETY: each field is shareable, which the compiler checks.
        #[allow(unsafe_code)]
        unsafe impl $crate::pg::memory::shared::Shareable for $name
        where
            $($type: $crate::pg::memory::shared::Shareable),*
        {
        }
    };
}
pub(crate) use shared_struct;

/// The very end of a segment.
#[repr(C)]
struct Foot {
    /// How many words the maker tells, right before this.
    told: u64,
    /// The version of the library that made the segment: the last word in every version.
    version: u64,
}

/// A segment of shared memory, mapped as long as this value lives, across
/// transactions. It goes with the last process that has it mapped.
///
/// Its maker tells those who attach something of its session, at the end of the segment, where
/// nobody writes any more. What lies before that is a [`SharedMemory`].
pub struct Segment {
    segment: NonNull<pg_sys::dsm_segment>,
    /// How many words are told; `None` where another version has made the segment.
    told: Option<usize>,
}

impl Segment {
    /// A new one of so many bytes, or more, all zero, and the words that it tells. Raises
    /// where there is no memory for it.
    fn new(bytes: usize, told: &[u64]) -> Self {
        // SAFETY: without the flag that allows NULL, the call raises instead.
        let segment = Segment::mapped(unsafe { pg_sys::dsm_create(Self::size(bytes, told), 0) });
        segment.expect("dsm_create raises").filled(told)
    }

    /// The same for a process that has no transaction; where there is no memory for it, what the server
    /// says of that.
    fn try_new(bytes: usize, told: &[u64]) -> Result<Self, String> {
        match create_or_refuse(Self::size(bytes, told)) {
            Ok(segment) => match Segment::mapped(segment) {
                Some(segment) => Ok(segment.filled(told)),
                None => Err("too many dynamic shared memory segments".to_string()),
            },
            Err(refusal) => Err(refusal.message),
        }
    }

    fn size(bytes: usize, told: &[u64]) -> usize {
        bytes.next_multiple_of(size_of::<u64>()) + size_of_val(told) + size_of::<Foot>()
    }

    /// One that was just made, with what it tells, and all else of it zero.
    fn filled(self, told: &[u64]) -> Self {
        let mut segment = self;
        let length = segment.length();
        // SAFETY: all of the segment, which nobody else knows yet; what is told and the foot
        // lie within it, aligned to words, because its length is a multiple of those.
        unsafe {
            segment.start().write_bytes(0, length);
            let foot = segment.foot();
            foot.write(Foot { told: told.len() as u64, version: VERSION });
            foot.cast::<u64>().sub(told.len()).copy_from_nonoverlapping(told.as_ptr(), told.len());
        }
        segment.told = Some(told.len());
        segment
    }

    /// The one of that handle, which a session of ours has made; `None` where it has gone.
    pub(in crate::pg) fn attach(handle: u32) -> Option<Self> {
        // SAFETY: any handle may be asked for.
        Segment::mapped(unsafe { pg_sys::dsm_attach(handle) })
    }

    fn mapped(segment: *mut pg_sys::dsm_segment) -> Option<Self> {
        let segment = NonNull::new(segment)?;
        // SAFETY: just mapped. Without this the end of the transaction would unmap it.
        unsafe { pg_sys::dsm_pin_mapping(segment.as_ptr()) };
        let mut segment = Segment { segment, told: None };
        if segment.length() >= size_of::<Foot>() {
            // SAFETY: within the segment, and aligned; any bits make a foot.
            let foot = unsafe { segment.foot().read() };
            let most = (segment.length() - size_of::<Foot>()) / size_of::<u64>();
            let told = usize::try_from(foot.told).ok().filter(|&told| told <= most);
            segment.told = told.filter(|_| foot.version == VERSION);
        }
        Some(segment)
    }

    /// What its maker has told; `None` where another version has made it.
    pub(in crate::pg) fn told(&self) -> Option<Vec<u64>> {
        let told = self.told?;
        // SAFETY: `told` words lie before the foot, and nobody writes there any more.
        Some(unsafe { slice::from_raw_parts(self.foot().cast::<u64>().sub(told), told) }.to_vec())
    }

    /// What [`Segment::attach`] finds it by.
    pub fn handle(&self) -> u32 {
        // SAFETY: mapped as long as `self`.
        unsafe { pg_sys::dsm_segment_handle(self.segment.as_ptr()) }
    }

    /// Where it begins: at a page.
    fn start(&self) -> *mut u8 {
        // SAFETY: mapped as long as `self`.
        unsafe { pg_sys::dsm_segment_address(self.segment.as_ptr()).cast() }
    }

    /// Bytes of it, whole words.
    fn length(&self) -> usize {
        // SAFETY: mapped as long as `self`.
        let length = unsafe { pg_sys::dsm_segment_map_length(self.segment.as_ptr()) };
        length / size_of::<u64>() * size_of::<u64>()
    }

    /// Where its foot is, if it is long enough for one.
    fn foot(&self) -> *mut Foot {
        self.start().wrapping_add(self.length() - size_of::<Foot>()).cast()
    }

    /// Bytes before what is told; `None` where another version has made the segment.
    fn room(&self) -> Option<usize> {
        Some(self.length() - size_of::<Foot>() - self.told? * size_of::<u64>())
    }
}

/// Makes a segment of that size in a process that has no transaction; NULL where the server has no entry
/// left for one. What is raised where there is no memory leaves nothing behind.
fn create_or_refuse(size: usize) -> Result<*mut pg_sys::dsm_segment, Contained> {
    // SAFETY: no transaction is open, so that what the call acquires goes to the owner that is made for it,
    // and to nobody else. What was made is kept past that; after an error the owner gives back what it has.
    unsafe {
        let before = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        let owner = pg_sys::ResourceOwnerCreate(ptr::null_mut(), c"loader segment".as_ptr());
        pg_sys::CurrentResourceOwner = owner;
        let created =
            PgTryBuilder::new(|| Ok(pg_sys::dsm_create(size, pg_sys::DSM_CREATE_NULL_IF_MAXSEGMENTS as i32)))
                .catch_others(|error| {
                    let report = match &error {
                        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
                        CaughtError::RustPanic { .. } => error.rethrow(),
                    };
                    Err(Contained::of(report))
                })
                .execute();
        pg_sys::MemoryContextSwitchTo(before.0);
        match created {
            Ok(segment) if !segment.is_null() => pg_sys::dsm_pin_mapping(segment),
            Ok(_) => {}
            Err(_) => pg_sys::LWLockReleaseAll(),
        }
        pg_sys::CurrentResourceOwner = before.1;
        for phase in [
            pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_BEFORE_LOCKS,
            pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_LOCKS,
            pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_AFTER_LOCKS,
        ] {
            pg_sys::ResourceOwnerRelease(owner, phase, false, true);
        }
        pg_sys::ResourceOwnerDelete(owner);
        created
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: mapped by `mapped`; nothing points into it any more.
        unsafe { pg_sys::dsm_detach(self.segment.as_ptr()) }
    }
}

/// What lies at the start of the segment: the fixed part. The entries come behind it, then the
/// bytes.
#[repr(C)]
struct Fixed<Open, Guarded> {
    /// Tells the types apart.
    types: u64,
    entries: u64,
    bytes: u64,
    lock: SharedLock,
    open: Open,
    guarded: UnsafeCell<Guarded>,
}

/// Shared memory with a fixed part, entries of one kind, and bytes.
///
/// Of the fixed part, `Open` is there for everybody at any time, and so are the entries: what
/// changes in them is atomic. `Guarded` is plain, and there for who has the lock. The bytes do not
/// change.
pub struct SharedMemory<Open, Guarded, Entry> {
    segment: Segment,
    entries: usize,
    bytes: usize,
    types: PhantomData<(Open, Guarded, Entry)>,
}

impl<Open: Shareable, Guarded: Shareable, Entry: Shareable> SharedMemory<Open, Guarded, Entry> {
    /// A number of the types, by their names and sizes: who attaches memory with other types than
    /// its maker's gets none.
    fn types() -> u64 {
        let mut hasher = DefaultHasher::new();
        type_name::<(Open, Guarded, Entry)>().hash(&mut hasher);
        [size_of::<Open>(), size_of::<Guarded>(), size_of::<Entry>()].hash(&mut hasher);
        hasher.finish()
    }

    /// Where the entries begin: they are aligned to eight bytes.
    const ENTRIES_AT: usize = {
        assert!(align_of::<Fixed<Open, Guarded>>() <= 8 && align_of::<Entry>() <= 8);
        size_of::<Fixed<Open, Guarded>>().next_multiple_of(8)
    };

    /// Where the bytes begin behind so many entries; `None` where memory has no room for those.
    fn bytes_at(entries: usize) -> Option<usize> {
        size_of::<Entry>().checked_mul(entries)?.checked_add(Self::ENTRIES_AT)
    }

    /// New memory with so many entries and those bytes, one piece behind the other, for processes that are told these words
    /// (of a session, by [`crate::pg::processes::session::Session`]; otherwise none).
    /// All of it is zero before `fill` gets it. Raises where there is no memory for it.
    pub fn new<'b>(
        told: &[u64],
        entries: usize,
        bytes: impl Iterator<Item = &'b [u8]> + Clone,
        fill: impl FnOnce(&mut Open, &mut Guarded, &mut [Entry]),
    ) -> Self {
        let segment = Segment::new(Self::length(entries, bytes.clone()), told);
        Self::within(segment, entries, bytes, fill)
    }

    /// The same for a process that has no transaction, and is told of no session; where there is no memory
    /// for it, what the server says of that.
    pub fn try_new<'b>(
        entries: usize,
        bytes: impl Iterator<Item = &'b [u8]> + Clone,
    ) -> Result<Self, String> {
        let segment = Segment::try_new(Self::length(entries, bytes.clone()), &[])?;
        Ok(Self::within(segment, entries, bytes, |_, _, _| ()))
    }

    /// Bytes of all of it.
    fn length<'b>(entries: usize, bytes: impl Iterator<Item = &'b [u8]>) -> usize {
        // What does not fit is as large as can be asked for, and refused.
        Self::bytes_at(entries).unwrap_or(usize::MAX / 4) + bytes.map(<[u8]>::len).sum::<usize>()
    }

    fn within<'b>(
        segment: Segment,
        entries: usize,
        bytes: impl Iterator<Item = &'b [u8]> + Clone,
        fill: impl FnOnce(&mut Open, &mut Guarded, &mut [Entry]),
    ) -> Self {
        let at = Self::bytes_at(entries).expect("there is a segment");
        let length = bytes.clone().map(<[u8]>::len).sum();
        let memory = SharedMemory { segment, entries, bytes: length, types: PhantomData };
        let fixed = memory.fixed();
        // SAFETY: the segment has room for all of it, is all zero, which are values of the types,
        // and nobody else knows it yet.
        unsafe {
            (*fixed).types = Self::types();
            (*fixed).entries = entries as u64;
            (*fixed).bytes = length as u64;
            SharedLock::initialize(&raw mut (*fixed).lock);
            let mut room = slice::from_raw_parts_mut(memory.segment.start().add(at), length);
            for piece in bytes {
                let (to, rest) = room.split_at_mut(piece.len());
                to.copy_from_slice(piece);
                room = rest;
            }
            let entries = slice::from_raw_parts_mut(memory.entries_at(), entries);
            fill(&mut (*fixed).open, (*fixed).guarded.get_mut(), entries);
        }
        memory
    }

    /// The memory that another process made in a segment; `None` where that was another version
    /// of the library, or the memory has other types.
    pub fn of(segment: Segment) -> Option<Self> {
        let room = segment.room().filter(|&room| room >= Self::ENTRIES_AT)?;
        let mut memory = SharedMemory { segment, entries: 0, bytes: 0, types: PhantomData };
        // SAFETY: the segment has the fixed part, whose numbers were written by its maker.
        let (types, entries, bytes) = unsafe {
            let fixed = memory.fixed();
            ((*fixed).types, (*fixed).entries, (*fixed).bytes)
        };
        let (entries, bytes) = (usize::try_from(entries).ok()?, usize::try_from(bytes).ok()?);
        let end = Self::bytes_at(entries)?.checked_add(bytes)?;
        if types != Self::types() || end > room {
            return None;
        }
        (memory.entries, memory.bytes) = (entries, bytes);
        // SAFETY: the maker has initialized the lock.
        unsafe { (*memory.fixed()).lock.attach() };
        Some(memory)
    }

    /// The segment that the memory is in.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    fn fixed(&self) -> *mut Fixed<Open, Guarded> {
        self.segment.start().cast()
    }

    fn entries_at(&self) -> *mut Entry {
        self.segment.start().wrapping_add(Self::ENTRIES_AT).cast()
    }

    /// What everybody may look at, at any time.
    pub fn open(&self) -> &Open {
        // SAFETY: mapped as long as `self`; changed by atomic operations only since it was made.
        unsafe { &(*self.fixed()).open }
    }

    /// The entries: they are as the open part.
    pub fn entries(&self) -> &[Entry] {
        // SAFETY: mapped as long as `self`, so many of them; changed by atomic operations only
        // since they were made.
        unsafe { slice::from_raw_parts(self.entries_at(), self.entries) }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        let at = Self::bytes_at(self.entries).expect("computed before");
        // SAFETY: mapped as long as `self`, so many of them, and never changed since.
        unsafe { slice::from_raw_parts(self.segment.start().add(at), self.bytes) }
    }

    /// Runs `body` with the guarded part while nobody else does. To ask for it again in there is a
    /// mistake of ours, and panics.
    pub fn locked<R>(&self, body: impl FnOnce(&mut Guarded) -> R) -> R {
        // SAFETY: mapped as long as `self`.
        let fixed = unsafe { &*self.fixed() };
        // SAFETY: whoever has the lock has the guarded part alone.
        fixed.lock.hold(|| body(unsafe { &mut *fixed.guarded.get() }))
    }
}
