//! Pipelines are created, changed, paused, resumed and dropped.

use super::decide::Verdict;
use super::look::{Look, SeenFile, look};
use super::look_digest::LookDigest;
use super::options::arguments_of;
use super::own_pipeline;
use crate::access;
use crate::bulk::Scope;
use crate::catalog::{
    Catalog, Definition, OnPipelineFileError, Pipeline, PipelineFormat, PipelineKey, PipelineState,
    SkippedFile,
};
use crate::error::{Error, PipelineError};
use crate::pg::executor::hook;
use crate::pg::processes::notify::LONGEST_CHANNEL;
use crate::pg::processes::{user, wake};
use crate::pg::relations::relation;
use crate::pg::strings::text;
use crate::pg::{self, Oid};
use crate::words::word;
use std::time::Duration;

/// The longest name, bytes: as of any object.
const LONGEST_NAME: usize = 63;

/// Workers of a run, at most.
const MOST_WORKERS: i32 = 64;

/// Files of a batch, at most: each has an entry in memory that is shared.
const MOST_FILES: i32 = 1_000_000;

/// The shortest time between two looks.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// The longest of all these times: two hundred years fit on the clock.
const LONGEST: Duration = Duration::from_secs(200 * 365 * 86_400);

/// Files that are written down at a time.
const BATCH: usize = 10_000;

/// What the user says of a pipeline: what is not given stays as it is. Texts are in the database's
/// encoding; an empty hook or channel is none.
#[derive(Clone, Debug, Default)]
pub struct Change<'a> {
    pub pattern: Option<&'a [u8]>,
    pub table: Option<Oid>,
    pub format: Option<&'a [u8]>,
    pub poll: Option<Span>,
    pub settle: Option<Span>,
    pub workers: Option<i32>,
    pub max_files: Option<i32>,
    pub max_attempts: Option<i32>,
    pub retry_delay: Option<Span>,
    pub retry_max: Option<Span>,
    pub on_file_error: Option<&'a [u8]>,
    pub on_file: Option<&'a [u8]>,
    pub on_batch: Option<&'a [u8]>,
    pub notify: Option<&'a [u8]>,
    /// A jsonb object, as text.
    pub options: Option<Vec<u8>>,
}

/// An interval in microseconds.
pub type Span = i128;

/// Creates a pipeline of the current role.
pub fn create(name: &[u8], existing: &[u8], enabled: bool, change: &Change<'_>) -> Result<(), Error> {
    pg::prevent_during_recovery(c"create_pipeline");
    access::require_file_role()?;
    if !(1..=LONGEST_NAME).contains(&name.len()) {
        return Err(PipelineError::BadName(text::show(name)).into());
    }
    let existing = word("existing", existing, "load, skip", &[("load", "load"), ("skip", "skip")])?;
    if !user::may_log_in(user::current()) {
        return Err(PipelineError::MayNotLogIn(text::show(&user::name(user::current()))).into());
    }
    let mut definition = Definition {
        pattern: Vec::new(),
        target: Oid::INVALID,
        format: PipelineFormat::Json,
        poll: Duration::ZERO,
        settle: Duration::ZERO,
        workers: 0,
        max_files: 0,
        max_attempts: 0,
        retry_delay: Duration::ZERO,
        retry_max: Duration::ZERO,
        on_file_error: OnPipelineFileError::Quarantine,
        on_file: None,
        on_batch: None,
        notify: None,
        options: b"{}".to_vec(),
        search_path: hook::search_path(),
    };
    apply(&mut definition, change)?;
    let catalog = Catalog::open_kept()?;
    let scope = check(&definition)?;
    let state = if enabled { PipelineState::Active } else { PipelineState::Paused };
    let Some(key) = catalog.add_pipeline(name, &definition, existing, state)? else {
        return Err(PipelineError::Exists(text::show(name)).into());
    };
    if !enabled {
        catalog.stop_pipeline(&key, state, Some(&b"it was created so"[..]))?;
    }
    if existing == "skip" {
        let pipeline = own_pipeline(&catalog, name)?;
        let seen = look(&catalog, &pipeline, &arguments_of(&definition)?, &scope, &LookDigest::default())?;
        skip_all(&catalog, &pipeline.key, &seen)?;
    }
    wake::launcher_at_commit();
    Ok(())
}

