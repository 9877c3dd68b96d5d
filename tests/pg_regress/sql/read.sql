-- read_json_file: the records of files as rows.
SELECT put('loader_read_1.json', E'{"event": "click"}\nbad\n{"event": "view"}\n{"cut": ');
SELECT put('loader_read_2.json', E'[{"event": "click"},\n {"event": "\\u0000"}]\n');
\set one '''/proc/self/cwd/loader_read_1.json'''
\set all '''/proc/self/cwd/loader_read_*.json'''
SELECT * FROM read_json_file(:one);
SELECT file, record_no, line, byte_offset, data, error_type FROM read_json_file(:all);
SELECT data->>'event' AS event, count(*) FROM read_json_file(:all) WHERE error_type IS NULL GROUP BY 1 ORDER BY 1;
SELECT record_no, data FROM read_json_file(:all, on_error => 'ignore');
SELECT record_no, data FROM read_json_file(:all, on_error => 'stop');
\echo :LAST_ERROR_SQLSTATE
SELECT record_no, data FROM read_json_file(:one, on_error => 'stop', max_records => 1);
SELECT record_no, data FROM read_json_file(:all, max_records => 5);
SELECT count(*) FROM read_json_file(:all, max_records => 0);
-- Row by row in the select list.
SELECT (read_json_file(:one)).record_no LIMIT 2;
SELECT n, (read_json_file(:one, max_records => n)).record_no FROM generate_series(1, 2) AS n;
SELECT n, r.record_no FROM generate_series(1, 2) AS n, read_json_file(:one, max_records => n) AS r;
-- It writes nothing: it may run where nothing may be written.
BEGIN READ ONLY;
SELECT count(*) FROM read_json_file(:all);
COMMIT;
-- What cannot be.
SELECT read_json_file(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file(:one, format => NULL);
SELECT read_json_file(:one, format => 'csv');
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file(:one, compression => 'rar');
SELECT read_json_file(:one, on_error => 'reject_all');
SELECT read_json_file(:one, max_records => -1);
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file('loader_read_*.json');
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file('/proc/self/cwd/loader_read_[1.json');
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file('/proc/self/cwd/loader_read**');
SELECT read_json_file('/proc/self/cwd/loader_read_x*.json');
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file('/proc/self/cwd/no_such_file');
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file('/proc/self/cwd/base');
SET loader.allowed_directories = '/proc/self/cwd/base';
SELECT read_json_file(:all);
\echo :LAST_ERROR_SQLSTATE
SELECT read_json_file('/proc/self/cwd/base/*');
\echo :LAST_ERROR_SQLSTATE
RESET loader.allowed_directories;
SET ROLE regress_loader_writer;
SELECT read_json_file('/no/such/*');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT EXECUTE ON FUNCTION read_json_file TO regress_loader_writer;
SET ROLE regress_loader_writer;
SELECT read_json_file('/no/such/*');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE EXECUTE ON FUNCTION read_json_file FROM regress_loader_writer;
COPY (SELECT) TO PROGRAM 'rm loader_read_1.json loader_read_2.json';
