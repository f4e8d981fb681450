#!/usr/bin/env python3
"""Holds the rules for proxies to routes.json, and nginx and Caddy to more than that.

    LECTERN_MODELS_DIR=FOLDER python3 deploy/reverse-proxy/test.py

nginx and Caddy are run, before stand-ins and before both services, whose programs are in
cargo's folder (CARGO_TARGET_DIR). Traefik's and Netlify's rules are read and followed.
"""
import contextlib
import hashlib
import http.client
import json
import os
import re
import ssl
import sys
import threading
import time
import unittest
from pathlib import Path

import proxies
from proxies import Caddy, Nginx, free_port
from rules import Netlify, Traefik
from standins import EVENTS, PACE, TOKENS, Model, StandIn, Upstream

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "openapi"))
from services import Services  # noqa: E402

ROUTES = json.loads((HERE / "routes.json").read_text("utf-8"))
FIFTY_MEGABYTES = 50_000_000
PASSWORD = "correct horse battery staple"

# What both services have, of which the one origin has api-service's.
OF_BOTH = {"/", "/docs", "/redoc", "/openapi.json", "/health", "/healthz", "/readyz"}
# What is not for everybody.
PRIVATE = {"/metrics"}
# What is served at this path below /api itself: a leading /api is not taken away there.
BELOW_API = {"/auth/token", "/v1/chat", "/v1/chat/stream", "/v1/conversations",
             "/v1/conversations/{id}"}


def documented(service: str) -> list[str]:
    """The paths of a service, as its OpenAPI document lists them."""
    snapshot = ROOT / f"{service}-service/tests/it/snapshots/it__openapi__the_document_is_known.snap"
    _, _, document = snapshot.read_text("utf-8").split("---\n", 2)
    return list(json.loads(document)["paths"])


def expected_of_documents() -> list[tuple[str, str | None, str | None]]:
    """Each documented path, with and without a leading /api: path, service, target."""
    rows = []
    for service in ("auth", "api"):
        for template in documented(service):
            path = re.sub(r"\{[^}]*\}", "0190", template)
            owner = "api" if template in OF_BOTH else service
            row = (None, None) if template in PRIVATE else (owner, path)
            rows.append((path, *row))
            if template not in BELOW_API:
                rows.append((f"/api{path}", *row))
    return rows


class Rules(unittest.TestCase):
    """What is read and followed."""

    def follow(self, rules, slash_at_the_end: bool = True) -> None:
        for row in ROUTES:
            with self.subTest(path=row["path"]):
                service, target = rules.route(row["path"])
                expected = row.get("upstream")
                if expected and not slash_at_the_end:
                    target, expected = target.rstrip("/"), expected.rstrip("/")
                self.assertEqual((service, target), (row["service"], expected))
        for path, service, target in expected_of_documents():
            with self.subTest(documented=path):
                self.assertEqual(rules.route(path), (service, target))

    def test_traefik(self) -> None:
        self.follow(Traefik())

    def test_netlify(self) -> None:
        self.follow(Netlify.of_redirects(), slash_at_the_end=False)

    def test_netlify_says_the_same_in_both_files(self) -> None:
        self.assertEqual(Netlify.of_redirects().rules, Netlify.of_toml().rules)


class Through:
    """Asks through a proxy; a connection for each request, as from `source`."""

    def __init__(self, port: int, source: str = "127.0.0.1", tls: bool = False) -> None:
        self.port, self.source, self.tls = port, (source, 0), tls

    def connect(self) -> http.client.HTTPConnection:
        if self.tls:
            unverified = ssl._create_unverified_context()
            return http.client.HTTPSConnection("localhost", self.port, timeout=30,
                                               source_address=self.source, context=unverified)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60,
                                          source_address=self.source)

    def open(self, method: str, path: str, body=None, headers=None):
        """The answer, whose end or closing ends the connection, too."""
        connection = self.connect()
        try:
            # What answers before all is sent may close, and its answer be there.
            with contextlib.suppress(ConnectionError):
                connection.request(method, path, body, {"connection": "close"} | (headers or {}))
            return connection.getresponse()
        except OSError:
            connection.close()
            raise

    def ask(self, method: str, path: str, body=None, headers=None):
        """The status, the headers and the JSON of an answer."""
        if isinstance(body, dict):
            body = json.dumps(body)
            headers = {"content-type": "application/json"} | (headers or {})
        with self.open(method, path, body, headers) as answer:
            text = answer.read()
        with_json = "json" in answer.headers.get("content-type", "")
        return answer.status, answer.headers, json.loads(text) if with_json else text


