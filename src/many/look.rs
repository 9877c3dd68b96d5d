//! Is a file to be loaded, and from where on? Its content is compared with that
//! of earlier loads, under locks that keep others from deciding the same.

use super::common::Common;
use crate::access;
use crate::catalog::{Catalog, Earlier, Position, Status};
use crate::error::Error;
use crate::load::{FileSource, IfLoaded};
use crate::pg;
use crate::pg::lock::Held;
use crate::pg::text;

/// What is to be done with a file.
pub enum Look {
    /// Somebody else is at its content or its path, by this hash: look again later.
    Busy([u8; 32]),
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
    path: Held,
    content: Held,
}

impl Claims {
    /// Nothing is to be loaded: others may look at once.
    fn let_go(self) {
        self.path.let_go();
        self.content.let_go();
    }
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

/// Looks at a file.
pub fn look(catalog: &Catalog, common: &Common<'_>, path: &[u8]) -> Result<Look, Error> {
    let shown = text::show(path);
    if !text::is_valid(path) {
        return Err(Error::PathEncoding(shown));
    }
    let path_hash = *blake3::hash(path).as_bytes();
    let claim = |hash: &[u8; 32]| catalog.try_claim(common.target.oid, hash);
    let Some(path_claim) = claim(&path_hash) else { return Ok(Look::Busy(path_hash)) };
    let mut source = FileSource::new(access::open(path)?);
    let size = source.opened().size();
    let Some(hash) = source.hash_of_front(size)? else { return Err(Error::Changed(shown)) };
    let Some(content_claim) = claim(&hash) else {
        path_claim.let_go();
        return Ok(Look::Busy(hash));
    };
    let claims = Claims { path: path_claim, content: content_claim };
    if !catalog.try_share_turn(common.target.oid, size) {
        claims.let_go();
        return Ok(Look::Busy(hash));
    }
    let content = common.content(size);
    let earlier = catalog.earlier(&content, Some(&hash), Some(path));
    let mut seen = Seen { catalog, common, source: &mut source, hash: &hash, earlier: &earlier };
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
                let row = common.row(0, path, size, pg::now(), begin.position.offset);
                begin.resumes = catalog.same_attempt(&row, &there);
                vain.retain(|load| begin.resumes != Some(load.id));
                forget(&vain)?;
            }
            return Ok(Look::Load(Box::new(Found { source, hash, claims, begin })));
        }
    };
    claims.let_go();
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
    source: &'a mut FileSource,
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
            if same(load) || (load.same_path && has_grown(self.source, load)?) {
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
        if last.status == Status::Loaded && has_grown(self.source, last)? {
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
fn has_grown(source: &mut FileSource, since: &Earlier) -> Result<bool, Error> {
    let Some(size) = since.size.filter(|&size| size < source.opened().size()) else {
        return Ok(false);
    };
    let front = source.hash_of_front(size)?;
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
