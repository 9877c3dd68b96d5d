-- The happy path, and a file with a bit of everything.
TRUNCATE loader.load_history_data, loader.rejects_data;
ALTER SEQUENCE loader.load_id_seq RESTART;
SELECT seed_json_table('load_t');
\d load_t
SELECT put('loader_load.json', E'[\n{"id": 1},\n{"id": 2, "name": "x"},\n{"id": 3, "name": \n{"id": 4},\n{"id": 5, "s": "\\u0000"}\n,{"id": 6}\n');
SELECT load_id, status, rows_loaded, rows_rejected, bytes_read, elapsed > '0' AS elapsed
FROM load_json_file('/proc/self/cwd/loader_load.json', 'load_t');
TABLE load_t;
\x on
SELECT record_no, byte_offset, byte_length, line, error_type, sqlstate, message,
       convert_from(raw, 'UTF8') AS raw, raw_truncated
FROM loader.rejects WHERE load_id = 1 ORDER BY record_no;
SELECT load_id, target, target_oid = 'load_t'::regclass AS target_oid, target_column, file_path, file_size,
       file_mtime <= now() AS file_mtime, length(content_hash) AS content_hash, format, compression, chunk,
       options, status, rows_loaded, rows_rejected, stream_bytes, bytes_loaded, bytes_rejected, bytes_framing,
       stream_bytes = bytes_loaded + bytes_rejected + bytes_framing AS balance,
       loaded_by = current_user::regrole AS loaded_by, loaded_by_name = current_user AS loaded_by_name,
       started_at <= finished_at AS times
FROM loader.load_history WHERE load_id = 1;
\x off
-- Every reject's bytes are where offset and length say.
SELECT count(*) AS rejects, bool_and(raw = substr(file, byte_offset::int + 1, byte_length::int)) AS found
FROM loader.rejects, pg_read_binary_file('loader_load.json') AS file WHERE load_id = 1;
-- Compressed: an empty gzip member before the one with the record.
SELECT put('loader_load.gz', '\x1f8b080000000000020303000000000000000000'::bytea);
SELECT status, rows_loaded, bytes_read FROM load_json_file('/proc/self/cwd/loader_load.gz', 'load_t');
-- An empty file is a file without records.
SELECT put('loader_empty.json', '');
SELECT status, rows_loaded, rows_rejected, bytes_read FROM load_json_file('/proc/self/cwd/loader_empty.json', 'load_t');
-- One call is one row, in a select list too; arguments can be named.
SELECT (load_json_file(path => '/proc/self/cwd/loader_empty.json', "table" => 'load_t', if_loaded => 'force')).status;
-- All or nothing.
BEGIN;
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_load.json', 'load_t', if_loaded => 'force');
ROLLBACK;
SELECT count(*) FROM load_t;
SELECT count(*) FROM loader.rejects WHERE load_id > 1;
DROP TABLE load_t;
