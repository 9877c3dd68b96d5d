//! Tests inside the server of `Target::compression`.

#[pgrx::pg_schema]
mod tests {
    use crate::pg::Oid;
    use crate::pg::relations::storage::{Open, TUPLE_HEADER, TUPLE_THRESHOLD, partitions};
    use crate::sink::{ColumnOptions, Records, Target};
    use loader_core::pipeline::ToastPolicy;
    use loader_core::toast::Method;
    use pgrx::prelude::*;

    const PGLZ: Option<ToastPolicy> = Some(ToastPolicy { method: Method::Pglz, above: 2008 });
    const LZ4: Option<ToastPolicy> = Some(ToastPolicy { method: Method::Lz4, above: 2008 });

    fn oid(table: &str) -> Oid {
        Spi::get_one_with_args::<Oid>("SELECT $1::regclass::oid", &[table.into()])
            .expect("a statement")
            .expect("a table")
    }

    /// From 19 on the default is lz4.
    fn default_to_pglz() {
        Spi::run("SET default_toast_compression = 'pglz'").expect("SET");
    }

    fn of(table: &str) -> Option<ToastPolicy> {
        Target::lock(oid(table), Some(b"data"), Records::Elements, &ColumnOptions::default())
            .expect("a target")
            .compression()
    }

    fn number(query: &str) -> i64 {
        Spi::get_one::<i64>(query).expect("a statement").expect("a number")
    }

    fn has_lz4() -> bool {
        number(
            "SELECT count(*) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)",
        ) == 1
    }

    /// Runs each script on an empty stage and looks at the table `t` that it made.
    fn check(expected: Option<ToastPolicy>, scripts: &[&str]) {
        for script in scripts {
            default_to_pglz();
            Spi::run(
                "DROP SCHEMA IF EXISTS stage CASCADE; CREATE SCHEMA stage; SET search_path = stage;
                 CREATE FUNCTION stage.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            )
            .expect("a stage");
            Spi::run(script).unwrap_or_else(|error| panic!("{script}: {error}"));
            assert_eq!(of("t"), expected, "{script}");
        }
    }

    #[pg_test]
    fn sizes_are_the_server_s() {
        assert_eq!((TUPLE_THRESHOLD, TUPLE_HEADER), (2032, 24));
        check(
            PGLZ,
            &[
                "CREATE TABLE t (data jsonb)",
                "CREATE TABLE t (data jsonb) WITH (fillfactor = 50)",
                "CREATE TABLE t (data jsonb) WITH (toast_tuple_target = 2032)",
            ],
        );
        check(
            Some(ToastPolicy { method: Method::Pglz, above: 4096 - 24 }),
            &["CREATE TABLE t (data jsonb) WITH (toast_tuple_target = 4096)"],
        );
        check(
            None,
            &[
                "CREATE TABLE t (data jsonb) WITH (toast_tuple_target = 128)",
                "CREATE TABLE t (data jsonb) WITH (toast_tuple_target = 2031)",
            ],
        );
    }

    #[pg_test]
    fn the_column_decides_storage_and_method() {
        check(
            PGLZ,
            &[
                "CREATE TABLE t (data jsonb COMPRESSION pglz); SET default_toast_compression = 'pglz'",
                "CREATE TABLE t (gone int, data jsonb); ALTER TABLE t DROP gone",
                "CREATE TABLE t (data jsonb); ALTER TABLE t ALTER data SET STORAGE main",
                "CREATE TABLE t (a int, data jsonb, b bigint); ALTER TABLE t ALTER data SET STORAGE main",
                "CREATE TABLE t (data jsonb, b text); ALTER TABLE t ALTER data SET STORAGE main, ALTER b SET STORAGE plain",
                "CREATE TABLE t (data jsonb, b text); ALTER TABLE t ALTER data SET STORAGE main; ALTER TABLE t DROP b",
            ],
        );
        check(
            None,
            &[
                "CREATE TABLE t (data jsonb); ALTER TABLE t ALTER data SET STORAGE plain",
                "CREATE TABLE t (data jsonb); ALTER TABLE t ALTER data SET STORAGE external",
                "CREATE TABLE t (data jsonb, b text); ALTER TABLE t ALTER data SET STORAGE main",
                "CREATE DOMAIN d AS jsonb; CREATE TABLE t (data d)",
                "CREATE DOMAIN d AS jsonb CHECK (VALUE IS NOT NULL); CREATE TABLE t (data d)",
            ],
        );
        if has_lz4() {
            check(
                LZ4,
                &[
                    "CREATE TABLE t (data jsonb COMPRESSION lz4)",
                    "CREATE TABLE t (data jsonb); SET default_toast_compression = 'lz4'",
                ],
            );
            check(
                PGLZ,
                &["CREATE TABLE t (data jsonb COMPRESSION pglz); SET default_toast_compression = 'lz4'"],
            );
        }
    }

