"""Decides a story as the service does: the adapter, the factors, the shipped rules."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from decision_service.domain.errors import DataNotReady, InputInvalid
from decision_service.domain.factor import FactorValue, Value, ValueType
from decision_service.domain.money import Money, to_minor
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Verdict
from decision_service.factors.compute import compute
from decision_service.factors.plan import fetch_plan
from decision_service.language.diagnostics import render_all
from decision_service.pipeline.decide.admission import bound_inputs
from decision_service.pipeline.decide.concluding.judge import needs_of
from decision_service.pipeline.decide.matching import with_match
from decision_service.pipeline.rules.loading import load_rules
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate
from decision_service.smile.source import SmileSource
from decision_service.storage.rules_folder.files import read_rules
from tests.stories.story import Plain, Story
from tests.stories.times import Today
from tests.stories.vendor import vendor_of
from tests.stories.writer import USER
from tests.unit.smile.virtual import run

RULES = Path(__file__).parents[2] / "rules"
_LOADED = datetime(2026, 11, 15, 4, tzinfo=UTC)
_PATIENCE = 60.0


@dataclass(frozen=True)
class Decided:
    """What came of a story: a verdict with the factor values, or an error of the service."""

    verdict: Verdict | None
    factors: Mapping[str, FactorValue]
    error: InputInvalid | DataNotReady | None = None


class _Clock:
    """The loop's time, and the story's moment as the wall's."""

    def __init__(self, today: Today) -> None:
        self._now = today.moment.astimezone(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self._now


@cache
def shipped() -> Rulebook:
    """The products of `rules/`, which must load."""
    loading = load_rules(read_rules(RULES), _LOADED)
    assert loading.rulebook is not None, render_all(loading.errors)
    return loading.rulebook


def decide(story: Story) -> Decided:
    """The decision of a story."""
    product = shipped().product(story.product)
    ruleset = product.versions[story.version] if story.version else product.champion
    try:
        inputs = bound_inputs(product, ruleset, _sent(product, ruleset, story.application))
        return run(_decided(story, ruleset, inputs))
    except (InputInvalid, DataNotReady) as error:
        return Decided(None, {}, error)


async def _decided(story: Story, ruleset: CompiledRuleset, inputs: Mapping[str, Value]) -> Decided:
    as_of = AsOf.at(story.today.moment.astimezone(UTC), ruleset.zone)
    needs, clock = needs_of(ruleset, inputs), _Clock(story.today)
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
            known=tuple(count for one in story.accounts for count in one.known),
            fallback=needs.policy.provider_types,
        )
    finally:
        await source.aclose()
    snapshot = gathering.snapshot
    own = with_match(story.own, story.applicant, snapshot, needs, as_of)
    factors = compute(snapshot, needs, as_of, own).values
    return Decided(evaluate(ruleset, Facts(factors, inputs, as_of)), factors)


def _sent(
    product: Product, ruleset: CompiledRuleset, application: Mapping[str, Plain]
) -> dict[str, Value]:
    """The application as a loan system sends it: money where any version declares money."""
    money = {
        name
        for version in product.versions.values()
        for name, spec in version.inputs.items()
        if spec.type is ValueType.MONEY
    }
    return {
        name: Money(ruleset.currency, to_minor(value, ruleset.currency)) if name in money else value
        for name, value in application.items()
    }
