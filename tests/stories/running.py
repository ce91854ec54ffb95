"""Decides a story as the service does: the adapter, the factors, the shipped rules."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from decision_service.decide.admit import bound_inputs
from decision_service.decide.conclude import needs_of
from decision_service.decide.gather import with_match
from decision_service.decide.readings import watched
from decision_service.domain.decision import Verdict
from decision_service.domain.errors import DataNotReady, InputInvalid
from decision_service.domain.factor import Factors, Input
from decision_service.domain.snapshot import Snapshot
from decision_service.factors.compute import compute, fetch_plan
from decision_service.factors.match import people_read
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.inputs import as_sent
from decision_service.smile.source import SmileSource
from tests.stories.reading import shipped
from tests.stories.story import ServiceStory
from tests.stories.vendor import USER, vendor_of
from tests.unit.smile.virtual import run

_PATIENCE = 60.0


@dataclass(frozen=True)
class Decided:
    """What came of a story: a verdict on facts, or an error of the service.

    `factors` are the facts' own with their sources, `snapshot` what they were computed from.
    """

    verdict: Verdict | None
    facts: Facts | None
    error: InputInvalid | DataNotReady | None = None
    factors: Factors | None = None
    snapshot: Snapshot | None = None


class _Clock:
    """The loop's time, and the story's moment as the wall's."""

    def __init__(self, moment: datetime) -> None:
        self._now = moment.astimezone(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self._now


def decide(story: ServiceStory) -> Decided:
    ruleset, case = story.rules.ruleset, story.rules.case
    try:
        sent = as_sent(ruleset, case.given.inputs, case.as_of.date)
        inputs = bound_inputs(shipped().product(story.product), ruleset, sent, case.as_of)
        return run(_decided(story, inputs))
    except (InputInvalid, DataNotReady) as error:
        return Decided(None, None, error)


async def _decided(story: ServiceStory, inputs: Mapping[str, Input]) -> Decided:
    rules, ruleset, as_of = story.rules, story.rules.ruleset, story.rules.case.as_of
    needs, clock = needs_of(ruleset, inputs), _Clock(as_of.instant)
    transport = vendor_of(story).transport()
    source = SmileSource("http://vendor.test/v1", "key", "secret", clock, transport=transport)
    try:
        await source.refresh_providers()
        gathering = await source.gather(
            USER,
            fetch_plan(needs, as_of),
            as_of=as_of.instant,
            stop_at=clock.monotonic() + _PATIENCE,
            wait_until=clock.monotonic(),
            known=story.known,
            fallback=needs.policy.provider_types,
        )
    finally:
        await source.aclose()
    snapshot = watched(gathering.snapshot, rules.snapshot)
    people = people_read(snapshot, needs, as_of)
    own = with_match(rules.own, rules.applicant, people)
    factors = compute(snapshot, needs, as_of, own)
    facts = Facts(factors.values, inputs, as_of)
    return Decided(evaluate(ruleset, facts), facts, factors=factors, snapshot=snapshot)
