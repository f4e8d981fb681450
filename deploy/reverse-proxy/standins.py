"""Upstreams that say what they were asked, take their time, or write as a language model."""
import hashlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EVENTS = 8
PACE = 0.15
TOKENS = 40


class Upstream(BaseHTTPRequestHandler):
    """Says what it was asked. The header `x-test` asks for more than that."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        match self.headers.get("x-test"):
            case "events":
                self.events()
            case "hang":
                self.hang()
            case _:
                self.mirror()

    do_POST = do_PUT = do_GET

    def mirror(self) -> None:
        size, digest = 0, hashlib.sha256()
        left = int(self.headers.get("content-length") or 0)
        while left and (part := self.rfile.read(min(left, 1 << 16))):
            digest.update(part)
            size, left = size + len(part), left - len(part)
        body = json.dumps({
            "service": self.server.name, "target": self.path, "size": size,
            "sha256": digest.hexdigest(),
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("cache-control", "no-cache")
        self.send_header("connection", "close")
        self.end_headers()

    def events(self) -> None:
        """So many events, each with the moment when it was sent."""
        self.begin_stream()
        for number in range(EVENTS):
            event = {"number": number, "sent": time.monotonic()}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
            time.sleep(PACE)

    def hang(self) -> None:
        """Events until the reader has gone, which is noted."""
        self.begin_stream()
        try:
            while True:
                self.wfile.write(b": still here\n\n")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.server.left.set()

    def log_message(self, *_) -> None:
        pass


class Model(BaseHTTPRequestHandler):
    """A language model on OpenAI's protocol that writes at a pace."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for number in range(TOKENS):
            self.chunk({"content": f"Word{number}. " if number % 4 == 3 else f"word{number} "})
            self.server.last_token = time.monotonic()
            time.sleep(0.05)
        self.chunk({}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def chunk(self, delta: dict, reason: str | None = None) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in",
                 "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_) -> None:
        pass


class StandIn(ThreadingHTTPServer):
    """A stand-in on a port of its own, until it is stopped."""

    daemon_threads = True

    def __init__(self, handler: type, name: str = "", address: str = "127.0.0.1:0") -> None:
        host, _, port = address.rpartition(":")
        super().__init__((host, int(port)), handler)
        self.name, self.left, self.last_token = name, threading.Event(), 0.0
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def handle_error(self, request, client_address) -> None:
        """A reader who leaves is no failure; all else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
