"""Putting sums together: the same result whatever the order and the division."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

EXAMPLES = 5
"""Examples kept of each kind."""


def count(counts: dict[str, int], key: str, many: int = 1) -> None:
    """Count so many more of a key."""
    counts[key] = counts.get(key, 0) + many


def examples(decision_ids: Iterable[str]) -> tuple[str, ...]:
    """The few ids that are kept of all: those whose hashes sort first."""
    return tuple(sorted({*decision_ids}, key=_hashed)[:EXAMPLES])


def merge_into(mine: msgspec.Struct, theirs: msgspec.Struct) -> None:
    """Add the fields of one struct of sums to those of another of the same kind."""
    for name in mine.__struct_fields__:
        setattr(mine, name, _merged(getattr(mine, name), getattr(theirs, name)))


def _merged(mine: Any, theirs: Any) -> Any:
    """Whole numbers added, examples chosen again, structs and mappings field by field."""
    match mine:
        case int():
            return mine + theirs
        case tuple():
            return examples((*mine, *theirs))
        case dict():
            return {key: _either(mine, theirs, key) for key in {**mine, **theirs}}
    merge_into(mine, theirs)
    return mine


def _either(mine: dict[Any, Any], theirs: dict[Any, Any], key: Any) -> Any:
    if key in mine and key in theirs:
        return _merged(mine[key], theirs[key])
    return mine[key] if key in mine else theirs[key]


def _hashed(decision_id: str) -> bytes:
    return hashlib.sha256(decision_id.encode()).digest()
