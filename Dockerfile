# loader in the official PostgreSQL image.
#
#   docker build -t loader .                          PostgreSQL 17
#   docker build --build-arg PG_MAJOR=18 -t loader .  another: 15, 16, 17, 18
#   docker run -d -e POSTGRES_PASSWORD=secret -v ./data:/data:ro -p 5432:5432 loader
#
# then: CREATE EXTENSION loader;
#       SELECT seed_json_table('events');
#       SELECT * FROM load_json_file('/data/events.json', 'events');

ARG PG_MAJOR=17

# The build happens in the very image that the extension is for, so that it
# meets the same C library and the same server.
FROM postgres:${PG_MAJOR} AS build
ARG PG_MAJOR
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-server-dev-${PG_MAJOR} \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /loader
# A layer of its own: Rust, clang and cargo-pgrx change seldom.
COPY scripts/common.sh scripts/toolchain scripts/
RUN scripts/toolchain
COPY . .
RUN scripts/install /usr/lib/postgresql/${PG_MAJOR}/bin/pg_config /package

FROM postgres:${PG_MAJOR}
# What pgrx packages lies at the paths where the server looks for it.
COPY --from=build /package/ /
# Data is mounted here, read-only.
RUN mkdir /data
