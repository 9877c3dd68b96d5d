//! Which pipelines are to run, and when. Called by whoever starts runs, in a transaction with a
//! snapshot that it commits.

use super::notice::{self, Event};
use crate::catalog::{Catalog, Pipeline, PipelineState};
use crate::error::Error;
use crate::pg::Oid;
use crate::pg::processes::clock;
use crate::pg::relations::relation;
use std::time::Duration;

/// An active pipeline.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its name, in the database's encoding.
    pub name: Vec<u8>,
    /// The role that it runs as, which may log in.
    pub owner: Oid,
    /// How long it is until it is due; zero where it is due now.
    pub wait: Duration,
}

/// Whether this database has the extension, in a version that has pipelines. Where it has not, anybody
/// may make something of that name, and the caller may be the superuser.
pub fn is_installed() -> bool {
    let pipelines = relation::in_schema(c"loader", c"pipelines_data");
    pipelines != Oid::INVALID && relation::is_member_of(pipelines, c"loader")
}

/// All active pipelines of this database, those that are due first.
pub fn due() -> Result<Vec<Due>, Error> {
    Ok(of_owner(&Catalog::open_kept()?, None))
}

/// The active pipelines of a role, or of all.
pub(super) fn of_owner(catalog: &Catalog, owner: Option<Oid>) -> Vec<Due> {
    let now = clock::since_boot();
    let wait = |due_ns: i64| Duration::from_nanos(u64::try_from(due_ns.saturating_sub(now)).unwrap_or(0));
    let due = catalog.due_pipelines(owner);
    due.into_iter().map(|due| Due { name: due.name, owner: due.owner, wait: wait(due.due_ns) }).collect()
}

/// Suspends the pipelines that nobody can run, because their owner is gone or may not log in.
pub fn suspend_without_login() -> Result<(), Error> {
    for orphan in Catalog::open_kept()?.suspend_orphans()? {
        notice::tell(
            &orphan.name,
            orphan.notify.as_deref(),
            &Event::Suspended { reason: "its owner cannot log in" },
        );
    }
    Ok(())
}

/// Suspends a pipeline whose runs end before they can say why.
pub fn suspend_broken(name: &[u8]) -> Result<(), Error> {
    let catalog = Catalog::open_kept()?;
    let Some(mut pipeline) = catalog.pipeline(name).filter(|it| it.state == PipelineState::Active) else {
        return Ok(());
    };
    suspend(&catalog, &mut pipeline, "its runs end before they begin; the server's log has the reason")
}

/// Suspends an active pipeline.
pub(super) fn suspend(catalog: &Catalog, pipeline: &mut Pipeline, reason: &str) -> Result<(), Error> {
    if catalog.stop_pipeline(&pipeline.key, PipelineState::Suspended, Some(reason.as_bytes()))? {
        let channel = pipeline.definition.notify.as_deref();
        notice::tell(&pipeline.key.name, channel, &Event::Suspended { reason });
    }
    pipeline.state = PipelineState::Suspended;
    pipeline.reason = Some(reason.as_bytes().to_vec());
    Ok(())
}
