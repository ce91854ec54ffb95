"""Who is decided by what: the hash, the order of evaluation, and the laws of pins and shares."""

from __future__ import annotations

from bisect import bisect_left
from datetime import timedelta
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from decision_service.domain.decision import Arm, ArmReason, EnrolmentReason
from decision_service.domain.values import Money, to_minor
from decision_service.rollout.assign import (
    SLOTS,
    Pin,
    Subject,
    choose,
    enters_comparison,
    is_in,
    pin_matters,
    shadows,
    slot,
)
from decision_service.rollout.model import Plan, Track
from decision_service.rollout.state import RolloutState, initial_state, kill
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.rollout.plans import NOW, SMALL, STAGED, edited, good, pin_of, staged, subject

VECTORS = cases("rollout/vectors")

MASK = 0xFFFFFFFF

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def _rotated(x: int, r: int) -> int:
    return ((x << r) | (x >> (32 - r))) & MASK


def _scrambled(word: int) -> int:
    return _rotated((word * 0xCC9E2D51) & MASK, 15) * 0x1B873593 & MASK


def _murmur3(data: bytes) -> int:
    """MurmurHash3_x86_32 with seed 0, from Appleby's reference, in plain Python."""
    h = 0
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        h = _rotated(h ^ _scrambled(int.from_bytes(data[i : i + 4], "little")), 13)
        h = (h * 5 + 0xE6546B64) & MASK
    h ^= _scrambled(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = (h ^ (h >> 16)) * 0x85EBCA6B & MASK
    h = (h ^ (h >> 13)) * 0xC2B2AE35 & MASK
    return h ^ (h >> 16)


def _cbor(text: str) -> bytes:
    body = text.encode()
    size = len(body)
    if size < 24:
        head = bytes([0x60 | size])
    elif size < 0x100:
        head = b"\x78" + size.to_bytes(1, "big")
    else:
        head = b"\x79" + size.to_bytes(2, "big")
    return head + body


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['salt']}/{v['unit']}")
def test_published_vectors(vector):
    """Every published salt and unit has its published hash and slot."""
    assert _murmur3(b"\x82" + _cbor(vector["salt"]) + _cbor(vector["unit"])) == vector["hash"]
    assert slot(vector["salt"], vector["unit"]) == vector["slot"]


@settings(deadline=None, max_examples=examples(300))
@given(texts, texts)
def test_agrees_with_an_independent_reading(salt, unit):
    """The slot is what a plain reading of murmur3 over the framed texts gives."""
    assert slot(salt, unit) == _murmur3(b"\x82" + _cbor(salt) + _cbor(unit)) * SLOTS >> 32


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65_535])
def test_every_length_of_head(size):
    """Texts at each border of the framing get the head that belongs to their length."""
    unit = "x" * size
    assert slot("s", unit) == _murmur3(b"\x82" + _cbor("s") + _cbor(unit)) * SLOTS >> 32


def test_a_text_too_long_to_frame_is_refused():
    """A text of more than 65,535 bytes is an error, not a slot by another framing."""
    with pytest.raises(ValueError, match="65536 bytes"):
        slot("s", "x" * 65_536)


@settings(deadline=None, max_examples=examples(200))
@given(texts, texts)
def test_nobody_at_nought_everybody_at_a_hundred(salt, unit):
    """A share of 0 % holds nobody and one of 100 % everybody, exactly."""
    dealt = slot(salt, unit)
    assert not is_in(dealt, 0)
    assert is_in(dealt, 100_000)


@settings(deadline=None, max_examples=examples(200))
@given(st.integers(0, 99_999), st.integers(0, 100_000), st.integers(0, 100_000))
def test_raising_a_share_removes_nobody(dealt, one, other):
    """Who is within a share is within every larger one, so lowering lets out the last in first."""
    lower, higher = sorted((one, other))
    assert is_in(dealt, higher) or not is_in(dealt, lower)


USERS = [f"user-{i}" for i in range(100_000)]

SALTS = ("personal-loan-ph", "v2")

RARE = 5

"""Standard deviations that one draw in two million passes."""


@cache
def _dealt(salt: str) -> list[int]:
    """The slots of 100,000 users, lowest first."""
    return sorted(slot(salt, user) for user in USERS)


def _within(salt: str, share: int) -> int:
    """How many of them a share in thousandths of a percent lets in."""
    return bisect_left(_dealt(salt), share)


@settings(deadline=None, max_examples=examples(300))
@given(st.sampled_from(SALTS), st.integers(0, 100_000))
def test_the_share_is_kept_over_many(salt, share):
    """Of 100,000 users every share lets in as many as it says, within half a point."""
    assert abs(_within(salt, share) - share) < 500
    assert (_within(salt, 0), _within(salt, 100_000)) == (0, len(USERS))


@settings(deadline=None, max_examples=5)
@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=2, unique=True))
def test_two_salts_deal_independently(numbers):
    """Two rollouts of 5 % with different salts overlap in about a quarter of a percent."""
    one, other = (f"rollout-{number}" for number in numbers)
    both = sum(
        is_in(slot(one, user), 5_000) and is_in(slot(other, user), 5_000) for user in USERS[:20_000]
    )
    assert abs(both - 50) < RARE * 50**0.5


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


LAW_PLAN = staged(("allow: [smiletest-1f…]", "allow: [u-1, u-2]"), ("deny: []", "deny: [u-3]"))

STATE = initial_state(LAW_PLAN, NOW)

LADDER = [None, *(s.name for s in LAW_PLAN.go_live.stages.steps)]

CHALLENGER = LAW_PLAN.versions.challenger

