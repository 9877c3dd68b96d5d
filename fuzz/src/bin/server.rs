//! `server CORPORA` shows the corpora of `encode` and `toast` in that folder to
//! the PostgreSQL that `PG_CONFIG` names, in a cluster of its own.

use loader_client_tests::{Cluster, Limits};
use loader_fuzz::{corpora, server};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: server CORPORA");
        return ExitCode::FAILURE;
    };
    let read = |name: &str| corpora::read(&Path::new(&folder).join(name));
    let (documents, long) = match (read("encode"), read("toast")) {
        (Ok(documents), Ok(long)) => (documents, long),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("{folder}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let cluster = Cluster::start(&[], Limits::default());
    match server::check(&cluster.database("fuzz"), &documents, &long) {
        Ok(seen) => {
            println!(
                "server: {} inputs, jsonb_in takes {}, {} rows and {} long values compared",
                seen.inputs, seen.good, seen.rows, seen.long
            );
            ExitCode::SUCCESS
        }
        Err(difference) => {
            eprintln!("server: {difference}");
            ExitCode::FAILURE
        }
    }
}
