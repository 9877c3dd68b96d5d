-- A thousand files into a table of our own. Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\set files :dir/track_events/*.json

CREATE TABLE event (
    id       bigint PRIMARY KEY,
    type     text NOT NULL,
    at       timestamptz NOT NULL,
    user_id  integer NOT NULL,
    plan     text DEFAULT 'unknown',
    track_id integer,
    title    text,
    ms       integer CHECK (ms >= 0),
    _load_id bigint);

CALL load_json_files(:'files', 'event', chunk => 5000, column_map => '{
    "$.user.id": "user_id", "$.user.plan": "plan", "$.track.id": "track_id", "$.track.title": "title"}');

SELECT files, files_loaded, files_failed, rows_loaded, rows_rejected FROM loader.last_call;

-- plan has its default where a record has no such field.
SELECT plan, count(*) AS events, count(DISTINCT user_id) AS users, max(at)::date AS last_day
FROM event
GROUP BY plan
ORDER BY plan;
