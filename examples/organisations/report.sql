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

-- The aggregates are what the rows of all loads come to: none differs.
WITH modelled AS (
    SELECT received_on, NULL::integer AS organisation_id, NULL AS user_type, events, users FROM model.by_date
    UNION ALL
    SELECT received_on, organisation_id, NULL, events, users FROM model.by_organisation
    UNION ALL
    SELECT received_on, NULL, user_type, events, users FROM model.by_user_type),
counted AS (
    SELECT received_on, organisation_id, user_type, count(DISTINCT event_id) AS events, count(DISTINCT user_id) AS users
    FROM raw.events
    GROUP BY GROUPING SETS ((received_on), (received_on, organisation_id), (received_on, user_type)))
SELECT (SELECT count(*) FROM modelled) AS aggregates,
       (SELECT count(*) FROM (SELECT * FROM modelled EXCEPT SELECT * FROM counted) AS d)
       + (SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT * FROM modelled) AS d) AS that_differ;
