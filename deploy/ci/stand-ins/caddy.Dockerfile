# Stands in for caddy:2.
FROM debian:bookworm-slim
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends caddy libcap2-bin wget >/dev/null \
    && setcap cap_net_bind_service=+ep /usr/bin/caddy \
    && apt-get -qq -y purge --auto-remove libcap2-bin >/dev/null \
    && rm -rf /var/lib/apt/lists/* && mkdir -p /config/caddy /data/caddy /srv
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
WORKDIR /srv
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
