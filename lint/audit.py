"""Pinned packages against known vulnerabilities: `python -m lint.audit [ADVISORIES]`.

ADVISORIES is a mounted file or folder of OSV records, or the URL of a service that answers OSV's
queries; without it those count that are kept with the lock files (`lint/advisories.py`). Ends
with 0 where nothing is known against any package, 1 where something is or a package was not
audited, 2 where given advisories cannot be read, and 3 where nothing was compared, since the kept
ones were never taken: `make check` goes on then, and `make release` does not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from packaging.utils import canonicalize_name

from lint.advisories import (
    KEPT,
    SECONDS,
    Advisories,
    AdvisoriesUnusable,
    Kept,
    read_advisories,
    read_kept,
    serving,
)
from lint.locks import Pinned, every_lock, read_lock

NOT_COMPARED = 3
"""The exit code where there are no advisories to compare with."""

_PROBE = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.3"}


@contextmanager
def advisory_url(given: str) -> Iterator[str]:
    """The URL to query, of a service that answers; raises AdvisoriesUnusable."""
    if given.startswith(("http://", "https://")):
        try:
            httpx2.post(given, json=_PROBE, timeout=SECONDS).raise_for_status()
        except httpx2.HTTPError as error:
            raise AdvisoriesUnusable(f"{given} does not answer: {error}") from None
        yield given
        return
    if given:
        advisories = read_advisories(Path(given))
        _say(f"{advisories.total} advisories in {given}, the newest of {advisories.newest[:10]}")
    else:
        kept = read_kept()
        advisories = Advisories.of_records(kept.advisories)
        _say(f"{advisories.total} advisories kept with the locks, taken on {kept.taken}")
    with serving(advisories) as url:
        yield url


def audited(url: str, locks: Sequence[Path]) -> list[dict[str, Any]]:
    """What pip-audit says of each package; raises AdvisoriesUnusable where it says nothing."""
    options = ["--vulnerability-service", "osv", "--osv-url", url, "--format", "json"]
    options += ["--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    files = [word for path in locks for word in ("--requirement", str(path))]
    command = [sys.executable, "-m", "pip_audit", *options, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise AdvisoriesUnusable(f"pip-audit did not end its audit: {last}") from None
    return dependencies


def findings(dependencies: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each package that is vulnerable or was not audited."""
    for one in dependencies:
        if "skip_reason" in one:
            yield f"{one['name']}: not audited: {one['skip_reason']}"
        for known in one.get("vulns", ()):
            mended = ", ".join(known["fix_versions"]) or "no version"
            yield f"{one['name']} {one['version']}: {known['id']}, mended in {mended}"


def main(arguments: Sequence[str]) -> int:
    """Audit every lock file and print what is found."""
    given = arguments[0] if arguments else ""
    locks = every_lock()
    pinned = [one for path in locks for one in read_lock(path)]
    found = [f"{one.name}: has no hash" for one in pinned if not one.hashes]
    try:
        if not given and not read_kept().taken:
            _say(
                f"NOT COMPARED: {len(pinned)} pinned packages, since {KEPT.name} has no advisories "
                "(date: never taken). Where osv.dev or a copy can be reached: make advisories"
            )
            return 1 if _listed(found) else NOT_COMPARED
        with advisory_url(given) as url:
            dependencies = audited(url, locks)
        if not given:
            found += newer(pinned, read_kept())
    except AdvisoriesUnusable as problem:
        _say(f"Nothing was audited: {problem}.")
        _say("Mount advisories and name them: make audit ADVISORIES=<all.zip or folder of OSV>")
        return 2
    _say(f"{len(dependencies)} packages audited")
    number = _listed([*found, *findings(dependencies)])
    _say(f"{number} findings")
    return 1 if number else 0


def newer(pinned: Sequence[Pinned], kept: Kept) -> Iterator[str]:
    """A line for each package of which no advisories were taken."""
    for name in sorted({canonicalize_name(one.name) for one in pinned} - set(kept.packages)):
        yield f"{name}: not audited: pinned after {kept.taken}, call make advisories"


def _listed(found: Sequence[str]) -> int:
    for line in found:
        _say(line)
    return len(found)


def _say(line: str) -> None:
    print(line)  # noqa: T201 - what the command is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