/// Has the files that are there passed over as they are.
fn skip_all(catalog: &Catalog, key: &PipelineKey, seen: &Look) -> Result<(), Error> {
    fn as_skipped(file: &SeenFile) -> Option<SkippedFile<'_>> {
        let stat = file.stat.as_ref().filter(|_| file.verdict != Verdict::Loaded)?;
        Some(SkippedFile { path: &file.path, stat, load_id: 0 })
    }
    for some in seen.files.chunks(BATCH) {
        pg::check_for_interrupts();
        let skipped: Vec<_> = some.iter().filter_map(as_skipped).collect();
        catalog.put_skipped(key, &skipped, "it was there when the pipeline was created")?;
    }
    Ok(())
}

/// Changes a pipeline. Where its hooks are given, they have the search_path of now. What it does is done as
/// its owner, so whoever changes it has to be able to become that role: with the attributes of a role comes
/// more than the rights that others inherit.
pub fn alter(name: &[u8], change: &Change<'_>) -> Result<(), Error> {
    pg::prevent_during_recovery(c"alter_pipeline");
    let catalog = Catalog::open_kept()?;
    let mut pipeline = own_pipeline_alone(&catalog, name)?;
    let owner = if pipeline.is_at_home { pipeline.owner } else { user::named(&pipeline.owner_name) };
    if !user::may_become(user::current(), owner) {
        let (name, owner) = (text::show(name), text::show(&pipeline.owner_name));
        return Err(PipelineError::MayNotBecomeOwner { name, owner }.into());
    }
    let had_batches = pipeline.definition.on_batch.is_some();
    if change.table.is_none() && !is_target_there(&pipeline) {
        return Err(no_target(&pipeline));
    }
    apply(&mut pipeline.definition, change)?;
    if change.on_file.is_some() || change.on_batch.is_some() {
        pipeline.definition.search_path = hook::search_path();
    }
    check(&pipeline.definition)?;
    catalog.change_pipeline(&pipeline.key, &pipeline.definition)?;
    if had_batches && pipeline.definition.on_batch.is_none() {
        catalog.forget_batches(name)?;
    }
    wake::launcher_at_commit();
    Ok(())
}

/// Has a pipeline load nothing until it is resumed.
pub fn pause(name: &[u8], reason: Option<&[u8]>) -> Result<(), Error> {
    pg::prevent_during_recovery(c"pause_pipeline");
    let catalog = Catalog::open_kept()?;
    let pipeline = own_pipeline(&catalog, name)?;
    catalog.stop_pipeline(&pipeline.key, PipelineState::Paused, reason)?;
    wake::launcher_at_commit();
    Ok(())
}

/// Has it go on. One that came from another database belongs here from now on: to the role and the
/// table that have the names that it had there.
pub fn resume(name: &[u8]) -> Result<(), Error> {
    pg::prevent_during_recovery(c"resume_pipeline");
    let catalog = Catalog::open_kept()?;
    let mut pipeline = own_pipeline_alone(&catalog, name)?;
    if pipeline.is_at_home {
        if !is_target_there(&pipeline) {
            return Err(no_target(&pipeline));
        }
    } else {
        pipeline.owner = user::named(&pipeline.owner_name);
        let target = relation::of_quoted_name(&pipeline.target_name);
        pipeline.definition.target = target.ok_or_else(|| no_target(&pipeline))?;
    }
    if !user::may_log_in(pipeline.owner) {
        return Err(PipelineError::MayNotLogIn(text::show(&pipeline.owner_name)).into());
    }
    catalog.resume_pipeline(&pipeline.key, pipeline.owner, pipeline.definition.target)?;
    wake::launcher_at_commit();
    Ok(())
}

