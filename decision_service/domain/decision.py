"""A decision: its inputs, its verdict, and its assignment to a version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

import msgspec

from decision_service.domain.calendar import AsOf
from decision_service.domain.factor import Factors, Value
from decision_service.domain.person import NO_OWN_FACTS, OwnFacts
from decision_service.domain.verdict import Verdict


class EnrolmentReason(StrEnum):
    """Why an applicant is, or is not, decided by this service; in order of evaluation."""

    KILLED = "KILLED"
    DENIED = "DENIED"
    ALLOWED = "ALLOWED"
    PINNED = "PINNED"
    SEGMENT = "SEGMENT"
    IN_STAGE = "IN_STAGE"
    NOT_IN_STAGE = "NOT_IN_STAGE"

    __hash__ = str.__hash__


class Arm(StrEnum):
    """Which of a product's concurrent ruleset versions decides."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"

    __hash__ = str.__hash__


class ArmReason(StrEnum):
    """Why an enrolled applicant got its arm."""

    CHAMPION = "CHAMPION"
    CHALLENGER = "CHALLENGER"
    PINNED = "PINNED"
    PIN_ENDED = "PIN_ENDED"
    LIMIT_REACHED = "LIMIT_REACHED"

    __hash__ = str.__hash__


class Assignment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rollout's assignment of one applicant.

    `rollout` is the plan's product. Slots are 0 to 99,999, or None where the hash was not asked
    (allow list, pin, kill switch). `version` is the ruleset version that decides; None when not
    enrolled. `stage` and `percent` (in thousandths, 0 to 100,000) are the go-live stage in force.
    """

    rollout: str
    enrolled: bool
    enrolment_reason: EnrolmentReason
    plan_digest: str
    stage: str
    percent: int
    enrolment_slot: int | None = None
    arm: Arm | None = None
    arm_reason: ArmReason | None = None
    arm_slot: int | None = None
    version: int | None = None


class OverrideKind(StrEnum):
    """Why something else was decided than the rules concluded.

    `CAPPED`: they approved, and a cap of the day was reached. `CLOCK_DOUBTFUL`: the clock that they
    judged ages by could not be believed.
    """

    CAPPED = "CAPPED"
    CLOCK_DOUBTFUL = "CLOCK_DOUBTFUL"

    __hash__ = str.__hash__


class Override(msgspec.Struct, frozen=True):
    """A decision that departs from its rules' `verdict`; `cap` names the cap that was reached."""

    kind: OverrideKind
    verdict: Verdict
    cap: str = ""


class RulesetRef(msgspec.Struct, frozen=True):
    """`digest` is the SHA-256 of the compiled content in hex: equal digests, equal behaviour."""

    ruleset: str
    version: int
    digest: str


class ListAnswer(msgspec.Struct, frozen=True, array_like=True):
    """Whether an input's value stood on a list of keys when a decision was made.

    `digest` is the SHA-256 of the list's file then, in hex. `ends` is the day from which an entry
    with a last day counts no longer; None where there is none.
    """

    list: str
    input: str
    listed: bool
    digest: str
    ends: date | None = None


class Decision(msgspec.Struct, frozen=True):
    """One decision as it is recorded and answered.

    A NOT_ENROLLED decision has no `ruleset_ref`, `factors` or `snapshot_id` and zero
    `upstream_calls`. `created` is the instant of admission, `fetched` when gathering ended.
    `first_decision_id` is set where an application was decided again.
    """

    decision_id: str
    request_id: str
    application_id: str
    customer_ref: str
    user_id: str
    product: str
    created: datetime
    as_of: AsOf
    assignment: Assignment
    inputs: Mapping[str, Value]
    verdict: Verdict
    engine_version: str
    ruleset_ref: RulesetRef | None = None
    factors: Factors | None = None
    snapshot_id: str | None = None
    fetched: datetime | None = None
    upstream_calls: int = 0
    expires: datetime | None = None
    own: OwnFacts = NO_OWN_FACTS
    answers: tuple[ListAnswer, ...] = ()
    override: Override | None = None
    first_decision_id: str = ""

    @property
    def rules_verdict(self) -> Verdict:
        """What the rules concluded, whatever was decided."""
        return self.verdict if self.override is None else self.override.verdict
