-- What CREATE EXTENSION loader made in 0.1.0; later versions are reached from here
-- by updates. The verbs go to the first schema of the search_path, everything that is
-- state lives in the schema "loader".

CREATE SCHEMA loader;
GRANT USAGE ON SCHEMA loader TO PUBLIC;

-- State. No row level security on the tables: a dump has to see every row. They
-- are written as their owner, nobody else has a right on them.

CREATE SEQUENCE loader.load_id_seq AS bigint;

CREATE TABLE loader.load_history_data (
    load_id         bigint NOT NULL PRIMARY KEY,
    target          text NOT NULL,
    target_oid      oid NOT NULL,
    target_column   text NOT NULL,
    file_path       text NOT NULL,
    file_size       bigint NOT NULL,
    file_mtime      timestamptz NOT NULL,
    content_hash    bytea NOT NULL,
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
    finished_at     timestamptz NOT NULL,
    CHECK (stream_bytes OPERATOR(pg_catalog.=)
           (bytes_loaded OPERATOR(pg_catalog.+) bytes_rejected OPERATOR(pg_catalog.+) bytes_framing))
);
-- An earlier load of the same content is looked for by size first.
CREATE INDEX load_history_data_file_size_idx ON loader.load_history_data (file_size);

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
    PRIMARY KEY (load_id, record_no)
);

REVOKE ALL ON SEQUENCE loader.load_id_seq FROM PUBLIC;
REVOKE ALL ON TABLE loader.load_history_data FROM PUBLIC;
REVOKE ALL ON TABLE loader.rejects_data FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('loader.load_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('loader.load_history_data', '');
SELECT pg_catalog.pg_extension_config_dump('loader.rejects_data', '');

-- A role sees the loads of the roles that it is a member of: by OID, for which
-- pg_has_role is false, not an error, once the role is gone.

CREATE VIEW loader.load_history WITH (security_barrier) AS
SELECT h.load_id, h.target, h.target_oid, h.target_column, h.file_path, h.file_size, h.file_mtime,
       h.content_hash, h.format, h.compression, h.chunk, h.options, h.status, h.rows_loaded,
       h.rows_rejected, h.stream_bytes, h.bytes_loaded, h.bytes_rejected, h.bytes_framing,
       h.loaded_by, h.loaded_by_name, h.started_at, h.finished_at
FROM loader.load_history_data AS h
WHERE pg_catalog.pg_has_role(h.loaded_by, 'MEMBER');

CREATE VIEW loader.rejects WITH (security_barrier) AS
SELECT r.load_id, r.record_no, r.byte_offset, r.byte_length, r.line, r.error_type, r.sqlstate,
       r.message, r.raw, r.raw_truncated
FROM loader.rejects_data AS r
JOIN loader.load_history_data AS h ON h.load_id OPERATOR(pg_catalog.=) r.load_id
WHERE pg_catalog.pg_has_role(h.loaded_by, 'MEMBER');

GRANT SELECT ON loader.load_history TO PUBLIC;
GRANT SELECT ON loader.rejects TO PUBLIC;

-- Functions.

CREATE FUNCTION seed_json_table(name text, unlogged boolean DEFAULT false, if_not_exists boolean DEFAULT false)
RETURNS regclass
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'seed_json_table_wrapper';

CREATE FUNCTION load_json_file(
    path text,
    "table" regclass,
    chunk integer DEFAULT 10000,
    format text DEFAULT 'auto',
    compression text DEFAULT 'auto',
    on_error text DEFAULT 'reject',
    reject_limit bigint DEFAULT NULL,
    if_loaded text DEFAULT 'skip',
    target_column text DEFAULT 'data')
RETURNS TABLE (
    load_id bigint,
    status text,
    rows_loaded bigint,
    rows_rejected bigint,
    bytes_read bigint,
    elapsed interval)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'load_json_file_wrapper';

REVOKE ALL ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_json_file(text, regclass, integer, text, text, text, bigint, text, text)
    TO pg_read_server_files;

-- Hands the records of the chunk in hand to the INSERT of a load. Of no use to
-- anybody else; outside a load it raises an error.
CREATE FUNCTION loader.chunk_records(bigint)
RETURNS SETOF jsonb
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'loader_chunk_records';

REVOKE ALL ON FUNCTION loader.chunk_records(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION loader.chunk_records(bigint) TO pg_read_server_files;
