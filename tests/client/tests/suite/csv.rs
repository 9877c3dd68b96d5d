//! Files of delimited text: dialects, structure, and everything that holds for JSON.

use crate::helpers::{append, count, files, gzip, session};
use loader_client_tests::{Database, load_csv, load_many_csv, sqlstate};
use loader_damage::rng::Rng;
use postgres::Client;
use postgres::error::SqlState;

fn run(client: &mut Client, sql: &str) {
    client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// The rows of a query as text: the columns of each with a bar between, `-` for NULL.
fn rows(client: &mut Client, query: &str) -> Vec<String> {
    let query = format!(
        "SELECT concat_ws('|', VARIADIC ARRAY(SELECT coalesce(v, '-') FROM json_each_text(to_json(q)) AS e (k, v))) FROM ({query}) AS q"
    );
    client.query(&query, &[]).expect("a query").iter().map(|row| row.get(0)).collect()
}

/// The rejects of a load: number, line, kind, column and bytes of each.
fn rejects(client: &mut Client, load_id: i64) -> Vec<String> {
    let query = format!(
        "SELECT record_no, line, error_type, column_name, raw_text FROM loader.rejects
         WHERE load_id = {load_id} ORDER BY byte_offset"
    );
    rows(client, &query)
}

/// A table of three columns, and a file for it that is damaged in several ways.
fn broken(database: &Database, client: &mut Client) -> String {
    run(client, "CREATE TABLE t (id int, name text, born date)");
    let good = |from: u32, to: u32| -> String {
        (from..to).map(|id| format!("{id};\"name; {id}\";2001-02-{:02}\n", id % 28 + 1)).collect()
    };
    let text = [
        "id;name;born\n".to_string(),
        good(1, 20),
        "20;\"not closed;2001-01-01\n".to_string(),
        good(21, 30),
        "30;short\n31;too;2001-01-01;long\n".to_string(),
        good(32, 40),
        "40;\"two\nlines\";2001-01-02\n41;\"say \"\"hi\"\"\";2001-01-03\nx;no number;2001-01-04\n"
            .to_string(),
    ];
    database.file("broken.csv", text.concat())
}

#[test]
fn a_broken_file_is_loaded_but_for_its_broken_records() {
    let (database, mut client) = session("csv_broken");
    run(&mut client, "DROP TABLE t");
    let path = broken(&database, &mut client);
    let outcome = load_csv(&mut client, &path, "t", "").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (38, 4));
    assert_eq!(
        rejects(&mut client, outcome.load_id),
        [
            "20|21|UNTERMINATED_QUOTE|-|20;\"not closed;2001-01-01",
            "30|31|MISSING_COLUMNS|-|30;short",
            "31|32|TOO_MANY_COLUMNS|-|31;too;2001-01-01;long",
            "42|44|CAST|id|x;no number;2001-01-04",
        ]
    );
    let found = rows(&mut client, "SELECT * FROM t WHERE id >= 39");
    assert_eq!(found, ["39|name; 39|2001-02-12", "40|two\nlines|2001-01-02", "41|say \"hi\"|2001-01-03"]);
    let history = rows(
        &mut client,
        "SELECT format, dialect->>'delimiter' AS delimiter, dialect->>'quote' AS quoting, dialect->'columns' AS names,
                bytes_loaded + bytes_rejected + bytes_framing = file_size AS whole
         FROM loader.load_history",
    );
    assert_eq!(history, ["csv|;|\"|[\"id\", \"name\", \"born\"]|true"]);
    // It is loaded, once.
    let again = load_csv(&mut client, &path, "t", "").expect("a call");
    assert_eq!((again.status.as_str(), count(&mut client, "t")), ("skipped", 38));
}

