//! What fuzzing found, shown to a server: jsonb_in's verdict and value are the
//! oracle. The server runs with `loader.verify` on, so that each value loaded is
//! compared with jsonb_in's by bytes.

use crate::{encode, mutate, toast};
use loader_client_tests::{Database, load_with};
use loader_damage::rng::Rng;
use postgres::Client;
use std::collections::BTreeSet;

/// So many changed forms of each input are tried, too.
const MUTANTS: usize = 4;

/// Deeper than this the size of the server's stack decides.
const DEEPEST: usize = 3_000;

/// The server takes so many bytes of long values, no more: an hour of fuzzing
/// finds gigabytes.
const LONG_VALUES: usize = 100_000_000;

/// An input and what jsonb_in says of it.
struct Judged {
    text: Vec<u8>,
    good: bool,
}

/// What the server has seen, for the last line of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Inputs.
    pub inputs: usize,
    /// Inputs that jsonb_in takes.
    pub good: usize,
    /// Rows that were loaded and compared.
    pub rows: usize,
    /// Long values that were read back.
    pub long: usize,
}

/// Shows the server all of these: documents for the encoder, inputs of the
/// target for long values.
///
/// # Errors
/// What differs, in words.
pub fn check(database: &Database<'_>, documents: &[Vec<u8>], long: &[Vec<u8>]) -> Result<Seen, String> {
    let mut client = database.connect();
    let judged = judge(&mut client, inputs(documents))?;
    let mut seen = Seen { inputs: judged.len(), ..Seen::default() };
    seen.good = judged.iter().filter(|input| input.good).count();
    for (framing, options) in FRAMINGS {
        seen.rows += good(database, &mut client, &judged, framing, options)?;
    }
    seen.rows += between(database, &mut client, &judged)?;
    for method in ["pglz", "lz4"] {
        seen.long += compressed(database, &mut client, long, method)?;
    }
    Ok(seen)
}

/// The documents and changed forms of them, each once. The same for the same
/// documents.
fn inputs(documents: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(1);
    let mut all: BTreeSet<Vec<u8>> = BTreeSet::new();
    for document in documents {
        all.extend((0..MUTANTS).map(|_| mutate::mutate(document, &mut rng)));
        all.insert(document.clone());
    }
    all.into_iter().filter(|text| !text.is_empty() && depth(text) <= DEEPEST).collect()
}

/// Opening brackets, wherever: at least the depth.
fn depth(text: &[u8]) -> usize {
    text.iter().filter(|b| matches!(b, b'{' | b'[')).count()
}

