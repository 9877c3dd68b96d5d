-- The extension, a way to make files, and roles. A server works in its data
-- directory, so that /proc/self/cwd is an absolute path to it, the same on
-- every machine.
CREATE EXTENSION loader;
-- Numbers of loads begin with the clock; here with 1.
SELECT setval('loader.load_id_seq', 1, false) AS first_load_id;
CREATE FUNCTION put(name text, content bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    large oid := lo_from_bytea(0, content);
BEGIN
    PERFORM lo_export(large, '/proc/self/cwd/' || name);
    PERFORM lo_unlink(large);
END $$;
CREATE FUNCTION put(name text, content text) RETURNS void LANGUAGE sql
AS $$ SELECT put(name, convert_to(content, 'UTF8')) $$;

SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_loader_reader, regress_loader_other, regress_loader_writer;
RESET client_min_messages;
CREATE ROLE regress_loader_reader;
CREATE ROLE regress_loader_writer;
CREATE ROLE regress_loader_other;
GRANT pg_read_server_files TO regress_loader_reader, regress_loader_other;
GRANT CREATE ON SCHEMA public TO regress_loader_reader;
SELECT pg_describe_object(classid, objid, 0) AS object FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND classid <> 'pg_type'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'loader')
ORDER BY pg_describe_object(classid, objid, 0) COLLATE "C";
