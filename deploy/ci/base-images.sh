#!/usr/bin/env bash
# Makes stand-ins for the public base images, and gives them their names: where no
# registry of images can be reached, the Dockerfile and the compose file are built
# and run on these as they are. They are made of Debian's packages and of this
# machine's Rust, and carry this machine's way to the package registries: its
# sources for apt and pip, its cargo configuration and its certificates.
#
#   deploy/ci/base-images.sh          makes those that are missing
#   docker image rm NAME              has one made anew the next time
#
# What is different from the public images: PostgreSQL is Debian's (15), Caddy is
# Debian's (2.6) and on Debian; there is none for Qdrant, which Debian has not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export DOCKER_BUILDKIT=0

# A public image of the same name is as good.
is_there() {
    docker image inspect "$1" >/dev/null 2>&1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints the mirror that apt uses here.
mirror() {
    { cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || true; } |
        grep -v '^#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -1 |
        grep . || echo http://deb.debian.org/debian
}

# Puts this machine's way to the registries into a root file system.
equip() {
    local root=$1 file
    rm -f "$root/etc/apt/sources.list"
    for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list \
        /etc/apt/auth.conf /etc/apt/auth.conf.d/*; do
        [ -s "$file" ] && install -D -m 644 "$file" "$root$file"
    done
    # Only what leads to a mirror: the rest is about programs that are not there.
    grep -hE '^ *Acquire::' /etc/apt/apt.conf /etc/apt/apt.conf.d/* 2>/dev/null \
        >"$root/etc/apt/apt.conf.d/90stand-in" || true
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    for file in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
        [ -s "$file" ] && install -m 644 "$file" "$root/etc/pip.conf"
    done
    return 0
}

# Prints what of the environment leads to the registries, as settings of an image.
settings() {
    local names='PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|DEFAULT_TIMEOUT)|SSL_CERT_FILE'
    names+='|CARGO_(HTTP|NET|REGISTR)[A-Z_]*|(HTTPS?|NO|https?|no)_(PROXY|proxy)'
    { env | grep -E "^($names)=." || true; } | sed -E 's/^([A-Za-z_]+)=(.*)$/ENV \1="\2"/'
}

make_debian() {
    debootstrap --variant=minbase --include=ca-certificates bookworm "$work/debian" \
        "$(mirror)" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
    equip "$work/debian"
    rm -rf "$work/debian"/var/{cache/apt/archives/*.deb,lib/apt/lists/*}
    tar -C "$work/debian" -c . | docker import --change "LABEL lectern.stand-in=yes" \
        --change 'CMD ["bash"]' - debian:bookworm-slim >/dev/null
}

# The toolchain that cargo uses here, without its documentation.
make_rust() {
    mkdir "$work/rust"
    { cat "$here/stand-ins/rust.Dockerfile"; settings; } >"$work/rust/Dockerfile"
    if [ -s "$HOME/.cargo/config.toml" ]; then
        cp "$HOME/.cargo/config.toml" "$work/rust/config.toml"
    else
        : >"$work/rust/config.toml"
    fi
    tar -c -C "$work/rust" Dockerfile config.toml \
        -C "$(rustc --print sysroot)" --exclude=./share --transform='s,^\./,toolchain/,' . |
        docker build -q --label "lectern.stand-in=yes" --tag rust:1.95-bookworm - >/dev/null
}

make_from_file() {
    docker build -q --label "lectern.stand-in=yes" --tag "$2" \
        --file "$here/stand-ins/$1.Dockerfile" "$here/stand-ins" >/dev/null
}

for image in debian:bookworm-slim rust:1.95-bookworm postgres:17-bookworm caddy:2; do
    is_there "$image" && continue
    name=${image%%:*} begin=$SECONDS
    case $name in
    debian | rust) "make_$name" ;;
    *) make_from_file "$name" "$image" ;;
    esac
    echo "stand-in for $image made in $((SECONDS - begin)) s"
done