/// Removes a pipeline; `if_exists` says that it need not be there.
pub fn drop_pipeline(name: &[u8], if_exists: bool) -> Result<(), Error> {
    pg::prevent_during_recovery(c"drop_pipeline");
    let catalog = Catalog::open_kept()?;
    wake::launcher_at_commit();
    match own_pipeline(&catalog, name) {
        Ok(pipeline) => catalog.drop_pipeline(&pipeline.key),
        Err(Error::Pipeline(PipelineError::NotFound(_))) if if_exists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The same as [`own_pipeline`], which nobody else changes until the end of the transaction: what others
/// change at this moment is waited for, and not written over.
fn own_pipeline_alone(catalog: &Catalog, name: &[u8]) -> Result<Pipeline, Error> {
    catalog.lock_pipeline(&own_pipeline(catalog, name)?.key)?;
    own_pipeline(catalog, name)
}

fn is_target_there(pipeline: &Pipeline) -> bool {
    pipeline.is_at_home && relation::row_type(pipeline.definition.target) == pipeline.target_type
}

fn no_target(pipeline: &Pipeline) -> Error {
    PipelineError::NoTarget {
        name: text::show(&pipeline.key.name),
        target: text::show(&pipeline.target_name),
    }
    .into()
}

/// Writes what is given into the definition.
fn apply(definition: &mut Definition, change: &Change<'_>) -> Result<(), Error> {
    fn hook(of: &mut Option<Vec<u8>>, given: Option<&[u8]>) {
        if let Some(given) = given {
            *of = (!given.is_empty()).then(|| given.to_vec());
        }
    }
    let d = definition;
    if let Some(pattern) = change.pattern {
        d.pattern = access::tidy(pattern);
    }
    if let Some(table) = change.table {
        d.target = table;
    }
    if let Some(format) = change.format {
        d.format = word("format", format, "json, csv", &PipelineFormat::WORDS)?;
    }
    span(&mut d.poll, "poll", change.poll, SHORTEST_POLL, "100 ms")?;
    span(&mut d.settle, "settle", change.settle, Duration::ZERO, "0")?;
    span(&mut d.retry_delay, "retry_delay", change.retry_delay, Duration::ZERO, "0")?;
    span(&mut d.retry_max, "retry_max", change.retry_max, Duration::ZERO, "0")?;
    number(&mut d.workers, "workers", change.workers, (0, "0"), (MOST_WORKERS, "64"))?;
    number(&mut d.max_files, "max_files", change.max_files, (1, "1"), (MOST_FILES, "1000000"))?;
    number(&mut d.max_attempts, "max_attempts", change.max_attempts, (1, "1"), (i32::MAX, "2147483647"))?;
    if let Some(given) = change.on_file_error {
        d.on_file_error = word("on_file_error", given, "quarantine, raise", &OnPipelineFileError::WORDS)?;
    }
    hook(&mut d.on_file, change.on_file);
    hook(&mut d.on_batch, change.on_batch);
    hook(&mut d.notify, change.notify);
    if let Some(options) = &change.options {
        d.options.clone_from(options);
    }
    Ok(())
}

fn number(
    of: &mut i32,
    argument: &'static str,
    given: Option<i32>,
    (least, shown_least): (i32, &'static str),
    (most, shown_most): (i32, &'static str),
) -> Result<(), Error> {
    let Some(given) = given else { return Ok(()) };
    if !(least..=most).contains(&given) {
        let value = given.to_string();
        return Err(
            PipelineError::OutOfRange { argument, value, least: shown_least, most: shown_most }.into()
        );
    }
    *of = given;
    Ok(())
}

fn span(
    of: &mut Duration,
    argument: &'static str,
    given: Option<Span>,
    least: Duration,
    shown_least: &'static str,
) -> Result<(), Error> {
    let Some(given) = given else { return Ok(()) };
    let span = u64::try_from(given).ok().map(Duration::from_micros);
    match span.filter(|span| (least..=LONGEST).contains(span)) {
        Some(span) => {
            *of = span;
            Ok(())
        }
        None => Err(PipelineError::OutOfRange {
            argument,
            value: format!("{} s", given as f64 / 1e6),
            least: shown_least,
            most: "200 years",
        }
        .into()),
    }
}

/// Checks all that a run will need: the pattern, the table and the rights on it, the options, and that
/// the hooks are SQL.
fn check(definition: &Definition) -> Result<Scope, Error> {
    access::require_file_role()?;
    access::check_pattern(&definition.pattern)?;
    if let Some(channel) = definition.notify.as_ref().filter(|channel| channel.len() > LONGEST_CHANNEL) {
        return Err(PipelineError::BadChannel(text::show(channel)).into());
    }
    let scope = Scope::open(&arguments_of(definition)?)?;
    if let Some(on_file) = &definition.on_file {
        hook::check(on_file, &hook::ON_FILE);
    }
    if let Some(on_batch) = &definition.on_batch {
        hook::check(on_batch, &hook::ON_BATCH);
    }
    Ok(scope)
}
