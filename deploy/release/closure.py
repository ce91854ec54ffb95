"""What the package needs to run, as its lock pins it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = "decision-service"


def needed(package: str = PACKAGE, extra: str = "") -> frozenset[str]:
    """The packages that an installed one needs on this system, themselves and by others."""
    found: set[tuple[str, str]] = set()
    waiting = [(package, extra)]
    while waiting:
        name, asked = waiting.pop()
        for one in _asked(name, asked):
            new = {(canonicalize_name(one.name), part) for part in ("", *one.extras)} - found
            found |= new
            waiting += new
    return frozenset(name for name, _ in found)


def _asked(name: str, extra: str) -> Iterator[Requirement]:
    for line in requires(name) or ():
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            yield one


def entries(lock: str, names: Iterable[str] | None = None) -> Iterator[str]:
    """The entries of a lock file, with their hashes, for these packages or for all."""
    wanted = None if names is None else {*names}
    for entry in re.split(r"\n(?=\S)", lock):
        found = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)==", entry)
        if found and (wanted is None or canonicalize_name(found[1]) in wanted):
            yield entry.rstrip()
