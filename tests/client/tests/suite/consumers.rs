//! The recipe of docs/exactly-once.md for those who read what was loaded: each row once,
//! in whatever order loads begin, stop, go on and commit.

use crate::helpers::{count, files, insist, lines, session, tiny, traced};
use loader_client_tests::{Database, load, load_many};
use postgres::Client;
use std::thread;

const TAKE: &str = "
    WITH new AS (
        INSERT INTO seen
        SELECT load_id FROM loader.load_history WHERE target_oid = 'rows'::regclass AND status = 'loaded'
        ON CONFLICT DO NOTHING
        RETURNING load_id)
    SELECT count(*) FROM rows JOIN new ON new.load_id = rows._load_id";

fn take(client: &mut Client) -> i64 {
    client.query_one(TAKE, &[]).expect("the recipe").get(0)
}

fn prepared(name: &str) -> (Database<'static>, Client) {
    let (database, mut client) = session(name);
    traced(&mut client, "rows");
    client.batch_execute("CREATE TABLE seen (load_id bigint PRIMARY KEY)").expect("a table");
    (database, client)
}

#[test]
fn loads_that_commit_out_of_order() {
    let (database, mut client) = prepared("consumers_order");
    let path = database.file("consumers_order_a", lines(3));
    let mut slow = database.connect();
    slow.batch_execute("BEGIN").expect("BEGIN");
    let first = load(&mut slow, &path, "rows").expect("a load");
    let other = database.file("consumers_order_b", lines(7));
    let second = load(&mut client, &other, "rows").expect("a load");
    assert!(first.load_id < second.load_id);
    assert_eq!(take(&mut client), 7);
    slow.batch_execute("COMMIT").expect("COMMIT");
    // Neither number nor time of the first are above those of the second.
    let above = "loader.load_history f JOIN loader.load_history s ON s.load_id > f.load_id AND s.finished_at > f.finished_at";
    assert_eq!(count(&mut client, above), 1);
    assert_eq!(take(&mut client), 3);
    assert_eq!(take(&mut client), 0);
}

#[test]
fn a_load_that_goes_on() {
    let (database, mut client) = prepared("consumers_resume");
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    insist(&mut client, "rows", "data->>'n' <> '8500'");
    let pattern = files(&database, "consumers_resume", &[("a", tiny(9000)), ("b", lines(5))]);
    let summary = load_many(&mut client, &pattern, "rows", "").expect("a call");
    assert_eq!((summary.failed, summary.rows), (1, 8192 + 5));
    assert_eq!(take(&mut client), 5);
    client.batch_execute("ALTER TABLE rows DROP CONSTRAINT c").expect("DROP");
    load_many(&mut client, &pattern, "rows", "").expect("a call");
    // All of it, under the number that it had.
    assert_eq!(take(&mut client), 9000);
    assert_eq!(take(&mut client), 0);
}

#[test]
fn two_at_once_take_each_row_once() {
    let (database, mut client) = prepared("consumers_two");
    let contents: Vec<(String, String)> = (0..20).map(|n| (format!("{n:02}"), lines(n + 1))).collect();
    let contents: Vec<(&str, &String)> = contents.iter().map(|(name, text)| (name.as_str(), text)).collect();
    let pattern = files(&database, "consumers_two", &contents);
    load_many(&mut client, &pattern, "rows", "").expect("a call");
    let taken: Vec<i64> = thread::scope(|scope| {
        let takers: Vec<_> = (0..2).map(|_| scope.spawn(|| take(&mut database.connect()))).collect();
        takers.into_iter().map(|taker| taker.join().expect("a session")).collect()
    });
    assert_eq!(taken.iter().sum::<i64>(), count(&mut client, "rows"), "{taken:?}");
}
