//! `infer_schema` and `seed_table`: the columns that files need, and a table with them.

use crate::helpers::{files, gzip, lines};
use loader_client_tests::{Cluster, Database};
use postgres::Client;
use postgres::error::{DbError, SqlState};
use std::fmt::Write;

/// A database without a table, and a session in it.
fn session(name: &str) -> (Database<'static>, Client) {
    let database = Cluster::shared().database(name);
    let client = database.connect();
    (database, client)
}

/// The rows of a query as text, their columns with a bar between.
fn rows(client: &mut Client, query: &str) -> Vec<String> {
    let query = format!(
        "SELECT concat_ws('|', VARIADIC ARRAY(SELECT coalesce(v, '-') FROM json_each_text(to_json(q)) AS e (k, v))) FROM ({query}) AS q"
    );
    client.query(&query, &[]).expect("a query").iter().map(|row| row.get(0)).collect()
}

/// Field, type, reason and counter-example of each column that is inferred for records.
fn inferred(database: &Database, client: &mut Client, name: &str, records: &[String]) -> Vec<String> {
    let path = database.file(name, records.join("\n"));
    rows(
        client,
        &format!("SELECT field, type, reason, counter_example FROM infer_schema('{path}') ORDER BY ordinal"),
    )
}

fn refused(client: &mut Client, statement: &str) -> DbError {
    let error = client.batch_execute(statement).expect_err("an error");
    error.as_db_error().unwrap_or_else(|| panic!("the server's: {error:?}")).clone()
}

/// So many records with the fields that `fields` makes for each number.
fn records(count: usize, fields: impl Fn(usize) -> String) -> Vec<String> {
    (0..count).map(|n| format!("{{{}}}", fields(n))).collect()
}

