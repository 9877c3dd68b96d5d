//! Who may do and see what.

use crate::helpers::{count, lines, session, table};
use loader_client_tests::{load, load_with, sqlstate};
use postgres::error::SqlState;

const DENIED: SqlState = SqlState::INSUFFICIENT_PRIVILEGE;

#[test]
fn reading_files_is_a_right_of_its_own() {
    let (database, mut admin) = session("roles_read");
    admin
        .batch_execute("CREATE ROLE roles_nobody LOGIN; GRANT INSERT, SELECT ON t TO roles_nobody")
        .expect("a role");
    let there = database.cluster.file("roles_read", lines(1));
    let missing = database.cluster.path("files/roles_missing").to_str().expect("UTF-8").to_owned();
    let mut nobody = database.connect_as("roles_nobody");

    let messages = [there, missing].map(|path| {
        let error = load(&mut nobody, &path, "t").expect_err("no right");
        assert_eq!(error.code(), Some(&DENIED));
        error.as_db_error().expect("the server's").message().replace(&path, "")
    });
    assert_eq!(messages[0], messages[1], "no word on what is there");

    // Not even with EXECUTE on the function: it looks for itself.
    admin
        .batch_execute("DO $$ BEGIN EXECUTE (SELECT 'GRANT EXECUTE ON FUNCTION ' || oid::regprocedure || ' TO roles_nobody'
                        FROM pg_proc WHERE proname = 'load_json_file'); END $$")
        .expect("GRANT");
    for path in ["/etc/passwd", "/nowhere"] {
        assert_eq!(sqlstate(load(&mut nobody, path, "t")), DENIED);
    }
}

#[test]
fn inserting_is_the_caller_s_right() {
    let (database, mut admin) = session("roles_insert");
    admin
        .batch_execute(
            "CREATE ROLE roles_reader LOGIN; GRANT pg_read_server_files TO roles_reader;
             CREATE TABLE two (id int DEFAULT 1, data jsonb NOT NULL, other jsonb)",
        )
        .expect("a role");
    let path = database.cluster.file("roles_insert", lines(3));
    let mut reader = database.connect_as("roles_reader");
    assert_eq!(sqlstate(load(&mut reader, &path, "t")), DENIED);
    // Before the file is touched: a missing one makes no difference.
    assert_eq!(sqlstate(load(&mut reader, "/nowhere", "t")), DENIED);

    admin.batch_execute("GRANT INSERT (other) ON two TO roles_reader").expect("GRANT");
    assert_eq!(sqlstate(load(&mut reader, &path, "two")), DENIED);
    assert_eq!(
        load_with(&mut reader, &path, "two", "target_column => 'other', on_error => 'stop'")
            .map(|_| ())
            .map_err(|e| e.code().cloned()),
        Err(Some(SqlState::NOT_NULL_VIOLATION))
    );
    admin.batch_execute("GRANT INSERT (data) ON two TO roles_reader").expect("GRANT");
    let outcome = load(&mut reader, &path, "two").expect("a column right is enough, without SELECT");
    assert_eq!(outcome.rows_loaded, 3);
    // Without SELECT, the second load still knows that the table has rows.
    assert_eq!(load(&mut reader, &path, "two").expect("a skip").status, "skipped");
}

#[test]
fn row_level_security_applies() {
    let (database, mut admin) = session("roles_rls");
    admin
        .batch_execute(
            "CREATE ROLE roles_rls LOGIN; GRANT pg_read_server_files TO roles_rls; GRANT INSERT, SELECT ON t TO roles_rls;
             ALTER TABLE t ENABLE ROW LEVEL SECURITY;
             CREATE POLICY w ON t FOR INSERT TO roles_rls WITH CHECK ((data->>'n')::int < 5);
             CREATE POLICY r ON t FOR SELECT TO roles_rls USING (false)",
        )
        .expect("policies");
    let mut role = database.connect_as("roles_rls");
    let path = database.cluster.file("roles_rls_bad", lines(6));
    let error = load(&mut role, &path, "t").expect_err("the policy");
    assert_eq!(error.code(), Some(&DENIED));
    let context = error.as_db_error().and_then(|error| error.where_()).unwrap_or_default().to_owned();
    assert!(context.contains("record 6"), "{context}");
    assert_eq!(count(&mut admin, "t"), 0);

    let path = database.cluster.file("roles_rls_good", lines(5));
    assert_eq!(load(&mut role, &path, "t").expect("a load").rows_loaded, 5);
    // It sees no row, and yet the table is not empty.
    assert_eq!(count(&mut role, "t"), 0);
    assert_eq!(load(&mut role, &path, "t").expect("a skip").status, "skipped");
}

