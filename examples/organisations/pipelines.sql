-- Two pipelines that watch the directory of the producer. Run once, with psql -v dir=FOLDER.
\set ON_ERROR_STOP on
\set QUIET on
\set organisations :dir/incoming/*.organisations.json*
\set events :dir/incoming/*.events.json*

SELECT create_pipeline('organisations', :'organisations', 'raw.organisations', poll => '1 s', settle => '0.5 s',
                       on_batch => 'SELECT model.take_organisations($1)')
\g /dev/null

SELECT create_pipeline('events', :'events', 'raw.events', poll => '1 s', settle => '0.5 s',
                       options => '{"column_map": {"$.user.id": "user_id", "$.user.type": "user_type"}}',
                       on_batch => 'SELECT model.take_events($1)')
\g /dev/null
