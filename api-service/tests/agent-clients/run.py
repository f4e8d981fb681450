#!/usr/bin/env python3
"""Runs agents' and chats' real clients against the started program.

    API_SERVICE=target/debug/api-service LECTERN_MODELS_DIR=data/models \
        python3 api-service/tests/agent-clients/run.py [test…]

The packages of requirements.txt are installed once, beside the program's folder.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def installed() -> Path:
    """The folder with the packages, which is whole or not there."""
    requirements = HERE / "requirements.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(requirements.read_bytes() + version.encode()).hexdigest()[:12]
    place = Path(os.environ["API_SERVICE"]).resolve().parent.parent
    folder = place / f"agent-clients-{digest}"
    with open(place / "agent-clients.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        for old in place.glob("agent-clients-*"):
            shutil.rmtree(old)
        print("agent-clients: installing the clients, once", file=sys.stderr)
        part = place / "agent-clients-part"
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                        "--disable-pip-version-check", "--root-user-action=ignore",
                        "--target", str(part), "--requirement", str(requirements)], check=True)
        part.rename(folder)
    return folder


def main() -> int:
    environment = dict(os.environ, PYTHONPATH=str(installed()), PYTHONDONTWRITEBYTECODE="1")
    names = sys.argv[1:] or ["test_chatkit", "test_mcp"]
    command = [sys.executable, "-m", "unittest", *names]
    return subprocess.run(command, env=environment, cwd=HERE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
