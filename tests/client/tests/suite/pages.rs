//! Pages in Markdown: their blocks that run, and what these have to print. CONTRIBUTING.md has the convention.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// The pages of a folder, in order.
pub fn pages_in(folder: &Path) -> Vec<PathBuf> {
    let mut pages = entries(folder);
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages
}

/// What is in a folder, in order.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries
}

/// What a block of a page is there for.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// ```sql
    Sql,
    /// ```sql error: it is there to show an error.
    Error,
    /// ```sh
    Shell,
    /// ```text result: what the block before it prints.
    Result,
}

/// A block of a page that runs, or is compared.
pub struct Block {
    /// Where its first line stands, from 1.
    pub line: usize,
    pub text: String,
    pub kind: Kind,
}

/// The blocks of a page that run or are compared, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        let fence = line.trim();
        if let Some(block) = &mut open {
            if fence == "```" {
                blocks.extend(open.take());
            } else {
                block.text.push_str(line);
                block.text.push('\n');
            }
            continue;
        }
        let kind = match fence {
            "```sql" => Kind::Sql,
            "```sql error" => Kind::Error,
            "```sh" => Kind::Shell,
            "```text result" => Kind::Result,
            _ => continue,
        };
        open = Some(Block { line: number + 2, text: String::new(), kind });
    }
    blocks
}

/// What is compared of a result: blank lines and the ends of lines make no difference.
pub fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty())
}

/// What came of a block.
pub struct Ran {
    pub success: bool,
    pub output: String,
    pub errors: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            success: output.status.success(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
