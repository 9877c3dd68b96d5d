//! What loads write to the server's log, and `loader.log_loads`.

use crate::helpers::{files, lines, session};
use loader_client_tests::{Database, load, load_many, message};
use postgres::Client;

/// The lines of the log about files below a folder of the test's own.
fn logged(database: &Database, folder: &str) -> Vec<String> {
    let log = database.cluster.log();
    let about = |line: &&str| line.starts_with("LOG:") && line.contains(&format!("/{folder}"));
    log.lines().map(|line| line.trim_start_matches(|c| c != 'L')).filter(about).map(str::to_owned).collect()
}

#[test]
fn a_line_for_each_file_and_each_call() {
    let (database, mut client) = session("log_lines");
    for (setting, of_files, of_calls) in [("all", 3, 1), ("summary", 0, 1), ("off", 0, 0)] {
        for workers in [0, 2] {
            let folder = format!("log_lines_{setting}_{workers}");
            let contents = [("a", lines(3)), ("b", lines(4)), ("c", "{\n".to_owned())];
            let pattern = files(&database, &folder, &contents);
            client
                .batch_execute(&format!("TRUNCATE t; SET loader.log_loads = '{setting}'"))
                .expect("the setting");
            let options = format!("workers => {workers}, on_error => 'stop'");
            load_many(&mut client, &pattern, "t", &options).expect("a call");
            let lines = logged(&database, &folder);
            let (calls, files): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.contains("call for "));
            assert_eq!((files.len(), calls.len()), (of_files, of_calls), "{setting}, {workers}: {lines:?}");
            let start = format!(
                "LOG:  call for \"{pattern}\" into table public.t: 3 files: 2 loaded, 0 skipped, 1 failed; 7 rows, 0 rejects, "
            );
            assert!(calls.iter().all(|line| line.starts_with(&start)), "{calls:?}");
        }
    }
}

#[test]
fn a_call_that_fails_has_its_line() {
    let (database, mut client) = session("log_fails");
    let pattern = files(&database, "log_fails", &[("a", lines(3)), ("c", "{\n".to_owned())]);
    for how in ["stop", "raise"] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let options = format!("workers => 0, on_error => 'stop', on_file_error => '{how}'");
        message(load_many(&mut client, &pattern, "t", &options));
    }
    let calls: Vec<String> =
        logged(&database, "log_fails").into_iter().filter(|line| line.contains("call for ")).collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(
        calls.iter().all(|line| line.contains(": 2 files: 1 loaded, 0 skipped, 1 failed; 3 rows")),
        "{calls:?}"
    );
}

#[test]
fn one_file_is_a_call() {
    let (database, mut client) = session("log_one");
    let set = |client: &mut Client, setting: &str| {
        client.batch_execute(&format!("SET loader.log_loads = '{setting}'")).expect("the setting");
    };
    // A validation, and a load.
    for (setting, wanted) in [("all", 2), ("summary", 2), ("off", 0)] {
        set(&mut client, setting);
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let path = database.file(&format!("log_one_{setting}"), lines(3));
        let call = format!("SELECT load_json_file('{path}', 't', validate => true)");
        client.batch_execute(&call).expect("a validation");
        load(&mut client, &path, "t").expect("a load");
        assert_eq!(logged(&database, &format!("log_one_{setting}")).len(), wanted, "{setting}");
    }
    // What is to be logged is the administrator's business.
    client.batch_execute("CREATE ROLE log_one LOGIN").expect("a role");
    let mut other = database.connect_as("log_one");
    // The library is loaded by the first call.
    other.batch_execute("SELECT * FROM loader.last_call").expect("a look");
    assert!(message(other.batch_execute("SET loader.log_loads = off")).starts_with("42501"));
}
