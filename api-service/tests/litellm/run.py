#!/usr/bin/env python3
"""Runs a command beside LiteLLM's proxy, an OpenAI-compatible server.

    python3 api-service/tests/litellm/run.py COMMAND [ARGUMENT…]

The command finds the proxy in TEST_LITELLM_URL; its models stand in config.yaml. The
packages of requirements.txt are installed once, in ~/.cache/lectern (XDG_CACHE_HOME).
"""
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

HERE = Path(__file__).resolve().parent
START_SECONDS = 120
PROXY = "from litellm.proxy.proxy_cli import run_server; run_server()"


def fail(words: str) -> None:
    print(f"litellm: {words}", file=sys.stderr)
    sys.exit(1)


def installed() -> Path:
    """The folder with the packages, which is whole or not there."""
    requirements = HERE / "requirements.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(requirements.read_bytes() + version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lectern"
    folder = cache / f"litellm-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "litellm.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        for old in cache.glob("litellm-*"):
            shutil.rmtree(old)
        print("litellm: installing LiteLLM's proxy, once", file=sys.stderr)
        part = cache / "litellm-part"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                   "--disable-pip-version-check", "--root-user-action=ignore",
                   "--target", str(part), "--requirement", str(requirements)]
        if subprocess.run(command, check=False).returncode != 0:
            fail("its packages could not be installed")
        part.rename(folder)
    return folder


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def started(folder: Path, log: Path) -> tuple[subprocess.Popen, str]:
    port = free_port()
    # It would otherwise ask the network for the prices of models.
    environment = dict(os.environ, PYTHONPATH=str(folder), LITELLM_LOCAL_MODEL_COST_MAP="True")
    command = [sys.executable, "-c", PROXY, "--config", str(HERE / "config.yaml"),
               "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    with open(log, "wb") as output:
        proxy = subprocess.Popen(command, env=environment, cwd=folder, stdout=output,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and proxy.poll() is None:
        try:
            with urlopen(f"{url}/health/liveliness", timeout=5):
                return proxy, url
        except (URLError, OSError):
            time.sleep(0.3)
    proxy.kill()
    sys.stderr.write(log.read_text(encoding="utf-8", errors="replace"))
    fail("the proxy did not start")
    raise AssertionError


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = installed()
    log = folder.parent / "litellm.log"
    proxy, url = started(folder, log)
    try:
        environment = dict(os.environ, TEST_LITELLM_URL=url)
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        proxy.terminate()
        try:
            proxy.wait(10)
        except subprocess.TimeoutExpired:
            proxy.kill()


if __name__ == "__main__":
    sys.exit(main())
