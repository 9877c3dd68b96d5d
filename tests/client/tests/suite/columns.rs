//! Fields of records into columns: which goes where, what becomes of values, and what is done
//! about those that do not fit.

use crate::helpers::{count, files, gzip};
use loader_client_tests::{Cluster, Database, load, load_csv, load_many, load_with, sqlstate};
use loader_damage::rng::Rng;
use postgres::Client;
use postgres::error::SqlState;

/// A database without a table, and a session in it.
fn session(name: &str) -> (Database<'static>, Client) {
    let database = Cluster::shared().database(name);
    let client = database.connect();
    (database, client)
}

/// The rows of a query as text: the columns of each with a bar between, `-` for NULL.
fn rows(client: &mut Client, query: &str) -> Vec<String> {
    let query = format!(
        "SELECT concat_ws('|', VARIADIC ARRAY(SELECT coalesce(v, '-') FROM json_each_text(to_json(q)) AS e (k, v))) FROM ({query}) AS q"
    );
    client.query(&query, &[]).expect("a query").iter().map(|row| row.get(0)).collect()
}

fn run(client: &mut Client, sql: &str) {
    client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// A file with these records, one a line.
fn file(database: &Database, name: &str, records: &[&str]) -> String {
    database.file(name, records.join("\n") + "\n")
}

/// Loads and returns the rows of the table and its rejects: number, kind, SQLSTATE and column.
fn loaded(client: &mut Client, path: &str, options: &str, columns: &str) -> (Vec<String>, Vec<String>) {
    let outcome = load_with(client, path, "t", options).expect("a load");
    let rejects = rows(
        client,
        &format!(
            "SELECT record_no, error_type, sqlstate, column_name FROM loader.rejects
             WHERE load_id = {} ORDER BY byte_offset",
            outcome.load_id
        ),
    );
    assert_eq!(outcome.rows_rejected as usize, rejects.len());
    (rows(client, &format!("SELECT {columns} FROM t")), rejects)
}

#[test]
fn fields_find_their_columns() {
    let (database, mut client) = session("columns_match");
    run(&mut client, "CREATE TABLE t (id int, user_id text, \"Name\" text, \"größe\" int)");
    let path = file(
        &database,
        "a.json",
        &[
            r#"{"id": 1, "userId": "u", "NAME": "n", "GRÖSSE": 5, "größe": 7}"#,
            r#"{"größe": 8, "id": 2, "userId": null, "more": {"id": 9}}"#,
            r#"{"\u0069d": 3, "NAME": "a\tb", "id": 4}"#,
            "{}",
        ],
    );
    let (found, rejects) = loaded(&mut client, &path, "", "*");
    assert_eq!(found, ["1|u|n|7", "2|-|-|8", "4|-|a\tb|-", "-|-|-|-"]);
    assert_eq!(rejects, [""; 0]);
    let history = rows(
        &mut client,
        "SELECT target_column, rows_loaded, rows_inserted, rows_updated, rows_superseded FROM loader.load_history",
    );
    assert_eq!(history, ["-|4|4|0|0"]);

    // With exact names only one of them is left.
    run(&mut client, "TRUNCATE t");
    let (found, _) = loaded(&mut client, &path, "match_columns => 'exact', if_loaded => 'force'", "*");
    assert_eq!(found, ["1|-|-|7", "2|-|-|8", "4|-|-|-", "-|-|-|-"]);
}

#[test]
fn the_table_says_whether_a_record_is_a_document() {
    let (database, mut client) = session("columns_route");
    let path = file(&database, "a.json", &[r#"{"a": 1, "data": 2}"#]);
    run(&mut client, "CREATE TABLE t (a int, data jsonb)");
    assert_eq!(loaded(&mut client, &path, "", "*").0, [r#"-|{"a": 1, "data": 2}"#]);
    // The same content has not been loaded as columns.
    let (found, _) = loaded(&mut client, &path, "target_column => NULL", "*");
    assert_eq!(found, [r#"-|{"a": 1, "data": 2}"#, "1|2"]);
    let again = load_with(&mut client, &path, "t", "target_column => NULL").expect("a load");
    assert_eq!(again.status, "skipped");
    run(&mut client, "DROP TABLE t; CREATE TABLE t (a int, data text)");
    assert_eq!(loaded(&mut client, &path, "", "*").0, ["1|2"]);
    // Another name is that of a column, or a mistake.
    let error = load_with(&mut client, &path, "t", "target_column => 'doc', if_loaded => 'force'");
    assert_eq!(sqlstate(error), SqlState::UNDEFINED_COLUMN);
    // A table that nothing of the file is for is one, too.
    for rescued in ["", ", _rescued jsonb"] {
        run(&mut client, &format!("DROP TABLE IF EXISTS other; CREATE TABLE other (x int, y int{rescued})"));
        assert_eq!(sqlstate(load(&mut client, &path, "other")), SqlState::UNDEFINED_COLUMN);
    }
    let empty = file(&database, "b.json", &["{}"]);
    assert_eq!(load(&mut client, &empty, "other").expect("a load").rows_loaded, 1);
    // A table for the fields of a file takes its fields, also if one of them is named data.
    let path = file(&database, "c.json", &[r#"{"id": 1, "data": {"x": 1}}"#]);
    run(&mut client, &format!("SELECT seed_table('seeded', '{path}')"));
    load(&mut client, &path, "seeded").expect("a load");
    assert_eq!(rows(&mut client, "SELECT id, data_2 FROM seeded"), [r#"1|{"x": 1}"#]);
}

#[test]
fn fields_can_be_mapped_dropped_and_found_deep() {
    let (database, mut client) = session("columns_map");
    run(&mut client, "CREATE TABLE t (id int, city text, temp float8, raw jsonb, name text)");
    let path = file(
        &database,
        "a.json",
        &[
            r#"{"id": 1, "name": "dropped", "main": {"temp": 20.5, "x": 1}, "city": {"name": "Rome"}}"#,
            r#"{"id": 2, "main": {"temp": null}, "city": "none", "label": "L"}"#,
        ],
    );
    let map =
        r#"{"$.main.temp": "temp", "$.city.name": "city", "main": "raw", "name": null, "label": "name"}"#;
    let (found, _) = loaded(&mut client, &path, &format!("column_map => '{map}'"), "*");
    assert_eq!(found, [r#"1|Rome|20.5|{"x": 1, "temp": 20.5}|-"#, r#"2|-|-|{"temp": null}|L"#]);
    let refused = [
        (r#"{"id": "nowhere"}"#, SqlState::UNDEFINED_COLUMN),
        (r#"{"id": "id", "name": "id"}"#, SqlState::AMBIGUOUS_ALIAS),
        (r#"{"id": "id", "$.id": "name"}"#, SqlState::AMBIGUOUS_ALIAS),
        (r#"{"$.a[*].b": "id"}"#, SqlState::INVALID_PARAMETER_VALUE),
    ];
    for (map, code) in refused {
        let options = format!("column_map => '{map}', if_loaded => 'force'");
        assert_eq!(sqlstate(load_with(&mut client, &path, "t", &options)), code, "{map}");
    }
}

#[test]
fn names_that_fit_twice_load_nothing() {
    let (database, mut client) = session("columns_ambiguous");
    run(&mut client, "CREATE TABLE t (\"Id\" int, \"iD\" int, user_id int)");
    let two_columns = file(&database, "a.json", &[r#"{"Id": 1}"#, r#"{"id": 2}"#]);
    assert_eq!(sqlstate(load(&mut client, &two_columns, "t")), SqlState::AMBIGUOUS_ALIAS);
    let two_fields = file(&database, "b.json", &[r#"{"user_id": 1}"#, r#"{"userId": 2}"#]);
    assert_eq!(sqlstate(load(&mut client, &two_fields, "t")), SqlState::AMBIGUOUS_ALIAS);
    assert_eq!(count(&mut client, "t"), 0);
}

#[test]
fn absent_fields_take_the_default_and_null_stays_null() {
    let (database, mut client) = session("columns_default");
    run(
        &mut client,
        "CREATE DOMAIN level AS int DEFAULT 3;
         CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY, a text DEFAULT 'x', l level, s serial,
                         twice int GENERATED ALWAYS AS (l * 2) STORED, always int GENERATED ALWAYS AS IDENTITY)",
    );
    let path =
        file(&database, "a.json", &[r#"{"a": null, "l": 5}"#, "{}", r#"{"id": 9, "l": null, "twice": 1}"#]);
    let (found, _) = loaded(&mut client, &path, "", "id, a, l, s, twice, always");
    assert_eq!(found, ["1|-|5|1|10|1", "2|x|3|2|6|2", "9|x|-|3|-|3"]);
}

/// Values as they stand in JSON: of each kind the plain ones, and some that are not.
const VALUES: [&str; 118] = [
    "0",
    "-0",
    "1",
    "12",
    "-12",
    "127",
    "32767",
    "32768",
    "-32768",
    "-32769",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "1.0",
    "1.50",
    "0.10",
    "1.005",
    "123.456",
    "99999.994",
    "99999.995",
    "-1.5",
    "1e2",
    "1E-5",
    "1.5e3",
    "1e400",
    "1e-400",
    "1e-320",
    "3.4e38",
    "3.5e38",
    "123456789012345678901234567890.123456789",
    "true",
    "false",
    "[]",
    "{}",
    "[1, 2]",
    "[\"a\", null]",
    "{\"a\" : 1}",
    "{\"f\": 7, \"g\": \"x\"}",
    "[[1, 2], [3, 4]]",
    "\"\"",
    "\" \"",
    "\"a\"",
    "\"abc\"",
    "\"abcd\"",
    "\"abc  \"",
    "\"äöü\"",
    "\"\\u00e4\\n\"",
    "\"12\"",
    "\" 12 \"",
    "\"+5\"",
    "\"0x1F\"",
    "\"1_000\"",
    "\"1.5\"",
    "\"NaN\"",
    "\"nan\"",
    "\"Infinity\"",
    "\"-inf\"",
    "\"infinity\"",
    "\"1e5\"",
    "\"007\"",
    "\"t\"",
    "\"tr\"",
    "\"TRUE\"",
    "\"yes\"",
    "\"of\"",
    "\"o\"",
    "\"off\"",
    "\"1\"",
    "\"0\"",
    "\"2024-01-05\"",
    "\"2024-02-29\"",
    "\"2023-02-29\"",
    "\"2024-1-5\"",
    "\"20240105\"",
    "\"01/02/2024\"",
    "\"0001-01-01\"",
    "\"0000-01-01\"",
    "\"9999-12-31\"",
    "\"10000-01-01\"",
    "\"2024-01-05 BC\"",
    "\"epoch\"",
    "\"2024-01-05T10:11:12\"",
    "\"2024-01-05 10:11:12.123456\"",
    "\"2024-01-05 10:11:12.1234567\"",
    "\"2024-01-05 23:59:60\"",
    "\"2024-01-05 24:00:00\"",
    "\"2024-01-05 10:11\"",
    "\"2024-01-05T10:11:12Z\"",
    "\"2024-01-05T10:11:12.5+02:00\"",
    "\"2024-01-05 10:11:12-0730\"",
    "\"2024-01-05 10:11:12 UTC\"",
    "\"2024-01-05 10:11:12 Europe/Rome\"",
    "\"2024-01-05T10:11:12+15:59\"",
    "\"2024-01-05T10:11:12+16\"",
    "\"1999-12-31T23:59:59.999999Z\"",
    "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
    "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"",
    "\"{a0eebc999c0b4ef8bb6d6bb9bd380a11}\"",
    "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g\"",
    "\"\\\\xDEADbeef\"",
    "\"\\\\xDE AD\"",
    "\"\\\\xabc\"",
    "\"a\\\\000b\"",
    "\"{1,2}\"",
    "\"{1,x}\"",
    "\"(7,x)\"",
    "\"[1,5)\"",
    "\"happy\"",
    "\"sad\"",
    "\"10.0.0.1/8\"",
    "\"1 day 2:03\"",
    "\"$12.50\"",
    "\"0101\"",
    "\"null\"",
    "null",
    "\"2024-01-05 10:11:12.1 PM\"",
    "\"{\\\"a\\\": 1}\"",
];

const TYPES: [&str; 44] = [
    "bool",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "numeric(7,2)",
    "numeric(5,0)",
    "numeric(4,-2)",
    "text",
    "varchar",
    "varchar(3)",
    "char(3)",
    "bpchar",
    "\"char\"",
    "name",
    "date",
    "timestamp",
    "timestamp(0)",
    "timestamp(3)",
    "timestamptz",
    "timestamptz(2)",
    "time",
    "timetz",
    "interval",
    "uuid",
    "bytea",
    "json",
    "jsonb",
    "int4[]",
    "text[]",
    "jsonb[]",
    "mood",
    "small",
    "word",
    "pair",
    "pair[]",
    "int4range",
    "inet",
    "money",
    "bit(4)",
    "xid",
    "document",
];

/// What the server's own function makes of the records of a table `raw`, or its SQLSTATE.
const ORACLE: &str = "
    CREATE FUNCTION oracle(record json, OUT value text, OUT code text) LANGUAGE plpgsql AS $$
    BEGIN
        value := (json_populate_record(NULL::t, record)).v::text;
    EXCEPTION WHEN others THEN
        code := sqlstate;
    END $$";

/// Compares what is loaded of the values, each alone in a record, with the oracle.
fn assert_as_the_oracle(database: &Database, client: &mut Client, kind: &str, values: &[String]) {
    run(
        client,
        &format!(
            "DROP FUNCTION IF EXISTS oracle(json); DROP TABLE IF EXISTS t, raw; CREATE TABLE t (v {kind}, n int)"
        ),
    );
    run(client, ORACLE);
    let records: Vec<String> =
        values.iter().enumerate().map(|(n, value)| format!("{{\"n\": {n}, \"v\": {value}}}\n")).collect();
    let path = database.file("values.json", records.concat());
    run(
        client,
        &format!(
            "CREATE TABLE raw (n serial, record json); COPY raw (record) FROM '{path}' (FORMAT csv, DELIMITER e'\\x01', QUOTE e'\\x02')"
        ),
    );
    load_with(client, &path, "t", "if_loaded => 'force', reject_limit => 1000000")
        .unwrap_or_else(|error| panic!("{kind}: {error:?}"));
    let different = rows(
        client,
        "SELECT raw.record, o.value, o.code, t.v::text AS loaded, r.sqlstate, r.column_name
         FROM raw CROSS JOIN LATERAL oracle(raw.record) AS o
         LEFT JOIN t ON t.n = raw.n - 1
         LEFT JOIN loader.rejects AS r
           ON r.record_no = raw.n AND r.load_id = (SELECT max(load_id) FROM loader.load_history)
         WHERE r.error_type IS DISTINCT FROM 'NUMERIC_RANGE'
           AND (o.value IS DISTINCT FROM t.v::text OR (o.code IS NULL) <> (r.sqlstate IS NULL)
            OR o.code IS DISTINCT FROM r.sqlstate OR (t.n IS NULL) <> (o.code IS NOT NULL))
         ORDER BY raw.n",
    );
    assert!(different.is_empty(), "{kind}: {different:#?}");
}

/// A value that is like one of [`VALUES`]: a character or two are others, or it ends earlier.
fn mutated(rng: &mut Rng) -> String {
    const CHARACTERS: &[u8] = b"0123456789+-.:eETZ /_ tfx{}(),BC";
    loop {
        let mut value = rng.pick(&VALUES).as_bytes().to_vec();
        let quotes = usize::from(value[0] == b'"');
        for _ in 0..rng.between(1, 2) {
            let inside = quotes..value.len() - quotes;
            if inside.is_empty() {
                continue;
            }
            let at = rng.between(inside.start, inside.end - 1);
            match rng.below(3) {
                0 => value[at] = *rng.pick(CHARACTERS),
                1 => value.insert(at, *rng.pick(CHARACTERS)),
                _ => drop(value.remove(at)),
            }
        }
        // Bytes of letters beyond ASCII may have been torn, and escapes.
        if let Ok(value) = String::from_utf8(value)
            && !value.contains('\\')
            && is_json(&value)
        {
            return value;
        }
    }
}

/// Whether the text is a JSON value of which the server makes a record.
fn is_json(value: &str) -> bool {
    let is_string = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
    if is_string {
        return !value[1..value.len() - 1].contains('"');
    }
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit()) && value.parse::<f64>().is_ok();
    let leads_with_zero =
        digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    is_number && !leads_with_zero && !value.ends_with('.') && !value.contains(".e") && !value.contains(".E")
}

#[test]
fn values_that_are_nearly_plain_are_those_of_json_populate_record() {
    let (database, mut client) = session("columns_nearly");
    let mut rng = Rng::named(20_261_129, "nearly plain values");
    let types = [
        "bool",
        "int2",
        "int4",
        "int8",
        "float4",
        "float8",
        "numeric",
        "numeric(7,2)",
        "varchar(3)",
        "date",
        "timestamp(3)",
        "timestamp",
        "timestamptz",
        "uuid",
        "bytea",
    ];
    for kind in types {
        let values: Vec<String> = (0..nearly_plain()).map(|_| mutated(&mut rng)).collect();
        assert_as_the_oracle(&database, &mut client, kind, &values);
    }
}

/// How many values of each type are tried: `LOADER_VALUES`, or a few.
fn nearly_plain() -> usize {
    std::env::var("LOADER_VALUES").ok().and_then(|number| number.parse().ok()).unwrap_or(400)
}

const OWN_TYPES: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE DOMAIN small AS int CHECK (value < 100);
    CREATE DOMAIN word AS text CHECK (value ~ '^[a-z]+$');
    CREATE DOMAIN document AS jsonb CHECK (jsonb_typeof(value) <> 'number');
    CREATE TYPE pair AS (f int, g text)";

#[test]
fn values_are_those_of_json_populate_record() {
    let (database, mut client) = session("columns_oracle");
    run(&mut client, OWN_TYPES);
    // What jsonb cannot hold is rejected before it comes to columns.
    let values: Vec<String> = VALUES.iter().map(|value| value.to_string()).collect();
    for verify in ["off", "on"] {
        run(&mut client, &format!("SET loader.verify = {verify}"));
        for kind in TYPES {
            assert_as_the_oracle(&database, &mut client, kind, &values);
        }
    }
    for settings in [
        "SET datestyle = 'SQL, DMY'; SET timezone = 'Europe/Rome'",
        "SET timezone = '+05:30'; SET intervalstyle = 'sql_standard'",
    ] {
        run(&mut client, settings);
        for kind in ["date", "timestamp", "timestamptz", "timestamptz(2)", "interval"] {
            assert_as_the_oracle(&database, &mut client, kind, &values);
        }
    }
}

#[test]
fn databases_of_other_encodings_have_the_same_values() {
    let database = Cluster::shared().database_with("columns_latin1", "LATIN1");
    let mut client = database.connect();
    run(&mut client, OWN_TYPES);
    run(&mut client, "CREATE TABLE t (\"größe\" int, j json, b jsonb, v varchar(3), d date, _rescued jsonb)");
    let path = database.file(
        "a.json",
        "{\"größe\": 1, \"j\": {\"ä\" : \"ö\"}, \"b\": [\"ü\"], \"v\": \"äöü\", \"d\": \"2024-01-05\", \"x\": \"ß\"}\n\
         {\"größe\": 2, \"v\": \"€\"}\n{\"größe\": 3, \"j\": \"\\u00e4\", \"v\": \"äöüß\"}\n",
    );
    let outcome = load(&mut client, &path, "t").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (3, 0));
    let found = rows(&mut client, "SELECT \"größe\", j, b, v, d, _rescued FROM t");
    assert_eq!(found[0], "1|{\"ä\" : \"ö\"}|[\"ü\"]|äöü|2024-01-05|{\"x\": \"ß\"}");
    // The euro sign is no character of the database, and cannot be kept there either.
    assert_eq!(found[1..], ["2|-|-|-|-|-", "3|ä|-|-|-|{\"v\": \"äöüß\"}"]);
}

#[test]
fn refused_values_are_rejected_set_to_null_or_rescued() {
    let (database, mut client) = session("columns_refused");
    let records = [
        r#"{"id": 1, "n": "x", "d": "2024-13-01", "other": [1]}"#,
        r#"{"id": "y", "n": 2}"#,
        r#"{"id": 3, "n": 3, "d": "2024-01-03"}"#,
        "[4]",
    ];
    let path = file(&database, "a.json", &records);
    run(&mut client, "CREATE TABLE t (id int NOT NULL, n int, d date)");
    let (found, rejects) = loaded(&mut client, &path, "", "*");
    assert_eq!(found, ["3|3|2024-01-03"]);
    assert_eq!(rejects, ["1|CAST|22P02|n", "2|CAST|22P02|id", "4|CAST|22023|-"]);
    let kept = rows(&mut client, "SELECT message, raw_text FROM loader.rejects WHERE record_no = 1");
    assert_eq!(kept, [format!("invalid input syntax for type integer: \"x\"|{}", records[0])]);

    run(&mut client, "TRUNCATE t");
    let (found, rejects) = loaded(&mut client, &path, "on_value_error => 'set_null'", "*");
    assert_eq!(found, ["1|-|-", "3|3|2024-01-03"]);
    // The table says of which column.
    assert_eq!(rejects, ["2|CONSTRAINT|23502|id", "4|CAST|22023|-"]);

    let rescue = "on_value_error => 'rescue'";
    assert_eq!(
        sqlstate(load_with(&mut client, &path, "t", &format!("{rescue}, if_loaded => 'force'"))),
        SqlState::UNDEFINED_COLUMN
    );
    run(&mut client, "TRUNCATE t; ALTER TABLE t ADD _rescued jsonb");
    let (found, rejects) = loaded(&mut client, &path, "", "*");
    assert_eq!(found, [r#"1|-|-|{"d": "2024-13-01", "n": "x", "other": [1]}"#, "3|3|2024-01-03|-"]);
    assert_eq!(rejects, ["2|CAST|22P02|id", "4|CAST|22023|-"]);
    run(&mut client, "TRUNCATE t");
    let (found, rejects) = loaded(&mut client, &path, "on_value_error => 'reject'", "*");
    assert_eq!((found.len(), rejects.len()), (1, 3));
    for stop in ["on_error => 'stop'", "reject_limit => 2, on_value_error => 'reject'"] {
        run(&mut client, "TRUNCATE t");
        let error = load_with(&mut client, &path, "t", stop);
        assert!(error.is_err(), "{stop}");
        assert_eq!(count(&mut client, "t"), 0);
    }
}

#[test]
fn what_is_rescued_keeps_the_values_of_one_name_apart() {
    let (database, mut client) = session("columns_rescued_names");
    run(&mut client, "CREATE TABLE t (price int, _rescued jsonb)");
    let records =
        [r#"{"cost": "abc", "price": 5}"#, r#"{"cost": "abc"}"#, r#"{"in": {"price": "x"}, "price": 6}"#];
    let map = r#"column_map => '{"cost": "price"}'"#;
    let path = file(&database, "a.json", &records);
    let (found, rejects) = loaded(&mut client, &path, map, "*");
    assert_eq!(
        found,
        [
            r#"-|{"cost": "abc", "price": 5}"#,
            r#"-|{"price": "abc"}"#,
            r#"-|{"in": {"price": "x"}, "price": 6}"#
        ]
    );
    assert_eq!(rejects, [""; 0]);
    // The field within has the name of the column, too.
    run(&mut client, "TRUNCATE t");
    let map = r#"column_map => '{"$.in.price": "price"}', if_loaded => 'force'"#;
    let (found, rejects) = loaded(&mut client, &path, map, "*");
    assert_eq!(found, [r#"-|{"cost": "abc", "price": 5}"#, r#"-|{"cost": "abc"}"#]);
    assert_eq!(rejects, ["3|CAST|22023|price"]);

    run(&mut client, "TRUNCATE t");
    let path = database.file("a.csv", "cost,price\nabc,5\n7,\n");
    let position = "match_columns => 'position', delimiter => ',', header => true";
    load_csv(&mut client, &path, "t", position).expect("a load");
    assert_eq!(
        rows(&mut client, "SELECT * FROM t"),
        [r#"-|{"cost": "abc", "price": "5"}"#, r#"7|{"price": null}"#]
    );
}

#[test]
fn a_domain_that_takes_no_null_gets_none() {
    let (database, mut client) = session("columns_domain_null");
    run(
        &mut client,
        "CREATE DOMAIN needed AS int NOT NULL; CREATE DOMAIN checked AS text CHECK (value IS NOT NULL);
         CREATE TABLE t (id int, n needed, c checked, d needed DEFAULT 7, _rescued jsonb)",
    );
    let records = [
        r#"{"id": 1, "n": 1, "c": "a"}"#,
        r#"{"id": 2, "n": null, "c": "a"}"#,
        r#"{"id": 3, "c": "a"}"#,
        r#"{"id": 4, "n": "x", "c": "a"}"#,
        r#"{"id": 5, "n": 1, "c": null}"#,
        r#"{"id": 6, "n": 1, "c": "a", "d": null}"#,
        r#"{"id": 7, "n": 1, "c": "a", "d": 8}"#,
    ];
    let path = file(&database, "a.json", &records);
    let rejected = [
        "2|CONSTRAINT|23502|n",
        "3|CONSTRAINT|23502|n",
        "4|CAST|22P02|n",
        "5|CONSTRAINT|23514|c",
        "6|CONSTRAINT|23502|d",
    ];
    for options in ["", "on_value_error => 'set_null', if_loaded => 'force'"] {
        run(&mut client, "TRUNCATE t");
        let (found, rejects) = loaded(&mut client, &path, options, "*");
        assert_eq!(found, ["1|1|a|7|-", "7|1|a|8|-"], "{options}");
        assert_eq!(rejects, rejected, "{options}");
    }
}

/// Rows that violate one of several constraints, and some that an index refuses, in one chunk: each
/// reject says what the server says of that row by itself.
#[test]
fn each_constraint_has_its_own_message() {
    let (database, mut client) = session("columns_constraints");
    run(
        &mut client,
        "CREATE TABLE t (
             id int, a text NOT NULL, b text NOT NULL, n int,
             CONSTRAINT odd CHECK (n % 5 <> 0), CONSTRAINT low CHECK (n % 7 <> 0), UNIQUE (id))",
    );
    let quoted = |n: usize, divisor: usize| if n.is_multiple_of(divisor) { "null" } else { "\"x\"" };
    let records: Vec<String> = (1..=600_usize)
        .map(|n| {
            let id = if n.is_multiple_of(97) { 1 } else { n };
            format!(r#"{{"id": {id}, "a": {}, "b": {}, "n": {n}}}"#, quoted(n, 11), quoted(n, 13))
        })
        .collect();
    let lines: Vec<&str> = records.iter().map(String::as_str).collect();
    let path = file(&database, "a.json", &lines);
    let loaded = load_with(&mut client, &path, "t", "").expect("a load");
    assert_eq!(count(&mut client, "t"), loaded.rows_loaded);
    let mut wanted = Vec::new();
    for (index, record) in records.iter().enumerate() {
        // Those that are in the table already are good rows, but for the one whose key is there twice.
        let insert = "INSERT INTO t SELECT CASE WHEN id = 1 THEN 1 ELSE id + 1000 END, a, b, n
                      FROM jsonb_populate_record(NULL::t, $1::text::jsonb)";
        client.batch_execute("BEGIN").expect("BEGIN");
        let alone = client.execute(insert, &[record]);
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
        if let Err(error) = alone.as_ref().map_err(|error| error.as_db_error().expect("the server's"))
            && index > 0
        {
            let column = error.column().unwrap_or("-");
            wanted.push(format!("{}|{}|{}|{column}", index + 1, error.code().code(), error.message()));
        }
    }
    let rejects = "SELECT concat_ws('|', record_no, sqlstate, message, coalesce(column_name, '-'))
                   FROM loader.rejects ORDER BY record_no";
    let rejects: Vec<String> =
        client.query(rejects, &[]).expect("rejects").iter().map(|row| row.get(0)).collect();
    assert!(wanted.len() > 200, "{}", wanted.len());
    assert_eq!(rejects, wanted);
}

#[test]
fn fields_without_a_column_are_rescued_ignored_or_an_error() {
    let (database, mut client) = session("columns_unknown");
    let path = file(&database, "a.json", &[r#"{"id": 1}"#, r#"{"id": 2, "x\n": {"y": 1}, "x\n": 5}"#]);
    run(&mut client, "CREATE TABLE t (id int)");
    assert_eq!(loaded(&mut client, &path, "", "*").0, ["1", "2"]);
    let fail = "schema_evolution => 'fail_on_new_columns', if_loaded => 'force'";
    assert_eq!(sqlstate(load_with(&mut client, &path, "t", fail)), SqlState::UNDEFINED_COLUMN);
    let rescue = "schema_evolution => 'rescue', if_loaded => 'force'";
    assert_eq!(sqlstate(load_with(&mut client, &path, "t", rescue)), SqlState::UNDEFINED_COLUMN);
    run(&mut client, "TRUNCATE t; ALTER TABLE t ADD _rescued jsonb");
    assert_eq!(loaded(&mut client, &path, "", "*").0, ["1|-", r#"2|{"x\n": 5}"#]);
    run(&mut client, "TRUNCATE t");
    assert_eq!(loaded(&mut client, &path, "schema_evolution => 'ignore'", "*").0, ["1|-", "2|-"]);
}

/// Result and history of the last load: inserted, updated, superseded.
fn written(client: &mut Client, path: &str, options: &str) -> [i64; 4] {
    let query = format!(
        "SELECT r.rows_inserted, r.rows_updated, r.rows_superseded, r.rows_rejected
         FROM load_json_file('{path}', 't', if_loaded => 'force', {options}) AS r"
    );
    let row = client.query_one(&query, &[]).unwrap_or_else(|error| panic!("{options}: {error:?}"));
    let result = [0, 1, 2, 3].map(|index| row.get::<_, i64>(index));
    let history =
        "SELECT rows_inserted, rows_updated, rows_superseded, rows_rejected FROM loader.load_history
                   ORDER BY load_id DESC LIMIT 1";
    let row = client.query_one(history, &[]).expect("a history");
    assert_eq!([0, 1, 2, 3].map(|index| row.get::<_, i64>(index)), result);
    result
}

#[test]
fn known_keys_are_updated() {
    let (database, mut client) = session("columns_upsert");
    run(
        &mut client,
        "CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'new', b int, _load_id bigint, _byte_offset bigint);
         INSERT INTO t VALUES (1, 'old', 1), (2, 'old', 2)",
    );
    let records = [
        r#"{"id": 2, "a": "x"}"#,
        r#"{"id": 3, "b": 3}"#,
        r#"{"id": 1, "b": null}"#,
        r#"{"id": 3, "a": "y"}"#,
        r#"{"id": null}"#,
        r#"{"a": "z"}"#,
        r#"{"id": "q"}"#,
    ];
    let path = file(&database, "a.json", &records);
    // However many of them go in at once, what is there in the end is the same.
    for chunk in [1, 2, 3, 10_000] {
        run(&mut client, "BEGIN");
        let options = format!("write_mode => 'upsert', chunk => {chunk}");
        assert_eq!(written(&mut client, &path, &options), [1, 3, 0, 3], "{chunk}");
        let found = rows(&mut client, "SELECT id, a, b FROM t ORDER BY id");
        assert_eq!(found, ["1|old|-", "2|x|2", "3|y|3"], "{chunk}");
        assert_eq!(
            rows(&mut client, "SELECT id FROM t WHERE _load_id IS NULL OR _byte_offset IS NULL"),
            [""; 0]
        );
        run(&mut client, "ROLLBACK");
    }
    run(&mut client, "BEGIN");
    loaded(&mut client, &path, "write_mode => 'upsert'", "id");
    // What the rows were before is gone.
    let undone = client.batch_execute("SELECT undo_load(max(load_id)) FROM loader.load_history");
    assert_eq!(sqlstate(undone), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    run(&mut client, "ROLLBACK");
    let (found, rejects) = loaded(&mut client, &path, "write_mode => 'insert_only'", "id, a, b");
    assert_eq!(found, ["1|old|1", "2|old|2", "3|new|3"]);
    assert_eq!(rejects, ["5|CONSTRAINT|23502|id", "6|CONSTRAINT|23502|id", "7|CAST|22P02|id"]);
    let load_id: i64 =
        client.query_one("SELECT max(load_id) FROM loader.load_history", &[]).expect("a load").get(0);
    assert_eq!(rows(&mut client, &format!("SELECT undo_load({load_id})")), ["1"]);
}

#[test]
fn a_lower_version_never_wins() {
    let (database, mut client) = session("columns_version");
    run(
        &mut client,
        "CREATE TABLE t (k text, part int, v timestamptz, x int, UNIQUE (k, part));
         INSERT INTO t VALUES ('a', 1, '2024-01-05', 0)",
    );
    let records = [
        r#"{"k": "a", "part": 1, "v": "2024-01-04Z", "x": 1}"#,
        r#"{"k": "b", "part": 1, "v": "2024-01-04T00:00Z", "x": 2}"#,
        r#"{"k": "b", "part": 1, "v": "2024-01-09T00:00Z", "x": 3}"#,
        r#"{"k": "b", "part": 1, "v": "2024-01-08T00:00Z", "x": 4}"#,
        r#"{"k": "b", "part": 1, "v": "2024-01-09T00:00Z", "x": 5}"#,
        r#"{"k": "b", "part": 1, "v": null, "x": 6}"#,
        r#"{"k": "b", "part": 2, "x": 7}"#,
        r#"{"k": "b", "part": 2, "v": "2020-01-01T00:00Z", "x": 8}"#,
    ];
    let path = file(&database, "a.json", &records);
    for chunk in [1, 2, 3, 5, 10_000] {
        run(&mut client, "BEGIN");
        let options =
            format!("write_mode => 'upsert', key => '{{k,part}}', version_column => 'v', chunk => {chunk}");
        let [inserted, updated, superseded, rejected] = written(&mut client, &path, &options);
        assert_eq!((inserted, inserted + updated + superseded, rejected), (2, 8, 0), "{chunk}");
        let found = rows(&mut client, "SELECT k, part, x FROM t ORDER BY k, part");
        assert_eq!(found, ["a|1|0", "b|1|5", "b|2|8"], "{chunk}");
        run(&mut client, "ROLLBACK");
    }
    let refused = [
        ("write_mode => 'upsert'", SqlState::INVALID_COLUMN_REFERENCE),
        ("write_mode => 'upsert', key => '{k}'", SqlState::INVALID_COLUMN_REFERENCE),
        ("write_mode => 'upsert', key => '{q}'", SqlState::UNDEFINED_COLUMN),
        (
            "write_mode => 'insert_only', key => '{k,part}', version_column => 'v'",
            SqlState::INVALID_PARAMETER_VALUE,
        ),
        ("key => '{k,part}'", SqlState::INVALID_PARAMETER_VALUE),
        ("version_column => 'v'", SqlState::INVALID_PARAMETER_VALUE),
        ("write_mode => 'merge'", SqlState::INVALID_PARAMETER_VALUE),
    ];
    for (options, code) in refused {
        assert_eq!(sqlstate(load_with(&mut client, &path, "t", options)), code, "{options}");
    }
    run(&mut client, "CREATE TABLE documents (data jsonb, id int PRIMARY KEY)");
    let error = load_with(&mut client, &path, "documents", "write_mode => 'upsert'");
    assert_eq!(sqlstate(error), SqlState::FEATURE_NOT_SUPPORTED);
}

#[test]
fn keys_of_all_kinds_are_told_apart() {
    let (database, mut client) = session("columns_key_kinds");
    // The server may have been built without ICU.
    let has_icu = client
        .batch_execute(
            "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        )
        .is_ok();
    let cases = [
        ("int8", "1", "1", "-2"),
        ("numeric", "1.0", "1.00", "1.01"),
        ("text", "\"a\"", "\"a\"", "\"A\""),
        ("text COLLATE nocase", "\"a\"", "\"A\"", "\"b\""),
        (
            "uuid",
            "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
            "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"",
            "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12\"",
        ),
        ("char(3)", "\"a\"", "\"a  \"", "\"b\""),
        ("timestamptz", "\"2024-01-05T00:00Z\"", "\"2024-01-05T01:00+01\"", "\"2024-01-05T00:00:01Z\""),
        ("float8", "0", "-0", "1"),
        ("jsonb", "{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1.0}", "{}"),
        ("int4[]", "[1]", "\"{1}\"", "[2]"),
        ("interval", "\"24:00\"", "\"1 day\"", "\"2 day\""),
    ];
    for (kind, first, same, other) in cases {
        if kind.contains("nocase") && !has_icu {
            continue;
        }
        run(&mut client, &format!("DROP TABLE IF EXISTS t; CREATE TABLE t (k {kind} PRIMARY KEY, x int)"));
        let records = [first, other, same].map(|key| format!("{{\"k\": {key}, \"x\": 1}}"));
        let path = file(&database, "a.json", &records.each_ref().map(String::as_str));
        assert_eq!(written(&mut client, &path, "write_mode => 'upsert'"), [2, 0, 1, 0], "{kind}");
    }
}

#[test]
fn an_upsert_is_accounted_for_with_constraints_and_triggers() {
    let (database, mut client) = session("columns_upsert_refused");
    run(
        &mut client,
        "CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v < 100));
         INSERT INTO t SELECT n, 0 FROM generate_series(1, 500) AS n;
         CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN IF NEW.v % 10 = 7 THEN RETURN NULL; END IF; RETURN NEW; END $$;
         CREATE TRIGGER skip BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION skip()",
    );
    // Every number twice, the second time with the value that counts if it is not refused.
    let is_bad = |id: &i64| id % 103 >= 100;
    let records: Vec<String> = (1..=1000)
        .flat_map(|id| {
            [format!("{{\"id\": {id}, \"v\": 1}}\n"), format!("{{\"id\": {id}, \"v\": {}}}\n", id % 103)]
        })
        .collect();
    let path = database.file("a.json", records.concat());
    let mut left = Vec::new();
    for chunk in [1, 37, 10_000] {
        run(&mut client, "BEGIN");
        let options = format!("write_mode => 'upsert', chunk => {chunk}");
        let [inserted, updated, superseded, rejected] = written(&mut client, &path, &options);
        assert_eq!(rejected, (1..=1000).filter(is_bad).count() as i64);
        assert_eq!((inserted, inserted + updated + superseded + rejected), (500, 2000));
        let good = "t WHERE id > 500 AND v = CASE WHEN id % 103 >= 100 THEN 1 ELSE id % 103 END";
        // A trigger skips updates.
        let skipped =
            count(&mut client, "t WHERE id > 500 AND id % 103 < 100 AND id % 103 % 10 = 7 AND v = 1");
        assert_eq!(count(&mut client, good) + skipped, 500, "{chunk}");
        left.push(rows(&mut client, "SELECT id, v FROM t WHERE id % 103 % 10 <> 7 ORDER BY id"));
        run(&mut client, "ROLLBACK");
    }
    assert!(left[0] == left[1] && left[1] == left[2], "the same in chunks of any size");
}

#[test]
fn what_a_stale_record_has_does_not_come_back() {
    let (database, mut client) = session("columns_stale");
    run(&mut client, "CREATE TABLE t (id int PRIMARY KEY, v int, name text)");
    let path = file(
        &database,
        "a.json",
        &[r#"{"id": 1, "v": 1, "name": "A"}"#, r#"{"id": 1, "v": 3}"#, r#"{"id": 1, "v": 2, "name": "B"}"#],
    );
    for chunk in [1, 2, 10_000] {
        run(&mut client, "TRUNCATE t; INSERT INTO t VALUES (1, 2, 'T')");
        let options = format!("write_mode => 'upsert', version_column => 'v', chunk => {chunk}");
        assert_eq!(written(&mut client, &path, &options), [0, 1, 2, 0], "{chunk}");
        assert_eq!(rows(&mut client, "SELECT * FROM t"), ["1|3|T"], "{chunk}");
    }
}

#[test]
fn a_good_record_is_not_lost_behind_a_bad_one_with_its_key() {
    let (database, mut client) = session("columns_behind");
    run(&mut client, "CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v > 0))");
    let path = file(
        &database,
        "a.json",
        &[r#"{"id": 1, "v": 5}"#, r#"{"id": 1, "v": -1}"#, r#"{"id": 2, "v": -2}"#, r#"{"id": 2, "v": 6}"#],
    );
    for mode in ["upsert", "insert_only"] {
        for chunk in [1, 10_000] {
            run(&mut client, "TRUNCATE t");
            let options = format!("write_mode => '{mode}', chunk => {chunk}");
            let [inserted, _, _, rejected] = written(&mut client, &path, &options);
            assert_eq!((inserted, rejected), (2, if chunk == 1 { 2 } else { 1 }), "{mode} {chunk}");
            assert_eq!(rows(&mut client, "SELECT * FROM t ORDER BY id"), ["1|5", "2|6"], "{mode} {chunk}");
        }
    }
}

#[test]
fn keys_that_the_server_completes_may_be_equal() {
    let (database, mut client) = session("columns_key_default");
    run(&mut client, "CREATE TABLE t (tenant text DEFAULT 'x', id int, v int, PRIMARY KEY (tenant, id))");
    let path = file(
        &database,
        "a.json",
        &[
            r#"{"id": 1, "v": 1}"#,
            r#"{"id": 2, "v": 2}"#,
            r#"{"id": 1, "v": 3}"#,
            r#"{"tenant": null, "id": 1, "v": 4}"#,
        ],
    );
    assert_eq!(written(&mut client, &path, "write_mode => 'upsert'"), [2, 1, 0, 1]);
    assert_eq!(rows(&mut client, "SELECT * FROM t ORDER BY id"), ["x|1|3", "x|2|2"]);
}

#[test]
fn a_default_of_another_type_changes_no_value() {
    let (database, mut client) = session("columns_default_type");
    run(
        &mut client,
        "SET timezone = 'Europe/Berlin';
         CREATE TABLE t (n numeric DEFAULT random(), b bigint DEFAULT date_part('epoch', now()),
                         ts timestamp DEFAULT now(), d date DEFAULT now(), code text DEFAULT 5, s text DEFAULT now())",
    );
    let record = r#"{"n": 12345678901234567890.123, "b": 9007199254740993, "ts": "2024-03-31T02:30:00", "d": "0001-01-01", "code": "c", "s": "s"}"#;
    let path = file(&database, "a.json", &[record, "{}"]);
    assert_eq!(load(&mut client, &path, "t").expect("a load").rows_loaded, 2);
    let found = rows(&mut client, "SELECT n, b, ts, d, code, s FROM t WHERE code = 'c'");
    assert_eq!(found, ["12345678901234567890.123|9007199254740993|2024-03-31T02:30:00|0001-01-01|c|s"]);
    assert_eq!(count(&mut client, "t WHERE n < 1 AND b > 0 AND ts = now()::timestamp OR code = '5'"), 1);
}

#[test]
fn rules_do_what_they_do_for_an_insert() {
    let (database, mut client) = session("columns_rules");
    run(
        &mut client,
        "CREATE TABLE t (id int, v int); CREATE TABLE audit (id int); CREATE TABLE counter (n int);
         INSERT INTO counter VALUES (0);
         CREATE RULE nothing AS ON INSERT TO t WHERE NEW.v < 0 DO INSTEAD NOTHING;
         CREATE RULE also AS ON INSERT TO t WHERE NEW.v > 5 DO ALSO INSERT INTO audit VALUES (NEW.id);
         CREATE RULE counts AS ON INSERT TO t DO ALSO UPDATE counter SET n = n + 1;
         CREATE VIEW shown AS SELECT id, v FROM t;
         CREATE RULE instead AS ON INSERT TO shown DO INSTEAD UPDATE t SET v = NEW.v WHERE id = NEW.id",
    );
    let path =
        file(&database, "a.json", &[r#"{"id": 1, "v": -1}"#, r#"{"id": 2, "v": 3}"#, r#"{"id": 3, "v": 9}"#]);
    load(&mut client, &path, "t").expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM t ORDER BY id"), ["2|3", "3|9"]);
    assert_eq!(rows(&mut client, "SELECT * FROM audit"), ["3"]);
    assert_eq!(rows(&mut client, "SELECT n > 0 FROM counter"), ["true"]);
    let path = file(&database, "b.json", &[r#"{"id": 2, "v": 4}"#]);
    load(&mut client, &path, "shown").expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM t ORDER BY id"), ["2|4", "3|9"]);
}

#[test]
fn an_update_by_a_retry_is_not_undone() {
    let (database, mut client) = session("columns_undo_retry");
    run(
        &mut client,
        "CREATE TABLE t (id int PRIMARY KEY, v int, _load_id bigint); INSERT INTO t VALUES (1, 0)",
    );
    let path = file(&database, "a.json", &[r#"{"id": 1, "v": "x"}"#, r#"{"id": 2, "v": 2}"#]);
    let load_id = load_with(&mut client, &path, "t", "write_mode => 'upsert'").expect("a load").load_id;
    run(
        &mut client,
        &format!(
            "SELECT mend_reject({load_id}, 0, '{{\"id\": 1, \"v\": 1}}'); SELECT retry_rejects({load_id})"
        ),
    );
    assert_eq!(
        rows(&mut client, "SELECT rows_updated FROM loader.load_history ORDER BY load_id"),
        ["0", "1"]
    );
    for undone in [load_id, load_id + 1] {
        let error = client.batch_execute(&format!("SELECT undo_load({undone}, force => true)"));
        assert_eq!(sqlstate(error), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    }
    assert_eq!(count(&mut client, "t"), 2);
}

#[test]
fn the_query_of_another_role_is_not_retried() {
    let (database, mut client) = session("columns_retry_query");
    run(
        &mut client,
        "CREATE ROLE columns_querier; GRANT pg_read_server_files TO columns_querier;
         CREATE TABLE t (n int); GRANT INSERT ON t TO columns_querier",
    );
    let path = file(&database, "a.json", &[r#"{"n": "x"}"#, r#"{"n": 2}"#]);
    run(&mut client, "SET ROLE columns_querier");
    let transform = "transform => $$SELECT (data->>'n')::int AS n FROM record$$";
    let load_id = load_with(&mut client, &path, "t", transform).expect("a load").load_id;
    let mend = format!("SELECT mend_reject({load_id}, 0, '{{\"n\": 1}}')");
    run(&mut client, &format!("{mend}; RESET ROLE"));
    let retry = format!("SELECT retry_rejects({load_id})");
    assert_eq!(sqlstate(client.batch_execute(&retry)), SqlState::INSUFFICIENT_PRIVILEGE);
    run(&mut client, &format!("SET ROLE columns_querier; {retry}; RESET ROLE"));
    assert_eq!(rows(&mut client, "SELECT n FROM t ORDER BY n"), ["1", "2"]);
}

#[test]
fn workers_and_compression_change_nothing() {
    let (database, mut client) = session("columns_many");
    let records = |from: usize| -> String {
        (from..from + 3000)
            .map(|n| match n % 97 {
                5 => format!("{{\"id\": {n}, \"v\": \"bad\"}}\n"),
                6 => format!("{{\"id\": {n}, \"v\": 1, \n"),
                7 => format!("{{\"id\": {n}, \"v\": -1}}\n"),
                _ => format!("{{\"id\": {n}, \"userName\": \"n\\u00e4{n}\", \"v\": {}}}\n", n % 7),
            })
            .collect()
    };
    let folder = files(
        &database,
        "many",
        &[
            ("a.json", records(0).into_bytes()),
            ("b.json.gz", gzip(records(3000).as_bytes())),
            ("c.json", records(6000).into_bytes()),
        ],
    );
    let mut left = Vec::new();
    for workers in [0, 2] {
        run(
            &mut client,
            "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, user_name text, v int CHECK (v >= 0))",
        );
        load_many(&mut client, &folder, "t", &format!("workers => {workers}, chunk => 500")).expect("a call");
        let rejects = rows(
            &mut client,
            "SELECT right(h.file_path, 9), record_no, byte_offset, error_type, r.sqlstate, column_name
             FROM loader.rejects AS r JOIN loader.load_history AS h USING (load_id)
             WHERE h.target_oid = 't'::regclass ORDER BY 1, byte_offset",
        );
        left.push((rows(&mut client, "SELECT * FROM t ORDER BY id"), rejects));
    }
    assert_eq!(left[0].0.len(), (0..9000).filter(|n| !(5..=7).contains(&(n % 97))).count());
    assert!(left[0] == left[1], "the same with and without workers");
}

#[test]
fn mended_rejects_go_to_columns_as_the_load_put_them() {
    let (database, mut client) = session("columns_retry");
    run(&mut client, "CREATE TABLE t (id int PRIMARY KEY, name text, v int, _load_id bigint)");
    let path = file(
        &database,
        "a.json",
        &[
            r#"{"id": 1, "label": "a", "v": 1}"#,
            r#"{"id": 2, "label": "b", "v": "x"}"#,
            r#"{"id": 3, "label": "c", "v": "y"}"#,
            r#"{"id": 4, "#,
        ],
    );
    let options = r#"column_map => '{"label": "name"}', write_mode => 'upsert'"#;
    let outcome = load_with(&mut client, &path, "t", options).expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (1, 3));
    let id = outcome.load_id;
    run(
        &mut client,
        &format!(
            "SELECT mend_rejects({id}, NULL, $$replace(raw_text, '\"x\"', '2')$$);
             SELECT mend_reject({id}, byte_offset, '{{\"id\": 1, \"label\": \"d\"}}') FROM loader.rejects WHERE record_no = 4"
        ),
    );
    let retried = rows(&mut client, &format!("SELECT rows_loaded, rows_rejected FROM retry_rejects({id})"));
    // The third one is JSON as it is, and its value is refused again.
    assert_eq!(retried, ["2|1"]);
    assert_eq!(rows(&mut client, "SELECT id, name, v FROM t ORDER BY id"), ["1|d|1", "2|b|2"]);
}

#[test]
fn a_query_makes_rows_of_records() {
    let (database, mut client) = session("columns_transform");
    run(
        &mut client,
        "CREATE TABLE t (country text, year int, gdp numeric CHECK (gdp > 0), record bigint, place text,
                         _load_id bigint, PRIMARY KEY (country, year))",
    );
    let path = file(
        &database,
        "gdp.json",
        &[
            r#"{"country": "IT", "2020": 1.9, "2021": "2.1"}"#,
            r#"{"country": "FR", "2020": 2.6}"#,
            r#"{"country": "XX", "2020": 1, "2021": "none"}"#,
            r#"{"country": "YY", "2020": 1, "2021": -1}"#,
            r#"{"country": "DE", "2020": 3.9, "2021": 4.2}"#,
            "oops",
            r#"{"country": "ES"}"#,
        ],
    );
    let transform =
        "SELECT data->>'country' AS country, key::int AS year, value::numeric AS gdp, record_no AS record,
                            line || ' ' || byte_offset || ' ' || right(file, 8) AS place
                     FROM record, jsonb_each_text(data - 'country') -- one row a year";
    let columns = "country, year, gdp, record, place, _load_id IS NOT NULL AS l";
    let wanted = [
        "IT|2020|1.9|1|1 0 gdp.json|true",
        "IT|2021|2.1|1|1 0 gdp.json|true",
        "FR|2020|2.6|2|2 46 gdp.json|true",
        "DE|2020|3.9|5|5 163 gdp.json|true",
        "DE|2021|4.2|5|5 163 gdp.json|true",
    ];
    for chunk in [1, 2, 10_000] {
        run(&mut client, "BEGIN");
        let options = format!("transform => $q${transform}\n$q$, chunk => {chunk}");
        let (found, rejects) = loaded(&mut client, &path, &options, columns);
        assert_eq!(found, wanted, "{chunk}");
        assert_eq!(rejects, ["3|CAST|22P02|-", "4|CONSTRAINT|23514|-", "6|TEXT|22P02|-"], "{chunk}");
        run(&mut client, "ROLLBACK");
    }
    let options = format!("transform => $q${transform}\n$q$, write_mode => 'upsert'");
    assert_eq!(written(&mut client, &path, &options), [5, 0, 0, 3]);
    assert_eq!(written(&mut client, &path, &options), [0, 5, 0, 3]);
    let refused = [
        ("SELECT 1 AS year; SELECT 2 AS year", SqlState::SYNTAX_ERROR),
        ("DELETE FROM t", SqlState::SYNTAX_ERROR),
        ("SELECT 1 INTO other", SqlState::SYNTAX_ERROR),
        ("SELECT 1) AS q; DELETE FROM t; --", SqlState::SYNTAX_ERROR),
        ("SELECT 1 AS nowhere FROM record", SqlState::UNDEFINED_COLUMN),
        ("SELECT data->>'x' AS year FROM other", SqlState::UNDEFINED_TABLE),
    ];
    for (query, code) in refused {
        let options = format!("transform => $q${query}$q$, if_loaded => 'force'");
        assert_eq!(sqlstate(load_with(&mut client, &path, "t", &options)), code, "{query}");
    }
}

#[test]
fn a_transform_filters_and_runs_in_workers() {
    let (database, mut client) = session("columns_transform_many");
    let records: String = (0..2000).map(|n| format!("{{\"n\": {n}, \"kind\": {}}}\n", n % 3)).collect();
    let folder = files(
        &database,
        "many",
        &[("a.json", records.as_bytes().to_vec()), ("b.json.gz", gzip(records.as_bytes()))],
    );
    run(&mut client, "CREATE TABLE t (n int, file text)");
    let options = "transform => $q$SELECT (data->>'n')::int AS n, file FROM record WHERE data->'kind' = '1'$q$, workers => 2";
    // The same content twice, by another path and compressed.
    load_many(&mut client, &folder, "t", options).expect("a call");
    assert_eq!(
        rows(&mut client, "SELECT count(*), count(DISTINCT n), count(DISTINCT file) FROM t"),
        ["1334|667|2"]
    );
}

#[test]
fn fields_of_a_document_are_given_to_its_records() {
    let (database, mut client) = session("columns_keep");
    let path = database.file(
        "weather.json",
        r#"{"cod": "200", "city": {"id": 7, "name": "Rome"}, "list": [{"dt": 1}, {"dt": "x", "name": "own"}, {"dt": 3}]}"#,
    );
    run(&mut client, "CREATE TABLE t (dt int, city text, cod int, data jsonb)");
    let keep = "records_path => '$.list', keep => '{city.name,cod}'";
    let (found, _) = loaded(&mut client, &path, keep, "data");
    assert_eq!(found[0], r#"{"dt": 1, "cod": "200", "name": "Rome"}"#);
    assert_eq!(found[1], r#"{"dt": "x", "cod": "200", "name": "own"}"#);
    run(&mut client, "TRUNCATE t; ALTER TABLE t DROP data");
    let map = r#"column_map => '{"city.name": "city"}'"#;
    let (found, rejects) = loaded(&mut client, &path, &format!("{keep}, {map}"), "*");
    assert_eq!(found, ["1|Rome|200", "3|Rome|200"]);
    assert_eq!(rejects, ["2|CAST|22P02|dt"]);
    // What was kept of the document is there when the reject is retried.
    run(
        &mut client,
        "SELECT mend_rejects(load_id, NULL, $$replace(raw_text, '\"x\"', '2')$$), retry_rejects(load_id) FROM loader.rejects",
    );
    assert_eq!(rows(&mut client, "SELECT * FROM t ORDER BY dt"), ["1|Rome|200", "2|own|200", "3|Rome|200"]);
    let refused = [
        ("keep => '{cod}'", SqlState::INVALID_PARAMETER_VALUE),
        ("records_path => '$.list', keep => '{list.dt}'", SqlState::INVALID_PARAMETER_VALUE),
        ("records_path => '$.list', keep => '{cod,city.cod}'", SqlState::INVALID_PARAMETER_VALUE),
    ];
    for (options, code) in refused {
        let options = format!("{options}, if_loaded => 'force'");
        assert_eq!(sqlstate(load_with(&mut client, &path, "t", &options)), code, "{options}");
    }
    let behind = database.file("behind.json", r#"{"list": [{"dt": 1}], "cod": 5}"#);
    assert_eq!(sqlstate(load_with(&mut client, &behind, "t", keep)), SqlState::FEATURE_NOT_SUPPORTED);
}

#[test]
fn what_is_left_out_is_told() {
    let database = Cluster::shared().database("columns_left_out");
    let (mut client, said) = database.connect_listening("postgres");
    run(&mut client, "CREATE TABLE t (id int, n int)");
    let long = "x".repeat(1000);
    let page = |id: u32| format!("{{\"id\": {id}, \"n\": \"x\", \"a\": \"{long}\", \"b{}\": 2}}\n", id % 2);
    let path = database.file("a.json", page(1) + &page(3));
    let set_null = "on_value_error => 'set_null'";
    load_with(&mut client, &path, "t", set_null).expect("a load");
    let hint = "HINT: Map them with column_map, or add a column _rescued of type jsonb.";
    let lines = [
        format!("NOTICE: fields of file \"{path}\" that no column of table \"t\" takes were ignored {hint}"),
        format!("NOTICE: 2 values of file \"{path}\" were set to NULL"),
    ];
    assert_eq!(said.take(), lines);
    assert_eq!(said.details(), ["They are: \"a\", \"b1\".", "The types of their columns refuse them."]);

    // A call sums up what its files and their parts left out, whoever loaded them.
    let pages: Vec<String> = (0..40).map(page).collect();
    let many: Vec<(String, &str)> =
        pages.iter().enumerate().map(|(n, page)| (format!("{n}.json"), page.as_str())).collect();
    let named: Vec<(&str, &str)> = many.iter().map(|(name, page)| (name.as_str(), *page)).collect();
    let folder = files(&database, "many", &named);
    let large = database.file("large.json", pages.concat().repeat(250));
    run(&mut client, "SET loader.transaction_size = '1MB'");
    for (pattern, workers, values) in [(&folder, 0, 40), (&folder, 2, 40), (&large, 2, 10_000)] {
        let options = format!("{set_null}, workers => {workers}, if_loaded => 'force'");
        load_many(&mut client, pattern, "t", &options).expect("a call");
        let found = said.results();
        let lines = [
            format!(
                "NOTICE: fields of files \"{pattern}\" that no column of table \"t\" takes were ignored {hint}"
            ),
            format!("NOTICE: {values} values of files \"{pattern}\" were set to NULL"),
        ];
        assert_eq!(found[..2], lines, "{found:?}");
        let details = said.details();
        for name in ["\"a\"", "\"b0\"", "\"b1\""] {
            assert_eq!(details[0].matches(name).count(), 1, "{details:?}");
        }
    }
}

#[test]
fn a_table_gets_columns_for_new_fields() {
    let (database, mut client) = session("columns_evolve");
    run(&mut client, "CREATE TABLE t (id int NOT NULL, user_id text)");
    let path = file(
        &database,
        "a.json",
        &[
            r#"{"id": 1, "userId": "u", "addedAt": "2024-01-05T00:00Z"}"#,
            r#"{"id": 2, "n": 1.5, "ID": null}"#,
        ],
    );
    let add = "schema_evolution => 'add_new_columns'";
    let error = load_with(&mut client, &path, "t", add);
    assert_eq!(sqlstate(error), SqlState::AMBIGUOUS_ALIAS);
    let map = r#"column_map => '{"ID": null}'"#;
    let (found, _) = loaded(&mut client, &path, &format!("{add}, {map}"), "*");
    assert_eq!(found, ["1|u|2024-01-05T00:00:00+00:00|-", "2|-|-|1.5"]);
    let kinds =
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull, col_description(attrelid, attnum)
                 FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 2 ORDER BY attnum";
    let wanted = ["added_at|timestamp with time zone|false|addedAt", "n|numeric|false|n"];
    assert_eq!(rows(&mut client, kinds), wanted);
    // Again there is nothing to be added; and files of a call are looked at before it begins.
    loaded(&mut client, &path, &format!("{add}, {map}, if_loaded => 'force'"), "*");
    let folder = files(
        &database,
        "more",
        &[("b.json", "{\"id\": 3, \"x\": true}\n"), ("c.json", "{\"id\": 4, \"y\": [1]}\n")],
    );
    load_many(&mut client, &folder, "t", add).expect("a call");
    assert_eq!(rows(&mut client, "SELECT x, y FROM t WHERE id > 2 ORDER BY id"), ["true|-", "-|[1]"]);
    // Fields of the document are fields of its records.
    let page = r#"{"page": {"no": 7, "of": "x"}, "list": [{"id": 5}, {"id": 6, "of": "y"}]}"#;
    let kept = format!("{add}, records_path => '$.list', keep => '{{page.no,page.of}}'");
    let path = file(&database, "page.json", &[page]);
    load_with(&mut client, &path, "t", &kept).expect("a load");
    let folder = files(&database, "pages", &[("p.json", &page.replace("no", "number"))]);
    load_many(&mut client, &folder, "t", &kept.replace("no", "number")).expect("a call");
    let found = rows(&mut client, r#"SELECT id, no, number, "of" FROM t WHERE id > 4 ORDER BY no, id"#);
    assert_eq!(found, ["5|7|-|x", "6|7|-|y", "5|-|7|x", "6|-|7|y"]);
    // Only the owner may.
    run(
        &mut client,
        "CREATE ROLE columns_loader; GRANT pg_read_server_files TO columns_loader;
         GRANT INSERT ON t TO columns_loader; SET ROLE columns_loader",
    );
    let path = file(&database, "d.json", &[r#"{"id": 5, "z": 1}"#]);
    assert_eq!(sqlstate(load_with(&mut client, &path, "t", add)), SqlState::INSUFFICIENT_PRIVILEGE);
}

#[test]
fn new_columns_do_not_change_how_records_are_loaded() {
    let (database, mut client) = session("columns_evolve_names");
    run(&mut client, "CREATE TABLE t (id bigint)");
    let add = "schema_evolution => 'add_new_columns'";
    let record =
        r#"{"id": 1, "data": {"x": 1}, "_load_id": 7, "_byte_offset": 8, "_key": "k", "_rescued": [9]}"#;
    let path = file(&database, "a.json", &[record]);
    let (found, rejects) = loaded(&mut client, &path, add, "*");
    assert_eq!(found, [r#"1|{"x": 1}|7|8|k|[9]"#]);
    assert_eq!(rejects, [""; 0]);
    let names = rows(
        &mut client,
        "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
         WHERE attrelid = 't'::regclass AND attnum > 0",
    );
    assert_eq!(names, ["id data_2 _load_id_2 _byte_offset_2 _key_2 _rescued_2"]);
    // A second load adds nothing, and goes the same way.
    let again = format!("{add}, if_loaded => 'force'");
    assert_eq!(loaded(&mut client, &path, &again, "*").0, [found[0].clone(), found[0].clone()]);
}

#[test]
fn the_path_of_a_file_is_no_pattern() {
    let (database, mut client) = session("columns_evolve_path");
    run(&mut client, "CREATE TABLE t (id int)");
    let add = "schema_evolution => 'add_new_columns'";
    let path = file(&database, "a[*].json", &[r#"{"id": 1, "x": 1}"#]);
    assert_eq!(loaded(&mut client, &path, add, "*").0, ["1|1"]);
    // Another file that a pattern would find gives the table no column.
    let path = file(&database, "b?.json", &[r#"{"id": 2}"#]);
    file(&database, "bb.json", &[r#"{"id": 3, "y": 1}"#]);
    assert_eq!(loaded(&mut client, &path, add, "*").0, ["1|1", "2|-"]);
    let path = database.file("b.csv", "id,z\n3,4\n").replace("b.csv", "c*.csv");
    let error = load_csv(&mut client, &path, "t", add);
    assert_eq!(sqlstate(error), SqlState::UNDEFINED_FILE);
    database.file("c*.csv", "id,z\n3,4\n");
    load_csv(&mut client, &path, "t", add).expect("a load");
    assert_eq!(rows(&mut client, "SELECT z FROM t WHERE id = 3"), ["4"]);
}

#[test]
fn only_columns_that_the_role_may_insert_into_are_filled() {
    let (database, mut client) = session("columns_rights");
    run(
        &mut client,
        "CREATE TABLE t (id int, secret text DEFAULT 'own', n int);
         CREATE ROLE columns_writer; GRANT pg_read_server_files TO columns_writer;
         GRANT INSERT (id, n), SELECT ON t TO columns_writer; SET ROLE columns_writer",
    );
    let path = file(&database, "a.json", &[r#"{"id": 1, "secret": "mine", "n": 2}"#]);
    assert_eq!(loaded(&mut client, &path, "", "*").0, ["1|own|2"]);
    let map = r#"column_map => '{"secret": "secret"}', if_loaded => 'force'"#;
    assert_eq!(sqlstate(load_with(&mut client, &path, "t", map)), SqlState::UNDEFINED_COLUMN);
    // An update needs more than the right to insert.
    run(&mut client, "RESET ROLE; ALTER TABLE t ADD PRIMARY KEY (id); SET ROLE columns_writer");
    let error = load_with(&mut client, &path, "t", "write_mode => 'upsert', if_loaded => 'force'");
    assert_eq!(sqlstate(error), SqlState::INSUFFICIENT_PRIVILEGE);
}

#[test]
fn cells_are_handed_to_the_load_alone() {
    let (database, mut client) = session("columns_handed");
    let path = file(&database, "a.json", &[r#"{"id": 1}"#]);
    run(
        &mut client,
        "CREATE TABLE t (id int);
         CREATE FUNCTION peek() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM loader.chunk_cells(0, 0, NULL::int);
             RETURN NEW;
         END $$;
         CREATE TRIGGER peek BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION peek()",
    );
    assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    for call in [
        "loader.chunk_cells(NULL, NULL, NULL::text)",
        "loader.chunk_cells(0, 0, NULL::int)",
        "loader.chunk_absent(0, 0)",
        "loader.chunk_has(0, 0)",
        "loader.chunk_conflict(0, true)",
        "loader.chunk_written(0)",
        "loader.chunk_numbers(0)",
        "loader.chunk_lines(0)",
    ] {
        let error = client.batch_execute(&format!("SELECT {call}"));
        assert_eq!(sqlstate(error), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "{call}");
    }
}
