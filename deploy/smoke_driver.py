"""Starts, asks and stops one Lectern as its user would, for smoke.py."""
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parent.parent
DIRECT = build_opener(ProxyHandler({}))
STOP_SECONDS = 20
JOB_SECONDS = 60


class Failed(Exception):
    """A step did not do what it should."""


def expect(truth, message, seen=""):
    """Raises with all that was seen, unless something is true."""
    if not truth:
        raise Failed(f"{message}\n{seen}")


class Answer:
    """What a service answered."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __str__(self):
        return f"{self.status}\n{self.headers}\n{self.body.decode(errors='replace')}"

    @property
    def json(self):
        """The body, read as JSON."""
        return json.loads(self.body)


class Lectern:
    """One `make run`, and what can be asked of it."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        self.auth, self.grpc, self.api = (held.getsockname()[1] for held in sockets)
        for held in sockets:
            held.close()
        self.output = folder / "make-run.txt"
        # The example must work as it is; no setting of the person's own comes in between.
        example = (ROOT / ".env.example").read_text(encoding="utf-8")
        known = set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE))
        self.environment = {name: value for name, value in os.environ.items()
                            if name.removesuffix("_FILE") not in known}
        (folder / ".env").write_text(
            f"{example}\nDATA_DIR={folder}\nAUTH_HTTP_ADDR=127.0.0.1:{self.auth}\n"
            f"AUTH_GRPC_ADDR=127.0.0.1:{self.grpc}\nAPI_HTTP_ADDR='127.0.0.1:{self.api}'\n"
            "MAX_UPLOAD_BYTES=200000  # small, to be reached\n", encoding="utf-8")

    def make_run(self, output):
        """Starts `make run` as a shell does: in a process group of its own."""
        with output.open("wb") as file:
            command = ["make", "run", f"ENV_FILE={self.folder / '.env'}"]
            return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=file,
                                    stderr=file, stdin=subprocess.DEVNULL, process_group=0)

    def start(self, seconds):
        """Starts, waits until it says that all is done; returns how long that took."""
        begin = time.monotonic()
        self.process = self.make_run(self.output)
        while "A first question" not in self.output.read_text(errors="replace"):
            took = time.monotonic() - begin
            expect(self.process.poll() is None, "make run ended", self.output.read_text())
            expect(took < seconds, f"not up in {seconds} seconds", self.output.read_text())
            time.sleep(0.1)
        return time.monotonic() - begin

    def interrupt(self):
        """Presses Ctrl-C; returns how long the stop took."""
        begin = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failed(f"still there {STOP_SECONDS} seconds after Ctrl-C") from None
        said = self.output.read_text(errors="replace")
        # make itself ends by the signal; what it ran says how that ended.
        clean = said.rstrip().endswith("Stopped.") and "Traceback" not in said
        expect(clean and self.process.returncode in (0, -signal.SIGINT), "no clean stop", said)
        for port in (self.auth, self.grpc, self.api):
            with socket.socket() as client:
                expect(client.connect_ex(("127.0.0.1", port)) != 0, f"{port} is still served")
        return time.monotonic() - begin

    def ask(self, service, method, path, token=None, body=None, **headers):
        """Sends a request; a body that is not bytes goes as JSON."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = f"http://127.0.0.1:{getattr(self, service)}{path}"
        request = Request(url, body, headers, method=method)
        try:
            with DIRECT.open(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except HTTPError as answer:
            return Answer(answer.code, answer.headers, answer.read())

    def sign_up(self, name):
        """Makes an account; returns its token."""
        body = {"email": f"{name}@example.org", "password": f"{name} likes long walks",
                "name": name.title()}
        answer = self.ask("auth", "POST", "/v1/accounts", body=body)
        expect(answer.status == 201, "sign-up", answer)
        return answer.json["access_token"]

    def wait_for(self, token, uploaded):
        """Waits until a document that was taken in can be found; returns its id."""
        expect(uploaded.status == 202, "upload", uploaded)
        deadline = time.monotonic() + JOB_SECONDS
        job = uploaded.json["job"]["id"]
        while True:
            answer = self.ask("api", "GET", f"/v1/jobs/{job}", token)
            if answer.json["state"] == "ready":
                return uploaded.json["id"]
            ended = answer.json["state"] in ("failed", "cancelled")
            expect(not ended and time.monotonic() < deadline, "the job", answer)
            time.sleep(0.1)

    def found(self, token, query):
        """Returns the ids of the documents that a search finds."""
        answer = self.ask("api", "POST", "/v1/search", token, {"query": query})
        expect(answer.status == 200, "search", answer)
        return [result["document_id"] for result in answer.json["results"]]
