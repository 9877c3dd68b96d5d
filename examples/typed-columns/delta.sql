-- A day's delta: what changed, upserted into the table by its key. Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
SET timezone = 'UTC';
\set delta :dir/delta.json

SELECT id, type, at, plan, ms FROM event WHERE id IN (21, 22, 23, 30000) ORDER BY id;

SELECT rows_inserted, rows_updated, rows_superseded
FROM load_json_file(:'delta', 'event', write_mode => 'upsert', version_column => 'at',
                    column_map => '{"$.user.id": "user_id"}');

SELECT id, type, at, plan, ms FROM event WHERE id IN (21, 22, 23, 30000) ORDER BY id;
