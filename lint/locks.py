"""The packages that the lock files pin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LOCKS = ("runtime", "dev", "bench", "audit")
FOLDER = Path(__file__).parents[1] / "requirements"

_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


class Pinned(NamedTuple):
    """A package at one version, and how many SHA-256 hashes its files may have."""

    name: str
    version: str
    hashes: int


def every_lock() -> list[Path]:
    """All lock files, those of what is deployed too."""
    return sorted(FOLDER.glob("*.txt"))


def lock_files(names: Iterable[str] = LOCKS) -> list[Path]:
    """The lock files of these names."""
    return [FOLDER / f"{name}.txt" for name in names]


def read_lock(path: Path) -> list[Pinned]:
    """The pinned packages of a lock file, in its order."""
    entries = re.split(r"\n(?=\S)", path.read_text())
    return [
        Pinned(found[1], found[2], len(_HASH.findall(entry)))
        for entry in entries
        if (found := _PINNED.match(entry))
    ]
