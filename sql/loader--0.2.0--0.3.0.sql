-- From 0.2.0 to 0.3.0. Afterwards all is as if 0.3.0 had been created, with the
-- loads, rejects and grants of before.
--
-- The search_path may be anything: names and operators are qualified, but for the
-- verbs, which go where the extension's other verbs are.

-- Waits for loads and readers, and holds nothing while it waits: they take these in
-- any order. The tables below the views are locked with them; those below loader.progress
-- are the server's, so that it is locked by changing nothing of it, which has no NOWAIT.
DO $$
DECLARE
    patience text := pg_catalog.current_setting('lock_timeout');
BEGIN
    LOOP
        BEGIN
            LOCK TABLE loader.load_history, loader.rejects IN ACCESS EXCLUSIVE MODE NOWAIT;
            PERFORM pg_catalog.set_config('lock_timeout', '10ms', true);
            ALTER VIEW loader.progress SET (security_barrier);
            PERFORM pg_catalog.set_config('lock_timeout', patience, true);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_catalog.pg_sleep(0.05);
        END;
    END LOOP;
END $$;

-- Default privileges may have let others put triggers on the tables below the views. They
-- would run, from the statements below on, with the rights of whoever updates.
DO $$
DECLARE
    planted pg_catalog.text;
BEGIN
    SELECT pg_catalog.format('trigger %I on table %s', t.tgname, t.tgrelid::pg_catalog.regclass) INTO planted
    FROM pg_catalog.pg_trigger AS t
    WHERE t.tgrelid OPERATOR(pg_catalog.=) ANY (ARRAY['loader.load_history_data'::pg_catalog.regclass,
                                                      'loader.rejects_data'::pg_catalog.regclass]::pg_catalog.oid[])
    LIMIT 1;
    IF planted IS NOT NULL THEN
        RAISE EXCEPTION 'cannot update loader while there is %', planted
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = 'It would run with the rights of the role that updates, and later of the extension''s owner.',
                  HINT = 'Look at what it does, and drop it, or the foreign key that it belongs to.';
    END IF;
END $$;

-- State. The index comes before the UPDATE: made after it in the same transaction, it
-- could not be used by snapshots older than this.

ALTER TABLE loader.load_history_data
    ADD COLUMN target_type oid NOT NULL DEFAULT 0,
    ADD COLUMN emptied_at timestamptz,
    ADD COLUMN file_device bigint,
    ADD COLUMN file_inode bigint,
    ADD COLUMN file_mtime_ns bigint,
    ADD COLUMN file_ctime_ns bigint,
    ADD COLUMN bytes_prefix bigint NOT NULL DEFAULT 0,
    ADD COLUMN encoding text,
    ADD COLUMN rows_updated bigint NOT NULL DEFAULT 0,
    ADD COLUMN rows_superseded bigint NOT NULL DEFAULT 0,
    ADD COLUMN dialect jsonb,
    ADD COLUMN rows_tolerated bigint NOT NULL DEFAULT 0,
    ADD COLUMN builds_on bigint;
ALTER TABLE loader.load_history_data RENAME COLUMN overread TO splitter_state;
-- From 18 on, NOT NULL has a name.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_constraint AS c
               WHERE c.conrelid OPERATOR(pg_catalog.=) 'loader.load_history_data'::pg_catalog.regclass
                 AND c.conname OPERATOR(pg_catalog.=) 'load_history_data_overread_not_null'::pg_catalog.name) THEN
        ALTER TABLE loader.load_history_data
            RENAME CONSTRAINT load_history_data_overread_not_null TO load_history_data_splitter_state_not_null;
    END IF;
END $$;
ALTER TABLE loader.rejects_data ADD COLUMN record_key text;
ALTER TABLE loader.rejects_data ADD COLUMN column_name text;

CREATE INDEX load_history_data_target_idx ON loader.load_history_data (home, target_oid, target)
    WHERE emptied_at IS NULL AND status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text;
-- Many files may have the very same size, in other tables, too.
DROP INDEX loader.load_history_data_file_size_idx;
CREATE INDEX load_history_data_file_size_idx ON loader.load_history_data (file_size, target_oid, content_hash);
-- A file that goes on under another name, as rotated logs do, is looked for by its inode.
CREATE INDEX load_history_data_file_inode_idx ON loader.load_history_data (file_inode)
    WHERE file_inode IS NOT NULL;
-- The loads that go on where one ended, for when that is undone: few files grow.
CREATE INDEX load_history_data_builds_on_idx ON loader.load_history_data (builds_on)
    WHERE builds_on IS NOT NULL;
-- Those that are gone with the rows of their table.
CREATE INDEX load_history_data_emptied_idx ON loader.load_history_data (home, target_oid)
    WHERE emptied_at IS NOT NULL;

-- Rows of this database say so in the new way; all others are known by their names.
UPDATE loader.load_history_data AS h
SET home = h.home OPERATOR(pg_catalog.||) '/'::pg_catalog.text
        OPERATOR(pg_catalog.||) 'loader.load_history_data'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.text,
    target_type = COALESCE((SELECT c.reltype FROM pg_catalog.pg_class AS c
                            WHERE c.oid OPERATOR(pg_catalog.=) h.target_oid), 0::pg_catalog.oid)
FROM pg_catalog.pg_control_system() AS system, pg_catalog.pg_database AS database
WHERE database.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
  AND h.home OPERATOR(pg_catalog.=) (system.system_identifier::pg_catalog.text
      OPERATOR(pg_catalog.||) '/'::pg_catalog.text OPERATOR(pg_catalog.||) database.oid::pg_catalog.text);

-- Which load one builds on was not written down. It began where that one had ended, or with its last
-- record, if that was bad: the last earlier load of its path of which that is true. OFFSET keeps the two
-- apart, so that they are joined as a whole: a file may have grown very many times.
UPDATE loader.load_history_data AS h SET builds_on = found.load_id
FROM (SELECT n.load_id AS follower, pg_catalog.max(b.load_id) AS load_id
      FROM (SELECT l.* FROM loader.load_history_data AS l
            WHERE l.start_offset OPERATOR(pg_catalog.>) 0 AND l.retry_of IS NULL
              AND l.status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text OFFSET 0) AS n
      JOIN (SELECT l.*, COALESCE(l.open_offset, l.start_offset OPERATOR(pg_catalog.+) l.stream_bytes) AS ends_at
            FROM loader.load_history_data AS l
            WHERE l.retry_of IS NULL AND l.status OPERATOR(pg_catalog.=) 'loaded'::pg_catalog.text OFFSET 0) AS b
        ON b.file_path OPERATOR(pg_catalog.=) n.file_path
       AND b.ends_at OPERATOR(pg_catalog.=) n.start_offset
       AND b.home OPERATOR(pg_catalog.=) n.home
       AND b.target_oid OPERATOR(pg_catalog.=) n.target_oid
       AND b.target_column OPERATOR(pg_catalog.=) n.target_column
       AND COALESCE(b.records_path, ''::pg_catalog.text) OPERATOR(pg_catalog.=)
           COALESCE(n.records_path, ''::pg_catalog.text)
       AND b.load_id OPERATOR(pg_catalog.<) n.load_id
      GROUP BY n.load_id) AS found
WHERE h.load_id OPERATOR(pg_catalog.=) found.follower;

-- Where this history is at home: the text that home has in the rows that are written here.
CREATE FUNCTION loader.home()
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loader_home_wrapper';

-- Whether the server starts pipelines: none, launcher, or launcher (waits for a worker slot, or for shared memory).
CREATE FUNCTION loader.scheduler()
RETURNS text
LANGUAGE c VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loader_scheduler_wrapper';

-- Whether the caller has the rights of the role that made a load: it inherits them or may
-- SET ROLE to it. A role that is gone gives no right to anybody but superusers.
CREATE FUNCTION loader.may_amend(home text, loaded_by oid, loaded_by_name name)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loader_may_amend_wrapper';

-- The bytes of a reject as text, NULL where they are none of the database. The file is
-- UTF-8; the last character may have been cut.
CREATE FUNCTION loader.raw_text(raw bytea, truncated boolean)
RETURNS text
LANGUAGE c STRICT STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'raw_text_wrapper';

-- The keys of records that are the values of an object, beside loader.chunk_records.
CREATE FUNCTION loader.chunk_keys(bigint)
RETURNS SETOF text
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_keys';

CREATE FUNCTION loader.chunk_numbers(bigint)
RETURNS SETOF bigint
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_numbers';

CREATE FUNCTION loader.chunk_lines(bigint)
RETURNS SETOF bigint
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_lines';

-- The rows of a chunk, with the columns that the INSERT of a load names. The planner puts a scan in
-- its place.
CREATE FUNCTION loader.chunk_rows(bigint)
RETURNS SETOF record
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_rows';

-- Hands out the cells of one column, which are of the type of the last argument, and whether
-- the records lack the field.
CREATE FUNCTION loader.chunk_cells(bigint, integer, anyelement)
RETURNS SETOF anyelement
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_cells';

CREATE FUNCTION loader.chunk_absent(bigint, integer)
RETURNS SETOF boolean
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_absent';

-- Of the row that was handed out last: whether its record has the field of a column; that its
-- key is in the table, with what is then to be done; and that it was written.
CREATE FUNCTION loader.chunk_has(bigint, integer)
RETURNS boolean
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'loader_chunk_has';

CREATE FUNCTION loader.chunk_conflict(bigint, boolean)
RETURNS boolean
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'loader_chunk_conflict';

CREATE FUNCTION loader.chunk_written(bigint)
RETURNS boolean
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'loader_chunk_written';

-- Columns are appended; grants on the views stay.

CREATE OR REPLACE VIEW loader.load_history WITH (security_barrier) AS
SELECT h.load_id, h.target, h.target_oid,
       CASE WHEN h.target_column OPERATOR(pg_catalog.<>) '' THEN h.target_column END AS target_column, h.file_path, h.file_size, h.file_mtime,
       h.content_hash, h.format, h.compression, h.chunk, h.options, h.status, h.rows_loaded,
       h.rows_rejected, h.stream_bytes, h.bytes_loaded, h.bytes_rejected, h.bytes_framing,
       h.loaded_by, h.loaded_by_name, h.started_at, h.finished_at,
       h.records_path, h.start_offset, h.records, h.error_sqlstate, h.error_message, h.retry_of,
       h.emptied_at, h.bytes_prefix, h.encoding,
       h.rows_loaded OPERATOR(pg_catalog.-) h.rows_updated AS rows_inserted, h.rows_updated, h.rows_superseded,
       h.dialect, h.rows_tolerated
FROM loader.load_history_data AS h
WHERE loader.may_amend(h.home, h.loaded_by, h.loaded_by_name);

CREATE OR REPLACE VIEW loader.rejects WITH (security_barrier) AS
SELECT r.load_id, r.record_no, r.byte_offset, r.byte_length, r.line, r.error_type, r.sqlstate,
       r.message, r.raw, r.raw_truncated, r.mended, r.mended_at, r.resolved_by,
       loader.raw_text(r.raw, r.raw_truncated) AS raw_text, r.record_key,
       r.column_name
FROM loader.rejects_data AS r
JOIN loader.load_history_data AS h ON h.load_id OPERATOR(pg_catalog.=) r.load_id
WHERE loader.may_amend(h.home, h.loaded_by, h.loaded_by_name);

-- Loads under way, each worker of load_json_files by itself. The figures come from
-- the server's progress reports, and are shown to those who may see those.
CREATE OR REPLACE VIEW loader.progress WITH (security_barrier) AS
SELECT p.pid,
       p.leader_pid,
       p.load_id,
       p.relid AS target_oid,
       CASE WHEN a.backend_type OPERATOR(pg_catalog.=) 'loader worker'::pg_catalog.text
            THEN CASE WHEN a.query OPERATOR(pg_catalog.<>) ''::pg_catalog.text THEN a.query END
            ELSE h.file_path END AS file_path,
       p.bytes_processed,
       p.bytes_total,
       p.rows_loaded,
       p.rows_rejected,
       CASE WHEN p.seconds OPERATOR(pg_catalog.>) 0
            THEN p.bytes_processed OPERATOR(pg_catalog./) p.seconds END AS bytes_per_second,
       -- A guess of more than three years says nothing, and an interval may not hold it.
       CASE WHEN p.seconds_left OPERATOR(pg_catalog.<) 1e8::double precision
            THEN pg_catalog.make_interval(secs => p.seconds_left) END AS eta,
       p.relid::pg_catalog.regclass::pg_catalog.text AS target,
       CASE WHEN p.files_total IS NOT NULL THEN p.files_done END AS files_done,
       p.files_total
FROM (SELECT q.*,
             CASE WHEN q.bytes_processed OPERATOR(pg_catalog.>) 0
                  THEN q.seconds OPERATOR(pg_catalog.*)
                       (GREATEST(q.bytes_total OPERATOR(pg_catalog.-) q.bytes_processed, 0)
                        OPERATOR(pg_catalog./) q.bytes_processed::double precision) END AS seconds_left
      FROM (SELECT i.pid, i.relid, i.param1 AS bytes_processed, i.param2 AS bytes_total,
                   i.param3 AS rows_loaded, i.param16 AS rows_rejected,
                   i.param14 AS files_done,
                   CASE WHEN i.param15 OPERATOR(pg_catalog.<>) 0 THEN i.param15 END AS files_total,
                   CASE WHEN i.param17 OPERATOR(pg_catalog.<>) 0 THEN i.param17 END AS load_id,
                   (CASE WHEN i.param18 OPERATOR(pg_catalog.<>) 0 THEN i.param18 END)::integer AS leader_pid,
                   pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())
                       OPERATOR(pg_catalog.-) (i.param19 OPERATOR(pg_catalog./) 1e6::double precision) AS seconds
            FROM pg_catalog.pg_stat_get_progress_info('COPY') AS i
            WHERE i.param19 OPERATOR(pg_catalog.>) 0
              AND i.datid OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database AS d
                    WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())) AS q) AS p
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid OPERATOR(pg_catalog.=) p.pid
LEFT JOIN loader.load_history AS h ON h.load_id OPERATOR(pg_catalog.=) p.load_id;

-- Functions that have more parameters now are made anew, and get the grants that the old
-- ones had. What a view or a function in SQL has of an old one keeps it from being
-- dropped: the update then fails and says which.

CREATE FUNCTION load_json_file(
    path text,
    "table" regclass,
    chunk integer DEFAULT 10000,
    format text DEFAULT 'auto',
    compression text DEFAULT 'auto',
    on_error text DEFAULT 'reject',
    reject_limit bigint DEFAULT NULL,
    if_loaded text DEFAULT 'skip',
    target_column text DEFAULT 'data',
    records_path text DEFAULT NULL,
    validate boolean DEFAULT false,
    if_emptied text DEFAULT 'reload',
    encoding text DEFAULT 'auto',
    on_corrupt text DEFAULT 'stop',
    line_prefix text DEFAULT NULL,
    match_columns text DEFAULT 'auto',
    column_map jsonb DEFAULT NULL,
    keep text[] DEFAULT NULL,
    transform text DEFAULT NULL,
    schema_evolution text DEFAULT 'auto',
    on_value_error text DEFAULT 'auto',
    write_mode text DEFAULT 'append',
    key text[] DEFAULT NULL,
    version_column text DEFAULT NULL)
