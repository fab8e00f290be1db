#!/usr/bin/env bash
# The entry point of a replica: it copies the primary once, then starts as the postgres image does. Arguments go to the server.
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # Only the server's own user may read the copy, and the password in it.
  umask 077
  PGPASSWORD=$REPLICATION_PASSWORD pg_basebackup --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream --slot="$REPLICA" \
    --checkpoint=fast --dbname="host=$PRIMARY_HOST port=${PRIMARY_PORT:-5432} user=replicator application_name=$REPLICA"
fi
exec docker-entrypoint.sh postgres "$@"
