"""A figure of a rule file, a small change of it, and what became of the change."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from decision_service.language.diagnostics import Place
from decision_service.language.yaml.nodes import MapEntry, Scalar


class Edit(msgspec.Struct, frozen=True):
    """Characters `start` to `end` of a value, or of a key, that are to read otherwise."""

    node: Scalar | MapEntry
    start: int
    end: int
    text: str


class FigureChange(msgspec.Struct, frozen=True):
    """One figure moved one way.

    `at` names the figure by its way through the file (`params.rate_cap.2026-04-01`); edges that
    bins share move together, so that there may be several edits.
    """

    at: str
    place: Place
    before: str
    after: str
    edits: tuple[Edit, ...]


class Fate(StrEnum):
    """What became of a change."""

    NOTICED = "noticed"
    REFUSED = "refused"
    NO_DIFFERENCE = "no difference"
    MARKED = "marked"
    UNNOTICED = "unnoticed"


class Witness(msgspec.Struct, frozen=True):
    """A case that a change decides otherwise, as text for a file; `before` and `after` differ."""

    case: str
    before: str
    after: str


class Tried(msgspec.Struct, frozen=True):
    """A change with its fate; an unnoticed one perhaps with facts that would show it."""

    change: FigureChange
    fate: Fate
    witness: Witness | None = None
