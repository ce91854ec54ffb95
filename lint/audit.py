"""Pinned packages against known vulnerabilities: `python -m lint.audit [ADVISORIES]`.

ADVISORIES is a mounted file or folder of OSV records, or the URL of a service that answers OSV's
queries; without it api.osv.dev is asked. Ends with 0 where nothing is known against any package, 1
where something is or a package was not audited, 2 where no advisories could be had.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from lint.advisories import AdvisoriesUnusable, read_advisories, serving
from lint.locks import every_lock, read_lock

OSV = "https://api.osv.dev/v1/query"
SECONDS = 10.0
_PROBE = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.3"}


@contextmanager
def advisory_url(given: str) -> Iterator[str]:
    """The URL to query, of a service that answers; raises AdvisoriesUnusable."""
    if given and not given.startswith(("http://", "https://")):
        advisories = read_advisories(Path(given))
        _say(f"{advisories.total} advisories in {given}, the newest of {advisories.newest[:10]}")
        with serving(advisories) as url:
            yield url
        return
    url = given or OSV
    try:
        httpx.post(url, json=_PROBE, timeout=SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        raise AdvisoriesUnusable(f"{url} does not answer: {error}") from None
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
    locks = every_lock()
    unhashed = [one.name for path in locks for one in read_lock(path) if not one.hashes]
    found = [f"{name}: has no hash" for name in unhashed]
    try:
        with advisory_url(arguments[0] if arguments else "") as url:
            dependencies = audited(url, locks)
    except AdvisoriesUnusable as problem:
        _say(f"Nothing was audited: {problem}.")
        _say("Mount advisories and name them: make audit ADVISORIES=<all.zip or folder of OSV>")
        return 2
    found += findings(dependencies)
    for line in found:
        _say(line)
    _say(f"{len(dependencies)} packages audited, {len(found)} findings")
    return 1 if found else 0


def _say(line: str) -> None:
    print(line)  # noqa: T201 - what the command is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
