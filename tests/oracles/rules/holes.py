"""What is not there: holes with a cause, and three-valued logic by its truth tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

ABSENT = frozenset(
    {
        "NO_DATA",
        "SHORT_HISTORY",
        "NOT_CONNECTED",
        "NO_EVIDENCE",
        "UNKNOWN_PROVIDER",
        "DIVISION_BY_ZERO",
        "UNDEFINED",
        "NOT_SENT",
    }
)
FAILURE = {
    "SOURCE_FAILED": "SOURCE_FAILED",
    "PARTIAL": "PARTIAL_DATA",
    "STALE": "STALE_DATA",
    "BAD_DATA": "SOURCE_FAILED",
    "MIXED_CURRENCY": "MIXED_CURRENCY",
    "UNCLASSIFIED": "UNCLASSIFIED_TRANSACTIONS",
    "EXPIRED": "DATA_EXPIRED",
    "NOT_FETCHED": "SOURCE_FAILED",
    "NOT_YET_POSTED": "NOT_YET_POSTED",
    "CHANGED_WHILE_READING": "DATA_CHANGED_DURING_READ",
    "NOT_APPLIED": "RULE_ERROR",
}
T, F, U = "TRUE", "FALSE", "UNKNOWN"
AND = {
    (T, T): T, (T, F): F, (T, U): U,
    (F, T): F, (F, F): F, (F, U): F,
    (U, T): U, (U, F): F, (U, U): U,
}  # fmt: skip
OR = {
    (T, T): T, (T, F): T, (T, U): T,
    (F, T): T, (F, F): F, (F, U): U,
    (U, T): T, (U, F): U, (U, U): U,
}  # fmt: skip


@dataclass(frozen=True)
class Hole:
    """One name without a value; `code` is the failure's own reason, where it has one."""

    name: str
    cause: str
    code: str = ""

    @property
    def tainted(self) -> bool:
        return self.cause not in ABSENT

    @property
    def reason(self) -> str:
        return self.code or FAILURE.get(self.cause, "DATA_MISSING")


@dataclass(frozen=True)
class Gone:
    """No value, because of one hole or more, in the order in which they are read."""

    holes: tuple[Hole, ...]

    @property
    def tainted(self) -> bool:
        return any(hole.tainted for hole in self.holes)

    @property
    def shown(self) -> Hole:
        """A failure is shown before what is absent, as its remedy is the one that helps."""
        return ([h for h in self.holes if h.tainted] or list(self.holes))[0]


def gone(name: str, cause: str, code: str = "") -> Gone:
    return Gone((Hole(name, cause, code),))


def no_result(name: str) -> Gone:
    """The rule itself has no result; nothing looks past that."""
    return gone(name, "BAD_DATA", "RULE_ERROR")


def together(values: Iterable[Any]) -> Gone | None:
    """All the holes of several values, each name once; None where every value is there."""
    holes: dict[str, Hole] = {}
    for value in values:
        if isinstance(value, Gone):
            for hole in value.holes:
                holes[hole.name] = hole
    return Gone(tuple(holes.values())) if holes else None


def truth(value: Any) -> str:
    """The third value is everything that is not there."""
    return U if isinstance(value, Gone) else (T if value else F)


def joined(values: list[Any], table: dict[tuple[str, str], str]) -> Any:
    """Several flags by a truth table, with the holes of all that are open where it is."""
    word = truth(values[0])
    for value in values[1:]:
        word = table[(word, truth(value))]
    return together(values) if word == U else word == T
