-- Who may load what.
TRUNCATE loader.load_history_data, loader.rejects_data;
ALTER SEQUENCE loader.load_id_seq RESTART;
SELECT put('loader_access.json', E'{"a": 1}\nbad\n');
\set file '''/proc/self/cwd/loader_access.json'''
SELECT seed_json_table('access_t');
-- Without pg_read_server_files: before anything is learned about the path.
SET ROLE regress_loader_writer;
SELECT load_json_file('/no/such/file', 'access_t');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT EXECUTE ON FUNCTION load_json_file TO regress_loader_writer;
SET ROLE regress_loader_writer;
SELECT load_json_file('/no/such/file', 'access_t');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE EXECUTE ON FUNCTION load_json_file FROM regress_loader_writer;
-- Rights on the table.
SET ROLE regress_loader_reader;
SELECT load_json_file(:file, 'access_t');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT INSERT (data) ON access_t TO regress_loader_reader;
SET ROLE regress_loader_reader;
SELECT rows_loaded, rows_rejected FROM load_json_file(:file, 'access_t');
-- No SELECT right is needed to see that the table is not empty.
SELECT status FROM load_json_file(:file, 'access_t');
-- What it loaded it sees; the tables beneath it does not.
SELECT loaded_by_name, rows_loaded FROM loader.load_history;
SELECT message FROM loader.rejects;
SELECT count(*) FROM loader.load_history_data;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM loader.rejects_data;
DELETE FROM loader.load_history;
INSERT INTO loader.rejects (load_id) VALUES (1);
SELECT nextval('loader.load_id_seq');
RESET ROLE;
SET ROLE regress_loader_other;
SELECT count(*) FROM loader.load_history;
SELECT count(*) FROM loader.rejects;
RESET ROLE;
GRANT regress_loader_reader TO regress_loader_other;
SET ROLE regress_loader_other;
SELECT loaded_by_name FROM loader.load_history;
RESET ROLE;
REVOKE regress_loader_reader FROM regress_loader_other;
-- Row level security holds.
ALTER TABLE access_t ENABLE ROW LEVEL SECURITY;
SET ROLE regress_loader_reader;
SELECT status FROM load_json_file(:file, 'access_t');
SELECT status FROM load_json_file(:file, 'access_t', if_loaded => 'force');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- Paths.
SELECT load_json_file('loader_access.json', 'access_t');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file('', 'access_t');
SELECT load_json_file('/proc/self/cwd/no_such_file', 'access_t');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file('/proc/self/cwd/base', 'access_t');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file('/dev/null', 'access_t');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file('/proc/self/status', 'access_t');
\echo :LAST_ERROR_SQLSTATE
COPY (SELECT) TO PROGRAM 'rm -rf loader_dir && mkdir -p loader_dir/sub && mkfifo loader_dir/fifo && ln -s ../PG_VERSION loader_dir/link && ln -s /no/such/file loader_dir/dangling && cp loader_access.json loader_dir/sub/good.json && mkdir -p loader_dir2 && cp loader_access.json loader_dir2/near.json && ln -sfn ../loader_dir loader_dir2/back';
SELECT load_json_file('/proc/self/cwd/loader_dir/fifo', 'access_t');
\echo :LAST_ERROR_SQLSTATE
-- loader.allowed_directories: links are resolved, neighbours are outside, and
-- outside nothing shows.
SET loader.allowed_directories = '/no/such/directory, "/proc/self/cwd/loader_dir"';
SELECT status FROM load_json_file('/proc/self/cwd/loader_dir/sub/good.json', 'access_t', if_loaded => 'force');
SELECT status FROM load_json_file('/proc/self/cwd/loader_dir2/back/sub/good.json', 'access_t', if_loaded => 'force');
SELECT load_json_file('/proc/self/cwd/loader_dir2/near.json', 'access_t');
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file('/proc/self/cwd/loader_dir/../loader_access.json', 'access_t');
SELECT load_json_file('/proc/self/cwd/loader_dir/link', 'access_t');
SELECT load_json_file('/proc/self/cwd/loader_dir/dangling', 'access_t');
SELECT load_json_file('/no/such/file', 'access_t');
SELECT load_json_file('/etc', 'access_t');
SELECT load_json_file('/proc/self/cwd/loader_dir/missing/file', 'access_t');
SELECT load_json_file('/proc/self/cwd/loader_dir/sub', 'access_t');
SET loader.allowed_directories = 'relative';
SELECT load_json_file('/proc/self/cwd/loader_dir/sub/good.json', 'access_t');
SET loader.allowed_directories = '"unbalanced';
SELECT load_json_file('/proc/self/cwd/loader_dir/sub/good.json', 'access_t');
\echo :LAST_ERROR_SQLSTATE
RESET loader.allowed_directories;
SET ROLE regress_loader_reader;
SET loader.allowed_directories = '';
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
COPY (SELECT) TO PROGRAM 'rm -rf loader_dir loader_dir2';
DROP TABLE access_t;