#[test]
fn rejects_are_mended_as_records_of_their_file() {
    let (database, mut client) = session("csv_mended");
    run(&mut client, "DROP TABLE t");
    let path = broken(&database, &mut client);
    let id = load_csv(&mut client, &path, "t", "").expect("a load").load_id;
    let mended = rows(
        &mut client,
        &format!(
            "SELECT * FROM mend_rejects({id}, 'UNTERMINATED_QUOTE', $$replace(raw_text, ';2001', '\";2001')$$)"
        ),
    );
    assert_eq!(mended, ["1|0|0|0"]);
    let offset = format!("SELECT byte_offset FROM loader.rejects WHERE load_id = {id} AND record_no");
    run(&mut client, &format!("SELECT mend_reject({id}, ({offset} = 30), '30;short;2001-01-01')"));
    run(&mut client, &format!("SELECT mend_reject({id}, ({offset} = 31), '31;still;2001-01-01;long')"));
    run(
        &mut client,
        &format!("SELECT mend_reject({id}, ({offset} = 42), E'42;two;2001-01-01\n43;records;2001-01-01')"),
    );
    let retried = rows(&mut client, &format!("SELECT rows_loaded, rows_rejected FROM retry_rejects({id})"));
    assert_eq!(retried, ["2|2"]);
    let found = rows(&mut client, "SELECT * FROM t WHERE id IN (20, 30, 31, 42, 43) ORDER BY id");
    assert_eq!(found, ["20|not closed|2001-01-01", "30|short|2001-01-01"]);
}

#[test]
fn records_are_documents_where_the_table_wants_them() {
    let (database, mut client) = session("csv_documents");
    let path = database.file("a.csv", "\u{FEFF}id,name,name\n1,\"a \"\"b\"\"\",\n2,,\"\"\n");
    load_csv(&mut client, &path, "t", "").expect("a load");
    let wanted = [
        "{\"id\": \"1\", \"name\": \"a \\\"b\\\"\", \"name_2\": null}",
        "{\"id\": \"2\", \"name\": null, \"name_2\": \"\"}",
    ];
    assert_eq!(rows(&mut client, "SELECT data FROM t"), wanted);
    let read = format!("SELECT record_no, line, data FROM read_csv_file('{path}')");
    assert_eq!(rows(&mut client, &read), [format!("1|2|{}", wanted[0]), format!("2|3|{}", wanted[1])]);
    run(&mut client, "CREATE TABLE v (id int, field text, value text)");
    let transform = "transform => $$ SELECT (data->>'id')::int AS id, key AS field, value
                     FROM record, jsonb_each_text(data - 'id') $$";
    load_csv(&mut client, &path, "v", transform).expect("a load");
    assert_eq!(count(&mut client, "v"), 4);
}

#[test]
fn null_is_what_copy_takes_for_it() {
    let (database, mut client) = session("csv_null");
    let text = "a,b,c\n,\"\",x\nNA,\"NA\",NA\nx,\"\",\n";
    let path = database.file("a.csv", text);
    let cases = [
        ("", "NULL ''"),
        ("\"null\" => 'NA'", "NULL 'NA'"),
        ("force_null => '{b,c}'", "NULL '', FORCE_NULL (b, c)"),
        ("force_not_null => '{a}', \"null\" => 'NA'", "NULL 'NA', FORCE_NOT_NULL (a)"),
        ("force_null => '{*}'", "NULL '', FORCE_NULL (a, b, c)"),
    ];
    run(&mut client, "CREATE TABLE ours (a text, b text, c text); CREATE TABLE theirs (LIKE ours)");
    for (options, copy) in cases {
        run(&mut client, "TRUNCATE ours, theirs");
        load_csv(&mut client, &path, "ours", options).expect("a load");
        run(&mut client, &format!("COPY theirs FROM '{path}' (FORMAT csv, HEADER, {copy})"));
        let differ = "SELECT * FROM ours EXCEPT ALL SELECT * FROM theirs";
        assert_eq!(rows(&mut client, differ), [""; 0], "{options}");
        assert_eq!(count(&mut client, "ours"), 3);
    }
    let error = load_csv(&mut client, &path, "ours", "force_null => '{d}', if_loaded => 'force'");
    assert_eq!(sqlstate(error), SqlState::UNDEFINED_COLUMN);
}

