//! The values of fields are those that COPY makes of them.

use crate::helpers::session;
use loader_client_tests::load_csv;
use loader_damage::rng::Rng;
use postgres::Client;
use std::env;
use std::fs::File;
use std::io::{BufWriter, Write};

/// The types, each with texts that are good, bad or doubtful for it.
const TYPES: [&str; 24] = [
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "numeric(6,2)",
    "bool",
    "text",
    "varchar(3)",
    "char(3)",
    "date",
    "timestamp",
    "timestamptz",
    "timestamp(2)",
    "uuid",
    "json",
    "jsonb",
    "bytea",
    "int[]",
    "interval",
    "inet",
    "int4range",
    "time",
];

const TEXTS: [&str; 64] = [
    "0",
    "1",
    "-1",
    "+5",
    " 7 ",
    "007",
    "32767",
    "32768",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "1.5",
    "-0.0",
    ".5",
    "5.",
    "1e3",
    "1e400",
    "1e-400",
    "NaN",
    "Infinity",
    "-inf",
    "0x1F",
    "1_000",
    "true",
    "t",
    "F",
    "of",
    "o",
    "yes",
    "",
    "x",
    "abc",
    "abcd",
    "ab  ",
    "äöü",
    "äöüß",
    "2024-02-29",
    "2023-02-29",
    "2024-1-5",
    "20240105",
    "03/04/2024",
    "2024-01-05 10:11:12",
    "2024-01-05T10:11:12.1234567",
    "2024-01-05 10:11:12+02",
    "2024-01-05 10:11:12 Europe/Rome",
    "2024-01-05 24:00:00",
    "infinity",
    "now-ish",
    "epoch",
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
    "{\"a\": 1, \"a\": 2}",
    "[1, 2]",
    "{1,2}",
    "\\x0aFF",
    "\\001",
    "1 day",
    "10.0.0.1/8",
    "[1,5)",
    "10:11",
    "null",
    "NULL",
    "\"q\"",
    "a,b",
];

