-- From 0.1.0 to 0.2.0. Afterwards all is as if 0.2.0 had been created, with the
-- loads, rejects and grants of before.
--
-- The search_path may be anything: names and operators are qualified, but for the
-- verbs, which go where the extension's other verbs are.

-- Waits for loads and readers, and holds nothing while it waits: they take these in
-- any order. The tables below the views are locked with them.
DO $$
BEGIN
    LOOP
        BEGIN
            LOCK TABLE loader.load_history, loader.rejects IN ACCESS EXCLUSIVE MODE NOWAIT;
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

-- State. Indexes come before the UPDATE: made after it in the same transaction,
-- they could not be used by snapshots older than this.

ALTER TABLE loader.load_history_data
    ALTER COLUMN file_size DROP NOT NULL,
    ALTER COLUMN file_mtime DROP NOT NULL,
    ALTER COLUMN content_hash DROP NOT NULL,
    ALTER COLUMN finished_at DROP NOT NULL,
    ADD COLUMN records_path text,
    ADD COLUMN start_offset bigint NOT NULL DEFAULT 0,
    ADD COLUMN records bigint NOT NULL DEFAULT 0,
    ADD COLUMN lines bigint NOT NULL DEFAULT 0,
    ADD COLUMN overread bigint NOT NULL DEFAULT 0,
    ADD COLUMN error_sqlstate text,
    ADD COLUMN error_message text,
    ADD COLUMN retry_of bigint,
    ADD COLUMN open_offset bigint,
    ADD COLUMN home text NOT NULL DEFAULT '';

CREATE INDEX load_history_data_file_path_idx ON loader.load_history_data USING hash (file_path);
CREATE INDEX load_history_data_retry_of_idx ON loader.load_history_data (retry_of)
    WHERE retry_of IS NOT NULL;
DROP INDEX loader.load_history_data_file_size_idx;
CREATE INDEX load_history_data_file_size_idx ON loader.load_history_data (file_size, content_hash);

-- Each record was loaded or rejected. Lines were not counted: theirs stay 0. A reject
-- that ends with the stream may only have been begun: a file that has grown goes on there.
-- OIDs are this database's, unless they and the names lead to two tables, as after a
-- restore: then the names decide.
UPDATE loader.load_history_data AS h
SET records = h.rows_loaded OPERATOR(pg_catalog.+) h.rows_rejected,
    open_offset = (SELECT pg_catalog.max(r.byte_offset) FROM loader.rejects_data AS r
                   WHERE r.load_id OPERATOR(pg_catalog.=) h.load_id
                     AND r.byte_offset OPERATOR(pg_catalog.+) r.byte_length OPERATOR(pg_catalog.=) h.stream_bytes),
    home = CASE WHEN t.has_oid AND NOT t.is_another THEN t.home ELSE '' END
FROM (SELECT l.load_id,
             EXISTS (SELECT FROM pg_catalog.pg_class AS c
                     WHERE c.oid OPERATOR(pg_catalog.=) l.target_oid
                       AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,f}'::pg_catalog."char"[])) AS has_oid,
             COALESCE(named.oid OPERATOR(pg_catalog.<>) l.target_oid, false) AS is_another,
             system.system_identifier::pg_catalog.text OPERATOR(pg_catalog.||) '/'::pg_catalog.text
                 OPERATOR(pg_catalog.||) database.oid::pg_catalog.text AS home
      FROM loader.load_history_data AS l
      CROSS JOIN pg_catalog.pg_control_system() AS system
      JOIN pg_catalog.pg_database AS database
        ON database.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
      LEFT JOIN (SELECT c.oid, s.nspname, c.relname
                 FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace) AS named
        ON named.nspname OPERATOR(pg_catalog.=) (pg_catalog.parse_ident(l.target))[1]::pg_catalog.name
        AND named.relname OPERATOR(pg_catalog.=) (pg_catalog.parse_ident(l.target))[2]::pg_catalog.name) AS t
WHERE t.load_id OPERATOR(pg_catalog.=) h.load_id;

ALTER TABLE loader.rejects_data
    ADD COLUMN mended text,
    ADD COLUMN mended_at timestamptz,
    ADD COLUMN resolved_by bigint,
    DROP CONSTRAINT rejects_data_pkey,
    ADD CONSTRAINT rejects_data_pkey PRIMARY KEY (load_id, byte_offset);
-- Which rejects a load has made good, for when it is undone: few are.
CREATE INDEX rejects_data_resolved_by_idx ON loader.rejects_data (resolved_by) WHERE resolved_by IS NOT NULL;

-- Columns are appended; grants on the views stay.

CREATE OR REPLACE VIEW loader.load_history WITH (security_barrier) AS
SELECT h.load_id, h.target, h.target_oid, h.target_column, h.file_path, h.file_size, h.file_mtime,
       h.content_hash, h.format, h.compression, h.chunk, h.options, h.status, h.rows_loaded,
       h.rows_rejected, h.stream_bytes, h.bytes_loaded, h.bytes_rejected, h.bytes_framing,
       h.loaded_by, h.loaded_by_name, h.started_at, h.finished_at,
       h.records_path, h.start_offset, h.records, h.error_sqlstate, h.error_message, h.retry_of
FROM loader.load_history_data AS h
WHERE pg_catalog.pg_has_role(h.loaded_by, 'MEMBER');

