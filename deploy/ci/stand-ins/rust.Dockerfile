# Stands in for rust:1.95-bookworm.
FROM debian:bookworm-slim
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends g++ git libc6-dev make pkg-config >/dev/null \
    && rm -rf /var/lib/apt/lists/*
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/rustup/toolchains/stand-in/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY config.toml /usr/local/cargo/config.toml
COPY toolchain /usr/local/rustup/toolchains/stand-in
