-- The same content is loaded into a table once.
TRUNCATE loader.load_history_data, loader.rejects_data;
ALTER SEQUENCE loader.load_id_seq RESTART;
SELECT seed_json_table('again_t');
SELECT seed_json_table('again_u');
ALTER TABLE again_t ADD other jsonb, ALTER data DROP NOT NULL;
SELECT put('loader_again.json', E'{"a": 1}\n{"a": 2}\n');
SELECT put('loader_other.json', E'{"a": 1}\n{"a": 3}\n');
\set file '''/proc/self/cwd/loader_again.json'''
SELECT load_id AS first FROM load_json_file(:file, 'again_t') \gset
SELECT load_id = :first AS earlier, status, rows_loaded, rows_rejected, bytes_read FROM load_json_file(:file, 'again_t');
SELECT load_json_file(:file, 'again_t', if_loaded => 'error');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM loader.load_history WHERE target = 'public.again_t';
-- The path plays no role, the content does: size and hash.
SELECT put('loader_copy.json', pg_read_binary_file('loader_again.json'));
SELECT status FROM load_json_file('/proc/self/cwd/loader_copy.json', 'again_t');
SELECT status FROM load_json_file('/proc/self/cwd/loader_other.json', 'again_t');
-- Another table, another column.
SELECT status FROM load_json_file(:file, 'again_u');
SELECT status FROM load_json_file(:file, 'again_t', target_column => 'other');
SELECT status FROM load_json_file(:file, 'again_t', if_loaded => 'force');
-- An empty table is never skipped, whether it was truncated or deleted from.
TRUNCATE again_t;
SELECT status FROM load_json_file(:file, 'again_t');
DELETE FROM again_t;
SELECT status FROM load_json_file(:file, 'again_t', if_loaded => 'error');
SELECT count(*) FROM again_t;
-- Twice in one transaction; and what was rolled back was not loaded.
TRUNCATE again_u;
BEGIN;
SELECT status FROM load_json_file('/proc/self/cwd/loader_other.json', 'again_u');
SELECT status FROM load_json_file('/proc/self/cwd/loader_other.json', 'again_u');
ROLLBACK;
SELECT status FROM load_json_file('/proc/self/cwd/loader_other.json', 'again_u');
-- A renamed table is the same table; another one with its name is not.
ALTER TABLE again_t RENAME TO again_renamed;
SELECT status FROM load_json_file(:file, 'again_renamed');
SELECT seed_json_table('again_t');
INSERT INTO again_t VALUES ('0');
SELECT status FROM load_json_file(:file, 'again_t');
-- A table that was made anew has nothing, whatever its name.
DROP TABLE again_t;
SELECT seed_json_table('again_t');
INSERT INTO again_t VALUES ('0');
SELECT status FROM load_json_file(:file, 'again_t');
-- Nor has a temporary one: its schema serves many sessions.
CREATE TEMP TABLE again_temp (data jsonb);
SELECT status FROM load_json_file(:file, 'again_temp');
SELECT status FROM load_json_file(:file, 'again_temp', if_loaded => 'error');
DROP TABLE again_temp;
CREATE TEMP TABLE again_temp (data jsonb);
INSERT INTO again_temp VALUES ('0');
SELECT status FROM load_json_file(:file, 'again_temp');
DROP TABLE again_temp;
DROP TABLE again_t, again_u, again_renamed;
