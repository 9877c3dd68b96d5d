//! What is done to pipelines from outside of their runs: they are defined, changed, stopped, resumed and
//! dropped, and held so that nobody else does.

use super::Catalog;
use super::pipelines::{Definition, PipelineKey, PipelineState, micros, or_null_text};
use crate::error::Error;
use crate::pg::processes::user;
use crate::pg::strings::text;
use crate::pg::{self, Oid};
use pgrx::datum::DatumWithOid;

/// SQL that lets a run that is under way see that somebody has changed its pipeline.
macro_rules! changed {
    () => {
        "changes = p.changes OPERATOR(pg_catalog.+) 1"
    };
}

impl Catalog {
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
        d.format.name().into(),
        micros(d.poll).into(),
        micros(d.settle).into(),
        d.workers.into(),
        d.max_files.into(),
        d.max_attempts.into(),
        micros(d.retry_delay).into(),
        micros(d.retry_max).into(),
        d.on_file_error.name().into(),
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

fn target_name(target: Oid) -> Result<Vec<u8>, Error> {
    pg::relations::relation::quoted_name(target).ok_or(Error::NoTable(target.to_u32()))
}
