-- What `make demo` shows of one file. The caller sets path, name, and about, and for a CSV file key:
-- the column that tells its rows apart.
\set QUIET on
\pset footer off
\pset null ''
\set VERBOSITY terse
SET client_min_messages = warning;

\echo
\echo '━━' :name '━━' :about
\if :{?key}
\echo 'Found out:'
SELECT delimiter, quote, escape, new_line, skip, header, columns FROM sniff_csv(:'path');
SELECT seed_table(:'table', :'path', key => ARRAY[:'key'], unlogged => true) \g /dev/null
\echo 'A table for it:'
SELECT attname AS "column", format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = :'table'::regclass AND attnum > 0 ORDER BY attnum;
SELECT * FROM load_csv_file(:'path', :'table') \gset load_
\else
SELECT seed_json_table(:'table', unlogged => true) \g /dev/null
SELECT * FROM load_json_file(:'path', :'table') \gset load_
\endif

SELECT :'load_status' AS status,
       to_char(:load_rows_loaded, 'FM999,999,999') AS loaded,
       to_char(:load_rows_rejected, 'FM999,999,999') AS rejected,
       pg_size_pretty(:load_bytes_read::bigint) AS read,
       to_char(extract(epoch FROM :'load_elapsed'::interval), 'FM990.00') || ' s' AS took,
       to_char(:load_bytes_read / 1e6 / nullif(extract(epoch FROM :'load_elapsed'::interval), 0), 'FM99990') || ' MB/s' AS speed;

\echo 'Rejected, why, and where:'
SELECT line, byte_offset AS offset, byte_length AS bytes, error_type, message,
       CASE WHEN length(shown) > 56 THEN left(shown, 26) || ' … ' || right(shown, 26) ELSE shown END AS raw
FROM (SELECT *, regexp_replace(encode(raw, 'escape'), '\s+', ' ', 'g') AS shown
      FROM loader.rejects WHERE load_id = :load_load_id) r
ORDER BY record_no;

\echo 'The ledger, in bytes:'
SELECT to_char(stream_bytes, 'FM999,999,999,999') AS in_the_stream, '=' AS " ",
       to_char(bytes_loaded, 'FM999,999,999,999') AS loaded, '+' AS "  ",
       to_char(bytes_rejected, 'FM999,999,999,999') AS rejected, '+' AS "   ",
       to_char(bytes_framing, 'FM999,999,999,999') AS framing,
       CASE WHEN stream_bytes = bytes_loaded + bytes_rejected + bytes_framing THEN 'balances' ELSE 'DOES NOT BALANCE' END AS "    "
FROM loader.load_history WHERE load_id = :load_load_id;
