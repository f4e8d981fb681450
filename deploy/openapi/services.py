"""Both services, really started beside each other, for what tests their OpenAPI documents."""
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

HERE = Path(__file__).resolve().parent
START_SECONDS = 90
PASSWORD = "correct horse battery staple"

# Proxies are for the world outside, not for services on this machine.
DIRECT = build_opener(ProxyHandler({}))


def programs() -> Path:
    """The folder with the services' programs."""
    target = os.environ.get("CARGO_TARGET_DIR") or HERE.parent.parent / "target"
    return Path(target).resolve() / "debug"


def packages(name: str) -> Path:
    """A virtual environment with the packages of NAME.txt, which is whole or not there."""
    requirements = HERE / f"{name}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(requirements.read_bytes() + version.encode()).hexdigest()[:12]
    place = programs().parent
    folder = place / f"{name}-{digest}"
    with open(place / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "whole").exists():
            return folder
        for old in place.glob(f"{name}-*"):
            shutil.rmtree(old)
        print(f"{name}: installing its packages, once", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", "--no-deps",
                        "--disable-pip-version-check", "--requirement", str(requirements)],
                       check=True)
        (folder / "whole").touch()
    return folder


def free_address() -> str:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{held.getsockname()[1]}"


class Services:
    """auth-service and api-service with a folder of their own, which is removed in the end.

    `settings` are variables beyond those that it needs.
    """

    def __init__(self, **settings: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="lectern-openapi-")
        models = Path(self.folder.name) / "models"
        models.symlink_to(Path(os.environ["LECTERN_MODELS_DIR"]).resolve())
        auth, grpc, api = free_address(), free_address(), free_address()
        self.auth, self.api = f"http://{auth}", f"http://{api}"
        self.environment = {
            "DATA_DIR": self.folder.name,
            "AUTH_HTTP_ADDR": auth, "AUTH_GRPC_ADDR": grpc, "AUTH_PUBLIC_URL": self.auth,
            "API_HTTP_ADDR": api, "AUTH_URL": self.auth, "AUTH_GRPC_URL": f"http://{grpc}",
            "RATE_LIMIT_ENABLED": "false", "USER_FIELDS": "softwareBackground",
        } | settings
        self.running: list[subprocess.Popen] = []
        try:
            self.start("auth-service", self.auth)
            self.start("api-service", self.api)
        except BaseException:
            self.stop()
            raise

    def start(self, name: str, url: str) -> None:
        with open(Path(self.folder.name) / f"{name}.log", "wb") as log:
            process = subprocess.Popen([str(programs() / name)], env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT)
        self.running.append(process)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                DIRECT.open(f"{url}/readyz", timeout=5).close()
                return
            except (URLError, OSError):
                if time.monotonic() > end or process.poll() is not None:
                    print(self.log(name), file=sys.stderr)
                    raise
                time.sleep(0.1)

    def log(self, name: str) -> str:
        return (Path(self.folder.name) / f"{name}.log").read_text(errors="replace")

    def run(self, name: str, *arguments: str) -> None:
        """Runs a command of a service's program."""
        subprocess.run([str(programs() / name), *arguments], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)

    def post(self, url: str, body: object) -> dict:
        request = Request(url, data=json.dumps(body).encode(), method="POST",
                          headers={"content-type": "application/json"})
        with DIRECT.open(request, timeout=30) as response:
            return json.load(response)

    def stop(self) -> None:
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.folder.cleanup()

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
