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

GRANT EXECUTE ON FUNCTION loader.merge_name(regclass), loader.merge_check(regclass, regclass),
    loader.merge_key(regclass, regclass, text[], text) TO PUBLIC;

COMMENT ON FUNCTION merge_sql(regclass, regclass, text[], text) IS
    'Writes the statement that brings a table up to date with the newest row of each key that given loads ($1 bigint[]) brought to another one';
COMMENT ON FUNCTION loader.merge_name(regclass) IS 'Internal: a relation''s name, quoted and with its schema';
COMMENT ON FUNCTION loader.merge_check(regclass, regclass) IS 'Internal: fails unless rows can be merged from one relation into another';
COMMENT ON FUNCTION loader.merge_key(regclass, regclass, text[], text) IS 'Internal: the columns of the key of a merge; fails unless they can be one';
