"""Mounted advisories: records in the OSV format, answered on loopback as the OSV service does.

The records are those of osv.dev's export for PyPI (`all.zip`), of the folder that it unpacks to, or
of any folder with such JSON files.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ECOSYSTEM = "PyPI"
Record = Mapping[str, Any]


class AdvisoriesUnusable(Exception):
    """The mounted advisories cannot be read, or there are none."""


class Advisories(NamedTuple):
    """Records by canonical package name, how many there are, and when the newest was changed."""

    by_package: Mapping[str, Sequence[Record]]
    total: int
    newest: str

    def of(self, package: str, version: str) -> list[Record]:
        """The records that affect a version of a package."""
        name = canonicalize_name(package)
        return [one for one in self.by_package.get(name, ()) if affects(one, name, version)]


def read_advisories(path: Path) -> Advisories:
    """The advisories at a path; raises AdvisoriesUnusable."""
    by_package: dict[str, list[Record]] = defaultdict(list)
    count, newest = 0, ""
    try:
        for text in _texts(path):
            record = json.loads(text)
            count, newest = count + 1, max(newest, str(record.get("modified", "")))
            for name in {_name(one) for one in record.get("affected", ())} - {None}:
                by_package[str(name)].append(record)
    except (OSError, BadZipFile, ValueError, AttributeError) as error:
        raise AdvisoriesUnusable(f"{path} cannot be read as OSV records: {error}") from None
    if not by_package:
        raise AdvisoriesUnusable(f"{path} holds no OSV record of a {ECOSYSTEM} package")
    return Advisories(by_package, count, newest)


def _texts(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        yield from (file.read_bytes() for file in sorted(path.rglob("*.json")))
        return
    with ZipFile(path) as archive:
        yield from (archive.read(name) for name in archive.namelist() if name.endswith(".json"))


def _name(affected: Record) -> str | None:
    package = affected.get("package", {})
    if package.get("ecosystem") != ECOSYSTEM:
        return None
    return canonicalize_name(str(package.get("name", "")))


def affects(record: Record, name: str, version: str) -> bool:
    """Whether a record names a version of a package, one by one or by a range."""
    asked = Version(version)
    parts = [one for one in record.get("affected", ()) if _name(one) == name]
    named = (given for one in parts for given in one.get("versions", ()))
    if any(_version(given) == asked for given in named):
        return True
    ranges = (one for part in parts for one in part.get("ranges", ()))
    return any(_within(one["events"], asked) for one in ranges if one["type"] == "ECOSYSTEM")


def _within(events: Sequence[Mapping[str, str]], asked: Version) -> bool:
    """Whether a version lies between an introduction and its end, by OSV's events."""
    bounds = [(kind, _version(text)) for event in events for kind, text in event.items()]
    since = [bound for kind, bound in bounds if kind == "introduced" and bound and bound <= asked]
    ended = [bound for kind, bound in bounds if kind == "fixed" and bound and bound <= asked]
    ended += [
        bound for kind, bound in bounds if kind == "last_affected" and bound and bound < asked
    ]
    return bool(since) and (not ended or max(since) > max(ended))


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


class _Handler(BaseHTTPRequestHandler):
    """Answers `POST /v1/query` as api.osv.dev does."""

    def __init__(self, advisories: Advisories, *arguments: Any) -> None:
        self._advisories = advisories
        super().__init__(*arguments)

    def do_POST(self) -> None:
        """Answer with the records that affect the version that is asked for."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        found = self._advisories.of(asked["package"]["name"], asked["version"])
        body = json.dumps({"vulns": found} if found else {}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing of single queries."""


@contextmanager
def serving(advisories: Advisories) -> Iterator[str]:
    """Answer queries on loopback; yields the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, advisories))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
