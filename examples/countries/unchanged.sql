-- The load layer refuses to be changed, by its owner too.
\set QUIET on

UPDATE load.figures SET value = 0 WHERE code = 'FRA';
\echo :LAST_ERROR_MESSAGE
TRUNCATE load.figures;
\echo :LAST_ERROR_MESSAGE
