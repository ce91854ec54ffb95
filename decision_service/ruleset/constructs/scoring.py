"""Runs a scorecard: totals, bounds where something is missing, bands, and points lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from decision_service.domain.verdict import (
    ComparisonTrace,
    Component,
    Outcome,
    ReferKind,
    RuleTrace,
    Score,
    Truth,
)
from decision_service.language import tree
from decision_service.language.generated import Page
from decision_service.language.threevalued import Gap, Unknown, compile_tree, rule_error
from decision_service.ruleset.constructs.card import Band, Card, Characteristic
from decision_service.ruleset.constructs.cell_trees import bin_index, cell_tree
from decision_service.ruleset.findings import Conclusion, Finding, data_finding
from decision_service.ruleset.part import View
from decision_service.ruleset.state import LISTS, MOST_WORLDS, State
from decision_service.ruleset.weighing import displayed

_ADVERSE = (Outcome.REFER, Outcome.DECLINE)
_APPROVES = Finding(Outcome.APPROVE, "", Component.SCORECARD)


class Scored(msgspec.Struct, frozen=True):
    """What one characteristic gave: equal `low` and `high` unless only bounds are known."""

    low: Decimal
    high: Decimal
    bin: int = -1
    gap: Gap | None = None
    bounded: bool = False
    tainted: bool = False


class _Ready:
    """A characteristic with its bins as one expression, and what each bin comes to."""

    def __init__(self, characteristic: Characteristic) -> None:
        self.characteristic = characteristic
        self.slot = characteristic.name.symbol.slot
        self.points = dict(enumerate(b.points for b in characteristic.bins))
        self.worst, self.best = characteristic.worst, characteristic.best
        best_bin = next(b for b in characteristic.bins if b.points == self.best)
        best = cell_tree(best_bin.cell, characteristic.name)
        self.index = bin_index([b.cell for b in characteristic.bins], characteristic.name)
        self.evaluate = compile_tree(self.index)
        self.short_of_best = tree.Not(best, text=best.text, place=best.place)
        self.lost = {o: {i: self._lost(p, o) for i, p in self.points.items()} for o in _ADVERSE}

    def _lost(self, points: Decimal, outcome: Outcome) -> Finding | None:
        """The reason for points lost against the best bin; none lost is no reason."""
        lost = self.best - points
        if not lost:
            return None
        return Finding(
            outcome,
            self.characteristic.reason,
            Component.SCORECARD,
            because=self.short_of_best,
            points_lost=lost,
            name=self.characteristic.name.text,
        )


class ScorecardRunner:
    """Totals a card; concludes the band's outcome, within bounds where data is missing."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.ready = [_Ready(c) for c in card.characteristics]
        self.outputs = self.score_slot, self.band_slot = card.score.slot, card.band.slot
        self.plain = {kind: _plain(kind) for kind in (None, ReferKind.SCORE, ReferKind.DATA)}

    def run(self, state: State) -> Conclusion:
        """Set score and band, and conclude."""
        scored = [self._scored(ready, state) for ready in self.ready]
        if any(s.bounded for s in scored):
            return self._within_bounds(scored, state)
        low = self._total(scored)
        band = self.card.band_of(low)
        self._put(state, low, low, band)
        return self._concluded(scored, low, band)

    def _concluded(self, scored: Sequence[Scored], total: Decimal, band: Band) -> Conclusion:
        """What the band of a certain total says."""
        if band.then is Outcome.APPROVE:
            return Conclusion(Outcome.APPROVE, (_APPROVES,), (scored, total, total))
        findings = self._findings(scored, band.then, ReferKind.SCORE)
        return Conclusion(band.then, findings, (scored, total, total), _gaps(scored))

    def reviewed(self, noted: tuple[Any, ...], values: Sequence[Any]) -> Conclusion:
        """From each characteristic's bin and its points."""
        scored = [Scored(points, points, index) for index, points in zip(*noted, strict=True)]
        total = values[self.score_slot]
        return self._concluded(scored, total, self.card.band_of(total))

    def write(self, page: Page) -> str:
        """Each value's bin, the total of their points, and the total's band."""
        bins = [page.kept(ready.index) for ready in self.ready]
        points = [page.source.temporary() for _ in bins]
        for ready, index, name in zip(self.ready, bins, points, strict=True):
            page.line(f"{name} = {page.bind(ready.points)}[{index}]")
        page.line(f"x = {' + '.join([page.bind(self.card.base), *points])}")
        page.line(f"v{self.score_slot} = v[{self.score_slot}] = x")
        starts, bands = _ladder(self.card)
        page.line(f"y = {page.bind(bands)}[above({page.bind(starts)}, x)]")
        page.line(f"v{self.band_slot} = v[{self.band_slot}] = y.name")
        page.line(f"s.scores.append(Score({page.bind(self.card.id)}, x, x, y.name))")
        page.line("x = y.then")
        for outcome in dict.fromkeys(band.then for band in bands):
            page.line(f"if x is {page.bind(outcome)}:")
            self._write_findings(outcome, bins, page)
        return f"({displayed(bins)}, {displayed(points)})"

    def _write_findings(self, outcome: Outcome, bins: Sequence[str], page: Page) -> None:
        if outcome is Outcome.APPROVE:
            page.line(f"approves.append({page.bind(_APPROVES)})", 1)
            return
        plain = self.plain[ReferKind.SCORE if outcome is Outcome.REFER else None]
        lost = [
            f"{page.bind(ready.lost[outcome])}[{index}]"
            for ready, index in zip(self.ready, bins, strict=True)
        ]
        page.line(f"{LISTS[outcome]}.append({page.bind(plain)})", 1)
        page.line(f"{LISTS[outcome]}.extend(filter(None, ({', '.join(lost)},)))", 1)

    def _total(self, scored: Sequence[Scored]) -> Decimal:
        total = self.card.base
        for each in scored:
            total += each.low
        return total

    def _scored(self, ready: _Ready, state: State) -> Scored:
        index = ready.evaluate(state.values)
        if ready.slot in state.marks:
            index = Unknown(state.marks[ready.slot])  # its value has bounds itself
        if index.__class__ is int and index >= 0:
            points = ready.points[index]
            return Scored(points, points, index)
        if index.__class__ is not Unknown:
            index = rule_error(ready.characteristic.name.text, "the value has no bin")
        fixed = ready.characteristic.fixed
        if fixed is not None and not index.tainted:
            return Scored(fixed, fixed, gap=index.shown)
        tainted = bool(index.tainted)
        return Scored(ready.worst, ready.best, -1, index.shown, bounded=True, tainted=tainted)

    def _within_bounds(self, scored: Sequence[Scored], state: State) -> Conclusion:
        low = self._total(scored)
        high = self.card.base + sum(s.high for s in scored)
        worst, best = self.card.band_of(low), self.card.band_of(high)
        gaps = _gaps(scored)
        self._put(state, low, high, worst)
        self._split(scored, gaps, state)
        if worst.then is Outcome.APPROVE and not any(s.tainted for s in scored):
            return Conclusion(Outcome.APPROVE, (_APPROVES,), (scored, low, high), gaps)
        outcome = Outcome.DECLINE if best.then is Outcome.DECLINE else Outcome.REFER
        findings = self._findings(scored, outcome, ReferKind.DATA)
        return Conclusion(outcome, findings, (scored, low, high), gaps)

    def _split(self, scored: Sequence[Scored], gaps: tuple[Gap, ...], state: State) -> None:
        """Make a world of every total that the missing characteristics leave open."""
        totals = {self.card.base}
        for ready, each in zip(self.ready, scored, strict=True):
            points = set(ready.points.values()) if each.bounded else {each.low}
            totals = {total + more for total in totals for more in points}
            if len(totals) > MOST_WORLDS:
                state.crowded = True
                totals = set(sorted(totals)[:MOST_WORLDS])
        score, band = self.score_slot, self.band_slot
        state.mark((score, band), gaps)
        state.split([{score: t, band: self.card.band_of(t).name} for t in sorted(totals)])

    def _findings(
        self, scored: Sequence[Scored], outcome: Outcome, kind: ReferKind
    ) -> tuple[Finding, ...]:
        found = [self.plain[kind if outcome is Outcome.REFER else None]]
        for ready, each in zip(self.ready, scored, strict=True):
            if each.gap is not None:
                found.append(data_finding(each.gap, outcome))
                continue
            lost = ready.lost[outcome][each.bin]
            if lost is not None:
                found.append(lost)
        return tuple(found)

    def _put(self, state: State, low: Decimal, high: Decimal, band: Band) -> None:
        state.put(self.score_slot, low)
        state.put(self.band_slot, band.name)
        state.scores.append(Score(self.card.id, low, high, band.name))

    def note(self, record: tuple[Any, ...]) -> str:
        """`stability = 340, band A`."""
        _, low, high = record
        return f"{self.card.id} = {_range(low, high)}, band {self.card.band_of(low).name}"

    def describe(self, record: tuple[Any, ...], view: View) -> tuple[RuleTrace, ...]:
        """Each characteristic with the bin it fell into."""
        rows = zip(self.ready, record[0], strict=True)
        return tuple(self._row(ready, scored, view) for ready, scored in rows)

    def _row(self, ready: _Ready, scored: Scored, view: View) -> RuleTrace:
        each = ready.characteristic
        actual = view.wording.value(view.values[ready.slot], each.name.type)
        text = each.bins[scored.bin].cell.text if scored.bin >= 0 else ""
        truth = Truth.TRUE if scored.bin >= 0 else Truth.UNKNOWN
        seen = ComparisonTrace(each.name.text, "in", text, actual, text, truth)
        points = _range(scored.low, scored.high)
        lost = scored.bin >= 0 and scored.low < ready.best
        return RuleTrace(
            stage=view.stage,
            id=each.name.text,
            truth=truth,
            effect=f"{points} points",
            reason=each.reason if lost else "",
            comparisons=(seen,),
            note=f"{self.card.id}: at most {ready.best:f}",
        )

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """The bins and the band that were hit."""
        scored, low, _ = record
        for ready, each in zip(self.ready, scored, strict=True):
            if each.bin >= 0:
                cell = ready.characteristic.bins[each.bin].cell
                yield f"bin {ready.characteristic.name.text}", cell.text
        yield f"band {self.card.id}", self.card.band_of(low).name

    def goals(self) -> Iterable[tuple[str, str]]:
        """Every bin and every band."""
        for each in self.card.characteristics:
            for b in each.bins:
                yield f"bin {each.name.text}", b.cell.text
        for band in self.card.bands:
            yield f"band {self.card.id}", band.name


def _ladder(card: Card) -> tuple[tuple[Decimal, ...], tuple[Band, ...]]:
    """The bands from the lowest up, and the totals from which each but the lowest holds."""
    bands = tuple(reversed(card.bands))
    return tuple(b.start for b in bands[1:] if b.start is not None), bands


def _plain(kind: ReferKind | None) -> Finding:
    """The band's outcome itself, which names no characteristic."""
    outcome = Outcome.DECLINE if kind is None else Outcome.REFER
    return Finding(outcome, "", Component.SCORECARD, kind)


def _gaps(scored: Sequence[Scored]) -> tuple[Gap, ...]:
    return tuple(s.gap for s in scored if s.gap is not None)


def _range(low: Decimal, high: Decimal) -> str:
    return f"{low:f}" if low == high else f"{low:f} to {high:f}"
