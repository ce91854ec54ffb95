"""What one decision stands on, captured at once before anything is gathered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from decision_service.domain.decision import Assignment
from decision_service.domain.errors import InputInvalid
from decision_service.domain.factor import Value
from decision_service.domain.money import Money
from decision_service.domain.time import AsOf
from decision_service.pipeline.application import Application
from decision_service.pipeline.rulebook import Product, Rulebook
from decision_service.rollout.gate import Subject, choose, unit_of
from decision_service.ruleset.inputs import bind_inputs
from decision_service.ruleset.model import CompiledRuleset


@dataclass(frozen=True, slots=True)
class Admission:
    """What one decision stands on, captured at once: rules, rollout, clock, zone and inputs.

    `ruleset` is None for an applicant outside the go-live. `unit` is what the rollout dealt.
    """

    application: Application
    as_of: AsOf
    assignment: Assignment
    inputs: dict[str, Value]
    ruleset: CompiledRuleset | None
    unit: str

    @classmethod
    def of(cls, application: Application, rulebook: Rulebook, now: datetime) -> Admission:
        """Admit an application; raises ProductUnknown, or InputInvalid with every wrong field."""
        product = rulebook.product(application.product)
        subject = _subject(application, product, now)
        assignment = choose(product.plan, product.state, subject)
        as_of = AsOf.at(now, product.champion.zone)
        if not assignment.enrolled or assignment.version is None:
            return cls(application, as_of, assignment, dict(application.inputs), None, subject.unit)
        ruleset = product.versions[assignment.version]
        inputs = bound_inputs(product, ruleset, application.inputs)
        as_of = AsOf.at(now, ruleset.zone)
        return cls(application, as_of, assignment, inputs, ruleset, subject.unit)


def bound_inputs(
    product: Product, ruleset: CompiledRuleset, sent: Mapping[str, Value]
) -> dict[str, Value]:
    """The inputs as the ruleset takes them; raises InputInvalid with every wrong field."""
    bound = bind_inputs(ruleset, sent, product.input_names)
    if bound.problems:
        raise InputInvalid("; ".join(p.description for p in bound.problems), bound.problems)
    return dict(bound.values)


def _subject(application: Application, product: Product, now: datetime) -> Subject:
    amount = application.inputs.get("requested_amount")
    return Subject(
        unit=unit_of(product.plan, application.user_id, application.customer_ref),
        at=now,
        inputs=application.inputs,
        requested_amount=amount if isinstance(amount, Money) else None,
    )
