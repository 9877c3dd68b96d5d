-- Every option, good and bad values.
TRUNCATE loader.load_history_data, loader.rejects_data;
ALTER SEQUENCE loader.load_id_seq RESTART;
SELECT seed_json_table('options_t');
SELECT put('loader_options.json', E'{"a": 1}\nnot json\n{"a": 2}\nneither\n{"a": 3}\n');
\set file '''/proc/self/cwd/loader_options.json'''
-- on_error
SELECT rows_loaded FROM load_json_file(:file, 'options_t', on_error => 'stop');
\echo :LAST_ERROR_SQLSTATE
SELECT rows_loaded, rows_rejected FROM load_json_file(:file, 'options_t', on_error => 'ignore', if_loaded => 'force');
SELECT rows_loaded, rows_rejected FROM load_json_file(:file, 'options_t', on_error => 'reject', if_loaded => 'force');
SELECT load_id = max(load_id) OVER () AS last, count(*) FROM loader.rejects GROUP BY load_id ORDER BY load_id;
-- reject_limit
SELECT rows_loaded FROM load_json_file(:file, 'options_t', reject_limit => 0, if_loaded => 'force');
\echo :LAST_ERROR_SQLSTATE
SELECT rows_loaded FROM load_json_file(:file, 'options_t', reject_limit => 1, on_error => 'ignore', if_loaded => 'force');
\echo :LAST_ERROR_SQLSTATE
SELECT rows_loaded FROM load_json_file(:file, 'options_t', reject_limit => 2, if_loaded => 'force');
-- Without a limit, a file whose first 1000 records are bad is no JSON.
SELECT put('loader_text.txt', string_agg('line ' || n, E'\n')) FROM generate_series(1, 1000) AS n;
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_text.txt', 'options_t', format => 'ndjson');
\echo :LAST_ERROR_SQLSTATE
SELECT put('loader_text.txt', string_agg('line ' || n, E'\n')) FROM generate_series(1, 999) AS n;
SELECT rows_loaded, rows_rejected FROM load_json_file('/proc/self/cwd/loader_text.txt', 'options_t', format => 'ndjson');
-- format
SELECT rows_loaded FROM load_json_file(:file, 'options_t', format => 'ndjson', if_loaded => 'force');
SELECT rows_loaded FROM load_json_file(:file, 'options_t', format => 'jsonl', if_loaded => 'force');
SELECT rows_loaded FROM load_json_file(:file, 'options_t', format => 'NEWLINE_DELIMITED', if_loaded => 'force');
SELECT put('loader_array.json', '[{"a": 1}, {"a": 2}]');
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_array.json', 'options_t');
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_array.json', 'options_t', format => 'array', if_loaded => 'force');
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_array.json', 'options_t', format => 'unstructured', if_loaded => 'force');
SELECT format FROM loader.load_history WHERE file_path LIKE '%array.json' ORDER BY load_id;
SELECT load_json_file(:file, 'options_t', format => 'csv');
\echo :LAST_ERROR_SQLSTATE
-- compression
SELECT rows_loaded FROM load_json_file(:file, 'options_t', compression => 'none', if_loaded => 'force');
SELECT rows_loaded FROM load_json_file(:file, 'options_t', compression => 'gzip', if_loaded => 'force');
\echo :LAST_ERROR_SQLSTATE
SELECT rows_loaded FROM load_json_file(:file, 'options_t', compression => 'zstd', if_loaded => 'force');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 'options_t', compression => 'zip');
SELECT put('loader_cut.gz', '\x1f8b0800000000000203'::bytea);
SELECT load_json_file('/proc/self/cwd/loader_cut.gz', 'options_t');
\echo :LAST_ERROR_SQLSTATE
-- records_path
SELECT put('loader_path.json', '{"data": {"my items": [{"a": 1}, {"a": 2}], "none": [], "x": {"y": 1}}, "items": [3]}');
\set path '''/proc/self/cwd/loader_path.json'''
SELECT status, rows_loaded FROM load_json_file(:path, 'options_t', records_path => '$.data."my items"');
SELECT status, rows_loaded FROM load_json_file(:path, 'options_t', records_path => '$["data"][''my items'']');
SELECT status, rows_loaded FROM load_json_file(:path, 'options_t', records_path => '$.items', format => 'array');
SELECT status, rows_loaded FROM load_json_file(:path, 'options_t', records_path => '$.data.none');
SELECT status, rows_loaded FROM load_json_file(:path, 'options_t', records_path => NULL);
SELECT format, records_path, rows_loaded, stream_bytes - bytes_loaded AS framing
FROM loader.load_history WHERE file_path LIKE '%path.json' ORDER BY load_id;
SELECT record_no, byte_offset, data FROM read_json_file(:path, records_path => '$.data."my items"');
SELECT load_json_file(:path, 'options_t', records_path => '$.data.x');
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file(:path, records_path => '$.nowhere');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:path, 'options_t', records_path => '$.items', format => 'ndjson');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:path, 'options_t', records_path => '$.items', format => 'unstructured');
SELECT load_json_file(:path, 'options_t', records_path => '');
SELECT load_json_file(:path, 'options_t', records_path => '$x');
SELECT load_json_file(:path, 'options_t', records_path => 'data.items');
SELECT load_json_file(:path, 'options_t', records_path => '$.data[0]');
SELECT load_json_file(:path, 'options_t', records_path => '$.data[*');
SELECT load_json_file(:path, 'options_t', records_path => '$.data."my items');
SELECT load_json_file(:path, 'options_t', records_path => '$..items');
SELECT read_json_file(:path, records_path => '$.data.');
\echo :LAST_ERROR_SQLSTATE
CALL load_json_files(:path, 'options_t', records_path => '$.items', format => 'jsonl');
\echo :LAST_ERROR_SQLSTATE
-- chunk
SELECT rows_loaded FROM load_json_file(:file, 'options_t', chunk => 1, if_loaded => 'force');
SELECT load_json_file(:file, 'options_t', chunk => 0);
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 'options_t', chunk => 1000001);
-- encoding, on_corrupt
SELECT rows_loaded FROM load_json_file(:file, 'options_t', encoding => 'UTF-8', on_corrupt => 'SALVAGE', if_loaded => 'force');
SELECT load_json_file(:file, 'options_t', encoding => 'utf-7');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 'options_t', encoding => NULL);
SELECT read_json_file(:file, encoding => 'klingon');
SELECT load_json_file(:file, 'options_t', on_corrupt => 'repair');
\echo :LAST_ERROR_SQLSTATE
CALL load_json_files(:file, 'options_t', on_corrupt => 'repair');
-- line_prefix
SELECT load_json_file(:file, 'options_t', line_prefix => '');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 'options_t', line_prefix => ': ', format => 'array');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, 'options_t', line_prefix => ': ', records_path => '$.a');
\echo :LAST_ERROR_SQLSTATE
CALL load_json_files(:file, 'options_t', line_prefix => ': ', format => 'unstructured');
\echo :LAST_ERROR_SQLSTATE
SELECT options - 'chunk' AS options FROM loader.load_history ORDER BY load_id DESC LIMIT 1;
-- the others
SELECT load_json_file(:file, 'options_t', on_error => 'continue');
SELECT load_json_file(:file, 'options_t', if_loaded => 'perhaps');
SELECT load_json_file(:file, 'options_t', reject_limit => -1);
\echo :LAST_ERROR_SQLSTATE
-- NULL
SELECT load_json_file(NULL, 'options_t');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file(:file, NULL);
SELECT load_json_file(:file, 'options_t', chunk => NULL);
SELECT load_json_file(:file, 'options_t', reject_limit => NULL, format => NULL);
-- A byte order mark of another encoding, and a format that is no JSON.
SELECT put('loader_utf16.json', '\xfffe7b007d000a00'::bytea);
SELECT status, rows_loaded, bytes_read FROM load_json_file('/proc/self/cwd/loader_utf16.json', 'options_t');
SELECT put('loader_zip.json', '\x504b030414000000'::bytea);
SELECT load_json_file('/proc/self/cwd/loader_zip.json', 'options_t');
\echo :LAST_ERROR_SQLSTATE
DROP TABLE options_t;
