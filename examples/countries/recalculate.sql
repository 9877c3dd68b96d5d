-- Recalculates the batch layer from the load layer beside the one that is read, puts it in the place of that one,
-- and refreshes the reports. Readers see the old figures or the new ones, and never wait for the calculation.
\set ON_ERROR_STOP on
\set QUIET on

TRUNCATE batch.country_years_next;
INSERT INTO batch.country_years_next
WITH newest AS (
    SELECT DISTINCT ON (indicator, code, year) indicator, code, year, country, value
    FROM load.figures
    ORDER BY indicator, code, year, edition DESC),
years AS (
    SELECT code, year, max(country) AS country,
           max(value) FILTER (WHERE indicator = 'gdp') AS gdp,
           max(value) FILTER (WHERE indicator = 'population') AS population
    FROM newest
    GROUP BY code, year)
SELECT code, year, country, gdp, population,
       round(1000 * gdp / population, 1) AS per_head,
       round(100 * (gdp / lag(gdp) OVER by_country - 1), 2) AS growth
FROM years
WINDOW by_country AS (PARTITION BY code ORDER BY year);

SELECT attempt FROM swap_table('batch.country_years', 'batch.country_years_next') \g /dev/null

REFRESH MATERIALIZED VIEW CONCURRENTLY report.ranking;
REFRESH MATERIALIZED VIEW CONCURRENTLY report.years;
