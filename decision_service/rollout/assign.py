"""Assignment of applicants to arms, a pure function of plan, state and subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import mmh3
import msgspec
from msgspec import structs

from decision_service.domain.decision import Arm, ArmReason, Assignment, EnrolmentReason
from decision_service.domain.errors import FieldProblem, InputInvalid
from decision_service.domain.factor import Value
from decision_service.domain.values import Money
from decision_service.rollout.model import WHOLE, Challenger, DayCap, Plan, Segment, Unit
from decision_service.rollout.state import RolloutState

ALGORITHM = "murmur3-cbor-1"
SLOTS = 100_000
"""Slots are 0 to 99,999; one slot is a thousandth of a percent."""

_PAIR = b"\x82"  # the CBOR head of an array of two
_LONGEST_TEXT = 65_535

_ENROLS = frozenset({EnrolmentReason.ALLOWED, EnrolmentReason.PINNED, EnrolmentReason.IN_STAGE})


def slot(salt: str, unit: str) -> int:
    """The slot of an applicant under a salt, 0 to 99,999.

    `(h * 100000) >> 32` of the unsigned `h = murmur3_x86_32(0x82 || cbor(salt) || cbor(unit))`.
    Seed 0. Raises ValueError for a text longer than 65,535 bytes of UTF-8.
    """
    h: int = mmh3.hash(_before_unit(salt) + _cbor_text(unit), 0, signed=False)
    return (h * SLOTS) >> 32


@lru_cache(256)
def _before_unit(salt: str) -> bytes:
    """What is hashed before the unit; there are as many as salts in the plans."""
    return _PAIR + _cbor_text(salt)


def is_in(slot: int, percent_thousandths: int) -> bool:
    """Whole numbers throughout, so that 0 lets no applicant in and 100,000 all."""
    return slot < percent_thousandths


def _cbor_text(text: str) -> bytes:
    """A CBOR text string (RFC 8949, major type 3) with its shortest head."""
    body = text.encode()
    n = len(body)
    if n < 24:
        return bytes((0x60 + n,)) + body
    if n < 256:
        return bytes((0x78, n)) + body
    if n <= _LONGEST_TEXT:
        return bytes((0x79, n >> 8, n & 0xFF)) + body
    raise ValueError(f"a text of {n} bytes cannot be dealt; {_LONGEST_TEXT} is the most")


class Pin(msgspec.Struct, frozen=True):
    """The arm and version that decided an applicant first, and when; the plan says how long."""

    arm: Arm
    version: int
    since: datetime


class Subject(msgspec.Struct, frozen=True):
    """One applicant at one instant.

    `inputs` need not be valid: a value of another type than declared counts as not sent.
    `approved_today` is what the challenger has approved this civil day in all processes.
    """

    unit: str
    at: datetime
    inputs: Mapping[str, Value] = msgspec.field(default_factory=dict)
    pin: Pin | None = None
    requested_amount: Money | None = None
    approved_today: Money | None = None


def unit_of(plan: Plan, user_id: str, customer_ref: str) -> str:
    """The unit that is hashed; raises InputInvalid where the request has none."""
    unit = user_id if plan.unit is Unit.USER_ID else customer_ref
    if unit:
        return unit
    message = f"{plan.unit} is empty; the rollout of {plan.product} deals applicants by it"
    problem = FieldProblem(plan.unit, "must be set: the product's rollout deals applicants by it")
    raise InputInvalid(message, (problem,), product=plan.product)


def choose(plan: Plan, state: RolloutState, subject: Subject) -> Assignment:
    """First whether it is decided here, then by which version; each with its reason."""
    enrolment = _enrol(plan, state, subject)
    return _with_arm(plan, state, subject, enrolment=enrolment) if enrolment.enrolled else enrolment


def pin_matters(plan: Plan, state: RolloutState, unit: str) -> bool:
    """Whether a pin could change this applicant's assignment.

    It cannot where only the champion ever decided and go-live takes all applicants: so most
    decisions need not look for one.
    """
    go_live = plan.go_live
    if is_killed(state, Arm.CHAMPION) or unit in go_live.deny:
        return False
    if any(version != plan.versions.champion for version in state.decided_by):
        return True
    return unit not in go_live.allow and not _takes_all(plan, state)


def day_total_matters(plan: Plan, assignment: Assignment) -> bool:
    bounded = any(cap.amount is not None for cap in plan.challenger_caps)
    return bounded and assignment.arm is Arm.CHALLENGER


def first_match(plan: Plan, inputs: Mapping[str, Value]) -> Segment | None:
    """The first segment whose condition is true; UNKNOWN, as for an unsent input, is no match."""
    if not plan.go_live.segments:
        return None
    values = {f"inputs.{name}": value for name, value in inputs.items()}
    return next((s for s in plan.go_live.segments if s.condition.of_sent(values) is True), None)


def enters_comparison(plan: Plan, subject: Subject, assignment: Assignment) -> bool:
    """Whether the hash alone assigned the applicant, so that the arms may be compared.

    A request that the challenger's caps send away enters none on the champion's side either:
    otherwise the champion alone would be judged on large amounts.
    """
    dealt = assignment.arm_reason in (ArmReason.CHAMPION, ArmReason.CHALLENGER)
    if assignment.enrolment_reason is not EnrolmentReason.IN_STAGE or not dealt:
        return False
    return _within(plan.challenger_caps, structs.replace(subject, approved_today=None))


def sets_pin(assignment: Assignment) -> bool:
    kept = assignment.arm_reason in (ArmReason.LIMIT_REACHED, ArmReason.PINNED)
    return assignment.arm is not None and not kept


def shadows(plan: Plan, assignment: Assignment, unit: str) -> tuple[int, ...]:
    """The shadows to evaluate for this decision, in the plan's order.

    Each shadow is dealt by a salt of its own; the version that decides is never its own shadow, and
    who is not decided here has none.
    """
    if not assignment.enrolled:
        return ()
    return tuple(
        s.version
        for s in plan.versions.shadow
        if s.version != assignment.version
        and is_in(slot(f"{plan.product}-shadow-v{s.version}", unit), s.percent)
    )


# Whether it is decided here


def is_killed(state: RolloutState, arm: Arm) -> bool:
    if state.go_live.killed:
        return True
    return arm is Arm.CHALLENGER and bool(state.challenger and state.challenger.killed)


def _enrol(plan: Plan, state: RolloutState, subject: Subject) -> Assignment:
    go_live = plan.go_live
    if is_killed(state, Arm.CHAMPION):
        return _enrolment(plan, state, EnrolmentReason.KILLED)
    if subject.unit in go_live.deny:
        return _enrolment(plan, state, EnrolmentReason.DENIED)
    if subject.unit in go_live.allow:
        return _enrolment(plan, state, EnrolmentReason.ALLOWED)
    if _live_pin(plan, subject):
        return _enrolment(plan, state, EnrolmentReason.PINNED)
    return _deal(plan, state, subject)


def _deal(plan: Plan, state: RolloutState, subject: Subject) -> Assignment:
    go_live = plan.go_live
    dealt = slot(go_live.salt, subject.unit)
    segment = first_match(plan, subject.inputs)
    if segment is not None:
        inside = is_in(dealt, segment.percent)
        return _enrolment(plan, state, EnrolmentReason.SEGMENT, dealt=dealt, enrolled=inside)
    inside = is_in(dealt, go_live.stages.percent(state.go_live.stage))
    reason = EnrolmentReason.IN_STAGE if inside else EnrolmentReason.NOT_IN_STAGE
    return _enrolment(plan, state, reason, dealt=dealt)


def _enrolment(
    plan: Plan,
    state: RolloutState,
    reason: EnrolmentReason,
    dealt: int | None = None,
    *,
    enrolled: bool | None = None,
) -> Assignment:
    stage = state.go_live.stage
    return Assignment(
        rollout=plan.product,
        enrolled=reason in _ENROLS if enrolled is None else enrolled,
        enrolment_reason=reason,
        enrolment_slot=dealt,
        plan_digest=plan.digest,
        stage=stage or "",
        percent=plan.go_live.stages.percent(stage),
    )


def _takes_all(plan: Plan, state: RolloutState) -> bool:
    go_live = plan.go_live
    shares = [segment.percent for segment in go_live.segments]
    return min((go_live.stages.percent(state.go_live.stage), *shares)) == WHOLE


def _live_pin(plan: Plan, subject: Subject) -> Pin | None:
    pin = subject.pin
    return pin if pin and subject.at < pin.since + plan.pin_for else None


# Which version decides


def _with_arm(
    plan: Plan, state: RolloutState, subject: Subject, enrolment: Assignment
) -> Assignment:
    pin = _live_pin(plan, subject)
    challenger = running_challenger(plan, state)
    if pin is not None:
        return _pinned(plan, challenger, subject, enrolment=enrolment, pin=pin)
    if challenger is None:
        return _champion(plan, enrolment, ArmReason.CHAMPION)
    dealt = slot(challenger.salt, subject.unit)
    share = challenger.stages.percent(state.challenger.stage if state.challenger else None)
    if not is_in(dealt, share):
        return _champion(plan, enrolment, ArmReason.CHAMPION, dealt=dealt)
    return _challenger(
        plan, challenger, subject, enrolment=enrolment, reason=ArmReason.CHALLENGER, dealt=dealt
    )


def running_challenger(plan: Plan, state: RolloutState) -> Challenger | None:
    """The challenger that decides now: in the plan, not killed, above 0 %."""
    challenger = plan.versions.challenger
    track = state.challenger
    if challenger is None or track is None or track.version != challenger.version:
        return None
    at_nought = challenger.stages.percent(track.stage) == 0
    return None if at_nought or is_killed(state, Arm.CHALLENGER) else challenger


def _pinned(
    plan: Plan, challenger: Challenger | None, subject: Subject, enrolment: Assignment, pin: Pin
) -> Assignment:
    if pin.arm is Arm.CHALLENGER and challenger and challenger.version == pin.version:
        return _challenger(plan, challenger, subject, enrolment=enrolment, reason=ArmReason.PINNED)
    if pin.arm is Arm.CHAMPION and pin.version in plan.available:
        pinned = _champion(plan, enrolment, ArmReason.PINNED)
        return structs.replace(pinned, version=pin.version)
    return _champion(plan, enrolment, ArmReason.PIN_ENDED)


def _champion(
    plan: Plan, enrolment: Assignment, reason: ArmReason, dealt: int | None = None
) -> Assignment:
    version = plan.versions.champion
    return structs.replace(
        enrolment, arm=Arm.CHAMPION, arm_reason=reason, arm_slot=dealt, version=version
    )


def _challenger(
    plan: Plan,
    challenger: Challenger,
    subject: Subject,
    enrolment: Assignment,
    reason: ArmReason,
    dealt: int | None = None,
) -> Assignment:
    if not _within(plan.challenger_caps, subject):
        return _champion(plan, enrolment, ArmReason.LIMIT_REACHED, dealt=dealt)
    version = challenger.version
    return structs.replace(
        enrolment, arm=Arm.CHALLENGER, arm_reason=reason, arm_slot=dealt, version=version
    )


def _within(caps: Sequence[DayCap], subject: Subject) -> bool:
    """Whether a request keeps the caps; one without an amount cannot be shown to."""
    if not caps or subject.requested_amount is None:
        return not caps
    amount = subject.requested_amount.major
    day = amount + (subject.approved_today.major if subject.approved_today else 0)
    bounds = [(amount, cap.max_amount) for cap in caps] + [(day, cap.amount) for cap in caps]
    return all(most is None or asked <= most for asked, most in bounds)
