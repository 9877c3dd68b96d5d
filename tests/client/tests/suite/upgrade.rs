//! From 0.1.0 and 0.2.0 to this version: between the exchange of the library and ALTER EXTENSION
//! UPDATE, and after it.

use crate::helpers::{count, lines, table};
use crate::search_path::plant;
use loader_client_tests::{Cluster, Database, load, load_many, load_with, sqlstate, wait_for};
use postgres::Client;
use postgres::error::SqlState;
use std::fs;
use std::process::Stdio;
use std::thread;

/// A file that 0.1.0 has loaded. Three of its records are bad.
const FILE: &str = "{\"n\": 0}\n{\"n\": 1\n{\"n\": 2}\n[1,]\n{\"n\": \"\\ud800\"}\n{\"n\": 5}\n";

/// What it wrote then, as dumped by `pg_dump --column-inserts`, but for OIDs and the
/// path of the file.
const WRITTEN_BY_0_1_0: &str = r#"
CREATE TABLE t (data jsonb NOT NULL);
INSERT INTO t VALUES ('{"n": 0}'), ('{"n": 2}'), ('{"n": 5}');
INSERT INTO loader.load_history_data
    (load_id, target, target_oid, target_column, file_path, file_size, file_mtime, content_hash,
     format, compression, chunk, options, status, rows_loaded, rows_rejected, stream_bytes,
     bytes_loaded, bytes_rejected, bytes_framing, loaded_by, loaded_by_name, started_at, finished_at)
VALUES
    (1, 'public.t', 't'::regclass, 'data', 'PATH', 56, '2026-11-21 18:55:23.588177+00',
     '\x6215917463409f774c4ffaadcd4dc213ddf44ba8b80a86270f60cac4dd04264e',
     'newline_delimited', 'none', 10000,
     '{"chunk": 10000, "format": "auto", "on_error": "reject", "if_loaded": "skip",
       "compression": "auto", "reject_limit": null}',
     'loaded', 3, 3, 56, 24, 26, 6, 'postgres'::regrole, 'postgres',
     '2026-11-21 18:55:34.575254+00', '2026-11-21 18:55:34.5854+00');
INSERT INTO loader.rejects_data
    (load_id, record_no, byte_offset, byte_length, line, error_type, sqlstate, message, raw, raw_truncated)
VALUES
    (1, 2, 9, 7, 2, 'TRUNCATED', '22P02', 'the line ends inside the record', '\x7b226e223a2031', false),
    (1, 4, 26, 4, 4, 'SYNTAX', '22P02', 'expected a value', '\x5b312c5d', false),
    (1, 5, 31, 15, 5, 'INVALID_UNICODE', '22P05', 'a high surrogate without its low surrogate',
     '\x7b226e223a20225c7564383030227d', false);
SELECT setval('loader.load_id_seq', 1);
"#;

/// A database with 0.1.0, and a file that it has loaded.
fn database_of_0_1_0(name: &str) -> (Database<'static>, Client, String) {
    let cluster = Cluster::shared();
    let database = cluster.bare_database(name, "UTF8");
    let path = database.file(name, FILE);
    let mut client = database.connect();
    client.batch_execute("CREATE EXTENSION loader VERSION '0.1.0'").expect("0.1.0");
    client.batch_execute(&WRITTEN_BY_0_1_0.replace("PATH", &path)).expect("what 0.1.0 wrote");
    (database, client, path)
}

fn update(client: &mut Client) {
    client.batch_execute("ALTER EXTENSION loader UPDATE").expect("ALTER EXTENSION UPDATE");
}

fn texts(client: &mut Client, query: &str) -> Vec<String> {
    let rows = client.query(query, &[]).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// What belongs to the extension, and the relations of its schema.
const OURS: &str = "
WITH members AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'loader'),
relations AS (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'loader'::regnamespace)";