#[test]
fn fields_find_their_columns_by_name_or_by_position() {
    let (database, mut client) = session("csv_match");
    run(&mut client, "CREATE TABLE c (id int, user_name text, _rescued jsonb)");
    let named = database.file("named.csv", "more,userName,ID\n5,a,1\n,b,2\n");
    load_csv(&mut client, &named, "c", "").expect("a load");
    let found = ["1|a|{\"more\": \"5\"}", "2|b|{\"more\": null}"];
    assert_eq!(rows(&mut client, "SELECT * FROM c"), found);

    run(&mut client, "TRUNCATE c");
    let bare = database.file("bare.csv", "1,a\n2,b\n");
    load_csv(&mut client, &bare, "c", "header => false").expect("a load");
    assert_eq!(rows(&mut client, "SELECT id, user_name FROM c"), ["1|a", "2|b"]);

    run(&mut client, "TRUNCATE c");
    let other = database.file("other.csv", "x,y\n1,a\n");
    load_csv(&mut client, &other, "c", "match_columns => 'position'").expect("a load");
    assert_eq!(rows(&mut client, "SELECT id, user_name FROM c"), ["1|a"]);

    run(&mut client, "TRUNCATE c");
    load_csv(&mut client, &other, "c", "column_map => '{\"x\": \"id\", \"y\": null}'").expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM c"), ["1|-|-"]);

    let bad = SqlState::BAD_COPY_FILE_FORMAT;
    assert_eq!(sqlstate(load_csv(&mut client, &named, "c", "header => 'match'")), bad);
    let same = database.file("same.csv", "id,user_name\n7,g\n");
    load_csv(&mut client, &same, "c", "header => 'match'").expect("a load");
    let two = database.file("two.csv", "id,ID,user_name\n1,2,a\n");
    assert_eq!(sqlstate(load_csv(&mut client, &two, "c", "")), SqlState::AMBIGUOUS_ALIAS);
}

#[test]
fn no_column_is_added_where_fields_have_no_names() {
    let (database, mut client) = session("csv_nameless");
    run(&mut client, "CREATE TABLE c (a int, b text)");
    let names = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = 'c'::regclass AND attnum > 0";
    let add = "schema_evolution => 'add_new_columns'";
    let bare = format!("{add}, header => false, delimiter => ','");
    let narrow = database.file("narrow.csv", "1,x\n2,y\n");
    load_csv(&mut client, &narrow, "c", &bare).expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM c"), ["1|x", "2|y"]);
    let wide = database.file("wide.csv", "3,z,foo\n");
    let error = load_csv(&mut client, &wide, "c", &bare).expect_err("an error");
    let error = error.as_db_error().expect("an error of the server");
    assert_eq!(error.code(), &SqlState::BAD_COPY_FILE_FORMAT);
    assert_eq!(error.detail(), Some("It has no header, and field 3 of 3 has no column."));
    assert_eq!(sqlstate(load_many_csv(&mut client, &wide, "c", &bare)), SqlState::BAD_COPY_FILE_FORMAT);
    let dropped = format!("{bare}, column_map => '{{\"column3\": null}}'");
    load_csv(&mut client, &wide, "c", &dropped).expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM c WHERE a = 3"), ["3|z"]);

    let named = database.file("named.csv", "p,q\n4,w\n");
    let position = format!("{add}, match_columns => 'position'");
    let refused = SqlState::INVALID_PARAMETER_VALUE;
    assert_eq!(sqlstate(load_csv(&mut client, &named, "c", &position)), refused);
    assert_eq!(sqlstate(load_many_csv(&mut client, &named, "c", &position)), refused);
    assert_eq!(rows(&mut client, names), ["a b"]);

    // By exact names, those that say where a field stands are names like any others.
    load_csv(&mut client, &wide, "c", &format!("{bare}, match_columns => 'exact', if_loaded => 'force'"))
        .expect("a load");
    assert_eq!(rows(&mut client, names), ["a b column1 column2 column3"]);
    assert_eq!(rows(&mut client, "SELECT * FROM c WHERE a IS NULL"), ["-|-|3|z|foo"]);
}