assert CHALLENGER is not None

RUNGS = [None, *(s.name for s in CHALLENGER.stages.steps)]

units = st.one_of(
    st.sampled_from(["u-1", "u-2", "u-3"]), st.integers(0, 10**6).map(lambda i: f"u-{i}")
)

pins = st.builds(
    Pin,
    st.sampled_from(Arm),
    st.integers(1, 4),
    st.integers(0, 120).map(lambda d: NOW - timedelta(days=d)),
)

subjects = st.builds(
    Subject,
    unit=units,
    at=st.just(NOW),
    inputs=st.fixed_dictionaries(
        {}, optional={"customer_type": st.sampled_from(["new", "existing", 3])}
    ),
    pin=st.none() | pins,
    requested_amount=st.none() | st.integers(0, 10_000_000).map(lambda m: Money("PHP", m)),
    approved_today=st.none() | st.integers(0, 60_000_000).map(lambda m: Money("PHP", m)),
)

hashed = st.builds(
    Subject, unit=units, at=st.just(NOW), requested_amount=st.just(Money("PHP", 100))
)


def _at(stage: str | None, rung: str | None) -> RolloutState:
    assert STATE.challenger is not None
    go_live = replace(STATE.go_live, stage=stage)
    return replace(STATE, go_live=go_live, challenger=replace(STATE.challenger, stage=rung))


states = st.builds(_at, st.sampled_from(LADDER), st.sampled_from(RUNGS))


@settings(deadline=None, max_examples=examples(300))
@given(hashed, st.sampled_from(RUNGS), st.data())
def test_raising_go_live_removes_nobody(who, rung, data):
    """Whoever is decided at a stage is decided at every higher one, by the same version."""
    low, high = sorted(
        data.draw(st.lists(st.sampled_from(range(len(LADDER))), min_size=2, max_size=2))
    )
    before = choose(LAW_PLAN, _at(LADDER[low], rung), who)
    after = choose(LAW_PLAN, _at(LADDER[high], rung), who)
    assert after.enrolled or not before.enrolled
    assert not before.enrolled or after.version == before.version


@settings(deadline=None, max_examples=examples(300))
@given(hashed, st.data())
def test_raising_the_challenger_returns_nobody_to_the_champion(who, data):
    """Whoever the challenger decides at a stage it decides at every higher one."""
    low, high = sorted(
        data.draw(st.lists(st.sampled_from(range(len(RUNGS))), min_size=2, max_size=2))
    )
    before, after = (choose(LAW_PLAN, _at("all", RUNGS[i]), who) for i in (low, high))
    assert after.arm is Arm.CHALLENGER or before.arm is Arm.CHAMPION or not before.enrolled


@settings(deadline=None, max_examples=examples(300))
@given(subjects, states)
def test_the_kill_switch_beats_all(who, state):
    """With the product killed nobody is decided, whatever list, pin, segment or stage says."""
    stopped = kill(state, None)
    assert isinstance(stopped, RolloutState)
    chosen = choose(LAW_PLAN, stopped, who)
    assert not chosen.enrolled
    assert (chosen.enrolment_reason, chosen.version) == ("KILLED", None)


@settings(deadline=None, max_examples=examples(300))
@given(subjects, states)
def test_a_killed_challenger_decides_nobody_and_loses_nobody(who, state):
    """With the challenger killed the same applicants are decided, all by the champion's arm."""
    stopped = kill(state, Arm.CHALLENGER)
    assert isinstance(stopped, RolloutState)
    chosen = choose(LAW_PLAN, stopped, who)
    assert chosen.enrolled == choose(LAW_PLAN, state, who).enrolled
    assert chosen.arm is not Arm.CHALLENGER


@settings(deadline=None, max_examples=examples(300))
@given(subjects, states, states)
def test_a_pin_outlives_every_stage(who, first, later):
    """An applicant keeps arm and version through any change of stage that leaves the arm alive."""
    chosen = choose(LAW_PLAN, first, structs.replace(who, pin=None))
    pin = pin_of(chosen)
    if pin is None:
        return
    assert later.challenger is not None
    again = choose(LAW_PLAN, later, structs.replace(who, pin=pin))
    gone = chosen.arm is Arm.CHALLENGER and later.challenger.stage is None
    assert again.enrolled
    assert (again.arm_reason is ArmReason.PIN_ENDED) == gone
    assert gone or (again.arm, again.version) == (chosen.arm, chosen.version)


ALONE = staged(
    (STAGED[STAGED.index("challenger:") : STAGED.index("guardrails:")], ""),
    ("allow: [smiletest-1f…]", "allow: [u-1, u-2]"),
    ("deny: []", "deny: [u-3]"),
)


@settings(deadline=None, max_examples=examples(300))
@given(subjects, st.sampled_from(LADDER), st.booleans(), st.sampled_from([LAW_PLAN, ALONE]))
def test_a_pin_that_does_not_matter_changes_nothing(who, stage, killed, plan):
    """Where no pin is looked for, none that anybody can have puts an applicant elsewhere."""
    state = replace(initial_state(plan, NOW), go_live=Track(stage, NOW, None, killed=killed))
    if pin_matters(plan, state, who.unit):
        return
    without = choose(plan, state, structs.replace(who, pin=None))
    for version in state.decided_by:
        arm = Arm.CHAMPION if version == plan.versions.champion else Arm.CHALLENGER
        pinned = choose(plan, state, structs.replace(who, pin=Pin(arm, version, NOW)))
        assert (pinned.enrolled, pinned.arm, pinned.version) == (
            without.enrolled,
            without.arm,
            without.version,
        )
