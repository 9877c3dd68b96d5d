//! Runs tests/pg_regress with the server's own pg_regress, so that NOTICE,
//! DETAIL and HINT are compared too. A script without its expected output fails.
//!
//! `LOADER_REGRESS_OUT=folder` keeps the results there, to be looked at and
//! copied to tests/pg_regress/expected.

use loader_client_tests::{Cluster, Limits};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // cargo test hands its filters and flags to every test binary.
    if std::env::args().any(|argument| argument == "--list" || argument == "--ignored") {
        return ExitCode::SUCCESS;
    }
    let tests =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../pg_regress").canonicalize().expect("tests/pg_regress");
    let names = names(&tests);
    let orphans: Vec<_> = names.iter().filter(|name| !expected(&tests, name).exists()).collect();

    let cluster = Cluster::start(&[], Limits::default());
    // pg_regress writes below the folder where it is started, too.
    let out = cluster.path("regress");
    fs::create_dir(&out).expect("a folder for the results");

    let status = Command::new(pg_regress())
        .arg(format!("--inputdir={}", tests.display()))
        .arg(format!("--outputdir={}", out.display()))
        .arg(format!("--bindir={}", bindir().display()))
        .arg(format!("--host={}", cluster.socket().display()))
        .args(["--user=postgres", "--dbname=loader_regress", "--encoding=UTF8", "--no-locale"])
        .args(&names)
        .current_dir(&out)
        .env_remove("PGPORT")
        .status()
        .expect("pg_regress runs");

    if let Ok(differences) = fs::read_to_string(out.join("regression.diffs")) {
        println!("{differences}");
    }
    if let Some(folder) = std::env::var_os("LOADER_REGRESS_OUT") {
        let folder = PathBuf::from(folder);
        fs::create_dir_all(&folder).expect("LOADER_REGRESS_OUT");
        for name in &names {
            let result = out.join("results").join(format!("{name}.out"));
            let _ = fs::copy(result, folder.join(format!("{name}.out")));
        }
    }
    for name in &orphans {
        println!("missing: tests/pg_regress/expected/{name}.out");
    }
    if !status.success() {
        println!("pg_regress ended with {status}");
    }
    if status.success() && orphans.is_empty() && !names.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The scripts, by name; `setup` comes first.
fn names(tests: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(tests.join("sql"))
        .expect("tests/pg_regress/sql")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".sql").map(str::to_owned))
        .collect();
    names.sort_by_key(|name| (name != "setup", name.clone()));
    names
}

fn expected(tests: &Path, name: &str) -> PathBuf {
    tests.join("expected").join(format!("{name}.out"))
}

fn pg_config(what: &str) -> PathBuf {
    let pg_config = std::env::var("PG_CONFIG").unwrap_or_else(|_| "pg_config".to_owned());
    let output = Command::new(pg_config).arg(what).output().expect("pg_config runs");
    PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
}

fn bindir() -> PathBuf {
    pg_config("--bindir")
}

fn pg_regress() -> PathBuf {
    // …/pgxs/src/makefiles/pgxs.mk → …/pgxs/src/test/regress/pg_regress
    let makefile = pg_config("--pgxs");
    makefile.parent().and_then(Path::parent).expect("the pgxs folder").join("test/regress/pg_regress")
}
