"""Recorded applicants as test fixtures: a snapshot with its instant and inputs, in JSON."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from decision_service.domain.own_facts import NO_OWN_FACTS, OwnFacts
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.compute import compute
from decision_service.pipeline.decide.concluding.judge import needs_of
from decision_service.pipeline.decide.record_codec import Wire, inputs_from_wire
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts


class Fixture(msgspec.Struct, frozen=True):
    """The recorded data of a rule test."""

    as_of: datetime
    zone: str
    inputs: dict[str, Wire]
    snapshot: Snapshot
    own: OwnFacts = NO_OWN_FACTS


_DECODER = msgspec.json.Decoder(Fixture)


def fixture_facts(text: str, ruleset: CompiledRuleset, as_of: AsOf | None) -> Facts:
    """The facts of a fixture under a ruleset; raises ValueError with one sentence."""
    try:
        fixture = _DECODER.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the fixture cannot be read: {error}") from None
    at = as_of or AsOf.at(fixture.as_of, ZoneInfo(fixture.zone))
    inputs = inputs_from_wire(fixture.inputs)
    factors = compute(fixture.snapshot, needs_of(ruleset, inputs), at, fixture.own)
    return Facts(factors.values, inputs, at)
