-- The two schemas: what arrived, and what is made of it. Run once, with psql -f setup.sql.
\set ON_ERROR_STOP on
\set QUIET on

CREATE SCHEMA raw;
CREATE SCHEMA model;

-- raw: a row for each record that arrived, with the load that brought it. An event that is delivered twice is
-- there twice. A record that lacks one of the fields that are NOT NULL is a reject.
CREATE TABLE raw.events (
    event_id        bigint NOT NULL,
    type            text,
    received_at     timestamptz NOT NULL,
    organisation_id integer NOT NULL,
    user_id         bigint NOT NULL,
    user_type       text NOT NULL,
    received_on     date GENERATED ALWAYS AS ((received_at AT TIME ZONE 'UTC')::date) STORED,
    _rescued        jsonb,
    _load_id        bigint,
    _byte_offset    bigint);

CREATE INDEX ON raw.events (received_on);
CREATE INDEX ON raw.events (_load_id);

CREATE TABLE raw.organisations (
    organisation_id integer NOT NULL,
    name            text NOT NULL,
    country         text,
    plan            text,
    updated_at      timestamptz NOT NULL,
    _rescued        jsonb,
    _load_id        bigint,
    _byte_offset    bigint);

CREATE INDEX ON raw.organisations (_load_id);

-- model: the newest state of each organisation, and aggregates by the date on which events were received.
CREATE TABLE model.organisations (
    organisation_id integer PRIMARY KEY,
    name            text NOT NULL,
    country         text,
    plan            text,
    updated_at      timestamptz NOT NULL,
    _load_id        bigint,
    _byte_offset    bigint);

CREATE TABLE model.by_date (
    received_on date PRIMARY KEY,
    deliveries  bigint,
    events      bigint,
    users       bigint);

CREATE TABLE model.by_organisation (
    received_on     date,
    organisation_id integer,
    events          bigint,
    users           bigint,
    PRIMARY KEY (received_on, organisation_id));

CREATE TABLE model.by_user_type (
    received_on date,
    user_type   text,
    events      bigint,
    users       bigint,
    PRIMARY KEY (received_on, user_type));

-- Computes the aggregates of some dates anew. The lock lets one transaction at a time do so.
CREATE FUNCTION model.aggregate(dates date[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE model.by_date IN SHARE ROW EXCLUSIVE MODE;

    DELETE FROM model.by_date WHERE received_on = ANY (dates);
    INSERT INTO model.by_date
    SELECT received_on, count(*), count(DISTINCT event_id), count(DISTINCT user_id)
    FROM raw.events
    WHERE received_on = ANY (dates)
    GROUP BY received_on;

    DELETE FROM model.by_organisation WHERE received_on = ANY (dates);
    INSERT INTO model.by_organisation
    SELECT received_on, organisation_id, count(DISTINCT event_id), count(DISTINCT user_id)
    FROM raw.events
    WHERE received_on = ANY (dates)
    GROUP BY received_on, organisation_id;

    DELETE FROM model.by_user_type WHERE received_on = ANY (dates);
    INSERT INTO model.by_user_type
    SELECT received_on, user_type, count(DISTINCT event_id), count(DISTINCT user_id)
    FROM raw.events
    WHERE received_on = ANY (dates)
    GROUP BY received_on, user_type;
END
$$;

-- Takes what some loads of events brought into the model: the dates on which these events were received are
-- computed anew. Called again with the same loads, it comes to the same result.
CREATE FUNCTION model.take_events(load_ids bigint[]) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    SELECT model.aggregate(ARRAY(SELECT DISTINCT received_on FROM raw.events WHERE _load_id = ANY (load_ids)));
END;

-- The same for organisations, by a statement that merge_sql writes: the newest row of each takes the place of an
-- older one.
SELECT format('CREATE FUNCTION model.take_organisations(load_ids bigint[]) RETURNS void LANGUAGE sql AS %L',
              merge_sql('raw.organisations', 'model.organisations', version_column => 'updated_at'))
\gexec
