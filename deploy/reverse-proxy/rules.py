"""What Traefik's and Netlify's rules make of a path. Neither is run here: this reads
as much of their languages as the files beside it use, and refuses all else."""
import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent


class Traefik:
    """traefik/dynamic.toml, whose rules are all one PathRegexp."""

    def __init__(self) -> None:
        http = tomllib.loads((HERE / "traefik/dynamic.toml").read_text("utf-8"))["http"]
        routers = sorted(http["routers"].values(), key=lambda router: -router["priority"])
        priorities = [router["priority"] for router in routers]
        assert len(set(priorities)) == len(priorities), "two routers have one priority"
        self.middlewares = http["middlewares"]
        self.services = {name: service["loadBalancer"]["servers"][0]["url"]
                         for name, service in http["services"].items()}
        self.routers = []
        for router in routers:
            rule = re.fullmatch(r"PathRegexp\(`(.*)`\)", router["rule"])
            # The same in Python as in Go: no look-around, no classes beyond [^/].
            assert rule and "(?" not in rule[1], router["rule"]
            self.routers.append((re.compile(rule[1]), router))

    def route(self, target: str) -> tuple[str | None, str | None]:
        """The service (`auth` or `api`) and the target that it is asked for."""
        path, question, query = target.partition("?")
        for rule, router in self.routers:
            if not rule.search(path):
                continue
            for name in router["middlewares"]:
                match self.middlewares[name]:
                    case {"ipAllowList": {"sourceRange": ["192.0.2.1/32"]}}:
                        return None, None
                    case {"stripPrefix": {"prefixes": [prefix]}}:
                        path = path.removeprefix(prefix)
                    case {"retry": _}:
                        pass
                    case other:
                        raise AssertionError(f"{name} is not known: {other}")
            return urlsplit(self.services[router["service"]]).hostname.removesuffix("-service"), \
                path + question + query
        raise AssertionError(f"no router matches {target}")


class Netlify:
    """A list of rules, of which the first that matches holds."""

    def __init__(self, rules: list[tuple[str, str, str]]) -> None:
        self.rules = rules

    @classmethod
    def of_redirects(cls) -> "Netlify":
        """What netlify/_redirects says."""
        lines = (HERE / "netlify/_redirects").read_text("utf-8").splitlines()
        return cls([tuple(line.split()) for line in lines if line and not line.startswith("#")])

    @classmethod
    def of_toml(cls) -> "Netlify":
        """What netlify/netlify.toml says."""
        rules = tomllib.loads((HERE / "netlify/netlify.toml").read_text("utf-8"))["redirects"]
        return cls([(rule["from"], rule["to"],
                     f"{rule['status']}{'!' if rule.get('force') else ''}") for rule in rules])

    def route(self, target: str) -> tuple[str | None, str | None]:
        """The service (`auth` or `api`) and the target that it is asked for."""
        path, question, query = target.partition("?")
        for begin, to, status in self.rules:
            # A slash at the end matters to nobody; * stands at the end alone.
            pattern = re.escape(begin).replace(r"\*", "(?P<splat>.*)")
            pattern = re.sub(r":([a-z]+)", r"(?P<\1>[^/]+)", pattern)
            found = re.fullmatch(pattern + ("" if begin.endswith("*") else "/?"), path)
            if not found:
                continue
            if status == "404!":
                return None, None
            assert status == "200", status
            for name, value in found.groupdict().items():
                to = to.replace(f":{name}", value)
            url = urlsplit(to)
            service = url.hostname.removesuffix(".example.com")
            return service, (url.path or "/") + question + query
        raise AssertionError(f"no rule matches {target}")
