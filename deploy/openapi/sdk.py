#!/usr/bin/env python3
"""Generates typed clients from the OpenAPI documents of both services.

    LECTERN_MODELS_DIR=data/models python3 deploy/openapi/sdk.py [--test]

They are in target/sdk: typescript/{auth,api} by @hey-api/openapi-ts, python/lectern_{auth,api}
by openapi-python-client. They speak the canonical surface; the others have clients of their own.
With --test the examples of deploy/examples/sdk run with them.
"""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from services import DIRECT, HERE, PASSWORD, Services, packages, programs

EXAMPLES = HERE.parent / "examples" / "sdk"
TAGS = {"Canonical", "Health"}
COMPILED = ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck"]


def canonical(document: dict) -> dict:
    """The document without other surfaces, and without what only those name."""
    paths = {}
    for path, methods in document["paths"].items():
        kept = {method: told for method, told in methods.items() if TAGS & set(told["tags"])}
        if kept:
            paths[path] = kept
    schemas = document["components"]["schemas"]
    named: dict = {}
    waiting = [paths]
    while waiting:
        text = json.dumps(waiting.pop())
        for name in schemas.keys() - named.keys():
            if f'"#/components/schemas/{name}"' in text:
                named[name] = schemas[name]
                waiting.append(schemas[name])
    components = {**document["components"], "schemas": dict(sorted(named.items()))}
    return {**document, "paths": paths, "components": components}


def mend(functions: Path) -> None:
    """Adds an import that openapi-python-client 0.29 forgets where bodies are of several kinds."""
    forgotten = "from ...types import Response, UNSET\n"
    for module in functions.glob("*/*.py"):
        text = module.read_text(encoding="utf-8")
        if "| Unset" in text:
            text = text.replace(forgotten, forgotten.replace("UNSET", "UNSET, Unset"))
            module.write_text(text, encoding="utf-8")


def generate(services: Services, sdk: Path) -> Path:
    shutil.rmtree(sdk, ignore_errors=True)
    python, typescript = sdk / "python", sdk / "typescript"
    python.mkdir(parents=True)
    shutil.copytree(EXAMPLES, sdk, dirs_exist_ok=True)
    tools = packages("openapi-python-client")
    for name, url in (("auth", services.auth), ("api", services.api)):
        with DIRECT.open(f"{url}/openapi.json", timeout=30) as answer:
            document = canonical(json.load(answer))
        place = sdk / f"{name}.json"
        place.write_text(json.dumps(document, indent=1), encoding="utf-8")
        subprocess.run([str(tools / "bin" / "openapi-python-client"), "generate",
                        "--path", str(place), "--output-path", str(python / f"lectern_{name}"),
                        "--meta", "none", "--fail-on-warning",
                        "--config", str(HERE / "openapi-python-client.yaml")],
                       check=True, stdout=subprocess.DEVNULL)
        mend(python / f"lectern_{name}" / "api")
        places = {"DOCUMENT": str(place), "CLIENT": str(typescript / name)}
        subprocess.run([str(HERE / "node_modules" / ".bin" / "openapi-ts"), "--silent",
                        "--file", str(HERE / "openapi-ts.config.mjs")],
                       cwd=HERE, env={**os.environ, **places}, check=True)
    return tools


def test(services: Services, sdk: Path, tools: Path) -> None:
    account = {"email": "sdk@example.com", "password": PASSWORD}
    services.post(f"{services.auth}/v1/accounts", {**account, "name": "Reader"})
    environment = {name: value for name, value in os.environ.items()
                   if not name.lower().endswith("_proxy")}
    environment.update(AUTH_URL=services.auth, API_URL=services.api, EMAIL=account["email"],
                       PASSWORD=PASSWORD, PYTHONPATH=str(sdk / "python"))
    subprocess.run([str(tools / "bin" / "python"), str(sdk / "example.py")],
                   env=environment, check=True)
    (sdk / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    modules = HERE / "node_modules"
    subprocess.run([str(modules / ".bin" / "tsc"), *COMPILED, "--types", "node",
                    "--typeRoots", str(modules / "@types"), str(sdk / "example.ts")],
                   check=True)
    subprocess.run(["node", str(sdk / "example.js")], env=environment, check=True)


def main() -> int:
    subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True)
    sdk = programs().parent / "sdk"
    with Services() as services:
        tools = generate(services, sdk)
        if "--test" in sys.argv[1:]:
            test(services, sdk, tools)
    print(f"the clients are in {sdk}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
