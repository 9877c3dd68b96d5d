//! Files of a pipeline that somebody has decided about.

use super::own_pipeline;
use crate::access;
use crate::catalog::{Catalog, LONGEST_PATH, as_text};
use crate::error::{Error, PipelineError};
use crate::pg;
use crate::pg::processes::wake;
use crate::pg::strings::text;

/// Has a pipeline pass over a file, whatever becomes of it. The path is given as it is kept.
pub fn skip_file(name: &[u8], path: &[u8], reason: Option<&[u8]>) -> Result<(), Error> {
    pg::prevent_during_recovery(c"skip_file");
    let catalog = Catalog::open_kept()?;
    let pipeline = own_pipeline(&catalog, name)?;
    catalog.skip_file(&pipeline.key, &absolute(path)?, reason)
}

/// Has a pipeline try a file at its next run that it has skipped, quarantined or failed to load.
pub fn retry_file(name: &[u8], path: &[u8]) -> Result<(), Error> {
    pg::prevent_during_recovery(c"retry_file");
    let catalog = Catalog::open_kept()?;
    let pipeline = own_pipeline(&catalog, name)?;
    if !catalog.retry_file(&pipeline.key, &absolute(path)?)? {
        let (name, path) = (text::show(name), text::show(path));
        return Err(PipelineError::NoException { name, path }.into());
    }
    wake::launcher_at_commit();
    catalog.hurry_pipeline(&pipeline.key)
}

fn absolute(path: &[u8]) -> Result<Vec<u8>, Error> {
    if !path.starts_with(b"/") {
        return Err(Error::RelativePath(text::show(path)));
    }
    let path = access::tidy(path);
    Ok(if path.len() > LONGEST_PATH { as_text(&path).into_owned() } else { path })
}
