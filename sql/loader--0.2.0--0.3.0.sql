-- From 0.2.0 to 0.3.0. Afterwards all is as if 0.3.0 had been created, with the
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