    #[pg_test]
    fn the_kind_of_table_decides() {
        check(
            PGLZ,
            &[
                "CREATE TEMP TABLE t (data jsonb)",
                "DROP TABLE pg_temp.t; CREATE UNLOGGED TABLE t (data jsonb)",
                "CREATE TABLE t (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), note text DEFAULT 'none', data jsonb NOT NULL)",
                "CREATE TABLE p (data jsonb); CREATE TABLE t () INHERITS (p)",
                "CREATE TABLE t (data jsonb); CREATE TABLE c (CHECK (data IS NOT NULL)) INHERITS (t)",
                "CREATE TYPE y AS (data jsonb); CREATE TABLE t OF y",
            ],
        );
        check(
            None,
            &[
                "CREATE TABLE a (data jsonb); CREATE VIEW t AS SELECT data FROM a",
                "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (data jsonb) SERVER s",
                "DROP FOREIGN DATA WRAPPER IF EXISTS w CASCADE;
                 CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;
                 CREATE TABLE t (data jsonb) USING other",
            ],
        );
    }

    #[pg_test]
    fn who_reads_the_column_gets_it_as_it_is() {
        check(
            None,
            &[
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION nothing()",
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION nothing()",
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW WHEN (NEW.data IS NULL) EXECUTE FUNCTION nothing()",
                "CREATE TABLE t (data jsonb); CREATE CONSTRAINT TRIGGER r AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nothing()",
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION nothing(); ALTER TABLE t ENABLE REPLICA TRIGGER r",
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION nothing()",
                "CREATE TABLE t (data jsonb CHECK (data ? 'id'))",
                "CREATE TABLE t (data jsonb); ALTER TABLE t ADD CHECK (data IS NOT NULL) NOT VALID",
                "CREATE TABLE t (a int, data jsonb, CHECK (t IS NOT NULL))",
                "CREATE TABLE p (data jsonb CHECK (data ? 'id')); CREATE TABLE t () INHERITS (p)",
                "CREATE TABLE t (data jsonb PRIMARY KEY)",
                "CREATE TABLE t (data jsonb); CREATE INDEX ON t USING gin (data)",
                "CREATE TABLE t (data jsonb); CREATE INDEX ON t ((data ->> 'id'))",
                "CREATE TABLE t (a int, data jsonb); CREATE INDEX ON t (a) WHERE data ? 'id'",
                "CREATE TABLE t (a int, data jsonb); CREATE INDEX ON t (a) INCLUDE (data)",
                "CREATE TABLE t (a int, data jsonb); CREATE INDEX ON t ((t IS NULL))",
                "CREATE TABLE t (data jsonb, EXCLUDE USING hash (data WITH =))",
                "CREATE TABLE t (data jsonb UNIQUE DEFERRABLE)",
                "CREATE TABLE a (d jsonb PRIMARY KEY); CREATE TABLE t (data jsonb REFERENCES a)",
                "CREATE TABLE a (i int, d jsonb, PRIMARY KEY (i, d)); CREATE TABLE t (i int, data jsonb, FOREIGN KEY (i, data) REFERENCES a)",
                "CREATE TABLE t (data jsonb, id text GENERATED ALWAYS AS (data ->> 'id') STORED)",
                "CREATE TABLE t (data jsonb); ALTER TABLE t ENABLE ROW LEVEL SECURITY",
                "CREATE TABLE a (data jsonb); CREATE TABLE t (data jsonb); CREATE RULE r AS ON INSERT TO t DO ALSO INSERT INTO a VALUES (NEW.data)",
                "CREATE TABLE t (data jsonb); CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING",
            ],
        );
    }

