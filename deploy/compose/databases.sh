#!/bin/sh
# Makes a user and a database for each service, where they are missing, and sets the
# users' passwords to those of the secrets. Neither may see the other's database.
set -eu
PGPASSWORD=$(cat /secrets/postgres/password)
export PGPASSWORD
for name in auth api; do
    NAME=$name psql --quiet --host=postgres --username=postgres \
        --set=ON_ERROR_STOP=1 --set=name="$name" <<'SQL'
\set password `cat "/secrets/postgres/$NAME-password"`
SELECT format('CREATE ROLE %I LOGIN', :'name')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
