"""A scorecard: points for each characteristic, and a band with an outcome for the total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import (
    ComparisonTrace,
    Component,
    Outcome,
    ReferKind,
    RuleTrace,
    Score,
    Truth,
)
from decision_service.domain.values import ABSENT
from decision_service.rules.cells import Cell, CellKind, CellReader, cell_tree, finder
from decision_service.rules.construct import (
    MOST_WORLDS,
    Conclusion,
    Conclusive,
    Effect,
    Finding,
    PartView,
    State,
    Written,
    data_finding,
)
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import (
    BAND,
    BIN,
    CHARACTERISTIC,
    LARGEST_POINTS,
    MOST_BINS,
    SCORECARD,
)
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.fields import Fields
from decision_service.rules.language.types import NUMBER, TEXT, Symbol
from decision_service.rules.language.values import Gap, Unknown, rule_error
from decision_service.rules.language.yaml import MapNode, Scalar, YamlNode

_ADVERSE = (Outcome.REFER, Outcome.DECLINE)
# They are the same in every decision, and so are made once.
_APPROVES = Finding(Outcome.APPROVE, "", Component.SCORECARD)
_DECLINES = Finding(Outcome.DECLINE, "", Component.SCORECARD)
_REFERS = {kind: Finding(Outcome.REFER, "", Component.SCORECARD, kind=kind) for kind in ReferKind}


class Bin(msgspec.Struct, frozen=True):
    cell: Cell
    points: Decimal


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One factor's share; `fixed` None scores a gap by bounds, `complete` has every bin."""

    name: tree.NameRead
    bins: tuple[Bin, ...]
    reason: str
    fixed: Decimal | None
    because: str
    place: Place = field(compare=False)
    complete: bool = field(default=True, compare=False)

    @property
    def scores(self) -> tuple[Decimal, ...]:
        """All points it can give, those for missing data among them."""
        fixed = () if self.fixed is None else (self.fixed,)
        return (*(b.points for b in self.bins), *fixed)

    @property
    def worst(self) -> Decimal:
        return min(b.points for b in self.bins)

    @property
    def best(self) -> Decimal:
        return max(b.points for b in self.bins)


@dataclass(frozen=True, slots=True)
class Band:
    """Totals from `start` on (None: all that are left), and what they conclude."""

    name: str
    start: Decimal | None
    then: Outcome
    place: Place = field(compare=False)


class Card(msgspec.Struct, frozen=True):
    """A scorecard; bands from the highest total down; `score` and `band` are its results."""

    id: str
    base: Decimal
    characteristics: tuple[Characteristic, ...]
    bands: tuple[Band, ...]
    score: Symbol
    band: Symbol

    def lowest(self) -> Decimal:
        return self.base + sum(min(c.scores) for c in self.characteristics)

    def highest(self) -> Decimal:
        return self.base + sum(max(c.scores) for c in self.characteristics)

    def band_of(self, total: Decimal) -> Band:
        for band in self.bands:
            if band.start is None or total >= band.start:
                return band
        # Met only where the last band has a `from`, which the checks refuse (R417).
        return self.bands[-1]


class Scored(msgspec.Struct, frozen=True, gc=False):
    low: Decimal
    high: Decimal
    bin: int = -1
    gap: Gap | None = None
    bounded: bool = False
    tainted: bool = False


