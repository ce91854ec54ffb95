"""The licence of every pinned package, and whether it is allowed: `python -m lint.licences`.

`licences.toml` lists what is allowed, and single packages with another licence.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Self

from lint.locks import lock_files, read_lock

DATA = Path(__file__).with_suffix(".toml")
_NO_LICENCE = {"DFSG approved", "OSI Approved"}
_PART = re.compile(r"[()]|[^\s()]+")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The licences of everybody, those of single packages, and other names of licences."""

    licences: frozenset[str]
    exceptions: Mapping[str, frozenset[str]]
    stated: Mapping[str, str]
    names: Mapping[str, str]

    @classmethod
    def read(cls, path: Path = DATA) -> Self:
        """The list in a TOML file."""
        data = tomllib.loads(path.read_text())
        exceptions: dict[str, set[str]] = defaultdict(set)
        for one in data["exception"]:
            for package in one["packages"]:
                exceptions[package].add(one["licence"])
        frozen = {package: frozenset(licences) for package, licences in exceptions.items()}
        return cls(frozenset(data["allow"]), frozen, data["stated"], data["names"])

    def permits(self, package: str, expression: str) -> bool:
        """Whether a package may have the licences of an SPDX expression; no licence is refused."""
        allowed = self.licences | self.exceptions.get(package, frozenset())
        parts = _PART.findall(expression)
        found, rest = _either(parts, allowed) if parts else (False, [])
        return found and not rest


def _either(parts: list[str], allowed: Iterable[str]) -> tuple[bool, list[str]]:
    """Whether one side of ORs is allowed, and what is left of the parts."""
    found, rest = _all_of(parts, allowed)
    while rest[:1] == ["OR"]:
        right, rest = _all_of(rest[1:], allowed)
        found = found or right
    return found, rest


def _all_of(parts: list[str], allowed: Iterable[str]) -> tuple[bool, list[str]]:
    found, rest = _single(parts, allowed)
    while rest[:1] == ["AND"]:
        right, rest = _single(rest[1:], allowed)
        found = found and right
    return found, rest


def _single(parts: list[str], allowed: Iterable[str]) -> tuple[bool, list[str]]:
    if parts[:1] != ["("]:
        return bool(parts) and parts[0] in allowed, parts[1:]
    found, rest = _either(parts[1:], allowed)
    return found and rest[:1] == [")"], rest[1:]


def licence_of(package: str, allowed: Allowed) -> str:
    """The SPDX expression of an installed package, empty where its metadata names no licence.

    Raises PackageNotFoundError. Several classifiers count as licences that all apply.
    """
    told = metadata(package)
    if "License-Expression" in told:
        return str(told["License-Expression"])
    classifiers = [str(one).rpartition(" :: ")[2] for one in told.get_all("Classifier", [])
                   if str(one).startswith("License ::")]  # fmt: skip
    named = [one for one in classifiers if one not in _NO_LICENCE]
    lines = str(told["License"]).splitlines() if "License" in told else []
    found = named or lines[:1] or [allowed.stated.get(package, "")]
    return " AND ".join(allowed.names.get(one, one) for one in found)


def listed(packages: Iterable[str], allowed: Allowed) -> Iterator[tuple[str, str]]:
    """Each package with its licence; `not installed` for those of other systems."""
    for package in sorted(set(packages)):
        try:
            yield package, licence_of(package, allowed)
        except PackageNotFoundError:
            yield package, "not installed"


def main() -> int:
    """Print every licence with its packages; 1 where one is not allowed."""
    allowed = Allowed.read()
    pinned = {one.name for path in lock_files() for one in read_lock(path)}
    by_licence: dict[str, list[str]] = defaultdict(list)
    refused = []
    for package, licence in listed(pinned, allowed):
        by_licence[licence or "none named"].append(package)
        if licence != "not installed" and not allowed.permits(package, licence):
            refused.append(f"{package}: {licence or 'no licence is named'}")
    for licence, packages in sorted(by_licence.items()):
        print(f"{licence:28} {', '.join(packages)}")  # noqa: T201 - what the command is for
    for line in refused:
        print(f"not allowed: {line}; see {DATA.name}", file=sys.stderr)  # noqa: T201
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