    #[pg_test]
    fn who_does_not_read_it_is_no_obstacle() {
        check(
            PGLZ,
            &[
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r BEFORE UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION nothing()",
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION nothing()",
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r AFTER UPDATE ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION nothing()",
                "CREATE TABLE t (data jsonb); CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION nothing(); ALTER TABLE t DISABLE TRIGGER r",
                "CREATE TABLE t (a int CHECK (a > 0), data jsonb)",
                "CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE DEFERRABLE, data jsonb); CREATE INDEX ON t ((a + b)) INCLUDE (b) WHERE a > 0",
                "CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE t (i int DEFAULT NULL REFERENCES a, data jsonb)",
                "CREATE TABLE t (i int PRIMARY KEY, data jsonb); CREATE TABLE a (i int REFERENCES t)",
                "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED, data jsonb)",
                "CREATE TABLE t (data jsonb); CREATE RULE r AS ON UPDATE TO t DO INSTEAD NOTHING",
                "CREATE TABLE t (data jsonb); CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING; ALTER TABLE t DISABLE RULE r",
                "CREATE TABLE t (data jsonb); CREATE POLICY p ON t USING (data ? 'id')",
                "CREATE TABLE t (data jsonb); CREATE STATISTICS s ON (data ->> 'id') FROM t",
                "CREATE TABLE t (data jsonb NOT NULL); CREATE PUBLICATION u FOR TABLE t WHERE (data IS NOT NULL)",
            ],
        );
    }

    #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17")))]
    #[pg_test]
    fn virtual_columns_read_when_they_are_asked_for() {
        check(
            PGLZ,
            &[
                "CREATE TABLE t (data jsonb, id text GENERATED ALWAYS AS (data ->> 'id') VIRTUAL)",
                "CREATE TABLE t (data jsonb, a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL NOT NULL CHECK (b > 0))",
            ],
        );
        check(
            None,
            &[
                "CREATE TABLE t (data jsonb, id text GENERATED ALWAYS AS (data ->> 'id') VIRTUAL NOT NULL)",
                "CREATE TABLE t (data jsonb, id text GENERATED ALWAYS AS (data ->> 'id') VIRTUAL CHECK (id <> ''))",
            ],
        );
    }

    #[pg_test]
    fn partitions_must_agree() {
        const TWO: &str = "CREATE TABLE t (a int, data jsonb) PARTITION BY LIST (a);
            CREATE TABLE p1 PARTITION OF t FOR VALUES IN (1);
            CREATE TABLE p2 (more int, data jsonb, a int); ALTER TABLE p2 DROP more;
            ALTER TABLE t ATTACH PARTITION p2 DEFAULT;";
        let two = |more: &str| format!("{TWO} {more}");
        let check_two = |expected, more: &[&str]| {
            for more in more {
                check(expected, &[&two(more)]);
            }
        };
        check_two(
            PGLZ,
            &[
                "",
                "DROP TABLE p2",
                "CREATE INDEX ON t (a)",
                "CREATE TABLE p3 PARTITION OF t FOR VALUES IN (3) PARTITION BY RANGE (a); CREATE TABLE p4 PARTITION OF p3 DEFAULT",
                // These are for statements that name the partition.
                "ALTER TABLE p1 ENABLE ROW LEVEL SECURITY",
                "CREATE RULE r AS ON INSERT TO p1 DO INSTEAD NOTHING",
                "CREATE TRIGGER r AFTER INSERT ON p1 REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION nothing()",
            ],
        );
        check_two(
            Some(ToastPolicy { method: Method::Pglz, above: 4072 }),
            &[
                "ALTER TABLE p1 SET (toast_tuple_target = 4096); ALTER TABLE p2 SET (toast_tuple_target = 4096)",
            ],
        );
        check_two(
            None,
            &[
                "DROP TABLE p1, p2",
                "ALTER TABLE p2 SET (toast_tuple_target = 4096)",
                "ALTER TABLE p2 SET (toast_tuple_target = 128)",
                "ALTER TABLE p2 ALTER data SET STORAGE external",
                "ALTER TABLE p2 ALTER data SET STORAGE plain",
                "ALTER TABLE p1 ADD CHECK (data IS NOT NULL)",
                "CREATE INDEX ON p2 ((data ->> 'id'))",
                "CREATE INDEX ON ONLY t ((data ->> 'id'))",
                "CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION nothing()",
                "CREATE TRIGGER r AFTER INSERT ON p2 FOR EACH ROW EXECUTE FUNCTION nothing()",
                "CREATE TRIGGER r AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION nothing()",
                "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
                "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f PARTITION OF t FOR VALUES IN (3) SERVER s",
                "CREATE TABLE p3 PARTITION OF t FOR VALUES IN (3) PARTITION BY LIST (data); CREATE TABLE p4 PARTITION OF p3 DEFAULT",
            ],
        );
        check(
            None,
            &[
                "CREATE TABLE t (data jsonb) PARTITION BY HASH (data); CREATE TABLE p PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
                "CREATE TABLE t (data jsonb) PARTITION BY LIST ((data ->> 'id')); CREATE TABLE p PARTITION OF t DEFAULT",
                "CREATE TABLE r (data jsonb) PARTITION BY LIST ((data ->> 'id')); CREATE TABLE t PARTITION OF r DEFAULT",
                "CREATE TABLE r (a int, data jsonb) PARTITION BY LIST (data);
                 CREATE TABLE s PARTITION OF r FOR VALUES IN ('1') PARTITION BY LIST (a); CREATE TABLE t PARTITION OF s DEFAULT",
            ],
        );
        check(
            PGLZ,
            &[
                "CREATE TABLE r (a int, data jsonb) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF r DEFAULT",
            ],
        );
        if has_lz4() {
            check_two(None, &["ALTER TABLE p2 ALTER data SET COMPRESSION lz4"]);
            check_two(
                LZ4,
                &[
                    "ALTER TABLE p1 ALTER data SET COMPRESSION lz4; ALTER TABLE p2 ALTER data SET COMPRESSION lz4",
                ],
            );
        }
    }

