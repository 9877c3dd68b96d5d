//! Runs the SQL of README.md and docs/*.md: each file in a database of its own, its
//! ```sql blocks one after the other, and its ```sh blocks, which make files for them. What
//! stands in ```text result is what psql prints for the ```sql before it.
//! And follows the links of all pages. CONTRIBUTING.md has the convention.

use crate::pages::{Kind, Ran, blocks, entries, lines_of, pages_in};
use loader_client_tests::Cluster;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
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
                Kind::Sql | Kind::Error => psql(cluster, &name, &data, &block.text),
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
fn the_picture_in_the_readme_is_a_session() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cluster = Cluster::shared();
    let database = cluster.database("docs_picture");
    let folder = database.folder("picture");
    let psql = PathBuf::from(cluster.command("psql").get_program());
    let path = std::env::join_paths(
        [psql.parent().expect("a folder").to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let drawn = Command::new(root.join("examples/session/draw"))
        .arg(&folder)
        .env("PATH", path.expect("a path"))
        .env("PGHOST", cluster.socket())
        .env("PGUSER", "postgres")
        .env("PGDATABASE", "docs_picture")
        .env_remove("PGPORT")
        .output()
        .expect("the script runs");
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    let picture = fs::read(root.join("docs/session.svg")).expect("the picture");
    assert!(
        drawn.stdout == picture,
        "examples/session/draw draws\n{}",
        String::from_utf8_lossy(&drawn.stdout)
    );
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

#[test]
fn the_version_for_pgxn_is_that_of_cargo() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let meta = fs::read_to_string(root.join("META.json")).expect("META.json");
    let ours = concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"");
    // That of the distribution, and that of the extension in it.
    assert!(meta.matches(ours).count() >= 2, "META.json should have {ours} twice");
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

/// The folder is what the page calls /data, or `dir`: a variable of psql, which the page itself sets
/// where a reader begins.
fn psql(cluster: &Cluster, database: &str, data: &str, sql: &str) -> Ran {
    let sql = sql.replace("/data/", &format!("{data}/"));
    let mut child = cluster
        .command("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"])
        .args(["-v", &format!("dir={data}")])
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
