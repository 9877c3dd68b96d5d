-- One file into a table with one jsonb column. Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\set track_events :dir/track_events.json
\set weather :dir/weather.json

SELECT seed_json_table('track_events'), seed_json_table('weather');

SELECT status, rows_loaded, rows_rejected FROM load_json_file(:'track_events', 'track_events', chunk => 5000);
SELECT status, rows_loaded, rows_rejected FROM load_json_file(:'weather', 'weather', chunk => 5000);

-- What was damaged, and where.
SELECT h.target, r.record_no, r.line, r.error_type, r.message
FROM loader.rejects AS r JOIN loader.load_history AS h USING (load_id)
WHERE h.target_oid IN ('track_events'::regclass, 'weather'::regclass)
ORDER BY h.target, r.byte_offset;

-- The documents are queried where they are.
SELECT data->>'type' AS type, count(*) AS events, round(avg((data->>'ms')::numeric)) AS mean_ms
FROM track_events
GROUP BY type
ORDER BY events DESC;

SELECT left(data->>'station', 3) AS place, count(*) AS readings, max((hour->>'celsius')::numeric) AS warmest
FROM weather, jsonb_array_elements(data->'hourly') AS hour
GROUP BY place
ORDER BY place;
