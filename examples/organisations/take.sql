-- Loads what has arrived in the watched directory, and takes it into the model. Called again and again.
-- Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\set organisations :dir/incoming/*.organisations.json*
\set events :dir/incoming/*.events.json*

CALL load_json_files(:'organisations', 'raw.organisations');
SELECT model.take_organisations(load_ids) FROM loader.last_call \g /dev/null

CALL load_json_files(:'events', 'raw.events',
                     column_map => '{"$.user.id": "user_id", "$.user.type": "user_type"}');
SELECT model.take_events(load_ids) FROM loader.last_call \g /dev/null
