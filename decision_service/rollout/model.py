"""A rollout plan as values, without the rollout's state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from decision_service.domain.decision import Arm
from decision_service.language.evaluation.formula import Formula
from decision_service.reviewing.policy import ReviewPolicy
from decision_service.rollout.guardrails import Guardrail, Metric

WHOLE = 100_000
"""A share of 100 % in thousandths of a percent, the unit of every share here."""


class Unit(StrEnum):
    """The unit of assignment: the vendor's user id, or the lender's customer reference."""

    USER_ID = "user_id"
    CUSTOMER_REF = "customer_ref"


class Advance(StrEnum):
    """Who moves go-live to its next stage; a challenger is always moved by hand."""

    MANUAL = "manual"
    AUTO = "auto"


class RolloutStage(msgspec.Struct, frozen=True):
    """One step of a track: `percent` in thousandths, `hold` and `min_decisions` before the next."""

    name: str
    percent: int
    hold: timedelta = timedelta(0)
    min_decisions: int = 0


class Stages(msgspec.Struct, frozen=True):
    """A track's ladder, percents never descending; `initial` is one of its names."""

    steps: tuple[RolloutStage, ...]
    initial: str

    def named(self, name: str | None) -> RolloutStage | None:
        """The stage of this name; None below the first stage and for a name it has not."""
        return next((s for s in self.steps if s.name == name), None)

    def percent(self, name: str | None) -> int:
        """The share at a stage in thousandths; 0 below the first and for a name it has not."""
        stage = self.named(name)
        return stage.percent if stage else 0

    def after(self, name: str | None) -> RolloutStage | None:
        """The stage above; None at the top."""
        above = self._index(name) + 1
        return self.steps[above] if above < len(self.steps) else None

    def before(self, name: str) -> RolloutStage | None:
        """The stage below; None when this is the first, and below it is 0 %."""
        index = self._index(name)
        return self.steps[index - 1] if index > 0 else None

    def _index(self, name: str | None) -> int:
        return next((i for i, s in enumerate(self.steps) if s.name == name), -1)


class Segment(msgspec.Struct, frozen=True):
    """A group with its own share: `percent` in thousandths, dealt by go-live's salt."""

    name: str
    condition: Formula
    percent: int


class GoLive(msgspec.Struct, frozen=True):
    """Whether an applicant is decided here at all."""

    salt: str
    stages: Stages
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    segments: tuple[Segment, ...] = ()
    advance: Advance = Advance.MANUAL


class ExpectedOutcome(msgspec.Struct, frozen=True):
    """The intended effect of a challenger on a rate: `change` ± `within`, as fractions."""

    change: Decimal
    within: Decimal


class ChallengerLimits(msgspec.Struct, frozen=True):
    """How much a challenger may approve, in major units of the ruleset's currency."""

    max_amount: Decimal | None = None
    max_approved_per_day: Decimal | None = None


class Challenger(msgspec.Struct, frozen=True):
    """A version that decides for a share of the enrolled, dealt by a salt of its own."""

    version: int
    salt: str
    stages: Stages
    expect: Mapping[Metric, ExpectedOutcome] = msgspec.field(default_factory=dict)
    limits: ChallengerLimits = msgspec.field(default_factory=ChallengerLimits)


class Shadow(msgspec.Struct, frozen=True):
    """A version that is evaluated silently for a share of the enrolled, in thousandths."""

    version: int
    percent: int


class Versions(msgspec.Struct, frozen=True):
    """The ruleset versions that decide, and those that are evaluated as shadows."""

    champion: int
    challenger: Challenger | None = None
    shadow: tuple[Shadow, ...] = ()

    def of(self, arm: Arm) -> int | None:
        """The version that an arm decides by; None where the plan has no such arm."""
        if arm is Arm.CHAMPION:
            return self.champion
        return self.challenger.version if self.challenger else None


class DayCap(msgspec.Struct, frozen=True):
    """A cap on what a civil day approves by any version; `amount` in major units of the currency.

    `tier` is one that offers give; empty stands for the whole product.
    """

    name: str
    tier: str = ""
    approvals: int | None = None
    amount: Decimal | None = None


UNREPORTED = timedelta(days=30)


class Plan(msgspec.Struct, frozen=True):
    """One product's checked plan.

    `digest` is the SHA-256 of the content in hex, whatever its comments and layout. `available` are
    the ruleset versions that existed when it was read; they are no part of the digest. `unreported`
    is for how long an expired offer counts as exposure of which no loan was reported. A step to a
    share above `second_person_above`, in thousandths, needs two callers. `review` is None where the
    plan says nothing of reviews.
    """

    product: str
    digest: str
    unit: Unit
    pin_for: timedelta
    go_live: GoLive
    versions: Versions
    guardrails: tuple[Guardrail, ...] = ()
    available: frozenset[int] = frozenset()
    unreported: timedelta = UNREPORTED
    caps: tuple[DayCap, ...] = ()
    second_person_above: int | None = None
    review: ReviewPolicy | None = None
