//! Was this content loaded before?

use super::file::FileSource;
use super::options::IfLoaded;
use crate::amend;
use crate::catalog::{Catalog, Content, Earlier, Status};
use crate::error::Error;
use crate::pg;
use crate::pg::snapshot::Snapshot;
use crate::sink::Target;

/// The earlier load that makes this one superfluous, if there is one. Reads
/// the file only where an earlier load had its size, and leaves it at its
/// start. From here to the end of the transaction no other load of a file of
/// this size into the table runs.
pub fn find(
    catalog: &Catalog,
    target: &Target,
    content: &Content<'_>,
    source: &mut FileSource,
    if_loaded: IfLoaded,
) -> Result<Option<i64>, Error> {
    catalog.take_turn(target.oid, content.file_size);
    if if_loaded == IfLoaded::Force {
        return Ok(None);
    }
    wait_for_calls(catalog, target, source)?;
    let of_path = catalog.earlier(content, None, Some(&source.opened().path));
    if if_loaded == IfLoaded::Replace {
        return replace(catalog, target, content, source, &of_path);
    }
    refuse_partly_loaded(of_path, target, source)?;
    if catalog.earlier_load(Snapshot::Latest, content, None).is_none()
        && catalog.earlier_load(Snapshot::Transaction, content, None).is_none()
    {
        return Ok(None);
    }
    let hash = source.hash_of_all()?;
    refuse_partly_loaded(catalog.earlier(content, Some(&hash), None), target, source)?;
    let seen = catalog.earlier_load(Snapshot::Transaction, content, Some(&hash));
    let Some(load_id) = seen.filter(|_| !target.is_empty()) else {
        // What the latest snapshot shows and this transaction's does not was
        // loaded by another since this one began; so was what it left in the
        // table, which looks empty from here.
        if pg::transaction_has_one_snapshot()
            && catalog.earlier_load(Snapshot::Latest, content, Some(&hash)) > seen
        {
            return Err(Error::LoadedConcurrently {
                path: source.opened().shown.clone(),
                table: target.shown.clone(),
            });
        }
        return Ok(None);
    };
    if if_loaded == IfLoaded::Error {
        return Err(Error::AlreadyLoaded {
            path: source.opened().shown.clone(),
            table: target.shown.clone(),
            load_id,
        });
    }
    Ok(Some(load_id))
}

/// A call of load_json_files may be at an earlier state of the file: it is waited for,
/// unless it may have to wait for what this transaction has written.
fn wait_for_calls(catalog: &Catalog, target: &Target, source: &FileSource) -> Result<(), Error> {
    let path_hash = blake3::hash(&source.opened().path);
    if !pg::transaction_has_written() {
        catalog.keep_unclaimed(target.oid, path_hash.as_bytes());
    } else if !catalog.try_keep_unclaimed(target.oid, path_hash.as_bytes()) {
        return Err(Error::FileUnderWay(source.opened().shown.clone()));
    }
    Ok(())
}

/// Undoes what the file brought when it was something else, and a part of it that
/// was loaded, under whatever name: gone on with, that would be there twice.
fn replace(
    catalog: &Catalog,
    target: &Target,
    content: &Content<'_>,
    source: &mut FileSource,
    of_path: &[Earlier],
) -> Result<Option<i64>, Error> {
    let hash = source.hash_of_all()?;
    let same = catalog.earlier(content, Some(&hash), None);
    let whole = same.iter().find(|load| load.status == Status::Loaded);
    if let Some(whole) = whole.filter(|_| !target.is_empty()) {
        return Ok(Some(whole.id));
    }
    let parts = same.iter().filter(|load| load.status != Status::Loaded);
    let mut loads: Vec<i64> = of_path.iter().chain(parts).map(|load| load.id).collect();
    loads.sort_unstable();
    amend::undo_all(&loads)?;
    Ok(None)
}

/// Fails where `load_json_files` has loaded a part of the file.
fn refuse_partly_loaded(earlier: Vec<Earlier>, target: &Target, source: &FileSource) -> Result<(), Error> {
    let part = earlier.into_iter().find(|load| load.status != Status::Loaded && !load.is_vain());
    match part {
        Some(part) if part.reached.rows == 0 || !target.is_empty() => Err(Error::PartlyLoaded {
            path: source.opened().shown.clone(),
            table: target.shown.clone(),
            load_id: part.id,
        }),
        _ => Ok(()),
    }
}
