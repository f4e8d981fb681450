#!/usr/bin/env python3
"""Drives both services as the frontends of the other backends do.

    python3 api-service/tests/frontends/run.py --models FOLDER --programs FOLDER

Starts the built auth-service and api-service of the second folder on free ports, with a
temporary DATA_DIR and the settings that the examples' passwords need, and lets each frontend
of frontends.py do what its document shows. Its packages are installed once, in
~/.cache/lectern (XDG_CACHE_HOME).
"""
import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
START_SECONDS = 60
BOOK = "# Physical AI\n\nPhysical AI is artificial intelligence that acts through a body.\n"


def packages() -> Path:
    """The folder with the packages, which is whole or not there."""
    requirements = HERE / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lectern"
    folder = cache / f"frontends-{digest}"
    if not folder.exists():
        part = cache / f"frontends-part-{os.getpid()}"
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                        "--disable-pip-version-check", "--root-user-action=ignore",
                        "--target", str(part), "--requirement", str(requirements)], check=True)
        try:
            part.rename(folder)
        except OSError:
            shutil.rmtree(part)
    return folder


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def started(program: Path, environment: dict[str, str], port: int) -> subprocess.Popen:
    """Starts a service and waits until it is asked on its port."""
    process = subprocess.Popen([program], env=environment, stdin=subprocess.DEVNULL)
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    process.kill()
    sys.exit(f"frontends: {program.name} did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--programs", type=Path, required=True)
    arguments = parser.parse_args()
    sys.path.insert(0, str(packages()))
    auth, grpc, api = free_ports(3)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        (data / "models").symlink_to(arguments.models.resolve())
        (data / "book").mkdir()
        (data / "book" / "intro.md").write_text(BOOK, encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"], "DATA_DIR": folder, "LOG_LEVEL": "error",
            "AUTH_HTTP_ADDR": f"127.0.0.1:{auth}", "AUTH_GRPC_ADDR": f"127.0.0.1:{grpc}",
            "AUTH_URL": f"http://127.0.0.1:{auth}", "AUTH_GRPC_URL": f"http://127.0.0.1:{grpc}",
            "API_HTTP_ADDR": f"127.0.0.1:{api}",
            # `test123` and `password123` stand in the documents.
            "PASSWORD_MIN_LENGTH": "6", "PASSWORD_BLOCKLIST": "off",
            "RATE_LIMIT_REQUESTS_PER_MINUTE": "100",
        }
        programs = arguments.programs.resolve()
        ingest = [programs / "api-service", "ingest", data / "book"]
        subprocess.run(ingest, env=environment, check=True, stdout=subprocess.DEVNULL)
        running = [started(programs / "auth-service", environment, auth),
                   started(programs / "api-service", environment, api)]
        try:
            import frontends
            frontends.run(f"http://127.0.0.1:{auth}", f"http://127.0.0.1:{api}")
        finally:
            for process in reversed(running):
                process.terminate()
            for process in running:
                process.wait(30)


if __name__ == "__main__":
    main()