RETURNS TABLE (
    load_id bigint,
    status text,
    rows_loaded bigint,
    rows_rejected bigint,
    bytes_read bigint,
    elapsed interval,
    rows_inserted bigint,
    rows_updated bigint,
    rows_superseded bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'load_json_file_v3_wrapper';

-- No SET clause and no SECURITY DEFINER: a procedure that commits can have neither.
CREATE PROCEDURE load_json_files(
    pattern text,
    "table" regclass,
    chunk integer DEFAULT 10000,
    workers integer DEFAULT NULL,
    format text DEFAULT 'auto',
    compression text DEFAULT 'auto',
    on_error text DEFAULT 'reject',
    reject_limit bigint DEFAULT NULL,
    if_loaded text DEFAULT 'skip',
    target_column text DEFAULT 'data',
    records_path text DEFAULT NULL,
    on_file_error text DEFAULT 'continue',
    if_emptied text DEFAULT 'reload',
    encoding text DEFAULT 'auto',
    on_corrupt text DEFAULT 'stop',
    line_prefix text DEFAULT NULL,
    match_columns text DEFAULT 'auto',
    column_map jsonb DEFAULT NULL,
    keep text[] DEFAULT NULL,
    transform text DEFAULT NULL,
    schema_evolution text DEFAULT 'auto',
    on_value_error text DEFAULT 'auto',
    write_mode text DEFAULT 'append',
    key text[] DEFAULT NULL,
    version_column text DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'loader_load_files';

-- What the last call of load_json_files in this session came to. The procedure itself
-- has no result: PL/pgSQL would need a variable for each of its parameters.
CREATE FUNCTION loader.read_last_call()
RETURNS TABLE (
    started_at timestamptz,
    finished_at timestamptz,
    files bigint,
    files_loaded bigint,
    files_skipped bigint,
    files_failed bigint,
    rows_loaded bigint,
    rows_rejected bigint,
    bytes_read bigint,
    mb_per_second double precision,
    load_ids bigint[])
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1
AS 'MODULE_PATHNAME', 'last_call_wrapper';

CREATE VIEW loader.last_call AS
SELECT c.started_at, c.finished_at, c.files, c.files_loaded, c.files_skipped, c.files_failed,
       c.rows_loaded, c.rows_rejected, c.bytes_read, c.mb_per_second, c.load_ids
FROM loader.read_last_call() AS c;

CREATE FUNCTION read_json_file(
    path text,
    format text DEFAULT 'auto',
    compression text DEFAULT 'auto',
    on_error text DEFAULT 'reject',
    records_path text DEFAULT NULL,
    max_records bigint DEFAULT NULL,
    encoding text DEFAULT 'auto',
    on_corrupt text DEFAULT 'stop',
    line_prefix text DEFAULT NULL)
RETURNS TABLE (
    file text,
    record_no bigint,
    line bigint,
    byte_offset bigint,
    data jsonb,
    error_type text,
    message text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'read_json_file_v3_wrapper';

CREATE FUNCTION infer_schema(
    pattern text,
    format text DEFAULT 'auto',
    sample_size bigint DEFAULT -1,
    compression text DEFAULT 'auto',
    records_path text DEFAULT NULL,
    encoding text DEFAULT 'auto',
    on_corrupt text DEFAULT 'stop',
    line_prefix text DEFAULT NULL,
    delimiter text DEFAULT 'auto',
    quote text DEFAULT 'auto',
    escape text DEFAULT 'auto',
    new_line text DEFAULT 'auto',
    header "any" DEFAULT 'auto'::pg_catalog.text,
    skip bigint DEFAULT NULL,
    comment text DEFAULT NULL,
    "null" text DEFAULT '',
    strict_mode boolean DEFAULT true,
    decimal_separator text DEFAULT '.',
    thousands text DEFAULT NULL,
    date_format text DEFAULT NULL,
    timestamp_format text DEFAULT NULL)
RETURNS TABLE (
    ordinal integer,
    field text,
    column_name name,
    type text,
    nullable boolean,
    records bigint,
    nulls bigint,
    absent bigint,
    max_length integer,
    reason text,
    counter_example jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'infer_schema_wrapper';

CREATE FUNCTION seed_table(
    name text,
    pattern text,
    key text[] DEFAULT NULL,
    types jsonb DEFAULT NULL,
    infer_types boolean DEFAULT true,
    normalize_names boolean DEFAULT true,
    rescue boolean DEFAULT true,
    lineage boolean DEFAULT false,
    unlogged boolean DEFAULT false,
    if_not_exists boolean DEFAULT false,
    records_path text DEFAULT NULL,
    format text DEFAULT 'auto',
    encoding text DEFAULT 'auto',
    delimiter text DEFAULT 'auto',
    quote text DEFAULT 'auto',
    escape text DEFAULT 'auto',
    new_line text DEFAULT 'auto',
    header "any" DEFAULT 'auto'::pg_catalog.text,
    skip bigint DEFAULT NULL,
    comment text DEFAULT NULL,
    "null" text DEFAULT '',
    strict_mode boolean DEFAULT true,
    decimal_separator text DEFAULT '.',
    thousands text DEFAULT NULL,
    date_format text DEFAULT NULL,
    timestamp_format text DEFAULT NULL)
RETURNS regclass
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'seed_columns_wrapper';

CREATE FUNCTION load_csv_file(
    path text,
    "table" regclass,
    chunk integer DEFAULT 10000,
    delimiter text DEFAULT 'auto',
    quote text DEFAULT 'auto',
    escape text DEFAULT 'auto',
    new_line text DEFAULT 'auto',
    header "any" DEFAULT 'auto'::pg_catalog.text,
    skip bigint DEFAULT NULL,
    comment text DEFAULT NULL,
    "null" text DEFAULT '',
    force_null text[] DEFAULT NULL,
    force_not_null text[] DEFAULT NULL,
    strict_mode boolean DEFAULT true,
    decimal_separator text DEFAULT '.',
    thousands text DEFAULT NULL,
    date_format text DEFAULT NULL,
    timestamp_format text DEFAULT NULL,
    encoding text DEFAULT 'auto',
    compression text DEFAULT 'auto',
    on_corrupt text DEFAULT 'stop',
    on_error text DEFAULT 'reject',
    reject_limit bigint DEFAULT NULL,
    if_loaded text DEFAULT 'skip',
    if_emptied text DEFAULT 'reload',
    target_column text DEFAULT 'data',
    validate boolean DEFAULT false,
    match_columns text DEFAULT 'auto',
    column_map jsonb DEFAULT NULL,
    transform text DEFAULT NULL,
    schema_evolution text DEFAULT 'auto',
    on_value_error text DEFAULT 'auto',
    write_mode text DEFAULT 'append',
    key text[] DEFAULT NULL,
    version_column text DEFAULT NULL)
RETURNS TABLE (
    load_id bigint,
    status text,
    rows_loaded bigint,
    rows_rejected bigint,
    bytes_read bigint,
    elapsed interval,
    rows_inserted bigint,
    rows_updated bigint,
    rows_superseded bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'load_csv_file_wrapper';

-- As load_json_files: no SET clause and no SECURITY DEFINER.
CREATE PROCEDURE load_csv_files(
    pattern text,
    "table" regclass,
    chunk integer DEFAULT 10000,
    workers integer DEFAULT NULL,
    delimiter text DEFAULT 'auto',
    quote text DEFAULT 'auto',
    escape text DEFAULT 'auto',
    new_line text DEFAULT 'auto',
    header "any" DEFAULT 'auto'::pg_catalog.text,
    skip bigint DEFAULT NULL,
    comment text DEFAULT NULL,
    "null" text DEFAULT '',
    force_null text[] DEFAULT NULL,
    force_not_null text[] DEFAULT NULL,
    strict_mode boolean DEFAULT true,
    decimal_separator text DEFAULT '.',
    thousands text DEFAULT NULL,
    date_format text DEFAULT NULL,
    timestamp_format text DEFAULT NULL,
    encoding text DEFAULT 'auto',
    compression text DEFAULT 'auto',
    on_corrupt text DEFAULT 'stop',
    on_error text DEFAULT 'reject',
    reject_limit bigint DEFAULT NULL,
    if_loaded text DEFAULT 'skip',
    if_emptied text DEFAULT 'reload',
    target_column text DEFAULT 'data',
    on_file_error text DEFAULT 'continue',
    match_columns text DEFAULT 'auto',
    column_map jsonb DEFAULT NULL,
    transform text DEFAULT NULL,
    schema_evolution text DEFAULT 'auto',
    on_value_error text DEFAULT 'auto',
    write_mode text DEFAULT 'append',
    key text[] DEFAULT NULL,
    version_column text DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'loader_load_csv_files';

CREATE FUNCTION read_csv_file(
    path text,
    delimiter text DEFAULT 'auto',
    quote text DEFAULT 'auto',
    escape text DEFAULT 'auto',
    new_line text DEFAULT 'auto',
    header "any" DEFAULT 'auto'::pg_catalog.text,
    skip bigint DEFAULT NULL,
    comment text DEFAULT NULL,
    "null" text DEFAULT '',
    force_null text[] DEFAULT NULL,
    force_not_null text[] DEFAULT NULL,
    strict_mode boolean DEFAULT true,
    encoding text DEFAULT 'auto',
    compression text DEFAULT 'auto',
    on_corrupt text DEFAULT 'stop',
    on_error text DEFAULT 'reject',
    max_records bigint DEFAULT NULL)
RETURNS TABLE (
    file text,
    record_no bigint,
    line bigint,
    byte_offset bigint,
    data jsonb,
    error_type text,
    message text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'read_csv_file_wrapper';

CREATE FUNCTION sniff_csv(
    path text,
    sample_size integer DEFAULT 524288,
    delimiter text DEFAULT 'auto',
    quote text DEFAULT 'auto',
    escape text DEFAULT 'auto',
    new_line text DEFAULT 'auto',
    header "any" DEFAULT 'auto'::pg_catalog.text,
    skip bigint DEFAULT NULL,
    comment text DEFAULT NULL,
    encoding text DEFAULT 'auto',
    compression text DEFAULT 'auto')
RETURNS TABLE (
    encoding text,
    compression text,
    delimiter text,
    quote text,
    escape text,
    new_line text,
    skip bigint,
    header bigint,
    columns jsonb,
    confidence double precision,
    alternatives jsonb,
    call text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'sniff_csv_wrapper';

CREATE FUNCTION undo_load(load_id bigint, force boolean DEFAULT false)
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'undo_load_v3_wrapper';

CREATE FUNCTION mend_rejects(load_id bigint, error_type text, expression text)
RETURNS TABLE (
    rejects_mended bigint,
    rejects_still_bad bigint,
    rejects_unchanged bigint,
    rejects_truncated bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'mend_rejects_wrapper';

-- merge_sql writes the statement that brings a table up to date with what loads have added to another one.
-- It only writes it: what is done is in the statement, for the user to read, to keep and to change.

-- A relation's name, quoted, with its schema, whatever the search_path is.
CREATE FUNCTION loader.merge_name(relation regclass)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $merge_name$
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = $1
$merge_name$;

-- Fails unless rows can be merged from the one relation into the other.
CREATE FUNCTION loader.merge_check(source regclass, target regclass)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $merge_check$
DECLARE
    source_kind "char" := (SELECT c.relkind FROM pg_class AS c WHERE c.oid = source);
    target_kind "char" := (SELECT c.relkind FROM pg_class AS c WHERE c.oid = target);
    relation regclass;
    column_name text;
BEGIN
    IF source IS NULL OR target IS NULL THEN
        RAISE 'argument "%" must not be null', CASE WHEN source IS NULL THEN 'source' ELSE 'target' END
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF source_kind IS NULL OR target_kind IS NULL THEN
        RAISE 'relation with OID % does not exist', CASE WHEN source_kind IS NULL THEN source ELSE target END::oid
            USING ERRCODE = 'undefined_table';
    END IF;
    IF source_kind <> ALL ('{r,p,v,m,f}') THEN
        RAISE 'cannot merge from relation "%"', source
            USING ERRCODE = 'wrong_object_type', DETAIL = 'It is neither a table nor a view.';
    END IF;
    IF target_kind <> ALL ('{r,p}') THEN
        RAISE 'cannot merge into relation "%"', target
            USING ERRCODE = 'wrong_object_type',
                  DETAIL = 'Only a table of this database can have the unique index that a merge needs.';
    END IF;
    IF source = target THEN
        RAISE 'cannot merge relation "%" into itself', source USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- Both sides say which load brought a row, and where in its file it was: this decides where versions do not.
    FOREACH relation IN ARRAY ARRAY[source, target] LOOP
        FOREACH column_name IN ARRAY '{_load_id,_byte_offset}'::text[] LOOP
            IF NOT EXISTS (SELECT FROM pg_attribute AS a
                           WHERE a.attrelid = relation AND a.attname = column_name AND NOT a.attisdropped
                             AND a.atttypid = 'bigint'::regtype
                             AND (relation = source OR a.attgenerated = '' AND a.attidentity = ''))
            THEN
                RAISE 'relation "%" has no column "%" of type bigint', relation, column_name
                    USING ERRCODE = 'undefined_column',
                          DETAIL = 'A merge reads the columns "_load_id" and "_byte_offset" of both relations, and writes those of the target.',
                          HINT = CASE WHEN relation = target OR source_kind IN ('r', 'p')
                                 THEN format('ALTER TABLE %s ADD COLUMN %I bigint;', relation, column_name)
                                 ELSE 'Let the view return the columns of the table that it reads.' END;
            END IF;
        END LOOP;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_attribute AS s JOIN pg_attribute AS t USING (attname)
                   WHERE s.attrelid = source AND t.attrelid = target AND s.attnum > 0 AND t.attnum > 0
                     AND NOT s.attisdropped AND NOT t.attisdropped
                     AND attname NOT IN ('_load_id', '_byte_offset', '_key'))
    THEN
        RAISE 'relations "%" and "%" have no column in common', source, target
            USING ERRCODE = 'undefined_column',
                  HINT = 'Make a view over the source that has the columns of the target, with "_load_id" and "_byte_offset", and merge from that.';
    END IF;
END
$merge_check$;

-- The columns by which rows are found: those that are asked for, or the primary key. Fails unless a merge by these
-- columns, and by this version, leads to one outcome, whichever loads are merged first.
CREATE FUNCTION loader.merge_key(source regclass, target regclass, key text[], version_column text)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $merge_key$
DECLARE
    column_name text;
    source_column pg_attribute;
    target_column pg_attribute;
BEGIN
    IF key IS NULL THEN
        SELECT array_agg(a.attname::text ORDER BY array_position(i.indkey::smallint[], a.attnum)) INTO key
        FROM pg_index AS i
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
        WHERE i.indrelid = target AND i.indisprimary;
        IF key IS NULL THEN
            RAISE 'table "%" has no primary key', target
                USING ERRCODE = 'invalid_column_reference',
                      HINT = 'Add one, or name the columns of a unique index with the argument "key".';
        END IF;
    END IF;
    IF cardinality(key) = 0 OR array_position(key, NULL) IS NOT NULL
       OR cardinality(key) <> (SELECT count(DISTINCT k) FROM unnest(key) AS k)
    THEN
        RAISE 'invalid value for argument "key"'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name each column of the key once.';
    END IF;
    FOREACH column_name IN ARRAY key || coalesce(ARRAY[version_column], '{}') LOOP
        CONTINUE WHEN column_name IS NULL;
        SELECT a.* INTO target_column FROM pg_attribute AS a
        WHERE a.attrelid = target AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped;
        IF NOT FOUND THEN
            RAISE 'column "%" of relation "%" does not exist', column_name, target USING ERRCODE = 'undefined_column';
        END IF;
        SELECT a.* INTO source_column FROM pg_attribute AS a
        WHERE a.attrelid = source AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped;
        IF NOT FOUND THEN
            RAISE 'column "%" of relation "%" does not exist', column_name, source
                USING ERRCODE = 'undefined_column',
                      HINT = 'A view over the source can give a column the name that it has in the target.';
        END IF;
        IF target_column.attgenerated <> '' THEN
            RAISE 'column "%" of relation "%" is a generated column', column_name, target
                USING ERRCODE = 'generated_always',
                      DETAIL = 'The key and the version have to be as they are in the source.';
        END IF;
        -- An INSERT may give such a column a value, but an UPDATE may not: it does for the key alone.
        IF target_column.attidentity = 'a' AND column_name <> ALL (key) THEN
            RAISE 'column "%" of relation "%" is an identity column defined as GENERATED ALWAYS', column_name, target
                USING ERRCODE = 'generated_always',
                      DETAIL = 'The target would number its rows itself, and not keep the version that they have in the source.',
                      HINT = format('ALTER TABLE %s ALTER COLUMN %I SET GENERATED BY DEFAULT;', target, column_name);
        END IF;
        -- Rows that differ in the source must not become one in the target, nor change their order.
        IF source_column.atttypid <> target_column.atttypid
           OR source_column.attcollation <> target_column.attcollation
           OR target_column.atttypmod NOT IN (-1, source_column.atttypmod)
        THEN
            RAISE 'column "%" is not of the same type in the two relations', column_name
                USING ERRCODE = 'datatype_mismatch',
                      DETAIL = format('It is %s in "%s" and %s in "%s"; the key and the version need one type and one collation.',
                                      format_type(source_column.atttypid, source_column.atttypmod), source,
                                      format_type(target_column.atttypid, target_column.atttypmod), target),
                      HINT = 'Make a view over the source that casts it, and merge from that.';
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_index AS i
                   WHERE i.indrelid = target AND i.indisunique AND i.indimmediate AND i.indisvalid
                     AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = cardinality(key)
                     AND NOT EXISTS (SELECT FROM pg_attribute AS a
                                     WHERE a.attrelid = target AND a.attname <> ALL (key)
                                       AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])))
    THEN
        RAISE 'table "%" has no unique index on the columns of the key that a merge can use', target
            USING ERRCODE = 'invalid_column_reference',
                  DETAIL = 'It must have these columns alone, and be neither partial nor deferrable.',
                  HINT = format('CREATE UNIQUE INDEX ON %s (%s);', target,
                                (SELECT string_agg(quote_ident(k), ', ' ORDER BY n) FROM unnest(key) WITH ORDINALITY AS u (k, n)));
    END IF;
    RETURN key;
END
$merge_key$;

CREATE FUNCTION merge_sql(
    source regclass,
    target regclass,
    key text[] DEFAULT NULL,
    version_column text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $merge_sql$
DECLARE
    columns text[];
    not_taken text;
    left_alone text;
    key_source text;
    key_is_there text;
    overriding text;
    insertion text;
    lineage_is_older text;
    is_older text;
BEGIN
    PERFORM loader.merge_check(source, target);
    key := loader.merge_key(source, target, key, version_column);

    -- What both have is taken, but for what the target computes by itself.
    SELECT array_agg(t.attname::text ORDER BY t.attnum) INTO columns
    FROM pg_attribute AS t JOIN pg_attribute AS s USING (attname)
    WHERE t.attrelid = target AND t.attnum > 0 AND NOT t.attisdropped
      AND s.attrelid = source AND s.attnum > 0 AND NOT s.attisdropped
      AND t.attgenerated = '' AND (t.attidentity <> 'a' OR attname = ANY (key));
    -- A name may have a line break, which would end the comment.
    SELECT string_agg(translate(quote_ident(s.attname), E'\n\r', '  '), ', ' ORDER BY s.attnum) INTO not_taken
    FROM pg_attribute AS s
    WHERE s.attrelid = source AND s.attnum > 0 AND NOT s.attisdropped AND s.attname <> ALL (columns);
    SELECT string_agg(translate(quote_ident(t.attname), E'\n\r', '  '), ', ' ORDER BY t.attnum) INTO left_alone
    FROM pg_attribute AS t
    WHERE t.attrelid = target AND t.attnum > 0 AND NOT t.attisdropped AND t.attname <> ALL (columns);

    -- Rows without a key stay where they are: they would be inserted again and again.
    SELECT string_agg(format('source.%I', k), ', ' ORDER BY n),
           string_agg(format(E'\n  AND source.%I IS NOT NULL', k), '' ORDER BY n) FILTER (WHERE NOT s.attnotnull),
           CASE WHEN bool_or(t.attidentity = 'a') THEN E'\nOVERRIDING SYSTEM VALUE' END
    INTO key_source, key_is_there, overriding
    FROM unnest(key) WITH ORDINALITY AS u (k, n)
    JOIN pg_attribute AS s ON s.attrelid = source AND s.attname = k
    JOIN pg_attribute AS t ON t.attrelid = target AND t.attname = k;
    SELECT concat(format(E'INSERT INTO %s AS target (\n    %s)%s\n', loader.merge_name(target),
                         string_agg(quote_ident(c), E',\n    ' ORDER BY n), overriding),
                  format(E'SELECT DISTINCT ON (%s)\n    %s\n', key_source,
                         string_agg(format('source.%I', c), E',\n    ' ORDER BY n)),
                  format(E'FROM %s AS source\nWHERE source._load_id = ANY ($1::bigint[])%s\n',
                         loader.merge_name(source), key_is_there),
                  format(E'ORDER BY %s,\n    ', key_source),
                  'source.' || quote_ident(version_column) || ' DESC NULLS LAST, ',
                  E'source._load_id DESC, source._byte_offset DESC NULLS LAST\n',
                  format('ON CONFLICT (%s) DO ', (SELECT string_agg(quote_ident(k), ', ' ORDER BY m)
                                                  FROM unnest(key) WITH ORDINALITY AS o (k, m))))
    INTO insertion
    FROM unnest(columns) WITH ORDINALITY AS u (c, n);

    -- The server says here if the values of a column do not fit; nothing is executed.
    EXECUTE 'PREPARE "loader.merge_sql" AS ' || insertion || 'NOTHING';
    DEALLOCATE "loader.merge_sql";

    -- A row of the target that no load has brought is older than any that a load brings, and a row without a
    -- version is older than any that has one.
    lineage_is_older := E'(coalesce(target._load_id, 0), coalesce(target._byte_offset, -1))\n'
                     || E'    < (excluded._load_id, coalesce(excluded._byte_offset, -1))';
    is_older := CASE WHEN version_column IS NULL THEN lineage_is_older
                ELSE format(E'target.%1$I < excluded.%1$I\n'
                            '   OR target.%1$I IS NULL AND excluded.%1$I IS NOT NULL\n'
                            '   OR target.%1$I IS NOT DISTINCT FROM excluded.%1$I\n'
                            '      AND %2$s', version_column, replace(lineage_is_older, E'\n', E'\n    ')) END;
    RETURN (
        SELECT concat_ws(E'\n',
                   format('-- Brings %s up to date with what the loads $1 brought to %s: the newest row of each key.',
                          translate(loader.merge_name(target), E'\n\r', '  '),
                          translate(loader.merge_name(source), E'\n\r', '  ')),
                   '-- Not taken: ' || not_taken,
                   '-- Left alone: ' || left_alone,
                   concat(insertion, E'UPDATE SET\n    ', string_agg(format('%1$I = excluded.%1$I', c), E',\n    ' ORDER BY n)),
                   'WHERE ' || is_older)
        FROM unnest(columns) WITH ORDINALITY AS u (c, n)
        WHERE c <> ALL (key));
END
$merge_sql$;

-- swap_table puts a table that was calculated anew in the place of an old one, by exchanging their names.
-- Rows, columns, indexes and constraints are those of the new table; what belongs to the name (privileges,
-- policies, triggers, views, comments ...) is moved to it. What can be neither is an objection.

-- The parts of a table that have names of their own beside rows and columns, each with a definition
-- in which neither its name nor that of the table stands. "number" tells equal ones apart.
CREATE FUNCTION loader.swap_parts("table" regclass)
RETURNS TABLE (kind text, schema text, name text, definition text, number bigint, comment text, constraint_comment text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $swap_parts$
    SELECT p.kind, p.schema::text, p.name, p.definition, row_number() OVER (PARTITION BY p.kind, p.definition ORDER BY p.name),
           p.comment, p.constraint_comment
    FROM (
        -- An index that a constraint has is renamed with it.
        SELECT 'INDEX', c.relnamespace::regnamespace, c.relname,
               concat_ws(' ', CASE WHEN i.indisunique THEN 'UNIQUE' END, pg_get_constraintdef(o.oid), i.indisvalid::text,
                         substr(pg_get_indexdef(i.indexrelid),
                                length(format('CREATE %sINDEX %I ON ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, c.relname))
                                + length($1::text) + 1),
                         (SELECT string_agg(nullif(a.attstattarget, -1)::text, ' ' ORDER BY a.attnum)
                          FROM pg_attribute AS a WHERE a.attrelid = i.indexrelid)),
               obj_description(i.indexrelid, 'pg_class'), obj_description(o.oid, 'pg_constraint')
        FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indexrelid
        LEFT JOIN pg_constraint AS o ON o.conindid = i.indexrelid AND o.conrelid = $1 AND o.contype IN ('p', 'u', 'x')
        WHERE i.indrelid = $1
        UNION ALL
        SELECT 'CONSTRAINT', NULL, o.conname,
               CASE WHEN o.confrelid = $1
                    THEN replace(pg_get_constraintdef(o.oid), format(' REFERENCES %s(', $1), ' REFERENCES itself(')
                    ELSE pg_get_constraintdef(o.oid) END,
               obj_description(o.oid, 'pg_constraint'), NULL
        FROM pg_constraint AS o
        WHERE o.conrelid = $1 AND o.contype NOT IN ('p', 'u', 'x', 't')
        UNION ALL
        SELECT 'STATISTICS', s.stxnamespace::regnamespace, s.stxname,
               concat_ws(' ', 'in', s.stxnamespace::regnamespace, 'of', s.stxowner::regrole, s.stxkind,
                         (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) FROM pg_attribute AS a
                          WHERE a.attrelid = $1 AND a.attnum = ANY (s.stxkeys::smallint[])),
                         pg_get_statisticsobjdef_expressions(s.oid), nullif(s.stxstattarget, -1)),
               obj_description(s.oid, 'pg_statistic_ext'), NULL
        FROM pg_statistic_ext AS s
        WHERE s.stxrelid = $1
        UNION ALL
        SELECT 'SEQUENCE', c.relnamespace::regnamespace, c.relname,
               concat_ws(' ', 'of', quote_ident(a.attname), s.seqstart, s.seqincrement,
                         s.seqmin, s.seqmax, s.seqcache, s.seqcycle, c.relacl),
               obj_description(c.oid, 'pg_class'), NULL
        FROM pg_depend AS d
        JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'S'
        JOIN pg_sequence AS s ON s.seqrelid = c.oid
        JOIN pg_attribute AS a ON a.attrelid = $1 AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
          AND d.deptype = 'i'
    ) AS p (kind, schema, name, definition, comment, constraint_comment)
$swap_parts$;

-- The parts of two tables that stand for each other.
CREATE FUNCTION loader.swap_twins(current regclass, next regclass)
RETURNS TABLE (kind text, schema text, current_name text, next_name text, definition text,
    current_comment text, next_comment text, current_constraint_comment text, next_constraint_comment text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $swap_twins$
    SELECT kind, c.schema, c.name, n.name, definition, c.comment, n.comment, c.constraint_comment, n.constraint_comment
    FROM loader.swap_parts($1) AS c
    LEFT JOIN loader.swap_parts($2) AS n USING (kind, definition, number)
$swap_twins$;

-- A table's columns, as far as they have to be the same in both.
CREATE FUNCTION loader.swap_columns("table" regclass)
RETURNS TABLE (ordinal bigint, definition text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $swap_columns$
    SELECT row_number() OVER (ORDER BY a.attnum),
           concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                     'COLLATE ' || nullif(a.attcollation, t.typcollation)::regcollation,
                     CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                     CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
                     CASE a.attgenerated WHEN '' THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
                          ELSE format('GENERATED ALWAYS AS (%s) %s', pg_get_expr(d.adbin, d.adrelid), a.attgenerated) END,
                     'STORAGE ' || nullif(a.attstorage, t.typstorage)::text, 'COMPRESSION ' || nullif(a.attcompression, '')::text,
                     'STATISTICS ' || nullif(a.attstattarget, -1),
                     -- PostgreSQL 15.20 has an option of its own there, which is another one for each table.
                     nullif(ARRAY(SELECT o FROM unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg\_attver=%' ORDER BY o), '{}'))
    FROM pg_attribute AS a
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
$swap_columns$;

-- The views that read one of two tables themselves.
CREATE FUNCTION loader.swap_views(current regclass, next regclass)
RETURNS TABLE (view oid, name text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $swap_views$
    SELECT DISTINCT v.oid, format('%I.%I', n.nspname, v.relname)
    FROM pg_depend AS d
    JOIN pg_rewrite AS r ON r.oid = d.objid AND r.ev_type = '1'
    JOIN pg_class AS v ON v.oid = r.ev_class AND v.relkind = 'v'
    JOIN pg_namespace AS n ON n.oid = v.relnamespace
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid IN ($1, $2)
$swap_views$;

-- Why two tables cannot be swapped. What depends on one of them, or belongs to one, and is neither moved by
-- loader.swap_statements nor the same in both, is here: so nothing is lost, of whatever kind it is.
CREATE FUNCTION loader.swap_objections(current regclass, next regclass)
RETURNS TABLE (objection text, hint text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $swap_objections$
    WITH sides AS (
        SELECT c.oid, c.oid::regclass::text AS name, c.reltype, t.typarray, c.relowner, c.relacl
        FROM pg_class AS c JOIN pg_type AS t ON t.oid = c.reltype
        WHERE c.oid IN ($1, $2)
    ),
    -- What depends on a table, on the type of its rows, or on the sequence of an identity column.
    referenced AS (
        SELECT s.oid AS "table", s.name, r.classid, r.objid
        FROM sides AS s,
             LATERAL (VALUES ('pg_class'::regclass, s.oid), ('pg_type'::regclass, s.reltype), ('pg_type'::regclass, s.typarray)) AS r (classid, objid)
        UNION ALL
        SELECT s.oid, s.name, d.classid, d.objid
        FROM sides AS s
        JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
             AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
    ),
    dependents AS (
        SELECT r."table", r.name, d.classid, d.objid, d.objsubid, d.refclassid, d.deptype
        FROM referenced AS r
        JOIN pg_depend AS d ON d.refclassid = r.classid AND d.refobjid = r.objid
    )
    SELECT format('they differ in %s', p.what), p.hint
    FROM pg_class AS c, pg_class AS n,
         LATERAL (VALUES ('their schema', c.relnamespace <> n.relnamespace, NULL),
                         ('their owner', c.relowner <> n.relowner, format('ALTER TABLE %s OWNER TO %s;', $2, c.relowner::regrole)),
                         ('their persistence (LOGGED, UNLOGGED)', c.relpersistence <> n.relpersistence,
                          'ALTER TABLE ... SET LOGGED or SET UNLOGGED makes them the same.'),
                         ('the type that they are tables of', c.reloftype <> n.reloftype, NULL)) AS p (what, differs, hint)
    WHERE c.oid = $1 AND n.oid = $2 AND p.differs
    UNION ALL
    SELECT format('column %s is "%s" in "%s" and "%s" in "%s"', ordinal,
                  coalesce(c.definition, 'missing'), $1, coalesce(n.definition, 'missing'), $2),
           format('CREATE TABLE ... (LIKE %s INCLUDING ALL) makes a table with the same columns and indexes.', $1)
    FROM loader.swap_columns($1) AS c FULL JOIN loader.swap_columns($2) AS n USING (ordinal)
    WHERE c.definition IS DISTINCT FROM n.definition
    UNION ALL
    SELECT format('table "%s" has nothing like %s "%s" (%s)', $2, lower(kind), current_name, definition),
           format('CREATE TABLE ... (LIKE %s INCLUDING ALL) makes a table with the same columns and indexes; add foreign keys by ALTER TABLE.', $1)
    FROM loader.swap_twins($1, $2)
    WHERE next_name IS NULL
    UNION ALL
    SELECT format('table "%s" is a partition, or inherits, or is inherited from', s.name), NULL
    FROM sides AS s
    WHERE EXISTS (SELECT FROM pg_inherits AS i WHERE s.oid IN (i.inhrelid, i.inhparent))
    UNION ALL
    SELECT format('table "%s" is temporary', s.name), NULL
    FROM sides AS s JOIN pg_class AS c ON c.oid = s.oid AND c.relpersistence = 't'
    UNION ALL
    SELECT format('table "%s" belongs to an extension', s.name), NULL
    FROM sides AS s
    JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype = 'e'
    UNION ALL
    SELECT format('pipeline "%s" loads into table "%s", whatever its name is', p.name, s.name),
           'Have the pipeline load into a table of its own, and calculate from that what is swapped: see alter_pipeline.'
    FROM sides AS s JOIN loader.pipeline_targets AS p ON p.target_oid = s.oid
    UNION ALL
    SELECT format('table "%s" has a security label', s.name), NULL
    FROM sides AS s
    WHERE EXISTS (SELECT FROM pg_seclabel AS l WHERE l.classoid = 'pg_class'::regclass AND l.objoid = s.oid)
    UNION ALL
    SELECT format('table "%s" is in publication "%s"', s.name, p.pubname),
           'What is swapped does not reach subscribers. Publish the rows of another table, or replace them by DELETE and INSERT.'
    FROM sides AS s
    JOIN pg_class AS c ON c.oid = s.oid
    JOIN pg_publication AS p ON p.puballtables
         OR EXISTS (SELECT FROM pg_publication_rel AS r WHERE r.prpubid = p.oid AND r.prrelid = s.oid)
         OR EXISTS (SELECT FROM pg_publication_namespace AS m WHERE m.pnpubid = p.oid AND m.pnnspid = c.relnamespace)
    WHERE c.relpersistence = 'p'
    UNION ALL
    SELECT format('table "%s" is filled by a subscription', s.name), NULL
    FROM sides AS s
    WHERE EXISTS (SELECT FROM pg_subscription_rel AS r WHERE r.srrelid = s.oid)
    UNION ALL
    SELECT DISTINCT format('role "%s" has granted privileges on table "%s", which only that role can grant again',
                           pg_get_userbyid(g.grantor), s.name),
           'Let the owner of the table grant them.'
    FROM sides AS s,
         LATERAL (SELECT s.relacl AS acl UNION ALL
                  SELECT a.attacl FROM pg_attribute AS a WHERE a.attrelid = s.oid AND NOT a.attisdropped) AS l,
         LATERAL aclexplode(l.acl) AS g
    WHERE g.grantor <> s.relowner
    UNION ALL
    SELECT format('%s is disabled, or enabled for replicas', pg_describe_object('pg_trigger'::regclass, t.oid, 0)),
           'ALTER TABLE ... ENABLE TRIGGER ALL enables the triggers of foreign keys, too.'
    FROM sides AS s
    JOIN pg_trigger AS t ON t.tgrelid = s.oid AND t.tgisinternal AND t.tgenabled <> 'O'
    UNION ALL
    SELECT format('%s depends on an extension', pg_describe_object('pg_trigger'::regclass, t.oid, 0)), NULL
    FROM sides AS s
    JOIN pg_trigger AS t ON t.tgrelid = s.oid
    JOIN pg_depend AS d ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'x'
    UNION ALL
    SELECT format('%s has another owner, and has to be replaced', pg_describe_object('pg_class'::regclass, v.oid, 0)),
           'The role that swaps has to have the rights of the owners of both tables and of the views that read them.'
    FROM loader.swap_views($1, $2) AS r JOIN pg_class AS v ON v.oid = r.view
    WHERE NOT pg_is_other_temp_schema(v.relnamespace) AND NOT pg_has_role(v.relowner, 'USAGE')
    UNION ALL
    SELECT format('%s is a temporary view of another session', pg_describe_object('pg_class'::regclass, v.oid, 0)),
           'It goes when that session ends.'
    FROM loader.swap_views($1, $2) AS r JOIN pg_class AS v ON v.oid = r.view
    WHERE pg_is_other_temp_schema(v.relnamespace)
    UNION ALL
    SELECT DISTINCT format('%s depends on table "%s"', pg_describe_object(d.classid, d.objid, d.objsubid), d.name),
           CASE d.classid
               WHEN 'pg_rewrite'::regclass THEN 'A materialized view can read a view over the table instead: views are kept.'
               WHEN 'pg_constraint'::regclass THEN 'A foreign key can be dropped before, and added again after.'
               WHEN 'pg_proc'::regclass THEN 'A function whose body is a string looks the table up by its name.'
           END
    FROM dependents AS d
    WHERE NOT CASE d.classid
        -- Indexes, the table for long values, and sequences.
        WHEN 'pg_class'::regclass THEN
            d.deptype IN ('a', 'i')
            AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = d.objid AND c.relkind IN ('i', 't', 'S'))
        WHEN 'pg_type'::regclass THEN d.deptype = 'i'
        WHEN 'pg_attrdef'::regclass THEN
            EXISTS (SELECT FROM pg_attrdef AS a WHERE a.oid = d.objid AND a.adrelid = d."table")
        WHEN 'pg_constraint'::regclass THEN
            EXISTS (SELECT FROM pg_constraint AS c WHERE c.oid = d.objid AND c.conrelid = d."table")
        WHEN 'pg_trigger'::regclass THEN
            EXISTS (SELECT FROM pg_trigger AS t WHERE t.oid = d.objid AND t.tgrelid = d."table")
        WHEN 'pg_policy'::regclass THEN
            EXISTS (SELECT FROM pg_policy AS p WHERE p.oid = d.objid AND p.polrelid = d."table")
        WHEN 'pg_statistic_ext'::regclass THEN true
        -- Publications have been named above.
        WHEN 'pg_publication_rel'::regclass THEN true
        WHEN 'pg_rewrite'::regclass THEN
            d.refclassid = 'pg_class'::regclass
            AND EXISTS (SELECT FROM pg_rewrite AS r JOIN pg_class AS v ON v.oid = r.ev_class
                        WHERE r.oid = d.objid AND r.ev_type = '1' AND v.relkind = 'v')
        ELSE false
    END
$swap_objections$;

-- Fails if there is an objection.
CREATE FUNCTION loader.swap_check(current regclass, next regclass)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $swap_check$
DECLARE
    objections text;
    hints text;
BEGIN
    SELECT string_agg(DISTINCT o.objection, E'\n'), string_agg(DISTINCT o.hint, E'\n') INTO objections, hints
    FROM loader.swap_objections(current, next) AS o;
    IF objections IS NOT NULL THEN
        RAISE 'cannot swap tables "%" and "%"', current, next
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = objections,
                  HINT = coalesce(hints, 'Remove what stands in the way.');
    END IF;
END
$swap_check$;

-- Storage parameters as they are written between parentheses.
CREATE FUNCTION loader.swap_settings(options text[], prefix text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $swap_settings$
    SELECT string_agg(format('%s%I = %L', $2, split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ' ORDER BY n)
    FROM unnest($1) WITH ORDINALITY AS u (o, n)
$swap_settings$;

-- The statements that give to whichever table is called so what this table has now, and what another one has that
-- is to take its name is taken away.
CREATE FUNCTION loader.swap_belongings("table" regclass, other regclass)
RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $swap_belongings$
DECLARE
    mine pg_class;
    theirs pg_class;
    long_values record;
    its_name text;
BEGIN
    SELECT c.* INTO STRICT mine FROM pg_class AS c WHERE c.oid = "table";
    SELECT c.* INTO STRICT theirs FROM pg_class AS c WHERE c.oid = other;
    its_name := format('%s.%I', mine.relnamespace::regnamespace, mine.relname);

    -- Row level security, and triggers.
    RETURN QUERY
        SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname, its_name,
                      CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                      CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                      (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(p.polroles) AS r),
                      ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                      ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
        FROM pg_policy AS p WHERE p.polrelid = "table" ORDER BY p.polname;
    RETURN QUERY
        SELECT format('COMMENT ON POLICY %I ON %s IS %L', p.polname, its_name, obj_description(p.oid, 'pg_policy'))
        FROM pg_policy AS p
        WHERE p.polrelid = "table" AND obj_description(p.oid, 'pg_policy') IS NOT NULL ORDER BY p.polname;
    IF mine.relrowsecurity <> theirs.relrowsecurity THEN
        RETURN NEXT format('ALTER TABLE %s %s ROW LEVEL SECURITY', its_name, CASE WHEN mine.relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END);
    END IF;
    IF mine.relforcerowsecurity <> theirs.relforcerowsecurity THEN
        RETURN NEXT format('ALTER TABLE %s %s ROW LEVEL SECURITY', its_name, CASE WHEN mine.relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END);
    END IF;
    RETURN QUERY
        SELECT s.statement
        FROM pg_trigger AS t,
             LATERAL (VALUES
                (1, pg_get_triggerdef(t.oid)),
                (2, CASE t.tgenabled WHEN 'D' THEN format('ALTER TABLE %s DISABLE TRIGGER %I', its_name, t.tgname)
                                     WHEN 'R' THEN format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', its_name, t.tgname)
                                     WHEN 'A' THEN format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', its_name, t.tgname) END),
                (3, format('COMMENT ON TRIGGER %I ON %s IS ', t.tgname, its_name) || quote_literal(obj_description(t.oid, 'pg_trigger'))))
                AS s (step, statement)
        WHERE t.tgrelid = "table" AND NOT t.tgisinternal AND s.statement IS NOT NULL
        ORDER BY t.tgname, s.step;

    -- Privileges: whoever has some on either table loses them, and is given those of the name.
    IF mine.relacl IS DISTINCT FROM theirs.relacl
       OR EXISTS (SELECT FROM pg_attribute AS a
                  WHERE a.attrelid IN ("table", other) AND NOT a.attisdropped AND a.attacl IS NOT NULL)
    THEN
        RETURN QUERY
            SELECT DISTINCT format('REVOKE ALL ON TABLE %s FROM %s', its_name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
            FROM (SELECT coalesce(theirs.relacl, acldefault('r', theirs.relowner)) AS acl UNION ALL
                  SELECT c.attacl FROM pg_attribute AS c WHERE c.attrelid = other AND NOT c.attisdropped) AS l,
                 LATERAL aclexplode(l.acl) AS a
            ORDER BY 1;
        RETURN QUERY
            SELECT format('GRANT %s ON TABLE %s TO %s%s', string_agg(a.privilege_type || coalesce(' (' || quote_ident(l.name) || ')', ''), ', '),
                          its_name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
                          CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END)
            FROM (SELECT NULL::name AS name, coalesce(mine.relacl, acldefault('r', mine.relowner)) AS acl UNION ALL
                  SELECT c.attname, c.attacl FROM pg_attribute AS c WHERE c.attrelid = "table" AND NOT c.attisdropped) AS l,
                 LATERAL aclexplode(l.acl) AS a
            GROUP BY a.grantee, a.is_grantable ORDER BY a.grantee, a.is_grantable;
    END IF;

    -- Comments.
    RETURN QUERY
        SELECT format('COMMENT ON %s IS %L', c.what, c.mine)
        FROM (SELECT format('TABLE %s', its_name), obj_description("table", 'pg_class'), obj_description(other, 'pg_class')
              UNION ALL
              SELECT format('COLUMN %s.%I', its_name, m.attname), col_description("table", m.attnum), col_description(other, t.attnum)
              FROM pg_attribute AS m JOIN pg_attribute AS t ON t.attrelid = other AND t.attname = m.attname
              WHERE m.attrelid = "table" AND m.attnum > 0 AND NOT m.attisdropped
              UNION ALL
              SELECT c.* FROM loader.swap_twins("table", other) AS p,
                  LATERAL (VALUES
                      (CASE p.kind WHEN 'CONSTRAINT' THEN format('CONSTRAINT %I ON %s', p.current_name, its_name)
                                   ELSE format('%s %s.%I', p.kind, p.schema, p.current_name) END,
                       p.current_comment, p.next_comment),
                      (format('CONSTRAINT %I ON %s', p.current_name, its_name),
                       p.current_constraint_comment, p.next_constraint_comment)) AS c
              WHERE p.next_name IS NOT NULL) AS c (what, mine, theirs)
        WHERE c.mine IS DISTINCT FROM c.theirs;

    -- Sequences that belong to a column, but for those of identity columns, which stay with their table.
    RETURN QUERY
        SELECT format('ALTER SEQUENCE %s OWNED BY %s.%I', d.objid::regclass, its_name, a.attname)
        FROM pg_depend AS d
        JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = "table" AND d.deptype = 'a'
        ORDER BY d.objid;

    -- How the table is stored, and what its changes are known by.
    SELECT m.reloptions AS mine, t.reloptions AS theirs INTO long_values
    FROM (VALUES (1)) AS one LEFT JOIN pg_class AS m ON m.oid = mine.reltoastrelid LEFT JOIN pg_class AS t ON t.oid = theirs.reltoastrelid;
    RETURN QUERY
        SELECT format('ALTER TABLE %s RESET (%s)', its_name, string_agg(s.prefix || quote_ident(split_part(o, '=', 1)), ', '))
        FROM (VALUES ('', mine.reloptions, theirs.reloptions), ('toast.', long_values.mine, long_values.theirs)) AS s (prefix, mine, theirs),
             LATERAL unnest(s.theirs) AS o
        WHERE s.mine IS DISTINCT FROM s.theirs HAVING count(*) > 0;
    RETURN QUERY
        SELECT format('ALTER TABLE %s SET (%s)', its_name, string_agg(loader.swap_settings(s.mine, s.prefix), ', '))
        FROM (VALUES ('', mine.reloptions, theirs.reloptions), ('toast.', long_values.mine, long_values.theirs)) AS s (prefix, mine, theirs)
        WHERE s.mine IS DISTINCT FROM s.theirs AND s.mine IS NOT NULL HAVING count(*) > 0;
    IF mine.relreplident <> theirs.relreplident OR mine.relreplident = 'i' THEN
        RETURN NEXT format('ALTER TABLE %s REPLICA IDENTITY %s', its_name,
            CASE mine.relreplident WHEN 'd' THEN 'DEFAULT' WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL'
                ELSE (SELECT format('USING INDEX %I', c.relname) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
                      WHERE i.indrelid = "table" AND i.indisreplident) END);
    END IF;
    RETURN QUERY
        SELECT format('ALTER TABLE %s CLUSTER ON %I', its_name, c.relname)
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = "table" AND i.indisclustered;
    IF NOT FOUND AND EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = other AND i.indisclustered) THEN
        RETURN NEXT format('ALTER TABLE %s SET WITHOUT CLUSTER', its_name);
    END IF;
END
$swap_belongings$;

-- The statements that swap two tables to which there is no objection, in their order. The last ones say what the
-- table of a name has now, and are executed when the names have been exchanged: so the next table of that name gets it.
CREATE FUNCTION loader.swap_statements(current regclass, next regclass)
RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $swap_statements$
DECLARE
    schema text;
    current_table pg_class;
    next_table pg_class;
BEGIN
    SELECT c.* INTO STRICT current_table FROM pg_class AS c WHERE c.oid = current;
    SELECT c.* INTO STRICT next_table FROM pg_class AS c WHERE c.oid = next;
    schema := current_table.relnamespace::regnamespace;

    -- What cannot be taken along is made anew.
    RETURN QUERY
        SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass) FROM pg_trigger AS t
        WHERE t.tgrelid IN (current, next) AND NOT t.tgisinternal ORDER BY t.tgrelid, t.tgname;
    RETURN QUERY
        SELECT format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass) FROM pg_policy AS p
        WHERE p.polrelid IN (current, next) ORDER BY p.polrelid, p.polname;

    -- Names are exchanged by way of names that nothing has.
    RETURN QUERY
        SELECT CASE t.kind WHEN 'CONSTRAINT' THEN format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', s."table", s.old, s.new)
                           ELSE format('ALTER %s %s.%I RENAME TO %I', t.kind, t.schema, s.old, s.new) END
        FROM (SELECT *, 'loader_swap_' || row_number() OVER (ORDER BY kind, current_name) AS free
              FROM loader.swap_twins(current, next)) AS t,
             LATERAL (VALUES (1, current, t.current_name, t.free || 'c'), (2, next, t.next_name, t.free || 'n'),
                             (3, current, t.free || 'c', t.next_name), (4, next, t.free || 'n', t.current_name))
                 AS s (step, "table", old, new)
        WHERE t.current_name <> t.next_name
        ORDER BY s.step, t.free;
    RETURN NEXT format('ALTER TABLE %s RENAME TO loader_swap_table', current);
    RETURN NEXT format('ALTER TABLE %s RENAME TO %I', next, current_table.relname);
    RETURN NEXT format('ALTER TABLE %s.loader_swap_table RENAME TO %I', schema, next_table.relname);

    RETURN QUERY
        SELECT format('CREATE OR REPLACE VIEW %I.%I%s AS%s', n.nspname, v.relname,
                      ' WITH (' || loader.swap_settings(v.reloptions, '') || ')', rtrim(E'\n' || pg_get_viewdef(v.oid), ';'))
        FROM pg_class AS v JOIN pg_namespace AS n ON n.oid = v.relnamespace
        WHERE v.oid IN (SELECT view FROM loader.swap_views(current, next))
        ORDER BY n.nspname, v.relname;
    RETURN QUERY SELECT * FROM loader.swap_belongings(current, next);
    RETURN QUERY SELECT * FROM loader.swap_belongings(next, current);

    -- Numbers of an identity column that were given out under this name are not given out again.
    RETURN QUERY
        SELECT format('SELECT setval(%L, o.last_value, o.is_called) FROM %s AS o, %s AS n '
                      'WHERE (o.last_value * %s, o.is_called) > (n.last_value * %s, n.is_called)',
                      i.now, i.later, i.now, i.direction, i.direction)
        FROM (SELECT format('%s.%I', t.schema, t.current_name), format('%s.%I', t.schema, t.next_name),
                     (SELECT sign(s.seqincrement) FROM pg_sequence AS s
                      WHERE s.seqrelid = format('%s.%I', t.schema, t.current_name)::regclass)
              FROM loader.swap_twins(current, next) AS t WHERE t.kind = 'SEQUENCE') AS i (now, later, direction);
END
$swap_statements$;

-- Sets how long the next lock is waited for. The first one of an attempt may take its time, because nothing is held
-- meanwhile. The others share half of deadlock_timeout: so no reader is ever the victim of a deadlock with us.
CREATE FUNCTION loader.swap_patience(lock_timeout interval, locks_began timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $swap_patience$
DECLARE
    patience interval := lock_timeout;
BEGIN
    IF locks_began IS NOT NULL THEN
        patience := least(patience, current_setting('deadlock_timeout')::interval / 2 - (clock_timestamp() - locks_began));
    END IF;
    PERFORM set_config('lock_timeout', greatest(1, round(extract(epoch FROM patience) * 1000))::text, true);
END
$swap_patience$;

CREATE FUNCTION swap_table(
    current regclass,
    next regclass,
    lock_timeout interval DEFAULT '2 s',
    attempts integer DEFAULT 30)
RETURNS TABLE (attempt integer, waited interval, locked interval, statements text[])
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
-- A value of its own, so that what is set below ends with the function.
SET lock_timeout = 0
AS $swap_table$
DECLARE
    began timestamptz := clock_timestamp();
    locks_began timestamptz;
    side record;
    lock text;
    statement text;
BEGIN
    IF current IS NULL OR next IS NULL OR lock_timeout IS NULL OR attempts IS NULL THEN
        RAISE 'argument "%" must not be null',
            CASE WHEN current IS NULL THEN 'current' WHEN next IS NULL THEN 'next'
                 WHEN lock_timeout IS NULL THEN 'lock_timeout' ELSE 'attempts' END
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF lock_timeout < '1 ms' OR lock_timeout > '1 day' THEN
        RAISE 'argument "lock_timeout" must be between 1 ms and 1 day: %', lock_timeout
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF attempts < 1 THEN
        RAISE 'argument "attempts" must be positive: %', attempts USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF current = next THEN
        RAISE 'cannot swap table "%" with itself', current USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR side IN SELECT s.oid, c.relkind, c.relowner FROM unnest(ARRAY[current, next]) AS s (oid) LEFT JOIN pg_class AS c USING (oid) LOOP
        IF side.relkind IS NULL THEN
            RAISE 'relation with OID % does not exist', side.oid::oid USING ERRCODE = 'undefined_table';
        ELSIF side.relkind <> 'r' THEN
            RAISE 'cannot swap relation "%"', side.oid::regclass
                USING ERRCODE = 'wrong_object_type', DETAIL = 'It is not an ordinary table.';
        ELSIF NOT pg_has_role(side.relowner, 'USAGE') THEN
            RAISE 'must be owner of table %', side.oid::regclass USING ERRCODE = 'insufficient_privilege';
        END IF;
    END LOOP;
    -- What has changed since an old snapshot would be overlooked, and lost.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE 'cannot swap tables in a transaction with isolation level %', upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'feature_not_supported', HINT = 'Use READ COMMITTED.';
    END IF;

    FOR n IN 1..attempts LOOP
        attempt := n;
        BEGIN
            -- These locks keep off vacuum and other swaps, and are in nobody's way who reads or writes: an autovacuum
            -- gives way only to who waits for longer than deadlock_timeout. LOCK wants a right to write.
            PERFORM loader.swap_patience(lock_timeout, NULL);
            FOR side IN SELECT c.oid FROM pg_class AS c WHERE c.oid IN (current, next) ORDER BY c.oid LOOP
                IF has_table_privilege(side.oid, 'UPDATE, DELETE, TRUNCATE') THEN
                    EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', side.oid::regclass);
                END IF;
            END LOOP;
            -- Nobody has to wait for what cannot be done.
            PERFORM loader.swap_check(current, next);
            -- A lock that keeps off readers of one table is not held while others are waited for: whoever has read a view
            -- and waits for that table would be waited for. Nobody knows a table that is not committed yet.
            IF EXISTS (SELECT FROM pg_locks AS l
                       WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
                         AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
                       HAVING bool_or(l.relation = next) AND NOT bool_or(l.relation = current))
               AND (SELECT age(a.xmin) > age(pg_current_xact_id()::xid) FROM pg_attribute AS a
                    WHERE a.attrelid = next ORDER BY a.attnum LIMIT 1)
            THEN
                RAISE 'cannot swap table "%" after this transaction has locked table "%" against readers', current, next
                    USING ERRCODE = 'object_not_in_prerequisite_state',
                          HINT = 'Do what locks it, such as TRUNCATE or ALTER TABLE, in a transaction before that of the swap, or use DELETE.';
            END IF;

            -- These locks keep off readers, in the order in which readers take them, views before what they read.
            -- To move a view to the schema that it is in locks the view alone; LOCK would lock all that it reads, too. Its
            -- owner is not set to what it was before the wait: that may be what was waited for. The owners of the tables
            -- are locked already. Temporary views of this session nobody else reads.
            locks_began := NULL;
            FOR lock IN
                SELECT l.lock
                FROM (SELECT 1, v.view, format('ALTER VIEW %s SET SCHEMA %s', v.name, c.relnamespace::regnamespace)
                      FROM loader.swap_views(current, next) AS v JOIN pg_class AS c ON c.oid = v.view
                      WHERE c.relnamespace <> pg_my_temp_schema()
                      UNION ALL
                      SELECT CASE c.oid WHEN current THEN 2 ELSE 3 END, c.oid,
                             format('ALTER TABLE %s OWNER TO %s', c.oid::regclass, c.relowner::regrole)
                      FROM pg_class AS c WHERE c.oid IN (current, next)) AS l (step, oid, lock)
                ORDER BY l.step, l.oid
            LOOP
                PERFORM loader.swap_patience(lock_timeout, locks_began);
                EXECUTE lock;
                locks_began := coalesce(locks_began, clock_timestamp());
            END LOOP;

            -- Now nothing changes any more.
            PERFORM loader.swap_check(current, next);
            statements := ARRAY(SELECT loader.swap_statements(current, next));
            FOREACH statement IN ARRAY statements LOOP
                PERFORM loader.swap_patience(lock_timeout, locks_began);
                EXECUTE statement;
            END LOOP;
            waited := locks_began - began;
            locked := clock_timestamp() - locks_began;
            RETURN NEXT;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            -- Here, all locks of this attempt are released.
            IF n = attempts THEN
                RAISE 'could not lock tables "%" and "%" in % attempts', current, next, attempts
                    USING ERRCODE = 'lock_not_available', DETAIL = SQLERRM,
                          HINT = 'Somebody has read or written them, or a view of them, in long transactions. See pg_stat_activity, or try again with a higher "lock_timeout" or more "attempts".';
            END IF;
        END;
        -- Those who queued behind the attempt have as long for themselves.
        PERFORM pg_sleep(extract(epoch FROM lock_timeout) * (0.5 + random()));
    END LOOP;
END
$swap_table$;
-- Pipelines: files that keep coming. The directory minus the history is the queue: only files that
-- are an exception have a row. Times that decide are nanoseconds of the system's clock since it was
-- booted (CLOCK_BOOTTIME), and boot says since which boot: nobody sets that clock. Timestamps are
-- there to be read.

CREATE TABLE loader.pipelines_data (
    name            text NOT NULL PRIMARY KEY,
    generation      bigint NOT NULL,
    home            text NOT NULL,
    owner           oid NOT NULL,
    owner_name      name NOT NULL,
    target          text NOT NULL,
    target_oid      oid NOT NULL,
    target_type     oid NOT NULL,
    pattern         text NOT NULL,
    format          text NOT NULL,
    poll            interval NOT NULL,
    settle          interval NOT NULL,
    existing        text NOT NULL,
    workers         integer NOT NULL,
    max_files       integer NOT NULL,
    max_attempts    integer NOT NULL,
    retry_delay     interval NOT NULL,
    retry_max       interval NOT NULL,
    on_file_error   text NOT NULL,
    on_file         text,
    on_batch        text,
    notify          text,
    options         jsonb NOT NULL,
    search_path     text NOT NULL,
    state           text NOT NULL,
    reason          text,
    created_at      timestamptz NOT NULL,
    changes         bigint NOT NULL DEFAULT 0,
    failed_runs     integer NOT NULL DEFAULT 0,
    broken_runs     integer NOT NULL DEFAULT 0,
    failed_batches  integer NOT NULL DEFAULT 0,
    batch_due_ns    bigint NOT NULL DEFAULT 0,
    unended         integer NOT NULL DEFAULT 0,
    unended_bytes   bigint,
    boot            text NOT NULL DEFAULT '',
    due_ns          bigint NOT NULL DEFAULT 0,
    next_run        timestamptz,
    last_run        timestamptz,
    scheduler       text,
    last_loaded     timestamptz,
    last_error      text,
    last_error_at   timestamptz,
    files_seen      bigint,
    files_pending   bigint,
    bytes_pending   bigint,
    oldest_pending  timestamptz
);

CREATE TABLE loader.pipeline_files_data (
    pipeline        text NOT NULL,
    path            text NOT NULL,
    state           text NOT NULL,
    file_size       bigint,
    file_device     bigint,
    file_inode      bigint,
    file_mtime_ns   bigint,
    file_ctime_ns   bigint,
    boot            text NOT NULL,
    since_ns        bigint NOT NULL,
    due_ns          bigint NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt    timestamptz,
    error_sqlstate  text,
    error_message   text,
    reason          text,
    load_id         bigint,
    set_by          name,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (pipeline, path)
);

CREATE TABLE loader.pipeline_runs_data (
    pipeline        text NOT NULL,
    home            text NOT NULL,
    owner           oid NOT NULL,
    owner_name      name NOT NULL,
    scheduler       text NOT NULL,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz NOT NULL,
    status          text NOT NULL,
    files_loaded    bigint NOT NULL,
    files_skipped   bigint NOT NULL,
    files_failed    bigint NOT NULL,
    rows_loaded     bigint NOT NULL,
    rows_rejected   bigint NOT NULL,
    bytes_read      bigint NOT NULL,
    error_sqlstate  text,
    error_message   text,
    batches         bigint NOT NULL,
    batches_failed  bigint NOT NULL,
    batch_sqlstate  text,
    batch_error     text
);
CREATE INDEX pipeline_runs_data_idx ON loader.pipeline_runs_data (pipeline, started_at);

-- Loads that on_batch has not been told of. A row is written in the transaction of the last part of
-- a file, and goes in the one of the hook.
CREATE TABLE loader.pipeline_batches_data (
    pipeline        text NOT NULL,
    load_id         bigint NOT NULL,
    PRIMARY KEY (pipeline, load_id)
);

SELECT pg_catalog.pg_extension_config_dump('loader.pipelines_data', '');
SELECT pg_catalog.pg_extension_config_dump('loader.pipeline_files_data', '');
SELECT pg_catalog.pg_extension_config_dump('loader.pipeline_runs_data', '');
SELECT pg_catalog.pg_extension_config_dump('loader.pipeline_batches_data', '');

-- A role sees the pipelines of the roles whose rights it has. One that came with a dump or a copy of
-- the database is paused until somebody resumes it here.

CREATE VIEW loader.pipelines WITH (security_barrier) AS
SELECT p.name,
       CASE WHEN p.home OPERATOR(pg_catalog.<>) loader.home() THEN 'paused'::pg_catalog.text
            WHEN r.oid IS NULL THEN 'suspended'::pg_catalog.text
            ELSE p.state END AS state,
       CASE WHEN p.home OPERATOR(pg_catalog.<>) loader.home()
            THEN 'it was defined in another database'::pg_catalog.text
            WHEN r.oid IS NULL THEN 'its owner does not exist'::pg_catalog.text
            ELSE p.reason END AS reason,
       loader.scheduler() AS scheduler,
       COALESCE(r.rolname, p.owner_name) AS owner,
       p.target,
       p.pattern,
       p.format,
       f.files_seen,
       f.settling AS files_settling,
       f.files_pending,
       f.retrying AS files_retrying,
       f.quarantined AS files_quarantined,
       f.skipped AS files_skipped,
       f.bytes_pending,
       f.oldest_pending,
       f.loads_pending,
       p.last_run,
       p.last_loaded,
       p.last_error,
       p.last_error_at,
       CASE WHEN p.state OPERATOR(pg_catalog.=) 'active'::pg_catalog.text
             AND p.home OPERATOR(pg_catalog.=) loader.home() AND r.oid IS NOT NULL
            THEN p.next_run END AS next_run,
       p.poll, p.settle, p.existing, p.workers, p.max_files, p.max_attempts, p.retry_delay, p.retry_max,
       p.on_file_error, p.on_file, p.on_batch, p.notify, p.options, p.search_path, p.created_at
FROM loader.pipelines_data AS p
LEFT JOIN pg_catalog.pg_roles AS r
    ON r.oid OPERATOR(pg_catalog.=) p.owner AND p.home OPERATOR(pg_catalog.=) loader.home()
    OR r.rolname OPERATOR(pg_catalog.=) p.owner_name AND p.home OPERATOR(pg_catalog.<>) loader.home()
CROSS JOIN LATERAL (
    SELECT p.files_seen, p.files_pending, p.bytes_pending, p.oldest_pending,
           pg_catalog.count(*) FILTER (WHERE e.state OPERATOR(pg_catalog.=) 'settling'::pg_catalog.text) AS settling,
           pg_catalog.count(*) FILTER (WHERE e.state OPERATOR(pg_catalog.=) 'retrying'::pg_catalog.text) AS retrying,
           pg_catalog.count(*) FILTER (WHERE e.state OPERATOR(pg_catalog.=) 'quarantined'::pg_catalog.text) AS quarantined,
           pg_catalog.count(*) FILTER (WHERE e.state OPERATOR(pg_catalog.=) 'skipped'::pg_catalog.text) AS skipped,
           (SELECT pg_catalog.count(*) FROM loader.pipeline_batches_data AS b
            WHERE b.pipeline OPERATOR(pg_catalog.=) p.name) AS loads_pending
    FROM loader.pipeline_files_data AS e
    WHERE e.pipeline OPERATOR(pg_catalog.=) p.name) AS f
WHERE loader.may_amend(p.home, p.owner, p.owner_name);

CREATE VIEW loader.pipeline_files WITH (security_barrier) AS
SELECT f.pipeline, f.path, f.state, f.reason, f.file_size, f.attempts, f.next_attempt, f.error_sqlstate,
       f.error_message, f.load_id, f.set_by, f.changed_at
FROM loader.pipeline_files_data AS f
JOIN loader.pipelines_data AS p ON p.name OPERATOR(pg_catalog.=) f.pipeline
WHERE loader.may_amend(p.home, p.owner, p.owner_name);

CREATE VIEW loader.pipeline_runs WITH (security_barrier) AS
SELECT r.pipeline, r.started_at, r.finished_at, r.status, r.scheduler, r.files_loaded, r.files_skipped,
       r.files_failed, r.rows_loaded, r.rows_rejected, r.bytes_read, r.error_sqlstate, r.error_message,
       r.batches, r.batches_failed, r.batch_sqlstate, r.batch_error, r.owner_name AS owner
FROM loader.pipeline_runs_data AS r
WHERE loader.may_amend(r.home, r.owner, r.owner_name);

-- Into which tables pipelines load: for the owners of the tables, who may be others than theirs.
CREATE VIEW loader.pipeline_targets WITH (security_barrier) AS
SELECT p.name, p.target_oid
FROM loader.pipelines_data AS p
JOIN pg_catalog.pg_class AS c
    ON c.oid OPERATOR(pg_catalog.=) p.target_oid AND c.reltype OPERATOR(pg_catalog.=) p.target_type
WHERE p.home OPERATOR(pg_catalog.=) loader.home() AND pg_catalog.pg_has_role(c.relowner, 'USAGE');

CREATE FUNCTION create_pipeline(
    name text,
    pattern text,
    "table" regclass,
    format text DEFAULT 'json',
    poll interval DEFAULT '10 s',
    settle interval DEFAULT '10 s',
    existing text DEFAULT 'load',
    workers integer DEFAULT 0,
    max_files integer DEFAULT 1000,
    max_attempts integer DEFAULT 5,
    retry_delay interval DEFAULT '1 min',
    retry_max interval DEFAULT '1 h',
    on_file_error text DEFAULT 'quarantine',
    on_file text DEFAULT NULL,
    on_batch text DEFAULT NULL,
    notify text DEFAULT NULL,
    enabled boolean DEFAULT true,
    options jsonb DEFAULT '{}')
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'create_pipeline_wrapper';

CREATE FUNCTION alter_pipeline(
    name text,
    pattern text DEFAULT NULL,
    "table" regclass DEFAULT NULL,
    format text DEFAULT NULL,
    poll interval DEFAULT NULL,
    settle interval DEFAULT NULL,
    workers integer DEFAULT NULL,
    max_files integer DEFAULT NULL,
    max_attempts integer DEFAULT NULL,
    retry_delay interval DEFAULT NULL,
    retry_max interval DEFAULT NULL,
    on_file_error text DEFAULT NULL,
    on_file text DEFAULT NULL,
    on_batch text DEFAULT NULL,
    notify text DEFAULT NULL,
    options jsonb DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'alter_pipeline_wrapper';

CREATE FUNCTION pause_pipeline(name text, reason text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pause_pipeline_wrapper';

CREATE FUNCTION resume_pipeline(name text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'resume_pipeline_wrapper';

CREATE FUNCTION drop_pipeline(name text, if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'drop_pipeline_wrapper';

CREATE FUNCTION preview_pipeline(name text)
RETURNS TABLE (
    path text,
    size bigint,
    verdict text,
    reason text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000
AS 'MODULE_PATHNAME', 'preview_pipeline_wrapper';

CREATE FUNCTION skip_file(name text, path text, reason text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'skip_file_wrapper';

CREATE FUNCTION retry_file(name text, path text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'retry_file_wrapper';

-- As load_json_files: no SET clause and no SECURITY DEFINER.
CREATE PROCEDURE run_pipeline(name text)
LANGUAGE c
AS 'MODULE_PATHNAME', 'loader_run_pipeline';

CREATE PROCEDURE run_pipelines()
LANGUAGE c
AS 'MODULE_PATHNAME', 'loader_run_pipelines';

-- What is new belongs to the owner of the extension, whoever updates it.
DO $$
DECLARE
    owner pg_catalog.regrole := (SELECT e.extowner FROM pg_catalog.pg_extension AS e
                                 WHERE e.extname OPERATOR(pg_catalog.=) 'loader'::pg_catalog.name);
    routine pg_catalog.regprocedure;
BEGIN
    EXECUTE pg_catalog.format('ALTER VIEW loader.last_call OWNER TO %s', owner);
    EXECUTE pg_catalog.format('ALTER TABLE loader.pipelines_data OWNER TO %s', owner);
    EXECUTE pg_catalog.format('ALTER TABLE loader.pipeline_files_data OWNER TO %s', owner);
    EXECUTE pg_catalog.format('ALTER TABLE loader.pipeline_runs_data OWNER TO %s', owner);
    EXECUTE pg_catalog.format('ALTER TABLE loader.pipeline_batches_data OWNER TO %s', owner);
    EXECUTE pg_catalog.format('ALTER VIEW loader.pipelines OWNER TO %s', owner);
    EXECUTE pg_catalog.format('ALTER VIEW loader.pipeline_targets OWNER TO %s', owner);
    EXECUTE pg_catalog.format('ALTER VIEW loader.pipeline_files OWNER TO %s', owner);
    EXECUTE pg_catalog.format('ALTER VIEW loader.pipeline_runs OWNER TO %s', owner);
    FOR routine IN
        SELECT p.oid
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_depend AS d ON d.objid OPERATOR(pg_catalog.=) p.oid
        JOIN pg_catalog.pg_extension AS e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
        WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
          AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
          AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char"
          AND e.extname OPERATOR(pg_catalog.=) 'loader'::pg_catalog.name
          AND p.proowner OPERATOR(pg_catalog.<>) owner::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('ALTER ROUTINE %s OWNER TO %s', routine, owner);
    END LOOP;
END $$;

REVOKE ALL ON TABLE loader.pipelines_data FROM PUBLIC;
REVOKE ALL ON TABLE loader.pipeline_files_data FROM PUBLIC;
REVOKE ALL ON TABLE loader.pipeline_runs_data FROM PUBLIC;
REVOKE ALL ON TABLE loader.pipeline_batches_data FROM PUBLIC;
GRANT SELECT ON loader.last_call TO PUBLIC;
GRANT EXECUTE ON FUNCTION loader.merge_name(regclass), loader.merge_check(regclass, regclass),
    loader.merge_key(regclass, regclass, text[], text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION loader.swap_parts(regclass), loader.swap_twins(regclass, regclass), loader.swap_columns(regclass),
    loader.swap_views(regclass, regclass), loader.swap_objections(regclass, regclass), loader.swap_settings(text[], text),
    loader.swap_belongings(regclass, regclass), loader.swap_statements(regclass, regclass),
    loader.swap_check(regclass, regclass), loader.swap_patience(interval, timestamptz) TO PUBLIC;
GRANT SELECT ON loader.pipelines TO PUBLIC;
GRANT SELECT ON loader.pipeline_targets TO PUBLIC;
GRANT SELECT ON loader.pipeline_files TO PUBLIC;
GRANT SELECT ON loader.pipeline_runs TO PUBLIC;
-- The views call these as whoever reads them, and the INSERT of a load as whoever loads:
-- also where default privileges give functions to nobody.
GRANT EXECUTE ON FUNCTION loader.home(), loader.scheduler(), loader.may_amend(text, oid, name),
    loader.raw_text(bytea, boolean),
    loader.read_last_call(), loader.chunk_records(bigint), loader.chunk_offsets(bigint), loader.chunk_keys(bigint),
    loader.chunk_numbers(bigint), loader.chunk_lines(bigint), loader.chunk_rows(bigint),
    loader.chunk_cells(bigint, integer, anyelement), loader.chunk_absent(bigint, integer), loader.chunk_has(bigint, integer),
    loader.chunk_conflict(bigint, boolean), loader.chunk_written(bigint)
    TO PUBLIC;

REVOKE ALL ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text, text, boolean, text,
    text, text, text, text, jsonb, text[], text, text, text, text, text[], text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text, text, boolean, text,
    text, text, text, text, jsonb, text[], text, text, text, text, text[], text)
    TO pg_read_server_files;
REVOKE ALL ON PROCEDURE load_json_files(text, regclass, integer, integer, text, text, text, bigint,
    text, text, text, text, text, text, text, text, text, jsonb, text[], text, text, text, text, text[], text)
    FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE load_json_files(text, regclass, integer, integer, text, text, text, bigint,
    text, text, text, text, text, text, text, text, text, jsonb, text[], text, text, text, text, text[], text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION read_json_file(text, text, text, text, text, bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_json_file(text, text, text, text, text, bigint, text, text, text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION infer_schema(text, text, bigint, text, text, text, text, text, text, text, text, text, "any", bigint, text,
    text, boolean, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION infer_schema(text, text, bigint, text, text, text, text, text, text, text, text, text, "any", bigint, text,
    text, boolean, text, text, text, text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION seed_table(text, text, text[], jsonb, boolean, boolean, boolean, boolean, boolean, boolean, text, text,
    text, text, text, text, text, "any", bigint, text, text, boolean, text, text, text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seed_table(text, text, text[], jsonb, boolean, boolean, boolean, boolean, boolean, boolean, text, text,
    text, text, text, text, text, "any", bigint, text, text, boolean, text, text, text, text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION load_csv_file(text, regclass, integer, text, text, text, text, "any", bigint, text, text, text[], text[],
    boolean, text, text, text, text, text, text, text, text, bigint, text, text, text, boolean,
    text, jsonb, text, text, text, text, text[], text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_csv_file(text, regclass, integer, text, text, text, text, "any", bigint, text, text, text[], text[],
    boolean, text, text, text, text, text, text, text, text, bigint, text, text, text, boolean,
    text, jsonb, text, text, text, text, text[], text)
    TO pg_read_server_files;
REVOKE ALL ON PROCEDURE load_csv_files(text, regclass, integer, integer, text, text, text, text, "any", bigint, text, text, text[],
    text[], boolean, text, text, text, text, text, text, text, text, bigint, text, text, text,
    text, text, jsonb, text, text, text, text, text[], text)
    FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE load_csv_files(text, regclass, integer, integer, text, text, text, text, "any", bigint, text, text, text[],
    text[], boolean, text, text, text, text, text, text, text, text, bigint, text, text, text,
    text, text, jsonb, text, text, text, text, text[], text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION read_csv_file(text, text, text, text, text, "any", bigint, text, text, text[], text[], boolean, text, text,
    text, text, bigint)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_csv_file(text, text, text, text, text, "any", bigint, text, text, text[], text[], boolean, text, text,
    text, text, bigint)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION sniff_csv(text, integer, text, text, text, text, "any", bigint, text, text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sniff_csv(text, integer, text, text, text, text, "any", bigint, text, text, text)
    TO pg_read_server_files;

REVOKE ALL ON FUNCTION create_pipeline(text, text, regclass, text, interval, interval, text, integer, integer, integer,
    interval, interval, text, text, text, text, boolean, jsonb)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_pipeline(text, text, regclass, text, interval, interval, text, integer, integer, integer,
    interval, interval, text, text, text, text, boolean, jsonb)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION alter_pipeline(text, text, regclass, text, interval, interval, integer, integer, integer, interval,
    interval, text, text, text, text, jsonb)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION alter_pipeline(text, text, regclass, text, interval, interval, integer, integer, integer, interval,
    interval, text, text, text, text, jsonb)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION pause_pipeline(text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pause_pipeline(text, text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION resume_pipeline(text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resume_pipeline(text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION drop_pipeline(text, boolean)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_pipeline(text, boolean)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION preview_pipeline(text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION preview_pipeline(text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION skip_file(text, text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION skip_file(text, text, text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION retry_file(text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retry_file(text, text)
    TO pg_read_server_files;
REVOKE ALL ON PROCEDURE run_pipeline(text)
    FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE run_pipeline(text)
    TO pg_read_server_files;
REVOKE ALL ON PROCEDURE run_pipelines()
    FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE run_pipelines()
    TO pg_read_server_files;

-- A grant in a script of an extension counts as the extension's own, which no dump
-- contains. What users have granted is granted to the new functions by this one, as theirs.
CREATE FUNCTION loader.copy_grants(old regprocedure, new regprocedure)
RETURNS void
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'copy_grants_wrapper';

DO $$
DECLARE
    old pg_catalog.regprocedure;
    new pg_catalog.regprocedure;
BEGIN
    FOR old, new IN
        SELECT o.oid, n.oid
        FROM pg_catalog.pg_proc AS o
        JOIN pg_catalog.pg_proc AS n ON n.proname OPERATOR(pg_catalog.=) o.proname
            AND n.pronamespace OPERATOR(pg_catalog.=) o.pronamespace
            AND n.probin OPERATOR(pg_catalog.=) o.probin
        WHERE o.prosrc OPERATOR(pg_catalog.=)
                  ANY ('{load_file_wrapper,loader_load_json_files,read_json_file_wrapper,undo_load_wrapper}'::pg_catalog.text[])
          AND n.prosrc OPERATOR(pg_catalog.=) ANY ('{load_json_file_v3_wrapper,loader_load_files,read_json_file_v3_wrapper,undo_load_v3_wrapper}'::pg_catalog.text[])
    LOOP
        PERFORM loader.copy_grants(old, new);
        EXECUTE pg_catalog.format('DROP ROUTINE %s', old);
    END LOOP;
END $$;

DROP FUNCTION loader.copy_grants(regprocedure, regprocedure);

-- Default privileges may have given others rights on the tables below the views, with
-- which history is forged, code of theirs is run by the owner, or rejects of others are
-- read. A role that may read them by its own name goes on to do so.
DO $$
DECLARE
    command pg_catalog.text;
BEGIN
    FOR command IN
        SELECT pg_catalog.format('REVOKE %s ON %s %s FROM %s CASCADE', a.privilege_type, o.kind, o.name,
                                 CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                                      ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END)
        FROM (SELECT CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S'::pg_catalog."char" THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
                     c.oid::pg_catalog.regclass::pg_catalog.text AS name,
                     c.relowner AS owner,
                     c.relacl AS acl,
                     CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'v'::pg_catalog."char" THEN 0 ELSE 1 END AS below,
                     CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'r'::pg_catalog."char"
                           AND pg_catalog.starts_with(c.relname::pg_catalog.text, 'pipeline'::pg_catalog.text)
                          THEN ''::pg_catalog.text ELSE 'SELECT'::pg_catalog.text END AS kept
              FROM pg_catalog.pg_class AS c
              JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
              WHERE n.nspname OPERATOR(pg_catalog.=) 'loader'::pg_catalog.name
                AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,S}'::pg_catalog."char"[])
              UNION ALL
              SELECT 'SCHEMA', 'loader', n.nspowner, n.nspacl, 0, 'USAGE'
              FROM pg_catalog.pg_namespace AS n
              WHERE n.nspname OPERATOR(pg_catalog.=) 'loader'::pg_catalog.name) AS o
        CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
        WHERE a.grantee OPERATOR(pg_catalog.<>) o.owner
          AND (a.privilege_type OPERATOR(pg_catalog.<>) o.kept
               OR o.below OPERATOR(pg_catalog.=) 1 AND a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid)
    LOOP
        EXECUTE command;
    END LOOP;
END $$;

-- What everything is. Internal objects say so: they may change with any version.

COMMENT ON SCHEMA loader IS 'What the extension loader keeps and shows: history, rejects, progress';

COMMENT ON SEQUENCE loader.load_id_seq IS 'Internal: numbers of loads';
COMMENT ON TABLE loader.load_history_data IS 'Internal: the loads, shown by loader.load_history';
COMMENT ON COLUMN loader.load_history_data.home IS 'Internal: where the OIDs of the row are valid; see loader.home()';
COMMENT ON COLUMN loader.load_history_data.target_type IS 'Internal: the row type of the target; together with target_oid it is never that of another relation';
COMMENT ON COLUMN loader.load_history_data.lines IS 'Internal: newlines up to where the load is';
COMMENT ON COLUMN loader.load_history_data.splitter_state IS 'Internal: what the splitter has to know to go on where the load is';
COMMENT ON COLUMN loader.load_history_data.open_offset IS 'Internal: where the last record begins, if that was bad and may be whole in a file that has grown';
COMMENT ON COLUMN loader.load_history_data.builds_on IS 'Internal: the load without whose rows this one is not all of the file, because it began where that one ended';
COMMENT ON COLUMN loader.load_history_data.file_device IS 'Internal: the device of the file, once it had not changed for some time';
COMMENT ON COLUMN loader.load_history_data.file_inode IS 'Internal: the inode of the file, once it had not changed for some time';
COMMENT ON COLUMN loader.load_history_data.file_mtime_ns IS 'Internal: mtime of the file in nanoseconds since 1970, once it had not changed for some time';
COMMENT ON COLUMN loader.load_history_data.file_ctime_ns IS 'Internal: ctime of the file in nanoseconds since 1970, once it had not changed for some time';
COMMENT ON TABLE loader.rejects_data IS 'Internal: the bad records, shown by loader.rejects';

COMMENT ON VIEW loader.load_history IS 'The loads whose role''s rights the reader has, one row each';
COMMENT ON COLUMN loader.load_history.load_id IS 'Number of the load; never used again';
COMMENT ON COLUMN loader.load_history.target IS 'The table that was loaded into, with its schema, quoted, as it was called then';
COMMENT ON COLUMN loader.load_history.target_oid IS 'OID of that table';
COMMENT ON COLUMN loader.load_history.target_column IS 'The jsonb column that took the records; NULL where their fields went to columns';
COMMENT ON COLUMN loader.load_history.file_path IS 'The file''s path as the caller gave it, without empty names and dots';
COMMENT ON COLUMN loader.load_history.file_size IS 'Bytes of the file on disk; NULL if it could not be opened';
COMMENT ON COLUMN loader.load_history.file_mtime IS 'When the file was last written to';
COMMENT ON COLUMN loader.load_history.content_hash IS 'BLAKE3 hash of the file on disk';
COMMENT ON COLUMN loader.load_history.format IS 'How records are framed: newline_delimited, array or unstructured, or csv; auto if that was not found out';
COMMENT ON COLUMN loader.load_history.compression IS 'none, gzip, zstd, bzip2, xz or lz4; auto if that was not found out';
COMMENT ON COLUMN loader.load_history.chunk IS 'Rows for each INSERT, at most';
COMMENT ON COLUMN loader.load_history.options IS 'The options of the call';
COMMENT ON COLUMN loader.load_history.status IS 'running, loaded, salvaged, failed or undone';
COMMENT ON COLUMN loader.load_history.rows_loaded IS 'Rows that were inserted or updated';
COMMENT ON COLUMN loader.load_history.rows_rejected IS 'Rejects: bad records, and text or NUL bytes between records';
COMMENT ON COLUMN loader.load_history.stream_bytes IS 'Bytes of the decompressed file in UTF-8; the sum of the three columns that follow';
COMMENT ON COLUMN loader.load_history.bytes_loaded IS 'Bytes of the good records';
COMMENT ON COLUMN loader.load_history.bytes_rejected IS 'Bytes of the rejects';
COMMENT ON COLUMN loader.load_history.bytes_framing IS 'Bytes between records: white space, commas, brackets, prefixes of lines';
COMMENT ON COLUMN loader.load_history.loaded_by IS 'OID of the role that loaded';
COMMENT ON COLUMN loader.load_history.loaded_by_name IS 'Name of that role then';
COMMENT ON COLUMN loader.load_history.started_at IS 'When the load began';
COMMENT ON COLUMN loader.load_history.finished_at IS 'When it ended; NULL while it runs';
COMMENT ON COLUMN loader.load_history.records_path IS 'Where in the file the records lie, if they do in something larger';
COMMENT ON COLUMN loader.load_history.start_offset IS 'Where in the decompressed file the load begins: not at 0 if an earlier load had what lies before';
COMMENT ON COLUMN loader.load_history.records IS 'Records up to where the load is, bad ones counted too';
COMMENT ON COLUMN loader.load_history.error_sqlstate IS 'SQLSTATE of the error that stopped the load';
COMMENT ON COLUMN loader.load_history.error_message IS 'Message of the error that stopped the load';
COMMENT ON COLUMN loader.load_history.retry_of IS 'The load whose mended rejects this one loaded';
COMMENT ON COLUMN loader.load_history.emptied_at IS 'When the table was found empty: what the load brought was gone';
COMMENT ON COLUMN loader.load_history.bytes_prefix IS 'The part of bytes_framing that is text beside records on their lines';
COMMENT ON COLUMN loader.load_history.rows_tolerated IS 'Records that were loaded because of strict_mode => false';
COMMENT ON COLUMN loader.load_history.dialect IS 'How a CSV file was read: delimiter, quote, escape, new_line, comment, skip, header, columns; NULL for JSON';
COMMENT ON COLUMN loader.load_history.encoding IS 'The encoding of the file, given or found';
COMMENT ON COLUMN loader.load_history.rows_inserted IS 'Rows that were added';
COMMENT ON COLUMN loader.load_history.rows_updated IS 'Rows of the table that were updated, because their key was there';
COMMENT ON COLUMN loader.load_history.rows_superseded IS 'Records whose row was not written, because of another one with their key';

COMMENT ON VIEW loader.rejects IS 'What was not loaded, and why: bad records, and text or NUL bytes between records. The reader has the rights of the role that loaded';
COMMENT ON COLUMN loader.rejects.load_id IS 'The load that rejected it';
COMMENT ON COLUMN loader.rejects.record_no IS 'Its number in the file, from 1';
COMMENT ON COLUMN loader.rejects.byte_offset IS 'Its first byte in the decompressed file, from 0';
COMMENT ON COLUMN loader.rejects.byte_length IS 'Its length in bytes';
COMMENT ON COLUMN loader.rejects.line IS 'The line of its first byte, from 1';
COMMENT ON COLUMN loader.rejects.error_type IS 'The kind of error: SYNTAX, TRUNCATED, TEXT, CAST, CONSTRAINT and others';
COMMENT ON COLUMN loader.rejects.sqlstate IS 'The SQLSTATE with which the server refuses such a record';
COMMENT ON COLUMN loader.rejects.message IS 'What is wrong with it';
COMMENT ON COLUMN loader.rejects.raw IS 'Its bytes, up to loader.reject_raw_limit of them';
COMMENT ON COLUMN loader.rejects.raw_truncated IS 'Whether raw lacks some of its bytes';
COMMENT ON COLUMN loader.rejects.mended IS 'The text that is to be loaded in its place by retry_rejects';
COMMENT ON COLUMN loader.rejects.mended_at IS 'When that text was given';
COMMENT ON COLUMN loader.rejects.resolved_by IS 'The load that loaded it after all';
COMMENT ON COLUMN loader.rejects.raw_text IS 'raw as text; NULL if it is not valid in the encoding of the database';
COMMENT ON COLUMN loader.rejects.record_key IS 'Its key, if the records are the values of an object';
COMMENT ON COLUMN loader.rejects.column_name IS 'The column of the table that refused it, if one did and it is known which';

COMMENT ON VIEW loader.progress IS 'Loads and calls under way, each worker by itself; shown to those who may see the server''s progress reports';
COMMENT ON COLUMN loader.progress.pid IS 'The process';
COMMENT ON COLUMN loader.progress.leader_pid IS 'The session that a worker works for';
COMMENT ON COLUMN loader.progress.load_id IS 'The load; NULL for a call of load_json_files or load_csv_files as a whole';
COMMENT ON COLUMN loader.progress.target_oid IS 'OID of the table that is loaded into';
COMMENT ON COLUMN loader.progress.file_path IS 'The file';
COMMENT ON COLUMN loader.progress.bytes_processed IS 'Bytes that are read, as they lie on disk';
COMMENT ON COLUMN loader.progress.bytes_total IS 'Bytes on disk';
COMMENT ON COLUMN loader.progress.rows_loaded IS 'Rows that were inserted or updated so far';
COMMENT ON COLUMN loader.progress.rows_rejected IS 'Rejects so far';
COMMENT ON COLUMN loader.progress.bytes_per_second IS 'Bytes for each second so far';
COMMENT ON COLUMN loader.progress.eta IS 'How long the rest takes at this speed';
COMMENT ON COLUMN loader.progress.target IS 'Name of the table that is loaded into';
COMMENT ON COLUMN loader.progress.files_done IS 'Of a call: files that nothing more is done with';
COMMENT ON COLUMN loader.progress.files_total IS 'Of a call: files that match its pattern';

COMMENT ON VIEW loader.last_call IS 'What the last CALL load_json_files or load_csv_files of this session came to';
COMMENT ON COLUMN loader.last_call.started_at IS 'When the call began';
COMMENT ON COLUMN loader.last_call.finished_at IS 'When it ended';
COMMENT ON COLUMN loader.last_call.files IS 'Files that match the pattern';
COMMENT ON COLUMN loader.last_call.files_loaded IS 'Files that were loaded';
COMMENT ON COLUMN loader.last_call.files_skipped IS 'Files that were loaded before';
COMMENT ON COLUMN loader.last_call.files_failed IS 'Files that failed';
COMMENT ON COLUMN loader.last_call.rows_loaded IS 'Rows that were inserted or updated';
COMMENT ON COLUMN loader.last_call.rows_rejected IS 'Rejects';
COMMENT ON COLUMN loader.last_call.bytes_read IS 'Bytes of the decompressed files';
COMMENT ON COLUMN loader.last_call.mb_per_second IS 'Millions of those bytes for each second';
COMMENT ON COLUMN loader.last_call.load_ids IS 'Numbers of the loads that it made or went on with';

COMMENT ON TABLE loader.pipelines_data IS 'Internal: the pipelines, shown by loader.pipelines';
COMMENT ON TABLE loader.pipeline_files_data IS 'Internal: files of pipelines that are an exception, shown by loader.pipeline_files';
COMMENT ON TABLE loader.pipeline_runs_data IS 'Internal: the runs of pipelines, shown by loader.pipeline_runs';
COMMENT ON TABLE loader.pipeline_batches_data IS 'Internal: the loads of pipelines that on_batch has not been told of';

COMMENT ON VIEW loader.pipeline_targets IS 'Internal: the tables of the reader that pipelines load into, for swap_table';
COMMENT ON COLUMN loader.pipeline_targets.name IS 'Name of the pipeline';
COMMENT ON COLUMN loader.pipeline_targets.target_oid IS 'OID of the table';
COMMENT ON VIEW loader.pipelines IS 'The pipelines of the roles whose rights the reader has, one row each';
COMMENT ON COLUMN loader.pipelines.name IS 'Its name';
COMMENT ON COLUMN loader.pipelines.state IS 'active, paused or suspended';
COMMENT ON COLUMN loader.pipelines.reason IS 'Why it is paused or suspended';
COMMENT ON COLUMN loader.pipelines.scheduler IS 'Whether the server starts it when it is due: none, launcher, launcher (waits for a worker slot), or launcher (waits for shared memory)';
COMMENT ON COLUMN loader.pipelines.owner IS 'The role that it runs as';
COMMENT ON COLUMN loader.pipelines.target IS 'The table that it loads into, with its schema, quoted, as it was called when the pipeline was defined';
COMMENT ON COLUMN loader.pipelines.pattern IS 'The files that it loads';
COMMENT ON COLUMN loader.pipelines.format IS 'json or csv';
COMMENT ON COLUMN loader.pipelines.files_seen IS 'Files that matched at the last run';
COMMENT ON COLUMN loader.pipelines.files_settling IS 'Files that have not been the same for long enough';
COMMENT ON COLUMN loader.pipelines.files_pending IS 'Files that were ready to be loaded when the last run began, and were not loaded by it';
COMMENT ON COLUMN loader.pipelines.files_retrying IS 'Files that failed and are tried again';
COMMENT ON COLUMN loader.pipelines.files_quarantined IS 'Files that are left alone, because they failed too often';
COMMENT ON COLUMN loader.pipelines.files_skipped IS 'Files that are passed over';
COMMENT ON COLUMN loader.pipelines.bytes_pending IS 'Bytes on disk of files_pending';
COMMENT ON COLUMN loader.pipelines.oldest_pending IS 'When the oldest of files_pending was last written to';
COMMENT ON COLUMN loader.pipelines.loads_pending IS 'Loads that on_batch has not been told of';
COMMENT ON COLUMN loader.pipelines.last_run IS 'When the last run began';
COMMENT ON COLUMN loader.pipelines.last_loaded IS 'When a file was last loaded';
COMMENT ON COLUMN loader.pipelines.last_error IS 'The last error of a run, of a file or of a hook';
COMMENT ON COLUMN loader.pipelines.last_error_at IS 'When that was';
COMMENT ON COLUMN loader.pipelines.next_run IS 'When the next run is due; NULL unless it is active';
COMMENT ON COLUMN loader.pipelines.poll IS 'How often it looks for files';
COMMENT ON COLUMN loader.pipelines.settle IS 'How long a file must have been the same';
COMMENT ON COLUMN loader.pipelines.existing IS 'Whether files that were there at first are loaded';
COMMENT ON COLUMN loader.pipelines.workers IS 'Workers of a run';
COMMENT ON COLUMN loader.pipelines.max_files IS 'Files of a batch, at most';
COMMENT ON COLUMN loader.pipelines.max_attempts IS 'Attempts before a file is quarantined';
COMMENT ON COLUMN loader.pipelines.retry_delay IS 'Time to the second attempt; it doubles with each';
COMMENT ON COLUMN loader.pipelines.retry_max IS 'The longest time to the next attempt';
COMMENT ON COLUMN loader.pipelines.on_file_error IS 'quarantine, or raise: CALL run_pipeline fails at its end where files have failed';
COMMENT ON COLUMN loader.pipelines.on_file IS 'SQL that is run for each file, in the transaction of its last part';
COMMENT ON COLUMN loader.pipelines.on_batch IS 'SQL that is run for the files of a batch, in a transaction of its own';
COMMENT ON COLUMN loader.pipelines.notify IS 'The channel that is told of trouble';
COMMENT ON COLUMN loader.pipelines.options IS 'Arguments of load_json_files or load_csv_files';
COMMENT ON COLUMN loader.pipelines.search_path IS 'The search_path of the hooks';
COMMENT ON COLUMN loader.pipelines.created_at IS 'When it was created';

COMMENT ON VIEW loader.pipeline_files IS 'Files of pipelines that are neither loaded nor new: settling, retrying, quarantined or skipped';
COMMENT ON COLUMN loader.pipeline_files.pipeline IS 'The pipeline';
COMMENT ON COLUMN loader.pipeline_files.path IS 'The file';
COMMENT ON COLUMN loader.pipeline_files.state IS 'settling, retrying, quarantined or skipped';
COMMENT ON COLUMN loader.pipeline_files.reason IS 'Why';
COMMENT ON COLUMN loader.pipeline_files.file_size IS 'Bytes of the file when it was last looked at';
COMMENT ON COLUMN loader.pipeline_files.attempts IS 'How often it has failed';
COMMENT ON COLUMN loader.pipeline_files.next_attempt IS 'When it is tried again';
COMMENT ON COLUMN loader.pipeline_files.error_sqlstate IS 'SQLSTATE of the last error';
COMMENT ON COLUMN loader.pipeline_files.error_message IS 'Message of the last error';
COMMENT ON COLUMN loader.pipeline_files.load_id IS 'The load that has its content, or that failed';
COMMENT ON COLUMN loader.pipeline_files.set_by IS 'The role that had it skipped or retried';
COMMENT ON COLUMN loader.pipeline_files.changed_at IS 'When its state last changed';

COMMENT ON VIEW loader.pipeline_runs IS 'Runs of pipelines of the last 30 days that loaded anything or failed';
COMMENT ON COLUMN loader.pipeline_runs.pipeline IS 'The pipeline';
COMMENT ON COLUMN loader.pipeline_runs.started_at IS 'When the run began';
COMMENT ON COLUMN loader.pipeline_runs.finished_at IS 'When it ended';
COMMENT ON COLUMN loader.pipeline_runs.status IS 'succeeded, failed_files: some files failed, or failed: the run as a whole';
COMMENT ON COLUMN loader.pipeline_runs.scheduler IS 'Who started it: launcher or call';
COMMENT ON COLUMN loader.pipeline_runs.files_loaded IS 'Files that were loaded';
COMMENT ON COLUMN loader.pipeline_runs.files_skipped IS 'Files whose content had been loaded';
COMMENT ON COLUMN loader.pipeline_runs.files_failed IS 'Files that failed';
COMMENT ON COLUMN loader.pipeline_runs.rows_loaded IS 'Rows that were inserted or updated';
COMMENT ON COLUMN loader.pipeline_runs.rows_rejected IS 'Rejects';
COMMENT ON COLUMN loader.pipeline_runs.bytes_read IS 'Bytes of the decompressed files';
COMMENT ON COLUMN loader.pipeline_runs.error_sqlstate IS 'SQLSTATE of the error of the run, or of the first file that failed';
COMMENT ON COLUMN loader.pipeline_runs.error_message IS 'Message of that error';
COMMENT ON COLUMN loader.pipeline_runs.batches IS 'How often on_batch was run';
COMMENT ON COLUMN loader.pipeline_runs.batches_failed IS 'How often it failed';
COMMENT ON COLUMN loader.pipeline_runs.batch_sqlstate IS 'SQLSTATE of its last error';
COMMENT ON COLUMN loader.pipeline_runs.batch_error IS 'Message of its last error';
COMMENT ON COLUMN loader.pipeline_runs.owner IS 'The role that it ran as';

COMMENT ON FUNCTION seed_json_table(text, boolean, boolean, boolean) IS
    'Creates a table for whole records: one jsonb column, and with lineage two that tell where a row came from';
COMMENT ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text, text, boolean, text,
    text, text, text, text, jsonb, text[], text, text, text, text, text[], text) IS
    'Loads a JSON file of the server, however damaged, into a table, in this transaction: records into a jsonb column, or their fields into columns';
COMMENT ON PROCEDURE load_json_files(text, regclass, integer, integer, text, text, text, bigint,
    text, text, text, text, text, text, text, text, text, jsonb, text[], text, text, text, text, text[], text) IS
    'Loads the JSON files that match a pattern, each exactly once, by workers, in transactions of its own';
COMMENT ON FUNCTION read_json_file(text, text, text, text, text, bigint, text, text, text) IS
    'The records of JSON files as rows, bad ones too; loads nothing';
COMMENT ON FUNCTION infer_schema(text, text, bigint, text, text, text, text, text, text, text, text, text, "any", bigint, text,
    text, boolean, text, text, text, text) IS
    'The fields that the records of files have, each with a name and a type for a column that holds all its values';
COMMENT ON FUNCTION seed_table(text, text, text[], jsonb, boolean, boolean, boolean, boolean, boolean, boolean, text, text,
    text, text, text, text, text, "any", bigint, text, text, boolean, text, text, text, text) IS
    'Creates a table with a column for each field that the records of files have';
COMMENT ON FUNCTION load_csv_file(text, regclass, integer, text, text, text, text, "any", bigint, text, text, text[], text[],
    boolean, text, text, text, text, text, text, text, text, bigint, text, text, text, boolean,
    text, jsonb, text, text, text, text, text[], text) IS
    'Loads a CSV file of the server, however damaged and in whatever dialect, into a table, in this transaction: fields into columns, or records as documents into a jsonb column';
COMMENT ON PROCEDURE load_csv_files(text, regclass, integer, integer, text, text, text, text, "any", bigint, text, text, text[],
    text[], boolean, text, text, text, text, text, text, text, text, bigint, text, text, text,
    text, text, jsonb, text, text, text, text, text[], text) IS
    'Loads the CSV files that match a pattern, each exactly once, by workers, in transactions of its own';
COMMENT ON FUNCTION read_csv_file(text, text, text, text, text, "any", bigint, text, text, text[], text[], boolean, text, text,
    text, text, bigint) IS
    'The records of CSV files as rows, bad ones too; loads nothing';
COMMENT ON FUNCTION sniff_csv(text, integer, text, text, text, text, "any", bigint, text, text, text) IS
    'How a CSV file would be read: its dialect, its columns, and what else it could be';
COMMENT ON FUNCTION undo_load(bigint, boolean) IS
    'Deletes the rows and the rejects of a load, and of the loads that build on it';
COMMENT ON FUNCTION mend_reject(bigint, bigint, text) IS
    'Gives a reject the text that retry_rejects is to load in its place; NULL takes it away';
COMMENT ON FUNCTION mend_rejects(bigint, text, text) IS
    'Mends all rejects of a load, or those of one kind, by an SQL expression';
COMMENT ON FUNCTION retry_rejects(bigint) IS 'Loads the mended rejects of a load';

COMMENT ON FUNCTION create_pipeline(text, text, regclass, text, interval, interval, text, integer, integer, integer,
    interval, interval, text, text, text, text, boolean, jsonb) IS
    'Loads the files that match a pattern into a table as they come, each exactly once';
COMMENT ON FUNCTION alter_pipeline(text, text, regclass, text, interval, interval, integer, integer, integer, interval,
    interval, text, text, text, text, jsonb) IS
    'Changes a pipeline; NULL leaves an argument as it is, an empty text takes a hook away';
COMMENT ON FUNCTION pause_pipeline(text, text) IS
    'Has a pipeline load nothing until it is resumed';
COMMENT ON FUNCTION resume_pipeline(text) IS
    'Has a paused or suspended pipeline go on';
COMMENT ON FUNCTION drop_pipeline(text, boolean) IS
    'Removes a pipeline; what it has loaded and its history stay';
COMMENT ON FUNCTION preview_pipeline(text) IS
    'What the next run of a pipeline would do with each file that matches; loads nothing';
COMMENT ON FUNCTION skip_file(text, text, text) IS
    'Has a pipeline pass over a file until retry_file';
COMMENT ON FUNCTION retry_file(text, text) IS
    'Has a pipeline load a file at its next run that it has skipped, quarantined or failed to load';
COMMENT ON PROCEDURE run_pipeline(text) IS
    'Loads what a pipeline has waiting, in transactions of its own; for its owner';
COMMENT ON PROCEDURE run_pipelines() IS
    'Runs all pipelines of the caller that are due, in transactions of its own';

COMMENT ON FUNCTION loader.home() IS 'Internal: the place whose OIDs the rows of the history have';
COMMENT ON FUNCTION loader.scheduler() IS 'Internal: what loader.pipelines shows as scheduler';
COMMENT ON FUNCTION loader.may_amend(text, oid, name) IS 'Internal: whether the caller has the rights of the role that made a load';
COMMENT ON FUNCTION loader.raw_text(bytea, boolean) IS 'Internal: the bytes of a reject as text';
COMMENT ON FUNCTION loader.read_last_call() IS 'Internal: the row of loader.last_call';
COMMENT ON FUNCTION loader.chunk_records(bigint) IS 'Internal: hands the records of a chunk to the INSERT of a load';
COMMENT ON FUNCTION loader.chunk_offsets(bigint) IS 'Internal: hands the offsets of the records of a chunk to the INSERT of a load';
COMMENT ON FUNCTION loader.chunk_keys(bigint) IS 'Internal: hands the keys of the records of a chunk to the INSERT of a load';
COMMENT ON FUNCTION loader.chunk_numbers(bigint) IS 'Internal: hands the numbers of the records of a chunk to the INSERT of a load';
COMMENT ON FUNCTION loader.chunk_lines(bigint) IS 'Internal: hands the lines of the records of a chunk to the INSERT of a load';
COMMENT ON FUNCTION loader.chunk_rows(bigint) IS 'Internal: hands the rows of a chunk to the INSERT of a load';
COMMENT ON FUNCTION loader.chunk_cells(bigint, integer, anyelement) IS 'Internal: hands the cells of a column of a chunk to the INSERT of a load';
COMMENT ON FUNCTION loader.chunk_absent(bigint, integer) IS 'Internal: tells the INSERT of a load which records of a chunk lack a field';
COMMENT ON FUNCTION loader.chunk_has(bigint, integer) IS 'Internal: tells the INSERT of a load whether the record in hand has a field';
COMMENT ON FUNCTION loader.chunk_conflict(bigint, boolean) IS 'Internal: learns from the INSERT of a load that a key is in the table';
COMMENT ON FUNCTION loader.chunk_written(bigint) IS 'Internal: learns from the INSERT of a load that a row was written';

COMMENT ON FUNCTION merge_sql(regclass, regclass, text[], text) IS
    'Writes the statement that brings a table up to date with the newest row of each key that given loads ($1 bigint[]) brought to another one';
COMMENT ON FUNCTION loader.merge_name(regclass) IS 'Internal: a relation''s name, quoted and with its schema';
COMMENT ON FUNCTION loader.merge_check(regclass, regclass) IS 'Internal: fails unless rows can be merged from one relation into another';
COMMENT ON FUNCTION loader.merge_key(regclass, regclass, text[], text) IS 'Internal: the columns of the key of a merge; fails unless they can be one';

COMMENT ON FUNCTION swap_table(regclass, regclass, interval, integer) IS
    'Puts a table that was calculated anew in the place of another one, by exchanging their names in one short transaction';
COMMENT ON FUNCTION loader.swap_objections(regclass, regclass) IS 'Why two tables cannot be swapped; no row if they can';
COMMENT ON FUNCTION loader.swap_parts(regclass) IS 'Internal: indexes, constraints, statistics and identity sequences of a table';
COMMENT ON FUNCTION loader.swap_twins(regclass, regclass) IS 'Internal: which of these of two tables stand for each other';
COMMENT ON FUNCTION loader.swap_columns(regclass) IS 'Internal: the columns of a table as two tables need to have the same';
COMMENT ON FUNCTION loader.swap_views(regclass, regclass) IS 'Internal: the views that read one of two tables';
COMMENT ON FUNCTION loader.swap_check(regclass, regclass) IS 'Internal: fails unless two tables can be swapped';
COMMENT ON FUNCTION loader.swap_settings(text[], text) IS 'Internal: storage parameters as they are written in a statement';
COMMENT ON FUNCTION loader.swap_belongings(regclass, regclass) IS 'Internal: the statements that give what a table has to the next one of its name';
COMMENT ON FUNCTION loader.swap_statements(regclass, regclass) IS 'Internal: the statements that swap two tables';
COMMENT ON FUNCTION loader.swap_patience(interval, timestamptz) IS 'Internal: sets how long the next lock of a swap is waited for';
