"""How a changed plan widens the one in force: a greater share, more money, or a weaker fence.

One person may raise a share up to `second_person_above` of the plan in force, and narrow anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from decision_service.rollout.guardrails import Ceiling, Guardrail, VersusChampion
from decision_service.rollout.model import Challenger, ChallengerLimits, Plan
from decision_service.rollout.state import RolloutState, TrackName
from decision_service.rollout.tracks import Track, ladder


def widenings(before: Plan, after: Plan, state: RolloutState) -> tuple[str, ...]:
    """Each way in which a plan widens the one in force, in words, beyond what one person may.

    `state` is that of the plan in force; where it asks for no second person any greater share is
    one of them.
    """
    held, lock = before.second_person_above, after.second_person_above
    limit, was, now = held or 0, before.go_live, after.go_live
    plain = {
        "`second_person_above` is gone": held is not None and lock is None,
        "`second_person_above` is higher": None not in (held, lock) and (lock or 0) > limit,
        "another unit deals all applicants anew": after.unit is not before.unit,
        "pins end sooner": after.pin_for < before.pin_for,
        "offers without a report count for fewer days": after.unreported < before.unreported,
        "more are on `allow`": bool(now.allow - was.allow),
        "fewer are on `deny`": bool(was.deny - now.deny),
    }
    return (
        *(words for words, widens in plain.items() if widens),
        *_go_live(before, after, state, limit),
        *_versions(before, after, state, limit),
        *_guardrails(before, after),
        *_money(before, after),
    )


def _go_live(before: Plan, after: Plan, state: RolloutState, limit: int) -> Iterator[str]:
    yield from _stages(before, after, TrackName.GO_LIVE, state.go_live, limit)
    old = {(s.name, s.condition.text): s.percent for s in before.go_live.segments}
    new = {(s.name, s.condition.text): s.percent for s in after.go_live.segments}
    for (name, condition), share in new.items():
        if share > max(limit, old.get((name, condition), 0)):
            yield f"segment {name} ({condition}) gets {share / 1000:g} %"
    rest = max(after.go_live.stages.percent(state.go_live.stage), *new.values(), 0)
    if [key for key in new if key in old] != list(old) and rest > limit:
        yield f"whom another segment took may get {rest / 1000:g} %"


def _stages(before: Plan, after: Plan, name: TrackName, track: Track, limit: int) -> Iterator[str]:
    """A track that goes on: its share now, and what its stages wait for."""
    old, new = (ladder(plan, name)[1] for plan in (before, after))
    share = new.percent(track.stage)
    if share > max(limit, old.percent(track.stage)):
        yield f"{name} stage {track.stage} gets {share / 1000:g} %"
    for stage in old.steps:
        now = new.named(stage.name)
        if now and (now.hold < stage.hold or now.min_decisions < stage.min_decisions):
            yield f"{name} stage {stage.name} waits for less"


def _versions(before: Plan, after: Plan, state: RolloutState, limit: int) -> Iterator[str]:
    old, new = before.versions.challenger, after.versions.challenger
    was, champion = before.versions.champion, after.versions.champion
    if champion != was:
        yield f"the champion is v{champion} and no longer v{was}"
    if new is None:
        return
    if old is not None and state.challenger is not None and old.version == new.version:
        yield from _stages(before, after, TrackName.CHALLENGER, state.challenger, limit)
        yield from _challenger(old, new)
    elif (share := new.stages.percent(new.stages.initial)) > limit:
        yield f"the challenger v{new.version} begins at {share / 1000:g} %"


def _challenger(old: Challenger, new: Challenger) -> Iterator[str]:
    if new.expect != old.expect:
        yield f"the challenger v{new.version} is expected to differ otherwise"
    for key in ChallengerLimits.__struct_fields__:
        if _looser(getattr(old.limits, key), getattr(new.limits, key)):
            yield f"`{key}` of the challenger is looser"


def _guardrails(before: Plan, after: Plan) -> Iterator[str]:
    now = {guardrail.name: guardrail for guardrail in after.guardrails}
    for guardrail in before.guardrails:
        new = now.get(guardrail.name)
        if new is None:
            yield f"guardrail {guardrail.name} is gone"
        elif not _as_strict(guardrail, new):
            yield f"guardrail {guardrail.name} is weaker, or another one"


def _as_strict(old: Guardrail, new: Guardrail) -> bool:
    """Whether it trips at least where the old one does, and then does the same."""
    strict, same = new.min_units <= old.min_units, new.test
    if isinstance(old.test, Ceiling) and isinstance(new.test, Ceiling):
        strict = strict and new.test.maximum <= old.test.maximum
        same = replace(new.test, maximum=old.test.maximum)
    elif isinstance(old.test, VersusChampion) and isinstance(new.test, VersusChampion):
        strict, same = strict and new.test.alpha >= old.test.alpha, old.test
    return strict and replace(new, min_units=old.min_units, test=same) == old


def _money(before: Plan, after: Plan) -> Iterator[str]:
    caps = {(cap.name, cap.tier): cap for cap in after.caps}
    for cap in before.caps:
        new = caps.get((cap.name, cap.tier))
        if new is None:
            yield f"cap {cap.name} is gone"
        elif _looser(cap.approvals, new.approvals) or _looser(cap.amount, new.amount):
            yield f"cap {cap.name} is looser"
    was, now = (plan.review.authority if plan.review else None for plan in (before, after))
    if now and (was is None or now.review > was.review or now.review_second > was.review_second):
        yield f"reviewers may grant more: {now.review:f}, two of them {now.review_second:f}"


def _looser(old: Decimal | int | None, new: Decimal | int | None) -> bool:
    return old is not None and (new is None or new > old)
