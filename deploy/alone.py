#!/usr/bin/env python3
"""Starts, asks and stops each service without the other.

    LECTERN_MODELS_DIR=FOLDER python3 deploy/alone.py

The programs are in cargo's folder (CARGO_TARGET_DIR). auth-service is alone; api-service
has only the published keys, or only the secret, that tokens are signed with, and looks
nobody up.
"""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request

sys.path.insert(0, str(Path(__file__).resolve().parent / "openapi"))
from services import DIRECT, PASSWORD, START_SECONDS, free_address, programs  # noqa: E402

NOWHERE = "http://127.0.0.1:1"
SECRET = "a secret of both services, of 32 bytes or more"


class Alone:
    """One service with a data folder of its own, until it is stopped."""

    def __init__(self, name: str, **settings: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="lectern-alone-")
        (Path(self.folder.name) / "models").symlink_to(
            Path(os.environ["LECTERN_MODELS_DIR"]).resolve())
        address = free_address()
        self.url = f"http://{address}"
        self.process = subprocess.Popen(
            [programs() / name], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"DATA_DIR": self.folder.name, "AUTH_HTTP_ADDR": address, "AUTH_GRPC_ADDR": free_address(), "API_HTTP_ADDR": address,
                 "AUTH_URL": NOWHERE, "AUTH_GRPC_URL": NOWHERE} | settings)
        end = time.monotonic() + START_SECONDS
        while self.ask("GET", "/readyz")[0] != 200:
            if time.monotonic() > end or self.process.poll() is not None:
                self.end()
                raise RuntimeError(f"{name} did not start")
            time.sleep(0.1)

    def ask(self, method: str, path: str, body: object = None, token: str = ""):
        """The status of an answer, and its JSON or its text; 0 where there is none."""
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with DIRECT.open(request, timeout=60) as answer:
                status, text = answer.status, answer.read().decode()
        except HTTPError as error:
            status, text = error.code, error.read().decode()
        except (URLError, OSError):
            return 0, None
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def stop(self) -> int:
        """Stops it in good order; returns its exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def end(self) -> None:
        """Ends what a test that failed has left."""
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class Keys(BaseHTTPRequestHandler):
    """Publishes a JSON Web Key Set, and is nothing else."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(self.server.keys)

    def log_message(self, *_) -> None:
        pass


def signed(secret: str) -> str:
    """An access token, as auth-service signs one with JWT_SECRET."""
    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    now = int(time.time())
    claims = {"iss": "lectern", "aud": "lectern", "sub": str(uuid.uuid4()), "iat": now,
              "nbf": now, "exp": now + 600, "jti": str(uuid.uuid4()), "sid": str(uuid.uuid4()),
              "roles": ["user"], "email": "ada@example.com", "name": "Ada"}
    text = f"{part({'alg': 'HS256', 'typ': 'at+jwt'})}.{part(claims)}"
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


class Case(unittest.TestCase):
    def alone(self, name: str, **settings: str) -> Alone:
        """A service that lasts no longer than the test."""
        service = Alone(name, **settings)
        self.addCleanup(service.end)
        return service


class AuthServiceAlone(Case):
    def test_it_serves_and_stops(self) -> None:
        auth = self.alone("auth-service")
        account = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
        status, session = auth.ask("POST", "/v1/accounts", account)
        self.assertEqual((status, session["user"]["email"]), (201, "ada@example.com"))
        token = session["access_token"]
        self.assertEqual(auth.ask("GET", "/v1/me", token=token)[0], 200)
        self.assertEqual(auth.ask("GET", "/health")[1]["status"], "healthy")
        self.assertEqual(len(auth.ask("GET", "/v1/jwks")[1]["keys"]), 1)
        self.assertEqual(auth.ask("DELETE", "/v1/sessions/current", token=token)[0], 204)
        self.assertEqual(auth.ask("GET", "/v1/me", token=token)[0], 401)
        self.assertEqual(auth.stop(), 0)


class ApiServiceAlone(Case):
    def walk(self, api: Alone, token: str, dependencies: dict[str, str]) -> None:
        """Uploads, finds, asks and deletes; look-ups are degraded, and say so."""
        text = "# Opening hours\n\nThe library is open from nine to six.\n"
        status, made = api.ask("POST", "/v1/documents", {"text": text}, token)
        self.assertEqual(status, 202, made)
        end = time.monotonic() + 60
        while api.ask("GET", f"/v1/jobs/{made['job']['id']}", token=token)[1]["state"] != "ready":
            self.assertLess(time.monotonic(), end, "the document is not ready")
            time.sleep(0.1)
        question = {"message": "When is the library open?"}
        status, answer = api.ask("POST", "/v1/chat", question, token)
        self.assertEqual(status, 200, answer)
        self.assertIn("nine to six", answer["response"])
        status, stream = api.ask("POST", "/v1/chat/stream", question, token)
        self.assertEqual((status, "event: completed" in stream), (200, True))
        self.assertEqual(api.ask("GET", "/v1/conversations", token=signed("x" * 40))[0], 401)
        status, refusal = api.ask("POST", "/v1/search", {"query": "library"}, "lk_" + "x" * 64)
        self.assertEqual((status, refusal["code"]), (503, "api_keys_unavailable"))
        self.assertEqual(api.ask("GET", "/readyz")[0], 200)
        said = api.ask("GET", "/health")[1]["dependencies"]
        self.assertEqual({name: said[name]["status"] for name in dependencies}, dependencies)
        self.assertEqual(api.ask("DELETE", f"/v1/documents/{made['id']}", token=token)[0], 204)
        self.assertEqual(api.stop(), 0)

    def test_with_the_secret_alone(self) -> None:
        api = self.alone("api-service", JWT_SECRET=SECRET)
        self.walk(api, signed(SECRET), {"database": "up", "auth_service": "degraded"})

    def test_with_published_keys_alone(self) -> None:
        auth = self.alone("auth-service")
        account = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
        token = auth.ask("POST", "/v1/accounts", account)[1]["access_token"]
        server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        server.keys = json.dumps(auth.ask("GET", "/v1/jwks")[1]).encode()
        self.assertEqual(auth.stop(), 0)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api = self.alone("api-service", AUTH_URL=f"http://127.0.0.1:{server.server_port}")
        self.walk(api, token, {"database": "up", "auth_service": "up"})


if __name__ == "__main__":
    unittest.main()
