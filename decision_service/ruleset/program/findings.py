"""Findings: the conclusions of a ruleset's parts, before reasons are put in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from decision_service.domain.missing import REASONS
from decision_service.domain.verdict import Component, Outcome, ReferKind
from decision_service.language.evaluation.kleene import Gap
from decision_service.language.expressions.tree import Node

_REFER, _COMPONENT, _KIND = Outcome.REFER, Component.DATA, ReferKind.DATA
_SEVERITY = {Outcome.APPROVE: 1, Outcome.REFER: 2, Outcome.DECLINE: 3}


def worst(outcomes: Iterable[Outcome | None]) -> Outcome | None:
    """The worst of several outcomes; None where nothing was concluded."""
    found: Outcome | None = None
    for outcome in outcomes:
        if outcome is not None and (found is None or _SEVERITY[outcome] > _SEVERITY[found]):
            found = outcome
    return found


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One argument for an outcome, and the reason it would give.

    `kind` is a referral's. A data finding has the `gap` it rests on; one that a condition made has
    the condition in `because`, with the name that its reason is `about` where the file says so, a
    rule on missing data both; a scorecard's has the `points_lost`; others say in `name` what was
    looked at. An empty `code` gives no reason.
    """

    outcome: Outcome
    code: str
    component: Component
    kind: ReferKind | None = None
    gap: Gap | None = None
    because: Node | None = None
    about: str = ""
    points_lost: Decimal | None = None
    name: str = ""


def data_finding(
    gap: Gap, outcome: Outcome = _REFER, code: str = "", because: Node | None = None
) -> Finding:
    """The argument from a gap, by default a referral with the cause's reason."""
    kind = _KIND if outcome is _REFER else None
    code = code or gap.missing.code or REASONS[gap.missing.cause]
    return Finding(outcome, code, _COMPONENT, kind, gap, because)


class Conclusion(msgspec.Struct, frozen=True, gc=False):
    """One stage's arguments, its record for the trace, and its gaps."""

    findings: tuple[Finding, ...]
    record: tuple[Any, ...]
    gaps: tuple[Gap, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """The stage's conclusion: the worst outcome argued for."""
        return worst([finding.outcome for finding in self.findings])


class Trace(NamedTuple):
    """One finished evaluation: values by slot, and each part's findings.

    A closing part that was not run has None.
    """

    values: Sequence[Any]
    stages: Sequence[Conclusion]
    closing: Sequence[Conclusion | None]
