//! Fields into typed columns, beside what users do today.

use crate::Result;
use crate::data::{self, Form, TYPED, TYPED_COLUMNS};
use crate::results::{Results, Sample};
use crate::run::Plan;
use crate::server::{COPY_OPTIONS, Server, Session, literal};
use crate::statement::Statement;
use std::path::{Path, PathBuf};

/// Its name in tables and patterns.
pub const CASE: &str = "columns";

/// How the columns are read from a staging table of documents.
const CASTS: &str = "(data->>'id')::bigint, (data->>'at')::timestamptz, (data->>'day')::date, \
                     (data->>'amount')::numeric(12,2), (data->>'ratio')::double precision, \
                     (data->>'hits')::integer, (data->>'ok')::boolean, data->>'name', data->>'note', \
                     (data->>'uid')::uuid";

/// What is set besides the columns when a key is there.
const UPDATE: &str = "at = EXCLUDED.at, day = EXCLUDED.day, amount = EXCLUDED.amount, ratio = EXCLUDED.ratio, \
                      hits = EXCLUDED.hits, ok = EXCLUDED.ok, name = EXCLUDED.name, note = EXCLUDED.note, \
                      uid = EXCLUDED.uid";

/// Who is measured.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// What the table has behind its columns.
    constraint: &'static str,
    /// Nine of ten rows are in the table before.
    is_filled: bool,
    statement: fn(&Paths, table: &str) -> String,
}

/// The files, as literals of SQL.
struct Paths {
    clean: String,
    refused: String,
    violating: String,
    csv: String,
}

const WAYS: [Way; 10] = [
    way("copy", "", |paths, table| format!("COPY {table} FROM {} WITH (FORMAT csv)", paths.csv)),
    way("loader", "", |paths, table| load(&paths.clean, table, "")),
    way("loader-refused", "", |paths, table| load(&paths.refused, table, "")),
    way("insert-select", "", |_, table| format!("INSERT INTO {table} SELECT * FROM typed_ready")),
    way("staging", "", |paths, table| {
        format!("{} INSERT INTO {table} SELECT {CASTS} FROM typed_staging", staged(paths))
    }),
    way("loader-check", ", CHECK (hits >= 0)", |paths, table| load(&paths.clean, table, "")),
    way("loader-violated", ", CHECK (hits >= 0)", |paths, table| load(&paths.violating, table, "")),
    upsert("loader-upsert", |paths, table| load(&paths.clean, table, ", write_mode => 'upsert'")),
    upsert("staging-upsert", |paths, table| {
        format!(
            "{} INSERT INTO {table} SELECT {CASTS} FROM typed_staging ON CONFLICT (id) DO UPDATE SET {UPDATE}",
            staged(paths)
        )
    }),
    way("infer", "", |paths, _| format!("SELECT count(*) FROM infer_schema({})", paths.clean)),
];

const fn way(name: &'static str, constraint: &'static str, statement: fn(&Paths, &str) -> String) -> Way {
    Way { name, constraint, is_filled: false, statement }
}

const fn upsert(name: &'static str, statement: fn(&Paths, &str) -> String) -> Way {
    Way { name, constraint: ", PRIMARY KEY (id)", is_filled: true, statement }
}

fn load(path: &str, table: &str, options: &str) -> String {
    format!("SELECT status FROM load_json_file({path}, '{table}'{options})")
}

fn staged(paths: &Paths) -> String {
    format!(
        "CREATE TABLE typed_staging (data jsonb); COPY typed_staging FROM {} WITH {COPY_OPTIONS};",
        paths.clean
    )
}

/// Measures all of them, round after round.
pub fn measure(plan: &Plan, results: &mut Results) -> Result<()> {
    let mut session = plan.server.connect("")?;
    let records = plan.rows;
    eprintln!("{CASE}: making {records} records");
    let mut files = Vec::new();
    for set in TYPED {
        files.push(data::make(set, records, &[Form::Lines], &[], &plan.directory)?);
    }
    let [clean, refused, violating] = [0, 1, 2].map(|index: usize| files[index].path(Form::Lines));
    let csv = plan.directory.join("typed.csv");
    prepare(&mut session, &clean, &csv)?;
    let paths = Paths {
        clean: literal(&clean)?,
        refused: literal(&refused)?,
        violating: literal(&violating)?,
        csv: literal(&csv)?,
    };
    let bytes = files[0].size(Form::Lines)?;
    for round in 0..=plan.rounds {
        for index in 0..WAYS.len() {
            // Every other round runs backwards: who follows whom must not matter.
            let way = WAYS[if round % 2 == 0 { index } else { WAYS.len() - 1 - index }];
            let sample = once(&plan.server, &mut session, &way, &paths, round, bytes)
                .map_err(|error| format!("{CASE}/{}: {error}", way.name))?;
            eprintln!("{CASE} round {round} {} {:.3} s", way.name, sample.seconds);
            results.samples.push(sample);
        }
    }
    session.client.batch_execute("DROP TABLE typed_ready")?;
    if !plan.keep {
        for files in files {
            files.remove()?;
        }
        std::fs::remove_file(csv)?;
    }
    Ok(())
}

/// Makes the rows that are ready, and of these the CSV file.
fn prepare(session: &mut Session, clean: &Path, csv: &PathBuf) -> Result<()> {
    session.client.batch_execute(&format!(
        "DROP TABLE IF EXISTS typed_ready, typed_staging; CREATE TABLE typed_ready ({TYPED_COLUMNS}); \
         CREATE TEMP TABLE documents (data jsonb); COPY documents FROM {} WITH {COPY_OPTIONS}; \
         INSERT INTO typed_ready SELECT {CASTS} FROM documents; DROP TABLE documents",
        literal(clean)?
    ))?;
    session.client.batch_execute("VACUUM (ANALYZE) typed_ready")?;
    let mut rows = session.client.copy_out("COPY typed_ready TO STDOUT WITH (FORMAT csv)")?;
    std::io::copy(&mut rows, &mut std::fs::File::create(csv)?)?;
    Ok(())
}

fn once(
    server: &Server,
    session: &mut Session,
    way: &Way,
    paths: &Paths,
    round: usize,
    bytes: u64,
) -> Result<Sample> {
    let table = format!("{}_{round}", way.name).replace('-', "_");
    session.client.batch_execute(&format!("CREATE TABLE {table} ({TYPED_COLUMNS}{})", way.constraint))?;
    if way.is_filled {
        session
            .client
            .batch_execute(&format!("INSERT INTO {table} SELECT * FROM typed_ready WHERE id % 10 > 0"))?;
        session.client.batch_execute(&format!("VACUUM (ANALYZE) {table}"))?;
    }
    let statement = Statement {
        case: CASE,
        peer: way.name,
        round,
        bytes,
        sql: &(way.statement)(paths, &table),
        table: &table,
        ready: "typed_ready",
        is_whole: !matches!(way.name, "loader-refused" | "loader-violated" | "infer"),
    };
    let mut sample = statement.measure(server, session)?;
    if way.name == "infer" {
        sample.size = 0;
    }
    session.client.batch_execute(&format!("DROP TABLE {table}; DROP TABLE IF EXISTS typed_staging"))?;
    Ok(sample)
}
