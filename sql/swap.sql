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

GRANT EXECUTE ON FUNCTION loader.swap_parts(regclass), loader.swap_twins(regclass, regclass), loader.swap_columns(regclass),
    loader.swap_views(regclass, regclass), loader.swap_objections(regclass, regclass), loader.swap_settings(text[], text),
    loader.swap_belongings(regclass, regclass), loader.swap_statements(regclass, regclass),
    loader.swap_check(regclass, regclass), loader.swap_patience(interval, timestamptz) TO PUBLIC;

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
