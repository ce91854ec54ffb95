"""Bands that no total reaches, out of order, or that reward lower totals."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from decision_service.domain.verdict import Outcome
from decision_service.ruleset.constructs.scorecard.model import Band, Card
from decision_service.ruleset.constructs.scorecard.read import ScorecardPart
from decision_service.ruleset.reading.draft import RulesetDraft

_SEVERITY = {Outcome.APPROVE: 1, Outcome.REFER: 2, Outcome.DECLINE: 3}
_MOST_TOTALS = 20_000


def check_bands(draft: RulesetDraft) -> None:
    """R403 for a best total that fails without a reason, R414 to R417 for bands out of place.

    R414: no total reaches it; R415: out of order; R416: better than a band above it; R417: totals
    without a band.
    """
    for part in draft.stages:
        if isinstance(part.part, ScorecardPart):
            card = part.part.card
            if _in_order(card, draft):
                _outcomes(card, draft)
                _best(card, draft)
                _reached(card, draft)


def _in_order(card: Card, draft: RulesetDraft) -> bool:
    sound = True
    seen: set[str] = set()
    for index, band in enumerate(card.bands):
        above = card.bands[index - 1] if index else None
        if band.name in seen:
            draft.report.error("R124", band.place, f"the band `{band.name}` is repeated")
            sound = False
        seen.add(band.name)
        if above is not None and not _below(band, above):
            message = f"band `{band.name}` does not begin below band `{above.name}`"
            hint = "write bands from the highest total down; only the last has no `from`"
            draft.report.error("R415", band.place, message, hint)
            sound = False
    return sound


def _below(band: Band, above: Band) -> bool:
    if above.start is None:
        return False
    return band.start is None or band.start < above.start


def _outcomes(card: Card, draft: RulesetDraft) -> None:
    for above, band in zip(card.bands, card.bands[1:], strict=False):
        if _SEVERITY[band.then] < _SEVERITY[above.then]:
            message = f"band `{band.name}` gives {band.then}, better than `{above.name}` above it"
            draft.report.error("R416", band.place, message, "higher totals must not fare worse")


def _best(card: Card, draft: RulesetDraft) -> None:
    """Points lost are a card's only reasons, and the best total has lost none."""
    if not all(c.complete and c.bins for c in card.characteristics):
        return
    best = card.base + sum(c.best for c in card.characteristics)
    band = card.band_of(best)
    if band.then is not Outcome.APPROVE:
        message = f"band `{band.name}` gives {band.then} for the best total {best:f}, which lost"
        hint = "points lost are the reasons; let the best total approve"
        draft.report.error("R403", band.place, f"{message} no points, so without a reason", hint)


def _reached(card: Card, draft: RulesetDraft) -> None:
    if not all(c.complete for c in card.characteristics):
        return
    totals = _totals(card)
    last = card.bands[-1]
    if last.start is not None and min(totals) < last.start:
        message = f"totals below {last.start} have no band"
        hint = f"the lowest total is {min(totals):f}; leave out the `from` of the last band"
        draft.report.error("R417", last.place, message, hint)
    for band, low, high in _ranges(card):
        if not any((low is None or t >= low) and (high is None or t < high) for t in totals):
            message = f"no total reaches band `{band.name}`"
            hint = f"totals are {min(totals):f} to {max(totals):f}"
            draft.report.error("R414", band.place, message, hint)


def _ranges(card: Card) -> Iterable[tuple[Band, Decimal | None, Decimal | None]]:
    high: Decimal | None = None
    for band in card.bands:
        yield band, band.start, high
        high = band.start


def _totals(card: Card) -> list[Decimal]:
    """Every total that points can add up to; only the ends and the bands' starts if too many."""
    totals = {card.base}
    for each in card.characteristics:
        totals = {total + points for total in totals for points in set(each.scores)}
        if len(totals) > _MOST_TOTALS:
            low, high = card.lowest(), card.highest()
            starts = {b.start for b in card.bands if b.start is not None and low <= b.start <= high}
            return [low, high, *starts]
    return sorted(totals)
