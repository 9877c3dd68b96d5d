//! Limits, one either side: numbers, depth, sizes.

use crate::helpers::{count, session};
use loader_client_tests::{Database, load, load_with};
use postgres::Client;

/// Loads `records` as lines between two good ones and compares each verdict
/// with jsonb_in's. The database goes with the first of what it returns.
fn compare(name: &str, records: &[String]) -> (Database<'static>, Client) {
    let (database, mut client) = session(name);
    let text = format!("{{\"first\": 1}}\n{}\n{{\"last\": 1}}\n", records.join("\n"));
    let path = database.file(name, &text);
    let outcome = load(&mut client, &path, "t").expect("a load");

    let mut good = 2;
    for (number, record) in records.iter().enumerate() {
        let oracle = client.query_one("SELECT $1::text::jsonb IS NOT NULL", &[record]).is_ok();
        let rejected: bool = client
            .query_one(
                "SELECT EXISTS (SELECT FROM loader.rejects WHERE record_no = $1)",
                &[&(number as i64 + 2)],
            )
            .expect("rejects")
            .get(0);
        assert_eq!(oracle, !rejected, "{name} {number}: {:.60}", record);
        good += i64::from(oracle);
    }
    assert_eq!(outcome.rows_loaded, good);
    assert_eq!(count(&mut client, "t WHERE data ?| ARRAY['first', 'last']"), 2);
    (database, client)
}

fn faults(client: &mut Client) -> Vec<String> {
    let rows =
        client.query("SELECT DISTINCT error_type FROM loader.rejects ORDER BY 1", &[]).expect("rejects");
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn numbers() {
    let numbers = [
        "1e131071",
        "1e131072",
        "-1e131071",
        "-1e131072",
        "9.99e131071",
        "0.1e131072",
        "0.1e131073",
        "1e-16383",
        "1e-16384",
        "1e-99999",
        "0e999999",
        "0e-20000",
        "1e2147483647",
        "1e2147483648",
        "1e99999999999999999999",
        "1E+400",
        "123456789012345678901234567890.123456789",
        "-0",
        "-0.0",
        "1.10",
    ];
    let mut records: Vec<String> = numbers.iter().map(|number| format!("{{\"v\": {number}}}")).collect();
    records.push(format!("{{\"v\": {}}}", "9".repeat(131_072)));
    records.push(format!("{{\"v\": {}}}", "9".repeat(131_073)));
    records.push(format!("{{\"v\": 0.{}}}", "1".repeat(16_383)));
    records.push(format!("{{\"v\": 0.{}}}", "1".repeat(16_384)));
    let (_database, mut client) = compare("limits_numbers", &records);
    assert_eq!(faults(&mut client), ["NUMERIC_RANGE"]);
}

#[test]
fn depth() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    let records = vec![
        nested(100),
        objects(100),
        nested(1000),
        objects(1000),
        nested(5000),
        objects(5000),
        nested(100_000),
        objects(100_000),
        nested(1_000_000),
        "{\"v\": ".to_owned() + &"[".repeat(100_000),
        "{\"a\":".repeat(100_000),
    ];
    let (_database, mut client) = compare("limits_depth", &records);
    let deep: i64 = client
        .query_one("SELECT count(*) FROM loader.rejects WHERE error_type = 'TOO_DEEP'", &[])
        .expect("rejects")
        .get(0);
    assert!(deep >= 3, "{deep}");
}

#[test]
#[ignore = "takes long: make soak"]
fn depth_of_ten_million() {
    let records = vec!["[".repeat(10_000_000) + &"]".repeat(10_000_000), "[".repeat(10_000_000)];
    compare("limits_depth_ten_million", &records);
}

#[test]
fn the_record_size_that_is_set() {
    let (database, mut client) = session("limits_record_size");
    let record = |size: usize| format!("{{\"fill\": \"{}\"}}", "x".repeat(size - 12));
    let limit = 64 * 1024;
    let records = [record(limit), record(limit + 1), record(100), record(10 * limit), record(limit - 1)];
    assert_eq!(records[0].len(), limit);
    let path = database.file("limits_record_size", records.join("\n"));
    client
        .batch_execute("SET loader.max_record_size = '64kB'; SET loader.reject_raw_limit = '1kB'")
        .expect("settings");
    let outcome = load(&mut client, &path, "t").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (3, 2));
    let rows = client
        .query(
            "SELECT record_no, byte_length, octet_length(raw), raw_truncated, error_type FROM loader.rejects ORDER BY 1",
            &[],
        )
        .expect("rejects");
    let rows: Vec<(i64, i64, i32, bool, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))).collect();
    assert_eq!(
        rows,
        [
            (2, limit as i64 + 1, 1024, true, "TOO_LARGE".to_owned()),
            (4, 10 * limit as i64, 1024, true, "TOO_LARGE".to_owned())
        ]
    );
}

/// jsonb's own limits: 256 MB a string, 256 MB the elements of a container.
#[test]
#[ignore = "takes long: make soak"]
fn the_sizes_of_jsonb() {
    let (database, mut client) = session("limits_jsonb");
    let string = |length: usize| format!("{{\"s\": \"{}\"}}", "x".repeat(length));
    let array = |count: usize, length: usize| {
        format!("[{}]", vec![format!("\"{}\"", "x".repeat(length)); count].join(","))
    };
    let limit = 0x0FFF_FFFF;
    client.batch_execute("SET loader.max_record_size = '1000MB'").expect("the setting");
    for (number, record) in
        [string(limit), string(limit + 1), array(64, limit / 64 - 100), array(65, limit / 64)]
            .iter()
            .enumerate()
    {
        let path = database.file("limits_jsonb", format!("{{\"first\": 1}}\n{record}\n{{\"last\": 1}}\n"));
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let outcome = load_with(&mut client, &path, "t", "if_loaded => 'force'").expect("a load");
        let oracle = client.query_one("SELECT $1::text::jsonb IS NOT NULL", &[record]).is_ok();
        assert_eq!(outcome.rows_loaded, 2 + i64::from(oracle), "record {number}");
        if !oracle {
            let fault: String = client
                .query_one("SELECT error_type FROM loader.rejects WHERE load_id = $1", &[&outcome.load_id])
                .expect("a reject")
                .get(0);
            assert_eq!(fault, "TOO_LARGE", "record {number}");
        }
    }
}
