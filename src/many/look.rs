//! Is a file to be loaded, and from where on? Its content is compared with that
//! of earlier loads, under locks that keep others from deciding the same.

use super::job::Common;
use crate::access;
use crate::catalog::{Catalog, Content, Earlier, Position, Status};
use crate::error::Error;
use crate::load::{FileSource, IfLoaded};
use crate::pg::lock::Held;
use crate::pg::text;

/// What is to be done with a file.
pub enum Look {
    /// Somebody else is at this content: look again later.
    Busy([u8; 32]),
    /// Nothing: that load had its content.
    Skip(i64),
    /// Nothing, though it is not what it was when that load began.
    Changed(i64),
    /// It is to be loaded.
    Load(Box<Found>),
}

/// A file that is to be loaded.
pub struct Found {
    pub source: FileSource,
    pub hash: [u8; 32],
    pub claim: Held,
    pub begin: Begin,
}

/// Where a load begins.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// The load that goes on.
    pub resumes: Option<i64>,
    pub position: Position,
    /// A reject of an earlier load, by its offset, that is read again.
    pub resolves: Option<(i64, u64)>,
    /// Loads that are undone first.
    pub replaces: Vec<i64>,
}

/// Looks at a file. What it locks is locked until the transaction ends, but for
/// the claim.
pub fn look(catalog: &Catalog, common: &Common<'_>, path: &[u8]) -> Result<Look, Error> {
    let shown = text::show(path);
    if !text::is_valid(path) {
        return Err(Error::PathEncoding(shown));
    }
    let mut source = FileSource::new(access::open(path)?);
    let size = source.opened().size();
    let Some(hash) = source.hash_of_front(size)? else { return Err(Error::Changed(shown)) };
    let Some(claim) = catalog.try_claim(common.target.oid, &hash) else { return Ok(Look::Busy(hash)) };
    if !catalog.try_share_turn(common.target.oid, size) {
        return Ok(Look::Busy(hash));
    }
    let content = Content {
        target: common.target.oid,
        target_name: common.target_name,
        column: &common.target.column,
        file_size: size,
        records_path: common.options.records_path(),
    };
    let earlier = catalog.earlier(&content, Some(&hash), Some(path));
    let mut seen =
        Seen { catalog, common, source: &mut source, hash: &hash, shown: &shown, earlier: &earlier };
    let vain = seen.vain_attempts();
    Ok(match seen.decide()? {
        Decision::Skip(id) => {
            catalog.forget(&vain)?;
            Look::Skip(id)
        }
        Decision::Changed(id) => Look::Changed(id),
        // A failed attempt has a row already.
        Decision::Load(begin) if begin.resumes.is_none() && begin.position.offset == 0 => {
            let begin = Begin { resumes: vain.first().copied(), ..begin };
            Look::Load(Box::new(Found { source, hash, claim, begin }))
        }
        Decision::Load(begin) => Look::Load(Box::new(Found { source, hash, claim, begin })),
    })
}

enum Decision {
    Skip(i64),
    Changed(i64),
    Load(Begin),
}

struct Seen<'a> {
    catalog: &'a Catalog,
    common: &'a Common<'a>,
    source: &'a mut FileSource,
    hash: &'a [u8; 32],
    shown: &'a str,
    earlier: &'a [Earlier],
}

impl Seen<'_> {
    fn decide(&mut self) -> Result<Decision, Error> {
        let if_loaded = self.common.options.if_loaded;
        let same = |earlier: &Earlier| earlier.hash.as_deref() == Some(self.hash.as_slice());
        if if_loaded == IfLoaded::Force {
            return Ok(Decision::Load(Begin::default()));
        }
        let whole = self.earlier.iter().find(|earlier| earlier.status == Status::Loaded && same(earlier));
        if let Some(whole) = whole {
            if if_loaded == IfLoaded::Error {
                return Err(Error::AlreadyLoaded {
                    path: self.shown.to_string(),
                    table: self.common.target.shown.clone(),
                    load_id: whole.id,
                });
            }
            return Ok(Decision::Skip(whole.id));
        }
        let part = self.earlier.iter().find(|load| load.status != Status::Loaded && !load.is_vain());
        if let Some(part) = part {
            if same(part) || (part.same_path && self.has_grown_since(part)?) {
                let position = Position {
                    offset: part.position,
                    records: part.records,
                    lines: part.lines,
                    overread: part.overread,
                    rejects: part.rejects,
                    rows: part.rows,
                };
                return Ok(Decision::Load(Begin { resumes: Some(part.id), position, ..Begin::default() }));
            }
            return self.changed(part);
        }
        let Some(last) = self.earlier.iter().find(|earlier| earlier.same_path) else {
            return Ok(Decision::Load(Begin::default()));
        };
        if self.has_grown_since(last)? {
            let open_end = self.catalog.open_end(last.id, last.position);
            let position = Position { offset: open_end.unwrap_or(last.position), ..Position::default() };
            let resolves = open_end.map(|offset| (last.id, offset));
            return Ok(Decision::Load(Begin { position, resolves, ..Begin::default() }));
        }
        self.changed(last)
    }

    /// Loads of the file that failed before they brought anything.
    fn vain_attempts(&self) -> Vec<i64> {
        let vain = self.earlier.iter().filter(|load| load.same_path && load.is_vain());
        vain.map(|load| load.id).collect()
    }

    /// Whether the file begins with all that it was.
    fn has_grown_since(&mut self, earlier: &Earlier) -> Result<bool, Error> {
        let Some(size) = earlier.size.filter(|&size| size < self.source.opened().size()) else {
            return Ok(false);
        };
        let front = self.source.hash_of_front(size)?;
        Ok(front.is_some_and(|front| earlier.hash.as_deref() == Some(front.as_slice())))
    }

    fn changed(&self, earlier: &Earlier) -> Result<Decision, Error> {
        match self.common.options.if_loaded {
            IfLoaded::Skip => Ok(Decision::Changed(earlier.id)),
            IfLoaded::Error => Err(Error::ChangedSince { path: self.shown.to_string(), load_id: earlier.id }),
            IfLoaded::Force => Ok(Decision::Load(Begin::default())),
            IfLoaded::Replace => {
                let mut replaces: Vec<i64> =
                    self.earlier.iter().filter(|load| load.same_path).map(|load| load.id).collect();
                replaces.reverse();
                Ok(Decision::Load(Begin { replaces, ..Begin::default() }))
            }
        }
    }
}