def events(answer):
    """The data of server-sent events, each with the moment when it came."""
    for line in iter(answer.readline, b""):
        if line.startswith(b"data: ") and line != b"data: [DONE]\n":
            yield json.loads(line.removeprefix(b"data: ")), time.monotonic()


class BeforeStandIns:
    """What a proxy makes of requests, seen by stand-ins for the services."""

    proxy_class: type

    @classmethod
    def setUpClass(cls) -> None:
        cls.upstreams = {name: StandIn(Upstream, name) for name in ("auth", "api")}
        cls.proxy = cls.proxy_class(cls.upstreams["auth"].address, cls.upstreams["api"].address)
        cls.through = Through(cls.proxy.port)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.proxy.stop()
        for upstream in cls.upstreams.values():
            upstream.stop()

    def seen(self, path: str) -> tuple[str | None, str | None]:
        status, _, said = self.through.ask("GET", path)
        if status == 404:
            return None, None
        self.assertEqual(status, 200)
        return said["service"], said["target"]

    def test_every_row_of_the_table(self) -> None:
        for row in ROUTES:
            with self.subTest(path=row["path"]):
                self.assertEqual(self.seen(row["path"]), (row["service"], row.get("upstream")))

    def test_every_documented_path(self) -> None:
        for path, service, target in expected_of_documents():
            with self.subTest(path=path):
                self.assertEqual(self.seen(path), (service, target))

    def test_events_pass_one_by_one(self) -> None:
        for method, body in (("GET", None), ("POST", "{}")):
            answer = self.through.open(method, "/v1/chat/stream", body, {"x-test": "events"})
            came = list(events(answer))
            self.assertEqual([event["number"] for event, _ in came], list(range(EVENTS)))
            delays = [moment - event["sent"] for event, moment in came]
            # The next one was not sent yet.
            self.assertLess(max(delays), PACE, delays)

    def test_a_reader_who_leaves_is_noticed(self) -> None:
        left = self.upstreams["api"].left
        left.clear()
        answer = self.through.open("POST", "/v1/chat/stream", "{}", {"x-test": "hang"})
        self.assertEqual(answer.read(5), b": sti")
        answer.close()
        self.assertTrue(left.wait(5), "the service still writes")

    def test_fifty_megabytes_pass(self) -> None:
        body = os.urandom(FIFTY_MEGABYTES)
        status, _, said = self.through.ask("POST", "/api/v1/documents", body)
        expected = (200, FIFTY_MEGABYTES, hashlib.sha256(body).hexdigest())
        self.assertEqual((status, said["size"], said["sha256"]), expected)

    def test_what_is_larger_than_the_limit_is_refused(self) -> None:
        status, _, _ = self.through.ask("POST", "/v1/documents", bytes(70_000_000))
        self.assertEqual(status, 413)

    def test_services_learn_who_asks_and_how(self) -> None:
        claimed = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https",
                   "x-forwarded-host": "example.com"}
        from_elsewhere = Through(self.proxy.port, "127.0.0.2")
        _, _, said = from_elsewhere.ask("GET", "/auth/me", headers=claimed)
        names = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "host")
        host = f"127.0.0.1:{self.proxy.port}"
        self.assertEqual([said["headers"].get(name) for name in names],
                         ["127.0.0.2", "http", host, host])

    def test_a_service_that_restarts(self) -> None:
        """Without a body: see the Caddyfile for requests with one."""
        address = f"127.0.0.1:{free_port()}"
        proxy = self.proxy_class(address, address)
        started = []
        later = threading.Timer(1, lambda: started.append(StandIn(Upstream, "api", address)))
        later.start()
        try:
            statuses = [Through(proxy.port).ask("GET", "/v1/usage")[0]]
            later.join()
            statuses.append(Through(proxy.port).ask("POST", "/v1/chat", {"message": "?"})[0])
            first = 200 if proxy.waits_for_services else 502
            self.assertEqual(statuses, [first, 200])
        finally:
            later.join()
            proxy.stop()
            for upstream in started:
                upstream.stop()

    def test_tls(self) -> None:
        addresses = [upstream.address for upstream in self.upstreams.values()]
        proxy = self.proxy_class(*addresses, tls=True)
        try:
            status, headers, said = Through(proxy.port, tls=True).ask("GET", "/v1/me")
            told = said["headers"]["x-forwarded-proto"], headers["strict-transport-security"]
            self.assertEqual((status, *told), (200, "https", "max-age=31536000"))
            local = {"host": "localhost"}
            status, headers, _ = Through(proxy.plain_port).ask("GET", "/v1/me", headers=local)
            self.assertEqual(status, 308)
            self.assertRegex(headers["location"], r"^https://localhost(:\d+)?/v1/me$")
        finally:
            proxy.stop()