/// What the catalogs say of them, without OIDs. The last two are about roles: what a
/// dump takes for the extension's own grants, and what forbids DROP ROLE.
const CATALOGS: [&str; 11] = [
    "SELECT 'member ' || pg_describe_object(classid, objid, 0) FROM members",
    "SELECT concat_ws(' ', 'extension', extversion, extowner::regrole, extnamespace::regnamespace,
         extrelocatable, extconfig::regclass[], extcondition)
     FROM pg_extension WHERE extname = 'loader'",
    "SELECT concat_ws(' ', 'namespace', nspname, nspowner::regrole, nspacl)
     FROM pg_namespace WHERE oid IN (SELECT objid FROM members)",
    "SELECT concat_ws(' ', 'routine', pg_get_functiondef(oid), proowner::regrole, proacl)
     FROM pg_proc WHERE oid IN (SELECT objid FROM members)",
    "SELECT concat_ws(' ', 'relation', oid::regclass, relkind, relowner::regrole, relacl, reloptions,
         relpersistence, relchecks, relhasrules, relhastriggers, relrowsecurity, pg_get_viewdef(oid))
     FROM pg_class JOIN relations USING (oid)",
    "SELECT concat_ws(' ', 'column', attrelid::regclass, attnum, attname, atttypid::regtype, attnotnull,
         attstorage, attidentity, attcollation::regcollation, attisdropped, attacl,
         pg_get_expr(adbin, adrelid))
     FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE attnum > 0 AND attrelid IN (SELECT oid FROM relations)",
    "SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, contype, convalidated,
         conindid::regclass, pg_get_constraintdef(oid))
     FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relations)",
    "SELECT concat_ws(' ', 'index', indexrelid::regclass, indisvalid, indcheckxmin, indisprimary,
         pg_get_indexdef(indexrelid))
     FROM pg_index WHERE indrelid IN (SELECT oid FROM relations)",
    "SELECT concat_ws(' ', 'comment', pg_describe_object(classoid, objoid, objsubid), description)
     FROM pg_description WHERE (classoid, objoid) IN (SELECT classid, objid FROM members)",
    "SELECT concat_ws(' ', 'initial', pg_describe_object(classoid, objoid, objsubid), initprivs)
     FROM pg_init_privs WHERE (classoid, objoid) IN (SELECT classid, objid FROM members)",
    "SELECT concat_ws(' ', 'role', pg_describe_object(classid, objid, objsubid), refobjid::regrole, deptype)
     FROM pg_shdepend JOIN members USING (classid, objid)
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
];

fn catalogs(client: &mut Client) -> Vec<String> {
    let mut lines: Vec<_> =
        CATALOGS.iter().flat_map(|query| texts(client, &format!("{OURS} {query}"))).collect();
    lines.sort();
    lines
}

#[test]
fn everything_says_what_it_is() {
    let database = Cluster::shared().database("upgrade_comments");
    let mut client = database.connect();
    let silent = "
        SELECT pg_describe_object(classid, objid, 0) FROM members
        WHERE obj_description(objid, classid::regclass::text::name) IS NULL
          AND classid <> 'pg_type'::regclass AND classid <> 'pg_rewrite'::regclass
        UNION ALL
        SELECT pg_describe_object('pg_class'::regclass, attrelid, attnum)
        FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
        WHERE c.relkind = 'v' AND attnum > 0 AND attrelid IN (SELECT oid FROM relations)
          AND col_description(attrelid, attnum) IS NULL";
    assert_eq!(texts(&mut client, &format!("{OURS} {silent}")), Vec::<String>::new());
    let internal = "SELECT count(*)::text FROM pg_description WHERE description LIKE 'Internal: %'
        AND (classoid, objoid) IN (SELECT classid, objid FROM members)";
    assert_eq!(texts(&mut client, &format!("{OURS} {internal}")), ["46"]);
}

