-- The three layers. Run once, with psql -f layers.sql.
\set ON_ERROR_STOP on
\set QUIET on

CREATE SCHEMA load;
CREATE SCHEMA batch;
CREATE SCHEMA report;

-- The load layer: every figure of every edition, as it was published. The key keeps a figure from being
-- inserted twice, and the trigger keeps it as it is.
CREATE TABLE load.figures (
    indicator text,
    edition   integer,
    code      text,
    year      integer,
    country   text NOT NULL,
    value     numeric NOT NULL,
    _load_id  bigint,
    PRIMARY KEY (indicator, edition, code, year));

CREATE FUNCTION load.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of "%" are never changed', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON load.figures
FOR EACH STATEMENT EXECUTE FUNCTION load.refuse_change();

-- The batch layer: what is computed from the newest edition of each figure. It is computed into the second table,
-- which then takes the place of the first one.
CREATE TABLE batch.country_years (
    code       text,
    year       integer,
    country    text NOT NULL,
    gdp        numeric,
    population numeric,
    per_head   numeric,
    growth     numeric,
    PRIMARY KEY (code, year));

CREATE TABLE batch.country_years_next (LIKE batch.country_years INCLUDING ALL);

-- The reports. They read the batch layer by a view, which follows its name when tables are swapped. The unique
-- indexes let them be refreshed while they are read.
CREATE VIEW report.country_years AS SELECT * FROM batch.country_years;

CREATE MATERIALIZED VIEW report.ranking AS
SELECT rank() OVER (ORDER BY per_head DESC) AS place, country, year, gdp, per_head, growth
FROM (SELECT DISTINCT ON (code) * FROM report.country_years WHERE per_head IS NOT NULL ORDER BY code, year DESC) AS latest;

CREATE UNIQUE INDEX ON report.ranking (country);

CREATE MATERIALIZED VIEW report.years AS
SELECT year, count(gdp) AS countries, sum(gdp) AS gdp, round(avg(growth), 2) AS mean_growth
FROM report.country_years
GROUP BY year;

CREATE UNIQUE INDEX ON report.years (year);
