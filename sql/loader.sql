-- What CREATE EXTENSION loader makes. The verbs go to the first schema of the
-- search_path, everything that is state lives in the schema "loader".

CREATE SCHEMA loader;
GRANT USAGE ON SCHEMA loader TO PUBLIC;

-- State. No row level security on the tables: a dump has to see every row. They
-- are written as their owner, nobody else has a right on them.

-- A load's number is never used again, not even after DROP EXTENSION: a column of
-- lineage may still hold it. So numbers begin with the clock, in microseconds: no
-- extension makes as many loads as that while it is there.
CREATE SEQUENCE loader.load_id_seq AS bigint;
SELECT pg_catalog.setval('loader.load_id_seq'::pg_catalog.regclass,
    (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())
        OPERATOR(pg_catalog.*) 1000000::double precision)::bigint, false);

-- Whose OIDs the row has says home: the cluster, the database, and this table itself,
-- see loader.home(). In any other place, such as one that a dump was restored into, its
-- target and its role are known by their names; the next load takes such rows over.
-- target_oid and target_type are the relation and its row type: an OID may come round
-- again, both together do not.
-- emptied_at says when the target was found without a row: what the load brought was
-- gone. The stat of a file (file_device to file_ctime_ns, times in nanoseconds since
-- 1970) is there once the file had not changed for some time.
CREATE TABLE loader.load_history_data (
    load_id         bigint NOT NULL PRIMARY KEY,
    target          text NOT NULL,
    target_oid      oid NOT NULL,
    target_column   text NOT NULL,
    file_path       text NOT NULL,
    file_size       bigint,
    file_mtime      timestamptz,
    content_hash    bytea,
    format          text NOT NULL,
    compression     text NOT NULL,
    chunk           integer NOT NULL,
    options         jsonb NOT NULL,
    status          text NOT NULL,
    rows_loaded     bigint NOT NULL,
    rows_rejected   bigint NOT NULL,
    stream_bytes    bigint NOT NULL,
    bytes_loaded    bigint NOT NULL,
    bytes_rejected  bigint NOT NULL,
    bytes_framing   bigint NOT NULL,
    loaded_by       oid NOT NULL,
    loaded_by_name  name NOT NULL,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    records_path    text,
    start_offset    bigint NOT NULL DEFAULT 0,
    records         bigint NOT NULL DEFAULT 0,
    lines           bigint NOT NULL DEFAULT 0,
    splitter_state  bigint NOT NULL DEFAULT 0,
    error_sqlstate  text,
    error_message   text,
    retry_of        bigint,
    open_offset     bigint,
    home            text NOT NULL DEFAULT '',
    target_type     oid NOT NULL DEFAULT 0,
    emptied_at      timestamptz,
    file_device     bigint,
    file_inode      bigint,
    file_mtime_ns   bigint,
    file_ctime_ns   bigint,
    bytes_prefix    bigint NOT NULL DEFAULT 0,
    encoding        text,
    rows_updated    bigint NOT NULL DEFAULT 0,
    rows_superseded bigint NOT NULL DEFAULT 0,
    dialect         jsonb,
    rows_tolerated  bigint NOT NULL DEFAULT 0,
    builds_on       bigint,
    CHECK (stream_bytes OPERATOR(pg_catalog.=)
           (bytes_loaded OPERATOR(pg_catalog.+) bytes_rejected OPERATOR(pg_catalog.+) bytes_framing))
);
-- An earlier load of the same content is looked for by size first, one of the
-- same file by its path. Few loads are retries: an index of all rows would be read
-- whole for those that are none.
CREATE INDEX load_history_data_file_size_idx ON loader.load_history_data (file_size, target_oid, content_hash);
CREATE INDEX load_history_data_file_path_idx ON loader.load_history_data USING hash (file_path);
CREATE INDEX load_history_data_retry_of_idx ON loader.load_history_data (retry_of)
    WHERE retry_of IS NOT NULL;
-- The loads into a table that are in force, and those that come from elsewhere.
CREATE INDEX load_history_data_target_idx ON loader.load_history_data (home, target_oid, target)
    WHERE emptied_at IS NULL AND status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text;
-- A file that goes on under another name, as rotated logs do, is looked for by its inode.
CREATE INDEX load_history_data_file_inode_idx ON loader.load_history_data (file_inode)
    WHERE file_inode IS NOT NULL;
-- The loads that go on where one ended, for when that is undone: few files grow.
CREATE INDEX load_history_data_builds_on_idx ON loader.load_history_data (builds_on)
    WHERE builds_on IS NOT NULL;
-- Those that are gone with the rows of their table.
CREATE INDEX load_history_data_emptied_idx ON loader.load_history_data (home, target_oid)
    WHERE emptied_at IS NOT NULL;

CREATE TABLE loader.rejects_data (
    load_id         bigint NOT NULL,
    record_no       bigint NOT NULL,
    byte_offset     bigint NOT NULL,
    byte_length     bigint NOT NULL,
    line            bigint NOT NULL,
    error_type      text NOT NULL,
    sqlstate        text NOT NULL,
    message         text NOT NULL,
    raw             bytea NOT NULL,
    raw_truncated   boolean NOT NULL,
    mended          text,
    mended_at       timestamptz,
    resolved_by     bigint,
    record_key      text,
    column_name     text,
    PRIMARY KEY (load_id, byte_offset)
);
-- Which rejects a load has made good, for when it is undone: few are.
CREATE INDEX rejects_data_resolved_by_idx ON loader.rejects_data (resolved_by) WHERE resolved_by IS NOT NULL;

