#!/usr/bin/env python3
"""Deploys Lectern with docker-compose as its user would, and walks through it.

    python3 deploy/ci/walk.py        as root, on Debian

Starts a Docker engine where none answers, makes stand-ins for the public base
images (base-images.sh), builds the images, and brings the system up from a copy
of this clone that has no .env. Then: the walk through the proxy; each container
killed, and each service recreated, under a light load; the same walk on SQLite;
the one container for Hugging Face Spaces. Prints a line a step, and the figures.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# pylint: disable=wrong-import-position
from deployed import Deployed, Load
from engine import Engine, run
from smoke import add_documents, delete, search_and_ask, sign_out, stream
from smoke_driver import ROOT, Failed, expect

PROJECT = "lectern-walk"
HEALTHY_SECONDS = 180
RECOVERY_SECONDS = 60
MOST_MEMORY_MIB = 512
MOST_IMAGE_MB = 60
SERVICES = ("auth-service", "api-service")
CONTAINERS = (*SERVICES, "postgres", "caddy")


def copy_of_clone(folder):
    """Copies what git would commit: no .env, no data, no build."""
    # The clone may be another user's than root's.
    git = ("git", "-c", f"safe.directory={ROOT}", "-C", ROOT)
    listed = run(*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


class Compose:
    """docker-compose in a folder, with what this kind of machine can't have overridden."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = os.environ | {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_FILE": "docker-compose.yml:deploy/ci/compose.override.yml"}

    def __call__(self, *arguments, output=None):
        done = subprocess.run(["docker-compose", "--ansi", "never", *arguments], cwd=self.folder, text=True,
                              env=self.environment, stdin=subprocess.DEVNULL, check=False,
                              stdout=output or subprocess.PIPE, stderr=subprocess.STDOUT)
        expect(done.returncode == 0, f"docker-compose {' '.join(arguments)}", done.stdout)
        return done.stdout

    def container(self, service):
        """Returns the id of a service's container."""
        labels = {"service": service, "project": PROJECT}
        filters = (f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items())
        return run("docker", "ps", "--all", "--quiet", *filters).split()[0]

    def up(self):
        """Brings all up; returns after how many seconds all were healthy."""
        begin = time.monotonic()
        self("up", "-d", "--no-build")
        for service in CONTAINERS:
            self.wait_until_healthy(service, HEALTHY_SECONDS)
        return time.monotonic() - begin

    def wait_until_healthy(self, service, seconds):
        """Waits for a container's health check."""
        deadline = time.monotonic() + seconds
        while (state := self.state(service, "{{.State.Health.Status}}")) != "healthy":
            if time.monotonic() > deadline:
                raise Failed(f"{service} is {state}\n{self('logs', '--tail=40', service)}")
            time.sleep(0.2)

    def state(self, service, what):
        """Returns what `docker inspect` says of a container."""
        return run("docker", "inspect", "--format", what, self.container(service)).strip()

    def memory(self):
        """Returns each container's memory in MiB, shared pages counted once."""
        return {service: memory_of(self.container(service)) for service in CONTAINERS}


