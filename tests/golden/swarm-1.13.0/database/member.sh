#!/usr/bin/env bash
# Written by orthancgen: starts a member of the replica set by the image mongo (https://hub.docker.com/_/mongo).
set -eu

# mongod takes no key that a group may read, and Kubernetes gives out secrets for one to read.
umask 077
key=/tmp/replica-set.key
cat /run/secrets/database_key > "$key"

# The administrator is made on the first member, before there is a set; the others must begin empty, and get it from it.
# https://www.mongodb.com/docs/manual/reference/command/replSetInitiate/
if [[ $HOSTNAME == database ]]; then
  export MONGO_INITDB_ROOT_USERNAME=orthancgen_root
  export MONGO_INITDB_ROOT_PASSWORD_FILE=/run/secrets/database_root_password
fi
exec docker-entrypoint.sh mongod --port 27017 --replSet orthancgen --keyFile "$key"
