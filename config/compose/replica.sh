#!/bin/sh
# Copies the primary when there are no data yet, then follows it as a hot standby.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    pg_basebackup --pgdata "$PGDATA" --wal-method stream --checkpoint fast --write-recovery-conf \
        --dbname "host=postgres user=pipeline_replication passfile=/run/pipeline/postgres/passfile application_name=replica"
fi
exec postgres "$@"
