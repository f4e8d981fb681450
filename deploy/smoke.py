#!/usr/bin/env python3
"""Drives `make run` as its user would, from the first start to the last stop.

    python3 deploy/smoke.py [--models data/models]

Works in a temporary DATA_DIR and on free ports. Prints a line a step; the first
step that fails ends it, with all that was answered and what the services logged.
"""
import argparse
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from smoke_driver import ROOT, STOP_SECONDS, Failed, Lectern, expect

FIRST_START_SECONDS = 45 * 60  # It may have to build everything.
LATER_START_SECONDS = 15

OTTER = """# The otter Brumwald

## Where it lives

The otter Brumwald lives under the wooden bridge at Kesselried.

## What it eats

Brumwald eats trout and, in winter, crayfish from the mill pond.
"""
HERON = """# The heron Tiefgrund

The heron Tiefgrund nests on the chimney of the old brickworks in Ohlau.
"""


def form(fields, filename, content):
    """Returns a multipart body and its content type."""
    lines = [f'--part\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in fields.items()]
    lines.append(f'--part\r\nContent-Disposition: form-data; name="file"; filename="{filename}"'
                 f"\r\nContent-Type: text/markdown\r\n\r\n{content}\r\n--part--\r\n")
    return "".join(lines).encode(), "multipart/form-data; boundary=part"


def check_cited(text, sources, document, content, answer):
    """Checks that every marker names a source, and that what is cited stands where it says."""
    numbered = {source["number"]: source for source in sources}
    markers = {int(number) for number in re.findall(r"\[(\d+)\]", text)}
    expect(markers and markers <= set(numbered), "a marker names no source", answer)
    cited = [(sentence, numbered[int(number)])
             for sentence, number in re.findall(r"^- (.+) \[(\d+)\]$", text, re.MULTILINE)]
    of_document = [(said, source) for said, source in cited if source["document_id"] == document]
    expect(of_document, "the document is not cited", answer)
    for said, source in of_document:
        span = content.encode()[source["span"]["start"]:source["span"]["end"]].decode()
        expect(said in span and said in source["text"], "it stands elsewhere", answer)


def add_documents(lectern, state):
    """A document as JSON, and one as a form."""
    state["ann"], state["bob"] = lectern.sign_up("ann"), lectern.sign_up("bob")
    body = {"text": OTTER, "path": "otter.md"}
    answer = lectern.ask("api", "POST", "/v1/documents", state["ann"], body)
    state["otter"] = lectern.wait_for(state["ann"], answer)
    body, kind = form({"title": "The heron"}, "heron.md", HERON)
    answer = lectern.ask("api", "POST", "/v1/documents", state["ann"], body, Content_Type=kind)
    state["heron"] = lectern.wait_for(state["ann"], answer)


def search_and_ask(lectern, state):
    """A search and an answer, whose citations are right."""
    found = lectern.found(state["ann"], "Where does Brumwald live?")
    expect(found and found[0] == state["otter"], "the otter is not found first", found)
    body = {"message": "Where does the otter Brumwald live?"}
    answer = lectern.ask("api", "POST", "/v1/chat", state["ann"], body)
    expect(answer.status == 200 and "Kesselried" in answer.json["response"], "chat", answer)
    check_cited(answer.json["response"], answer.json["sources"], state["otter"], OTTER, answer)


def stream(lectern, state):
    """The same as server-sent events."""
    body = {"message": "Where does the heron Tiefgrund nest?"}
    answer = lectern.ask("api", "POST", "/v1/chat/stream", state["ann"], body)
    kind = answer.headers["Content-Type"]
    expect(answer.status == 200 and kind.startswith("text/event-stream"), "stream", answer)
    pairs = re.findall(r"id: ?\d+\nevent: ?(\w+)\ndata: ?(.*)\n\n", answer.body.decode())
    events = [(name, json.loads(data)) for name, data in pairs]
    names = [name for name, _ in events]
    first, last = ["started", "retrieval"], "completed"
    expect(names[:2] == first and names[-1] == last, "the events", answer)
    expect(set(names[2:-1]) <= {"delta", "citation"}, "the events", answer)
    text = "".join(data["text"] for name, data in events if name == "delta")
    expect(text == events[-1][1]["response"] and "Ohlau" in text, "the deltas", answer)
    check_cited(text, events[1][1]["sources"], state["heron"], HERON, answer)


def keep_apart(lectern, state):
    """Another user does not find, list, read, delete or hear of a document."""
    ann, bob, otter = state["ann"], state["bob"], state["otter"]
    expect(otter not in lectern.found(bob, "Where does Brumwald live?"), "bob finds it")
    listed = lectern.ask("api", "GET", "/v1/documents?limit=100", bob)
    expect(listed.status == 200 and otter not in listed.body.decode(), "bob lists it", listed)
    for method in ("GET", "DELETE"):
        answer = lectern.ask("api", method, f"/v1/documents/{otter}", bob)
        expect(answer.status == 404, f"bob's {method}", answer)
    body = {"message": "Where does the otter Brumwald live?"}
    answer = lectern.ask("api", "POST", "/v1/chat", bob, body)
    expect(answer.status == 200 and b"Kesselried" not in answer.body, "bob is told", answer)
    for token in (ann, bob):
        body = {"query": "How do I start Lectern?", "knowledge_base": "lectern"}
        answer = lectern.ask("api", "POST", "/v1/search", token, body)
        expect(answer.status == 200 and answer.json["results"], "the public base", answer)


def delete(lectern, state):
    """What is deleted is gone from searches at once."""
    answer = lectern.ask("api", "DELETE", f"/v1/documents/{state['heron']}", state["ann"])
    expect(answer.status == 204, "delete", answer)
    found = lectern.found(state["ann"], "Where does the heron Tiefgrund nest?")
    expect(state["heron"] not in found, "a deleted document is found", found)
    answer = lectern.ask("api", "GET", f"/v1/documents/{state['heron']}", state["ann"])
    expect(answer.status == 404, "a deleted document is there", answer)


def refuse(lectern, state):
    """Bad requests are refused with problem details and a code."""
    def coded(part):
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    claims = state["ann"].split(".")[1]
    none = f"{coded({'alg': 'none', 'typ': 'JWT'})}.{claims}."
    ann, post, chat = state["ann"], "POST", "/v1/chat"
    for status, code, method, path, token, body, kind in (
            (401, "missing_token", "GET", "/v1/documents", None, None, ""),
            (401, "invalid_token", "GET", "/v1/documents", none, None, ""),
            (400, "malformed_json", post, chat, ann, b'{"message": ', "application/json"),
            (422, "empty_message", post, chat, ann, b'{"message": " "}', "application/json"),
            (415, "unsupported_content_type", post, chat, ann, b"message=hi", "text/plain"),
            (413, "body_too_large", post, "/v1/documents", ann,
             b'{"text": "' + b"a" * 200_000 + b'"}', "application/json"),
            (404, "unknown_route", "GET", "/v1/nothing", ann, None, ""),
            (405, "method_not_allowed", "DELETE", chat, ann, None, "")):
        headers = {"Content_Type": kind} if kind else {}
        answer = lectern.ask("api", method, path, token, body, **headers)
        problem = answer.headers["Content-Type"] == "application/problem+json"
        right = problem and answer.status == status and answer.json["code"] == code
        expect(right, f"{method} {path}: not {status} {code}", answer)


def follow_readme(lectern, _):
    """The commands of the README do what it says."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- smoke -->\s*```sh\n(.*?)```", text, re.DOTALL)
    expect(blocks, "the README has no commands between smoke markers")
    script = "\n".join(blocks)
    script = script.replace("localhost:3001", f"127.0.0.1:{lectern.auth}")
    script = script.replace("localhost:8000", f"127.0.0.1:{lectern.api}")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=lectern.folder,
                          capture_output=True, text=True, timeout=120, check=False)
    seen = f"{done.stdout}\n{done.stderr}"
    for sign in ('"response"', "event: completed", '"results"'):
        expect(done.returncode == 0 and sign in seen, f"the README's commands: no {sign}", seen)


def sign_out(lectern, _):
    """Who signs out is refused by api-service within a second."""
    token = lectern.sign_up("eve")
    expect(lectern.ask("api", "GET", "/v1/documents", token).status == 200, "not let in")
    ended = lectern.ask("auth", "DELETE", "/v1/sessions/current", token)
    expect(ended.status == 204, "the session goes on", ended)
    deadline = time.monotonic() + 1
    while (answer := lectern.ask("api", "GET", "/v1/documents", token)).status == 200:
        expect(time.monotonic() < deadline, "still let in after a second", answer)
        time.sleep(0.02)
    expect(answer.status == 401 and answer.json["code"] == "invalid_token", "sign-out", answer)


def start_twice(lectern, state):
    """A second `make run` says that a port is taken, and leaves the first alone."""
    output = lectern.folder / "second-run.txt"
    second = lectern.make_run(output)
    expect(second.wait(60) not in (0, None), "the second one did not fail", output.read_text())
    said = output.read_text()
    expect(f"127.0.0.1:{lectern.auth}: the port is taken" in said, "it says otherwise", said)
    expect("administrator" not in said and "Traceback" not in said, "it went on", said)
    found = lectern.found(state["ann"], "Where does Brumwald live?")
    expect(found and found[0] == state["otter"], "the first one no longer serves", found)


def start_again(lectern, state):
    """A stop is clean; the next start is fast and has everything."""
    stopped = lectern.interrupt()
    started = lectern.start(LATER_START_SECONDS)
    listed = lectern.ask("api", "GET", "/v1/documents?limit=100", state["ann"])
    expect(listed.status == 200 and state["otter"] in listed.body.decode(), "gone", listed)
    found = lectern.found(state["ann"], "Where does Brumwald live?")
    expect(found and found[0] == state["otter"], "the otter is no longer found", found)
    said = lectern.output.read_text()
    expect("none changed" in said and "only this once" not in said, "not the same data", said)
    return f"stopped in {stopped:.1f} s, started in {started:.1f} s"


STEPS = (
    add_documents, search_and_ask, stream, keep_apart, delete, refuse, follow_readme, sign_out,
    start_twice, start_again)


def walk(lectern):
    """Does all steps; returns how many there were."""
    took = lectern.start(FIRST_START_SECONDS)
    print(f"ok  the first start ({took:.1f} s)", flush=True)
    state = {}
    for step in STEPS:
        begin = time.monotonic()
        note = step(lectern, state) or f"{time.monotonic() - begin:.1f} s"
        print(f"ok  {step.__doc__.rstrip('.')} ({note})", flush=True)
    took = lectern.interrupt()
    print(f"ok  The last stop ({took:.1f} s)", flush=True)
    return len(STEPS) + 2


def main():
    """Reads the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT / "data" / "models",
                        help="a folder with the model, to save the download")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lectern-smoke.") as name:
        lectern = Lectern(Path(name))
        if options.models.is_dir():
            shutil.copytree(options.models, lectern.folder / "models")
        try:
            print(f"{walk(lectern)} passed, 0 failed")
            return 0
        except Failed as failure:
            print(f"FAILED  {failure}")
            for log in sorted(lectern.folder.glob("logs/*.log")):
                print(f"--- {log.name}", *log.read_text().splitlines()[-40:], sep="\n")
            return 1
        finally:
            if lectern.process and lectern.process.poll() is None:
                os.killpg(lectern.process.pid, signal.SIGTERM)
                lectern.process.wait(STOP_SECONDS * 3)


if __name__ == "__main__":
    sys.exit(main())
