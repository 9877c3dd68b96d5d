//! Many failing loads in one session leave it as it was: descriptors, locks,
//! memory.

use crate::helpers::{backend, count, lines, session};
use loader_client_tests::{load_with, rss_anon};

fn fail(name: &str, rounds: usize) {
    let (database, mut client) = session(name);
    let cluster = database.cluster;
    client.batch_execute("ALTER TABLE t ADD CHECK (data->>'n' <> '19')").expect("a constraint");
    let good = cluster.file(&format!("{name}_good"), lines(10));
    let constraint = cluster.file(&format!("{name}_constraint"), lines(20));
    let bad = cluster.file(&format!("{name}_bad"), format!("{}{{\n", lines(5)));
    let missing = cluster.path("files/nowhere").to_str().expect("UTF-8").to_owned();
    let gzip = cluster.file(&format!("{name}_gzip"), b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03broken");
    let folder = cluster.path("files").to_str().expect("UTF-8").to_owned();

    let pid = backend(&mut client);
    let round = |client: &mut postgres::Client| {
        for (path, options) in [
            (&constraint, "chunk => 7, on_error => 'stop'"),
            (&constraint, "chunk => 7, reject_limit => 0"),
            (&bad, "on_error => 'stop'"),
            (&bad, "reject_limit => 0"),
            (&missing, ""),
            (&gzip, ""),
            (&folder, ""),
            (&good, "chunk => 0"),
            (&good, "format => 'nonsense'"),
        ] {
            load_with(client, path, "t", options).expect_err("this load fails");
        }
    };
    for _ in 0..5 {
        round(&mut client);
    }
    let before = (cluster.open_files(pid), rss_anon(pid));
    for _ in 0..rounds {
        round(&mut client);
    }
    let after = (cluster.open_files(pid), rss_anon(pid));
    println!("{name}: {} failing loads, memory: {} → {}", rounds * 8, before.1, after.1);
    assert_eq!(after.0, before.0, "descriptors");
    assert!(after.1 <= before.1 + (1 << 20), "memory: {} → {}", before.1, after.1);
    assert_eq!(
        count(
            &mut client,
            &format!(
                "pg_locks WHERE pid = {pid} AND locktype <> 'virtualxid' AND relation <> 'pg_locks'::regclass"
            )
        ),
        0
    );
    assert_eq!(count(&mut client, "loader.rejects"), 0);
    load_with(&mut client, &good, "t", "").expect("a load after all");
}

#[test]
fn failing_loads_leave_nothing() {
    fail("endurance", 50);
}

#[test]
#[ignore = "takes long: make soak"]
fn ten_thousand_failing_loads_leave_nothing() {
    fail("endurance_soak", 1250);
}
