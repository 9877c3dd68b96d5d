//! Is a file to be loaded, and from where on? One answer for both calls: by what the
//! history has of its content and of its path.

use super::options::IfLoaded;
use crate::catalog::{Catalog, Earlier, Position};
use crate::error::Error;
use std::cmp::Reverse;

/// What is to be done with a file.
pub enum Decision {
    /// Nothing is done with it: its content was loaded by the load of that number.
    Skip(i64),
    /// Nothing is done with it, although it has changed since the load of that number began.
    Changed(i64),
    /// It is not loaded, and that is an error: the load of that number had its content, or, if
    /// it has `changed`, loaded it when it had another content.
    Refused { load_id: i64, changed: bool },
    /// It is loaded, from that place on.
    Load(StartPoint),
}

/// Where a load begins.
#[derive(Clone, Debug, Default)]
pub struct StartPoint {
    /// The number of the load that goes on; `None` for a new one.
    pub resumes: Option<i64>,
    pub position: Position,
    /// A reject of an earlier load, by its offset, that is read again.
    pub resolves: Option<(i64, u64)>,
    /// The number of the load that this one goes on from.
    pub goes_on_from: Option<i64>,
    /// Whether the first record is passed over, because a retry of its reject has loaded it
    /// already.
    pub passes_first: bool,
    /// The numbers of loads that are undone before this one begins.
    pub replaces: Vec<i64>,
}

/// A file whose first bytes can be hashed.
pub trait Fronts {
    /// The size of the file in bytes.
    fn size(&self) -> u64;

    /// The hash of the first `length` bytes; `None` if the file is shorter.
    fn hash_of_front(&mut self, length: u64) -> Result<Option<[u8; 32]>, Error>;
}

/// Decides what is done with a file whose content has this hash, by the earlier loads that had
/// the same content or the same path.
pub fn decide(
    catalog: &Catalog,
    if_loaded: IfLoaded,
    file: &mut impl Fronts,
    hash: &[u8; 32],
    earlier: &[Earlier],
) -> Result<Decision, Error> {
    let same = |load: &Earlier| load.hash.as_deref() == Some(hash.as_slice());
    let loads = || earlier.iter().filter(|load| !load.is_vain());
    // A rotated log goes on under another name for a moment.
    let is_of_file = |load: &Earlier| load.same_path || load.is_kin;
    // What was begun comes to its end first, even one that began by force.
    let parts = || loads().filter(|load| !load.status.is_whole());
    for load in parts() {
        if same(load) || (is_of_file(load) && has_grown(file, load)?) {
            return Ok(Decision::Load(StartPoint::resuming(load)));
        }
    }
    if if_loaded == IfLoaded::Force {
        return Ok(Decision::Load(StartPoint::default()));
    }
    if let Some(whole) = loads().find(|load| load.status.is_whole() && same(load)) {
        return Ok(loaded(whole.id, if_loaded));
    }
    let mut changed = parts().find(|load| load.has_rows());
    let mut of_file: Vec<&Earlier> = loads().filter(|load| is_of_file(load)).collect();
    if if_loaded == IfLoaded::Add {
        // It is behind the one that had most of it: a file that is written anew is seen empty, or with
        // its first lines only, for a moment.
        of_file.sort_by_key(|load| Reverse(load.size));
    }
    for load in of_file {
        // What is loaded in addition is behind none of the others.
        if changed.is_some() && if_loaded != IfLoaded::Add {
            break;
        }
        if load.status.is_whole() && has_grown(file, load)? {
            return Ok(Decision::Load(StartPoint::behind(load, catalog)?));
        }
        // A load that brought no row keeps no other content out: it was an error page, say,
        // under the name of what was delivered later.
        changed = changed.or(Some(load).filter(|load| load.same_path && load.has_rows()));
    }
    let Some(changed) = changed else { return Ok(Decision::Load(StartPoint::default())) };
    Ok(match if_loaded {
        IfLoaded::Skip => Decision::Changed(changed.id),
        IfLoaded::Error => Decision::Refused { load_id: changed.id, changed: true },
        IfLoaded::Add => Decision::Load(StartPoint::default()),
        IfLoaded::Force | IfLoaded::Replace => {
            let mut replaces: Vec<i64> = loads().filter(|load| load.same_path).map(|load| load.id).collect();
            replaces.reverse();
            Decision::Load(StartPoint { replaces, ..StartPoint::default() })
        }
    })
}

/// What is done with a file whose content was loaded by the load of that number.
pub fn loaded(load_id: i64, if_loaded: IfLoaded) -> Decision {
    match if_loaded {
        IfLoaded::Error => Decision::Refused { load_id, changed: false },
        _ => Decision::Skip(load_id),
    }
}

/// Whether the file still begins with everything that it consisted of at an earlier load.
fn has_grown(file: &mut impl Fronts, since: &Earlier) -> Result<bool, Error> {
    let Some(size) = since.size.filter(|&size| size < file.size()) else {
        return Ok(false);
    };
    let front = file.hash_of_front(size)?;
    Ok(front.is_some_and(|front| since.hash.as_deref() == Some(front.as_slice())))
}

impl StartPoint {
    /// The number of the load without whose rows this one is not all of the file: one that goes on from
    /// what had nothing loads all of it.
    pub fn needs(&self) -> Option<i64> {
        self.goes_on_from.filter(|_| self.position.offset > 0 || self.passes_first)
    }

    /// Where a load was stopped.
    fn resuming(load: &Earlier) -> Self {
        StartPoint { resumes: Some(load.id), position: load.reached, ..StartPoint::default() }
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
        Ok(StartPoint {
            position,
            resolves,
            passes_first,
            goes_on_from: Some(load.id),
            ..StartPoint::default()
        })
    }
}
