"""What one decision is based on, captured together before any data is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from decision_service.domain.decision import Assignment, ListAnswer
from decision_service.domain.errors import InputInvalid
from decision_service.domain.factor import Value
from decision_service.domain.time import AsOf
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.decide.in_flight_amounts import InFlightAmounts
from decision_service.pipeline.decide.overrides.limits import day_limits
from decision_service.pipeline.decide.placing import Placement, place
from decision_service.pipeline.rollout_ports import ArmLog
from decision_service.pipeline.rules.rulebook import Product
from decision_service.reviewing.policy import ReviewPolicy
from decision_service.rollout.allowances import DayLimits
from decision_service.rollout.gate import enters_comparison
from decision_service.rollout.model import UNREPORTED
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.inputs import bind_inputs
from decision_service.ruleset.run.lists import list_answers

Assigned = Callable[[Assignment], object]
"""Called with the arm that the rollout assigned an applicant to."""


class Admission(msgspec.Struct, frozen=True):
    """What one decision is based on, captured together: rules, rollout, instant, zone and inputs.

    `ruleset` is None for an applicant outside the go-live. `unit` is what the rollout assigned;
    `compared` says whether the decision enters comparisons between arms. `unreported` is for how
    long an expired offer counts of which no loan was reported. `answers` are those of the lists.
    `limits` bound the day. `review` says in which queue a referral is reviewed.
    """

    application: Application
    as_of: AsOf
    assignment: Assignment
    inputs: dict[str, Value]
    ruleset: CompiledRuleset | None
    unit: str
    compared: bool = False
    unreported: timedelta = UNREPORTED
    answers: tuple[ListAnswer, ...] = ()
    limits: DayLimits | None = None
    review: ReviewPolicy | None = None


async def admit(
    application: Application,
    product: Product,
    arms: ArmLog,
    now: datetime,
    assigned: Assigned,
    in_flight: InFlightAmounts | None = None,
) -> Admission:
    """Admit an application; `assigned` is called with the assignment before inputs are checked.

    Raises InputInvalid with every wrong field, or StoreUnavailable where the
    rollout must know who decided the applicant before.
    """
    placement = await place(application, product, arms, now, in_flight)
    assigned(placement.assignment)
    return _admitted(application, product, now, placement)


def _admitted(
    application: Application, product: Product, now: datetime, placement: Placement
) -> Admission:
    assignment, subject = placement.assignment, placement.subject
    version = assignment.version
    if not assignment.enrolled or version is None:
        as_of, inputs = AsOf.at(now, product.champion.zone), dict(application.inputs)
        return Admission(application, as_of, assignment, inputs, None, subject.unit)
    ruleset = product.versions[version]
    inputs = bound_inputs(product, ruleset, application.inputs)
    compared = enters_comparison(product.plan, subject, assignment)
    as_of = AsOf.at(now, ruleset.zone)
    return Admission(
        application,
        as_of,
        assignment,
        inputs,
        ruleset,
        subject.unit,
        compared,
        product.plan.unreported,
        list_answers(ruleset, inputs, as_of.date),
        day_limits(product.plan, as_of, ruleset.currency),
        product.plan.review,
    )


def bound_inputs(
    product: Product, ruleset: CompiledRuleset, sent: Mapping[str, Value]
) -> dict[str, Value]:
    """The inputs as the ruleset takes them; raises InputInvalid with every wrong field."""
    bound = bind_inputs(ruleset, sent, product.input_names)
    if bound.problems:
        raise InputInvalid("; ".join(p.description for p in bound.problems), bound.problems)
    return dict(bound.values)
