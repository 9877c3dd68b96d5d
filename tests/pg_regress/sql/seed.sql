-- seed_json_table
SELECT seed_json_table('seed_t');
SELECT seed_json_table('seed_t');
\echo :LAST_ERROR_SQLSTATE
SELECT seed_json_table('seed_t', if_not_exists => true);
SELECT seed_json_table('Seed_Upper') AS lower, seed_json_table('"Seed_Upper"') AS upper;
CREATE SCHEMA seed_s;
SELECT seed_json_table('seed_s.t', unlogged => true);
SELECT relpersistence FROM pg_class WHERE oid = 'seed_s.t'::regclass;
SELECT seed_json_table('pg_temp.seed_temp') IS NOT NULL AS made;
SELECT 'seed_temp'::regclass = 'pg_temp.seed_temp'::regclass AS temporary;
INSERT INTO seed_t VALUES (NULL);
-- Existing tables that do not fit.
CREATE TABLE seed_text (data text);
SELECT seed_json_table('seed_text', if_not_exists => true);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE seed_none (x int);
SELECT seed_json_table('seed_none', if_not_exists => true);
\echo :LAST_ERROR_SQLSTATE
-- With the columns that tell where a row came from.
SELECT seed_json_table('seed_lineage', lineage => true);
SELECT attname, atttypid::regtype, attnotnull FROM pg_attribute
WHERE attrelid = 'seed_lineage'::regclass AND attnum > 0 ORDER BY attnum;
SELECT seed_json_table('seed_lineage', if_not_exists => true, lineage => true);
SELECT seed_json_table('seed_t', if_not_exists => true, lineage => true);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE seed_int (data jsonb, _load_id bigint, _byte_offset integer);
SELECT seed_json_table('seed_int', if_not_exists => true, lineage => true);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE seed_identity (data jsonb, _load_id bigint GENERATED ALWAYS AS IDENTITY, _byte_offset bigint);
SELECT seed_json_table('seed_identity', if_not_exists => true, lineage => true);
\echo :LAST_ERROR_SQLSTATE
SELECT seed_json_table('seed_t', lineage => NULL);
-- Names are names and nothing else.
SELECT seed_json_table('seed_x (data int); DROP TABLE seed_t; --');
\echo :LAST_ERROR_SQLSTATE
SELECT seed_json_table('"seed_x (data int); DROP TABLE seed_t; --"');
DROP TABLE "seed_x (data int); DROP TABLE seed_t; --";
SELECT seed_json_table('no_such_schema.t');
\echo :LAST_ERROR_SQLSTATE
SELECT seed_json_table('');
SELECT seed_json_table(NULL);
\echo :LAST_ERROR_SQLSTATE
-- With the caller's rights.
SET ROLE regress_loader_writer;
SELECT seed_json_table('seed_s.mine');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP TABLE seed_t, seed_upper, "Seed_Upper", seed_s.t, pg_temp.seed_temp, seed_text, seed_none, seed_lineage, seed_int, seed_identity;
DROP SCHEMA seed_s;
