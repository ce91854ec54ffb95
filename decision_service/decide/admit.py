"""What one decision is based on, captured before any data is read: arm, limits, inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time

import msgspec

from decision_service.decide.application import Application
from decision_service.domain.decision import Arm, Assignment, ListAnswer
from decision_service.domain.errors import InputInvalid
from decision_service.domain.factor import Input, value_sent
from decision_service.domain.ports import Allowances, CapLimit, DayLimits
from decision_service.domain.reviews import ReviewPolicy
from decision_service.domain.values import AsOf, Money, to_minor
from decision_service.rollout.assign import (
    Subject,
    choose,
    day_total_matters,
    enters_comparison,
    pin_matters,
    unit_of,
)
from decision_service.rollout.model import Plan
from decision_service.rollout.ports import ArmLog
from decision_service.rulebook.rulebook import Product
from decision_service.rules.inputs import bind_inputs, list_answers
from decision_service.rules.program import CompiledRuleset

RequestKey = tuple[str, str]
"""Caller and request id; at most one decision of a key is in progress."""


class InFlightAmounts:
    def __init__(self) -> None:
        self._amounts: dict[RequestKey, tuple[str, int]] = {}

    def of(self, product: str) -> Mapping[RequestKey, int]:
        """The amounts in progress for a product, in minor units."""
        return {key: minor for key, (name, minor) in self._amounts.items() if name == product}

    def begin(self, key: RequestKey, product: str, amount: Money) -> None:
        self._amounts[key] = (product, amount.minor)

    def end(self, key: RequestKey) -> None:
        """Stop counting a request; harmless for one that was never counted."""
        self._amounts.pop(key, None)


def day_limits(plan: Plan, as_of: AsOf, currency: str) -> DayLimits | None:
    """The caps of a plan for the civil day of a zone; None without any."""
    return DayLimits(midnight(as_of), cap_limits(plan, currency)) if plan.product_caps else None


def cap_limits(plan: Plan, currency: str) -> tuple[CapLimit, ...]:
    """The caps of a plan in minor units of a currency."""
    return tuple(
        CapLimit(
            cap.name,
            cap.tier,
            cap.approvals,
            amount=None if cap.amount is None else to_minor(cap.amount, currency),
        )
        for cap in plan.product_caps
    )


def midnight(as_of: AsOf) -> datetime:
    return datetime.combine(as_of.date, time(), as_of.zone)


async def found_allowances(
    limits: DayLimits | None, product: str, arms: ArmLog
) -> Allowances | None:
    # Plans without caps read nothing (0134).
    if limits is None:
        return None
    return Allowances(limits, await arms.day_totals(product, limits.midnight))


class Placement(msgspec.Struct, frozen=True):
    subject: Subject
    assignment: Assignment


async def place(
    application: Application,
    product: Product,
    arms: ArmLog,
    now: datetime,
    in_flight: InFlightAmounts | None = None,
) -> Placement:
    """Assign an applicant to an arm by the product's plan and state, even if both change meanwhile.

    `in_flight` amounts count towards the day's limit: nothing else runs between the reading of them
    and the return. Raises InputInvalid without the plan's unit, and StoreUnavailable.
    """
    plan = product.plan
    state = product.state
    amount = application.inputs.get("requested_amount")
    subject = Subject(
        unit=unit_of(plan, application.user_id, application.customer_ref),
        at=now,
        inputs={name: value_sent(given) for name, given in application.inputs.items()},
        requested_amount=amount if isinstance(amount, Money) else None,
    )
    # Most decisions need no look for a pin: none could change their arm.
    if pin_matters(plan, state, subject.unit):
        pin = await arms.pin(product.name, subject.unit, now - plan.pin_for)
        subject = msgspec.structs.replace(subject, pin=pin)
    assignment = choose(plan, state, subject)
    # Only this arm has a limit of the day, so that the others do without the total.
    if day_total_matters(plan, assignment):
        total = await _approved_today(product, arms, assignment, now=now, in_flight=in_flight)
        subject = msgspec.structs.replace(subject, approved_today=total)
        assignment = choose(plan, state, subject)
    return Placement(subject, assignment)


async def _approved_today(
    product: Product,
    arms: ArmLog,
    assignment: Assignment,
    now: datetime,
    in_flight: InFlightAmounts | None,
) -> Money:
    ruleset = product.versions[assignment.version or 0]
    in_flight = in_flight or InFlightAmounts()
    # Before and after the read: an amount whose decision is recorded in between may count
    # twice, and never not at all.
    before = in_flight.of(product.name)
    minor = await arms.approved(product.name, Arm.CHALLENGER, midnight(AsOf.at(now, ruleset.zone)))
    in_progress = {**before, **in_flight.of(product.name)}
    return Money(ruleset.currency, minor + sum(in_progress.values()))


Assigned = Callable[[Assignment], object]
"""Called with the arm that the rollout assigned an applicant to."""


class Admission(msgspec.Struct, frozen=True):
    """What one decision is based on, captured together: rules, rollout, instant, zone and inputs.

    `ruleset` is None for an applicant outside the go-live. `unit` is what the rollout assigned;
    `compared` says whether the decision enters comparisons between arms. `answers` are those of
    the lists. `limits` bound the day. `review` says in which queue a referral is reviewed.
    """

    application: Application
    as_of: AsOf
    assignment: Assignment
    inputs: dict[str, Input]
    ruleset: CompiledRuleset | None
    unit: str
    compared: bool = False
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
    """`assigned` is called before inputs are checked; raises InputInvalid, StoreUnavailable."""
    placement = await place(application, product, arms, now=now, in_flight=in_flight)
    assignment = placement.assignment
    subject = placement.subject
    # Before anything is refused: an error counts under the arm that would have decided.
    assigned(assignment)
    version = assignment.version
    if not assignment.enrolled or version is None:
        as_of = AsOf.at(now, product.champion.zone)
        # No version says which inputs there are: they are recorded as they were sent.
        inputs = dict(application.inputs)
        return Admission(
            application, as_of, assignment, inputs=inputs, ruleset=None, unit=subject.unit
        )
    ruleset = product.versions[version]
    as_of = AsOf.at(now, ruleset.zone)
    inputs = bound_inputs(product, ruleset, application.inputs, as_of=as_of)
    return Admission(
        application,
        as_of,
        assignment,
        inputs=inputs,
        ruleset=ruleset,
        unit=subject.unit,
        compared=enters_comparison(product.plan, subject, assignment),
        answers=list_answers(ruleset, inputs, as_of.date),
        limits=day_limits(product.plan, as_of, ruleset.currency),
        review=product.plan.review,
    )


def bound_inputs(
    product: Product, ruleset: CompiledRuleset, sent: Mapping[str, Input], as_of: AsOf
) -> dict[str, Input]:
    """The inputs as the ruleset takes them; raises InputInvalid with every wrong field."""
    bound = bind_inputs(ruleset, sent, as_of.date, also_known=product.input_names)
    if bound.problems:
        raise InputInvalid("; ".join(p.description for p in bound.problems), bound.problems)
    return dict(bound.values)
