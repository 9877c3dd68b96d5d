-- A thousand files in parallel, each exactly once. Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\set files :dir/track_events/*.json

SELECT seed_json_table('all_events', if_not_exists => true, lineage => true);

CALL load_json_files(:'files', 'all_events', chunk => 5000);

SELECT files, files_loaded, files_skipped, files_failed, rows_loaded, rows_rejected FROM loader.last_call;

SELECT error_sqlstate, regexp_replace(error_message, '"/.*/', '"') AS error_message
FROM loader.load_history
WHERE target_oid = 'all_events'::regclass AND status = 'failed';

-- Every row names the load that brought it.
SELECT count(*) AS rows, count(DISTINCT _load_id) AS loads, count(DISTINCT data->>'id') AS ids FROM all_events;
