//! Nothing that a caller or the owner of a table has made runs with the rights of the
//! extension's owner, who is a superuser.

use crate::helpers::{count, figure, files, lines, session, traced};
use crate::search_path::plant;
use loader_client_tests::{Cluster, load, load_with, sqlstate};
use postgres::error::SqlState;
use std::fmt::Write as _;

/// A trigger that looks for open portals, and puts a query of its own in the place of
/// each: whoever fetches from it next makes its author a superuser.
const STEAL_PORTALS: &str = "
    CREATE FUNCTION rise() RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        IF current_user = 'postgres' THEN
            ALTER ROLE owner_portals SUPERUSER;
        END IF;
        RETURN 1;
    END $$;
    CREATE FUNCTION steal() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        portal refcursor;
    BEGIN
        FOR portal IN SELECT name FROM pg_cursors WHERE name LIKE '<unnamed%' LOOP
            BEGIN
                CLOSE portal;
                OPEN portal FOR SELECT rise(), rise(), rise(), rise(), '1'::bytea FROM generate_series(1, 2);
            EXCEPTION WHEN invalid_cursor_state OR invalid_cursor_name OR duplicate_cursor THEN
                -- One that is in use.
            END;
        END LOOP;
        RETURN NULL;
    END $$;
    CREATE TRIGGER steal AFTER INSERT ON mine EXECUTE FUNCTION steal()";