#[test]
fn a_field_has_no_fields_within_it() {
    let (database, mut client) = session("csv_nested");
    run(&mut client, "CREATE TABLE c (id int, x int, _rescued jsonb)");
    let path = database.file("a.csv", "id,a,b\n1,2,3\n");
    let nested = r#"column_map => '{"$.a.b": "x"}'"#;
    let error = load_csv(&mut client, &path, "c", nested).expect_err("an error");
    let error = error.as_db_error().expect("an error of the server");
    assert_eq!(error.code(), &SqlState::INVALID_PARAMETER_VALUE);
    assert_eq!(error.detail(), Some("The fields of a CSV file have no fields within them."));
    assert_eq!(sqlstate(load_many_csv(&mut client, &path, "c", nested)), SqlState::INVALID_PARAMETER_VALUE);
    load_csv(&mut client, &path, "c", r#"column_map => '{"$.a": "x"}'"#).expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM c"), [r#"1|2|{"b": "3"}"#]);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let (database, mut client) = session("csv_options");
    let path = database.file("a.csv", "a,b\n1,2\n");
    let cases = [
        "delimiter => ''",
        "delimiter => 'abcde'",
        "delimiter => E'\\n'",
        "quote => 'ab'",
        "escape => 'ab'",
        "comment => 'ab'",
        "new_line => 'lfcr'",
        "header => 'perhaps'",
        "header => -1",
        "skip => -1",
        "delimiter => '\"', quote => '\"'",
        "comment => ',', delimiter => ','",
        "match_columns => 'loose'",
    ];
    for options in cases {
        let error = sqlstate(load_csv(&mut client, &path, "t", options));
        assert_eq!(error, SqlState::INVALID_PARAMETER_VALUE, "{options}");
    }
    for options in ["delimiter => NULL", "header => NULL::boolean", "strict_mode => NULL"] {
        let error = sqlstate(load_csv(&mut client, &path, "t", options));
        assert_eq!(error, SqlState::NULL_VALUE_NOT_ALLOWED, "{options}");
    }
    let position = loader_client_tests::load_with(&mut client, &path, "t", "match_columns => 'position'");
    assert_eq!(sqlstate(position), SqlState::INVALID_PARAMETER_VALUE);
    for header in ["true", "'true'", "1", "1::bigint", "'1'", "'auto'", "'on'::text"] {
        let options = format!("header => {header}, if_loaded => 'force'");
        assert_eq!(load_csv(&mut client, &path, "t", &options).expect("a load").rows_loaded, 1, "{header}");
    }
}

#[test]
fn a_dialect_is_shown_before_anything_is_loaded() {
    let (database, mut client) = session("csv_sniff");
    let path = database.file("a.csv", "some title\n\nid|text\n1|'a|b'\n2|'c'\n3|'d|e'\n4|'f'\n");
    let found = rows(
        &mut client,
        &format!(
            "SELECT encoding, compression, delimiter, quote, skip, header, columns, confidence > 0 AS sure
             FROM sniff_csv('{path}')"
        ),
    );
    assert_eq!(found, ["utf-8|none|||'|2|1|[\"id\", \"text\"]|true"]);
    let call: String =
        client.query_one(&format!("SELECT call FROM sniff_csv('{path}')"), &[]).expect("a row").get(0);
    run(&mut client, "CREATE TABLE sniffed (id int, text text)");
    run(&mut client, &format!("SELECT {}", call.replace("...", "sniffed")));
    assert_eq!(rows(&mut client, "SELECT * FROM sniffed WHERE id = 1"), ["1|a|b"]);
}

#[test]
fn a_table_is_made_for_a_file_and_filled() {
    let (database, mut client) = session("csv_seed");
    let path = database.file(
        "a.csv",
        "Id,When,Amount,Ok,Code,Empty\n1,2024-01-05 10:00:00,1.50,true,007,\n2,2024-01-06 10:00:00,20,false,012,\n",
    );
    run(&mut client, &format!("SELECT seed_table('made', '{path}', key => '{{id}}')"));
    let types = rows(
        &mut client,
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
         WHERE a.attrelid = 'made'::regclass AND a.attnum > 0 ORDER BY a.attnum",
    );
    assert_eq!(
        types,
        [
            "id|bigint",
            "when|timestamp without time zone",
            "amount|numeric",
            "ok|boolean",
            "code|text",
            "empty|text",
            "_rescued|jsonb"
        ]
    );
    let outcome = load_csv(&mut client, &path, "made", "").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (2, 0));
    assert_eq!(
        rows(&mut client, "SELECT * FROM made ORDER BY id LIMIT 1"),
        ["1|2024-01-05T10:00:00|1.50|true|007|-|-"]
    );
    run(&mut client, &format!("SELECT seed_table('texts', '{path}', infer_types => false, rescue => false)"));
    load_csv(&mut client, &path, "texts", "").expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM texts LIMIT 1"), ["1|2024-01-05 10:00:00|1.50|true|007|-"]);
    let empty = database.file("empty.csv", "x,Y y\n");
    run(&mut client, &format!("SELECT seed_table('of_header', '{empty}', rescue => false)"));
    assert_eq!(load_csv(&mut client, &empty, "of_header", "").expect("a load").rows_loaded, 0);
    assert_eq!(rows(&mut client, "SELECT count(x), count(y_y) FROM of_header"), ["0|0"]);
    let inferred = rows(
        &mut client,
        &format!("SELECT field, type, records FROM infer_schema('{path}') WHERE ordinal = 3"),
    );
    assert_eq!(inferred, ["Amount|numeric|2"]);
}

