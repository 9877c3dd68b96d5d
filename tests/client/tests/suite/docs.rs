//! Runs the SQL of README.md and docs/*.md: each file in a database of its own,
//! its ```sql blocks one after the other. CONTRIBUTING.md has the convention.

use loader_client_tests::Cluster;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

#[test]
fn the_sql_of_the_documentation_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cluster = Cluster::shared();
    let data = data_folder(cluster);

    let mut pages = vec![root.join("README.md")];
    if let Ok(folder) = fs::read_dir(root.join("docs")) {
        pages.extend(folder.map(|entry| entry.expect("an entry").path()));
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md") && page.exists());
    pages.sort();

    let mut failures = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let blocks = blocks(&fs::read_to_string(page).expect("a page"));
        if blocks.is_empty() {
            continue;
        }
        let name = format!("docs_{number}");
        let database = cluster.bare_database(&name, "UTF8");
        if !blocks.iter().any(|block| block.sql.contains("CREATE EXTENSION loader")) {
            database.connect().batch_execute("CREATE EXTENSION loader").expect("CREATE EXTENSION");
        }
        for block in blocks {
            let (success, output) = psql(cluster, &name, &block.sql.replace("/data/", &format!("{data}/")));
            if success == block.fails {
                let should = if block.fails { "should fail" } else { "should run" };
                failures.push(format!("{}, line {} {should}:\n{output}", page.display(), block.line));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

struct Block {
    /// Where its first line stands, from 1.
    line: usize,
    sql: String,
    /// ```sql error: it is there to show an error.
    fails: bool,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        let fence = line.trim();
        match &mut open {
            Some(_) if fence == "```" => blocks.extend(open.take()),
            Some(block) => {
                block.sql.push_str(line);
                block.sql.push('\n');
            }
            None if fence == "```sql" || fence == "```sql error" => {
                open = Some(Block { line: number + 2, sql: String::new(), fails: fence.ends_with("error") });
            }
            None => {}
        }
    }
    blocks
}

/// The folder that the pages call /data: they fill it themselves.
fn data_folder(cluster: &Cluster) -> String {
    let folder = cluster.path("files/data");
    fs::create_dir(&folder).expect("a folder");
    cluster.give(&folder);
    folder.to_str().expect("UTF-8").to_owned()
}

fn psql(cluster: &Cluster, database: &str, sql: &str) -> (bool, String) {
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
    let output = child.wait_with_output().expect("psql ends");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}
