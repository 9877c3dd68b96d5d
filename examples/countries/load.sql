-- Loads all editions of all indicators into the load layer. Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\set files :dir/figures/*.csv

CALL load_csv_files(:'files', 'load.figures', write_mode => 'insert_only', transform => $$
    SELECT name[1] AS indicator, name[2]::integer AS edition,
           data->>'Code' AS code, data->>'Country Name' AS country,
           key::integer AS year, value::numeric AS value
    FROM record,
         regexp_match(file, '([a-z]+)-([0-9]{4})[.]csv$') AS name,
         jsonb_each_text(data - '{Country Name,Code}'::text[])
    WHERE value <> ''
$$);

SELECT files_loaded, files_skipped, files_failed, rows_loaded, rows_rejected FROM loader.last_call;

SELECT regexp_replace(h.file_path, '.*/', '') AS file, r.line, r.error_type, left(r.raw_text, 30) AS raw_text
FROM loader.rejects AS r JOIN loader.load_history AS h USING (load_id)
WHERE h.target_oid = 'load.figures'::regclass AND r.resolved_by IS NULL
ORDER BY file, line;