CREATE OR REPLACE VIEW loader.rejects WITH (security_barrier) AS
SELECT r.load_id, r.record_no, r.byte_offset, r.byte_length, r.line, r.error_type, r.sqlstate,
       r.message, r.raw, r.raw_truncated, r.mended, r.mended_at, r.resolved_by
FROM loader.rejects_data AS r
JOIN loader.load_history_data AS h ON h.load_id OPERATOR(pg_catalog.=) r.load_id
WHERE pg_catalog.pg_has_role(h.loaded_by, 'MEMBER');

-- Loads under way, each worker of load_json_files by itself. The figures come from
-- the server's progress reports, and are shown to those who may see those.
CREATE VIEW loader.progress WITH (security_barrier) AS
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
            THEN pg_catalog.make_interval(secs => p.seconds_left) END AS eta
FROM (SELECT q.*,
             CASE WHEN q.bytes_processed OPERATOR(pg_catalog.>) 0
                  THEN q.seconds OPERATOR(pg_catalog.*)
                       (GREATEST(q.bytes_total OPERATOR(pg_catalog.-) q.bytes_processed, 0)
                        OPERATOR(pg_catalog./) q.bytes_processed::double precision) END AS seconds_left
      FROM (SELECT i.pid, i.relid, i.param1 AS bytes_processed, i.param2 AS bytes_total,
                   i.param3 AS rows_loaded, i.param16 AS rows_rejected,
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

-- The two verbs of 0.1.0 have more parameters now: they are made anew, and get the grants
-- that the old ones had. What a view or a function in SQL has of an old one keeps it from
-- being dropped: the update then fails and says which.

CREATE FUNCTION seed_json_table(
    name text,
    unlogged boolean DEFAULT false,
    if_not_exists boolean DEFAULT false,
    lineage boolean DEFAULT false)
RETURNS regclass
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'seed_table_wrapper';

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
    validate boolean DEFAULT false)
RETURNS TABLE (
    load_id bigint,
    status text,
    rows_loaded bigint,
    rows_rejected bigint,
    bytes_read bigint,
    elapsed interval)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'load_file_wrapper';

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
    INOUT files bigint DEFAULT NULL,
    INOUT files_loaded bigint DEFAULT NULL,
    INOUT files_skipped bigint DEFAULT NULL,
    INOUT files_failed bigint DEFAULT NULL,
    INOUT rows_loaded bigint DEFAULT NULL,
    INOUT rows_rejected bigint DEFAULT NULL,
    INOUT bytes_read bigint DEFAULT NULL,
    INOUT mb_per_second double precision DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'loader_load_json_files';

CREATE FUNCTION read_json_file(
    path text,
    format text DEFAULT 'auto',
    compression text DEFAULT 'auto',
    on_error text DEFAULT 'reject',
    records_path text DEFAULT NULL,
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
AS 'MODULE_PATHNAME', 'read_json_file_wrapper';

CREATE FUNCTION undo_load(load_id bigint)
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'undo_load_wrapper';

CREATE FUNCTION mend_reject(load_id bigint, byte_offset bigint, new_text text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mend_reject_wrapper';

CREATE FUNCTION retry_rejects(load_id bigint)
RETURNS TABLE (
    load_id bigint,
    status text,
    rows_loaded bigint,
    rows_rejected bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'retry_rejects_wrapper';

-- Made anew: in 0.1.0 EXECUTE was revoked from PUBLIC.
DROP FUNCTION loader.chunk_records(bigint);

-- Hand the records of the chunk in hand, and their offsets, to the INSERT of a
-- load. Of no use to anybody else; outside of a load they raise an error.
CREATE FUNCTION loader.chunk_records(bigint)
RETURNS SETOF jsonb
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_records';

CREATE FUNCTION loader.chunk_offsets(bigint)
RETURNS SETOF bigint
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_offsets';

-- What is new belongs to the owner of the extension, whoever updates it.
DO $$
DECLARE
    owner pg_catalog.regrole := (SELECT e.extowner FROM pg_catalog.pg_extension AS e
                                 WHERE e.extname OPERATOR(pg_catalog.=) 'loader'::pg_catalog.name);
    routine pg_catalog.regprocedure;
BEGIN
    EXECUTE pg_catalog.format('ALTER VIEW loader.progress OWNER TO %s', owner);
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

GRANT SELECT ON loader.progress TO PUBLIC;
REVOKE ALL ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text, text, boolean)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text, text, boolean)
    TO pg_read_server_files;
REVOKE ALL ON PROCEDURE load_json_files(text, regclass, integer, integer, text, text, text, bigint,
    text, text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint, double precision)
    FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE load_json_files(text, regclass, integer, integer, text, text, text, bigint,
    text, text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint, double precision)
    TO pg_read_server_files;
REVOKE ALL ON FUNCTION read_json_file(text, text, text, text, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_json_file(text, text, text, text, text, bigint) TO pg_read_server_files;

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
                  ANY ('{seed_json_table_wrapper,load_json_file_wrapper}'::pg_catalog.text[])
          AND n.prosrc OPERATOR(pg_catalog.=) ANY ('{seed_table_wrapper,load_file_wrapper}'::pg_catalog.text[])
    LOOP
        PERFORM loader.copy_grants(old, new);
        EXECUTE pg_catalog.format('DROP ROUTINE %s', old);
    END LOOP;
END $$;

DROP FUNCTION loader.copy_grants(regprocedure, regprocedure);