def logs_of(container):
    """Returns what a container said last."""
    said = subprocess.run(["docker", "logs", "--tail=40", container], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return said.stdout


def memory_of(container):
    """Returns the proportional set size of a container's processes, in MiB."""
    kib = 0
    for pid in run("docker", "top", container, "-eo", "pid").split()[1:]:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return kib / 1024


def told(memory):
    """Returns figures of memory as a line."""
    parts = ", ".join(f"{name} {mib:.0f}" for name, mib in memory.items())
    return f"{parts}; together {sum(memory.values()):.0f} MiB"


def walk(deployed):
    """What a reader does, with Better Auth's paths and our own."""
    deployed.check_page()
    deployed.sign_up_as_better_auth()
    state = {}
    for step in (add_documents, search_and_ask, stream, delete, sign_out):
        step(deployed, state)
    deployed.sign_out_as_better_auth()
    deployed.check_refused()
    return state


def check_contained(compose):
    """Nothing runs as root, writes to its root file system or has a port too many."""
    for service in CONTAINERS:
        host = compose.state(service, "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} "
                             "{{.HostConfig.SecurityOpt}} {{.HostConfig.RestartPolicy.Name}}")
        expect(host == "true [ALL] [no-new-privileges:true] unless-stopped", service, host)
        user = run("docker", "top", compose.container(service), "-eo", "uid,pid").split()[2]
        expect(user != "0", f"{service} runs as root")
        ports = compose.state(service, "{{range $port, $to := .NetworkSettings.Ports}}"
                              "{{if $to}}{{$port}} {{end}}{{end}}")
        published = {"auth-service": "3001/tcp", "api-service": "8000/tcp", "caddy": "8080/tcp"}
        expect(ports.strip() == published.get(service, ""), f"{service} publishes", ports)


def kill_each(compose, deployed, state):
    """Each container is killed as by a crash, and comes back by itself."""
    for service in CONTAINERS:
        with Load(deployed, state["ann"]) as load:
            pid = int(compose.state(service, "{{.State.Pid}}"))
            count = int(compose.state(service, "{{.RestartCount}}"))
            begin = time.monotonic()
            run("kill", "-KILL", pid)
            while int(compose.state(service, "{{.RestartCount}}")) == count:
                expect(time.monotonic() - begin < RECOVERY_SECONDS, f"{service} stays down")
                time.sleep(0.1)
            compose.wait_until_healthy(service, RECOVERY_SECONDS)
            took = load.wait_until_answered(RECOVERY_SECONDS, begin)
        # What the proxy can't wait for: its own death, and a database's, which is told.
        allowed = {"caddy": "", "postgres": ": 503"}.get(service)
        wrong = [failure for failure in load.failures if allowed is None or allowed not in failure]
        expect(not wrong, f"with {service} killed", load.told())
        check_kept(deployed, state)
        print(f"ok  {service} killed under load: back after {took:.1f} s, {load.counts()}", flush=True)


def recreate_each(compose, deployed, state):
    """Each service is replaced in good order, and no request fails."""
    for service in SERVICES:
        with Load(deployed, state["ann"], with_questions=True) as load:
            load.wait_for_more(10)
            begin = time.monotonic()
            compose("up", "-d", "--no-build", "--no-deps", "--force-recreate", service)
            compose.wait_until_healthy(service, RECOVERY_SECONDS)
            took = time.monotonic() - begin
            load.wait_for_more(10)
        expect(not load.failures, f"with {service} recreated", load.told())
        check_kept(deployed, state)
        print(f"ok  {service} recreated under load in {took:.1f} s, {load.counts()}", flush=True)


def check_kept(deployed, state):
    """What was acknowledged is still there."""
    found = deployed.found(state["ann"], "Where does Brumwald live?")
    expect(found and found[0] == state["otter"], "the otter is gone", found)


def images(compose):
    """Builds the images; says how large they are."""
    begin = time.monotonic()
    with open(compose.folder.parent / "build.txt", "w", encoding="utf-8") as log:
        try:
            compose("build", output=log)
        except Failed as failure:
            raise Failed(f"{failure}\n{Path(log.name).read_text(encoding='utf-8')[-6000:]}") from None
    lto, dockerfile = os.environ["LTO"], compose.folder / "deploy/Dockerfile"
    run("docker", "build", "--quiet", f"--build-arg=LTO={lto}", "--file", dockerfile,
        "--tag", "lectern/all-in-one", compose.folder)
    # What was built before and is of no use to the next build goes.
    run("docker", "image", "prune", "--force", "--filter=until=168h")
    # What follows the step in the builder's log, up to the next one.
    log = (compose.folder.parent / "build.txt").read_text(encoding="utf-8")
    step = log.partition("RUN for crate in")[2].partition("\nStep ")[0]
    kept = "kept from before" if "Using cache" in step else "compiled, too"
    print(f"ok  images built ({time.monotonic() - begin:.0f} s; dependencies {kept})", flush=True)
    model = sum(file.stat().st_size for file in model_files())
    for service in SERVICES:
        size = int(run("docker", "image", "inspect", "--format", "{{.Size}}", f"lectern/{service}"))
        bare = (size - (model if service == "api-service" else 0)) / 1e6
        print(f"    {service}: {size / 1e6:.1f} MB, {bare:.1f} MB without the model", flush=True)
        expect(bare < MOST_IMAGE_MB or lto == "off", "the image is too large")


def model_files():
    """Returns the model's files as the script of `make model` left them here."""
    return (ROOT / "data/models/all-MiniLM-L6-v2").glob("*")


def postgres(compose, deployed):
    """The system as it is shipped."""
    print(f"ok  up and healthy ({compose.up():.1f} s)", flush=True)
    check_contained(compose)
    idle = compose.memory()
    begin = time.monotonic()
    state = walk(deployed)
    made = compose("exec", "-T", "auth-service", "auth-service", "admin", "create")
    expect("password: " in made, "no administrator was made", made)
    print(f"ok  the walk through the proxy ({time.monotonic() - begin:.1f} s)", flush=True)
    after = compose.memory()
    print(f"    memory idle: {told(idle)}\n    memory after: {told(after)}", flush=True)
    for memory in (idle, after):
        expect(sum(memory.values()) < MOST_MEMORY_MIB, "it takes too much memory", told(memory))
    kill_each(compose, deployed, state)
    recreate_each(compose, deployed, state)
    compose("down", "-v")
    left = run("docker", "volume", "ls", "--quiet", "--filter", f"name={PROJECT}")
    expect(not left, "down -v leaves volumes", left)


def sqlite(compose, deployed):
    """The same without PostgreSQL: what .env says goes before what is shipped."""
    (compose.folder / ".env").write_text(
        "AUTH_DATABASE_URL=sqlite:/data/auth.db\nAPI_DATABASE_URL=sqlite:/data/api.db\n")
    took = compose.up()
    compose("stop", "postgres")
    state = walk(deployed)
    compose("restart", *SERVICES)
    for service in SERVICES:
        compose.wait_until_healthy(service, RECOVERY_SECONDS)
    check_kept(deployed, state)
    (compose.folder / ".env").unlink()
    compose("down", "-v")
    print(f"ok  the same on SQLite (up and healthy in {took:.1f} s)", flush=True)


def one_container():
    """The image for Hugging Face Spaces."""
    name, deployed = "lectern-walk-space", Deployed(7860)
    run("docker", "run", "--detach", "--name", name, "--publish", "127.0.0.1:7860:7860",
        "--volume", f"{name}:/data", "--cap-drop=ALL", "--cap-add=NET_BIND_SERVICE",
        "--env", "AUTH_PUBLIC_URL=http://localhost:7860", "lectern/all-in-one")
    try:
        begin = time.monotonic()
        deployed.wait_until_ready(HEALTHY_SECONDS, lambda: logs_of(name))
        took = time.monotonic() - begin
        state = walk(deployed)
        memory = memory_of(name)
        begin = time.monotonic()
        run("docker", "stop", "--time=40", name)
        stopped = time.monotonic() - begin
        code = run("docker", "inspect", "--format", "{{.State.ExitCode}}", name).strip()
        expect(code == "0", f"it ended with code {code}", logs_of(name))
        run("docker", "start", name)
        deployed.wait_until_ready(HEALTHY_SECONDS, lambda: logs_of(name))
        check_kept(deployed, state)
    finally:
        run("docker", "rm", "--force", "--volumes", name)
        run("docker", "volume", "rm", "--force", name)
    print(f"ok  one container on port 7860 (ready after {took:.1f} s, stopped in "
          f"{stopped:.1f} s, {memory:.0f} MiB)", flush=True)


def main():
    """Reads the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lto", choices=("off", "thin"), default="thin",
                        help="thin, as images are shipped; off builds a change of code faster")
    parser.add_argument("--no-build", action="store_true", help="take the images that are there")
    options = parser.parse_args()
    os.environ["LTO"] = options.lto
    with tempfile.TemporaryDirectory(prefix="lectern-walk.") as name, Engine():
        folder = Path(name) / "lectern"
        copy_of_clone(folder)
        compose, deployed = Compose(folder), Deployed(8080)
        try:
            if not options.no_build:
                print(run(ROOT / "deploy/ci/base-images.sh"), end="", flush=True)
                images(compose)
            postgres(compose, deployed)
            sqlite(compose, deployed)
            one_container()
        except Failed as failure:
            print(f"FAILED  {failure}", flush=True)
            subprocess.run(["docker-compose", "--ansi", "never", "logs", "--tail=40"], cwd=folder,
                           env=compose.environment, check=False)
            return 1
        finally:
            subprocess.run(["docker-compose", "--ansi", "never", "down", "-v"], cwd=folder, check=False,
                           env=compose.environment, capture_output=True)
    print("the deployment passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