#[test]
fn an_updated_extension_is_as_a_new_one() {
    // Its owner is no superuser any more, another superuser updates, and whatever is
    // found along the search_path is a trap.
    let cluster = Cluster::shared();
    let mut admin = cluster.connect("postgres");
    admin
        .batch_execute(
            "CREATE ROLE upgrade_owner SUPERUSER LOGIN; CREATE ROLE upgrade_deputy SUPERUSER LOGIN",
        )
        .expect("roles");
    let databases =
        ["upgrade_new", "upgrade_older", "upgrade_old"].map(|name| cluster.bare_database(name, "UTF8"));
    let versions = ["0.3.0", "0.1.0", "0.2.0"];
    for (database, version) in databases.iter().zip(versions) {
        let mut owner = database.connect_as("upgrade_owner");
        plant(&mut owner, "evil");
        owner
            .batch_execute(&format!("CREATE EXTENSION loader SCHEMA evil VERSION '{version}'"))
            .expect("CREATE EXTENSION");
    }
    admin.batch_execute("ALTER ROLE upgrade_owner NOSUPERUSER").expect("ALTER ROLE");
    for database in &databases[1..] {
        let mut deputy = database.connect_as("upgrade_deputy");
        deputy.batch_execute("SET search_path = evil, pg_temp, pg_catalog").expect("a search_path");
        update(&mut deputy);
    }

    let [new, older, old] = databases.map(|database| catalogs(&mut database.connect()));
    assert!(new.len() > 100, "{new:#?}");
    for updated in [older, old] {
        let missing: Vec<_> = new.iter().filter(|line| !updated.contains(line)).collect();
        let left: Vec<_> = updated.iter().filter(|line| !new.contains(line)).collect();
        assert!(missing.is_empty() && left.is_empty(), "missing: {missing:#?}\nleft: {left:#?}");
        assert_eq!(new, updated);
    }
}

#[test]
fn before_the_update_calls_fail_and_data_is_there() {
    let (_database, mut client, path) = database_of_0_1_0("upgrade_before");
    for call in [
        format!("SELECT * FROM load_json_file('{path}', 't')"),
        format!("SELECT load_json_file('{path}', 't', if_loaded => 'force')"),
        "SELECT seed_json_table('s')".to_owned(),
        "SELECT seed_json_table(NULL, NULL, NULL)".to_owned(),
        "SELECT loader.chunk_records(1)".to_owned(),
    ] {
        assert_eq!(sqlstate(client.query(&call, &[])), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "{call}");
    }
    assert_eq!(count(&mut client, "t"), 3);
    assert_eq!(count(&mut client, "loader.load_history"), 1);
    assert_eq!(count(&mut client, "loader.rejects"), 3);
    // In the session that has seen them fail, too.
    update(&mut client);
    assert_eq!(load(&mut client, &path, "t").expect("a skip").status, "skipped");
}

#[test]
fn loads_go_on_after_the_update() {
    let (database, mut client, path) = database_of_0_1_0("upgrade_loads");
    client
        .batch_execute(&format!(
            "CREATE VIEW again AS SELECT * FROM load_json_file('{path}', 't', 7, if_loaded => 'force')"
        ))
        .expect("a view that calls 0.1.0");
    let again: String = client.query_one("SELECT pg_get_viewdef('again'::regclass)", &[]).expect("it").get(0);
    let history =
        "SELECT h::text FROM (SELECT load_id, target, target_oid, target_column, file_path, file_size,
        file_mtime, content_hash, format, compression, chunk, options, status, rows_loaded, rows_rejected,
        stream_bytes, bytes_loaded, bytes_rejected, bytes_framing, loaded_by, loaded_by_name, started_at,
        finished_at FROM loader.load_history) h";
    let rejects =
        "SELECT r::text FROM (SELECT load_id, record_no, byte_offset, byte_length, line, error_type,
        sqlstate, message, raw, raw_truncated FROM loader.rejects) r ORDER BY byte_offset";
    let before = (texts(&mut client, history), texts(&mut client, rejects));
    // A function that something depends on is not dropped behind its back.
    let refused = client.batch_execute("ALTER EXTENSION loader UPDATE");
    assert_eq!(sqlstate(refused), SqlState::DEPENDENT_OBJECTS_STILL_EXIST);
    client.batch_execute("DROP VIEW again").expect("DROP VIEW");
    update(&mut client);
    client.batch_execute(&format!("CREATE VIEW again AS {again}")).expect("the same view");
    assert_eq!((texts(&mut client, history), texts(&mut client, rejects)), before);
    let added =
        "SELECT concat_ws(' ', records, lines, start_offset, splitter_state, records_path, error_sqlstate,
        error_message, retry_of) FROM loader.load_history_data";
    assert_eq!(texts(&mut client, added), ["6 0 0 0"]);
    let skipped = load(&mut client, &path, "t").expect("a skip");
    assert_eq!((skipped.status.as_str(), skipped.load_id), ("skipped", 1));
    let other = database.file("upgrade_loads_other", format!("{}{{\n", lines(10)));
    let loaded = load(&mut client, &other, "t").expect("a load");
    assert_eq!((loaded.load_id, loaded.rows_loaded, loaded.rows_rejected), (2, 10, 1));
    let forced = load_with(&mut client, &path, "t", "if_loaded => 'force'").expect("a load");
    assert_eq!((forced.load_id, forced.rows_loaded, forced.rows_rejected), (3, 3, 3));
    // The view's call has fewer arguments than there are parameters now.
    let row = client.query_one("SELECT load_id, rows_loaded FROM again", &[]).expect("the view");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (4, 3));
    table(&mut client, "u");
    assert_eq!(load(&mut client, &path, "u").expect("a load").rows_loaded, 3);
}