/// Records that no dialect but that of commas fits, some with line ends within quotes.
fn many_records(records: u32) -> String {
    let mut rng = Rng::new(7);
    let mut text = "id,note,amount\n".to_string();
    for id in 0..records {
        let note = match rng.below(5) {
            0 => "\"a, b\"".to_string(),
            1 => format!("\"first\n{id},second,3\"\"\""),
            2 => String::new(),
            _ => format!("plain {id}"),
        };
        text += &format!("{id},{note},{}.5\n", rng.below(1000));
    }
    text
}

#[test]
fn any_number_of_workers_gives_the_same_rows() {
    let (database, mut client) = session("csv_workers");
    let text = many_records(200_000);
    let pattern = files(&database, "in", &[("a.csv", text.as_bytes())]);
    run(&mut client, "CREATE TABLE one (id int, note text, amount numeric); CREATE TABLE two (LIKE one)");
    load_many_csv(&mut client, &pattern, "one", "workers => 0").expect("a call");
    let summary = load_many_csv(&mut client, &pattern, "two", "workers => 3").expect("a call");
    assert_eq!((summary.loaded, summary.rows, summary.rejects), (1, 200_000, 0));
    let differ = "(SELECT * FROM one EXCEPT ALL SELECT * FROM two) UNION ALL (SELECT * FROM two EXCEPT ALL SELECT * FROM one)";
    assert_eq!(rows(&mut client, differ), [""; 0]);
    let again = load_many_csv(&mut client, &pattern, "two", "workers => 3").expect("a call");
    assert_eq!((again.skipped, again.rows), (1, 0));
}

#[test]
fn workers_that_read_leniently_know_another_table() {
    let (database, mut client) = session("csv_other_table");
    // Several ranges begin among the rows of the other table.
    let table = many_records(1_000);
    let other: String = (0..4_000).map(|n| format!("{n},{},,\n", "text ".repeat(600))).collect();
    let text = format!("{table}code,remark,from,to\n{other}{table}1,short\n");
    let pattern = files(&database, "in", &[("a.csv", text.as_bytes())]);
    run(&mut client, "CREATE TABLE one (id int, note text, amount numeric); CREATE TABLE two (LIKE one)");
    run(&mut client, "SET loader.transaction_size = '1MB'");
    for (target, workers) in [("one", 0), ("two", 3)] {
        let options = format!("workers => {workers}, strict_mode => false");
        let summary = load_many_csv(&mut client, &pattern, target, &options).expect("a call");
        assert_eq!((summary.loaded, summary.rows), (1, 2_001), "{target}");
    }
    let differ = "(SELECT * FROM one EXCEPT ALL SELECT * FROM two) UNION ALL (SELECT * FROM two EXCEPT ALL SELECT * FROM one)";
    assert_eq!(rows(&mut client, differ), [""; 0]);
}

