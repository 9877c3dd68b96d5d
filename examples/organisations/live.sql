-- One line of figures: what the producer has just written, and what the model says of that date.
-- Run with psql -v written=TEXT.
\set QUIET on
\pset tuples_only on
\pset format unaligned

SELECT format('%-42s %6s %11s %7s %6s   %s', :'written',
              (SELECT count(*) FROM loader.load_history WHERE file_path LIKE '%/incoming/%' AND status = 'loaded'),
              coalesce(max(deliveries), 0), coalesce(max(events), 0), coalesce(max(users), 0),
              (SELECT count(*) FROM model.organisations WHERE plan <> 'free'))
FROM model.by_date
WHERE received_on = '2026-03-06';