REVOKE ALL ON SEQUENCE loader.load_id_seq FROM PUBLIC;
REVOKE ALL ON TABLE loader.load_history_data FROM PUBLIC;
REVOKE ALL ON TABLE loader.rejects_data FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('loader.load_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('loader.load_history_data', '');
SELECT pg_catalog.pg_extension_config_dump('loader.rejects_data', '');

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

-- A role sees the loads that it may amend.

CREATE VIEW loader.load_history WITH (security_barrier) AS
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

-- The bytes of a reject as text, NULL where they are none of the database. The file is
-- UTF-8; the last character may have been cut.
CREATE FUNCTION loader.raw_text(raw bytea, truncated boolean)
RETURNS text
LANGUAGE c STRICT STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'raw_text_wrapper';

CREATE VIEW loader.rejects WITH (security_barrier) AS
SELECT r.load_id, r.record_no, r.byte_offset, r.byte_length, r.line, r.error_type, r.sqlstate,
       r.message, r.raw, r.raw_truncated, r.mended, r.mended_at, r.resolved_by,
       loader.raw_text(r.raw, r.raw_truncated) AS raw_text, r.record_key,
       r.column_name
FROM loader.rejects_data AS r
JOIN loader.load_history_data AS h ON h.load_id OPERATOR(pg_catalog.=) r.load_id
WHERE loader.may_amend(h.home, h.loaded_by, h.loaded_by_name);

GRANT SELECT ON loader.load_history TO PUBLIC;
GRANT SELECT ON loader.rejects TO PUBLIC;

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

GRANT SELECT ON loader.progress TO PUBLIC;

-- Functions. Those whose parameters have changed since an earlier version have other symbols
-- than then: a library is never called with arguments that it does not expect.

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

GRANT SELECT ON loader.last_call TO PUBLIC;

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

CREATE FUNCTION mend_reject(load_id bigint, byte_offset bigint, new_text text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mend_reject_wrapper';

CREATE FUNCTION mend_rejects(load_id bigint, error_type text, expression text)
RETURNS TABLE (
    rejects_mended bigint,
    rejects_still_bad bigint,
    rejects_unchanged bigint,
    rejects_truncated bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'mend_rejects_wrapper';

CREATE FUNCTION retry_rejects(load_id bigint)
RETURNS TABLE (
    load_id bigint,
    status text,
    rows_loaded bigint,
    rows_rejected bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'retry_rejects_wrapper';

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

-- The views call these as whoever reads them, and the INSERT of a load as whoever loads:
-- also where default privileges give functions to nobody.
GRANT EXECUTE ON FUNCTION loader.home(), loader.scheduler(), loader.may_amend(text, oid, name),
    loader.raw_text(bytea, boolean),
    loader.read_last_call(), loader.chunk_records(bigint), loader.chunk_offsets(bigint), loader.chunk_keys(bigint),
    loader.chunk_numbers(bigint), loader.chunk_lines(bigint), loader.chunk_rows(bigint),
    loader.chunk_cells(bigint, integer, anyelement), loader.chunk_absent(bigint, integer), loader.chunk_has(bigint, integer),
    loader.chunk_conflict(bigint, boolean), loader.chunk_written(bigint)
    TO PUBLIC;

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

REVOKE ALL ON TABLE loader.pipelines_data FROM PUBLIC;
REVOKE ALL ON TABLE loader.pipeline_files_data FROM PUBLIC;
REVOKE ALL ON TABLE loader.pipeline_runs_data FROM PUBLIC;
REVOKE ALL ON TABLE loader.pipeline_batches_data FROM PUBLIC;

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

GRANT SELECT ON loader.pipelines TO PUBLIC;
GRANT SELECT ON loader.pipeline_targets TO PUBLIC;
GRANT SELECT ON loader.pipeline_files TO PUBLIC;
GRANT SELECT ON loader.pipeline_runs TO PUBLIC;

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

-- Default privileges may have given others rights on what was made here. Whoever may
-- write to the tables below the views forges history; whoever may add a trigger to one
-- has code of his own run by its owner. Nobody but the owner has a right on them.
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
                     CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'v'::pg_catalog."char" THEN 'SELECT' END AS kept
              FROM pg_catalog.pg_class AS c
              JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
              WHERE n.nspname OPERATOR(pg_catalog.=) 'loader'::pg_catalog.name
                AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,S}'::pg_catalog."char"[])
              UNION ALL
              SELECT 'SCHEMA', 'loader', n.nspowner, n.nspacl, 'USAGE'
              FROM pg_catalog.pg_namespace AS n
              WHERE n.nspname OPERATOR(pg_catalog.=) 'loader'::pg_catalog.name) AS o
        CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
        WHERE a.grantee OPERATOR(pg_catalog.<>) o.owner
          AND (o.kept IS NULL OR a.privilege_type OPERATOR(pg_catalog.<>) o.kept)
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
