"""What `/metrics` of a running service shows, and what a query may ask for.

The service runs with the stand-in inside and has decided for all its people.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = "personal-loan-ph"
SERVICE = [sys.executable, "-m", "decision_service"]
ADDED = {"instance", "job", "le"}
"""Labels that Prometheus adds to every metric, and that of a histogram's buckets."""

_NAME = re.compile(r"\b(?:decision_service|process)_\w+")
_PART = re.compile(r"_(?:bucket|sum|count)$")
_SELECTED = re.compile(r"\b((?:decision_service|process)_\w+)\{([^}]*)\}")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_TEXT = re.compile(r'"[^"]*"')
_BY = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


@cache
def shown() -> frozenset[str]:
    """The names of `/metrics`."""
    with tempfile.TemporaryDirectory() as folder, _serving(Path(folder)) as (grpc, http):
        told = _run("sandbox", "people", "--format", "json")
        people = [person["user_id"] for person in json.loads(told)]
        for user in people:
            asked = ("--product", PRODUCT, "--amount", "20000", "--term", "6", "--address", grpc)
            _run("decide", "--user-id", user, *asked)
        text = httpx2.get(f"{http}/metrics").raise_for_status().text
    assert re.search(r"^decision_service_decisions_total\{.*\} [1-9]", text, re.MULTILINE)
    return frozenset(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


@cache
def labels() -> dict[str, set[str]]:
    """The labels of each metric, by the table of docs/watch.md."""
    page = (ROOT / "docs" / "watch.md").read_text("utf-8")
    table = page.partition("## Metrics")[2].partition("\n#")[0]
    found: dict[str, set[str]] = {}
    for row in (line.split("|") for line in table.splitlines() if line.startswith("| `")):
        for name in re.findall(r"`(\w+)`", row[1]):
            full = name if name.startswith("process_") else f"decision_service_{name}"
            found[full] = set(re.findall(r"`(\w+)`", row[2]))
    return found


def problems(query: str) -> Iterator[str]:
    """A sentence for each metric and label of a query that the service does not show."""
    bare = _TEXT.sub('""', query)
    named = {_PART.sub("", name) for name in _NAME.findall(bare)}
    if not named:
        yield f"{query}: it asks for no metric of the service"
    yield from (f"{query}: there is no metric {name}" for name in sorted(named - shown()))
    for name, matchers in _SELECTED.findall(bare):
        strange = set(_MATCHER.findall(matchers)) - _labels_of(name)
        yield from (f"{query}: {name} has no label {label}" for label in sorted(strange))
    known = set().union(*(_labels_of(name) for name in named))
    grouped = {one.strip() for part in _BY.findall(bare) for one in part.split(",")}
    yield from (f"{query}: no metric has the label {one}" for one in sorted(grouped - known))


def _labels_of(name: str) -> set[str]:
    return labels().get(_PART.sub("", name), set()) | ADDED


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, str]]:
    """Addresses of a service that keeps everything in a folder."""
    environ = {
        "DECISION_GRPC_ADDRESS": "127.0.0.1:0",
        "DECISION_HTTP_ADDRESS": "127.0.0.1:0",
        "DECISION_ADMIN_ADDRESS": "127.0.0.1:0",
        "DECISION_STORE_URL": f"sqlite:///{folder / 'decisions.db'}",
        "DECISION_RULES_DIR": str(ROOT / "rules"),
        "DECISION_WEBHOOK_SECRETS": "secret-of-live-metrics",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*SERVICE, "serve"],
            cwd=ROOT,
            env=os.environ | environ,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        words = {
            line.split()[0]: line.split()[1]
            for line in iter(process.stdout.readline, "Ctrl-C stops it.\n")
        }
        yield words["gRPC"], words["admin"]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _run(*arguments: str) -> str:
    done = subprocess.run([*SERVICE, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
