"""Who is decided by what, case by case."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from decision_service.domain.decision import Arm, ArmReason, EnrolmentReason
from decision_service.domain.values import Money, to_minor
from decision_service.rollout.assign import (
    Pin,
    Subject,
    choose,
    enters_comparison,
    shadows,
)
from decision_service.rollout.model import Plan
from decision_service.rollout.state import RolloutState, initial_state, kill
from tests.kits.cases import cases
from tests.unit.rollout.plans import NOW, SMALL, edited, good, pin_of, staged, subject

PLAN = staged(
    ("allow: [smiletest-1f…]", "allow: [u-3, u-204]"), ("deny: []", "deny: [u-204, u-76]")
)
ASSIGNMENTS = cases("rollout/assignments")
ARMS = {"product": None, "champion": Arm.CHAMPION, "challenger": Arm.CHALLENGER}


def _standing(
    plan: Plan, stage: str | None, challenger: str | None = None, killed: tuple[str, ...] = ()
) -> RolloutState:
    state = initial_state(plan, NOW)
    state = replace(state, go_live=replace(state.go_live, stage=stage))
    if state.challenger:
        state = replace(state, challenger=replace(state.challenger, stage=challenger))
    for arm in killed:
        stopped = kill(state, ARMS[arm])
        assert isinstance(stopped, RolloutState)
        state = stopped
    return state


def _pesos(amount: float | None) -> Money | None:
    return None if amount is None else Money("PHP", to_minor(Decimal(str(amount)), "PHP"))


def _applicant(case: dict) -> Subject:
    pin = case.get("pin")
    return subject(
        case["unit"],
        inputs=case.get("inputs", {}),
        pin=pin and Pin(Arm(pin["arm"]), pin["version"], NOW - timedelta(days=pin["days"])),
        requested_amount=_pesos(case.get("amount")),
        approved_today=_pesos(case.get("approved_today")),
    )


@pytest.mark.parametrize("case", ASSIGNMENTS, ids=lambda c: c["name"])
def test_order_of_evaluation(case):
    """Each applicant is put where the first reason that applies puts it."""
    state = _standing(
        PLAN, case.get("stage", "early"), case.get("challenger", "one"), case.get("killed", ())
    )
    chosen = choose(PLAN, state, _applicant(case["subject"]))
    assert {key: getattr(chosen, key) for key in case["expect"]} == case["expect"]
    assert (chosen.rollout, chosen.plan_digest) == (PLAN.product, PLAN.digest)


def test_every_reason_has_a_case():
    """No reason of either kind is left without a case."""
    expected = [case["expect"] for case in ASSIGNMENTS]
    assert {e.get("enrolment_reason") for e in expected} >= set(EnrolmentReason)
    assert {e.get("arm_reason") for e in expected} >= set(ArmReason)


def test_the_first_matching_segment_decides():
    """Of two segments that match the earlier one decides, here out."""
    segments = """  segments:
    - {name: out, when: inputs.customer_type == "new", percent: 0}
    - {name: in, when: inputs.requested_term_months > 1, percent: 100}
  stages:"""
    plan = good(edited(SMALL, ("  stages:", segments)))
    both = subject("u", inputs={"customer_type": "new", "requested_term_months": 6})
    chosen = choose(plan, _standing(plan, "all"), both)
    assert (chosen.enrolled, chosen.enrolment_reason) == (False, EnrolmentReason.SEGMENT)


def test_a_segments_share_is_dealt_by_the_go_live_slot():
    """A segment of 60 % takes slot 57,093 and not slot 80,034."""
    plan = staged(("percent: 100\n  stages", "percent: 60\n  stages"))
    state = _standing(plan, "staff")
    known = {"customer_type": "existing"}
    enrolled = [choose(plan, state, subject(u, inputs=known)).enrolled for u in ("u-5", "u-89")]
    assert enrolled == [True, False]


def test_a_state_of_another_challenger_gives_it_nobody():
    """While the state still stands at another challenger version, the champion decides."""
    state = _standing(PLAN, "all", "ten")
    assert state.challenger is not None
    other = replace(state, challenger=replace(state.challenger, version=3))
    chosen = choose(PLAN, other, subject("u-971", requested_amount=_pesos(20000)))
    assert chosen.arm is Arm.CHAMPION


def _compared(state, applicant):
    return enters_comparison(PLAN, applicant, choose(PLAN, state, applicant))


@pytest.mark.parametrize("amount", [None, 50001, 500001])
def test_what_the_challenger_may_not_take_is_compared_on_neither_side(amount):
    """An applicant beyond the challenger's limits enters no comparison, whoever decides."""
    state = _standing(PLAN, "all", "ten")
    for number in range(1000, 1020):
        within = subject(f"u-{number}", requested_amount=_pesos(50000))
        beyond = subject(f"u-{number}", requested_amount=_pesos(amount))
        assert (_compared(state, within), _compared(state, beyond)) == (True, False)


def test_only_the_hashed_enter_comparisons():
    """Allowed, pinned, segmented and limited applicants enter no comparison between arms."""
    state = _standing(PLAN, "early", "one")
    compared = {
        case["name"]
        for case in ASSIGNMENTS
        if "killed" not in case and "stage" not in case and "challenger" not in case
        if _compared(state, _applicant(case["subject"]))
    }
    assert compared == {
        "the challenger decides within its own share",
        "outside the challenger's share the champion decides",
        "at the largest amount the challenger still decides",
        "up to the day's limit the challenger still decides",
    }


@pytest.mark.parametrize(
    ("who", "pinned"),
    [
        (subject("u-971", requested_amount=_pesos(20000)), Pin(Arm.CHALLENGER, 2, NOW)),
        (subject("u-50"), Pin(Arm.CHAMPION, 1, NOW)),
        (subject("u-971", requested_amount=_pesos(60000)), None),
        (subject("u-89"), None),
        (subject("u-5", pin=Pin(Arm.CHAMPION, 1, NOW)), None),
        (subject("u-5", pin=Pin(Arm.CHALLENGER, 3, NOW)), Pin(Arm.CHAMPION, 1, NOW)),
    ],
    ids=["challenger", "champion", "limited", "not enrolled", "pinned", "pin ended"],
)
def test_what_a_decision_pins(who, pinned):
    """A dealt or ended arm is pinned; the unenrolled, the limited and the pinned set no new pin."""
    assert pin_of(choose(PLAN, _standing(PLAN, "early", "one"), who)) == pinned


def test_shadows_of_the_enrolled():
    """Every other version whose share holds them looks on; the one that decides does not."""
    plan = staged(
        ("version: 3, percent: 100", "version: 3, percent: 0}, {version: 2, percent: 100")
    )
    state = _standing(plan, "early", "one")
    assert shadows(plan, choose(plan, state, subject("u-50")), "u-50") == (2,)
    assert shadows(plan, choose(plan, state, subject("u-89")), "u-89") == ()
    by_challenger = choose(plan, state, subject("u-971", requested_amount=_pesos(20000)))
    assert by_challenger.version == 2
    assert shadows(plan, by_challenger, "u-971") == ()
