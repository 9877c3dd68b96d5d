-- The settings.
TRUNCATE loader.load_history_data, loader.rejects_data;
ALTER SEQUENCE loader.load_id_seq RESTART;
LOAD 'loader';
SHOW loader.allowed_directories;
SHOW loader.max_record_size;
SHOW loader.reject_raw_limit;
SET loader.no_such_setting = 1;
\echo :LAST_ERROR_SQLSTATE
SELECT seed_json_table('settings_t');
SELECT put('loader_settings.json', format(E'{"a": 1}\n{"a": "%s"}\n{"a": 2}\nbad %s\n{"a": 3}\n', repeat('x', 2000), repeat('y', 500)));
SET loader.max_record_size = '1kB';
SET loader.reject_raw_limit = 8;
SELECT rows_loaded, rows_rejected FROM load_json_file('/proc/self/cwd/loader_settings.json', 'settings_t');
SELECT record_no, byte_offset, byte_length, line, error_type, sqlstate, message, convert_from(raw, 'UTF8') AS raw, raw_truncated
FROM loader.rejects WHERE load_id = (SELECT max(load_id) FROM loader.load_history) ORDER BY record_no;
SET loader.reject_raw_limit = 0;
SELECT rows_loaded, rows_rejected FROM load_json_file('/proc/self/cwd/loader_settings.json', 'settings_t', if_loaded => 'force');
SELECT length(raw), raw_truncated FROM loader.rejects WHERE load_id = (SELECT max(load_id) FROM loader.load_history);
\set VERBOSITY sqlstate
SET loader.max_record_size = '1GB';
SET loader.reject_raw_limit = -1;
\set VERBOSITY default
TABLE settings_t;
DROP TABLE settings_t;
