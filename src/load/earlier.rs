//! Was this file loaded before? As `load_json_file` asks, within the caller's transaction.

use super::decide::{Decision, Fronts, StartPoint, decide, loaded};
use super::emptied::forget_if_emptied;
use super::file::FileSource;
use super::options::{IfEmptied, IfLoaded, LoadOptions};
use super::waiting::{self, Same};
use crate::catalog::{Catalog, Claimed, Content, Earlier};
use crate::error::Error;
use crate::pg;
use crate::sink::Target;

/// What is to be done with a file. Reads it only where an earlier load had its size or its
/// path and the file system says that it has changed since, and leaves it at its start.
/// From here to the end of the transaction no other load of a file of this size into the
/// table runs.
pub fn find(
    catalog: &Catalog,
    target: &Target,
    content: &Content<'_>,
    source: &mut FileSource,
    options: &LoadOptions,
) -> Result<Decision, Error> {
    let path = source.opened().path.clone();
    catalog.take_turn(target.oid, content.file_size, &mut |pids| waiting::tell(&path, pids, Same::Size, 0));
    if options.if_loaded != IfLoaded::Force {
        // Before anything is written that others may wait for.
        wait_for_calls(catalog, target, source)?;
    }
    catalog.adopt()?;
    if options.if_emptied == IfEmptied::Reload {
        forget_if_emptied(catalog, target)?;
    }
    if options.if_loaded == IfLoaded::Force {
        return Ok(Decision::Load(StartPoint::default()));
    }
    let stat = *source.opened().stat();
    let kin = options.if_loaded.kin();
    let of_path = catalog.earlier(content, None, Some(&path), Some(&stat), kin);
    if let Some(known) = known_by_stat(&of_path) {
        require_sight(catalog, &of_path, target, source)?;
        return Ok(loaded(known, options.if_loaded));
    }
    if of_path.is_empty() && !catalog.any_of_size(content) {
        return Ok(Decision::Load(StartPoint::default()));
    }
    let hash = source.hash_of_all()?;
    let earlier = catalog.earlier(content, Some(&hash), Some(&path), Some(&stat), kin);
    require_sight(catalog, &earlier, target, source)?;
    let vain: Vec<i64> =
        earlier.iter().filter(|load| load.same_path && load.is_vain()).map(|load| load.id).collect();
    let part = |load: &&Earlier| {
        let same = load.hash.as_deref() == Some(hash.as_slice());
        !load.status.is_whole() && !load.is_vain() && (same || (load.has_rows() && !load.is_kin))
    };
    let parts: Vec<i64> = earlier.iter().filter(part).map(|load| load.id).collect();
    let decision = match (options.if_loaded, parts.first()) {
        // A part of the file is undone, under whatever name it was loaded: gone on with,
        // it would be there twice.
        (IfLoaded::Replace, Some(_)) => {
            let of_path = earlier.iter().filter(|load| load.same_path && !load.is_vain());
            let mut replaces: Vec<i64> = of_path.map(|load| load.id).chain(parts).collect();
            replaces.sort_unstable();
            replaces.dedup();
            Decision::Load(StartPoint { replaces, ..StartPoint::default() })
        }
        (_, Some(&load_id)) => {
            return Err(partly_loaded(target, source, load_id));
        }
        (if_loaded, None) => match decide(catalog, if_loaded, source, &hash, &earlier)? {
            // A part without rows, of a file that has grown.
            Decision::Load(StartPoint { resumes: Some(id), .. }) if if_loaded == IfLoaded::Replace => {
                Decision::Load(StartPoint { replaces: vec![id], ..StartPoint::default() })
            }
            Decision::Load(StartPoint { resumes: Some(load_id), .. }) => {
                return Err(partly_loaded(target, source, load_id));
            }
            decision => decision,
        },
    };
    match decision {
        Decision::Skip(load_id) => {
            let same_path = earlier.iter().any(|load| load.id == load_id && load.same_path);
            if same_path && stat.is_settled() && pg::transaction_may_note() {
                catalog.learn_stat(load_id, &stat)?;
            }
        }
        Decision::Load(_) => catalog.mark_undone(&vain)?,
        Decision::Changed(_) | Decision::Refused { .. } => {}
    }
    Ok(decision)
}

fn partly_loaded(target: &Target, source: &FileSource, load_id: i64) -> Error {
    Error::PartlyLoaded { path: source.opened().shown.clone(), table: target.shown.clone(), load_id }
}

/// The load of the path whose file still lies on disk as it did then, if that is the last
/// one and nothing else was begun.
pub fn known_by_stat(of_path: &[Earlier]) -> Option<i64> {
    let of_path = || of_path.iter().filter(|load| load.same_path);
    let last = of_path().next().filter(|last| last.same_stat)?;
    of_path().all(|load| load.status.is_whole()).then_some(last.id)
}

/// In a transaction that looks at one snapshot all along, loads may be there that it does
/// not see, and neither what they left in the table.
fn require_sight(
    catalog: &Catalog,
    earlier: &[Earlier],
    target: &Target,
    source: &FileSource,
) -> Result<(), Error> {
    let ids: Vec<i64> = earlier.iter().map(|load| load.id).collect();
    if pg::transaction_has_one_snapshot() && !catalog.sees(&ids) {
        let (path, table) = (source.opened().shown.clone(), target.shown.clone());
        return Err(Error::LoadedConcurrently { path, table });
    }
    Ok(())
}

/// A call of load_json_files may be at an earlier state of the file: it is waited for,
/// unless it may have to wait for what this transaction has written.
fn wait_for_calls(catalog: &Catalog, target: &Target, source: &FileSource) -> Result<(), Error> {
    let path = &source.opened().path;
    let claimed = Claimed::Path(*blake3::hash(path).as_bytes());
    if !pg::transaction_has_written() {
        catalog.keep_unclaimed(target.oid, &claimed, &mut |pids| waiting::tell(path, pids, Same::File, 0));
    } else if !catalog.try_keep_unclaimed(target.oid, &claimed) {
        return Err(Error::FileUnderWay(source.opened().shown.clone()));
    }
    Ok(())
}

impl Fronts for FileSource {
    fn size(&self) -> u64 {
        self.opened().size()
    }

    fn hash_of_front(&mut self, length: u64) -> Result<Option<[u8; 32]>, Error> {
        Ok(self.hashes_of_fronts(&[length], || {})?[0])
    }
}
