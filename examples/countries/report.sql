-- The reports, and what they rest on.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off

SELECT indicator, edition, count(*) AS figures, min(year) AS first, max(year) AS last
FROM load.figures
GROUP BY indicator, edition
ORDER BY indicator, edition;

SELECT * FROM report.ranking ORDER BY place;
SELECT * FROM report.years ORDER BY year;
