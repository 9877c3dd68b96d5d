//! Generated damage on a running server: what is stored is what `jsonb_in` makes
//! of the good records, in file order; each reject leads to its bytes in the file;
//! and neither the size of the chunks nor the number of threads changes anything. That the splitter finds the records
//! in files of every kind is tested in the core, on many more of them.

use crate::helpers::session;
use loader_client_tests::load_with;
use loader_damage::File;
use loader_damage::suite::{self, Choice};
use postgres::Client;

/// What a load left: the rows, and the rejects but for the load's number.
fn left(client: &mut Client, load_id: i64) -> (Vec<String>, Vec<String>) {
    let texts = |client: &mut Client, query: &str| {
        let rows = client.query(query, &[]).expect("a query");
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    let rows = texts(client, "SELECT data::text FROM t ORDER BY n");
    let rejects = texts(
        client,
        &format!(
            "SELECT concat_ws(' ', record_no, byte_offset, byte_length, line, error_type, sqlstate, message, raw)
             FROM loader.rejects WHERE load_id = {load_id} ORDER BY record_no"
        ),
    );
    (rows, rejects)
}

#[test]
fn damaged_files_load_the_same_in_any_chunks_and_threads() {
    let (database, mut client) = session("damage");
    client.batch_execute("ALTER TABLE t ADD n bigserial").expect("a column that keeps the order");
    // The files whose newlines or indentation show where records start: there
    // every good record is loaded, and nothing else but what is tolerated.
    let files = suite::plain(Choice { seed: 5, one_in: 40 });
    let files: Vec<File> = files.filter(|file| file.framing.strict() && file.tolerated.is_empty()).collect();
    assert!(files.len() > 10, "{}", files.len());
    for (n, file) in files.iter().enumerate() {
        let path = database.file(&format!("damage{n}.json"), &file.bytes);
        let good: Vec<String> = file
            .good
            .iter()
            .map(|good| String::from_utf8_lossy(good.span.of(&file.bytes)).into_owned())
            .collect();
        let wanted: Vec<String> = client
            .query("SELECT g::jsonb::text FROM unnest($1::text[]) AS g", &[&good])
            .expect("jsonb_in takes the good records")
            .iter()
            .map(|row| row.get(0))
            .collect();
        let mut first = None;
        for (chunk, threads) in [(10_000, 1), (7, 0), (1, 2), (10_000, 8)] {
            client
                .batch_execute(&format!("TRUNCATE t; SET loader.parse_threads = {threads}"))
                .expect("the setting");
            let outcome = load_with(&mut client, &path, "t", &format!("chunk => {chunk}")).expect("a load");
            let found = left(&mut client, outcome.load_id);
            if file.good.iter().all(|good| !good.unsure) {
                assert_eq!(found.0, wanted, "{} (chunk {chunk}, {threads} threads)", file.name);
            }
            let ledger = client
                .query_one(
                    "SELECT stream_bytes = bytes_loaded + bytes_rejected + bytes_framing, stream_bytes
                     FROM loader.load_history WHERE load_id = $1",
                    &[&outcome.load_id],
                )
                .expect("history");
            assert!(ledger.get::<_, bool>(0), "{}", file.name);
            assert_eq!(ledger.get::<_, i64>(1), file.bytes.len() as i64, "{}", file.name);
            for reject in client
                .query(
                    "SELECT byte_offset, byte_length, raw, raw_truncated FROM loader.rejects WHERE load_id = $1",
                    &[&outcome.load_id],
                )
                .expect("rejects")
            {
                let (offset, length): (i64, i64) = (reject.get(0), reject.get(1));
                let (raw, truncated): (Vec<u8>, bool) = (reject.get(2), reject.get(3));
                let there = &file.bytes[offset as usize..(offset + length) as usize];
                assert_eq!(&there[..raw.len()], raw, "{}", file.name);
                assert_eq!(truncated, raw.len() < there.len(), "{}", file.name);
            }
            match &first {
                None => first = Some(found),
                Some(first) => assert_eq!(first, &found, "{} (chunk {chunk}, {threads} threads)", file.name),
            }
        }
    }
}