/// What 0.2.0 wrote of its own tables is known by OID, what came to it with a dump by name.
#[test]
fn loads_of_0_2_0_are_known_after_the_update() {
    let database = Cluster::shared().bare_database("upgrade_0_2_0", "UTF8");
    let mut client = database.connect();
    client.batch_execute("CREATE EXTENSION loader VERSION '0.2.0'").expect("0.2.0");
    let home = "(SELECT system_identifier || '/' || oid FROM pg_control_system(), pg_database
                 WHERE datname = current_database())";
    let path = database.file("upgrade_0_2_0", FILE);
    let columns = "raw, raw_truncated)";
    let (history, rest) = WRITTEN_BY_0_1_0.split_once("INSERT INTO loader.rejects_data").expect("both");
    let written = history
        .replace("PATH", &path)
        .replace("started_at, finished_at)", "started_at, finished_at, records, home)")
        .replace("18:55:34.5854+00')", &format!("18:55:34.5854+00', 6, {home})"));
    assert!(rest.contains(columns) && written.contains(home));
    client.batch_execute(&written).expect("what 0.2.0 wrote");
    client
        .batch_execute(
            "CREATE TABLE u AS TABLE t;
             INSERT INTO loader.load_history_data
             SELECT (jsonb_populate_record(h, '{\"load_id\": 2, \"target\": \"public.u\", \"home\": \"elsewhere\"}')).*
             FROM loader.load_history_data AS h;
             SELECT setval('loader.load_id_seq', 2)",
        )
        .expect("a row that came with a dump");
    update(&mut client);
    // An index that older snapshots may not use would slow down what is under way.
    assert_eq!(count(&mut client, "pg_index WHERE indcheckxmin"), 0);
    let at_home = "loader.load_history_data h JOIN pg_class c ON c.oid = target_oid
                   AND c.reltype = target_type WHERE home = loader.home()";
    assert_eq!(count(&mut client, at_home), 1);
    client.batch_execute("ALTER TABLE t RENAME TO renamed").expect("another name");
    let skipped = load(&mut client, &path, "renamed").expect("a skip");
    assert_eq!((skipped.status.as_str(), skipped.load_id), ("skipped", 1));
    let skipped = load(&mut client, &path, "u").expect("a skip");
    assert_eq!((skipped.status.as_str(), skipped.load_id), ("skipped", 2));
    assert_eq!(count(&mut client, at_home), 2);
}

