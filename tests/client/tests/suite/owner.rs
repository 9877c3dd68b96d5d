//! Nothing that a caller or the owner of a table has made runs with the rights of the
//! extension's owner, who is a superuser.

use crate::helpers::{count, figure, lines, session, traced};
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
