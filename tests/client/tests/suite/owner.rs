//! Nothing that a caller or the owner of a table has made runs with the rights of the
//! extension's owner, who is a superuser.

use crate::helpers::{count, figure, session, traced};
use loader_client_tests::{Cluster, load, sqlstate};
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