/// What builds on what was not written down before 0.3.0: places in the file tell.
#[test]
fn loads_of_0_2_0_are_undone_with_what_builds_on_them() {
    let database = Cluster::shared().bare_database("upgrade_builds_on", "UTF8");
    let mut client = database.connect();
    client.batch_execute("CREATE EXTENSION loader VERSION '0.2.0'").expect("0.2.0");
    let path = database.file("upgrade_builds_on", FILE);
    let (history, _) = WRITTEN_BY_0_1_0.split_once("INSERT INTO loader.rejects_data").expect("both");
    client.batch_execute(&history.replace("PATH", &path)).expect("what was written");
    // The first load ends at 56. The fourth has the same once more, by force; the sixth went elsewhere. The
    // seventh was undone, and the ninth begins with the bad record that ended the eighth.
    client
        .batch_execute(
            r#"INSERT INTO loader.load_history_data
               SELECT (jsonb_populate_record(h, changes)).*
               FROM loader.load_history_data AS h, unnest(ARRAY[
                   '{"load_id": 2, "start_offset": 56}',
                   '{"load_id": 3, "start_offset": 112}',
                   '{"load_id": 4}',
                   '{"load_id": 5, "start_offset": 56}',
                   '{"load_id": 6, "target_column": "other"}',
                   '{"load_id": 7, "status": "undone"}',
                   '{"load_id": 8, "start_offset": 56, "open_offset": 90}',
                   '{"load_id": 9, "start_offset": 90}',
                   '{"load_id": 10, "retry_of": 2}']::jsonb[]) AS changes;
               SELECT setval('loader.load_id_seq', 10)"#,
        )
        .expect("what 0.2.0 wrote");
    update(&mut client);
    let builds_on = "SELECT load_id || ' ' || builds_on FROM loader.load_history_data
                     WHERE builds_on IS NOT NULL ORDER BY load_id";
    assert_eq!(texts(&mut client, builds_on), ["2 1", "3 2", "5 4", "8 4", "9 8"]);
    client
        .batch_execute("ALTER TABLE t ADD _load_id bigint; SELECT undo_load(1, force => true)")
        .expect("an undo");
    let undone = "SELECT string_agg(load_id::text, ' ' ORDER BY load_id) FROM loader.load_history
                  WHERE status = 'undone'";
    assert_eq!(texts(&mut client, undone), ["1 2 3 7 10"]);
}

#[test]
fn a_file_that_was_torn_before_the_update_goes_on() {
    let (database, mut client, _path) = database_of_0_1_0("upgrade_torn");
    let text = "{\"n\": 0}\n{\"n\": ";
    let path = database.file("torn", text);
    client
        .batch_execute(&format!(
            "INSERT INTO loader.load_history_data
             SELECT 2, target, target_oid, target_column, '{path}', {}, file_mtime,
                    '\\x58a3c1efbdbfcfe6092e348dcdd88f87b9d3beba13fe387387b4749b50d5ae98',
                    format, compression, chunk, options, status, 1, 1, 15, 8, 6, 1,
                    loaded_by, loaded_by_name, started_at, finished_at FROM loader.load_history_data;
             INSERT INTO loader.rejects_data
             SELECT 2, 2, 9, 6, 2, 'TRUNCATED', '22P02', 'the file ends inside the record', '{{\"n\": ', false;
             SELECT setval('loader.load_id_seq', 2)",
            text.len()
        ))
        .expect("what 0.1.0 wrote");
    update(&mut client);
    let open = "SELECT concat_ws(' ', load_id, open_offset) FROM loader.load_history_data ORDER BY load_id";
    assert_eq!(texts(&mut client, open), ["1", "2 9"]);

    fs::write(&path, format!("{text}1}}\n{{\"n\": 2}}\n")).expect("written");
    let grown = load_many(&mut client, &path, "t", "").expect("a call");
    assert_eq!((grown.loaded, grown.failed, grown.rows, grown.rejects), (1, 0, 2, 0));
    assert_eq!(count(&mut client, "loader.rejects WHERE load_id = 2 AND resolved_by = 3"), 1);
}

/// Who may do what with the functions and views of 0.1.0, and who granted it.
fn grants(client: &mut Client) -> Vec<String> {
    texts(
        client,
        "SELECT concat_ws(' ', name, a.grantor::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable)
         FROM (SELECT proname AS name, coalesce(proacl, acldefault('f', proowner)) AS acl
               FROM pg_proc WHERE proname IN ('load_json_file', 'seed_json_table')
               UNION ALL
               SELECT relname, relacl FROM pg_class WHERE oid IN
                   ('loader.load_history'::regclass, 'loader.rejects'::regclass, 'loader.rejects_data'::regclass)
               UNION ALL
               SELECT nspname, nspacl FROM pg_namespace WHERE nspname = 'loader') o,
              aclexplode(o.acl) a
         ORDER BY 1",
    )
}

