//! Definitions of pipelines, and what has become of each.

use super::{Catalog, or_null};
use crate::error::Error;
use crate::pg::executor::snapshot::{self, Row, Snapshot, select_bigint};
use crate::pg::processes::{clock, user};
use crate::pg::strings::text;
use crate::pg::{self, Oid};
use pgrx::datum::{DatumWithOid, TimestampWithTimeZone};
use std::time::Duration;

/// What the user says of a pipeline. Texts are in the database's encoding.
#[derive(Clone, Debug)]
pub struct Definition {
    pub pattern: Vec<u8>,
    pub target: Oid,
    pub format: PipelineFormat,
    pub poll: Duration,
    pub settle: Duration,
    pub workers: i32,
    pub max_files: i32,
    pub max_attempts: i32,
    pub retry_delay: Duration,
    pub retry_max: Duration,
    pub on_file_error: OnPipelineFileError,
    pub on_file: Option<Vec<u8>>,
    pub on_batch: Option<Vec<u8>>,
    pub notify: Option<Vec<u8>>,
    /// A jsonb object, as text.
    pub options: Vec<u8>,
    /// The search_path of the hooks.
    pub search_path: Vec<u8>,
}

/// What the files of a pipeline are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineFormat {
    Json,
    Csv,
}

impl PipelineFormat {
    pub const WORDS: [(&'static str, PipelineFormat); 2] =
        [("json", PipelineFormat::Json), ("csv", PipelineFormat::Csv)];
}

/// What a run does about files that have failed, beside trying them again and leaving them alone in
/// the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPipelineFileError {
    /// Nothing.
    Quarantine,
    /// A call fails at its end.
    Raise,
}

impl OnPipelineFileError {
    pub const WORDS: [(&'static str, OnPipelineFileError); 2] =
        [("quarantine", OnPipelineFileError::Quarantine), ("raise", OnPipelineFileError::Raise)];
}

/// Whether a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineState {
    Active,
    /// Somebody has paused it, or it came from another database.
    Paused,
    /// It cannot run.
    Suspended,
}

impl PipelineState {
    const WORDS: [(&'static str, PipelineState); 3] = [
        ("active", PipelineState::Active),
        ("paused", PipelineState::Paused),
        ("suspended", PipelineState::Suspended),
    ];

    /// The word of the views.
    pub fn name(self) -> &'static str {
        name(&Self::WORDS, self)
    }
}

/// Which pipeline of a name it is: one may be dropped and another created while a run is under way.
#[derive(Clone, Debug)]
pub struct PipelineKey {
    pub name: Vec<u8>,
    pub generation: i64,
}

/// A pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub key: PipelineKey,
    pub definition: Definition,
    /// It was defined here: its OIDs are valid.
    pub is_at_home: bool,
    pub owner: Oid,
    pub owner_name: Vec<u8>,
    /// Name of the target when it was defined, with its schema, quoted; and its row type.
    pub target_name: Vec<u8>,
    pub target_type: Oid,
    pub state: PipelineState,
    pub reason: Option<Vec<u8>>,
    /// Runs in a row that took files, of which each failed.
    pub failed_runs: i32,
    /// Runs in a row that could not look for files.
    pub broken_runs: i32,
    /// Times in a row that on_batch failed, and when it is to be tried again, in nanoseconds since
    /// the system was booted.
    pub failed_batches: i32,
    pub batch_due_ns: i64,
    /// How often somebody has changed, stopped, resumed or hurried it.
    pub changes: i64,
    /// What runs in a row count for that began to load and never came to an end, and how many bytes the
    /// loads into the target had before the last of them, if that is known.
    pub unended: i32,
    pub unended_bytes: Option<i64>,
}

/// A pipeline and when it is due.
#[derive(Clone, Debug)]
pub struct DuePipeline {
    pub name: Vec<u8>,
    pub owner: Oid,
    /// In nanoseconds since the system was booted.
    pub due_ns: i64,
}

/// A pipeline that nobody can run.
#[derive(Clone, Debug)]
pub struct OrphanedPipeline {
    pub name: Vec<u8>,
    /// The channel that is told of it.
    pub notify: Option<Vec<u8>>,
}

/// What a run has found, for the view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sight {
    pub files_seen: u64,
    pub files_pending: u64,
    pub bytes_pending: u64,
    /// When the oldest of them was last written to.
    pub oldest_pending: Option<TimestampWithTimeZone>,
}

