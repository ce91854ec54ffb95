"""Assignment of one applicant to an arm; pin and day's total are read where they could matter."""

from __future__ import annotations

from datetime import datetime

import msgspec

from decision_service.domain.decision import Arm, Assignment
from decision_service.domain.money import Money
from decision_service.domain.time import AsOf
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.decide.in_flight_amounts import InFlightAmounts
from decision_service.pipeline.decide.overrides.limits import midnight
from decision_service.pipeline.rollout_ports import ArmLog
from decision_service.pipeline.rules.rulebook import Product
from decision_service.rollout.gate import (
    Subject,
    choose,
    day_total_matters,
    pin_matters,
    unit_of,
)


class Placement(msgspec.Struct, frozen=True):
    """An assignment with the subject it was chosen for."""

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

    `in_flight` amounts, which this process may yet approve, count towards the day's limit. Nothing
    else runs between the reading of them and the return.
    Raises InputInvalid where the request came without the plan's unit, and StoreUnavailable where
    a pin or a day's total could matter and cannot be read.
    """
    plan, state = product.plan, product.state
    subject = _subject(application, product, now)
    if pin_matters(plan, state, subject.unit):
        pin = await arms.pin(product.name, subject.unit, now - plan.pin_for)
        subject = msgspec.structs.replace(subject, pin=pin)
    assignment = choose(plan, state, subject)
    if day_total_matters(plan, assignment):
        total = await _approved_today(
            product, arms, assignment, now, in_flight or InFlightAmounts()
        )
        subject = msgspec.structs.replace(subject, approved_today=total)
        assignment = choose(plan, state, subject)
    return Placement(subject, assignment)


def _subject(application: Application, product: Product, now: datetime) -> Subject:
    amount = application.inputs.get("requested_amount")
    return Subject(
        unit=unit_of(product.plan, application.user_id, application.customer_ref),
        at=now,
        inputs=application.inputs,
        requested_amount=amount if isinstance(amount, Money) else None,
    )


async def _approved_today(
    product: Product,
    arms: ArmLog,
    assignment: Assignment,
    now: datetime,
    in_flight: InFlightAmounts,
) -> Money:
    """What the challenger approved this civil day in its ruleset's zone, in all processes.

    Amounts in progress in this process count as approved. An amount whose decision ends while the
    store is read may count twice, never not at all.
    """
    ruleset = product.versions[assignment.version or 0]
    before = in_flight.of(product.name)
    minor = await arms.approved(product.name, Arm.CHALLENGER, midnight(AsOf.at(now, ruleset.zone)))
    in_progress = {**before, **in_flight.of(product.name)}
    return Money(ruleset.currency, minor + sum(in_progress.values()))
