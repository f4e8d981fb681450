#!/bin/sh
# Makes the secrets of docker-compose.yml in the volume /secrets, where they are
# missing, and gives each container its own, which its user alone can read. What
# .env sets goes before what is made.
set -eu
umask 077

# Prints a secret that is made once and kept.
kept() {
    if [ ! -s "/secrets/kept/$1" ]; then
        mkdir -p /secrets/kept
        head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"/secrets/kept/$1.new"
        mv "/secrets/kept/$1.new" "/secrets/kept/$1"
    fi
    cat "/secrets/kept/$1"
}

# give USER FOLDER/NAME VALUE: hands a value to the user with this number.
give() {
    folder=/secrets/${2%/*}
    if [ ! -d "$folder" ]; then
        mkdir "$folder"
        chown "$1:$1" "$folder"
    fi
    rm -f "$folder/.new"
    printf '%s\n' "$3" >"$folder/.new"
    chmod 400 "$folder/.new"
    chown "$1:$1" "$folder/.new"
    mv "$folder/.new" "/secrets/$2"
}

chmod 711 /secrets
auth_password=$(kept auth-database-password)
api_password=$(kept api-database-password)
service_token=${SERVICE_TOKEN:-$(kept service-token)}
qdrant_key=${QDRANT_API_KEY:-$(kept qdrant-api-key)}

give 999 postgres/password "$(kept postgres-password)"
give 999 postgres/auth-password "$auth_password"
give 999 postgres/api-password "$api_password"
give 1000 qdrant/api-key "$qdrant_key"
give 10001 auth-service/service-token "$service_token"
give 10001 auth-service/database-url \
    "${AUTH_DATABASE_URL:-${DATABASE_URL:-postgres://auth:$auth_password@postgres:5432/auth}}"
give 10002 api-service/service-token "$service_token"
give 10002 api-service/qdrant-api-key "$qdrant_key"
give 10002 api-service/database-url \
    "${API_DATABASE_URL:-${DATABASE_URL:-postgres://api:$api_password@postgres:5432/api}}"
