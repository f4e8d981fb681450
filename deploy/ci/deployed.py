"""Asks a Lectern that is deployed behind one origin, also while parts of it restart."""
import http.client
import threading
import time

from smoke_driver import Lectern, expect

# What a proxy may send again, in turn: of auth-service, and of api-service.
LOAD = (("GET", "/v1/me"), ("GET", "/v1/documents?limit=5"),
        ("GET", "/v1/jwks"), ("GET", "/healthz"))
QUESTION = ("GET", "/v1/chat?message=Where%20does%20the%20otter%20Brumwald%20live%3F")
WORKERS = 3
PAUSE_SECONDS = 0.05


class Deployed(Lectern):
    """Lectern on one port, whose Better Auth session is kept."""

    def __init__(self, port):  # pylint: disable=super-init-not-called
        self.auth = self.api = port
        self.origin, self.cookie = f"http://localhost:{port}", ""
        self.token = None

    def better_auth(self, method, path, body=None):
        """Sends a request as better-auth's client does in a browser."""
        return self.ask("auth", method, f"/api/auth{path}", None, body,
                        Origin=self.origin, Cookie=self.cookie)

    def sign_up_as_better_auth(self):
        """Makes an account with Better Auth's paths, and has a token that api-service takes."""
        self.cookie = ""
        body = {"email": "bea@example.org", "password": "bea likes long walks", "name": "Bea",
                "softwareBackground": "Rust"}
        answer = self.better_auth("POST", "/sign-up/email", body)
        expect(answer.status == 200 and answer.json["user"]["softwareBackground"] == "Rust",
               "Better Auth's sign-up", answer)
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        session = self.better_auth("GET", "/get-session")
        expect(session.status == 200 and session.json["user"]["email"] == "bea@example.org",
               "the session", session)
        answer = self.better_auth("GET", "/token")
        expect(answer.status == 200, "the token", answer)
        self.token = answer.json["token"]
        answer = self.ask("api", "GET", "/v1/documents", self.token)
        expect(answer.status == 200, "the token is not taken", answer)

    def sign_out_as_better_auth(self):
        """Ends the session, and with it the token."""
        answer = self.better_auth("POST", "/sign-out", {})
        expect(answer.status == 200, "Better Auth's sign-out", answer)
        deadline = time.monotonic() + 1
        while (answer := self.ask("api", "GET", "/v1/documents", self.token)).status == 200:
            expect(time.monotonic() < deadline, "still let in after a second", answer)
            time.sleep(0.02)
        expect(answer.status == 401, "the token after the sign-out", answer)

    def check_refused(self):
        """What nobody may do, and what is nowhere, is refused."""
        for status, service, method, path in (
                (401, "api", "GET", "/v1/documents"), (401, "auth", "GET", "/v1/me"),
                (401, "auth", "GET", "/v1/admin/users"), (404, "api", "GET", "/v1/nothing"),
                (404, "api", "GET", "/metrics")):
            answer = self.ask(service, method, path)
            expect(answer.status == status, f"{method} {path}: not {status}", answer)

    def check_page(self):
        """The page is there, and knows where to sign in."""
        page = self.ask("api", "GET", "/", Accept="text/html")
        expect(page.status == 200 and b"<html" in page.body, "the page", page)
        settings = self.ask("api", "GET", "/v1/settings")
        expect(settings.status == 200 and settings.json["auth_url"] == self.origin,
               "its settings", settings)

    def wait_until_ready(self, seconds, logs):
        """Waits until both services can serve."""
        deadline = time.monotonic() + seconds
        while not all(self.answers(path) for path in ("/readyz", "/v1/jwks")):
            expect(time.monotonic() < deadline, "it is not ready", logs())
            time.sleep(0.2)

    def answers(self, path, token=None):
        """Returns whether a path is answered well."""
        try:
            return self.ask("api", "GET", path, token).status == 200
        except (OSError, http.client.HTTPException):
            return False


class Load:
    """A few callers, one request after the other, until the block ends."""

    def __init__(self, deployed, token, with_questions=False):
        self.deployed, self.token = deployed, token
        self.requests = (*LOAD, QUESTION) if with_questions else LOAD
        self.answered, self.failures = 0, []
        self.lock, self.over = threading.Lock(), threading.Event()
        self.workers = [threading.Thread(target=self.work, args=(number,))
                        for number in range(WORKERS)]

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for worker in self.workers:
            worker.join()

    def work(self, number):
        """Asks, and notes what comes of it."""
        while not self.over.wait(PAUSE_SECONDS):
            method, path = self.requests[number % len(self.requests)]
            number += 1
            try:
                answer = self.deployed.ask("api", method, path, self.token)
                failure = None if answer.status == 200 else f"{method} {path}: {answer}"
            except (OSError, http.client.HTTPException) as error:
                failure = f"{method} {path}: {error!r}"
            with self.lock:
                if failure:
                    self.failures.append(failure)
                else:
                    self.answered += 1

    def wait_for_more(self, count):
        """Waits for so many more answers."""
        goal = self.answered + count
        while self.answered < goal and not self.failures:
            time.sleep(0.02)

    def wait_until_answered(self, seconds, begin):
        """Waits until every kind of request is answered; returns the seconds since `begin`."""
        while not all(self.deployed.answers(path, self.token) for _, path in LOAD):
            expect(time.monotonic() - begin < seconds, "it does not recover", self.told())
            time.sleep(0.1)
        return time.monotonic() - begin

    def counts(self):
        """Says what came of it."""
        return f"{self.answered} answered, {len(self.failures)} failed"

    def told(self):
        """The same with the first failures."""
        return "\n".join((self.counts(), *self.failures[:3]))
