-- One file of each kind into a table that is made from it. Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\set track_events :dir/track_events.json
\set weather :dir/weather.json

-- What the files have.
SELECT field, type, nullable, reason FROM infer_schema(:'weather');

SELECT seed_table('track_events', :'track_events', key => '{id}'),
       seed_table('weather', :'weather', key => '{station}', types => '{"humidity": "smallint"}');

SELECT status, rows_loaded, rows_rejected FROM load_json_file(:'track_events', 'track_events', chunk => 5000);
SELECT status, rows_loaded, rows_rejected FROM load_json_file(:'weather', 'weather', chunk => 5000);

-- A value that its column cannot take is kept beside the row.
SELECT station, at, humidity, _rescued FROM weather WHERE _rescued IS NOT NULL ORDER BY station LIMIT 3;

SELECT type, count(*) AS events, round(avg(ms)) AS mean_ms FROM track_events GROUP BY type ORDER BY events DESC;
