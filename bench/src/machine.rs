//! What the figures were measured on.

use crate::Result;
use crate::run::Plan;
use std::fs;

/// Settings of the server that make a difference.
const SETTINGS: [&str; 12] = [
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "max_wal_size",
    "min_wal_size",
    "checkpoint_timeout",
    "shared_buffers",
    "autovacuum",
    "synchronize_seqscans",
    "data_checksums",
    "debug_assertions",
];

/// Facts for the head of the report.
pub fn facts(plan: &Plan, command: &str) -> Result<Vec<(String, String)>> {
    let mut session = plan.server.connect("")?;
    let version: String = session.client.query_one("SHOW server_version", &[])?.get(0);
    let mut settings = Vec::new();
    for name in SETTINGS {
        let value: String = session.client.query_one(&format!("SHOW {name}"), &[])?.get(0);
        settings.push(format!("{name} = {value}"));
    }
    if settings.contains(&"debug_assertions = on".to_owned()) {
        return Err("this server is built with assertions: its figures would mean nothing".into());
    }
    let facts = [
        ("PostgreSQL", version.split(' ').next().unwrap_or_default().to_owned()),
        ("processor", processor()),
        ("cores", std::thread::available_parallelism().map_or(0, usize::from).to_string()),
        ("memory", format!("{:.0} GB", memory() / 1e6)),
        ("rows", plan.rows.to_string()),
        ("rounds", plan.rounds.to_string()),
        ("command", command.to_owned()),
        ("settings", settings.join(", ")),
    ];
    Ok(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| Some(line.split_once(':')?.1.trim())).unwrap_or("unknown").to_owned()
}

/// In kilobytes.
fn memory() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}