class _Ready:
    """A characteristic with its search for a value's bin, and each bin's points."""

    def __init__(self, characteristic: Characteristic) -> None:
        self.characteristic = characteristic
        self.slot = characteristic.name.symbol.slot
        self.points = tuple(b.points for b in characteristic.bins)
        self.worst = characteristic.worst
        self.best = characteristic.best
        # What a reason shows as required: the best bin, the first of several.
        best_bin = next(b for b in characteristic.bins if b.points == self.best)
        best = cell_tree(best_bin.cell, characteristic.name)
        scored = [Scored(p, p, i) for i, p in enumerate(self.points)]
        cells = [b.cell for b in characteristic.bins]
        self.find = finder(cells, characteristic.name.type, scored)
        self.short_of_best = tree.Not(best, text=best.text, place=best.place)
        self.lost = {outcome: self._losses(outcome) for outcome in _ADVERSE}

    def _losses(self, outcome: Outcome) -> list[Finding | None]:
        return [self._lost(points, outcome) for points in self.points]

    def _lost(self, points: Decimal, outcome: Outcome) -> Finding | None:
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
        self.found = [(ready.slot, ready.find, ready) for ready in self.ready]
        self.score_slot = card.score.slot
        self.band_slot = card.band.slot
        self.total = tree.NameRead(card.score, text=card.score.name, place=card.bands[0].place)
        # A cache of this card alone: one on the class would keep the cards of replaced rules.
        self.choices = lru_cache(1024)(self._choices)

    def run(self, state: State) -> Conclusion:
        values = state.values
        marks = state.marks
        scored: list[Scored] = []
        low = self.card.base
        bounded = False
        for slot, find, ready in self.found:
            value = values[slot]
            # A marked value is the worst of several, whose bin would be taken for certain.
            sure = value.__class__ is not Unknown and slot not in marks
            each = find(value) if sure else None
            if each is None:
                each = _unsure(ready, value, marks)
                bounded = bounded or each.bounded
            scored.append(each)
            # With the fewest points where only bounds are known.
            low += each.low
        if bounded:
            return self._within_bounds(scored, low, state)
        band = self.card.band_of(low)
        self._put(state, low, low, band=band)
        if band.then is Outcome.APPROVE:
            return Conclusion((_APPROVES,), (scored, low, low))
        findings = self._findings(scored, band.then, ReferKind.SCORE)
        return Conclusion(findings, (scored, low, low), _gaps(scored))

    def _within_bounds(self, scored: Sequence[Scored], low: Decimal, state: State) -> Conclusion:
        high = sum([s.high for s in scored], self.card.base)
        worst = self.card.band_of(low)
        best = self.card.band_of(high)
        gaps = _gaps(scored)
        # The worst band: a table that reads it gives the careful limit.
        self._put(state, low, high, band=worst)
        self._split(scored, gaps, state)
        # Even the fewest points approve; a failure refers all the same, since nothing looks past
        # one.
        if worst.then is Outcome.APPROVE and not any([s.tainted for s in scored]):  # noqa: C419
            return Conclusion((_APPROVES,), (scored, low, high), gaps)
        # Only where even the most points decline is nothing left open.
        outcome = Outcome.DECLINE if best.then is Outcome.DECLINE else Outcome.REFER
        findings = self._findings(scored, outcome, ReferKind.DATA)
        return Conclusion(findings, (scored, low, high), gaps)

    def _split(self, scored: Sequence[Scored], gaps: tuple[Gap, ...], state: State) -> None:
        """Split the worlds by every total that missing characteristics leave possible."""
        certain = sum([s.low for s in scored if not s.bounded], self.card.base)
        bounded = tuple([i for i, s in enumerate(scored) if s.bounded])
        state.marks[self.score_slot] = state.marks[self.band_slot] = gaps
        slots = (self.band_slot, self.score_slot)
        state.split(*self.choices(certain, bounded, slots[: 1 + (self.score_slot in state.read)]))

    def _choices(
        self, certain: Decimal, bounded: tuple[int, ...], slots: tuple[int, ...]
    ) -> tuple[int, Sequence[Mapping[int, Any]]]:
        """How many totals there are, and their bands with, where anything reads it, the score."""
        totals = {certain}
        for index in bounded:
            totals = {total + more for total in totals for more in set(self.ready[index].points)}
            if len(totals) > MOST_WORLDS:
                return len(totals), ()
        # Where nothing reads the score, totals of one band are one world.
        named = [(self.card.band_of(t).name, t)[: len(slots)] for t in sorted(totals)]
        return len(totals), [dict(zip(slots, row, strict=True)) for row in dict.fromkeys(named)]

    def _findings(
        self, scored: Sequence[Scored], outcome: Outcome, kind: ReferKind
    ) -> tuple[Finding, ...]:
        found = [_DECLINES if outcome is Outcome.DECLINE else _REFERS[kind]]
        for ready, each in zip(self.ready, scored, strict=True):
            if each.gap is not None:
                found.append(data_finding(each.gap, outcome))
                continue
            lost = ready.lost[outcome][each.bin]
            if lost is not None:
                found.append(lost)
        return tuple(found)

    def _put(self, state: State, low: Decimal, high: Decimal, band: Band) -> None:
        state.put((self.score_slot, self.band_slot), (low, band.name))
        state.scores.append(Score(self.card.id, low, high, band=band.name))

    def trees(self) -> Iterable[tree.Node]:
        return [cell_tree(b.cell, c.name) for c in self.card.characteristics for b in c.bins]

    def note(self, record: tuple[Any, ...]) -> str:
        _, low, high = record
        return f"{self.card.id} = {_range(low, high)}, band {self.card.band_of(low).name}"

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        rows = zip(self.ready, record[0], strict=True)
        return tuple(self._row(ready, scored, view) for ready, scored in rows)

    def _row(self, ready: _Ready, scored: Scored, view: PartView) -> RuleTrace:
        each = ready.characteristic
        actual = view.wording.value(view.values[ready.slot], each.name.type)
        text = each.bins[scored.bin].cell.text if scored.bin >= 0 else ""
        truth = Truth.TRUE if scored.bin >= 0 else Truth.UNKNOWN
        comparison = ComparisonTrace(
            each.name.text, "in", text, actual=actual, required=text, truth=truth
        )
        points = _range(scored.low, scored.high)
        lost = scored.bin >= 0 and scored.low < ready.best
        return RuleTrace(
            stage=view.stage,
            id=each.name.text,
            truth=truth,
            effect=f"{points} points",
            reason=each.reason if lost else "",
            comparisons=(comparison,),
            note=f"{self.card.id}: at most {ready.best:f}",
        )

    def effects(self, found: Conclusion, _view: PartView) -> Iterable[Effect]:
        scored, low, _ = found.record
        for ready, each in zip(self.ready, scored, strict=True):
            name = ready.characteristic.name
            yield Effect(name.text, _range(each.low, each.high), (name,), gives=(self.total.text,))
        band = self.card.band_of(low).name
        names = (self.total.text, self.card.band.name)
        effect = f"{band} {found.outcome}"
        shown = f"band {band}"
        yield Effect("band", effect, (self.total,), gives=names, decides=True, name=shown)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        scored, low, _ = record
        for ready, each in zip(self.ready, scored, strict=True):
            if each.bin >= 0:
                cell = ready.characteristic.bins[each.bin].cell
                yield self._bin(ready.characteristic), cell.text
        yield f"band {self.card.id}", self.card.band_of(low).name

    def _bin(self, each: Characteristic) -> str:
        """A bin in goals: cards may score the same factor, and each has bins of its own."""
        return f"bin {each.name.text} of {self.card.id}"

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        for each in self.card.characteristics:
            for b in each.bins:
                yield self._bin(each), b.cell.text, b.cell.place
        for band in self.card.bands:
            yield f"band {self.card.id}", band.name, band.place


