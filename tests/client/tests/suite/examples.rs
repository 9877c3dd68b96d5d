//! Runs the worked examples: each folder of examples/ that has a README.md, in a database of its own. The
//! ```sh blocks of the page run in its folder, with `dir` as the folder for their files, and have to print
//! what stands in the ```text result behind them. A ```sql block shows a part of one of the folder's scripts.

use crate::pages::{Block, Kind, Ran, blocks, entries, lines_of};
use loader_client_tests::Cluster;
use std::fs;
use std::path::Path;
use std::thread;

#[test]
fn the_worked_examples_come_to_the_figures_of_their_pages() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut folders = entries(&examples);
    folders.retain(|folder| folder.join("README.md").exists());
    assert!(!folders.is_empty());

    let failures: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = folders.iter().map(|folder| scope.spawn(|| run(folder))).collect();
        runs.into_iter().flat_map(|run| run.join().expect("no panic")).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs the page of one example. Returns what is wrong with it.
fn run(folder: &Path) -> Vec<String> {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    let database = Cluster::shared().database(&format!("example_{}", name.replace('-', "_")));
    let data = database.folder("data");
    let scripts = scripts(folder);

    let mut failures = Vec::new();
    let mut printed = String::new();
    for Block { line, text, kind } in blocks(&fs::read_to_string(folder.join("README.md")).expect("a page")) {
        let place = format!("examples/{name}/README.md, line {line}");
        match kind {
            Kind::Shell => {
                let mut shell = database.cluster.shell(&database.name);
                shell.args(["-e", "-c", &text]).current_dir(folder).env("dir", &data);
                let Ran { success, output, errors } = shell.output().expect("bash runs").into();
                if !success {
                    failures.push(format!("{place} should run:\n{output}\n{errors}"));
                }
                printed = output;
            }
            Kind::Result if !lines_of(&printed).eq(lines_of(&text)) => {
                failures.push(format!("{place} should be\n{printed}"));
            }
            Kind::Sql if !scripts.iter().any(|script| has_lines(script, &text)) => {
                failures.push(format!("{place} should be in a script of the folder"));
            }
            Kind::Error => failures.push(format!("{place} should be in a ```sh block")),
            Kind::Result | Kind::Sql => {}
        }
    }
    failures
}

/// The texts of a folder's SQL scripts.
fn scripts(folder: &Path) -> Vec<String> {
    let mut paths = entries(folder);
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    paths.iter().map(|path| fs::read_to_string(path).expect("a script")).collect()
}

/// Whether a text has these lines, one after the other.
fn has_lines(text: &str, lines: &str) -> bool {
    let (text, lines): (Vec<_>, Vec<_>) = (lines_of(text).collect(), lines_of(lines).collect());
    text.windows(lines.len()).any(|window| window == lines)
}
