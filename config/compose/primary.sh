#!/bin/sh
# Runs once, when the primary's data directory is new: roles, the database, and a replica's right to stream.
set -eu
sql=/usr/share/pipeline/sql/cluster
psql --no-psqlrc -v ON_ERROR_STOP=1 -d postgres -f /run/pipeline/postgres/roles.sql
psql --no-psqlrc -v ON_ERROR_STOP=1 -d postgres -f "$sql/create.sql"
psql --no-psqlrc -v ON_ERROR_STOP=1 -d pipeline -f "$sql/database.sql" -f "$sql/pooler.sql"
echo "host replication pipeline_replication all scram-sha-256" >> "$PGDATA/pg_hba.conf"
