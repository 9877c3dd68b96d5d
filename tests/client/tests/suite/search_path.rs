//! A hostile search_path, with planted operators, functions, casts and
//! temporary tables of the same names, changes nothing.

use crate::helpers::{count, lines};
use loader_client_tests::{Cluster, load, load_with};
use postgres::Client;

/// Plants in `schema` what a careless query would call. Each writes to the server's log
/// what it is, whose schema it is in, and as whom it runs, and raises.
pub fn plant(client: &mut Client, schema: &str) {
    let body = |what: &str| {
        format!(
            "'BEGIN
                  RAISE LOG ''trap {schema}: {what} as % for %'', current_user, session_user;
                  RAISE EXCEPTION ''hijacked: {what}'';
              END'"
        )
    };
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).expect("a schema");
    for (left, right) in [
        ("oid", "oid"),
        ("bigint", "bigint"),
        ("bigint", "integer"),
        ("integer", "integer"),
        ("integer", "bigint"),
        ("text", "text"),
        ("bytea", "bytea"),
        ("name", "name"),
        ("name", "text"),
        ("boolean", "boolean"),
        ("jsonb", "jsonb"),
        ("regclass", "oid"),
        ("oid", "regclass"),
        ("regclass", "regclass"),
        ("\"char\"", "\"char\""),
        ("text", "unknown"),
        ("oid", "bigint"),
        ("oid", "integer"),
        ("timestamptz", "timestamptz"),
    ] {
        if right == "unknown" {
            continue;
        }
        let function = format!("{schema}.hijack_{}_{}", left.replace('"', "q"), right.replace('"', "q"));
        client
            .batch_execute(&format!(
                "CREATE FUNCTION {function}({left}, {right}) RETURNS boolean LANGUAGE plpgsql AS {}",
                body(&format!("{left} operator {right}"))
            ))
            .expect("a function");
        for operator in ["=", "<>", "<", ">", "<=", ">=", "||", "->", "->>"] {
            client
                .batch_execute(&format!("CREATE OPERATOR {schema}.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = {function})"))
                .expect("an operator");
        }
    }
    for signature in [
        "nextval(regclass)",
        "now()",
        "clock_timestamp()",
        "unnest(anyarray)",
        "jsonb_in(cstring)",
        "pg_has_role(oid, text)",
        "pg_get_userbyid(oid)",
        "current_setting(text)",
        "to_regclass(text)",
        "format(text, text)",
        "coalesce_(text)",
        "count(\"any\")",
        "max(bigint)",
        "min(bigint)",
        "octet_length(bytea)",
        "encode(bytea, text)",
        "quote_ident(text)",
        "load_json_file(text, regclass)",
        "chunk_records(bigint)",
    ] {
        let statement = format!(
            "CREATE FUNCTION {schema}.{signature} RETURNS text LANGUAGE plpgsql AS {}",
            body(signature)
        );
        // Some pseudo-types are not for plpgsql.
        let _ = client.batch_execute(&statement);
    }
    for name in ["int8", "text", "jsonb", "bytea", "oid", "timestamptz", "regclass", "bool"] {
        let _ =
            client.batch_execute(&format!("CREATE DOMAIN {schema}.{name} AS pg_catalog.text CHECK (false)"));
    }
    for name in [
        "load_history",
        "rejects",
        "load_history_data",
        "rejects_data",
        "pg_class",
        "pg_attribute",
        "pg_namespace",
        "pg_roles",
        "pg_authid",
        "t",
    ] {
        client.batch_execute(&format!("CREATE TABLE {schema}.{name} (hijacked int)")).expect("a table");
    }
}

