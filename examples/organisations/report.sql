-- The figures of the model.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off

SELECT * FROM model.by_date ORDER BY received_on;

SELECT o.name, o.plan, o.country, sum(d.events) AS events, max(d.received_on) AS last_seen
FROM model.organisations AS o LEFT JOIN model.by_organisation AS d USING (organisation_id)
GROUP BY o.organisation_id
ORDER BY events DESC, o.name;

SELECT user_type, sum(events) AS events, max(events) AS most_on_a_date, max(users) AS most_users_on_a_date
FROM model.by_user_type
GROUP BY user_type
ORDER BY events DESC;

-- The aggregates are what the rows of all loads come to: no date differs.
SELECT count(*) AS dates_that_differ
FROM model.by_date AS d
FULL JOIN (SELECT received_on, count(*) AS deliveries, count(DISTINCT event_id) AS events FROM raw.events GROUP BY 1) AS r
    USING (received_on)
WHERE (d.deliveries, d.events) IS DISTINCT FROM (r.deliveries, r.events);