def _unsure(ready: _Ready, value: Any, marks: Mapping[int, tuple[Gap, ...]]) -> Scored:
    if ready.slot in marks:
        value = Unknown([Unknown((), gap) for gap in marks[ready.slot]])
    elif value.__class__ is not Unknown:
        value = rule_error(ready.characteristic.name.text, "the value has no bin")
    gap = value.shown
    fixed = ready.characteristic.fixed
    tainted = gap.missing.cause not in ABSENT
    # Fixed points are for what is absent: a failure is scored by bounds.
    if fixed is not None and not tainted:
        return Scored(fixed, fixed, -1, gap=gap)
    return Scored(ready.worst, ready.best, -1, gap=gap, bounded=True, tainted=tainted)


def _gaps(scored: Sequence[Scored]) -> tuple[Gap, ...]:
    return tuple([s.gap for s in scored if s.gap is not None])


def _range(low: Decimal, high: Decimal) -> str:
    return f"{low:f}" if low == high else f"{low:f} to {high:f}"


@dataclass(frozen=True, slots=True)
class ScorecardPart:
    card: Card
    place: Place = field(compare=False)
    component: Component = Component.SCORECARD

    def written(self) -> Iterable[Written]:
        return [
            Written(c.name, c.place, f"characteristic `{c.name.text}`")
            for c in self.card.characteristics
        ]

    def conclusive(self) -> Iterable[Conclusive]:
        explained = all(c.reason for c in self.card.characteristics)
        return [
            Conclusive(b.then, b.place, f"band `{b.name}`", has_reason=explained)
            for b in self.card.bands
        ]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        for each in self.card.characteristics:
            if each.fixed is not None and each.fixed > each.worst and not each.because:
                what = f"`{each.name.text}` gives {each.fixed} points to missing data"
                yield each.place, f"{what}, more than its worst bin, without `because`"

    def outputs(self) -> Sequence[Symbol]:
        return (self.card.score, self.card.band)

    def runner(self) -> ScorecardRunner:
        return ScorecardRunner(self.card)