#[test]
fn a_hostile_search_path_changes_nothing() {
    let database = Cluster::shared().database("search_path");
    let mut admin = database.connect();
    admin
        .batch_execute(
            "SELECT seed_json_table('public.target');
             CREATE ROLE search_path_role LOGIN; GRANT pg_read_server_files TO search_path_role;
             GRANT INSERT ON public.target TO search_path_role; GRANT CREATE ON DATABASE search_path TO search_path_role",
        )
        .expect("a target");
    plant(&mut admin, "evil");
    admin.batch_execute("GRANT USAGE ON SCHEMA evil TO search_path_role; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA evil TO search_path_role").expect("GRANT");
    let path = database.file("search_path", format!("{}{{\n", lines(20)));

    let mut loads = 0;
    for role in ["postgres", "search_path_role"] {
        let mut client = database.connect_as(role);
        client
            .batch_execute(
                "CREATE TEMP TABLE load_history (hijacked int); CREATE TEMP TABLE rejects (hijacked int);
                 CREATE TEMP TABLE load_history_data (hijacked int); CREATE TEMP TABLE rejects_data (hijacked int);
                 CREATE TEMP TABLE pg_class (hijacked int)",
            )
            .expect("temporary tables");
        for search_path in
            ["evil, pg_temp, pg_catalog, public", "pg_temp, evil, public, pg_catalog", "evil", "''"]
        {
            client.batch_execute(&format!("SET search_path = {search_path}")).expect("the path");
            let call = "SELECT (public.load_json_file($1, ($2::pg_catalog.text)::pg_catalog.regclass, chunk => 7, if_loaded => 'force')).rows_loaded::pg_catalog.int8";
            let row = client
                .query_one(call, &[&path, &"public.target"])
                .unwrap_or_else(|error| panic!("{role}, {search_path}: {error:?}"));
            assert_eq!(row.get::<_, i64>(0), 20);
            loads += 1;
        }
        // The comparison with earlier loads, too.
        client.batch_execute("SET search_path = evil, pg_temp, pg_catalog, public").expect("the path");
        let row = client
            .query_one("SELECT (public.load_json_file($1, ($2::pg_catalog.text)::pg_catalog.regclass)).status::pg_catalog.text", &[&path, &"public.target"])
            .unwrap_or_else(|error| panic!("{role}: {error:?}"));
        assert_eq!(row.get::<_, &str>(0), "skipped");
        let seen: i64 = client
            .query_one("SELECT pg_catalog.count(*) FROM loader.load_history", &[])
            .expect("the view")
            .get(0);
        assert!(seen > 0);
    }
    assert_eq!(count(&mut admin, "loader.load_history"), loads);
    assert_eq!(count(&mut admin, "loader.rejects"), loads);
    assert_eq!(count(&mut admin, "public.target"), 20 * loads);
    assert_eq!(count(&mut admin, "evil.load_history") + count(&mut admin, "evil.rejects"), 0);
    let row = admin.query_one("SELECT public.seed_json_table('public.another')::text", &[]).expect("a table");
    assert_eq!(row.get::<_, &str>(0), "another");
}

#[test]
fn identifiers_are_quoted() {
    let database = Cluster::shared().database("search_path_names");
    let mut client = database.connect();
    let path = database.file("search_path_names", lines(5));
    client
        .batch_execute(
            r#"CREATE SCHEMA "s""; DROP TABLE x; --";
               CREATE TABLE "s""; DROP TABLE x; --"."select ""t"" $1" ("data $1 ""c""" jsonb);
               CREATE TABLE "Üñï" ("data" jsonb)"#,
        )
        .expect("names");
    let outcome = load_with(
        &mut client,
        &path,
        r#""s""; DROP TABLE x; --"."select ""t"" $1""#,
        r#"target_column => 'data $1 "c"'"#,
    )
    .expect("a load");
    assert_eq!(outcome.rows_loaded, 5);
    assert_eq!(load(&mut client, &path, r#""Üñï""#).expect("a load").rows_loaded, 5);
    assert_eq!(load(&mut client, &path, r#""Üñï""#).expect("a skip").status, "skipped");
    let seeded: String = client
        .query_one(r#"SELECT seed_json_table('"s""; DROP TABLE x; --"."Seeded ""one"""')::text"#, &[])
        .expect("a table")
        .get(0);
    assert_eq!(seeded, r#""s""; DROP TABLE x; --"."Seeded ""one""""#);
}
