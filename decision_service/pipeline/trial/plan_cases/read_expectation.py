"""Reads what a case of a plan expects."""

from __future__ import annotations

from typing import Any

from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.pipeline.trial.plan_cases.expectation import NONE, PlanExpectation
from decision_service.pipeline.trial.plan_cases.model import PlanUnderTest
from decision_service.pipeline.trial.plan_cases.words import (
    read_cap,
    read_codes,
    refuse_without_explore,
    written_amount,
)

OUTCOMES = tuple(outcome for outcome in Outcome if outcome is not Outcome.NOT_ENROLLED)
KINDS = (*(kind.value for kind in ReferKind), NONE)
OPTIONAL = ("refer_kind", "reasons", "cap", "explored", "amount", "charge")


def read_expectation(
    node: YamlNode, tested: PlanUnderTest, report: Report
) -> PlanExpectation | None:
    """The expectation of a case; only what is written will be compared."""
    fields = Fields.of(node, "`expect`", report, required=("outcome",), optional=OPTIONAL)
    if fields is None:
        return None
    refuse_without_explore(fields, ("explored", "charge"), tested)
    written: dict[str, Any] = {
        "outcome": fields.choice("outcome", OUTCOMES),
        "refer_kind": fields.choice("refer_kind", KINDS),
        "reasons": read_codes(fields, tested) if fields.has("reasons") else None,
        "cap": read_cap(fields, tested),
        "explored": fields.flag("explored"),
        "amount": written_amount(fields, "amount", tested.currency),
        "charge": written_amount(fields, "charge", tested.currency),
    }
    return PlanExpectation({key: value for key, value in written.items() if value is not None})
