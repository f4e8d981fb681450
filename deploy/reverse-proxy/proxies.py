"""Starts nginx and Caddy with the files beside this one, on loopback, for test.py."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
START_SECONDS = 15

# Debian has nginx where only root looks.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


class Proxy:
    """A proxy that runs until it is stopped. `auth` and `api` are the services' addresses."""

    name = ""
    waits_for_services = False

    def __init__(self, auth: str, api: str, tls: bool = False) -> None:
        self.tls, self.port, self.plain_port = tls, free_port(), free_port()
        self.auth, self.api = auth, api
        self.folder = tempfile.TemporaryDirectory(prefix=f"lectern-{self.name}-")
        self.log = Path(self.folder.name) / "log"
        self.home = Path(self.folder.name)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment(), cwd=self.home)
        end = time.monotonic() + START_SECONDS
        while not self.listens():
            if time.monotonic() > end or self.process.poll() is not None:
                said = self.log.read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"{self.name} did not start:\n{said}")
            time.sleep(0.05)

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {"PATH": PATH, "HOME": str(self.home)}

    def listens(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as client:
                # Caddy listens before it has its certificate.
                if self.tls:
                    unverified = ssl._create_unverified_context()
                    unverified.wrap_socket(client, server_hostname="localhost").close()
        except OSError:
            return False
        return True

    def certificate(self) -> tuple[Path, Path]:
        """Makes a certificate for localhost."""
        pem, key = self.home / "fullchain.pem", self.home / "privkey.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(pem)],
            check=True, capture_output=True)
        return pem, key

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


class Caddy(Proxy):
    """Caddy, which makes a certificate for localhost by itself."""

    name = "caddy"
    waits_for_services = True

    def command(self) -> list[str]:
        text = (HERE / "Caddyfile").read_text("utf-8")
        (self.home / "Caddyfile").write_text(
            text.replace("\tadmin off\n", "\tadmin off\n\tdefault_bind 127.0.0.1\n", 1))
        return ["caddy", "run", "--config", str(self.home / "Caddyfile"),
                "--adapter", "caddyfile"]

    def environment(self) -> dict[str, str]:
        site = f"https://localhost:{self.port}" if self.tls else f":{self.port}"
        return super().environment() | {
            "SITE_ADDRESS": site, "HTTP_PORT": str(self.plain_port),
            "AUTH_UPSTREAM": self.auth, "API_UPSTREAM": self.api,
            "XDG_DATA_HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home),
        }


class Nginx(Proxy):
    """nginx, with the addresses, ports and certificates of its files replaced."""

    name = "nginx"

    def command(self) -> list[str]:
        folder = self.home / "lectern"
        shutil.copytree(HERE / "nginx", folder)
        self.replace(folder / "routes.conf", ("127.0.0.1:3001", self.auth),
                     ("127.0.0.1:8000", self.api))
        if self.tls:
            pem, key = self.certificate()
            self.replace(folder / "https.conf",
                         ("/etc/nginx/lectern/fullchain.pem", str(pem)),
                         ("/etc/nginx/lectern/privkey.pem", str(key)),
                         ("listen 443 ", f"listen 127.0.0.1:{self.port} "),
                         ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"))
        else:
            self.replace(folder / "http.conf", ("listen 8080;", f"listen 127.0.0.1:{self.port};"))
        for file in ("http.conf", "https.conf"):
            text = (folder / file).read_text("utf-8")
            (folder / file).write_text(re.sub(r" *listen \[::\].*\n", "", text))
        temporary = "".join(f"{kind}_temp_path {self.home}/{kind};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        site = "https" if self.tls else "http"
        user = "user root;\n" if os.geteuid() == 0 else ""
        (self.home / "nginx.conf").write_text(
            f"{user}daemon off;\nworker_processes 1;\nerror_log stderr;\npid {self.home}/pid;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{temporary}include lectern/{site}.conf;\n}}\n")
        return ["nginx", "-p", str(self.home), "-c", str(self.home / "nginx.conf")]

    @staticmethod
    def replace(path: Path, *pairs: tuple[str, str]) -> None:
        text = path.read_text("utf-8")
        for old, new in pairs:
            assert old in text, f"{path.name} has no {old}"
            text = text.replace(old, new)
        path.write_text(text, "utf-8")


def missing() -> list[str]:
    """The programs that are not installed."""
    return [name for name in ("caddy", "nginx", "openssl") if not shutil.which(name, path=PATH)]


def require() -> None:
    """Ends this program where one is not installed."""
    if lacks := missing():
        sys.exit(f"reverse-proxy: {' and '.join(lacks)} missing; install it "
                 f"(Debian: apt-get install caddy nginx-light openssl)")