#[test]
fn each_type_has_its_rule() {
    let (database, mut client) = session("infer_types");
    let cases: [(&str, &str, &[&str]); 18] = [
        ("flag", "boolean", &["true", "false"]),
        ("small", "bigint", &["0", "-5", "999999999999999999"]),
        ("long", "numeric", &["1000000000000000000", "2"]),
        ("decimal", "numeric", &["0.10", "5.5"]),
        ("exponent", "double precision", &["1e5", "0.5"]),
        ("both", "numeric", &["1e5", "9007199254740993"]),
        ("day", "date", &["\"2024-02-29\"", "\"0001-01-01\""]),
        ("no day", "text", &["\"2023-02-30\"", "\"2024-01-01\""]),
        ("local", "timestamp", &["\"2024-01-05T10:00:00\"", "\"2024-01-05 23:59:59.123456\""]),
        (
            "zoned",
            "timestamptz",
            &["\"2024-01-05T10:00Z\"", "\"2024-01-05 10:00:00.5+02\"", "\"2024-01-05T10:00:00\\u002B0530\""],
        ),
        ("fine", "text", &["\"2024-01-05T10:00:00.1234567Z\"", "\"2024-01-05T10:00:00Z\""]),
        ("mixed times", "text", &["\"2024-01-05\"", "\"2024-01-05T10:00:00\""]),
        ("id", "uuid", &["\"A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11\""]),
        ("zeros", "text", &["\"007\"", "\"12\""]),
        ("words", "text", &["\"true\"", "\"yes\""]),
        ("list", "jsonb", &["[1, 2]", "{\"a\": []}"]),
        ("mixture", "jsonb", &["[1]", "\"x\"", "5"]),
        ("nothing", "text", &["null"]),
    ];
    let all = records(30, |n| {
        let fields: Vec<String> = cases
            .iter()
            .map(|(field, _, values)| format!("\"{field}\": {}", values[n % values.len()]))
            .collect();
        fields.join(", ")
    });
    let path = database.file("types", all.join("\n"));
    let found = rows(&mut client, &format!("SELECT field, type FROM infer_schema('{path}')"));
    let expected: Vec<String> = cases.iter().map(|(field, kind, _)| format!("{field}|{kind}")).collect();
    assert_eq!(found, expected);

    // The server takes each value for its type, and gives back what it was.
    client.batch_execute("SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'SQL, DMY'").expect("settings");
    client.execute("SELECT seed_table('typed', $1)", &[&path]).expect("a table");
    let loaded = rows(
        &mut client,
        &format!(
            "SELECT count(*) AS n, count(*) FILTER (WHERE to_jsonb(t.small) = r.data -> 'small') AS small,
                    count(*) FILTER (WHERE t.long::text = r.data ->> 'long') AS long,
                    count(*) FILTER (WHERE t.decimal::text = r.data ->> 'decimal') AS decimal,
                    count(*) FILTER (WHERE t.exponent::numeric = (r.data ->> 'exponent')::numeric) AS exponent,
                    count(*) FILTER (WHERE t.\"both\" = (r.data ->> 'both')::numeric) AS both,
                    count(*) FILTER (WHERE to_char(t.day, 'YYYY-MM-DD') = r.data ->> 'day') AS day,
                    count(*) FILTER (WHERE to_char(t.local, 'YYYY-MM-DD') = '2024-01-05') AS local,
                    count(*) FILTER (WHERE t.zoned IS NOT NULL AND t.id IS NOT NULL) AS zoned
             FROM read_json_file('{path}') AS r, jsonb_populate_record(NULL::typed, r.data) AS t"
        ),
    );
    assert_eq!(loaded, ["30|30|30|30|30|30|30|30|30"]);
}

#[test]
fn a_minority_is_shown_and_not_widened_for() {
    let (database, mut client) = session("infer_minority");
    let rare = |n: usize, rare: &str, value: String| if n == 70 { rare.to_string() } else { value };
    let few = records(200, |n| {
        format!(
            "\"number\": {}, \"day\": {}, \"altered\": {}, \"decimal\": {}, \"text\": {}",
            rare(n, "\"N/A\"", n.to_string()),
            rare(n, "\"0000-00-00\"", "\"2024-01-05\"".into()),
            rare(n, "\"007\"", n.to_string()),
            rare(n, "1.5", n.to_string()),
            rare(n, "[1]", "\"x\"".into()),
        )
    });
    assert_eq!(
        inferred(&database, &mut client, "few", &few),
        [
            "number|bigint|1 of 200 values does not fit|N/A",
            "day|date|1 of 200 values does not fit|0000-00-00",
            "altered|text|199 of 200 values would fit bigint|007",
            "decimal|numeric|199 of 200 values would fit bigint|1.5",
            "text|jsonb|199 of 200 values would fit text|[1]",
        ]
    );
    // What is said not to fit is refused, each of the kinds by each of the types.
    for kind in
        ["boolean", "bigint", "numeric", "double precision", "date", "timestamp", "timestamptz", "uuid"]
    {
        for word in [
            "",
            " ",
            "N/A",
            "none",
            "null",
            "-",
            "unknown",
            "missing",
            "jan",
            "monday",
            "utc",
            "est",
            "am",
            "bc",
            "#N/A",
            "?",
            "0000-00-00",
            "2023-02-30",
            "0000-00-00 00:00:00",
        ] {
            let error = client.query(&format!("SELECT '{word}'::{kind}"), &[]).expect_err(word);
            assert!(error.code().is_some_and(|code| code.code().starts_with("22")), "{kind} {word}: {error}");
        }
    }
    let times = ["2024-01-05", "2024-01-05T10:00:00", "2024-01-05T10:00:00.1234567Z"];
    let containers = ["[1]", "[true]", r#"{"a": 1}"#, "[]", "{}"];
    let id = ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"];
    let numbers = ["12", "-1.5", "999999999999999999"];
    let booleans = ["true", "false"];
    let pairs: [(&[&str], &[&[&str]]); 3] = [
        (&["boolean", "bigint", "numeric", "double precision"], &[&times, &containers, &id]),
        (&["bigint", "numeric", "double precision", "date", "timestamp", "timestamptz"], &[&booleans]),
        (&["uuid"], &[&booleans, &numbers, &times, &containers]),
    ];
    for (kinds, values) in pairs {
        for kind in kinds {
            for value in values.iter().copied().flatten() {
                let error = client.query(&format!("SELECT '{value}'::{kind}"), &[]).expect_err(value);
                assert!(
                    error.code().is_some_and(|code| code.code().starts_with("22")),
                    "{kind} {value}: {error}"
                );
            }
        }
    }
    // Two in a hundred are no minority.
    let many = records(100, |n| format!("\"a\": {}", if n < 2 { "\"N/A\"".into() } else { n.to_string() }));
    assert_eq!(
        inferred(&database, &mut client, "many", &many),
        ["a|text|98 of 100 values would fit bigint|N/A"]
    );
}

#[test]
fn nulls_absence_and_lengths_are_counted() {
    let (database, mut client) = session("infer_counts");
    let path = database.file(
        "counts",
        "{\"userId\": 1, \"Grüße\": \"ä\\n\", \"n\": {\"deep\": [1]}}\n{\"userId\": null}\n{\"late\": true, \"userId\": 22}\n",
    );
    assert_eq!(
        rows(&mut client, &format!("SELECT * FROM infer_schema('{path}')")),
        [
            "1|userId|user_id|bigint|true|3|1|0|2|-|-",
            "2|Grüße|grüße|text|true|3|0|2|2|-|-",
            "3|n|n|jsonb|true|3|0|2|13|-|-",
            "4|late|late|boolean|true|3|0|2|4|-|-",
        ]
    );
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (database, mut client) = session("infer_threads");
    let mut text = String::new();
    for n in 0..60_000 {
        let extra = if n % 7000 == 0 { format!(", \"late {}\": {n}", n / 7000) } else { String::new() };
        let value = if n % 20_011 == 20_010 { "\"N/A\"".to_string() } else { n.to_string() };
        writeln!(text, "{{\"n\": {n}, \"name\": \"record {n}\", \"value\": {value}{extra}}}")
            .expect("a string");
        if n % 100 == 0 {
            text.push_str("{\"broken\": \n[1]\n");
        }
    }
    assert!(text.len() > 2 << 20, "small files have no threads");
    let pattern = files(
        &database,
        "threads",
        &[("a", text.as_str()), ("b", "{\"last\": \"2024-01-05\"}"), ("c", &text)],
    );
    let good = client
        .query_one("SELECT count(data) FROM read_json_file($1)", &[&pattern])
        .expect("a reading")
        .get::<_, i64>(0);
    assert!(good > 120_000);
    for sample in [-1, 30_000, 5] {
        let mut first = None;
        for threads in [0, 1, 2, 4] {
            client.batch_execute(&format!("SET loader.parse_threads = {threads}")).expect("SET");
            let found = rows(
                &mut client,
                &format!("SELECT * FROM infer_schema('{pattern}', sample_size => {sample})"),
            );
            assert!(found.len() >= 3, "{found:?}");
            assert_eq!(first.get_or_insert(found.clone()), &found, "{threads} threads");
        }
        let found = first.expect("a schema");
        let records = |index: usize| found[index].split('|').nth(5).expect("records").to_string();
        match sample {
            -1 => assert_eq!((records(0), found.len()), (good.to_string(), 13)),
            5 => assert!(found[0].starts_with("1|n|n|bigint|true|"), "{found:?}"),
            _ => assert!(records(0).parse::<i64>().expect("a number") < 30_000),
        }
        assert_eq!(found.iter().any(|row| row.contains("|last|")), sample == -1, "{found:?}");
    }
}

#[test]
fn files_of_every_kind() {
    let (database, mut client) = session("infer_files");
    let types = |client: &mut Client, call: &str| {
        rows(client, &format!("SELECT field, type, records FROM infer_schema({call})"))
    };
    let packed = database.file("packed.gz", gzip(lines(1000).as_bytes()));
    assert_eq!(
        types(&mut client, &format!("'{packed}'")),
        ["n|bigint|1000", "name|text|1000", "tags|jsonb|1000", "ok|boolean|1000"]
    );
    let wrapped =
        database.file("wrapped", "{\"meta\": 1, \"data\": {\"items\": [{\"a\": 1},\n {\"b\": \"x\"}]}}");
    assert_eq!(
        types(&mut client, &format!("'{wrapped}', records_path => '$.data.items'")),
        ["a|bigint|2", "b|text|2"]
    );
    let damaged =
        database.file("damaged", "{\"a\": 1}\n{\"a\": \n{\"a\": 1.5}\n{\"a\": \"\\ud800\"}\n{\"a\": 2}\n");
    assert_eq!(types(&mut client, &format!("'{damaged}'")), ["a|numeric|3"]);
    // The splitter leaves very deep records to the server.
    let deep = format!("{{\"deep\": {}1{}, \"b\": 1}}\n{{\"b\": 2}}", "[".repeat(700), "]".repeat(700));
    let deep = database.file("deep", deep);
    assert_eq!(types(&mut client, &format!("'{deep}'")), ["deep|jsonb|2", "b|bigint|2"]);
    client.batch_execute("SET max_stack_depth = '100kB'").expect("SET");
    let deeper = format!("{{\"deep\": {}1{}}}\n{{\"b\": 2}}", "[".repeat(20_000), "]".repeat(20_000));
    let deeper = database.file("deeper", deeper);
    assert_eq!(types(&mut client, &format!("'{deeper}'")), ["b|bigint|1"]);
    client.batch_execute("RESET max_stack_depth").expect("RESET");
    assert_eq!(types(&mut client, &format!("'{}'", database.file("empty", ""))), Vec::<String>::new());

    let error = refused(&mut client, "SELECT * FROM infer_schema('/nowhere/*')");
    assert_eq!(error.code(), &SqlState::UNDEFINED_FILE);
    for size in [0, -2] {
        let error =
            refused(&mut client, &format!("SELECT * FROM infer_schema('{packed}', sample_size => {size})"));
        assert_eq!(error.code(), &SqlState::INVALID_PARAMETER_VALUE, "{error:?}");
    }
    let wide: Vec<String> = (0..1601).map(|n| format!("\"secret{n}\": 1")).collect();
    let wide = database.file("wide", format!("{{{}}}", wide.join(",")));
    let error = refused(&mut client, &format!("SELECT * FROM infer_schema('{wide}')"));
    assert_eq!(error.code().code(), "54011");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

/// Name, type, whether it may be NULL, and comment of each column of a table.
fn columns(client: &mut Client, table: &str) -> Vec<String> {
    rows(
        client,
        &format!(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                    col_description(a.attrelid, a.attnum)
             FROM pg_attribute AS a
             WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 ORDER BY a.attnum"
        ),
    )
}

#[test]
fn a_table_has_a_column_for_each_field() {
    let (database, mut client) = session("seed_table");
    let text = "{\"userId\": 1, \"user_id\": 2, \"When\": \"2024-01-05T10:00:00Z\", \"_rescued\": null}\n{\"userId\": 3}\n";
    let path = database.file("seed", text);
    let name: String = client
        .query_one("SELECT seed_table('users', $1, lineage => true, unlogged => true)::text", &[&path])
        .expect("a table")
        .get(0);
    assert_eq!(name, "users");
    assert_eq!(
        columns(&mut client, "users"),
        [
            "user_id_2|bigint|false|userId",
            "user_id|bigint|false|user_id",
            "when|timestamp with time zone|false|When",
            "_rescued_2|text|false|_rescued",
            "_rescued|jsonb|false|-",
            "_load_id|bigint|false|-",
            "_byte_offset|bigint|false|-",
        ]
    );
    let kind = rows(&mut client, "SELECT relpersistence FROM pg_class WHERE oid = 'users'::regclass");
    assert_eq!(kind, ["u"]);

    let seed = |client: &mut Client, arguments: &str| {
        client
            .batch_execute(&format!("DROP TABLE IF EXISTS t; SELECT seed_table('t', '{path}', {arguments})"))
            .expect("a table");
        columns(client, "t")
    };
    assert_eq!(
        seed(&mut client, "normalize_names => false, rescue => false, infer_types => false"),
        [
            "userId|text|false|userId",
            "user_id|text|false|user_id",
            "When|text|false|When",
            "_rescued_2|text|false|_rescued"
        ]
    );
    assert_eq!(
        seed(
            &mut client,
            r#"key => '{userId,when}', rescue => false,
               types => '{"user_id": "numeric(10, 2)", "userId": "integer", "when": "timestamp(3)[]"}'"#
        ),
        [
            "user_id_2|integer|true|userId",
            "user_id|numeric(10,2)|false|user_id",
            "when|timestamp(3) without time zone[]|true|When",
            "_rescued_2|text|false|_rescued",
        ]
    );
    let key = rows(
        &mut client,
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'",
    );
    assert_eq!(key, ["PRIMARY KEY (user_id_2, \"when\")"]);

    let keyed = database.file("keyed", "{\"people\": {\"x\": {\"a\": 1}, \"y\": {\"a\": 2}}}");
    client
        .execute("SELECT seed_table('people', $1, records_path => '$.people.*', key => '{_key}')", &[&keyed])
        .expect("a table");
    assert_eq!(
        columns(&mut client, "people"),
        ["a|bigint|false|a", "_key|text|true|-", "_rescued|jsonb|false|-"]
    );
}

#[test]
fn no_field_makes_a_column_that_loads_take_for_something_else() {
    let (database, mut client) = session("seed_names");
    let record = r#"{"_load_id": 70, "_byte_offset": 71, "_key": "k", "_rescued": {"a": 1}}"#;
    let path = database.file("a.json", record);
    let query = format!("SELECT seed_table('t', '{path}', rescue => false)");
    client.batch_execute(&query).expect("a table");
    client.execute("SELECT load_json_file($1, 't')", &[&path]).expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM t"), [r#"70|71|k|{"a": 1}"#]);
    assert_eq!(
        columns(&mut client, "t"),
        [
            "_load_id_2|bigint|false|_load_id",
            "_byte_offset_2|bigint|false|_byte_offset",
            "_key_2|text|false|_key",
            "_rescued_2|jsonb|false|_rescued",
        ]
    );
}

#[test]
fn an_existing_table_is_left_alone() {
    let (database, mut client) = session("seed_existing");
    let path = database.file("existing", "{\"a\": 1}");
    client.batch_execute("CREATE SCHEMA s; CREATE TABLE s.t (other text)").expect("a table");
    let error = refused(&mut client, &format!("SELECT seed_table('s.t', '{path}')"));
    assert_eq!(error.code(), &SqlState::DUPLICATE_TABLE);
    client
        .batch_execute("SELECT seed_table('s.t', '/nowhere', if_not_exists => true)")
        .expect("the table, whatever the files");
    assert_eq!(columns(&mut client, "s.t"), ["other|text|false|-"]);
    client.execute("SELECT seed_table('s.u', $1, if_not_exists => true)", &[&path]).expect("a table");
    assert_eq!(columns(&mut client, "s.u"), ["a|bigint|false|a", "_rescued|jsonb|false|-"]);
}

#[test]
fn names_and_types_cannot_smuggle_sql() {
    let (database, mut client) = session("seed_injection");
    client.batch_execute("CREATE TABLE victim (a int); CREATE SCHEMA planted; CREATE DOMAIN planted.text AS int; SET search_path = planted, public, pg_catalog").expect("a table");
    let field = r#"x" int); DROP TABLE victim; --'\\"#;
    let json = format!(
        "{{\"{}\": \"v\", \"tableoid\": 1, \"{}\": 2}}",
        field.replace('"', "\\\""),
        "long ".repeat(40)
    );
    let path = database.file("injection", json);
    let field = field.replace("\\\\", "\\");
    let table = r#"public."t (a int); DROP TABLE victim; --""#;
    for (normalize, column) in [("true", "x_int_drop_table_victim"), ("false", field.as_str())] {
        client
            .execute(
                &format!("SELECT public.seed_table($1, $2, normalize_names => {normalize})"),
                &[&table, &path],
            )
            .expect("a table");
        let found: Vec<(String, String, String)> = client
            .query(
                "SELECT a.attname::pg_catalog.text, format_type(a.atttypid, -1), col_description(a.attrelid, a.attnum)
                 FROM pg_attribute AS a WHERE a.attrelid = ($1::pg_catalog.text)::regclass AND a.attnum > 0 ORDER BY a.attnum",
                &[&table],
            )
            .expect("columns")
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get::<_, Option<String>>(2).unwrap_or_default()))
            .collect();
        assert_eq!(found[0], (column.to_string(), "pg_catalog.text".to_string(), field.clone()));
        assert_eq!(found[1].0, "tableoid_2");
        assert!(found[2].0.len() <= 63 && found[2].2 == "long ".repeat(40), "{found:?}");
        client.batch_execute(&format!("DROP TABLE {table}")).expect("DROP");
    }
    for name in [
        "int); DROP TABLE victim; --",
        "int, b int",
        "int DEFAULT 1/0",
        "int COLLATE \"C\"",
        "nonsense",
        "int; SELECT 1",
        "",
    ] {
        let types = format!("{{\"tableoid\": \"{}\"}}", name.replace('"', "\\\""));
        let error =
            refused(&mut client, &format!("SELECT public.seed_table('t', '{path}', types => '{types}')"));
        assert!(["42601", "42704"].contains(&error.code().code()), "{name}: {error:?}");
    }
    for (arguments, code) in [
        ("types => '{\"nothing\": \"int\"}'", "42703"),
        ("types => '{\"tableoid\": \"int\", \"tableoid_2\": \"int\"}'", "22023"),
        ("types => '{\"tableoid\": null}'", "22004"),
        ("types => '[1]'", "22023"),
        ("key => '{nothing}'", "42703"),
        ("key => '{tableoid, NULL}'", "22004"),
        ("key => '{tableoid, tableoid}'", "42701"),
        ("unlogged => NULL", "22004"),
    ] {
        let error = refused(&mut client, &format!("SELECT public.seed_table('t', '{path}', {arguments})"));
        assert_eq!(error.code().code(), code, "{arguments}: {error:?}");
    }
    let error = refused(
        &mut client,
        &format!(
            "SELECT public.seed_table('t', '{}', format => 'ndjson')",
            database.file("scalars", "1\n2\n")
        ),
    );
    assert_eq!(error.code(), &SqlState::DATA_EXCEPTION);
    client.batch_execute("SELECT FROM public.victim").expect("it is still there");
}

#[test]
fn it_takes_the_rights_of_a_load() {
    let (database, mut client) = session("infer_rights");
    let path = database.file("rights", "{\"a\": 1}");
    client
        .batch_execute(
            "CREATE ROLE infer_nobody; CREATE ROLE infer_granted; CREATE ROLE infer_reader IN ROLE pg_read_server_files;
             GRANT EXECUTE ON FUNCTION infer_schema, seed_table TO infer_granted;
             REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE SCHEMA readers AUTHORIZATION infer_reader",
        )
        .expect("roles");
    let calls = [
        format!("SELECT * FROM infer_schema('{path}')"),
        format!("SELECT seed_table('readers.t', '{path}')"),
    ];
    for call in &calls {
        for role in ["infer_nobody", "infer_granted"] {
            client.batch_execute(&format!("SET ROLE {role}")).expect("SET ROLE");
            let error = refused(&mut client, call);
            assert_eq!(error.code(), &SqlState::INSUFFICIENT_PRIVILEGE, "{error:?}");
            assert_eq!(error.message().contains("server file"), role == "infer_granted", "{error:?}");
        }
        client.batch_execute(&format!("SET ROLE infer_reader; {call}; RESET ROLE")).expect("a reader may");
    }
    let owner =
        rows(&mut client, "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'readers.t'::regclass");
    assert_eq!(owner, ["infer_reader"]);
    client.batch_execute("SET ROLE infer_reader").expect("SET ROLE");
    let error = refused(&mut client, &format!("SELECT seed_table('public.t', '{path}')"));
    assert_eq!(error.code(), &SqlState::INSUFFICIENT_PRIVILEGE);
    client
        .batch_execute("RESET ROLE; DROP OWNED BY infer_granted, infer_reader; DROP ROLE infer_nobody, infer_granted, infer_reader")
        .expect("DROP");
}

#[test]
fn other_encodings_have_the_same_schema() {
    let database = Cluster::shared().database_with("infer_latin1", "LATIN1");
    let mut client = database.connect();
    let path = database.file(
        "latin1",
        "{\"größe\": \"ä\", \"n\": 1}\n{\"größe\": \"\\u20ac\", \"n\": 2}\n{\"größe\": \"ö\", \"n\": \"€\"}\n",
    );
    // The euro sign is not in it: those records are rejected.
    let call = format!("SELECT field, column_name, type, records, max_length FROM infer_schema('{path}')");
    assert_eq!(rows(&mut client, &call), ["größe|größe|text|1|1", "n|n|bigint|1|1"]);
    client.execute("SELECT seed_table('t', $1)", &[&path]).expect("a table");
    assert_eq!(columns(&mut client, "t")[0], "größe|text|false|größe");
}
