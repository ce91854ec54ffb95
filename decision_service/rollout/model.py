"""A rollout plan as values: versions, stages, tracks and guardrails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.domain.reviews import ReviewPolicy
from decision_service.rules.language.evaluation import Formula

WHOLE = 100_000
"""A share of 100 % in thousandths of a percent, the unit of every share here."""


def percent_of(share: int) -> Decimal:
    """A share in percent: 4950 is 4.95."""
    return Decimal(share).scaleb(-3)


class Metric(StrEnum):
    """The measured figure; all but the latency are fractions.

    The outcome rates and `data_missing_rate` (referrals of kind DATA) count decisions, an applicant
    only once, by the first in the window; `override_rate` those that a person decided otherwise
    in a review. `internal_error_rate` counts INTERNAL errors and RULE_ERROR referrals,
    `upstream_error_rate` the vendor's and outage errors, over attempts.
    """

    APPROVAL_RATE = "approval_rate"
    REFER_RATE = "refer_rate"
    DECLINE_RATE = "decline_rate"
    DATA_MISSING_RATE = "data_missing_rate"
    OVERRIDE_RATE = "override_rate"
    INTERNAL_ERROR_RATE = "internal_error_rate"
    UPSTREAM_ERROR_RATE = "upstream_error_rate"
    LATENCY_P99_MS = "latency_p99_ms"

    @property
    def is_rate(self) -> bool:
        return self is not Metric.LATENCY_P99_MS


class GuardrailScope(StrEnum):
    ARM = "arm"
    PRODUCT = "product"


class GuardrailAction(StrEnum):
    """What a tripped guardrail does: stop advancing, move the challenger down a stage, or kill."""

    PAUSE = "pause"
    ROLL_BACK = "roll_back"
    KILL = "kill"


class Ceiling(msgspec.Struct, frozen=True):
    """`maximum` is a fraction or ms; no `window`: all since the challenger entered its stage."""

    maximum: Decimal
    window: timedelta | None


class Guardrail(msgspec.Struct, frozen=True):
    """One guardrail; it waits until `min_units` applicants (or attempts) were counted.

    Without a `ceiling` it compares the challenger with the champion.
    """

    name: str
    metric: Metric
    scope: GuardrailScope
    ceiling: Ceiling | None
    min_units: int
    action: GuardrailAction


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


class Challenger(msgspec.Struct, frozen=True):
    """A version that decides for a share of the enrolled, dealt by a salt of its own."""

    version: int
    salt: str
    stages: Stages
    expect: Mapping[Metric, ExpectedOutcome] = msgspec.field(default_factory=dict)


class Shadow(msgspec.Struct, frozen=True):
    """A version that is evaluated silently for a share of the enrolled, in thousandths."""

    version: int
    percent: int


class Versions(msgspec.Struct, frozen=True):
    champion: int
    challenger: Challenger | None = None
    shadow: tuple[Shadow, ...] = ()

    def of(self, arm: Arm) -> int | None:
        """The version that an arm decides by; None where the plan has no such arm."""
        if arm is Arm.CHAMPION:
            return self.champion
        return self.challenger.version if self.challenger else None


class DayCap(msgspec.Struct, frozen=True):
    """Amounts in major units, `amount` of a civil day; an empty `tier` is the whole product.

    One of the challenger's `arm` bounds what is asked of it: the champion decides what is beyond.
    """

    name: str
    tier: str = ""
    arm: Arm | None = None
    approvals: int | None = None
    amount: Decimal | None = None
    max_amount: Decimal | None = None


class Plan(msgspec.Struct, frozen=True):
    """One product's checked plan.

    `digest` is the SHA-256 of the content in hex, whatever its comments and layout. `available` are
    the ruleset versions that existed when it was read; they are no part of the digest. A step
    to a share above `second_person_above`, in thousandths, needs two callers. `review` is None
    where no desk is beside it.
    """

    product: str
    digest: str
    unit: Unit
    pin_for: timedelta
    go_live: GoLive
    versions: Versions
    guardrails: tuple[Guardrail, ...] = ()
    available: frozenset[int] = frozenset()
    caps: tuple[DayCap, ...] = ()
    second_person_above: int | None = None
    review: ReviewPolicy | None = None

    @property
    def product_caps(self) -> tuple[DayCap, ...]:
        """The caps that bind every approval, by whichever arm."""
        return tuple(cap for cap in self.caps if cap.arm is None)

    @property
    def challenger_caps(self) -> tuple[DayCap, ...]:
        return tuple(cap for cap in self.caps if cap.arm is not None)


class TrackName(StrEnum):
    GO_LIVE = "go-live"
    CHALLENGER = "challenger"


class Track(msgspec.Struct, frozen=True):
    """The state of one track.

    `stage` None is below the first, 0 %. `since` is when it was entered. `salt` is what deals the
    applicants now, None where it deals none: only then may a plan change it. `killed` keeps the
    stage, so that reviving goes on where it stood. `version` is the challenger's, None for go-live.
    """

    stage: str | None
    since: datetime
    salt: str | None
    killed: bool = False
    version: int | None = None


class PlanConflict(msgspec.Struct, frozen=True):
    """Why a changed plan does not fit a running state, and the keys that lead to the culprit."""

    keys: tuple[str, ...]
    message: str


def ladder(plan: Plan, name: TrackName) -> tuple[str, Stages]:
    """A track's salt and stages; go-live's where the plan has no challenger."""
    challenger = plan.versions.challenger
    if name is TrackName.CHALLENGER and challenger is not None:
        return challenger.salt, challenger.stages
    return plan.go_live.salt, plan.go_live.stages


def dealt(plan: Plan, name: TrackName, track: Track) -> Track:
    """The track with the salt that assigns at its stage; None where it assigns none."""
    salt, stages = ladder(plan, name)
    deals = stages.percent(track.stage) > 0
    if name is TrackName.GO_LIVE:
        deals = deals or any(0 < s.percent < WHOLE for s in plan.go_live.segments)
    return replace(track, salt=salt if deals else None)


def track_clashes(plan: Plan, name: TrackName, track: Track) -> tuple[PlanConflict, ...]:
    """Why a plan does not fit a track's state; empty where it does."""
    what: str = "go-live"
    keys: tuple[str, ...] = ("go_live",)
    if name is TrackName.CHALLENGER:
        what = f"challenger version {track.version}"
        keys = ("challenger",)
    salt, stages = ladder(plan, name)
    found = []
    if track.stage is not None and stages.named(track.stage) is None:
        message = f"{what} is at stage `{track.stage}`, which the new plan does not have"
        found.append(PlanConflict((*keys, "stages"), message))
    if track.salt is not None and track.salt != salt:
        message = (
            f"{what} deals applicants by the salt `{track.salt}`, "
            f"which the new plan changes to `{salt}`"
        )
        found.append(PlanConflict((*keys, "salt"), message))
    return tuple(found)