/// What a run leaves behind in its pipeline.
#[derive(Clone, Debug)]
pub struct AfterRun<'a> {
    pub scheduler: &'static str,
    pub started_at: TimestampWithTimeZone,
    /// How long it is until the next run.
    pub wait: Duration,
    pub sight: Option<Sight>,
    pub loaded: bool,
    pub failed_runs: i32,
    pub broken_runs: i32,
    pub error: Option<&'a str>,
}

/// What a pipeline is at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// What it was when the run began.
    Unchanged,
    /// Somebody has changed, stopped, resumed or hurried it since.
    Changed,
    /// Somebody has dropped it.
    Gone,
}

const COLUMNS: &str = "p.generation, (p.home OPERATOR(pg_catalog.=) $1)::pg_catalog.int4::pg_catalog.int8,
    p.owner::pg_catalog.int8, p.owner_name::pg_catalog.text, p.target, p.target_oid::pg_catalog.int8,
    p.target_type::pg_catalog.int8, p.pattern, p.format,
    (pg_catalog.date_part('epoch', p.poll) OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8,
    (pg_catalog.date_part('epoch', p.settle) OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8,
    p.workers::pg_catalog.int8, p.max_files::pg_catalog.int8, p.max_attempts::pg_catalog.int8,
    (pg_catalog.date_part('epoch', p.retry_delay) OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8,
    (pg_catalog.date_part('epoch', p.retry_max) OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8,
    p.on_file_error, p.on_file, p.on_batch, p.notify, p.options::pg_catalog.text, p.search_path, p.state, p.reason,
    p.failed_runs::pg_catalog.int8, p.broken_runs::pg_catalog.int8, p.failed_batches::pg_catalog.int8,
    CASE WHEN p.boot OPERATOR(pg_catalog.=) $2 THEN p.batch_due_ns ELSE 0 END,
    p.name, p.changes, p.unended::pg_catalog.int8, p.unended_bytes";

/// SQL for an interval of so many microseconds.
macro_rules! interval {
    ($parameter:literal) => {
        concat!(
            "pg_catalog.make_interval(secs => ",
            $parameter,
            "::pg_catalog.float8 OPERATOR(pg_catalog./) 1e6::pg_catalog.float8)"
        )
    };
}

/// SQL that lets a run that is under way see that somebody has changed its pipeline.
macro_rules! changed {
    () => {
        "changes = p.changes OPERATOR(pg_catalog.+) 1"
    };
}

impl Catalog {
    /// The pipeline of that name.
    pub fn pipeline(&self, name: &[u8]) -> Option<Pipeline> {
        let query = format!(
            "SELECT {COLUMNS} FROM loader.pipelines_data AS p WHERE p.name OPERATOR(pg_catalog.=) $3"
        );
        let arguments = [self.origin.as_str().into(), clock::boot().into(), text::parameter(name)];
        let mut found = None;
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, query, &arguments, |row| found = Some(pipeline_of(row)));
        });
        found
    }

    /// The active pipelines of this database whose owner may log in, or those of one owner.
    pub fn due_pipelines(&self, owner: Option<Oid>) -> Vec<DuePipeline> {
        const QUERY: &str = "SELECT p.name, p.owner::pg_catalog.int8,
                CASE WHEN p.boot OPERATOR(pg_catalog.=) $2 THEN p.due_ns ELSE 0 END
            FROM loader.pipelines_data AS p
            JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) p.owner AND r.rolcanlogin
            WHERE p.state OPERATOR(pg_catalog.=) 'active'::pg_catalog.text
              AND p.home OPERATOR(pg_catalog.=) $1
              AND ($3 IS NULL OR p.owner OPERATOR(pg_catalog.=) $3)
            ORDER BY 3 USING OPERATOR(pg_catalog.<)";
        let arguments = [self.origin.as_str().into(), clock::boot().into(), or_null(owner)];
        let mut due = Vec::new();
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &arguments, |row| {
                due.push(DuePipeline {
                    name: row.bytes(1).unwrap_or_default(),
                    owner: oid(row, 2),
                    due_ns: row.bigint(3).unwrap_or(0),
                });
            });
        });
        due
    }

    /// Suspends the pipelines whose owner is gone or may not log in: nobody can run them.
    pub fn suspend_orphans(&self) -> Result<Vec<OrphanedPipeline>, Error> {
        const STATEMENT: &str = "UPDATE loader.pipelines_data AS p
            SET state = 'suspended', last_error_at = $2,
                reason = CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                                           WHERE r.oid OPERATOR(pg_catalog.=) p.owner)
                              THEN 'its owner may not log in' ELSE 'its owner does not exist' END
            WHERE p.state OPERATOR(pg_catalog.=) 'active'::pg_catalog.text
              AND p.home OPERATOR(pg_catalog.=) $1
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                              WHERE r.oid OPERATOR(pg_catalog.=) p.owner AND r.rolcanlogin)
            RETURNING pg_catalog.convert_to(p.name, pg_catalog.getdatabaseencoding()),
                pg_catalog.convert_to(p.notify, pg_catalog.getdatabaseencoding())";
        self.as_owner(|client| {
            let rows = client.update(STATEMENT, None, &[self.origin.as_str().into(), pg::now().into()])?;
            let mut orphans = Vec::new();
            for row in rows {
                orphans.push(OrphanedPipeline { name: row.get(1)?.unwrap_or_default(), notify: row.get(2)? });
            }
            Ok(orphans)
        })
    }

    /// Writes a new pipeline of the current role, which is due at once; `None` where there is one of that
    /// name.
    pub fn add_pipeline(
        &self,
        name: &[u8],
        definition: &Definition,
        existing: &str,
        state: PipelineState,
    ) -> Result<Option<PipelineKey>, Error> {
        const STATEMENT: &str = concat!(
            "INSERT INTO loader.pipelines_data (name, generation, target, target_oid, target_type, pattern, format,
                poll, settle, workers, max_files, max_attempts, retry_delay, retry_max, on_file_error, on_file,
                on_batch, notify, options, search_path, created_at, next_run, home, owner, owner_name, existing, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7, ",
            interval!("$8"),
            ", ",
            interval!("$9"),
            ", $10, $11, $12, ",
            interval!("$13"),
            ", ",
            interval!("$14"),
            ", $15, $16, $17, $18, pg_catalog.jsonb_in(pg_catalog.textout($19)), $20, $21, $21, $22, $23,
                $24::pg_catalog.name, $25, $26)
            ON CONFLICT DO NOTHING"
        );
        let key = PipelineKey { name: name.to_vec(), generation: clock_micros() };
        let owner = user::current();
        let mut arguments = definition_arguments(&key, definition)?;
        arguments.extend([
            self.origin.as_str().into(),
            owner.into(),
            text::parameter(&user::name(owner)),
            existing.into(),
            state.name().into(),
        ]);
        Ok((self.change(STATEMENT, &arguments)? == 1).then_some(key))
    }

    /// Writes a definition anew. The pipeline is due at once.
    pub fn change_pipeline(&self, key: &PipelineKey, definition: &Definition) -> Result<bool, Error> {
        const STATEMENT: &str = concat!(
            "UPDATE loader.pipelines_data AS p SET target = $3, target_oid = $4, target_type = $5, pattern = $6,
                format = $7, poll = ",
            interval!("$8"),
            ", settle = ",
            interval!("$9"),
            ", workers = $10, max_files = $11, max_attempts = $12, retry_delay = ",
            interval!("$13"),
            ", retry_max = ",
            interval!("$14"),
            ", on_file_error = $15, on_file = $16, on_batch = $17, notify = $18,
                options = pg_catalog.jsonb_in(pg_catalog.textout($19)), search_path = $20,
                due_ns = 0, next_run = $21, unended = 0, unended_bytes = NULL, ",
            changed!(),
            of_pipeline!()
        );
        Ok(self.change(STATEMENT, &definition_arguments(key, definition)?)? == 1)
    }

    /// Has a pipeline be paused or suspended, and why.
    pub fn stop_pipeline(
        &self,
        key: &PipelineKey,
        state: PipelineState,
        reason: Option<&[u8]>,
    ) -> Result<bool, Error> {
        const STATEMENT: &str = concat!(
            "UPDATE loader.pipelines_data AS p SET state = $3, reason = $4, ",
            changed!(),
            of_pipeline!()
        );
        let arguments =
            [text::parameter(&key.name), key.generation.into(), state.name().into(), or_null_text(reason)];
        Ok(self.change(STATEMENT, &arguments)? == 1)
    }

    /// Has a pipeline run again, at once. It is at home here from now on, with this owner and this
    /// target.
    pub fn resume_pipeline(&self, key: &PipelineKey, owner: Oid, target: Oid) -> Result<bool, Error> {
        const STATEMENT: &str = concat!(
            "UPDATE loader.pipelines_data AS p
            SET state = 'active', reason = NULL, home = $3, owner = $4, owner_name = $5::pg_catalog.name,
                target = $6, target_oid = $7, target_type = $8, due_ns = 0, next_run = $9,
                failed_runs = 0, broken_runs = 0, failed_batches = 0, batch_due_ns = 0,
                unended = 0, unended_bytes = NULL, ",
            changed!(),
            of_pipeline!()
        );
        let arguments = [
            text::parameter(&key.name),
            key.generation.into(),
            self.origin.as_str().into(),
            owner.into(),
            text::parameter(&user::name(owner)),
            text::parameter(&target_name(target)?),
            target.into(),
            pg::relations::relation::row_type(target).into(),
            pg::now().into(),
        ];
        Ok(self.change(STATEMENT, &arguments)? == 1)
    }

    /// Removes a pipeline, and what is known of its files. Its runs stay.
    pub fn drop_pipeline(&self, key: &PipelineKey) -> Result<(), Error> {
        const STATEMENT: &str = concat!("DELETE FROM loader.pipelines_data AS p", of_pipeline!());
        const FILES: &str =
            "DELETE FROM loader.pipeline_files_data AS f WHERE f.pipeline OPERATOR(pg_catalog.=) $1";
        const BATCHES: &str =
            "DELETE FROM loader.pipeline_batches_data AS b WHERE b.pipeline OPERATOR(pg_catalog.=) $1";
        if self.change(STATEMENT, &[text::parameter(&key.name), key.generation.into()])? == 1 {
            self.change(FILES, &[text::parameter(&key.name)])?;
            self.change(BATCHES, &[text::parameter(&key.name)])?;
        }
        Ok(())
    }

    /// Keeps others from dropping a pipeline to the end of the transaction; `false` where it is not
    /// there any more, or not active.
    pub fn keep_pipeline(&self, key: &PipelineKey) -> Result<bool, Error> {
        const QUERY: &str = concat!(
            "SELECT 1 FROM loader.pipelines_data AS p",
            of_pipeline!(),
            "
              AND p.state OPERATOR(pg_catalog.=) 'active'::pg_catalog.text FOR KEY SHARE"
        );
        Ok(self.change(QUERY, &[text::parameter(&key.name), key.generation.into()])? == 1)
    }

    /// Keeps others from changing a pipeline to the end of the transaction, if it is there. What they have
    /// changed is waited for.
    pub fn lock_pipeline(&self, key: &PipelineKey) -> Result<(), Error> {
        const QUERY: &str =
            concat!("SELECT 1 FROM loader.pipelines_data AS p", of_pipeline!(), " FOR NO KEY UPDATE");
        self.change(QUERY, &[text::parameter(&key.name), key.generation.into()]).map(|_| ())
    }

    /// Has a pipeline be due at once.
    pub fn hurry_pipeline(&self, key: &PipelineKey) -> Result<(), Error> {
        const STATEMENT: &str = concat!(
            "UPDATE loader.pipelines_data AS p SET due_ns = 0, next_run = $3, ",
            changed!(),
            of_pipeline!()
        );
        let arguments = [text::parameter(&key.name), key.generation.into(), pg::now().into()];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Writes what a run has found, and when the next one is due. Where somebody has changed the pipeline
    /// since the run began, that it is due at once stays, and so does what was forgotten of failures.
    pub fn end_run(&self, pipeline: &Pipeline, run: &AfterRun<'_>) -> Result<AtEnd, Error> {
        const STATEMENT: &str = concat!(
            "UPDATE loader.pipelines_data AS p
            SET boot = $3, due_ns = CASE WHEN p.changes OPERATOR(pg_catalog.=) $17 THEN $4 ELSE 0 END,
                next_run = CASE WHEN p.changes OPERATOR(pg_catalog.=) $17
                                THEN $5 OPERATOR(pg_catalog.+) ",
            interval!("$6"),
            " ELSE p.next_run END, scheduler = $7, last_run = $8,
                batch_due_ns = CASE WHEN p.boot OPERATOR(pg_catalog.=) $3 THEN p.batch_due_ns ELSE 0 END,
                files_seen = COALESCE($9, p.files_seen), files_pending = COALESCE($10, p.files_pending),
                bytes_pending = COALESCE($11, p.bytes_pending),
                oldest_pending = CASE WHEN $9 IS NULL THEN p.oldest_pending ELSE $12 END,
                last_loaded = CASE WHEN $13 THEN $5 ELSE p.last_loaded END,
                failed_runs = CASE WHEN p.changes OPERATOR(pg_catalog.=) $17 THEN $14
                                   ELSE LEAST(p.failed_runs, $14) END,
                broken_runs = CASE WHEN p.changes OPERATOR(pg_catalog.=) $17 THEN $15
                                   ELSE LEAST(p.broken_runs, $15) END,
                unended = 0, unended_bytes = NULL,
                last_error = COALESCE($16, p.last_error),
                last_error_at = CASE WHEN $16 IS NULL THEN p.last_error_at ELSE $5 END",
            of_pipeline!(),
            " RETURNING (p.changes OPERATOR(pg_catalog.<>) $17)::pg_catalog.int4"
        );
        let key = &pipeline.key;
        let sight = run.sight.as_ref();
        let wait = i64::try_from(run.wait.as_nanos()).unwrap_or(i64::MAX);
        let arguments = [
            text::parameter(&key.name),
            key.generation.into(),
            clock::boot().into(),
            clock::since_boot().saturating_add(wait).into(),
            pg::now().into(),
            micros(run.wait).into(),
            run.scheduler.into(),
            run.started_at.into(),
            or_null(sight.map(|sight| sight.files_seen as i64)),
            or_null(sight.map(|sight| sight.files_pending as i64)),
            or_null(sight.map(|sight| sight.bytes_pending as i64)),
            or_null(sight.and_then(|sight| sight.oldest_pending)),
            run.loaded.into(),
            run.failed_runs.into(),
            run.broken_runs.into(),
            or_null(run.error),
            pipeline.changes.into(),
        ];
        self.as_owner(|client| {
            let mut rows = client.update(STATEMENT, None, &arguments)?;
            let changed = rows.next().map(|row| row.get::<i32>(1)).transpose()?.flatten();
            Ok(match changed {
                None => AtEnd::Gone,
                Some(0) => AtEnd::Unchanged,
                Some(_) => AtEnd::Changed,
            })
        })
    }

    /// Writes down that a run begins to load: what the runs count for that did not end, should this one
    /// not, and how many bytes the loads into the target have.
    pub fn begin_loading(&self, key: &PipelineKey, unended: i32, bytes: Option<i64>) -> Result<(), Error> {
        const STATEMENT: &str =
            concat!("UPDATE loader.pipelines_data AS p SET unended = $3, unended_bytes = $4", of_pipeline!());
        let arguments = [text::parameter(&key.name), key.generation.into(), unended.into(), or_null(bytes)];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Writes down that what a run has begun is over, however it ended.
    pub fn end_loading(&self, key: &PipelineKey) -> Result<(), Error> {
        self.begin_loading(key, 0, None)
    }

    /// Bytes of all loads into the target of a pipeline that are in force, whoever has loaded them.
    pub fn bytes_of_target(&self, pipeline: &Pipeline) -> i64 {
        const QUERY: &str = concat!(
            "SELECT COALESCE(pg_catalog.sum(h.stream_bytes), 0)::pg_catalog.int8
            FROM loader.load_history_data AS h WHERE ",
            of_target!("$1", "$2", "$3"),
            " AND ",
            in_force!()
        );
        let arguments =
            [pipeline.definition.target.into(), pipeline.target_type.into(), self.origin.as_str().into()];
        user::run_as(self.owner, || select_bigint(Snapshot::Latest, QUERY, &arguments)).unwrap_or(0)
    }

    /// Writes how often on_batch has failed in a row, and when it is to be tried again.
    pub fn note_batches(&self, key: &PipelineKey, failed: i32, due_ns: i64) -> Result<(), Error> {
        const STATEMENT: &str = concat!(
            "UPDATE loader.pipelines_data AS p
            SET failed_batches = $3, batch_due_ns = $4, boot = $5,
                due_ns = CASE WHEN p.boot OPERATOR(pg_catalog.=) $5 THEN p.due_ns ELSE 0 END",
            of_pipeline!()
        );
        let arguments = [
            text::parameter(&key.name),
            key.generation.into(),
            failed.into(),
            due_ns.into(),
            clock::boot().into(),
        ];
        self.change(STATEMENT, &arguments).map(|_| ())
    }
}

/// The first parameters of statements that write a definition: the key, what the user says, and the time.
fn definition_arguments<'a>(key: &PipelineKey, d: &Definition) -> Result<Vec<DatumWithOid<'a>>, Error> {
    Ok(vec![
        text::parameter(&key.name),
        key.generation.into(),
        text::parameter(&target_name(d.target)?),
        d.target.into(),
        pg::relations::relation::row_type(d.target).into(),
        text::parameter(&d.pattern),
        name(&PipelineFormat::WORDS, d.format).into(),
        micros(d.poll).into(),
        micros(d.settle).into(),
        d.workers.into(),
        d.max_files.into(),
        d.max_attempts.into(),
        micros(d.retry_delay).into(),
        micros(d.retry_max).into(),
        name(&OnPipelineFileError::WORDS, d.on_file_error).into(),
        or_null_text(d.on_file.as_deref()),
        or_null_text(d.on_batch.as_deref()),
        or_null_text(d.notify.as_deref()),
        text::parameter(&d.options),
        text::parameter(&d.search_path),
        pg::now().into(),
    ])
}

/// Microseconds that no clock shows twice in one database: pipelines are not created at such a pace.
fn clock_micros() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn target_name(target: Oid) -> Result<Vec<u8>, Error> {
    pg::relations::relation::quoted_name(target).ok_or(Error::NoTable(target.to_u32()))
}

fn name<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    crate::words::name_of(words, value).unwrap_or_default()
}

