"""A table's content: which names it looks at, what it gives, and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.language.diagnostics import Place
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.language.types import Symbol
from decision_service.ruleset.constructs.cells import Cell

OUTCOME, REASON = "outcome", "reason"


class Hit(StrEnum):
    """Which matching rows count."""

    FIRST = "first"
    UNIQUE = "unique"
    COLLECT = "collect"


class Aggregate(StrEnum):
    """How `collect` makes one value of several."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its condition cells, its values by output, and its own outcome and reason."""

    cells: tuple[Cell, ...]
    gives: Mapping[str, Node]
    outcome: Outcome | None
    reason: str
    place: Place = field(compare=False)


class Grid(msgspec.Struct, frozen=True):
    """A table; `outputs` have slots of their own, `concludes` says that rows have outcomes."""

    id: str
    hit: Hit
    aggregates: Mapping[str, Aggregate]
    names: tuple[tree.NameRead, ...]
    outputs: Mapping[str, Symbol]
    concludes: bool
    rows: tuple[Row, ...]
