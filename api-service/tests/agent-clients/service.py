"""The program itself, started for a test, and a language model that it asks."""
import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

SECRET = "a secret of the tests, which is long enough"
START_SECONDS = 60
INGEST_SECONDS = 60

# Proxies are for the world outside, not for services on this machine.
DIRECT = build_opener(ProxyHandler({}))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(name: str, role: str = "user") -> str:
    """An access token of somebody, as auth-service signs it with JWT_SECRET."""
    now = int(time.time())
    person = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    claims = {"iss": "lectern", "aud": "lectern", "sub": person, "iat": now, "nbf": now,
              "exp": now + 600, "jti": str(uuid.uuid4()), "sid": str(uuid.uuid4()),
              "roles": [role], "email": f"{name}@example.com", "name": name}
    header = {"alg": "HS256", "typ": "at+jwt"}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    digest = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encoded(digest)}"


class LanguageModel:
    """An OpenAI-compatible server that says pieces, and breaks off or refuses when told to."""

    def __init__(self) -> None:
        self.pieces = ["The vault ", "opens at nine [1]", ". It is tall."]
        self.breaks = False
        self.refuses = False
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                if model.refuses:
                    self.send_error(500)
                    return
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for piece in model.pieces:
                    chunk = {"choices": [{"index": 0, "delta": {"content": piece}}]}
                    self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                    self.wfile.flush()
                if not model.breaks:
                    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                    self.wfile.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Service:
    """api-service with a folder of its own, and nothing but the model beside it."""

    def __init__(self, **variables: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="lectern-agent-clients-")
        models = Path(self.folder.name) / "models"
        models.symlink_to(Path(os.environ["LECTERN_MODELS_DIR"]).resolve())
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{held.getsockname()[1]}"
        self.url = f"http://{address}"
        environment = {"DATA_DIR": self.folder.name, "API_HTTP_ADDR": address,
                       "AUTH_URL": "http://127.0.0.1:1", "AUTH_GRPC_URL": "http://127.0.0.1:1",
                       "JWT_SECRET": SECRET, **variables}
        self.log = open(Path(self.folder.name) / "log", "wb+")
        self.process = subprocess.Popen([os.environ["API_SERVICE"]], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                DIRECT.open(f"{self.url}/healthz", timeout=5).close()
                return
            except (URLError, OSError):
                if time.monotonic() > end or self.process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.returncode != 0:
            self.log.seek(0)
            print(self.log.read().decode(errors="replace"))
        self.log.close()
        self.folder.cleanup()

    def ask(self, method: str, path: str, body: bytes = b"", name: str = "ada",
            kind: str = "application/json", role: str = "user") -> tuple[int, str, bytes]:
        """The status, the content type and the body of an answer."""
        url = path if path.startswith("http") else self.url + path
        headers = {"content-type": kind}
        if name:
            headers["authorization"] = f"Bearer {token(name, role)}"
        request = Request(url, data=body or None, headers=headers, method=method)
        try:
            with DIRECT.open(request, timeout=60) as response:
                return response.status, response.headers["content-type"], response.read()
        except HTTPError as refused:
            with refused:
                return refused.code, refused.headers["content-type"], refused.read()

    def json(self, method: str, path: str, body: object = None, **more: str) -> tuple[int, dict]:
        sent = b"" if body is None else json.dumps(body).encode()
        status, _, told = self.ask(method, path, sent, **more)
        return status, json.loads(told)

    def add(self, text: str, path: str, name: str = "ada") -> str:
        """Brings a document in, waits until it can be found, and tells its id."""
        status, document = self.json("POST", "/v1/documents", {"text": text, "path": path},
                                     name=name)
        assert status == 202, document
        self.wait_for(document["job"]["id"], name)
        return document["id"]

    def wait_for(self, job: str, name: str = "ada") -> None:
        end = time.monotonic() + INGEST_SECONDS
        while time.monotonic() < end:
            _, told = self.json("GET", f"/v1/jobs/{job}", name=name)
            if told["state"] == "ready":
                return
            time.sleep(0.1)
        raise AssertionError(f"the document is not ready: {told}")
