"""What a case can expect of a verdict, so that two verdicts can be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from decision_service.domain.verdict import Offer, Verdict
from decision_service.ruleset.figures.facts.pools import shown_value
from decision_service.ruleset.testing.expectations import OFFER_KEYS

NONE = "none"
Part = str | tuple[str, ...]


class VerdictDifference(NamedTuple):
    """The part in which two verdicts differ (`offer.tier`), and what it is in each."""

    part: str
    before: str
    after: str


def first_difference(one: Verdict, other: Verdict) -> VerdictDifference | None:
    """The first part in which verdicts differ; None where none does."""
    before, after = dict(parts_of(one)), dict(parts_of(other))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            old, new = (f"{name} {_text(side.get(name))}" for side in (before, after))
            return VerdictDifference(name, old, new)
    return None


def _text(part: Part | None) -> str:
    return part if isinstance(part, str) else ", ".join(part or ()) or NONE


def parts_of(verdict: Verdict) -> Iterator[tuple[str, Part]]:
    """Everything that a case can expect, by the names that it has under `expect`."""
    yield "outcome", verdict.outcome.value
    yield "refer_kind", verdict.refer_kind.value if verdict.refer_kind else NONE
    yield "reasons", tuple(str(reason.code) for reason in verdict.reasons)
    for score in verdict.scores:
        yield f"scores.{score.scorecard}", shown_value(score.score)
        yield f"bands.{score.scorecard}", score.band
    yield "conditions", tuple(condition.id for condition in verdict.conditions)
    yield "tags", tuple(tag.name for tag in verdict.tags)
    yield "data_requests", tuple(request.factor for request in verdict.data_requests)
    if verdict.offer is not None:
        yield from _of_offer(verdict.offer)


def _of_offer(offer: Offer) -> Iterator[tuple[str, str]]:
    for name in OFFER_KEYS:
        value = getattr(offer, name)
        yield f"offer.{name}", NONE if value is None else shown_value(value)
    for name, value in offer.outputs.items():
        yield f"offer.{name}", shown_value(value)
