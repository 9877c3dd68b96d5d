//! Is a file to be loaded, and from where on? Its content is compared with that
//! of earlier loads, under locks that keep others from deciding the same.

use super::common::Common;
use crate::access;
use crate::catalog::{Catalog, Earlier, Position, Status};
use crate::error::Error;
use crate::load::{FileSource, IfLoaded};
use crate::pg::lock::Held;
use crate::pg::{self, Oid, text};

/// What is in the way of a file.
#[derive(Clone, Copy)]
pub enum Obstacle {
    /// Somebody else is at its content or its path, by this hash.
    Claim([u8; 32]),
    /// A `load_json_file` of a file of this size is under way.
    Turn(u64),
}

impl Obstacle {
    /// Whether it has gone.
    pub fn has_gone(self, catalog: &Catalog, target: Oid) -> bool {
        match self {
            Obstacle::Claim(hash) => catalog.try_claim(target, &hash).map(Held::let_go).is_some(),
            Obstacle::Turn(size) => catalog.try_share_turn(target, size),
        }
    }
}

/// What is to be done with a file.
pub enum Look {
    /// Nothing now: look again later.
    Busy(Obstacle),
    /// Nothing: that load had its content.
    Skip(i64),
    /// Nothing, though it is not what it was when that load began.
    Changed(i64),
    /// Nothing, and that is an error: that load had its content, or, where it has
    /// `changed`, not the content that it has now.
    Refused { load_id: i64, changed: bool },
    /// It is to be loaded.
    Load(Box<Found>),
}

/// A file that is to be loaded.
pub struct Found {
    pub source: FileSource,
    pub hash: [u8; 32],
    pub claims: Claims,
    pub begin: Begin,
}

/// What keeps others from loading the same: its path is claimed first, so that the
/// file cannot grow in between, then its content, which others may have by another
/// name.
pub struct Claims {
    _path: Held,
    _content: Held,
}

/// Where a load begins.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// The load that goes on.
    pub resumes: Option<i64>,
    pub position: Position,
    /// A reject of an earlier load, by its offset, that is read again.
    pub resolves: Option<(i64, u64)>,
    /// The load that it builds on, which has to stay.
    pub builds_on: Option<i64>,
    /// The first record was loaded already, by a retry of its reject: it is passed
    /// over.
    pub passes_first: bool,
    /// Loads that are undone first.
    pub replaces: Vec<i64>,
}

/// A file that nobody else loads under this path meanwhile.
pub struct Opened {
    source: FileSource,
    path_hash: [u8; 32],
    claim: Held,
    /// Lengths whose hashes are asked for, that of the file among them, in order; and
    /// the hashes of those that were read.
    lengths: Vec<u64>,
    hashes: Vec<Option<[u8; 32]>>,
}

/// How far a look came.
pub enum Reached {
    /// To its end.
    Looked(Look),
    /// The file is open, and too large to be hashed in a transaction.
    Opened(Box<Opened>),
}

/// Opens a file and looks at it. What costs little is asked before it is read.
pub fn reach(
    catalog: &Catalog,
    common: &Common<'_>,
    path: &[u8],
    is_large: fn(u64) -> bool,
) -> Result<Reached, Error> {
    if !text::is_valid(path) {
        return Err(Error::PathEncoding(text::show(path)));
    }
    let target = common.target.oid;
    let path_hash = *blake3::hash(path).as_bytes();
    let Some(claim) = catalog.try_claim(target, &path_hash) else {
        return Ok(Reached::Looked(Look::Busy(Obstacle::Claim(path_hash))));
    };
    let source = FileSource::new(access::open(path)?);
    let size = source.opened().size();
    if !catalog.try_share_turn(target, size) {
        claim.let_go();
        return Ok(Reached::Looked(Look::Busy(Obstacle::Turn(size))));
    }
    let mut opened = Opened { source, path_hash, claim, lengths: vec![size], hashes: Vec::new() };
    if is_large(size) {
        opened.expect_growth(catalog, common);
        return Ok(Reached::Opened(Box::new(opened)));
    }
    look(catalog, common, opened).map(Reached::Looked)
}