#[test]
fn a_file_that_grows_is_loaded_on_in_its_dialect() {
    let (database, mut client) = session("csv_grows");
    run(&mut client, "CREATE TABLE g (a text, b text)");
    let path = database.file("a.csv", "a;b\n1;x,y\n2;z,z\n3;w");
    let first = load_csv(&mut client, &path, "g", "").expect("a load");
    assert_eq!(first.rows_loaded, 3);
    append(&path, "\n4;\"v;v\"\n5;u,u\n");
    let more = load_csv(&mut client, &path, "g", "").expect("a load");
    assert_eq!((more.rows_loaded, more.rows_rejected), (2, 0));
    assert_eq!(rows(&mut client, "SELECT * FROM g WHERE a > '2'"), ["3|w", "4|v;v", "5|u,u"]);
}

#[test]
fn compressed_files_and_other_encodings() {
    let (database, mut client) = session("csv_input");
    run(&mut client, "CREATE TABLE g (a int, b text)");
    let text = "a,b\n1,grün\n2,blau\n";
    let zipped = database.file("a.csv.gz", gzip(text.as_bytes()));
    load_csv(&mut client, &zipped, "g", "").expect("a load");
    let latin1: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let latin1 = database.file("latin1.csv", latin1);
    load_csv(&mut client, &latin1, "g", "encoding => 'latin1'").expect("a load");
    let umlauts = database.file("umlauts.csv", b"a,b\n1,gr\xFCn\n2,blau\n3,wei\xDF\n");
    let error = load_csv(&mut client, &umlauts, "g", "").expect_err("another encoding");
    let error = error.as_db_error().expect("the server's error");
    assert_eq!(error.code(), &SqlState::CHARACTER_NOT_IN_REPERTOIRE);
    assert!(error.hint().expect("a hint").contains("encoding => 'windows-1252'"));
    run(&mut client, "CREATE TABLE h (LIKE g)");
    let outcome = load_csv(&mut client, &umlauts, "h", "encoding => 'utf-8'").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (1, 2));
    let utf16: Vec<u8> =
        "\u{FEFF}".chars().chain(text.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect();
    let utf16 = database.file("utf16.csv", utf16);
    load_csv(&mut client, &utf16, "g", "").expect("a load");
    assert_eq!(rows(&mut client, "SELECT b, count(*) FROM g GROUP BY b ORDER BY b"), ["blau|3", "grün|3"]);
}

#[test]
fn a_delta_is_upserted() {
    let (database, mut client) = session("csv_upsert");
    run(&mut client, "CREATE TABLE m (id int PRIMARY KEY, name text, price numeric)");
    let first = database.file("a.csv", "id,name,price\n1,a,1.0\n2,b,2.0\n");
    let delta = database.file("b.csv", "id,price\n2,2.5\n3,3.5\n2,2.75\n");
    load_csv(&mut client, &first, "m", "").expect("a load");
    load_csv(&mut client, &delta, "m", "write_mode => 'upsert'").expect("a load");
    assert_eq!(rows(&mut client, "SELECT * FROM m ORDER BY id"), ["1|a|1.0", "2|b|2.75", "3|-|3.5"]);
}