def announces(node: YamlNode) -> set[str]:
    id_ = node.get("id") if isinstance(node, MapNode) else None
    return {f"{id_.text}.score", f"{id_.text}.band"} if isinstance(id_, Scalar) else set()


def read_scorecard(
    node: YamlNode, _component: Component, draft: RulesetDraft
) -> ScorecardPart | None:
    fields = SCORECARD.open(node, draft.report, draft)
    if fields is None:
        return None
    id_ = draft.family(fields)
    base = fields.decimal("points", -LARGEST_POINTS, LARGEST_POINTS)
    characteristics = [_characteristic(n, draft) for n in fields.items("characteristics")]
    bands = [_band(n, draft) for n in fields.items("bands")]
    known = tuple(b for b in bands if b is not None)
    for key in ("characteristics", "bands"):
        draft.not_empty(fields, key)
    if id_ is None or not known:
        return None
    return ScorecardPart(
        _card(id_, base, characteristics, bands=known, draft=draft), fields.place("id")
    )


def _card(
    id_: str,
    base: Decimal | None,
    characteristics: Sequence[Characteristic | None],
    bands: tuple[Band, ...],
    draft: RulesetDraft,
) -> Card:
    labels = tuple(dict.fromkeys(band.name for band in bands))
    card = Card(
        id=id_,
        base=base or Decimal(0),
        characteristics=tuple(c for c in characteristics if c is not None and c.bins),
        bands=bands,
        score=draft.names.define(f"{id_}.score", NUMBER),
        band=draft.names.define(f"{id_}.band", TEXT, labels=labels),
    )
    # Its bounds follow from the whole card, which names it already.
    score = draft.names.define(f"{id_}.score", NUMBER, card.lowest(), card.highest())
    return replace(card, score=score)


def _characteristic(node: YamlNode, draft: RulesetDraft) -> Characteristic | None:
    fields = CHARACTERISTIC.open(node, draft.report, draft)
    if fields is None:
        return None
    name = draft.name(fields.scalar("factor"))
    reason = draft.reason(fields, "reason")
    because = fields.text("because")
    fixed = _fixed(fields)
    items = _bin_nodes(fields, draft)
    if name is None:
        return None
    reader = CellReader(name.symbol, draft.names.currency, draft.report)
    bins = [_bin(item, reader, draft) for item in items]
    return Characteristic(
        name=name,
        bins=tuple(b for b in bins if b is not None),
        reason=reason or "",
        fixed=fixed,
        because=because or "",
        place=fields.place("factor"),
        complete=None not in bins,
    )


def _bin_nodes(fields: Fields, draft: RulesetDraft) -> tuple[YamlNode, ...]:
    items = fields.items("bins")
    draft.not_empty(fields, "bins")
    if len(items) > MOST_BINS:
        message = f"{len(items)} bins; {MOST_BINS} are allowed"
        draft.report.error("R123", fields.place("bins"), message)
    return items[:MOST_BINS]


def _fixed(fields: Fields) -> Decimal | None:
    scalar = fields.scalar("when_missing") if fields.has("when_missing") else None
    if scalar is None or scalar.text == "bounds":
        return None
    if not scalar.is_number:
        message = f"`when_missing` must be `bounds` or points, not `{scalar.text}`"
        fields.report.error("R122", scalar.place, message)
        return None
    return fields.decimal("when_missing", -LARGEST_POINTS, LARGEST_POINTS)


def _bin(node: YamlNode, reader: CellReader, draft: RulesetDraft) -> Bin | None:
    read = BIN.read(node, draft.report)
    cell = reader.read(read["in"]) if read and read["in"] is not None else None
    if read is None or cell is None or read["points"] is None:
        return None
    if cell.sort in (CellKind.ANYTHING, CellKind.MISSING):
        hint = "say what missing data scores in the characteristic's `when_missing`"
        draft.report.error("R130", cell.place, f"a bin holds values, not `{cell.text}`", hint)
        return None
    return Bin(cell, read["points"])


def _band(node: YamlNode, draft: RulesetDraft) -> Band | None:
    read = BAND.read(node, draft.report)
    if read is None or read["name"] is None or read["then"] is None:
        return None
    return Band(read["name"].text, read["from"], Outcome(read["then"]), place=read.place("name"))
