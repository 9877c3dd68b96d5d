-- Where rows came from, undo, mending and retrying, validation.
SELECT put('loader_lineage_one', E'{"n": 1}\n{"n": 2\n{"n": 3}\n{"n": \n{"n": 5}\n');
SELECT seed_json_table('lineage_t', lineage => true);
\set VERBOSITY terse
SELECT status, rows_loaded, rows_rejected FROM load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_t');
\set VERBOSITY default
SELECT max(load_id) AS first FROM loader.load_history \gset
SELECT _load_id = :first AS this_load, _byte_offset, data FROM lineage_t ORDER BY _byte_offset;
-- Either column alone, and columns that only look like them.
CREATE TABLE lineage_half (_byte_offset bigint, data jsonb);
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_half', on_error => 'ignore');
SELECT * FROM lineage_half ORDER BY _byte_offset;
CREATE TABLE lineage_other (data jsonb, _load_id bigint GENERATED ALWAYS AS IDENTITY, _byte_offset integer);
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_other', on_error => 'ignore');
SELECT * FROM lineage_other;
CREATE TABLE lineage_column (_load_id jsonb, _byte_offset bigint);
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_column', on_error => 'ignore', target_column => '_load_id');
SELECT * FROM lineage_column;
-- The rows of partitions know it too.
CREATE TABLE lineage_parted (data jsonb, _load_id bigint, _byte_offset bigint) PARTITION BY RANGE (_byte_offset);
CREATE TABLE lineage_p1 PARTITION OF lineage_parted FOR VALUES FROM (0) TO (10);
CREATE TABLE lineage_p2 PARTITION OF lineage_parted DEFAULT;
SELECT rows_loaded FROM load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_parted', on_error => 'ignore');
SELECT tableoid::regclass, _byte_offset FROM lineage_parted ORDER BY _byte_offset;
SELECT undo_load(max(load_id)) FROM loader.load_history;
SELECT loader.chunk_offsets(1);
\echo :LAST_ERROR_SQLSTATE

-- Validation.
SELECT load_id, status, rows_loaded, rows_rejected, bytes_read
FROM load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_t', validate => true);
SELECT put('loader_lineage_bad', E'{"n": 1}\n' || repeat(E'{"n": nul}\n', 12));
SELECT status, rows_loaded, rows_rejected FROM load_json_file('/proc/self/cwd/loader_lineage_bad', 'lineage_t', validate => true);
SELECT status, rows_loaded, rows_rejected
FROM load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_t', validate => true, if_loaded => 'error', on_error => 'ignore');
SELECT load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_t', validate => true, reject_limit => 1);
\echo :LAST_ERROR_SQLSTATE
SELECT load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_t', validate => NULL);
SELECT count(*) FROM lineage_t;
SELECT count(*) FROM loader.load_history WHERE load_id > :first AND target = 'public.lineage_t';

-- Mending and retrying.
SELECT record_no, line, byte_offset, message, convert_from(raw, 'UTF8') AS raw, mended, resolved_by
FROM loader.rejects WHERE load_id = :first ORDER BY byte_offset;
SELECT mend_reject(:first, 9, '{"n": 2}');
SELECT mend_reject(:first, 26, '{"n": ');
SELECT mend_reject(NULL, 9, '{}');
SELECT mend_reject(:first, NULL, '{}');
SELECT load_id > :first AS new_number, status, rows_loaded, rows_rejected FROM retry_rejects(:first);
SELECT max(load_id) AS retry FROM loader.load_history \gset
SELECT byte_offset, mended, mended_at IS NOT NULL AS dated, resolved_by = :retry AS by_retry
FROM loader.rejects WHERE load_id = :first ORDER BY byte_offset;
SELECT _load_id = :first AS this_load, _load_id = :retry AS retry, _byte_offset, data FROM lineage_t ORDER BY _byte_offset;
SELECT target, target_column, format, options, status, rows_loaded, rows_rejected, stream_bytes, bytes_loaded, records
FROM loader.load_history WHERE retry_of = :first;
-- Taken away again.
SELECT mend_reject(:first, 26, NULL);
SELECT mended, mended_at FROM loader.rejects WHERE load_id = :first AND byte_offset = 26;
SELECT load_id IS NULL AS nothing, status, rows_loaded, rows_rejected FROM retry_rejects(:first);
-- By an expression over all of a kind: the text is bad, NULL, no single value.
SELECT * FROM mend_rejects(:first, 'SYNTAX', $$'{"n": '$$);
SELECT * FROM mend_rejects(:first, 'TRUNCATED', $$'{"n": '$$);
SELECT * FROM mend_rejects(:first, NULL, 'CASE WHEN line = 0 THEN raw_text END');
SELECT mend_rejects(NULL, NULL, 'raw_text');
SELECT mend_rejects(:first, NULL, NULL);
\set VERBOSITY terse
SELECT mend_rejects(:first, NULL, '1)), (SELECT (2');
SELECT mend_rejects(:first, NULL, 'raw_txt');
\set VERBOSITY default
-- The numbers of these differ from run to run.
\set VERBOSITY sqlstate
SELECT mend_reject(:first, 9, '{"n": 4}');
SELECT mend_reject(:first, 10, '{"n": 2}');
SELECT retry_rejects(:retry);
SELECT mend_reject(0, 0, '{}');
SELECT mend_rejects(0, NULL, 'raw_text');
SELECT retry_rejects(0);
\set VERBOSITY default
SELECT retry_rejects(NULL);

-- Undo.
SELECT undo_load(:retry);
SELECT count(*) FROM lineage_t;
SELECT byte_offset, mended, resolved_by FROM loader.rejects WHERE load_id = :first ORDER BY byte_offset;
SELECT rows_loaded FROM retry_rejects(:first);
SELECT undo_load(:first);
SELECT count(*) FROM lineage_t;
SELECT count(*) FROM loader.rejects WHERE load_id = :first;
SELECT status, count(*) FROM loader.load_history WHERE :first IN (load_id, retry_of) GROUP BY status;
SELECT undo_load(0);
\echo :LAST_ERROR_SQLSTATE
SELECT undo_load(NULL);
\set VERBOSITY sqlstate
SELECT undo_load(:first);
SELECT undo_load(:retry);
SELECT mend_reject(:first, 9, '{}');
SELECT mend_rejects(:first, NULL, 'raw_text');
SELECT retry_rejects(:first);
\set VERBOSITY default
-- The same file again; some of its rows are gone when it is undone.
SELECT status, rows_loaded FROM load_json_file('/proc/self/cwd/loader_lineage_one', 'lineage_t', on_error => 'ignore');
DELETE FROM lineage_t WHERE data = '{"n": 3}';
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT undo_load(max(load_id), force => true) FROM loader.load_history;
RESET client_min_messages;
\set VERBOSITY default
DROP TABLE lineage_t, lineage_half, lineage_other, lineage_column, lineage_parted;

-- SQL objects of 0.1.0 with this library.
CREATE FUNCTION lineage_old_seed(text, boolean, boolean) RETURNS regclass
LANGUAGE c AS '$libdir/loader', 'seed_json_table_wrapper';
CREATE FUNCTION lineage_old_load(text, regclass, integer, text, text, text, bigint, text, text)
RETURNS TABLE (load_id bigint, status text, rows_loaded bigint, rows_rejected bigint, bytes_read bigint, elapsed interval)
LANGUAGE c AS '$libdir/loader', 'load_json_file_wrapper';
SELECT lineage_old_seed('x', false, false);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM lineage_old_load('/x', 'pg_class', 1, '', '', '', 1, '', '');
DROP FUNCTION lineage_old_seed, lineage_old_load;