impl Opened {
    /// Bytes of the file.
    fn size(&self) -> u64 {
        self.source.opened().size()
    }

    /// Has the file hashed up to where it ended when it was loaded, too: it may have
    /// grown since.
    fn expect_growth(&mut self, catalog: &Catalog, common: &Common<'_>) {
        let size = self.size();
        let earlier = catalog.earlier(&common.content(size), None, Some(&self.source.opened().path));
        self.lengths.extend(earlier.iter().filter_map(|load| load.size).filter(|&length| length < size));
        self.lengths.sort_unstable();
        self.lengths.dedup();
    }

    /// Hashes the file. Needs no transaction; calls `pause` now and then.
    pub fn hash(&mut self, pause: impl FnMut()) -> Result<(), Error> {
        self.hashes = self.source.hashes_of_fronts(&self.lengths, pause)?;
        Ok(())
    }

    /// Locks in a transaction what the one locked in which the file was opened; what is
    /// in the way, if anything is.
    pub fn lock_again(&self, catalog: &Catalog, common: &Common<'_>) -> Option<Obstacle> {
        let (target, size) = (common.target.oid, self.size());
        if !catalog.try_guard_claim(target, &self.path_hash) {
            Some(Obstacle::Claim(self.path_hash))
        } else if !catalog.try_share_turn(target, size) {
            Some(Obstacle::Turn(size))
        } else {
            None
        }
    }

    /// The hash of the first bytes, if the file has as many.
    fn hash_of_front(&mut self, length: u64) -> Result<Option<[u8; 32]>, Error> {
        match self.lengths.binary_search(&length) {
            Ok(index) if index < self.hashes.len() => Ok(self.hashes[index]),
            _ => Ok(self.source.hashes_of_fronts(&[length], || {})?[0]),
        }
    }
}

/// Looks at a file that is open.
pub fn look(catalog: &Catalog, common: &Common<'_>, mut opened: Opened) -> Result<Look, Error> {
    let target = common.target.oid;
    let size = opened.size();
    let Some(hash) = opened.hash_of_front(size)? else {
        return Err(Error::Changed(opened.source.opened().shown.clone()));
    };
    let Some(content) = catalog.try_claim(target, &hash) else {
        opened.claim.let_go();
        return Ok(Look::Busy(Obstacle::Claim(hash)));
    };
    let path = opened.source.opened().path.clone();
    let earlier = catalog.earlier(&common.content(size), Some(&hash), Some(&path));
    let mut seen = Seen { catalog, common, opened: &mut opened, hash: &hash, earlier: &earlier };
    let mut vain = seen.vain_attempts();
    let forget = |loads: &[&Earlier]| {
        let loads: Vec<i64> = loads.iter().map(|load| load.id).collect();
        catalog.mark_undone(&loads)
    };
    let look = match seen.decide()? {
        Decision::Skip(id) => {
            forget(&vain)?;
            Look::Skip(id)
        }
        Decision::Changed(id) => Look::Changed(id),
        Decision::Refused { load_id, changed } => Look::Refused { load_id, changed },
        Decision::Load(mut begin) => {
            if begin.resumes.is_none() {
                // A failed attempt has a row already, if it was the same and to begin there.
                let there = vain.iter().filter(|load| load.start_offset == begin.position.offset);
                let there: Vec<i64> = there.map(|load| load.id).collect();
                let row = common.row(0, &path, size, pg::now(), begin.position.offset);
                begin.resumes = catalog.same_attempt(&row, &there);
                vain.retain(|load| begin.resumes != Some(load.id));
                forget(&vain)?;
            }
            let claims = Claims { _path: opened.claim, _content: content };
            return Ok(Look::Load(Box::new(Found { source: opened.source, hash, claims, begin })));
        }
    };
    // Nothing is to be loaded: others may look at once.
    opened.claim.let_go();
    content.let_go();
    Ok(look)
}