#[test]
fn grants_survive_the_update_and_a_dump() {
    let (database, mut client, path) = database_of_0_1_0("upgrade_grants");
    let verb = "load_json_file(text, regclass, integer, text, text, text, bigint, text, text)";
    client
        .batch_execute(&format!(
            "CREATE ROLE upgrade_keeper LOGIN IN ROLE pg_read_server_files;
             CREATE ROLE upgrade_passed_on LOGIN IN ROLE pg_read_server_files;
             CREATE ROLE upgrade_reader LOGIN IN ROLE pg_read_server_files;
             GRANT SELECT, INSERT ON t TO upgrade_keeper, upgrade_passed_on, upgrade_reader;
             GRANT ALL ON SCHEMA public TO PUBLIC;
             REVOKE ALL ON FUNCTION {verb} FROM pg_read_server_files;
             GRANT EXECUTE ON FUNCTION {verb} TO upgrade_keeper WITH GRANT OPTION;
             SET ROLE upgrade_keeper;
             GRANT EXECUTE ON FUNCTION {verb} TO upgrade_passed_on;
             RESET ROLE;
             REVOKE ALL ON FUNCTION seed_json_table FROM PUBLIC;
             GRANT EXECUTE ON FUNCTION seed_json_table TO upgrade_keeper;
             REVOKE ALL ON loader.rejects FROM PUBLIC;
             GRANT SELECT ON loader.rejects TO upgrade_keeper;
             GRANT SELECT ON loader.rejects_data TO upgrade_reader"
        ))
        .expect("grants");
    let before = grants(&mut client);
    assert!(before.iter().any(|line| line == "load_json_file upgrade_keeper upgrade_passed_on EXECUTE f"));
    update(&mut client);
    assert_eq!(grants(&mut client), before);
    may(&database, &path);

    let dump = database.cluster.path("files/upgrade_grants.dump");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = database.cluster.command(program);
        command.args(arguments).arg(&dump).stdout(Stdio::null());
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("pg_dump", &["-Fc", "-d", "upgrade_grants", "-f"]);
    let after = database.cluster.bare_database("upgrade_restored", "UTF8");
    run("pg_restore", &["--exit-on-error", "-d", "upgrade_restored"]);
    assert_eq!(grants(&mut after.connect()), before);
    assert_eq!(count(&mut after.connect(), "loader.rejects"), 3);
    may(&after, &path);
}

/// Who may call load_json_files: the procedure's parameters, the role, and whether it may
/// pass that on.
fn procedure_grants(client: &mut Client) -> Vec<String> {
    texts(
        client,
        "SELECT concat_ws(' ', p.pronargs, a.grantee::regrole, a.is_grantable)
         FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
         WHERE proname = 'load_json_files' AND a.grantee <> p.proowner ORDER BY 1",
    )
}

