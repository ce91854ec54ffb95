"""A desk as it is read, and which queue takes whom."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from decision_service.domain.decision import ReferKind
from decision_service.domain.reviews import NO_POLICY, Authority, ReviewReason
from decision_service.domain.values import Money
from tests.kits.cases import cases
from tests.unit.rollout.plans import SMALL, good

DESK = """# desk.yaml
queues:
  - {name: law, sla: 4h, when: {refer_kind: [LEGAL]}}
  - {name: fraud, sla: 2h, when: {tags: [second_use, forged]}}
  - {name: identity, sla: 8h, when: {reasons: [IDENTITY_CONFLICT, IDENTITY_DIFFERS]}}
  - {name: small, sla: 8h, when: {refer_kind: [SCORE, POLICY], max_amount: 10000}}
  - {name: large, sla: 1h, when: {minimum_amount: 50000}}
review: 20000
review_second: 100000
reasons: {INCOME_CONFIRMED: {text: It is.}}
contest: {sla: 3d}
"""
HOUR = timedelta(hours=1)


def test_the_desk_is_read_as_written() -> None:
    """Authority, reasons and times arrive, and the desk is part of the plan's digest."""
    plan = good(SMALL + DESK)
    policy = plan.review
    assert policy is not None
    assert policy.authority == Authority(Decimal(20_000), Decimal(100_000))
    assert policy.reasons == (ReviewReason("INCOME_CONFIRMED", "It is."),)
    assert policy.contest_sla == 72 * HOUR
    assert plan.digest != good(SMALL).digest
    assert good(SMALL).review is None


@pytest.mark.parametrize(("kind", "tags", "amount", "queue", "hours"), cases("rollout/review"))
def test_the_first_queue_that_takes_a_referral_has_it(
    kind: str, tags: list[str], amount: int | None, queue: str, hours: int
) -> None:
    """By kind, any of its tags and amounts; who belongs nowhere waits in the default queue."""
    policy = good(SMALL + DESK).review
    assert policy is not None
    asked = None if amount is None else Money("PHP", amount * 100)
    found = policy.queue_of(ReferKind(kind), tags, asked)
    assert (found.name, found.sla) == (queue, hours * HOUR)
    assert NO_POLICY.queue_of(ReferKind(kind), tags, asked).name == "default"


def test_a_queue_may_take_referrals_by_their_reasons() -> None:
    """One of its codes among those of the decision is enough."""
    policy = good(SMALL + DESK).review
    assert policy is not None
    reasons = ["STALE_DATA", "IDENTITY_CONFLICT"]
    assert policy.queue_of(ReferKind.DATA, [], None, reasons).name == "identity"
    assert policy.queue_of(ReferKind.DATA, [], None, reasons[:1]).name == "default"
