-- Files that are not what the load layer expects. Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\set again :dir/other/population-2025.csv
\set other :dir/other/gdp-2026.csv

-- The same figures, delivered a second time in a file with another head: the key keeps them out.
SELECT status, rows_inserted, rows_rejected
FROM load_csv_file(:'again', 'load.figures', write_mode => 'insert_only', transform => $$
    SELECT 'population' AS indicator, 2025 AS edition, data->>'Code' AS code, data->>'Country Name' AS country,
           key::integer AS year, value::numeric AS value
    FROM record, jsonb_each_text(data - '{Country Name,Code}'::text[])
    WHERE value <> ''
$$);

-- An edition with another schema. header => 'match' wants the columns of a table in their order, and is how
-- a file of another schema is refused before anything of it is read.
CREATE TEMPORARY TABLE expected ("Country Name" text, "Code" text, "2022" text, "2023" text, "2024" text);
\set ON_ERROR_STOP off
\set VERBOSITY sqlstate
SELECT * FROM load_csv_file(:'other', 'expected', header => 'match');
\set VERBOSITY default
\set ON_ERROR_STOP on
\echo refused with :LAST_ERROR_SQLSTATE

-- What its columns are:
SELECT delimiter, columns FROM sniff_csv(:'other');

-- With a query of its own the same figures are rows of the same table.
SELECT status, rows_inserted, rows_rejected
FROM load_csv_file(:'other', 'load.figures', write_mode => 'insert_only', transform => $$
    SELECT 'gdp' AS indicator, 2026 AS edition, data->>'iso3' AS code, data->>'country' AS country,
           substr(key, 2)::integer AS year, replace(value, ',', '.')::numeric AS value
    FROM record, jsonb_each_text(data)
    WHERE key ~ '^y[0-9]{4}$' AND value <> ''
$$);