#[test]
fn lenient_reading_takes_what_can_be_read_in_one_way() {
    let (database, mut client) = session("csv_lenient");
    run(&mut client, "CREATE TABLE l (a text, b text, c text)");
    let text = "a,b,c\n1,2,3\n4,5\" disk,6\n7,8\n9,10,11,,\n12,13,14,15\n";
    let path = database.file("a.csv", text);
    let strict = load_csv(&mut client, &path, "l", "header => 1, delimiter => ','").expect("a load");
    assert_eq!((strict.rows_loaded, strict.rows_rejected), (1, 4));
    run(&mut client, "TRUNCATE l");
    let lenient = "header => 1, delimiter => ',', strict_mode => false";
    let outcome = load_csv(&mut client, &path, "l", lenient).expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (4, 1));
    let tolerated = rows(
        &mut client,
        &format!("SELECT rows_tolerated FROM loader.load_history WHERE load_id = {}", outcome.load_id),
    );
    assert_eq!(tolerated, ["3"]);
    assert_eq!(rows(&mut client, "SELECT * FROM l"), ["1|2|3", "4|5\" disk|6", "7|8|-", "9|10|11"]);
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_with_both() {
    let (database, mut client) = session("csv_undecided");
    let path = database.file("a.csv", "a,b;c\n1,2;3\n4,5;6\n7,8;9\n1,1;1\n2,2;2\n");
    let error = load_csv(&mut client, &path, "t", "").expect_err("two ways");
    let error = error.as_db_error().expect("the server's error");
    assert_eq!(error.code(), &SqlState::BAD_COPY_FILE_FORMAT);
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("delimiter => '"), "{hint}");
}

#[test]
fn numbers_and_dates_are_read_as_the_file_writes_them() {
    let (database, mut client) = session("csv_formats");
    let text = "id;price;day;at\n1;1.234,50;05.01.2024;05.01.2024 7:30\n2;0,5;31.12.2023;31.12.2023 23:59\n\
                3;1.5;05.01.2024;05.01.2024 7:30\n4;1;2024-01-05;05.01.2024 7:30\n5;1;05.01.2024;05/01/2024 7:30\n";
    let path = database.file("a.csv", text);
    let formats = "decimal_separator => ',', thousands => '.', date_format => 'DD.MM.YYYY', \
                   timestamp_format => 'DD.MM.YYYY HH24:MI'";
    run(&mut client, "CREATE TABLE f (id int, price numeric(10,2), day date, at timestamp)");
    run(&mut client, "SET loader.verify = on");
    let outcome = load_csv(&mut client, &path, "f", formats).expect("a load");
    assert_eq!(
        rows(&mut client, "SELECT * FROM f"),
        ["1|1234.50|2024-01-05|2024-01-05T07:30:00", "2|0.50|2023-12-31|2023-12-31T23:59:00"]
    );
    let kinds = rows(
        &mut client,
        &format!("SELECT sqlstate, column_name FROM loader.rejects WHERE load_id = {}", outcome.load_id),
    );
    assert_eq!(kinds, ["22P02|price", "22007|day", "22007|at"]);
    let good = database.file("good.csv", &text[..text.find("3;1.5").expect("a record")]);
    let types = rows(&mut client, &format!("SELECT type FROM infer_schema('{good}', {formats})"));
    assert_eq!(types, ["bigint", "numeric", "date", "timestamp"]);
    for bad in [
        "decimal_separator => ',', thousands => ','",
        "decimal_separator => '1'",
        "date_format => '%d.%m.%Y'",
        "date_format => 'DD.MM.YYYY HH24'",
        "timestamp_format => 'HH24:MI'",
    ] {
        let error = sqlstate(load_csv(&mut client, &path, "f", &format!("{bad}, if_loaded => 'force'")));
        assert_eq!(error, SqlState::INVALID_PARAMETER_VALUE, "{bad}");
    }
    // A retry reads what was mended in the same way.
    let id = outcome.load_id;
    let mended = format!("SELECT mend_rejects({id}, 'CAST', $$'7;7,25;01.02.2024;01.02.2024 0:00'$$)");
    run(&mut client, &mended);
    run(&mut client, &format!("SELECT retry_rejects({id})"));
    assert_eq!(
        rows(&mut client, "SELECT DISTINCT * FROM f WHERE id = 7"),
        ["7|7.25|2024-02-01|2024-02-01T00:00:00"]
    );
}
