#!/bin/sh
# A hot standby of the primary, copied from it with a slot of its own. The slot keeps the WAL that a stopped replica
# has not received yet, so it catches up after a long stop. Where it cannot any more - the slot was invalidated
# (max_slot_wal_keep_size) or is gone, or the primary is another server - the copy is made again.
set -eu
slot=replica
primary="${PRIMARY:-host=postgres user=pipeline_replication passfile=/run/pipeline/postgres/passfile}"
primary="$primary application_name=$slot"

ask() {
    psql --no-psqlrc -qAtX "$primary dbname=replication replication=true" -c "$1"
}

copy() {
    echo "replica: copying the primary"
    ask "DROP_REPLICATION_SLOT $slot" 2>/dev/null || true
    rm -rf "$PGDATA.new"
    mkdir -p "$PGDATA.new"
    chmod 700 "$PGDATA.new"
    pg_basebackup --pgdata "$PGDATA.new" --wal-method stream --checkpoint fast --write-recovery-conf \
        --create-slot --slot "$slot" --dbname "$primary"
    rm -rf "$PGDATA"
    mv "$PGDATA.new" "$PGDATA" # a copy that was interrupted never looks complete
}

# Whether the copy that is there can follow the primary. A primary that does not answer gives no reason to throw it away.
follows() {
    identity=$(ask IDENTIFY_SYSTEM) || return 0
    own=$(LC_ALL=C pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
    [ "${identity%%|*}" = "$own" ] || return 1
    known=$(ask "READ_REPLICATION_SLOT $slot") || return 0
    position=${known#*|} # type|restart_lsn|timeline; no position: the slot is gone or was invalidated
    [ -n "${position%%|*}" ]
}

if [ ! -s "$PGDATA/PG_VERSION" ] || ! follows; then
    copy
fi
exec postgres "$@"
