"""A started api-service with a language model beside it that does what a test says."""
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
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "the shared secret of the tests, which is long enough"
START_SECONDS = 60


def token(number: int, role: str = "user", lifetime: int = 3600) -> str:
    """The access token of a user, as auth-service signs it with JWT_SECRET."""
    now = int(time.time())
    user = f"018bcfe5-6800-7000-8000-{number:012d}"
    claims = {"iss": "lectern", "aud": "lectern", "sub": user, "iat": now - 7200,
              "nbf": now - 7200, "exp": now + lifetime, "jti": user, "sid": user,
              "roles": [role], "email": "user@example.com", "name": "User"}
    parts = [{"alg": "HS256", "typ": "at+jwt"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    signed = b".".join(encoded)
    mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    return b".".join([signed, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


class LanguageModel:
    """An OpenAI-compatible server that says `pieces`, and breaks off where `breaks`."""

    def __init__(self):
        self.pieces, self.breaks, self.requests = ["It is so. [1]"], False, []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                model.requests.append(json.loads(body))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]}
                          for piece in model.pieces]
                if not model.breaks:
                    usage = {"prompt_tokens": 70, "completion_tokens": 7, "total_tokens": 77}
                    chunks.append({"choices": [], "usage": usage})
                for chunk in chunks:
                    chunk["object"] = "chat.completion.chunk"
                    self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                    self.wfile.flush()
                if not model.breaks:
                    self.wfile.write(b"data: [DONE]\n\n")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Service:
    """api-service in a folder of its own, with the settings given."""

    def __init__(self, **settings):
        self.folder = tempfile.TemporaryDirectory(prefix="lectern-openai-")
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        models = os.path.join(self.folder.name, "models")
        os.symlink(os.path.abspath(os.environ["LECTERN_MODELS_DIR"]), models)
        environment = {"DATA_DIR": self.folder.name, "API_HTTP_ADDR": f"127.0.0.1:{port}",
                       "JWT_SECRET": SECRET, "API_PUBLIC_URL": self.url, **settings}
        self.log = open(os.path.join(self.folder.name, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([os.environ["API_SERVICE"]], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        self.wait()

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.log.seek(0)
        words = self.log.read()
        self.stop()
        raise RuntimeError(f"api-service did not start:\n{words}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.folder.cleanup()

    def call(self, method: str, path: str, bearer: str, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def add(self, bearer: str, document: dict):
        """Takes a document in and waits until it can be found."""
        added = self.call("POST", "/v1/documents", bearer, document)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.call("GET", f"/v1/documents/{added['id']}", bearer)["searchable"]:
                return added
            time.sleep(0.05)
        raise RuntimeError("a document is not ready after 30 s")
