"""Advisories: records in the OSV format, answered on loopback as the OSV service does.

They are kept with the lock files in `requirements/advisories.json`, so that an audit needs no
service: the records of every package that was pinned when they were taken, whatever its version,
without what no comparison reads. `make advisories`, or `python -m lint.advisories [FROM]`, takes
them anew from a service that answers OSV's queries (api.osv.dev by default), or from mounted
records: osv.dev's export for PyPI (`all.zip`), the folder that it unpacks to, or any folder with
such JSON files. An empty `taken` says that no service could be reached yet: the file then holds
nothing, and an audit by it compares nothing and says so.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

import httpx2
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lint.locks import FOLDER, every_lock, read_lock

KEPT = FOLDER / "advisories.json"
OSV = "https://api.osv.dev/v1/query"
SECONDS = 10.0
ECOSYSTEM = "PyPI"
Record = Mapping[str, Any]


class AdvisoriesUnusable(Exception):
    """The mounted advisories cannot be read, or there are none."""


class Advisories(NamedTuple):
    """Records by canonical package name, how many there are, and when the newest was changed."""

    by_package: Mapping[str, Sequence[Record]]
    total: int
    newest: str

    @classmethod
    def of_records(cls, records: Iterable[Record]) -> Advisories:
        """Sorted by the packages that they affect."""
        by_package: dict[str, list[Record]] = defaultdict(list)
        count, newest = 0, ""
        for record in records:
            count, newest = count + 1, max(newest, str(record.get("modified", "")))
            for name in {_name(one) for one in record.get("affected", ())} - {None}:
                by_package[str(name)].append(record)
        return cls(by_package, count, newest)

    def of(self, package: str, version: str) -> list[Record]:
        """The records that affect a version of a package."""
        name = canonicalize_name(package)
        return [one for one in self.by_package.get(name, ()) if affects(one, name, version)]


def read_advisories(path: Path) -> Advisories:
    """The advisories at a path; raises AdvisoriesUnusable."""
    try:
        advisories = Advisories.of_records(map(json.loads, _texts(path)))
    except (OSError, BadZipFile, ValueError, AttributeError) as error:
        raise AdvisoriesUnusable(f"{path} cannot be read as OSV records: {error}") from None
    if not advisories.by_package:
        raise AdvisoriesUnusable(f"{path} holds no OSV record of a {ECOSYSTEM} package")
    return advisories


class Kept(NamedTuple):
    """The file with the locks: when it was taken, from where, of which packages."""

    taken: str
    source: str
    packages: Sequence[str]
    advisories: Sequence[Record]


def read_kept(path: Path = KEPT) -> Kept:
    """The kept advisories; raises AdvisoriesUnusable."""
    try:
        return Kept(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise AdvisoriesUnusable(f"{path} is no file of `make advisories`: {error}") from None


def take(source: str, packages: Iterable[str], path: Path = KEPT) -> Kept:
    """Write what a source knows of these packages, or raise AdvisoriesUnusable."""
    asked = sorted({canonicalize_name(name) for name in packages})
    if source.startswith(("http://", "https://")):
        found = [record for name in asked for record in _asked(source, name)]
    else:
        known = read_advisories(Path(source)).by_package
        found = [record for name in asked for record in known.get(name, ())]
    records = {str(one["id"]): _trimmed(one, asked) for one in found}
    day = datetime.now(UTC).date().isoformat()  # noqa: TID251 - the day on which they are taken
    named = source if "://" in source else Path(source).name
    kept = Kept(day, named, asked, [*records.values()])
    path.write_text(json.dumps(kept._asdict(), indent=1) + "\n", encoding="utf-8")
    return kept


def _asked(url: str, name: str) -> Iterable[Record]:
    question: dict[str, Any] = {"package": {"name": name, "ecosystem": ECOSYSTEM}}
    while True:
        try:
            answer = httpx2.post(url, json=question, timeout=SECONDS).raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            raise AdvisoriesUnusable(f"{url} does not answer: {error}") from None
        yield from answer.get("vulns", ())
        if not answer.get("next_page_token"):
            return
        question["page_token"] = answer["next_page_token"]


def _trimmed(record: Record, packages: Sequence[str]) -> Record:
    """Without prose and references, other packages, and versions that a range names already."""
    fields = ("id", "modified", "withdrawn", "aliases", "summary")
    affected = []
    for part in (one for one in record["affected"] if _name(one) in packages):
        ranges = [one for one in part.get("ranges", ()) if one["type"] == "ECOSYSTEM"]
        versions = {} if ranges else {"versions": part.get("versions", [])}
        affected.append({"package": part["package"], "ranges": ranges, **versions})
    return {name: record[name] for name in fields if name in record} | {"affected": affected}


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
        name = canonicalize_name(asked["package"]["name"])
        if "version" in asked:
            found = self._advisories.of(name, asked["version"])
        else:
            found = [*self._advisories.by_package.get(name, ())]
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


def main(arguments: Sequence[str]) -> int:
    """Take the advisories of all pinned packages anew."""
    packages = {one.name for path in every_lock() for one in read_lock(path)}
    try:
        kept = take(arguments[0] if arguments else OSV, packages)
    except AdvisoriesUnusable as problem:
        print(f"No advisories were taken, and nothing was changed: {problem}.")  # noqa: T201
        return 2
    print(f"{len(kept.advisories)} advisories of {len(kept.packages)} packages in {KEPT}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
