"""Runs commands, and a Docker engine for as long as the walk lasts."""
import os
import shutil
import subprocess
import time
from pathlib import Path

from smoke_driver import Failed

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lectern"
RUN = Path("/run/lectern-docker")
START_SECONDS = 60
PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "docker-compose": "docker-compose",
            "debootstrap": "debootstrap"}


def run(*command):
    """Runs a command; returns what it prints, and raises with that where it fails."""
    command = [str(part) for part in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def install():
    """Installs what is missing, from Debian."""
    missing = {package for program, package in PACKAGES.items() if not shutil.which(program)}
    if missing:
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        run("apt-get", "-qq", "update")
        run("apt-get", "-qq", "-y", "install", "--no-install-recommends", *sorted(missing))


def answers():
    """Returns whether an engine answers."""
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


class Engine:
    """The engine that answers, else one of our own: its images outlive the walk."""

    def __init__(self):
        self.process = None
        # Its builder is the one that docker-compose 1.29 asks, so that both share layers.
        os.environ["DOCKER_BUILDKIT"] = "0"

    def __enter__(self):
        install()
        if not answers():
            os.environ["DOCKER_HOST"] = f"unix://{RUN}/docker.sock"
            if not answers():
                self.start()
        return self

    def start(self):
        """Starts an engine on a socket alone."""
        RUN.mkdir(mode=0o700, exist_ok=True)
        (RUN / "pid").unlink(missing_ok=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        log = CACHE / "dockerd.log"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["dockerd", "--host", os.environ["DOCKER_HOST"], "--data-root", CACHE / "docker",
                 "--exec-root", RUN / "exec", "--pidfile", RUN / "pid"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the Docker engine does not start\n{log.read_text()[-4000:]}")
            time.sleep(0.2)

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