enum Decision {
    Skip(i64),
    Changed(i64),
    Refused { load_id: i64, changed: bool },
    Load(Begin),
}

struct Seen<'a> {
    catalog: &'a Catalog,
    common: &'a Common<'a>,
    opened: &'a mut Opened,
    hash: &'a [u8; 32],
    earlier: &'a [Earlier],
}

impl<'a> Seen<'a> {
    fn decide(&mut self) -> Result<Decision, Error> {
        let if_loaded = self.common.options.if_loaded;
        let hash = self.hash;
        let same = |load: &Earlier| load.hash.as_deref() == Some(hash.as_slice());
        let loads = || self.earlier.iter().filter(|load| !load.is_vain());
        // What was begun comes to its end first, even one that began by force.
        let mut part = None;
        for load in loads().filter(|load| load.status != Status::Loaded) {
            if same(load) || (load.same_path && has_grown(self.opened, load)?) {
                return Ok(Decision::Load(Begin::resuming(load)));
            }
            part = part.or(Some(load));
        }
        if if_loaded == IfLoaded::Force {
            return Ok(Decision::Load(Begin::default()));
        }
        if let Some(whole) = loads().find(|load| load.status == Status::Loaded && same(load)) {
            let refuse = if_loaded == IfLoaded::Error;
            return Ok(if refuse {
                Decision::Refused { load_id: whole.id, changed: false }
            } else {
                Decision::Skip(whole.id)
            });
        }
        let Some(last) = part.or_else(|| loads().find(|load| load.same_path)) else {
            return Ok(Decision::Load(Begin::default()));
        };
        if last.status == Status::Loaded && has_grown(self.opened, last)? {
            return Ok(Decision::Load(Begin::behind(last, self.catalog)?));
        }
        Ok(match if_loaded {
            IfLoaded::Skip => Decision::Changed(last.id),
            IfLoaded::Error => Decision::Refused { load_id: last.id, changed: true },
            IfLoaded::Force | IfLoaded::Replace => {
                let mut replaces: Vec<i64> =
                    loads().filter(|load| load.same_path).map(|load| load.id).collect();
                replaces.reverse();
                Decision::Load(Begin { replaces, ..Begin::default() })
            }
        })
    }

    /// Loads of the file that failed before they brought anything.
    fn vain_attempts(&self) -> Vec<&'a Earlier> {
        self.earlier.iter().filter(|load| load.same_path && load.is_vain()).collect()
    }
}

/// Whether the file begins with all that it was.
fn has_grown(opened: &mut Opened, since: &Earlier) -> Result<bool, Error> {
    let Some(size) = since.size.filter(|&size| size < opened.size()) else {
        return Ok(false);
    };
    let front = opened.hash_of_front(size)?;
    Ok(front.is_some_and(|front| since.hash.as_deref() == Some(front.as_slice())))
}

impl Begin {
    /// Where a load was stopped.
    fn resuming(load: &Earlier) -> Self {
        Begin { resumes: Some(load.id), position: load.reached, ..Begin::default() }
    }

    /// Behind what a load has loaded, or where its last record begins, if that was
    /// bad: it may have been whole only now.
    fn behind(load: &Earlier, catalog: &Catalog) -> Result<Self, Error> {
        let offset = load.open_offset.unwrap_or(load.reached.offset);
        let resolves = load.open_offset.map(|offset| (load.id, offset));
        let passes_first = match resolves {
            Some((id, offset)) => catalog.resolved_by(id, offset as i64)?.is_some(),
            None => false,
        };
        let position = Position { offset, ..Position::default() };
        Ok(Begin { position, resolves, passes_first, builds_on: Some(load.id), ..Begin::default() })
    }
}
