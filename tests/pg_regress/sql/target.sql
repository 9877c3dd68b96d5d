-- What a table may be, and what it may say.
TRUNCATE loader.load_history_data, loader.rejects_data;
ALTER SEQUENCE loader.load_id_seq RESTART;
SELECT put('loader_target.json', E'{"a": 1}\n{"a": 2}\n{"a": 3}\n');
\set file '''/proc/self/cwd/loader_target.json'''
-- Wrong tables and columns.
SELECT load_json_file(:file, 'no_such_table');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 999999999);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE target_t (id int GENERATED ALWAYS AS IDENTITY, data jsonb CHECK (data->>'a' <> '2'),
    plain json, words text, made jsonb GENERATED ALWAYS AS (data) STORED, origin text DEFAULT 'here');
SELECT load_json_file(:file, 'target_t', target_column => 'missing');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 'target_t', target_column => 'ctid');
SELECT load_json_file(:file, 'target_t', target_column => 'plain');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 'target_t', target_column => 'made');
\echo :LAST_ERROR_SQLSTATE
CREATE SEQUENCE target_s;
SELECT load_json_file(:file, 'target_s');
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW target_m AS SELECT '1'::jsonb AS data;
SELECT load_json_file(:file, 'target_m');
-- A constraint: exactly the record that broke it.
SELECT load_json_file(:file, 'target_t', on_error => 'stop');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 'target_t', chunk => 2, on_error => 'stop');
ALTER TABLE target_t DROP CONSTRAINT target_t_data_check;
SELECT rows_loaded FROM load_json_file(:file, 'target_t');
SELECT id, data, made, origin FROM target_t;
-- What a trigger suppresses is not loaded.
CREATE FUNCTION target_drop_two() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RETURN CASE WHEN NEW.data->>'a' = '2' THEN NULL ELSE NEW END; END $$;
CREATE TRIGGER drop_two BEFORE INSERT ON target_t FOR EACH ROW EXECUTE FUNCTION target_drop_two();
SELECT rows_loaded, rows_rejected FROM load_json_file(:file, 'target_t', if_loaded => 'force');
DROP TRIGGER drop_two ON target_t;
-- AFTER triggers and foreign keys: the records of the chunk.
CREATE FUNCTION target_fail() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE 'refused' USING ERRCODE = 'LD001', DETAIL = 'A detail.', HINT = 'A hint.', CONSTRAINT = 'mine'; END $$;
CREATE TRIGGER fail_after AFTER INSERT ON target_t FOR EACH ROW EXECUTE FUNCTION target_fail();
SELECT rows_loaded FROM load_json_file(:file, 'target_t', if_loaded => 'force');
\echo :LAST_ERROR_SQLSTATE
-- All fields of the error survive.
DO $$
DECLARE
    code text; message text; detail text; hint text; broken text; context text;
BEGIN
    PERFORM load_json_file('/proc/self/cwd/loader_target.json', 'target_t', if_loaded => 'force');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, broken = CONSTRAINT_NAME, context = PG_EXCEPTION_CONTEXT;
    RAISE NOTICE '% | % | % | % | %', code, message, detail, hint, broken;
    RAISE NOTICE '%', context;
END $$;
DROP TABLE target_t;
CREATE TABLE target_key (k text PRIMARY KEY);
INSERT INTO target_key VALUES ('1'), ('2');
CREATE TABLE target_t (data jsonb, k text GENERATED ALWAYS AS (data->>'a') STORED REFERENCES target_key);
SELECT rows_loaded FROM load_json_file(:file, 'target_t', on_error => 'stop');
DROP TABLE target_t;
-- A domain over jsonb; a quoted name and a column of another name.
CREATE DOMAIN target_d AS jsonb CHECK (VALUE->>'a' <> '3');
CREATE SCHEMA "Odd ""schema""";
CREATE TABLE "Odd ""schema"""."Odd ""table""" ("Odd ""column""" target_d);
SELECT load_json_file(:file, '"Odd ""schema"""."Odd ""table"""', target_column => 'Odd "column"', on_error => 'stop');
ALTER DOMAIN target_d DROP CONSTRAINT target_d_check;
SELECT rows_loaded FROM load_json_file(:file, '"Odd ""schema"""."Odd ""table"""', target_column => 'Odd "column"');
SELECT target FROM loader.load_history ORDER BY load_id DESC LIMIT 1;
DROP SCHEMA "Odd ""schema""" CASCADE;
-- Partitions; emptiness is that of all of them.
CREATE TABLE target_p (data jsonb, k int GENERATED ALWAYS AS IDENTITY) PARTITION BY LIST (data);
CREATE TABLE target_p1 PARTITION OF target_p FOR VALUES IN ('{"a": 1}');
CREATE TABLE target_p2 PARTITION OF target_p DEFAULT;
SELECT rows_loaded FROM load_json_file(:file, 'target_p');
SELECT tableoid::regclass, data FROM target_p ORDER BY data;
TRUNCATE target_p1;
SELECT status FROM load_json_file(:file, 'target_p');
TRUNCATE target_p2;
SELECT status FROM load_json_file(:file, 'target_p');
-- A view: its emptiness cannot be told.
CREATE VIEW target_v AS SELECT data FROM target_p;
SELECT status FROM load_json_file(:file, 'target_v');
TRUNCATE target_p;
SELECT status FROM load_json_file(:file, 'target_v');
-- A rule that uses the rows twice.
SELECT seed_json_table('target_r');
CREATE TABLE target_log (data jsonb);
CREATE RULE also AS ON INSERT TO target_r DO ALSO INSERT INTO target_log SELECT NEW.data FROM generate_series(1, 2);
SELECT rows_loaded FROM load_json_file(:file, 'target_r');
SELECT data, count(*) FROM target_log GROUP BY data ORDER BY data;
-- A trigger that loads a file itself.
SELECT seed_json_table('target_outer');
SELECT seed_json_table('target_inner');
CREATE FUNCTION target_nested() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM load_json_file('/proc/self/cwd/loader_target.json', 'target_inner', if_loaded => 'force', chunk => 2);
    BEGIN
        PERFORM load_json_file('/proc/self/cwd/loader_target.json', 'target_inner', if_loaded => 'error');
    EXCEPTION WHEN duplicate_object THEN NULL;
    END;
    RETURN NEW;
END $$;
CREATE TRIGGER nested BEFORE INSERT ON target_outer FOR EACH ROW EXECUTE FUNCTION target_nested();
SELECT rows_loaded FROM load_json_file(:file, 'target_outer', chunk => 2);
TABLE target_outer;
SELECT data, count(*) FROM target_inner GROUP BY data ORDER BY data;
-- What hands out the records has none for others.
SELECT loader.chunk_records(1);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM loader.chunk_records(NULL);
DROP TABLE target_key, target_outer, target_inner, target_r, target_log CASCADE;
DROP TABLE target_p CASCADE;
DROP MATERIALIZED VIEW target_m;
DROP SEQUENCE target_s;
DROP DOMAIN target_d;
