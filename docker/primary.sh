#!/usr/bin/env bash
# Run by the postgres image once, when it makes the primary's data folder: who may stream, and a slot for each replica.
set -e
# The slots keep the log from now on: copies that begin together otherwise lose a part of it to each other's checkpoint.
psql -v ON_ERROR_STOP=1 -v password="$REPLICATION_PASSWORD" -v slots="$REPLICAS" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
create role replicator with replication login password :'password';
select pg_create_physical_replication_slot(name, true) from regexp_split_to_table(:'slots', ' ') name;
SQL
echo 'host replication replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"
