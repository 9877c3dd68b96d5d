//! `raw_text` of `loader.rejects`: the bytes of a reject as they can be read.

use crate::helpers::{count, session, table};
use loader_client_tests::{Cluster, load};
use postgres::Client;

/// `raw_text` of the rejects, in the order of the file.
fn texts(client: &mut Client) -> Vec<Option<String>> {
    let rows = client.query("SELECT raw_text FROM loader.rejects ORDER BY load_id, byte_offset", &[]);
    rows.expect("rejects").iter().map(|row| row.get(0)).collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn is_null_where_the_bytes_are_no_text() {
    let (database, mut client) = session("raw_text");
    let bytes = b"{\"a\": 1}\n{\"b\": \"\xc3\xa4\",}\n{\"c\": \xff}\n{\"d\": \"\0\"}\n{\"e\": \"\xc3";
    let path = database.file("raw_text", bytes);
    load(&mut client, &path, "t").expect("a load");
    // The last one ends inside of a character, but it is not cut: that is how it is.
    assert_eq!(texts(&mut client), [Some("{\"b\": \"ä\",}".to_owned()), None, None, None]);
    assert_eq!(count(&mut client, "loader.rejects WHERE raw IS NOT NULL"), 4);
}

#[test]
fn a_character_that_was_cut_is_left_out() {
    let (database, mut client) = session("raw_text_cut");
    // Characters of two, three and four bytes, cut at each of their bytes.
    let text = "{aä€😀".to_owned() + &"x".repeat(10) + "\n{\"n\": 1}\n";
    for limit in 0..12 {
        client.batch_execute("TRUNCATE t; DELETE FROM loader.rejects_data").expect("TRUNCATE");
        client.batch_execute(&format!("SET loader.reject_raw_limit = {limit}")).expect("the setting");
        let path = database.file(&format!("raw_text_cut_{limit}"), text.replace('1', &limit.to_string()));
        load(&mut client, &path, "t").expect("a load");
        assert_eq!(texts(&mut client), some(&[&text[..text.floor_char_boundary(limit)]]), "{limit}");
    }
    // What is broken before that is no text, cut or not.
    let direct =
        "SELECT loader.raw_text('\\xff61c3', true) IS NULL AND loader.raw_text('\\x61c3', true) = 'a'
                  AND loader.raw_text('\\x61c3', false) IS NULL AND loader.raw_text('\\x', false) = ''
                  AND loader.raw_text('\\x6100', true) IS NULL AND loader.raw_text(NULL, true) IS NULL";
    assert!(client.query_one(direct, &[]).expect("texts").get::<_, bool>(0));
}

#[test]
fn is_in_the_encoding_of_the_database() {
    for (encoding, wanted) in
        [("LATIN1", [Some("{ä,}"), None, None]), ("EUC_JP", [Some("{ä,}"), Some("{日,}"), None])]
    {
        let name = format!("raw_text_{}", encoding.to_lowercase());
        let database = Cluster::shared().database_with(&name, encoding);
        let mut client = database.connect();
        table(&mut client, "t");
        let path = database.file(&name, "{ä,}\n{日,}\n{😀,}\n{\"n\": 1}\n");
        load(&mut client, &path, "t").expect("a load");
        assert_eq!(texts(&mut client), wanted.map(|text| text.map(str::to_owned)), "{encoding}");
    }
    // Where any bytes are text, those of the file are.
    let database = Cluster::shared().database_with("raw_text_ascii", "SQL_ASCII");
    let mut client = database.connect();
    table(&mut client, "t");
    let path = database.file("raw_text_ascii", b"{\xc3\xa4,}\n{\xff,}\n{\"n\": 1}\n");
    load(&mut client, &path, "t").expect("a load");
    assert_eq!(count(&mut client, "loader.rejects WHERE raw_text::bytea = raw"), 2);
}

#[test]
fn is_read_in_a_query_by_anybody() {
    // The function is in the view: who reads the view needs to be allowed to call it.
    let (database, mut admin) = session("raw_text_roles");
    admin
        .batch_execute(
            "CREATE ROLE raw_text_reader LOGIN IN ROLE pg_read_server_files; GRANT INSERT ON t TO raw_text_reader",
        )
        .expect("a role");
    let mut client = database.connect_as("raw_text_reader");
    let path = database.file("raw_text_roles", "{]\n{\"n\": 1}\n");
    load(&mut client, &path, "t").expect("a load");
    assert_eq!(texts(&mut client), some(&["{]"]));
}
