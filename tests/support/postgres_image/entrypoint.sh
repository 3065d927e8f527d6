#!/bin/bash
# What the entrypoint of the image `postgres` does for a container that is not root's: an empty PGDATA gets a cluster with
# POSTGRES_USER, the password in POSTGRES_PASSWORD_FILE and POSTGRES_DB. https://hub.docker.com/_/postgres
set -eu

case "${1--}" in -*) set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  # Word by word, as the image takes them.
  # shellcheck disable=SC2086
  initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  # Only by the socket, so that nobody meets a server that is not ready: no health check calls it well.
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c fsync=off" -w start
  psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER" -d postgres -c "CREATE DATABASE \"$POSTGRES_DB\""
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@" -c listen_addresses='*'