#[test]
fn the_procedure_of_0_2_0_is_made_anew_and_grants_stay() {
    let cluster = Cluster::shared();
    cluster
        .connect("postgres")
        .batch_execute("CREATE ROLE \"upgrade Loader\"; CREATE ROLE upgrade_friend")
        .expect("roles");
    let passed_on = "REVOKE ALL ON PROCEDURE load_json_files FROM pg_read_server_files;
        GRANT EXECUTE ON PROCEDURE load_json_files TO \"upgrade Loader\" WITH GRANT OPTION;
        SET ROLE \"upgrade Loader\";
        GRANT EXECUTE ON PROCEDURE load_json_files TO upgrade_friend;
        RESET ROLE";
    for (n, (changes, wanted)) in [
        ("", vec!["25 pg_read_server_files f"]),
        (passed_on, vec!["25 \"upgrade Loader\" t", "25 upgrade_friend f"]),
        ("GRANT EXECUTE ON PROCEDURE load_json_files TO PUBLIC", vec!["25 - f", "25 pg_read_server_files f"]),
        ("REVOKE ALL ON PROCEDURE load_json_files FROM pg_read_server_files", vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("upgrade_procedure_{n}");
        let database = cluster.bare_database(&name, "UTF8");
        let mut client = database.connect();
        client
            .batch_execute(
                "GRANT ALL ON SCHEMA public TO PUBLIC; CREATE EXTENSION loader VERSION '0.2.0';
                 CREATE TABLE t (data jsonb)",
            )
            .expect("0.2.0");
        client.batch_execute(changes).expect("grants");
        // Between the exchange of the library and the update it says what to do.
        let error = client.batch_execute("CALL load_json_files('/nowhere', 't')");
        assert_eq!(sqlstate(error), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
        update(&mut client);
        assert_eq!(procedure_grants(&mut client), wanted, "{changes}");
        // Nothing is left of what the script needed.
        assert_eq!(count(&mut client, "pg_proc WHERE proname = 'copy_grants'"), 0);

        let dump = cluster.path(&format!("files/{name}.dump"));
        let run = |program: &str, arguments: &[&str]| {
            let mut command = cluster.command(program);
            let output = command.args(arguments).arg(&dump).stdout(Stdio::null()).output();
            let output = output.expect("the program runs");
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        };
        run("pg_dump", &["-Fc", "-d", &name, "-f"]);
        let restored = format!("{name}_restored");
        let after = cluster.bare_database(&restored, "UTF8");
        run("pg_restore", &["--exit-on-error", "-d", &restored]);
        assert_eq!(procedure_grants(&mut after.connect()), wanted, "restored: {changes}");
    }
}

/// The grants, in use. A skip shows that the load of before is known.
fn may(database: &Database, path: &str) {
    for (role, execute, seed, look) in [
        ("upgrade_keeper", true, true, true),
        ("upgrade_passed_on", true, false, false),
        ("upgrade_reader", false, false, false),
    ] {
        let mut client = database.connect_as(role);
        match load(&mut client, path, "t") {
            Ok(outcome) => assert!(execute && outcome.status == "skipped", "{role}: {outcome:?}"),
            error => assert!(!execute && sqlstate(error) == SqlState::INSUFFICIENT_PRIVILEGE, "{role}"),
        }
        assert_eq!(
            client.query("SELECT seed_json_table('mine', if_not_exists => true)", &[]).is_ok(),
            seed,
            "{role}"
        );
        assert_eq!(client.query("SELECT * FROM loader.rejects", &[]).is_ok(), look, "{role}");
        client.query("SELECT * FROM loader.load_history", &[]).expect("the history");
    }
}

#[test]
fn the_update_waits_and_holds_nothing_meanwhile() {
    let (database, mut client, _path) = database_of_0_1_0("upgrade_waits");
    // As a load does that has rejects and has not written its history yet.
    client.batch_execute("BEGIN; LOCK TABLE loader.rejects_data IN ROW EXCLUSIVE MODE").expect("a lock");
    let mut updater = database.connect();
    let mut other = database.connect();
    thread::scope(|scope| {
        let updating = scope.spawn(move || update(&mut updater));
        wait_for("the update to wait", || {
            count(
                &mut other,
                "pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
            ) == 1
        });
        assert_eq!(count(&mut other, "loader.rejects"), 3);
        client
            .batch_execute("LOCK TABLE loader.load_history_data IN ROW EXCLUSIVE MODE; COMMIT")
            .expect("the end");
        updating.join().expect("the update");
    });
    assert_eq!(texts(&mut client, "SELECT extversion FROM pg_extension WHERE extname = 'loader'"), ["0.3.0"]);
}

#[test]
fn the_update_is_in_nobody_s_way_who_looks_at_progress() {
    let database = Cluster::shared().bare_database("upgrade_progress", "UTF8");
    let mut client = database.connect();
    client.batch_execute("CREATE EXTENSION loader VERSION '0.2.0'").expect("0.2.0");
    // The view alone is locked, as by somebody whose query of it has just begun.
    let mut updater = database.connect();
    let mut other = database.connect();
    client.batch_execute("BEGIN; COMMENT ON VIEW loader.progress IS NULL").expect("a lock");
    thread::scope(|scope| {
        let updating = scope.spawn(move || update(&mut updater));
        wait_for("the update to wait", || {
            count(
                &mut other,
                "pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
            ) == 1
        });
        // It holds nothing that the other could need next.
        client.batch_execute("SELECT * FROM loader.progress; COMMIT").expect("a look");
        updating.join().expect("the update");
    });
    client.batch_execute("SELECT target FROM loader.progress").expect("the new view");
}