#[test]
fn history_is_seen_by_members_and_written_by_nobody() {
    let (database, mut admin) = session("roles_history");
    admin
        .batch_execute(
            "CREATE ROLE roles_one LOGIN; CREATE ROLE roles_two LOGIN; CREATE ROLE roles_chief LOGIN;
             GRANT roles_one TO roles_chief;
             GRANT pg_read_server_files TO roles_one, roles_two; GRANT INSERT ON t TO roles_one, roles_two",
        )
        .expect("roles");
    let path = database.cluster.file("roles_history", format!("{}{{\n", lines(3)));
    let mut one = database.connect_as("roles_one");
    load(&mut one, &path, "t").expect("a load");
    for (role, seen) in [("roles_one", 1), ("roles_two", 0), ("roles_chief", 1), ("postgres", 1)] {
        let mut client = database.connect_as(role);
        assert_eq!(count(&mut client, "loader.load_history"), seen, "{role}");
        assert_eq!(count(&mut client, "loader.rejects"), seen, "{role}");
    }
    let tables: Vec<String> = admin
        .query("SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'loader'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')", &[])
        .expect("tables")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(tables.len() >= 5, "{tables:?}");
    for name in &tables {
        let writable: bool = one
            .query_one(
                "SELECT has_table_privilege($1::text, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege($1::text, 'INSERT, UPDATE')",
                &[name],
            )
            .unwrap_or_else(|_| panic!("{name}"))
            .get(0);
        assert!(!writable, "{name}");
        let readable: bool =
            one.query_one("SELECT has_table_privilege($1::text, 'SELECT')", &[name]).expect("SELECT").get(0);
        let views = [
            "loader.load_history",
            "loader.last_call",
            "loader.progress",
            "loader.rejects",
            "loader.pipelines",
            "loader.pipeline_files",
            "loader.pipeline_runs",
            "loader.pipeline_targets",
        ];
        assert_eq!(readable, views.contains(&name.as_str()), "{name}");
    }
    let result = one.batch_execute("DELETE FROM loader.load_history");
    assert!(result.is_err());

    // The view is a barrier: a function that leaks sees no foreign row.
    let mut two = database.connect_as("roles_two");
    two.batch_execute(
        "CREATE FUNCTION pg_temp.leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0001
         AS 'BEGIN RAISE EXCEPTION USING MESSAGE = ''leaked '' || $1; END'",
    )
    .expect("a function");
    assert_eq!(count(&mut two, "loader.load_history WHERE pg_temp.leak(file_path)"), 0);

    admin.batch_execute("DROP OWNED BY roles_one; DROP ROLE roles_one").expect("DROP ROLE");
    assert_eq!(count(&mut admin, "loader.load_history"), 1, "a dropped role breaks nothing");
}

#[test]
fn functions_run_as_their_caller() {
    let (_database, mut admin) = session("roles_functions");
    let functions = admin
        .query(
            "SELECT p.oid::regprocedure::text, p.prosecdef, p.proname,
                    EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
             FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
             WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
               AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'loader')
               AND p.pronamespace <> coalesce(to_regnamespace('tests'), 0)",
            &[],
        )
        .expect("functions");
    assert!(!functions.is_empty());
    // None of these reads a file.
    let harmless = [
        "seed_json_table",
        "undo_load",
        "mend_reject",
        "mend_rejects",
        "retry_rejects",
        "chunk_records",
        "chunk_offsets",
        "chunk_keys",
        "chunk_numbers",
        "chunk_lines",
        "chunk_rows",
        "chunk_cells",
        "chunk_absent",
        "chunk_has",
        "chunk_conflict",
        "chunk_written",
        "home",
        "may_amend",
        "raw_text",
        "read_last_call",
        "merge_sql",
        "merge_name",
        "merge_check",
        "merge_key",
        "swap_table",
        "swap_parts",
        "swap_twins",
        "swap_columns",
        "swap_views",
        "swap_objections",
        "swap_check",
        "swap_settings",
        "swap_belongings",
        "swap_statements",
        "swap_patience",
        "scheduler",
    ];
    for function in functions {
        let (signature, definer, name, public): (String, bool, String, bool) =
            (function.get(0), function.get(1), function.get(2), function.get(3));
        assert!(!definer, "{signature} is SECURITY DEFINER");
        assert!(!public || harmless.contains(&name.as_str()), "{signature} is granted to PUBLIC");
    }
    let row = admin
        .query_one("SELECT bool_or(trusted), bool_and(superuser) FROM pg_available_extension_versions WHERE name = 'loader'", &[])
        .expect("the extension");
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (false, true));
}

#[test]
fn a_table_of_one_s_own() {
    let (database, mut admin) = session("roles_seed");
    admin
        .batch_execute("CREATE ROLE roles_seed LOGIN; CREATE SCHEMA seed AUTHORIZATION roles_seed; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        .expect("a role");
    let mut role = database.connect_as("roles_seed");
    let result = role.execute("SELECT seed_json_table('public.refused')", &[]);
    assert_eq!(sqlstate(result), DENIED);
    table(&mut role, "seed.mine");
    let owner: String = role
        .query_one("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'seed.mine'::regclass", &[])
        .expect("the owner")
        .get(0);
    assert_eq!(owner, "roles_seed");
}
