"""What a case can expect of a verdict, so that two verdicts can be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from decision_service.domain.verdict import Offer, Verdict
from decision_service.ruleset.figures.facts.pools import shown_value

NONE = "none"
_OFFER = (
    "kind",
    "approved_amount",
    "max_amount",
    "term_months",
    "monthly_rate",
    "tier",
    "binding",
    "term_binding",
)


def first_difference(one: Verdict, other: Verdict) -> tuple[str, str] | None:
    """The first part in which verdicts differ, as it is in each; None where none does."""
    before, after = dict(_parts(one)), dict(_parts(other))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            return f"{name} {before.get(name, NONE)}", f"{name} {after.get(name, NONE)}"
    return None


def _parts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "outcome", verdict.outcome.value
    yield "refer_kind", verdict.refer_kind.value if verdict.refer_kind else NONE
    yield "reasons", _listed(str(reason.code) for reason in verdict.reasons)
    for score in verdict.scores:
        yield f"scores.{score.scorecard}", shown_value(score.score)
        yield f"bands.{score.scorecard}", score.band
    yield "conditions", _listed(condition.id for condition in verdict.conditions)
    yield "tags", _listed(tag.name for tag in verdict.tags)
    yield "data_requests", _listed(request.factor for request in verdict.data_requests)
    if verdict.offer is not None:
        yield from _of_offer(verdict.offer)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or NONE


def _of_offer(offer: Offer) -> Iterator[tuple[str, str]]:
    for name in _OFFER:
        value = getattr(offer, name)
        yield f"offer.{name}", NONE if value is None else shown_value(value)
    for name, value in offer.outputs.items():
        yield f"offer.{name}", shown_value(value)
