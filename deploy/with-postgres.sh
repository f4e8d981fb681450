#!/usr/bin/env bash
# Runs a command beside a private PostgreSQL server that lasts as long as the
# command: deploy/with-postgres.sh cargo test --workspace
# The command finds the server in TEST_POSTGRES_URL, as its superuser.
set -euo pipefail

if [ "$#" -eq 0 ]; then
    echo "usage: deploy/with-postgres.sh COMMAND [ARGUMENT…]" >&2
    exit 2
fi

fail() {
    echo "with-postgres: $*" >&2
    exit 1
}

# Prints the folder of initdb and postgres, the newest where there are several.
find_binaries() {
    local folder
    for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) \
        "$(pg_config --bindir 2>/dev/null || true)" \
        "$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)")"; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            echo "$folder"
            return 0
        fi
    done
    return 1
}

install_binaries() {
    local as_root=()
    command -v apt-get >/dev/null || fail "install PostgreSQL 13 or newer (initdb and postgres)"
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null ||
            fail "install PostgreSQL first: sudo apt-get install postgresql"
        as_root=(sudo -n)
    fi
    echo "with-postgres: installing PostgreSQL with apt-get" >&2
    # Only the binaries are wanted, no cluster and no server of the system's.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" |
            "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y)
    {
        "${apt[@]}" update &&
            "${apt[@]}" -o Dpkg::Options::=--force-confold install --no-install-recommends postgresql
    } >&2 || fail "apt-get could not install the package postgresql"
}

binaries=$(find_binaries) || {
    install_binaries
    binaries=$(find_binaries) || fail "PostgreSQL is installed, but initdb is not found"
}

# PostgreSQL refuses to run as root.
as_owner=()
owner=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
    owner=nobody
    if id postgres >/dev/null 2>&1; then owner=postgres; fi
    as_owner=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --clear-groups)
fi

folder=$(mktemp -d /tmp/lectern-postgres.XXXXXX)
server=""
child=""

stop() {
    local status=$?
    trap - EXIT INT TERM
    if [ -n "$child" ]; then
        kill -TERM -- "-$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    if [ -n "$server" ]; then
        # SIGINT: PostgreSQL's fast shutdown, which waits for no client.
        kill -INT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
    exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
mkdir "$folder/socket"
echo "$password" >"$folder/password"
if [ "${#as_owner[@]}" -gt 0 ]; then chown -R "$owner:" "$folder"; fi

make_cluster() {
    # The caller's folder may be closed to the server's user.
    cd "$folder"
    "${as_owner[@]}" "$binaries/initdb" --pgdata="$folder/data" --username=postgres \
        --pwfile="$folder/password" --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 || {
        cat "$folder/initdb.log" >&2
        fail "initdb failed"
    }
    rm -f "$folder/password"
}
(make_cluster)

free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return 0
        fi
    done
    return 1
}

# Another process may take the port between the look and the start: try again.
ready=""
for _ in 1 2 3; do
    port=$(free_port) || fail "no free port was found"
    (
        cd "$folder"
        exec "${as_owner[@]}" "$binaries/postgres" -D "$folder/data" -p "$port" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories="$folder/socket" \
            -c max_connections=300 -c fsync=off -c full_page_writes=off \
            -c synchronous_commit=off
    ) >"$folder/server.log" 2>&1 &
    server=$!
    for _ in $(seq 150); do
        if "$binaries/pg_isready" -q -h 127.0.0.1 -p "$port"; then
            ready=yes
            break 2
        fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.2
    done
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=""
done
if [ -z "$ready" ]; then
    cat "$folder/server.log" >&2
    fail "PostgreSQL did not start"
fi

export TEST_POSTGRES_URL="postgres://postgres:$password@127.0.0.1:$port/postgres"
# In the background, so that a signal is acted on at once and not after it; in a
# process group of its own, so that all of it can be stopped.
set -m
"$@" </dev/null &
child=$!
set +m
status=0
wait "$child" || status=$?
child=""
exit "$status"
