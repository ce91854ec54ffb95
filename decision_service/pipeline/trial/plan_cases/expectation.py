"""What a case of a plan expects, and the differences of what is settled from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from decision_service.domain.decision import OverrideKind
from decision_service.domain.money import to_major
from decision_service.pipeline.decide.overrides.depart import Settled
from decision_service.ruleset.testing.expectations import Difference, differs

NONE = "none"


class PlanExpectation(msgspec.Struct, frozen=True):
    """What was written under `expect`, by key; only what was written is compared."""

    written: Mapping[str, Any]

    def differences(self, settled: Settled, currency: str) -> tuple[Difference, ...]:
        """Everything in which a settled case differs, in the order of `settled_parts`."""
        actual = settled_parts(settled, currency)
        found = (differs(key, self.written.get(key), actual[key]) for key in actual)
        return tuple(difference for difference in found if difference is not None)


def settled_parts(settled: Settled, currency: str) -> dict[str, Any]:
    """What a case can expect, by the names under `expect`; amounts are in major units."""
    verdict, override, grant = settled.verdict, settled.override, settled.grant
    return {
        "outcome": verdict.outcome,
        "refer_kind": verdict.refer_kind or NONE,
        "reasons": tuple(str(reason.code) for reason in verdict.reasons),
        "cap": (override and override.cap) or NONE,
        "explored": override is not None and override.kind is OverrideKind.EXPLORED,
        "amount": _major(None if grant is None else grant.amount, currency),
        "charge": _major(settled.charge, currency),
    }


def _major(minor: int | None, currency: str) -> Any:
    return NONE if minor is None else to_major(minor, currency)
