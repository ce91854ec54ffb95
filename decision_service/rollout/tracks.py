"""The two tracks of a plan: state, share of applicants, and fit of changed plans."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from decision_service.rollout.model import WHOLE, Plan, Stages


class TrackName(StrEnum):
    """The two tracks of a plan."""

    GO_LIVE = "go-live"
    CHALLENGER = "challenger"


class Track(msgspec.Struct, frozen=True):
    """The state of one track.

    `stage` None is below the first, 0 %. `since` is when it was entered. `salt` is what deals the
    applicants now, None where nobody is dealt: only then may a plan change it. `killed` keeps the
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
    """The track with the salt that assigns at its stage; None where it assigns nobody."""
    salt, stages = ladder(plan, name)
    deals = stages.percent(track.stage) > 0
    if name is TrackName.GO_LIVE:
        deals = deals or any(0 < s.percent < WHOLE for s in plan.go_live.segments)
    return replace(track, salt=salt if deals else None)


def go_live_clashes(plan: Plan, track: Track) -> tuple[PlanConflict, ...]:
    """Why a plan does not fit go-live's state; empty where it does."""
    return _track_clashes(plan, TrackName.GO_LIVE, track, "go-live", ("go_live",))


def challenger_clashes(plan: Plan, track: Track) -> tuple[PlanConflict, ...]:
    """Why a plan does not fit its challenger's state; empty where it does."""
    what = f"challenger version {track.version}"
    return _track_clashes(plan, TrackName.CHALLENGER, track, what, ("versions", "challenger"))


def _track_clashes(
    plan: Plan, name: TrackName, track: Track, what: str, keys: tuple[str, ...]
) -> tuple[PlanConflict, ...]:
    salt, stages = ladder(plan, name)
    found = []
    if track.stage is not None and stages.named(track.stage) is None:
        message = f"{what} stands at stage `{track.stage}`, which the new plan does not have"
        found.append(PlanConflict((*keys, "stages"), message))
    if track.salt is not None and track.salt != salt:
        message = (
            f"{what} deals applicants by the salt `{track.salt}`, "
            f"which the new plan changes to `{salt}`"
        )
        found.append(PlanConflict((*keys, "salt"), message))
    return tuple(found)
