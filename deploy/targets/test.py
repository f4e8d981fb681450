#!/usr/bin/env python3
"""Holds the systemd units and the page about container platforms to what there is.

    LECTERN_MODELS_DIR=FOLDER python3 deploy/targets/test.py

The units are verified, and both services, whose programs are in cargo's folder
(CARGO_TARGET_DIR), are run as far as it goes without systemd under what the units forbid.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
UNITS = {"auth-service": HERE / "systemd/lectern-auth.service",
         "api-service": HERE / "systemd/lectern-api.service"}
sys.path.insert(0, str(HERE.parent))
from alone import SECRET, signed  # noqa: E402
from services import DIRECT, free_address, programs  # noqa: E402

# The platforms' own variables, and words that look like some.
NOT_OURS = {"PORT", "RAILWAY_DOCKERFILE_PATH", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
            "SIGTERM", "IMAGE"}

# What systemd does for a unit, done by hand: a system that can't be written but for the
# data folder and a new one for what is temporary, /proc without others and without the
# kernel, no rights. What can't be had so are the filter of system calls and the user.
RESTRICTED = """
set -e
mount --make-rprivate /
mount --bind "$DATA_DIR" "$DATA_DIR"
mount -o remount,bind,ro /
mount -t tmpfs tmpfs /var/tmp
mount -t proc -o subset=pid,hidepid=invisible proc /proc
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$0"
"""


def settings(unit: Path) -> list[tuple[str, str]]:
    """The settings of a unit, in order."""
    lines = unit.read_text("utf-8").splitlines()
    return [tuple(line.split("=", 1)) for line in lines if "=" in line and line[0] not in "#["]


class Units(unittest.TestCase):
    def test_they_name_what_there_is(self) -> None:
        example = (ROOT / ".env.example").read_text("utf-8")
        for name, unit in UNITS.items():
            said = settings(unit)
            self.assertIn(("ExecStart", f"/usr/local/bin/{name} serve"), said)
            for _, value in (one for one in said if one[0] == "Environment"):
                variable = value.split("=")[0].removesuffix("_FILE")
                self.assertIn(f"# {variable}=", example)

    def test_they_forbid_the_same(self) -> None:
        begin = ("CapabilityBoundingSet", "")
        forbidden = [settings(unit) for unit in UNITS.values()]
        auth, api = (said[said.index(begin):] for said in forbidden)
        # api-service limits what the processes may use that read documents.
        exchanged = ("SystemCallFilter", "~@privileged @resources")
        auth[auth.index(exchanged)] = ("SystemCallFilter", "~@privileged")
        self.assertEqual(auth, api)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_systemd_takes_them(self) -> None:
        for name, unit in UNITS.items():
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / unit.name
                text = unit.read_text("utf-8").replace(f"/usr/local/bin/{name}", "/bin/true")
                copy.write_text(text, "utf-8")
                verified = subprocess.run(
                    ["systemd-analyze", "verify", "--man=no", copy],
                    capture_output=True, text=True, check=False)
                self.assertEqual((verified.returncode, verified.stderr), (0, ""))
            # From 0, nothing can be harmed, to 10.
            judged = subprocess.run(
                ["systemd-analyze", "security", "--offline=yes", "--threshold=15", unit],
                capture_output=True, text=True, check=False)
            self.assertEqual(judged.returncode, 0, judged.stdout)

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount")
    def test_services_run_under_what_they_forbid(self) -> None:
        for name in UNITS:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                models = Path(os.environ["LECTERN_MODELS_DIR"]).resolve()
                (Path(folder) / "models").symlink_to(models)
                address = free_address()
                log = (Path(folder) / "log").open("wb")
                process = subprocess.Popen(
                    ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                     RESTRICTED, programs() / name], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log,
                    env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DATA_DIR": folder,
                         "TMPDIR": "/var/tmp",
                         "AUTH_HTTP_ADDR": address, "AUTH_GRPC_ADDR": free_address(),
                         "API_HTTP_ADDR": address, "JWT_SECRET": SECRET})
                try:
                    self.use(name, f"http://{address}", process)
                except (AssertionError, OSError):
                    print((Path(folder) / "log").read_text(errors="replace"), file=sys.stderr)
                    raise
                finally:
                    process.kill()
                    process.wait()
                    log.close()

    def use(self, name: str, url: str, process: subprocess.Popen) -> None:
        """Waits until a service is ready; lets api-service read a document in a process."""
        end = time.monotonic() + 60
        while True:
            try:
                DIRECT.open(f"{url}/readyz", timeout=5).close()
                break
            except (URLError, OSError):
                self.assertIsNone(process.poll(), "it ended")
                self.assertLess(time.monotonic(), end, "it is not ready")
                time.sleep(0.1)
        if name == "auth-service":
            return
        bearer = {"authorization": f"Bearer {signed(SECRET)}", "content-type": "application/json"}
        body = json.dumps({"text": "# Hours\n\nOpen from nine.\n"}).encode()
        with DIRECT.open(Request(f"{url}/v1/documents", body, bearer)) as answer:
            job = json.load(answer)["job"]
        while job["state"] not in ("ready", "failed"):
            self.assertLess(time.monotonic(), end, job)
            with DIRECT.open(Request(f"{url}/v1/jobs/{job['id']}", headers=bearer)) as answer:
                job = json.load(answer)
            time.sleep(0.1)
        self.assertEqual(job["state"], "ready", job)


class Page(unittest.TestCase):
    def test_every_variable_is_one_of_ours(self) -> None:
        page = (HERE / "platforms.md").read_text("utf-8")
        example = (ROOT / ".env.example").read_text("utf-8")
        ours = set(re.findall(r"^# ([A-Z0-9_]+)=", example, re.M))
        named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", page)) | {"PORT"}
        self.assertGreater(len(named & ours), 15)
        self.assertEqual(named - ours - NOT_OURS, set())


if __name__ == "__main__":
    unittest.main()
