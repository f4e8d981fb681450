#!/usr/bin/env python3
"""Sets Lectern up and runs it until Ctrl-C: what `make run` does.

Fetches the embedding model, builds both services, starts them, makes the
administrator's account, and ingests this project's documentation as the public
knowledge base `lectern`. What is done already is not done again. Settings come
from the environment, else from the file .env or another one (--env-file).
"""
import argparse
import contextlib
import ctypes
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

ROOT = Path(__file__).resolve().parent.parent
KNOWLEDGE_BASE = "lectern"

# The documentation: every Markdown file that is not made by the build or by tests.
INCLUDE = ("**/*.md",)
EXCLUDE = ("target/**", "data/**", "**/tests/**")

READY_SECONDS = 300
SLOW_SECONDS = 10
PORT_TAKEN_SECONDS = 15
STOP_SECONDS = 30
LARGEST_LOG = 10_000_000
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Proxies are for the world outside, not for services on this machine.
DIRECT = build_opener(ProxyHandler({}))


class Failure(Exception):
    """Why Lectern can't run, in one line for the person who started it."""


class Stop(Exception):
    """Ctrl-C was pressed, or SIGTERM came."""


def say(line=""):
    """Prints a line at once; who reads may have gone, and the services go on."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def read_env_file(path):
    """Returns the variables that a .env file sets; empty values count as not set."""
    values = {}
    if not path.exists():
        return values
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = re.fullmatch(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", line)
        if not found:
            raise Failure(f"{path.name}, line {number}: is not NAME=value")
        name, value = found.groups()
        quoted = re.match(r"(['\"])(.*?)\1\s*(?:#.*)?$", value)
        value = quoted.group(2) if quoted else re.split(r"\s+#", value)[0].strip()
        if value:
            values[name] = value
    return values


def settings(env_file):
    """Returns the environment for everything that is started."""
    environment = read_env_file(ROOT / env_file)
    environment |= {name: value for name, value in os.environ.items() if value.strip()}
    environment.setdefault("DATA_DIR", "./data")
    environment.setdefault("AUTH_HTTP_ADDR", "127.0.0.1:3001")
    environment.setdefault("AUTH_GRPC_ADDR", "127.0.0.1:3002")
    environment.setdefault("API_HTTP_ADDR", "127.0.0.1:8000")
    environment.setdefault("AUTH_URL", url_of(environment, "AUTH_HTTP_ADDR"))
    environment.setdefault("AUTH_GRPC_URL", url_of(environment, "AUTH_GRPC_ADDR"))
    # The page is of api-service's origin, and signs in at auth-service's.
    environment["ALLOWED_ORIGINS"] = with_page(environment)
    environment.setdefault("AUTH_PUBLIC_URL", environment.get("BETTER_AUTH_URL") or of_browsers(environment["AUTH_URL"]))
    return environment


def url_of(environment, name):
    """Returns the URL at which this machine reaches what listens on an address."""
    host, _, port = environment[name].rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Failure(f"{name}: must be an address and a port, such as 127.0.0.1:3001")
    nowhere = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
    return f"http://{nowhere.get(host, host)}:{port}"


def of_browsers(url):
    """Returns the URL that people use on this machine: cookies are of the one name."""
    return url.replace("//127.0.0.1:", "//localhost:")


def page_of(environment):
    """Returns where the page is."""
    return of_browsers(url_of(environment, "API_HTTP_ADDR"))


def with_page(environment):
    """Returns the origins that may ask, the page's among them."""
    listed, page = environment.get("ALLOWED_ORIGINS", ""), page_of(environment)
    if listed.startswith("["):
        with contextlib.suppress(ValueError):
            return json.dumps([*json.loads(listed), page])
    return listed if listed.strip() == "*" else ",".join(filter(None, [listed, page]))


def die_with_parent():
    """Asks Linux to stop this process where the one that started it is killed."""
    pr_set_pdeathsig = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def run_to_end(command, environment, stdout=None):
    """Runs a command with its progress shown; returns its code, and its lines where captured.

    It has a session of its own: Ctrl-C reaches only us, and we stop all that it started.
    """
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=stdout,
        text=True, start_new_session=True, preexec_fn=die_with_parent)
    try:
        output, _ = process.communicate()
    except Stop:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()
        raise
    return process.returncode, (output or "").splitlines()


def fetch_model(environment):
    """Brings the embedding model, where it is not there yet."""
    code, _ = run_to_end([sys.executable, ROOT / "deploy/model/fetch.py"], environment)
    if code != 0:
        raise Failure("the embedding model could not be brought; the reason is above")


def build(environment):
    """Builds both services; returns the folder of the programs."""
    code, _ = run_to_end(["cargo", "build", "--workspace", "--locked"], environment)
    if code != 0:
        raise Failure("the build failed; cargo's messages are above")
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version=1"]
    _, lines = run_to_end(command, environment, subprocess.PIPE)
    return Path(json.loads("".join(lines))["target_directory"]) / "debug"


def is_open(url):
    """Returns whether something listens at a URL's address."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host.strip("[]"), port), 2):
        return True
    return False


def is_ready(url):
    """Returns whether a service says that it can serve."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        with DIRECT.open(f"{url}/readyz", timeout=5) as answer:
            return answer.status == 200
    return False