class BeforeServices:
    """What somebody does through a proxy, with both services behind it."""

    proxy_class: type

    @classmethod
    def setUpClass(cls) -> None:
        cls.model = StandIn(Model)
        cls.services = Services(
            TRUSTED_PROXIES="127.0.0.1", MAX_UPLOAD_BYTES="60000000",
            LLM_BASE_URL=f"http://{cls.model.address}/v1", LLM_MODEL="stand-in")
        cls.proxy = cls.proxy_class(*(url.removeprefix("http://") for url in
                                      (cls.services.auth, cls.services.api)))
        cls.through = Through(cls.proxy.port, "127.0.0.2")
        account = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
        claimed = {"x-forwarded-for": "203.0.113.9"}
        status, headers, said = cls.through.ask("POST", "/api/auth/sign-up/email", account, claimed)
        assert status == 200, said
        cls.cookie = {"cookie": headers["set-cookie"].partition(";")[0]}
        _, _, said = cls.through.ask("GET", "/api/auth/token", headers=cls.cookie)
        cls.bearer = {"authorization": f"Bearer {said['token']}"}

    @classmethod
    def tearDownClass(cls) -> None:
        cls.proxy.stop()
        cls.services.stop()
        cls.model.stop()

    def test_the_session_has_the_true_address(self) -> None:
        _, _, said = self.through.ask("GET", "/api/auth/get-session", headers=self.cookie)
        self.assertEqual(said["session"]["ipAddress"], "127.0.0.2")

    def test_both_services_are_there(self) -> None:
        services = [self.through.ask("GET", path)[2] for path in ("/health", "/v1/jwks")]
        self.assertEqual(services[0]["service"], "api-service")
        self.assertTrue(services[1]["keys"])

    def test_fifty_megabytes_are_taken_in(self) -> None:
        mark = "a-line-between-parts"
        head = (f"--{mark}\r\ncontent-disposition: form-data; name=\"file\"; "
                f"filename=\"large.txt\"\r\ncontent-type: text/plain\r\n\r\n").encode()
        body = head + b"x" * FIFTY_MEGABYTES + f"\r\n--{mark}--\r\n".encode()
        form = {"content-type": f"multipart/form-data; boundary={mark}"}
        status, _, said = self.through.ask("POST", "/api/v1/documents", body, form | self.bearer)
        self.assertEqual(status, 202, said)
        status, _, _ = self.through.ask("DELETE", f"/v1/documents/{said['id']}",
                                        headers=self.bearer)
        self.assertEqual(status, 204)

    def test_an_answer_comes_as_it_is_written(self) -> None:
        text = "# Opening hours\n\nThe library is open from nine to six.\n"
        status, _, said = self.through.ask(
            "POST", "/v1/documents", {"text": text, "title": "Opening hours"}, self.bearer)
        self.assertEqual(status, 202, said)
        job, end = f"/v1/jobs/{said['job']['id']}", time.monotonic() + 60
        while self.through.ask("GET", job, headers=self.bearer)[2]["state"] != "ready":
            self.assertLess(time.monotonic(), end, "the document is not ready")
            time.sleep(0.1)
        answer = self.through.open(
            "POST", "/v1/chat/stream", json.dumps({"message": "When is the library open?"}),
            {"content-type": "application/json"} | self.bearer)
        self.assertEqual(answer.status, 200)
        came = [(data["text"], moment) for data, moment in events(answer) if "text" in data]
        before = [moment for _, moment in came if moment < self.model.last_token]
        # Most of it was here before the model had written the last of it.
        self.assertGreater(len(before), TOKENS // 8, came)
        self.assertGreater(before[-1] - before[0], 0.5, came)


class CaddyBeforeStandIns(BeforeStandIns, unittest.TestCase):
    proxy_class = Caddy


class NginxBeforeStandIns(BeforeStandIns, unittest.TestCase):
    proxy_class = Nginx


class CaddyBeforeServices(BeforeServices, unittest.TestCase):
    proxy_class = Caddy


class NginxBeforeServices(BeforeServices, unittest.TestCase):
    proxy_class = Nginx


if __name__ == "__main__":
    proxies.require()
    unittest.main()