fn run(client: &mut Client, sql: &str) {
    client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// A text as a field.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// What COPY makes of a file of one field in a line, line by line: a value, or none.
fn copied(client: &mut Client, path: &str, texts: &[String]) -> Vec<Option<String>> {
    // A statement for each, so that one that is refused does not end the others.
    run(
        client,
        "CREATE OR REPLACE FUNCTION copied(line text, path text) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE found text;
         BEGIN
             TRUNCATE theirs;
             EXECUTE format('COPY theirs FROM PROGRAM %L (FORMAT csv)', 'sed -n ' || line || 'p ' || path);
             SELECT coalesce(v::text, 'NULL') INTO found FROM theirs;
             RETURN found;
         EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$",
    );
    (1..=texts.len())
        .map(|line| {
            client.query_one("SELECT copied($1, $2)", &[&line.to_string(), &path]).expect("a row").get(0)
        })
        .collect()
}

#[test]
fn each_type_takes_what_copy_takes() {
    let (database, mut client) = session("csv_values");
    let mut texts: Vec<String> = TEXTS.iter().map(|text| quoted(text)).collect();
    let mut rng = Rng::new(11);
    // Plain texts without quotes, and numbers of all sizes.
    texts.extend(["", "abc", "12", "  ", "NULL"].map(str::to_string));
    for _ in 0..20 {
        let digits = rng.below(20) as u32;
        texts.push(format!("{}.{}", rng.below(10usize.pow(digits.min(18)).max(1)), rng.below(100)));
    }
    let lines: String = texts.iter().map(|text| format!("{text}\n")).collect();
    let path = database.file("values.csv", lines);
    // With a number before each, so that a line that is empty is a record.
    let numbered: String = texts.iter().enumerate().map(|(n, text)| format!("{},{text}\n", n + 1)).collect();
    let ours = database.file("numbered.csv", numbered);
    for kind in TYPES {
        run(&mut client, "DROP TABLE IF EXISTS ours, theirs");
        run(&mut client, &format!("CREATE TABLE ours (n int, v {kind}); CREATE TABLE theirs (v {kind})"));
        run(&mut client, "SET loader.verify = on");
        let options = "header => false, delimiter => ',', quote => '\"', if_loaded => 'force'";
        load_csv(&mut client, &ours, "ours", options).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        let wanted = copied(&mut client, &path, &texts);
        let found =
            client.query("SELECT n, coalesce(v::text, 'NULL') FROM ours ORDER BY n", &[]).expect("rows");
        let mut values: Vec<Option<String>> = vec![None; texts.len()];
        for row in found {
            values[row.get::<_, i32>(0) as usize - 1] = Some(row.get(1));
        }
        for (index, text) in texts.iter().enumerate() {
            // COPY takes an empty line for no record.
            if !text.is_empty() {
                assert_eq!(values[index], wanted[index], "{kind}: {text}");
            }
        }
    }
}

/// A text of some kind that types take, often a little changed.
fn some_text(rng: &mut Rng) -> String {
    let digits = |rng: &mut Rng, most: usize| -> String {
        (0..=rng.below(most)).map(|_| char::from(b'0' + rng.below(10) as u8)).collect()
    };
    let date = |rng: &mut Rng| {
        format!("{:04}-{:02}-{:02}", 1880 + rng.below(250), 1 + rng.below(13), 1 + rng.below(32))
    };
    let time = |rng: &mut Rng| {
        let fraction = if rng.below(2) == 0 { String::new() } else { format!(".{}", digits(rng, 8)) };
        format!("{:02}:{:02}:{:02}{fraction}", rng.below(25), rng.below(61), rng.below(61))
    };
    let mut text = match rng.below(9) {
        0 => rng.pick(&TEXTS).to_string(),
        1 => format!("{}{}", rng.pick(&["", "-", "+", "0"]), digits(rng, 20)),
        2 => format!("{}{}.{}", rng.pick(&["", "-"]), digits(rng, 12), digits(rng, 12)),
        3 => format!("{}.{}e{}{}", digits(rng, 3), digits(rng, 17), rng.pick(&["", "-"]), digits(rng, 3)),
        4 => date(rng),
        5 => format!("{}{}{}", date(rng), rng.pick(&[" ", "T"]), time(rng)),
        6 => {
            let zone = ["Z", "+02", "-05:30", "+0100", "+14:59:59", " UTC"];
            format!("{} {}{}", date(rng), time(rng), rng.pick(&zone))
        }
        7 => {
            let hex = |rng: &mut Rng, count: usize| -> String {
                (0..count).map(|_| char::from(*rng.pick(b"0123456789abcdefABCDEF"))).collect()
            };
            let parts: Vec<String> = [8, 4, 4, 4, 12].iter().map(|&count| hex(rng, count)).collect();
            if rng.below(4) == 0 { format!("\\x{}", parts[0]) } else { parts.join("-") }
        }
        _ => (0..rng.below(6)).map(|_| *rng.pick(&['a', 'B', 'ä', '日', '1', ' ', '{', '"', '\\'])).collect(),
    };
    for _ in 0..rng.below(4).saturating_sub(1) {
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        if starts.is_empty() {
            break;
        }
        let at = *rng.pick(&starts);
        match rng.below(3) {
            0 => drop(text.remove(at)),
            1 => text.insert(at, *rng.pick(&['0', '9', '-', '+', '.', ':', 'e', ' ', '_', 'x', 'T'])),
            _ => text.truncate(at),
        }
    }
    text
}

/// How many fields of each type, unless `LOADER_FUZZED_FIELDS` says how many.
const FUZZED_FIELDS: usize = 10_000_000;

/// COPY passes over what a type refuses from version 17 on.
#[test]
#[ignore = "takes long: make soak"]
fn each_type_takes_what_copy_takes_of_fuzzed_fields() {
    let (database, mut client) = session("csv_values_fuzzed");
    let version: i32 =
        client.query_one("SELECT current_setting('server_version_num')::int", &[]).expect("a version").get(0);
    if version < 170_000 {
        println!("skipped: COPY of this version has no ON_ERROR");
        return;
    }
    let fields =
        env::var("LOADER_FUZZED_FIELDS").map_or(FUZZED_FIELDS, |fields| fields.parse().expect("a number"));
    let path = database.file("fuzzed.csv", "");
    let mut rng = Rng::new(12);
    let mut file = BufWriter::new(File::create(&path).expect("a file"));
    for n in 0..fields {
        let text = some_text(&mut rng);
        let is_plain = !text.contains(['"', ',']) && rng.below(3) > 0;
        writeln!(file, "{n},{}", if is_plain { text } else { quoted(&text) }).expect("a line");
    }
    file.flush().expect("a file");
    for kind in TYPES {
        run(&mut client, "DROP TABLE IF EXISTS ours, theirs");
        run(
            &mut client,
            &format!(
                "CREATE UNLOGGED TABLE ours (n int, v {kind}); CREATE UNLOGGED TABLE theirs (n int, v {kind})"
            ),
        );
        // In one transaction, so that "now" is the same for both.
        run(&mut client, &format!("BEGIN; COPY theirs FROM '{path}' (FORMAT csv, ON_ERROR ignore)"));
        let options = "header => false, delimiter => ',', quote => '\"', if_loaded => 'force'";
        load_csv(&mut client, &path, "ours", options).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        run(&mut client, "DELETE FROM loader.rejects_data; COMMIT");
        let differing = client
            .query(
                "SELECT n, a.v::text, b.v::text FROM ours AS a FULL JOIN theirs AS b USING (n)
                 WHERE a.v::text IS DISTINCT FROM b.v::text OR (a.n IS NULL) <> (b.n IS NULL) LIMIT 5",
                &[],
            )
            .expect("a comparison");
        let shown: Vec<String> = differing
            .iter()
            .map(|row| {
                format!(
                    "line {}: {:?}, COPY {:?}",
                    row.get::<_, i32>(0) + 1,
                    row.get::<_, Option<String>>(1),
                    row.get::<_, Option<String>>(2)
                )
            })
            .collect();
        assert!(shown.is_empty(), "{kind}: {shown:?}");
        let good: i64 = client.query_one("SELECT count(*) FROM ours", &[]).expect("a count").get(0);
        assert!(good > 0 && good <= fields as i64, "{kind}: {good} good");
        println!("{kind}: {good} of {fields} fields are good, as for COPY");
    }
}