/// Asks jsonb_in for its verdict on each, which has to be the core's. Its values
/// stay in the table `input`.
fn judge(client: &mut Client, inputs: Vec<Vec<u8>>) -> Result<Vec<Judged>, String> {
    run(
        client,
        "CREATE TABLE input (n bigint PRIMARY KEY, value jsonb);
         CREATE FUNCTION judge(bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
         BEGIN
             RETURN convert_from($1, 'UTF8')::jsonb;
         EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
             RETURN NULL;
         END $$",
    )?;
    let mut judged = Vec::new();
    let mut wrong = Vec::new();
    for chunk in inputs.chunks(500) {
        let first = judged.len() as i64;
        let rows = client
            .query(
                "INSERT INTO input SELECT $2 + i - 1, judge(t) FROM unnest($1::bytea[]) WITH ORDINALITY u(t, i)
                 RETURNING n, value IS NOT NULL",
                &[&chunk, &first],
            )
            .map_err(|error| error.to_string())?;
        judged.extend(chunk.iter().map(|text| Judged { text: text.clone(), good: false }));
        for row in rows {
            let (n, good): (i64, bool) = (row.get(0), row.get(1));
            let input = &mut judged[n as usize];
            input.good = good;
            if encode::accepts(&input.text) != good {
                wrong.push(format!(
                    "jsonb_in {}: {}",
                    if good { "takes" } else { "refuses" },
                    shown(&input.text)
                ));
            }
        }
    }
    if wrong.is_empty() { Ok(judged) } else { Err(wrong.join("\n")) }
}

/// How good values are laid out: before all, before each, between, behind all.
struct Framing {
    name: &'static str,
    open: &'static [u8],
    before: &'static [u8],
    between: &'static [u8],
    close: &'static [u8],
    /// A value may hold newlines.
    newlines: bool,
}

const FRAMINGS: [(Framing, &str); 3] = [
    (
        Framing { name: "lines", open: b"", before: b"", between: b"\n", close: b"\n", newlines: false },
        "format => 'newline_delimited'",
    ),
    (
        Framing {
            name: "elements",
            open: b"[\n",
            before: b"",
            between: b",\n",
            close: b"\n]\n",
            newlines: false,
        },
        "format => 'array'",
    ),
    (
        Framing {
            name: "sequence",
            open: b"",
            before: b"\x1e",
            between: b"\n",
            close: b"\n",
            newlines: true,
        },
        "format => 'unstructured'",
    ),
];

/// What stands between two inputs.
const NEIGHBOUR: &[u8] = br#"{"neighbour": true}"#;

/// Good values only: each is a row, in order, and jsonb_in's.
fn good(
    database: &Database<'_>,
    client: &mut Client,
    judged: &[Judged],
    framing: Framing,
    options: &str,
) -> Result<usize, String> {
    let table = framing.name;
    let fits = |input: &Judged| {
        let newlines = input.text.contains(&b'\n');
        // A bracket at the end of a line may be taken for framing.
        let bracket = input.text.trim_ascii_start().starts_with(b"[");
        input.good && (!newlines || framing.newlines && !bracket)
    };
    let chosen: Vec<i64> = (0..judged.len()).filter(|&n| fits(&judged[n])).map(|n| n as i64).collect();
    let texts = chosen.iter().map(|&n| &judged[n as usize].text[..]);
    let rows = std::iter::once(NEIGHBOUR).chain(texts).chain([NEIGHBOUR]);
    let mut file = framing.open.to_vec();
    for (n, text) in rows.enumerate() {
        if n > 0 {
            file.extend_from_slice(framing.between);
        }
        file.extend_from_slice(framing.before);
        file.extend_from_slice(text);
    }
    file.extend_from_slice(framing.close);
    let (rows, rejects) = load(database, client, table, options, &file)?;
    // The neighbours have the numbers before the first and behind the last.
    let differs = client
        .query_opt(
            &format!(
                "SELECT c.at FROM unnest($1::bigint[]) WITH ORDINALITY c(n, at)
                 JOIN input i USING (n)
                 LEFT JOIN (SELECT data, row_number() OVER (ORDER BY n) - 1 AS at FROM {table}) t USING (at)
                 WHERE jsonb_send(t.data) IS DISTINCT FROM jsonb_send(i.value)
                    OR pg_column_size(t.data || '[]') <> pg_column_size(i.value || '[]')
                 ORDER BY 1 LIMIT 1"
            ),
            &[&chosen],
        )
        .map_err(|error| error.to_string())?;
    if let Some(row) = differs {
        let at = row.get::<_, i64>(0) as usize - 1;
        let text = shown(&judged[chosen[at] as usize].text);
        return Err(format!(
            "{table}: {rows} of {} rows; value {at} is lost or another: {text}",
            chosen.len() + 2
        ));
    }
    if (rows, rejects) != (chosen.len() + 2, 0) {
        return Err(format!("{table}: {} good values, {rows} rows, {rejects} rejects", chosen.len() + 2));
    }
    Ok(chosen.len())
}

/// Everything, good and bad, each line between two neighbours: those are loaded,
/// good ones are, and of a bad one nothing but what framing at its ends explains.
fn between(database: &Database<'_>, client: &mut Client, judged: &[Judged]) -> Result<usize, String> {
    let chosen: Vec<&Judged> =
        judged.iter().filter(|input| !input.text.contains(&b'\n') && !input.text.contains(&0x1e)).collect();
    let mut file = Vec::new();
    for input in &chosen {
        file.extend([NEIGHBOUR, b"\n", &input.text, b"\n"].concat());
    }
    file.extend_from_slice(NEIGHBOUR);
    load(database, client, "mixed", "format => 'newline_delimited'", &file)?;
    let rows = client
        .query("SELECT data = '{\"neighbour\": true}', data::text FROM mixed ORDER BY n", &[])
        .map_err(|error| error.to_string())?;
    let mut counts = Vec::new();
    for row in &rows {
        match (row.get(0), counts.last_mut()) {
            (true, _) => counts.push(0),
            (false, Some(count)) => *count += 1,
            (false, None) => return Err("mixed: a row before the first neighbour".to_owned()),
        }
    }
    if counts.len() != chosen.len() + 1 {
        return Err(format!("mixed: {} of {} neighbours", counts.len(), chosen.len() + 1));
    }
    for (input, count) in chosen.iter().zip(&counts) {
        let right = if input.good { *count == 1 } else { *count == 0 || framed(&input.text) };
        if !right {
            let verdict = if input.good { "good" } else { "bad" };
            return Err(format!("mixed: {count} rows of what is {verdict}: {}", shown(&input.text)));
        }
    }
    Ok(rows.len())
}

/// Whether something at the ends of a text may be taken off as framing.
fn framed(text: &[u8]) -> bool {
    let framing = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t' | b'\r' | b',' | b'[' | b']' | 0xEF | 0xBF));
    framing(text.first()) || framing(text.last())
}

/// Long values, stored compressed, are read back by the server.
fn compressed(
    database: &Database<'_>,
    client: &mut Client,
    inputs: &[Vec<u8>],
    method: &str,
) -> Result<usize, String> {
    let table = format!("long_{method}");
    let made = client.batch_execute(&format!(
        "CREATE TABLE {table} (n bigserial, data jsonb COMPRESSION {method} NOT NULL)"
    ));
    if let Err(error) = made {
        println!("server: without {method}: {error}");
        return Ok(0);
    }
    let mut bytes = 0;
    let mut texts: Vec<String> = Vec::new();
    for input in inputs {
        let text = printable(&toast::content(input));
        bytes += text.len();
        if bytes > LONG_VALUES {
            break;
        }
        texts.push(text);
    }
    let file: Vec<u8> =
        texts.iter().flat_map(|text| format!("{{\"long\": \"{text}\"}}\n").into_bytes()).collect();
    let count = loaded(database, client, &table, "format => 'newline_delimited'", &file)?;
    if count != (texts.len(), 0) {
        return Err(format!("{table}: {} values, {count:?} rows and rejects", texts.len()));
    }
    let mut smaller = 0;
    let mut at = 0;
    for first in (0..texts.len()).step_by(200) {
        let rows = client
            .query(
                &format!("SELECT data->>'long', pg_column_compression(data) FROM {table} ORDER BY n OFFSET $1 LIMIT 200"),
                &[&(first as i64)],
            )
            .map_err(|error| format!("{table}: {error}"))?;
        for row in rows {
            if row.get::<_, String>(0) != texts[at] {
                return Err(format!("{table}: value {at} is read back as another"));
            }
            smaller += usize::from(row.get::<_, Option<String>>(1).is_some());
            at += 1;
        }
    }
    if at != texts.len() {
        return Err(format!("{table}: {at} of {} values are read back", texts.len()));
    }
    println!("server: {method}: {at} long values, {smaller} of them compressed, are read back");
    Ok(at)
}

/// Bytes as letters, so that what repeated itself still does.
fn printable(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(b'#' + b % 57)).collect()
}

/// Loads a file into a new table: rows and rejects.
fn load(
    database: &Database<'_>,
    client: &mut Client,
    table: &str,
    options: &str,
    file: &[u8],
) -> Result<(usize, usize), String> {
    run(client, &format!("CREATE TABLE {table} (n bigserial, data jsonb NOT NULL)"))?;
    loaded(database, client, table, options, file)
}

fn loaded(
    database: &Database<'_>,
    client: &mut Client,
    table: &str,
    options: &str,
    file: &[u8],
) -> Result<(usize, usize), String> {
    let path = database.cluster.file(table, file);
    let outcome = load_with(client, &path, table, options).map_err(|error| format!("{table}: {error:?}"))?;
    Ok((outcome.rows_loaded as usize, outcome.rows_rejected as usize))
}

fn run(client: &mut Client, statements: &str) -> Result<(), String> {
    client.batch_execute(statements).map_err(|error| error.to_string())
}

fn shown(text: &[u8]) -> String {
    text.escape_ascii().to_string()
}
