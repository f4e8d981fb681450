#!/usr/bin/env python3
"""Asks both services, really started, whatever their OpenAPI documents allow and forbid.

    LECTERN_MODELS_DIR=data/models python3 deploy/openapi/fuzz.py [SECONDS]

Fails where an answer is a 5xx, or its status, content type or body is not in the document.
SECONDS are for each service; without them each route is asked a few times.
"""
import os
import subprocess
import sys
from pathlib import Path

from services import PASSWORD, Services, packages

CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_headers_conformance,response_schema_conformance")

# They end the session that everything is asked with; they are asked without one.
ENDING = (r"DELETE /v1/sessions.*|DELETE /v1/me|POST /v1/me/password"
          r"|POST /api/auth/(sign-out|revoke-.*|delete-user|change-password)")
BETTER_AUTH = r"\w+ /api/auth/.*"

# So often is each route asked where no time is given, beside examples and edge cases.
FEW = 3


def ask(tool: Path, url: str, arguments: list[str]) -> bool:
    command = [str(tool / "bin" / "st"), "run", f"{url}/openapi.json", "--checks", CHECKS,
               "--seed", "1", "--no-color", "--workers", "1", "--request-timeout", "20",
               "--continue-on-failure", *arguments]
    environment = {name: value for name, value in os.environ.items()
                   if not name.lower().endswith("_proxy")}
    return subprocess.run(command, env=environment, check=False).returncode == 0


def main() -> int:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    few = ["--phases", "examples,coverage,fuzzing", "--max-examples", str(FEW), "--no-shrink"]
    bound = ["--max-time", str(seconds)] if seconds else few
    # auth-service is asked three times.
    third = ["--max-time", str(max(seconds // 3, 1))] if seconds else few
    tool = packages("schemathesis")
    with Services() as services:
        account = {"email": "fuzz@example.com", "password": PASSWORD, "name": "Fuzz"}
        services.post(f"{services.auth}/v1/accounts", account)
        services.run("auth-service", "admin", "grant", account["email"])
        signed_in = {name: account[name] for name in ("email", "password")}
        token = services.post(f"{services.auth}/v1/sessions", signed_in)["access_token"]
        session = services.post(f"{services.auth}/api/auth/sign-in/email", signed_in)["token"]
        bearer = ["--header", f"Authorization: Bearer {token}"]
        held = ["--header", f"Authorization: Bearer {session}",
                "--header", f"Origin: {services.auth}"]
        runs = [
            (services.api, [*bearer, *bound]),
            (services.auth, [*bearer, *third,
                             "--exclude-name-regex", f"^({ENDING}|{BETTER_AUTH})$"]),
            (services.auth, [*held, *third, "--include-name-regex", f"^({BETTER_AUTH})$",
                             "--exclude-name-regex", f"^({ENDING})$"]),
            (services.auth, [*third, "--include-name-regex", f"^({ENDING})$"]),
        ]
        passed = [ask(tool, url, arguments) for url, arguments in runs]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