pub(super) fn or_null_text(text: Option<&[u8]>) -> DatumWithOid<'static> {
    text.map_or_else(DatumWithOid::null::<String>, text::parameter)
}

fn oid(row: &Row<'_>, column: usize) -> Oid {
    Oid::from(row.bigint(column).unwrap_or(0) as u32)
}

fn meaning<T: Copy>(words: &[(&str, T)], word: &[u8], otherwise: T) -> T {
    words.iter().find(|(other, _)| other.as_bytes() == word).map_or(otherwise, |(_, meaning)| *meaning)
}

fn pipeline_of(row: &Row<'_>) -> Pipeline {
    let text = |column| row.bytes(column).unwrap_or_default();
    let number = |column| row.bigint(column).unwrap_or(0);
    let duration = |column| Duration::from_micros(u64::try_from(number(column)).unwrap_or(0));
    Pipeline {
        key: PipelineKey { name: text(29), generation: number(1) },
        is_at_home: number(2) == 1,
        owner: oid(row, 3),
        owner_name: text(4),
        target_name: text(5),
        target_type: oid(row, 7),
        definition: Definition {
            target: oid(row, 6),
            pattern: text(8),
            format: meaning(&PipelineFormat::WORDS, &text(9), PipelineFormat::Json),
            poll: duration(10),
            settle: duration(11),
            workers: number(12) as i32,
            max_files: number(13) as i32,
            max_attempts: number(14) as i32,
            retry_delay: duration(15),
            retry_max: duration(16),
            on_file_error: meaning(&OnPipelineFileError::WORDS, &text(17), OnPipelineFileError::Quarantine),
            on_file: row.bytes(18),
            on_batch: row.bytes(19),
            notify: row.bytes(20),
            options: text(21),
            search_path: text(22),
        },
        state: meaning(&PipelineState::WORDS, &text(23), PipelineState::Suspended),
        reason: row.bytes(24),
        failed_runs: number(25) as i32,
        broken_runs: number(26) as i32,
        failed_batches: number(27) as i32,
        batch_due_ns: number(28),
        changes: number(30),
        unended: number(31) as i32,
        unended_bytes: row.bigint(32),
    }
}