#[test]
fn a_trigger_that_opens_portals_gets_no_rights_of_the_owner() {
    let database = Cluster::shared().database("owner_portals");
    let mut admin = database.connect();
    admin
        .batch_execute(
            "CREATE ROLE owner_portals LOGIN; GRANT pg_read_server_files TO owner_portals;
             GRANT CREATE ON SCHEMA public TO owner_portals",
        )
        .expect("a role");
    let mut text = String::new();
    for n in 0..20 {
        writeln!(text, r#"{{"n": {n}"#).expect("a string");
    }
    let path = database.file("owner_portals", text + "{}\n");
    let mut client = database.connect_as("owner_portals");
    traced(&mut client, "mine");
    let loaded = load(&mut client, &path, "mine").expect("a load");
    assert!(loaded.rows_rejected > 3, "{loaded:?}");
    // Each of them is a chunk of its own.
    client
        .execute(
            "SELECT mend_reject(load_id, byte_offset, '\"' || repeat('x', 5000000) || '\"') FROM loader.rejects",
            &[],
        )
        .expect("mendings");
    client.batch_execute(STEAL_PORTALS).expect("a trigger");
    let retried = client.query_one("SELECT rows_loaded FROM retry_rejects($1)", &[&loaded.load_id]);
    let rose = "SELECT count(*) FROM pg_roles WHERE rolname = 'owner_portals' AND rolsuper";
    assert_eq!(figure(&mut admin, rose), 0);
    assert_eq!(retried.expect("a retry").get::<_, i64>(0), loaded.rows_rejected);
    assert_eq!(count(&mut client, "mine WHERE jsonb_typeof(data) = 'string'"), loaded.rows_rejected);
}

#[test]
fn a_trigger_that_retries_within_a_retry_doubles_nothing() {
    let (database, mut client) = session("owner_nested");
    traced(&mut client, "traced");
    let path = database.file("owner_nested", "{\n".repeat(60) + "{}\n");
    let loaded = load(&mut client, &path, "traced").expect("a load");
    assert_eq!(loaded.rows_rejected, 60);
    // A chunk is full in the midst of what was fetched together.
    client
        .execute(
            "SELECT mend_reject(load_id, byte_offset, '\"' || repeat('x', 100000) || '\"') FROM loader.rejects",
            &[],
        )
        .expect("mendings");
    client
        .batch_execute(&format!(
            "CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF pg_trigger_depth() = 1 THEN
                     PERFORM retry_rejects({});
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER again AFTER INSERT ON traced EXECUTE FUNCTION again()",
            loaded.load_id
        ))
        .expect("a trigger");
    let retried = client.query_one("SELECT rows_loaded FROM retry_rejects($1)", &[&loaded.load_id]);
    assert_eq!(sqlstate(retried), SqlState::OBJECT_IN_USE);
    assert_eq!(count(&mut client, "traced"), 1);
    assert_eq!(count(&mut client, "loader.rejects WHERE resolved_by IS NULL"), 60);

    // What the inner one finds is not the outer one's any more, and the other way round.
    let shorten = "SELECT mend_reject(load_id, byte_offset, 'null') FROM loader.rejects";
    client.execute(shorten, &[]).expect("mendings");
    let retried = client.query_one("SELECT rows_loaded FROM retry_rejects($1)", &[&loaded.load_id]);
    assert_eq!(retried.expect("a retry").get::<_, i64>(0), 60);
    assert_eq!(count(&mut client, "traced"), 61);
}

/// Triggers of every kind on `t`, with the rights of a role that may read nothing of it,
/// which ask for the chunk in hand.
const ASK_FOR_CHUNKS: &str = "
    CREATE TABLE stolen (what text, token bigint);
    CREATE TABLE asked (what text);
    GRANT INSERT ON stolen, asked TO owner_thief;
    CREATE FUNCTION ask() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO asked VALUES (TG_WHEN || ' ' || TG_LEVEL || ' ' || TG_TABLE_NAME);
        FOR token IN 1..200 LOOP
            BEGIN
                INSERT INTO stolen SELECT r::text, token FROM loader.chunk_records(token) AS r;
            EXCEPTION WHEN object_not_in_prerequisite_state THEN
                -- There is none of that number.
            END;
            BEGIN
                INSERT INTO stolen SELECT loader.chunk_offsets(token)::text, token;
            EXCEPTION WHEN object_not_in_prerequisite_state THEN
                -- Nor has it offsets.
            END;
        END LOOP;
        RETURN NEW;
    END $$;
    ALTER FUNCTION ask() OWNER TO owner_thief;";

#[test]
fn a_chunk_is_handed_to_the_statement_that_it_was_made_for_alone() {
    let database = Cluster::shared().database("owner_chunks");
    let mut client = database.connect();
    client
        .batch_execute("CREATE ROLE owner_thief; GRANT CREATE ON SCHEMA public TO owner_thief")
        .expect("a role");
    let inner = database.file("owner_inner", lines(3));
    let outer = database.file("owner_outer", lines(5));
    client.batch_execute(ASK_FOR_CHUNKS).expect("a function");
    for (table, lineage) in [("plain", false), ("traced", true), ("nested", true)] {
        client.execute("SELECT seed_json_table($1, lineage => $2)", &[&table, &lineage]).expect("a table");
        let trigger = |when: &str, level: &str| {
            format!(
                "CREATE TRIGGER {table}_{when}_{level} {when} INSERT ON {table} FOR EACH {level} EXECUTE FUNCTION ask();"
            )
        };
        let triggers = [("BEFORE", "STATEMENT"), ("BEFORE", "ROW"), ("AFTER", "ROW"), ("AFTER", "STATEMENT")]
            .map(|(when, level)| trigger(when, level));
        client.batch_execute(&triggers.concat()).expect("triggers");
    }
    client
        .batch_execute(&format!(
            "CREATE FUNCTION load_another() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 PERFORM load_json_file('{inner}', 'nested', chunk => 2, if_loaded => 'force');
                 RETURN NEW;
             END $$;
             CREATE TRIGGER a_load BEFORE INSERT ON traced FOR EACH ROW EXECUTE FUNCTION load_another();
             CREATE CONSTRAINT TRIGGER at_the_end AFTER INSERT ON plain DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION ask()"
        ))
        .expect("triggers");
    for table in ["plain", "traced"] {
        let loaded = load_with(&mut client, &outer, table, "chunk => 2").expect("a load");
        assert_eq!((loaded.rows_loaded, count(&mut client, table)), (5, 5));
    }
    assert_eq!(count(&mut client, "nested"), 15);
    let places = "SELECT count(DISTINCT _byte_offset) FROM traced";
    assert_eq!(figure(&mut client, places), 5);
    assert_eq!(count(&mut client, "stolen"), 0);
    // They did ask: as each row came and went, and at the end of each of 3 and 2 chunks.
    let asked = "SELECT count(*) FROM asked WHERE what LIKE 'AFTER STATEMENT%'";
    assert_eq!(figure(&mut client, asked), 3 + 3 + 5 * 2);
    assert_eq!(
        figure(&mut client, "SELECT count(*) FROM asked WHERE what LIKE 'AFTER ROW%'"),
        5 + 5 + 5 + 15
    );
}

#[test]
fn rules_views_and_partitions_take_a_chunk_as_a_part_of_its_statement() {
    let (database, mut client) = session("owner_parts");
    let path = database.file("owner_parts", lines(7));
    client
        .batch_execute(
            "CREATE TABLE copies (data jsonb, _byte_offset bigint);
             CREATE TABLE ruled (data jsonb NOT NULL, _byte_offset bigint);
             CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO copies VALUES (NEW.data, NEW._byte_offset);
             CREATE VIEW seen AS SELECT data, _byte_offset FROM ruled;
             CREATE TABLE parts (data jsonb NOT NULL, _byte_offset bigint) PARTITION BY RANGE (_byte_offset);
             CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (100);
             CREATE TABLE high PARTITION OF parts FOR VALUES FROM (100) TO (100000)",
        )
        .expect("tables");
    for plans in ["force_custom_plan", "force_generic_plan", "auto"] {
        client
            .batch_execute(&format!("SET plan_cache_mode = {plans}; TRUNCATE copies, ruled, parts"))
            .expect("a setting");
        for table in ["seen", "parts"] {
            let loaded =
                load_with(&mut client, &path, table, "chunk => 1, if_loaded => 'force'").expect("a load");
            assert_eq!(loaded.rows_loaded, 7, "{table}");
        }
        let both = "SELECT count(*) FROM ruled JOIN copies USING (data, _byte_offset) JOIN parts USING (data, _byte_offset)";
        assert_eq!(figure(&mut client, both), 7, "{plans}");
    }
}

/// What a role that owns tables can hang code on. Each bit of it calls `note`, which
/// writes to the server's log where it runs as neither the caller nor that role, and then
/// calls a function by its bare name, as careless code does.
const KINDS: &str = "
    CREATE FUNCTION helper(kind text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE FUNCTION note(kind text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF current_user OPERATOR(pg_catalog.<>) 'kinds_caller'::pg_catalog.name
           AND current_user OPERATOR(pg_catalog.<>) 'kinds_owner'::pg_catalog.name THEN
            RAISE LOG 'trap kinds: % as % for %', kind, current_user, session_user;
        END IF;
        RETURN helper(kind);
    EXCEPTION WHEN undefined_function THEN
        RETURN true;
    END $$;
    CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM public.note(TG_NAME);
        RETURN COALESCE(NEW, OLD);
    END $$;
    CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM public.note(TG_NAME);
        INSERT INTO public.kinds (data, _load_id) VALUES (NEW.data, NEW._load_id);
        RETURN NEW;
    END $$;
    CREATE DOMAIN noted AS jsonb CHECK (note('domain'));
    CREATE TABLE copies (data jsonb, noted boolean);
    CREATE TABLE parents (id int PRIMARY KEY CHECK (note('parent')));
    INSERT INTO parents VALUES (1);
    CREATE TABLE kinds (
        data noted NOT NULL CHECK (note('check')),
        _load_id bigint,
        _byte_offset bigint,
        parent int DEFAULT note('default')::int REFERENCES parents ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        generated boolean GENERATED ALWAYS AS (note('generated')) STORED);
    CREATE INDEX ON kinds ((note('index')));
    CREATE INDEX ON kinds ((note(data::jsonb->>'name'))) WHERE note('predicate');
    CREATE STATISTICS counted ON (note(data::jsonb->>'name')), parent FROM kinds;
    ALTER TABLE kinds ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY noted ON kinds USING (note('using')) WITH CHECK (note('with check'));
    CREATE RULE also AS ON INSERT TO kinds DO ALSO INSERT INTO copies VALUES (NEW.data, note('rule'));
    CREATE TRIGGER before_row BEFORE INSERT OR DELETE ON kinds FOR EACH ROW EXECUTE FUNCTION fire();
    CREATE TRIGGER after_row AFTER INSERT OR DELETE ON kinds FOR EACH ROW EXECUTE FUNCTION fire();
    CREATE TRIGGER before_statement BEFORE INSERT OR DELETE ON kinds EXECUTE FUNCTION fire();
    CREATE TRIGGER after_statement AFTER INSERT OR DELETE ON kinds EXECUTE FUNCTION fire();
    CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR DELETE ON kinds DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION fire();
    CREATE TABLE parts (data jsonb NOT NULL, _load_id bigint, _byte_offset bigint)
        PARTITION BY LIST (note(data->>'name'));
    CREATE TABLE part PARTITION OF parts FOR VALUES IN (true);
    CREATE INDEX ON parts ((note('index of partitions')));
    CREATE VIEW seen WITH (security_barrier) AS
        SELECT data, _load_id, note('column of a view') FROM kinds WHERE note('view');
    CREATE TRIGGER instead INSTEAD OF INSERT ON seen FOR EACH ROW EXECUTE FUNCTION instead();
    GRANT SELECT, INSERT, DELETE ON kinds, parts, seen, copies TO kinds_caller";

/// What lies in the search_path of the caller.
const HELPER: &str = "
    CREATE FUNCTION evil_kinds.helper(kind text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF current_user OPERATOR(pg_catalog.<>) 'kinds_caller'::pg_catalog.name THEN
            RAISE LOG 'trap kinds: helper of % as % for %', kind, current_user, session_user;
        END IF;
        RETURN true;
    END $$;
    GRANT USAGE ON SCHEMA evil_kinds TO PUBLIC";

/// The lines that traps wrote to the server's log.
fn trapped(cluster: &Cluster, mark: &str) -> Vec<String> {
    let mark = format!("LOG:  trap {mark}: ");
    cluster.log().lines().filter(|line| line.contains(&mark)).map(str::to_owned).collect()
}

#[test]
fn nothing_that_callers_or_owners_of_tables_made_runs_as_somebody_else() {
    let database = Cluster::shared().database("owner_kinds");
    let mut admin = database.connect();
    admin
        .batch_execute(
            "CREATE ROLE kinds_owner LOGIN;
             CREATE ROLE kinds_caller LOGIN; GRANT pg_read_server_files TO kinds_caller;
             GRANT CREATE ON DATABASE owner_kinds TO kinds_caller;
             GRANT CREATE ON SCHEMA public TO kinds_owner, kinds_caller",
        )
        .expect("roles");
    let mut owner = database.connect_as("kinds_owner");
    owner.batch_execute(KINDS).expect("tables");
    let mut client = database.connect_as("kinds_caller");
    plant(&mut client, "evil_kinds");
    client.batch_execute(HELPER).expect("a function");

    let text = |from: usize| format!("{}{{\n", lines(from + 20));
    let path = database.file("one", text(0));
    let pattern = files(&database, "many", &[("a", text(1)), ("b", text(2)), ("c", text(3))]);
    drop(client);
    for table in ["public.kinds", "public.parts", "public.seen"] {
        for settings in [
            "SET search_path = public, evil_kinds, pg_temp",
            "SET search_path = evil_kinds, pg_catalog, public, pg_temp",
            "SET constraint_exclusion = on; SET row_security = on; SET plan_cache_mode = force_generic_plan",
        ] {
            let connect = || {
                let mut client = database.connect_as("kinds_caller");
                client.batch_execute(settings).expect("settings");
                client
            };
            let calls = [
                ("if_loaded => 'force', chunk => 7", ""),
                ("if_loaded => 'skip'", ""),
                ("if_loaded => 'skip'", "TRUNCATE kinds, parts"),
                ("if_loaded => 'replace'", ""),
                ("validate => true", ""),
            ];
            for (options, before) in calls {
                if table == "public.seen" && options.contains("replace") {
                    continue;
                }
                owner.batch_execute(before).expect("a statement");
                // What a session has evaluated once, it remembers.
                let mut client = connect();
                client
                    .query_one(
                        &format!("SELECT (public.load_json_file($1, '{table}'::pg_catalog.regclass, {options})).status::pg_catalog.text"),
                        &[&path],
                    )
                    .unwrap_or_else(|error| panic!("{table}, {settings}, {options}: {error:?}"));
            }
            let mut client = connect();
            for workers in [0, 2] {
                client
                    .execute(
                        &format!("CALL public.load_json_files($1, '{table}'::pg_catalog.regclass, workers => {workers}, if_loaded => 'force')"),
                        &[&pattern],
                    )
                    .unwrap_or_else(|error| panic!("{table}, {settings}: {error:?}"));
            }
            client
                .batch_execute(
                    "SELECT public.mend_reject(r.load_id, r.byte_offset, 'null') FROM loader.rejects AS r WHERE r.mended IS NULL;
                     SELECT public.retry_rejects(h.load_id) FROM loader.load_history AS h
                     WHERE h.retry_of IS NULL AND h.status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text;
                     SELECT pg_catalog.count(*) FROM loader.progress",
                )
                .unwrap_or_else(|error| panic!("{table}, {settings}: {error:?}"));
            if table != "public.seen" {
                client
                    .batch_execute(&format!(
                        "SELECT public.undo_load(pg_catalog.max(h.load_id)) FROM loader.load_history AS h
                         WHERE h.retry_of IS NULL AND h.target_oid OPERATOR(pg_catalog.=) '{table}'::pg_catalog.regclass::pg_catalog.oid"
                    ))
                    .unwrap_or_else(|error| panic!("{table}, {settings}: {error:?}"));
            }
        }
    }
    assert_eq!(trapped(database.cluster, "kinds"), Vec::<String>::new());
    assert_eq!(trapped(database.cluster, "evil_kinds"), Vec::<String>::new());

    let loaded = "SELECT count(DISTINCT target) FROM loader.load_history WHERE rows_loaded > 0 AND retry_of IS NOT NULL";
    assert_eq!(figure(&mut admin, loaded), 3, "a retry into each");
    assert!(count(&mut owner, "copies WHERE noted") > 0);

    // The trap works.
    admin.batch_execute("SELECT note('control')").expect("a note");
    assert_eq!(trapped(database.cluster, "kinds").len(), 1);
}

#[test]
fn default_privileges_give_nobody_a_right_on_history() {
    let cluster = Cluster::shared();
    let database = cluster.bare_database("owner_defaults", "UTF8");
    let mut admin = database.connect();
    admin
        .batch_execute(
            "CREATE ROLE defaults_app LOGIN;
             ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO defaults_app, PUBLIC;
             ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO defaults_app;
             ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO defaults_app",
        )
        .expect("default privileges");
    for version in ["0.3.0", "0.2.0"] {
        admin.batch_execute(&format!("CREATE EXTENSION loader VERSION '{version}'")).expect("the extension");
        admin.batch_execute("ALTER EXTENSION loader UPDATE").expect("an update");
        let rights = "SELECT c.relname || ' ' || p FROM pg_class AS c,
                          unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p
                      WHERE c.relnamespace = 'loader'::regnamespace AND c.relkind IN ('r', 'v')
                        AND has_table_privilege('defaults_app', c.oid, p)
                      UNION ALL
                      SELECT 'sequence ' || p FROM unnest('{USAGE,UPDATE}'::text[]) AS p
                      WHERE has_sequence_privilege('defaults_app', 'loader.load_id_seq', p)
                      UNION ALL
                      SELECT 'schema' WHERE has_schema_privilege('defaults_app', 'loader', 'CREATE')";
        let rights: Vec<String> =
            admin.query(rights, &[]).expect("rights").iter().map(|row| row.get(0)).collect();
        assert_eq!(rights, Vec::<String>::new(), "{version}");
        let reads = "SELECT has_table_privilege('defaults_app', 'loader.load_history', 'SELECT')
                        AND has_schema_privilege('defaults_app', 'loader', 'USAGE')";
        assert!(admin.query_one(reads, &[]).expect("rights").get::<_, bool>(0));
        admin.batch_execute("DROP EXTENSION loader").expect("DROP");
    }

    // What was planted while that was possible is not taken over.
    admin.batch_execute("CREATE EXTENSION loader VERSION '0.2.0'").expect("the extension");
    let mut app = database.connect_as("defaults_app");
    app.batch_execute(
        "CREATE FUNCTION loader.planted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE FUNCTION loader.trap() RETURNS boolean LANGUAGE plpgsql AS
             $$BEGIN RAISE LOG 'trap planted: as % for %', current_user, session_user; RETURN false; END$$",
    )
    .expect("functions");
    admin
        .batch_execute(
            "CREATE TABLE t (data jsonb);
             INSERT INTO loader.load_history_data (load_id, target, target_oid, target_column, file_path, format, compression,
                 chunk, options, status, rows_loaded, rows_rejected, stream_bytes, bytes_loaded, bytes_rejected,
                 bytes_framing, loaded_by, loaded_by_name, started_at, home)
             SELECT 1, 'public.t', 't'::regclass, 'data', '/x', 'auto', 'none', 1, '{}', 'loaded', 0, 0, 0, 0, 0,
                    0, 10, 'postgres', now(), s.system_identifier || '/' || d.oid
             FROM pg_control_system() AS s, pg_database AS d WHERE d.datname = current_database()",
        )
        .expect("a row that an update changes");
    for planted in [
        "BEFORE INSERT ON loader.load_history_data FOR EACH ROW EXECUTE FUNCTION loader.planted()",
        // The function is the server's: what runs is the condition.
        "BEFORE UPDATE ON loader.load_history_data FOR EACH ROW WHEN (loader.trap())
             EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
        "BEFORE UPDATE ON loader.rejects_data FOR EACH STATEMENT WHEN (loader.trap())
             EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
    ] {
        app.batch_execute(&format!("CREATE TRIGGER planted {planted}")).expect("a trigger");
        let refused = admin.batch_execute("ALTER EXTENSION loader UPDATE");
        assert_eq!(sqlstate(refused), SqlState::INSUFFICIENT_PRIVILEGE, "{planted}");
        admin
            .batch_execute(
                "DROP TRIGGER IF EXISTS planted ON loader.load_history_data;
                 DROP TRIGGER IF EXISTS planted ON loader.rejects_data",
            )
            .expect("DROP");
    }
    admin.batch_execute("ALTER EXTENSION loader UPDATE").expect("an update");
    assert!(!cluster.log().contains("trap planted"));
}

#[test]
fn casts_that_others_made_are_not_used() {
    let database = Cluster::shared().database("owner_casts");
    let mut admin = database.connect();
    let mut statements = String::new();
    // Only the owner of a type makes a cast of it, a superuser here; as many as the server
    // has not got itself.
    for (from, to) in [
        ("text", "jsonb"),
        ("text", "bytea"),
        ("text", "oid"),
        ("bigint", "text"),
        ("bytea", "text"),
        ("name", "bytea"),
    ] {
        write!(
            statements,
            "CREATE FUNCTION casted_{from}_{to}({from}) RETURNS {to} LANGUAGE plpgsql AS $$
             BEGIN
                 RAISE LOG 'trap casts: {from} to {to} as % for %', current_user, session_user;
                 RETURN NULL;
             END $$;
             CREATE CAST ({from} AS {to}) WITH FUNCTION casted_{from}_{to}({from}) AS IMPLICIT;"
        )
        .expect("a string");
    }
    admin
        .batch_execute(
            "CREATE ROLE casts_caller LOGIN; GRANT pg_read_server_files TO casts_caller;
             GRANT CREATE ON SCHEMA public TO casts_caller",
        )
        .expect("a role");
    let mut client = database.connect_as("casts_caller");
    traced(&mut client, "traced");
    let path = database.file("one", lines(3) + "{\n");
    let pattern = files(&database, "many", &[("a", lines(1)), ("b", lines(2))]);
    admin.batch_execute(&statements).expect("casts");
    let loaded = load(&mut client, &path, "traced").expect("a load");
    assert_eq!(load(&mut client, &path, "traced").expect("a skip").status, "skipped");
    load_with(&mut client, &path, "traced", "if_loaded => 'replace', on_error => 'ignore'").expect("a skip");
    for workers in [0, 1, 2] {
        let call = format!("CALL load_json_files($1, 'traced', workers => {workers}, if_loaded => 'force')");
        client.execute(&call, &[&pattern]).expect("a call");
    }
    client
        .batch_execute(&format!(
            "SELECT mend_reject({0}, byte_offset, '1') FROM loader.rejects; SELECT retry_rejects({0}); SELECT undo_load({0})",
            loaded.load_id
        ))
        .expect("amendments");
    assert_eq!(trapped(database.cluster, "casts"), Vec::<String>::new());
}