    #[pg_test]
    fn looking_leaves_no_lock() {
        default_to_pglz();
        Spi::run(
            "CREATE TABLE t (a int, data jsonb) PARTITION BY LIST (a);
             CREATE TABLE other (a int, data jsonb);
             DO 'BEGIN FOR i IN 1..5 LOOP EXECUTE format(''CREATE TABLE p%s PARTITION OF t FOR VALUES IN (%s)'', i, i); END LOOP; END'",
        )
        .expect("tables");
        let locks = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'AccessShareLock'";
        let target = Target::lock(oid("t"), Some(b"data"), Records::Elements, &ColumnOptions::default())
            .expect("a target");
        let before = number(locks);
        assert_eq!(target.compression(), PGLZ);
        assert_eq!(partitions(target.oid).len(), 6);
        assert!(Open::at_once(Oid::from(1u32), |_| ()).is_none());
        assert!(Open::at_once(oid("other"), |_| ()).is_some());
        assert_eq!(number(locks), before);
    }

    #[pg_test]
    fn what_is_kept_elsewhere_is_not_compressed() {
        default_to_pglz();
        Spi::run("CREATE TABLE t (data jsonb); CREATE TABLE u (data jsonb)").expect("tables");
        assert_eq!((of("t"), of("u")), (PGLZ, PGLZ));
        Spi::run(
            "SET allow_system_table_mods = on;
             CREATE TABLE pg_catalog.pg_dist_partition AS SELECT 't'::regclass AS logicalrelid",
        )
        .expect("a catalog of Citus");
        assert_eq!((of("t"), of("u")), (None, PGLZ));
        Spi::run(
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
             CREATE FOREIGN TABLE f (data jsonb) SERVER s",
        )
        .expect("a foreign table");
        assert_eq!(of("f"), None);
    }

    #[pg_test]
    fn very_many_partitions_are_not_looked_at() {
        default_to_pglz();
        Spi::run(
            "CREATE TABLE t (a int, data jsonb) PARTITION BY LIST (a);
             DO 'BEGIN FOR i IN 1..999 LOOP EXECUTE format(''CREATE TABLE p%s PARTITION OF t FOR VALUES IN (%s)'', i, i); END LOOP; END'",
        )
        .expect("tables");
        assert_eq!(of("t"), PGLZ);
        Spi::run("CREATE TABLE p1000 PARTITION OF t DEFAULT").expect("a table");
        assert_eq!(of("t"), None);
    }

    /// Fills `source` with values of jsonb that lie in their rows compressed:
    /// some that shrink to next to nothing, and some to about half. What stands
    /// beside them makes each row too long for its table.
    fn make_source(method: &str) {
        Spi::run(&format!(
            "CREATE TABLE source (id int, size int, data jsonb COMPRESSION {method}, filler text) WITH (toast_tuple_target = 8160);
             ALTER TABLE source ALTER filler SET STORAGE plain;
             INSERT INTO source
             SELECT row_number() OVER (), pg_column_size(j), j, repeat('x', greatest(0, 8150 - pg_column_size(j)))
             FROM (SELECT n FROM generate_series(1900, 2200) AS n
                   UNION ALL SELECT n FROM generate_series(2200, 8100, 59) AS n
                   UNION ALL SELECT n FROM generate_series(4040, 4090) AS n) AS lengths (n),
                  LATERAL (VALUES (repeat('a', n)),
                           ((SELECT string_agg(h || h, '') FROM (SELECT md5(n::text || i::text) AS h FROM generate_series(1, n / 64) AS i) AS _)
                            || repeat('b', n % 64))) AS texts (x),
                  LATERAL (SELECT to_jsonb(x) AS j) AS _"
        ))
        .expect("a source");
        assert_eq!(number("SELECT count(*) FROM source WHERE pg_column_compression(data) IS NULL"), 0);
    }

