#!/usr/bin/env python3
"""Runs OpenAI's and LangChain's clients against api-service.

    python3 api-service/tests/openai-clients/run.py [UNITTEST ARGUMENT…]

The packages of requirements.txt are installed once, below the folder that cargo builds
in. The program is API_SERVICE, else debug/api-service there; the embedding model is
found in LECTERN_MODELS_DIR.
"""
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def python(target: Path) -> Path:
    """An interpreter that has the packages."""
    requirements = HERE / "requirements.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(requirements.read_bytes() + version.encode()).hexdigest()[:12]
    folder = target / f"openai-clients-{digest}"
    interpreter = folder / "bin" / "python"
    whole = folder / "whole"
    if not whole.exists():
        print("openai-clients: installing the clients, once", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        command = [interpreter, "-m", "pip", "install", "--quiet", "--no-deps",
                   "--disable-pip-version-check", "--requirement", requirements]
        if subprocess.run(command, check=False).returncode != 0:
            sys.exit("openai-clients: the packages could not be installed")
        whole.touch()
    return interpreter


def main() -> int:
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
    environment = dict(os.environ)
    environment.setdefault("API_SERVICE", str(target / "debug" / "api-service"))
    command = [python(target), "-m", "unittest", *(sys.argv[1:] or ["test_clients"])]
    return subprocess.run(command, cwd=HERE, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
