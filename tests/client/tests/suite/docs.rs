//! Runs the SQL of README.md and docs/*.md: each file in a database of its own, its
//! ```sql blocks one after the other, and its ```sh blocks, which make files for them. What
//! stands in ```text result is what psql prints for the ```sql before it.
//! And follows the links of all pages. CONTRIBUTING.md has the convention.

use crate::pages::{Kind, Ran, blocks, entries, lines_of, pages_in};
use loader_client_tests::Cluster;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_sql_of_the_documentation_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cluster = Cluster::shared();
    let data = data_folder(cluster);

    let mut pages = vec![root.join("README.md")];
    pages.extend(pages_in(&root.join("docs")));

    let mut failures = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let blocks = blocks(&fs::read_to_string(page).expect("a page"));
        if blocks.is_empty() {
            continue;
        }
        let name = format!("docs_{number}");
        let database = cluster.bare_database(&name, "UTF8");
        if !blocks.iter().any(|block| block.text.contains("CREATE EXTENSION loader")) {
            database.connect().batch_execute("CREATE EXTENSION loader").expect("CREATE EXTENSION");
        }
        let mut printed = String::new();
        for block in blocks {
            let Ran { success, output, errors } = match block.kind {
                Kind::Shell => shell(&data, &block.text),
                Kind::Sql | Kind::Error => {
                    psql(cluster, &name, &block.text.replace("/data/", &format!("{data}/")))
                }
                Kind::Result => {
                    if !lines_of(&printed).eq(lines_of(&block.text)) {
                        let place = format!("{}, line {}", page.display(), block.line);
                        failures.push(format!("{place} should be\n{printed}"));
                    }
                    continue;
                }
            };
            if success == (block.kind == Kind::Error) {
                let should = if block.kind == Kind::Error { "should fail" } else { "should run" };
                failures.push(format!("{}, line {} {should}:\n{errors}", page.display(), block.line));
            }
            printed = output;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_links_of_the_documentation_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = ["", "docs", "docs/compare", "examples"].map(|folder| root.join(folder)).to_vec();
    folders.extend(entries(&root.join("examples")).into_iter().filter(|entry| entry.is_dir()));
    let mut broken = Vec::new();
    for page in folders.iter().flat_map(|folder| pages_in(folder)) {
        let text = fs::read_to_string(&page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            let leads = link.starts_with("https://")
                || target.exists() && (heading.is_empty() || has_heading(&target, heading));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Whether a page has a heading with that anchor: its words, small, with hyphens.
fn has_heading(page: &Path, anchor: &str) -> bool {
    let text = fs::read_to_string(page).expect("a page");
    text.lines().filter_map(|line| line.strip_prefix('#')).any(|heading| {
        let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).eq(anchor.chars())
    })
}

/// The folder that the pages call /data: they fill it themselves.
fn data_folder(cluster: &Cluster) -> String {
    let folder = cluster.path("files/data");
    fs::create_dir(&folder).expect("a folder");
    cluster.give(&folder);
    folder.to_str().expect("UTF-8").to_owned()
}

fn psql(cluster: &Cluster, database: &str, sql: &str) -> Ran {
    let mut child = cluster
        .command("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql runs");
    // One that ends before it has read all says why.
    let _ = child.stdin.take().expect("its input").write_all(sql.as_bytes());
    child.wait_with_output().expect("psql ends").into()
}

fn shell(folder: &str, script: &str) -> Ran {
    Command::new("sh").args(["-e", "-c", script]).current_dir(folder).output().expect("sh runs").into()
}