class Service:
    """A service's process. It has a session of its own, so that Ctrl-C reaches only us."""

    def __init__(self, name, url, binaries, environment):
        self.name, self.url = name, url
        folder = ROOT / environment["DATA_DIR"] / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        # What listens before we begin is another process: ours will say so and end.
        self.port_taken = is_open(url)
        with self.log.open("ab") as log:
            self.begin = log.tell()
            self.process = subprocess.Popen(
                [binaries / name, "serve"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent)

    def last_words(self):
        """Returns what the process said when it ended."""
        with self.log.open("rb") as log:
            log.seek(self.begin)
            lines = log.read().decode(errors="replace").splitlines()
        words = [line for line in lines if line.startswith(f"{self.name}: ")]
        return words[-1] if words else (
            f"{self.name} ended with code {self.process.returncode}; see {self.log}")

    def check(self):
        """Raises where the process has ended."""
        if self.process.poll() is not None:
            raise Failure(self.last_words())

    def wait_until_ready(self):
        """Polls until the service is ready; raises where that takes too long."""
        if self.port_taken:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PORT_TAKEN_SECONDS)
        begin, told = time.monotonic(), False
        while time.monotonic() - begin < READY_SECONDS:
            self.check()
            if is_ready(self.url):
                self.check()
                return
            if time.monotonic() - begin > SLOW_SECONDS and not told:
                say(f"{self.name} takes long to start; {self.log} says why.")
                told = True
            time.sleep(0.1)
        raise Failure(f"{self.name} was not ready after {READY_SECONDS} seconds; see {self.log}")

    def stop(self):
        """Stops the process in good order; returns whether it ended well."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                say(f"{self.name} did not stop in {STOP_SECONDS} seconds; it was killed.")
                self.process.kill()
                self.process.wait()
        return self.process.returncode == 0


def make_admin(binaries, environment):
    """Makes the administrator's account where there is none; returns how to sign in."""
    command = [binaries / "auth-service", "admin", "create", "--if-none"]
    code, lines = run_to_end(command, environment | {"LOG_LEVEL": "warn"}, subprocess.PIPE)
    if code != 0:
        raise Failure("the administrator's account could not be made; the reason is above")
    made = dict(line.split(": ", 1) for line in lines if ": " in line)
    if "password" in made:
        return f"{made['email']}, password {made['password']} (shown only this once)"
    return made.get("email", "the account that was made before")


def introduce(services, account, environment):
    """Prints where everything is."""
    auth, api = services
    say(f"""
Lectern is running; Ctrl-C stops it.
  the page       {page_of(environment)}
  auth-service   {auth.url} (gRPC {environment["AUTH_GRPC_ADDR"]})
  api-service    {api.url}
  administrator  {account}
  data           {environment["DATA_DIR"]} (logs in {auth.log.parent})
""")


def ingest(binaries, environment):
    """Brings the documentation's knowledge base up to date, and says what changed."""
    command = [binaries / "api-service", "ingest", ".", "--knowledge-base", KNOWLEDGE_BASE]
    command += [f"--include={pattern}" for pattern in INCLUDE]
    command += [f"--exclude={pattern}" for pattern in EXCLUDE]
    code, lines = run_to_end(command, environment, subprocess.PIPE)
    columns = (re.split(r"\s{2,}", line, maxsplit=1) for line in lines)
    rows = dict(pair for pair in columns if len(pair) == 2)
    changes = [f"{rows[label]} {label}" for label in ("new", "changed", "removed", "failed")
               if rows.get(label, "0") != "0"]
    if changes:
        say(f"Knowledge base `{KNOWLEDGE_BASE}`, this project's documentation: "
            f"{', '.join(changes)}; {rows['chunks written']} chunks, {rows['time']}.")
    elif code == 0:
        say(f"Knowledge base `{KNOWLEDGE_BASE}`: {rows['unchanged']} documents, none changed.")
    for line in lines:
        if line.startswith("not ingested: "):
            say(line)
    if code != 0:
        say("Not all of the documentation was ingested; the next start tries again.")


def suggest(services):
    """Prints a first question."""
    auth, api = services
    say(f"""
A first question:
  TOKEN=$(curl -s {auth.url}/v1/accounts -H 'Content-Type: application/json' \\
    -d '{{"email":"you@example.com","password":"a long passphrase","name":"You"}}' \\
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
  curl -s {api.url}/v1/chat -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{{"message":"What is Lectern?"}}'
""")


def serve(services, binaries, environment):
    """Runs both services until one ends or a signal comes."""
    for name, address in (("auth-service", "AUTH_HTTP_ADDR"), ("api-service", "API_HTTP_ADDR")):
        service = Service(name, url_of(environment, address), binaries, environment)
        services.append(service)
        service.wait_until_ready()
    for service in services:
        service.check()
    introduce(services, make_admin(binaries, environment), environment)
    ingest(binaries, environment)
    suggest(services)
    while True:
        for service in services:
            service.check()
        # Blocks until a child ends, whose code stays to be read; a signal's handler raises.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)


def ignore_signals():
    """From now on we end by ourselves."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def on_signal(*_):
    """Turns the first signal into a Stop; more of them change nothing."""
    ignore_signals()
    raise Stop


def stop(services):
    """Stops what runs, in order; returns whether all ended well."""
    ignore_signals()
    # api-service first: it asks auth-service, and not the other way round.
    return all([service.stop() for service in reversed(services)])


def main():
    """Runs Lectern; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env-file", default=".env", help="where settings are read from")
    options = parser.parse_args()
    for number in SIGNALS:
        signal.signal(number, on_signal)
    services = []
    try:
        environment = settings(options.env_file)
        # It will hold accounts and keys: for this user alone.
        (ROOT / environment["DATA_DIR"]).mkdir(mode=0o700, parents=True, exist_ok=True)
        fetch_model(environment)
        serve(services, build(environment), environment)
    except Stop:
        say("\nStopping.")
        if stop(services):
            say("Stopped.")
            return 0
        failure = "a service did not end well; its log says more"
    except (Failure, OSError) as error:
        stop(services)
        failure = error
    with contextlib.suppress(OSError):
        print(f"lectern: {failure}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
