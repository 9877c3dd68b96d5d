//! CSV files into typed columns, beside COPY of the same file and rows that are ready.

use crate::Result;
use crate::results::{Results, Sample};
use crate::run::Plan;
use crate::server::{Server, Session, literal};
use crate::statement::Statement;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What the names of its cases begin with.
pub const CASE: &str = "csv";

/// A table with columns of some kinds.
struct Kind {
    case: &'static str,
    columns: &'static str,
    /// The row of number `i`, as SQL.
    row: &'static str,
}

/// Their cases, for the targets.
pub const MIXED: &str = "csv-mixed";
pub const TEXT: &str = "csv-text";
pub const TIMES: &str = "csv-uuid-timestamps";
pub const INTEGERS: &str = "csv-integers";

const KINDS: [Kind; 4] = [
    Kind {
        case: MIXED,
        columns: "c1 bigint, c2 timestamptz, c3 date, c4 numeric(12,2), c5 float8, c6 int, c7 bool, c8 text, c9 text, c10 uuid",
        row: "i * 7919, '2024-01-01T00:00:00Z'::timestamptz + i * interval '1 second 7 milliseconds', \
              '2020-01-01'::date + (i % 2000)::int, (i * 31 % 100000000) / 100.0, random() * 1000, \
              (i * 13 % 1000003)::int, i % 3 = 0, 'name ' || i % 5000, 'a note, no. ' || i, \
              md5(i::text)::uuid",
    },
    Kind {
        case: TEXT,
        columns: "c1 text, c2 text, c3 text, c4 text, c5 text, c6 text, c7 text, c8 text, c9 text, c10 text",
        row: "'a' || i, 'word ' || i % 7, 'some text', md5(i::text), 'x', 'y, z', 'short', 'a \"quote\"', \
              'last but one', i::text",
    },
    Kind {
        case: TIMES,
        columns: "c1 uuid, c2 timestamptz, c3 uuid, c4 timestamptz, c5 uuid, c6 timestamptz",
        row: "md5(i::text)::uuid, '2024-01-01T00:00:00Z'::timestamptz + i * interval '1 second', \
              md5((i + 1)::text)::uuid, '2001-01-01T00:00:00Z'::timestamptz + i * interval '1 minute', \
              md5((i + 2)::text)::uuid, '1999-01-01T00:00:00Z'::timestamptz + i * interval '3 seconds'",
    },
    Kind {
        case: INTEGERS,
        columns: "c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int, c9 int, c10 int",
        row: "i, i * 2 % 1000, i * 3 % 1000000, i % 10, -i, i * 7 % 100000, i % 2, i * 11 % 999, i / 2, i / 3",
    },
];

/// One record in so many is damaged in a file of its own.
const DAMAGED_ONE_IN: usize = 100;

/// Measures all of them, round after round.
pub fn measure(plan: &Plan, results: &mut Results) -> Result<()> {
    let mut session = plan.server.connect("")?;
    for kind in &KINDS {
        eprintln!("{}: making {} records", kind.case, plan.rows);
        let clean = plan.directory.join(format!("{}.csv", kind.case));
        let damaged = plan.directory.join(format!("{}-damaged.csv", kind.case));
        prepare(&mut session, kind, plan.rows, &clean)?;
        damage(&clean, &damaged)?;
        let load = |path: &Path| -> Result<String> {
            Ok(format!("SELECT status FROM load_csv_file({}, 'csv_target')", literal(path)?))
        };
        let ways = [
            ("copy", format!("COPY csv_target FROM {} WITH (FORMAT csv, HEADER)", literal(&clean)?)),
            ("loader", load(&clean)?),
            ("insert-select", "INSERT INTO csv_target SELECT * FROM csv_ready".to_string()),
            ("damaged", load(&damaged)?),
        ];
        let bytes = clean.metadata()?.len();
        for round in 0..=plan.rounds {
            for index in 0..ways.len() {
                // Every other round runs backwards: who follows whom must not matter.
                let (name, statement) = &ways[if round % 2 == 0 { index } else { ways.len() - 1 - index }];
                let sample = once(&plan.server, &mut session, kind, (name, statement), round, bytes)
                    .map_err(|error| format!("{}/{name}: {error}", kind.case))?;
                eprintln!("{} round {round} {name} {:.3} s", kind.case, sample.seconds);
                results.samples.push(sample);
            }
        }
        session.client.batch_execute("DROP TABLE csv_ready")?;
        if !plan.keep {
            std::fs::remove_file(clean)?;
            std::fs::remove_file(damaged)?;
        }
    }
    Ok(())
}

/// Makes the rows that are ready, and of these the file.
fn prepare(session: &mut Session, kind: &Kind, rows: usize, file: &PathBuf) -> Result<()> {
    session.client.batch_execute(&format!(
        "DROP TABLE IF EXISTS csv_ready; CREATE TABLE csv_ready ({}); SELECT setseed(0.5); \
         INSERT INTO csv_ready SELECT {} FROM generate_series(1::bigint, {rows}) AS i",
        kind.columns, kind.row
    ))?;
    session.client.batch_execute("VACUUM (ANALYZE) csv_ready")?;
    let mut copied = session.client.copy_out("COPY csv_ready TO STDOUT WITH (FORMAT csv, HEADER)")?;
    std::io::copy(&mut copied, &mut File::create(file)?)?;
    Ok(())
}

/// Writes the file again, with a field lost in one record of many.
fn damage(clean: &Path, damaged: &Path) -> Result<()> {
    let mut to = BufWriter::new(File::create(damaged)?);
    for (number, line) in BufReader::new(File::open(clean)?).lines().enumerate() {
        let line = line?;
        match line.split_once(',') {
            Some((_, rest)) if number > 0 && number % DAMAGED_ONE_IN == 0 => writeln!(to, "{rest}")?,
            _ => writeln!(to, "{line}")?,
        }
    }
    Ok(to.flush()?)
}

fn once(
    server: &Server,
    session: &mut Session,
    kind: &Kind,
    (name, statement): (&str, &str),
    round: usize,
    bytes: u64,
) -> Result<Sample> {
    session.client.batch_execute(&format!("CREATE TABLE csv_target ({})", kind.columns))?;
    let statement = Statement {
        case: kind.case,
        peer: name,
        round,
        bytes,
        sql: statement,
        table: "csv_target",
        ready: "csv_ready",
        is_whole: name != "damaged",
    };
    let sample = statement.measure(server, session)?;
    session.client.batch_execute("DROP TABLE csv_target")?;
    Ok(sample)
}
