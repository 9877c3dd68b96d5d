-- A file that replaces what an earlier one of its name brought. Run with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\set prices :dir/prices.json

CREATE TABLE IF NOT EXISTS price (item text, day date, price numeric(8,2), _load_id bigint, PRIMARY KEY (item, day));

SELECT status, rows_loaded FROM load_json_file(:'prices', 'price', if_loaded => 'replace');
SELECT item, day, price FROM price ORDER BY item;
