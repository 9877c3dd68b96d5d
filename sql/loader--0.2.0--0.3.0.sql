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
    ADD COLUMN encoding text;
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

CREATE INDEX load_history_data_target_idx ON loader.load_history_data (home, target_oid, target)
    WHERE emptied_at IS NULL AND status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text;
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

-- Where this history is at home: the text that home has in the rows that are written here.
CREATE FUNCTION loader.home()
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'loader_home_wrapper';

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

-- Columns are appended; grants on the views stay.

CREATE OR REPLACE VIEW loader.load_history WITH (security_barrier) AS
SELECT h.load_id, h.target, h.target_oid, h.target_column, h.file_path, h.file_size, h.file_mtime,
       h.content_hash, h.format, h.compression, h.chunk, h.options, h.status, h.rows_loaded,
       h.rows_rejected, h.stream_bytes, h.bytes_loaded, h.bytes_rejected, h.bytes_framing,
       h.loaded_by, h.loaded_by_name, h.started_at, h.finished_at,
       h.records_path, h.start_offset, h.records, h.error_sqlstate, h.error_message, h.retry_of,
       h.emptied_at, h.bytes_prefix, h.encoding
FROM loader.load_history_data AS h
WHERE loader.may_amend(h.home, h.loaded_by, h.loaded_by_name);

CREATE OR REPLACE VIEW loader.rejects WITH (security_barrier) AS
SELECT r.load_id, r.record_no, r.byte_offset, r.byte_length, r.line, r.error_type, r.sqlstate,
       r.message, r.raw, r.raw_truncated, r.mended, r.mended_at, r.resolved_by,
       loader.raw_text(r.raw, r.raw_truncated) AS raw_text, r.record_key
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
    line_prefix text DEFAULT NULL)
RETURNS TABLE (
    load_id bigint,
    status text,
    rows_loaded bigint,
    rows_rejected bigint,
    bytes_read bigint,
    elapsed interval)
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
    line_prefix text DEFAULT NULL)
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
    line_prefix text DEFAULT NULL)
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

COMMENT ON FUNCTION infer_schema(text, text, bigint, text, text, text, text, text) IS
    'The fields that the records of JSON files have, each with a name and a type for a column that holds all its values';

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
    records_path text DEFAULT NULL)
RETURNS regclass
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'seed_columns_wrapper';

COMMENT ON FUNCTION seed_table(text, text, text[], jsonb, boolean, boolean, boolean, boolean, boolean, boolean, text) IS
    'Creates a table with a column for each field that the records of JSON files have';

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

-- What is new belongs to the owner of the extension, whoever updates it.
DO $$
DECLARE
    owner pg_catalog.regrole := (SELECT e.extowner FROM pg_catalog.pg_extension AS e
                                 WHERE e.extname OPERATOR(pg_catalog.=) 'loader'::pg_catalog.name);
    routine pg_catalog.regprocedure;
BEGIN
    EXECUTE pg_catalog.format('ALTER VIEW loader.last_call OWNER TO %s', owner);
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

GRANT SELECT ON loader.last_call TO PUBLIC;
-- The views call these as whoever reads them, and the INSERT of a load as whoever loads:
-- also where default privileges give functions to nobody.
GRANT EXECUTE ON FUNCTION loader.home(), loader.may_amend(text, oid, name), loader.raw_text(bytea, boolean),
    loader.read_last_call(), loader.chunk_records(bigint), loader.chunk_offsets(bigint), loader.chunk_keys(bigint)
    TO PUBLIC;

REVOKE ALL ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text, text, boolean, text,
    text, text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text, text, boolean, text,
    text, text, text)
    TO pg_read_server_files;
REVOKE ALL ON PROCEDURE load_json_files(text, regclass, integer, integer, text, text, text, bigint,
    text, text, text, text, text, text, text, text)
    FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE load_json_files(text, regclass, integer, integer, text, text, text, bigint,
    text, text, text, text, text, text, text, text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION read_json_file(text, text, text, text, text, bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_json_file(text, text, text, text, text, bigint, text, text, text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION infer_schema(text, text, bigint, text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION infer_schema(text, text, bigint, text, text, text, text, text)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION seed_table(text, text, text[], jsonb, boolean, boolean, boolean, boolean, boolean, boolean, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seed_table(text, text, text[], jsonb, boolean, boolean, boolean, boolean, boolean, boolean, text)
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
                     'SELECT' AS kept
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
