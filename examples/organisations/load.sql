-- Loads all dates, or one, and takes them into the model. It can be repeated at any time.
-- Run with psql -v dir=FOLDER, and for one date with -v date=2026-03-01.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\if :{?date}
\set files :date .json
\set like :date .json
\else
\set files *.json
\set like %.json
\endif
\set organisations :dir/organisations/ :files
\set events :dir/events/ :files

CALL load_json_files(:'organisations', 'raw.organisations');

CALL load_json_files(:'events', 'raw.events',
                     column_map => '{"$.user.id": "user_id", "$.user.type": "user_type"}');

SELECT files_loaded, files_skipped, rows_loaded, rows_rejected FROM loader.last_call;

SELECT model.take_organisations(array_agg(load_id))
FROM loader.load_history
WHERE target_oid = 'raw.organisations'::regclass AND file_path LIKE :'dir' || '/organisations/' || :'like'
\g /dev/null

SELECT model.take_events(array_agg(load_id))
FROM loader.load_history
WHERE target_oid = 'raw.events'::regclass AND file_path LIKE :'dir' || '/events/' || :'like'
\g /dev/null

SELECT * FROM model.by_date ORDER BY received_on;