    /// The size of a table, and how the column lies in it: inline or not,
    /// compressed or not, and what it is.
    fn shape(table: &str) -> (i64, Vec<i64>) {
        let toast = Spi::get_one_with_args::<String>(
            "SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = $1::regclass",
            &[table.into()],
        )
        .expect("a statement")
        .expect("a TOAST table");
        let column = [
            format!("SELECT count(*) FROM {toast}"),
            format!("SELECT coalesce(sum(length(chunk_data)), 0)::bigint FROM {toast}"),
            format!("SELECT sum(pg_column_size(data))::bigint FROM {table}"),
            format!("SELECT count(*) FROM {table} WHERE pg_column_compression(data) IS NOT NULL"),
            format!("SELECT sum(hashtextextended(data::text, 0)::numeric % 1000000007)::bigint FROM {table}"),
        ];
        (
            number(&format!("SELECT pg_relation_size('{table}')")),
            column.iter().map(|query| number(query)).collect(),
        )
    }

    /// Wherever compressed values may come, the column lies in the table as if
    /// the server had compressed them. The table may be a little smaller: where
    /// the server moves a value out at once that is long even when compressed,
    /// other columns are compressed first if it was so when it came.
    fn ends_up_the_same(method: &str, tables: &[&str]) {
        Spi::run(&format!("SET default_toast_compression = '{method}'")).expect("SET");
        make_source(method);
        for table in tables {
            Spi::run(&format!("DROP TABLE IF EXISTS t, u; CREATE TABLE t {table}")).expect("a table");
            Spi::run("CREATE TABLE u (LIKE t INCLUDING ALL)").expect("a table");
            // LIKE takes no storage parameters along.
            Spi::run(
                "DO $$ DECLARE o text; BEGIN
                     SELECT array_to_string(reloptions, ',') INTO o FROM pg_class WHERE oid = 't'::regclass;
                     IF o IS NOT NULL THEN EXECUTE 'ALTER TABLE u SET (' || o || ')'; END IF;
                 END $$",
            )
            .expect("the same parameters");
            let above = of("t").unwrap_or_else(|| panic!("{table}: not compressed")).above;
            assert_eq!(of("t"), of("u"));
            Spi::run("INSERT INTO t (data) SELECT data::text::jsonb FROM source ORDER BY id").expect("rows");
            Spi::run(&format!(
                "INSERT INTO u (data) SELECT CASE WHEN size > {above} THEN data ELSE data::text::jsonb END
                 FROM source ORDER BY id"
            ))
            .expect("rows");
            let ((size, column), (our_size, our_column)) = (shape("t"), shape("u"));
            assert_eq!(our_column, column, "{table}");
            assert!(our_size <= size && our_size * 100 >= size * 98, "{table}: {our_size} of {size}");
            // The server did compress all of them.
            let left = |condition: &str| {
                number(&format!(
                    "SELECT count(*) FROM t WHERE pg_column_compression(data) IS NULL
                     AND pg_column_size(data::text::jsonb) {condition}"
                ))
            };
            assert_eq!(left(&format!("> {above}")), 0, "{table}");
            if *table == "(data jsonb)" {
                assert_eq!(left(&format!("= {above}")), 2, "the limit is exact");
            }
        }
    }

    const TABLES: &[&str] = &[
        "(data jsonb)",
        "(id bigserial PRIMARY KEY, data jsonb NOT NULL, at timestamptz DEFAULT now())",
        "(a1 int, a2 int, a3 int, a4 int, a5 int, a6 int, a7 int, a8 int, a9 text, data jsonb)",
        "(data jsonb) WITH (toast_tuple_target = 4096)",
        "(data jsonb) WITH (toast_tuple_target = 8160)",
        "(data jsonb, note text DEFAULT repeat('n', 20))",
        "(data jsonb, note text DEFAULT repeat('n', 3000))",
        "(note char(1000) DEFAULT 'n', data jsonb) WITH (toast_tuple_target = 4096)",
    ];

    #[pg_test]
    fn tables_end_up_as_if_the_server_had_compressed() {
        ends_up_the_same("pglz", TABLES);
    }

    #[pg_test]
    fn so_they_do_with_lz4() {
        if has_lz4() {
            ends_up_the_same("lz4", TABLES);
        }
    }

    #[pg_test]
    fn so_they_do_where_storage_is_main() {
        Spi::run("CREATE TABLE model (data jsonb, note text DEFAULT repeat('n', 500)); ALTER TABLE model ALTER data SET STORAGE main, ALTER note SET STORAGE main")
            .expect("a table");
        ends_up_the_same("pglz", &["(LIKE model INCLUDING ALL)"]);
    }
}
