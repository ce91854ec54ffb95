"""Rows, bins and bands that overlap, leave a gap or are never reached; knock-outs in vain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec

from decision_service.domain.decision import Component, Outcome
from decision_service.rules.cells import Cell, CellKind, bits, column, region_spans
from decision_service.rules.construct import SEVERITY, Column, Matches
from decision_service.rules.draft import NamedPart, RulesetDraft
from decision_service.rules.keys import Hit
from decision_service.rules.knockouts import Rule, RulesPart
from decision_service.rules.language import types as tree
from decision_service.rules.language.types import INTEGER, ORDERED
from decision_service.rules.ranges import (
    EVERYTHING,
    ValueRange,
    can_hold,
    gaps,
    labels_of,
    meet,
    overlap,
    stepped,
    whole,
)
from decision_service.rules.scorecard import Band, Bin, Card, Characteristic, ScorecardPart
from decision_service.rules.table import Grid, TablePart
from decision_service.rules.wording import Wording

Tells = Callable[[str, Decimal, str], ValueRange | None]

_MOST_TOTALS = 20_000
_NAME = re.compile(r"(?P<family>income|contributions)\.(?P<backed>backed_)?months_(?P<window>\w+)")
# More months than any window has.
_EVER = 10_000
_OF_HISTORY = ("income.months_since_first", "contributions.longest_streak_months")
_MOST_STEPS = 120
# Combinations grow with the product of all columns: above this a warning says that none was looked
# at.
_MOST_STATES = 50_000


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
                # Without the points of a bin that could not be read the totals would be others.
                if all(c.complete for c in card.characteristics):
                    _check_best_band(card, draft)
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
        if SEVERITY[band.then] < SEVERITY[above.then]:
            message = f"band `{band.name}` gives {band.then}, better than `{above.name}` above it"
            draft.report.error("R416", band.place, message, "higher totals must not fare worse")


def _check_best_band(card: Card, draft: RulesetDraft) -> None:
    """Points lost are a card's only reasons, and the best total has lost none."""
    if not all(c.bins for c in card.characteristics):
        return
    best = card.base + sum(c.best for c in card.characteristics)
    band = card.band_of(best)
    if band.then is not Outcome.APPROVE:
        message = f"band `{band.name}` gives {band.then} for the best total {best:f}, which lost"
        hint = "points lost are the reasons; let the best total approve"
        draft.report.error("R403", band.place, f"{message} no points, so without a reason", hint)


def _reached(card: Card, draft: RulesetDraft) -> None:
    totals = _totals(card)
    last = card.bands[-1]
    if last.start is not None and min(totals) < last.start:
        message = f"totals below {last.start} have no band"
        hint = f"the lowest total is {min(totals):f}; leave out the `from` of the last band"
        draft.report.error("R417", last.place, message, hint)
    highs = [None, *(band.start for band in card.bands)]
    for band, high in zip(card.bands, highs, strict=False):
        low = band.start
        if not any((low is None or t >= low) and (high is None or t < high) for t in totals):
            message = f"no total reaches band `{band.name}`"
            hint = f"totals are {min(totals):f} to {max(totals):f}"
            draft.report.error("R414", band.place, message, hint)


def _totals(card: Card) -> list[Decimal]:
    """Every total that points can add up to; only the ends and the bands' starts if too many."""
    totals = {card.base}
    for each in card.characteristics:
        # A set, since different points mostly add up to the same totals.
        totals = {total + points for total in totals for points in set(each.scores)}
        if len(totals) > _MOST_TOTALS:
            low = card.lowest()
            high = card.highest()
            starts = {b.start for b in card.bands if b.start is not None and low <= b.start <= high}
            return [low, high, *starts]
    return sorted(totals)


def check_bins(draft: RulesetDraft) -> None:
    """R411 for an overlap, R412 for a gap, R413 for a label without a bin."""
    for part in draft.stages:
        if isinstance(part.part, ScorecardPart):
            for each in part.part.card.characteristics:
                _overlaps(each, draft)
                if each.complete:
                    _gaps(each, draft)


def _overlaps(each: Characteristic, draft: RulesetDraft) -> None:
    for index, later in enumerate(each.bins):
        for earlier in each.bins[:index]:
            shared = _shared(earlier, later, each, draft=draft)
            if shared:
                message = f"bins of `{each.name.text}` overlap"
                hint = f"{shared} is in the bin on line {earlier.cell.place.line} too"
                draft.report.error("R411", later.cell.place, message, hint)
                return


def _shared(earlier: Bin, later: Bin, each: Characteristic, draft: RulesetDraft) -> str:
    wording = Wording(draft.names.currency)
    labels = [label for label in later.cell.labels if label in earlier.cell.labels]
    if labels:
        return wording.value(labels[0], each.name.type)
    for first in earlier.cell.spans:
        for second in later.cell.spans:
            found = overlap(first, second, each.name.type)
            if found is not None:
                return wording.span(found, each.name.type)
    return ""


def _gaps(each: Characteristic, draft: RulesetDraft) -> None:
    if each.name.type in ORDERED:
        _span_gaps(each, draft)
        return
    everything = labels_of(each.name.symbol)
    covered = {label for b in each.bins for label in b.cell.labels}
    left = [str(label) for label in everything if label not in covered]
    if left or not everything:
        words = " and ".join(f"`{label}`" for label in left) or "every other text"
        message = f"bins of `{each.name.text}` miss {words}"
        draft.report.error("R413", each.place, message, "add a bin for it")


def _span_gaps(each: Characteristic, draft: RulesetDraft) -> None:
    symbol = each.name.symbol
    wording = Wording(draft.names.currency)
    spans = [span for b in each.bins for span in b.cell.spans]
    left = gaps(whole(symbol, draft.names.currency), spans, symbol.type)
    if not left:
        return
    where = " and ".join(wording.span(span, symbol.type) for span in left)
    one = len(left) == 1 and left[0].low == left[0].high
    without = f"value {where} has" if one else f"values {where} have"
    cells = [f"`{wording.cell(span, symbol.type)}`" for span in left]
    message = f"bins of `{symbol.name}` leave a gap"
    hint = f"{without} no bin: extend one, or add {' and '.join(cells)}"
    draft.report.error("R412", _after(left[0], each.bins).cell.place, message, hint)


def _after(gap: ValueRange, bins: Sequence[Bin]) -> Bin:
    """The bin that begins where a gap ends, else the last one."""
    for each in bins:
        for span in each.cell.spans:
            if gap.high is not None and span.low is not None and span.low >= gap.high:
                return each
    return bins[-1]


class _Window(msgspec.Struct, frozen=True):
    """A count of months with something in the last so many; `backed` of those with proof only."""

    family: str
    months: int
    backed: bool


def implied(name: str, value: Decimal, other: str) -> ValueRange | None:
    """Values of another count where one has this: in fewer months no more, in more a few more."""
    one = _window(name)
    two = _window(other)
    if one is None or two is None or one.family != two.family:
        return None
    longer = two.months - one.months
    # Months with proof are some of all months: a count of all says nothing of the least of them.
    low = max(Decimal(0), value + min(longer, 0)) if one.backed or not two.backed else Decimal(0)
    high = value + max(longer, 0) if two.backed or not one.backed else None
    return ValueRange(low, high)


def in_a_first_job(name: str, value: Decimal, other: str) -> ValueRange | None:
    """The same where all income lies in so many months: every other count is at most as large."""
    one = _window(name)
    counts = _window(other) is not None or other in _OF_HISTORY
    if one is None or one.family != "income" or not counts:
        return None
    return meet(implied(name, value, other) or EVERYTHING, ValueRange(Decimal(0), value))


def _window(name: str) -> _Window | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    window = match["window"]
    months = _EVER if window == "total" else int(window[:-1]) if window[:-1].isdigit() else 0
    return _Window(match["family"], months, bool(match["backed"])) if months else None


# A first job is looked at apart: only so is a card found that declines whoever has worked for
# just the months that a knock-out asks.
_SURVIVORS: tuple[tuple[Tells, str], ...] = (
    (implied, "them"),
    (in_a_first_job, "those in a first job"),
)


class _Bound(msgspec.Struct, frozen=True):
    """The last value that a knock-out lets through, and which way the others lie."""

    name: tree.NameRead
    value: Decimal
    step: int


def check_dead_zone(draft: RulesetDraft) -> None:
    """R509 (warning) for a knock-out whose survivors at its bound a scorecard can only decline."""
    for part in draft.stages:
        if part.component is Component.KNOCKOUT and isinstance(part.part, RulesPart):
            for rule in part.part.rules:
                for card in _cards(part, draft):
                    _check(rule, card, draft)


def _cards(knockout: NamedPart, draft: RulesetDraft) -> Iterator[Card]:
    for part in draft.stages:
        conditions = [p.condition for p in (knockout, part) if p.condition is not None]
        claims = [(condition.when, True) for condition in conditions]
        if isinstance(part.part, ScorecardPart) and can_hold(claims, draft.names.currency):
            yield part.part.card


def _check(rule: Rule, card: Card, draft: RulesetDraft) -> None:
    if rule.when is None or rule.then is not Outcome.DECLINE or not _sound(card):
        return
    for bound in _bounds(rule.when, draft):
        for tells, who in _SURVIVORS:
            dead = list(_dead(bound, card, tells))
            if dead:
                values = ValueRange(min(dead), max(dead))
                wording = Wording(draft.names.currency)
                passed = f"`{bound.name.text}` of {wording.span(values, bound.name.type)}"
                what = f"scorecard `{card.id}` can only decline {who}"
                message = f"{rule.what} lets through {passed}, but {what}"
                hint = "move the threshold, or give these values points with which a band refers"
                draft.report.warning("R509", rule.when.place, message, hint)
                return


def _sound(card: Card) -> bool:
    starts = [band.start for band in card.bands if band.start is not None]
    read = bool(card.characteristics) and all(c.complete for c in card.characteristics)
    return read and starts == sorted(set(starts), reverse=True)


def _bounds(when: tree.Node, draft: RulesetDraft) -> Iterator[_Bound]:
    if isinstance(when, tree.Any):
        for operand in when.operands:
            yield from _bounds(operand, draft)
    if not isinstance(when, tree.Compare) or when.operator in ("==", "!="):
        return
    for left, operator, right in (
        (when.left, when.operator, when.right),
        (when.right, tree.MIRRORED[when.operator], when.left),
    ):
        if isinstance(left, tree.NameRead) and left.symbol.name in draft.names.catalogue:
            yield from _bounds_of(left, operator, _figures(right, draft))


def _bounds_of(name: tree.NameRead, operator: str, figures: Iterable[Decimal]) -> Iterator[_Bound]:
    step = 1 if operator in ("<", "<=") else -1
    # Then the figure itself is knocked out, and the next value is the first that passes.
    strict = operator in ("<=", ">=")
    # Only of whole numbers there is a next value.
    if strict and name.type is not INTEGER:
        return
    for figure in figures:
        yield _Bound(name, figure + step if strict else figure, step)


def _figures(node: tree.Node, draft: RulesetDraft) -> list[Decimal]:
    match node:
        case tree.Constant():
            values = [node.value]
        case tree.NameRead() if node.symbol.constant:
            values = [s.value for s in draft.params[node.symbol.name.partition(".")[2]].every_step]
        case _:
            values = []
    return [Decimal(v) for v in values if isinstance(v, int | Decimal)]


def _dead(bound: _Bound, card: Card, tells: Tells) -> Iterator[Decimal]:
    """The values from the bound on of which even the best total is declined."""
    for index in range(_MOST_STEPS if bound.name.type is INTEGER else 1):
        value = bound.value + index * bound.step
        best = _best_points(bound.name.symbol.name, value, card, tells=tells)
        if best is None or card.band_of(best).then is not Outcome.DECLINE:
            return
        yield value


def _best_points(name: str, value: Decimal, card: Card, tells: Tells) -> Decimal | None:
    best = [_points(each, name, value, tells=tells) for each in card.characteristics]
    found = [points for points in best if points is not None]
    return card.base + sum(found) if len(found) == len(best) else None


def _points(each: Characteristic, name: str, value: Decimal, tells: Tells) -> Decimal | None:
    own = each.name.symbol.name
    span = ValueRange(value, value) if own == name else tells(name, value, own)
    if span is None:
        # Of everything that the bound says nothing about, the best is taken: only what even that
        # cannot save is dead.
        return max(each.scores)
    met = [b.points for b in each.bins if _meets(b, span, each)]
    return max(met, default=None)


def _meets(one: Bin, span: ValueRange, each: Characteristic) -> bool:
    return any(overlap(own, span, each.name.type) is not None for own in one.cell.spans)


def _shared_row(grid: Grid, rows: tuple[int, int], currency: str) -> str:
    """` at `income.months_12m` [4, 5]`, one part a column that either row looks at."""
    first = grid.rows[rows[0]].cells
    second = grid.rows[rows[1]].cells
    found = []
    for name, one, other in zip(grid.names, first, second, strict=True):
        cells = [cell for cell in (one, other) if cell.sort is not CellKind.ANYTHING]
        if cells:
            found.append(f"`{name.text}` {_shared_cell(cells, name, currency)}")
    return f" at {' and '.join(found)}" if found else ""


def _shared_cell(cells: list[Cell], name: tree.NameRead, currency: str) -> str:
    if any(cell.sort is CellKind.MISSING for cell in cells):
        return "missing"
    if name.type in ORDERED:
        return " or ".join(_spans(cells, name, currency))
    shared = frozenset(cells[0].labels)
    for cell in cells[1:]:
        shared &= frozenset(cell.labels)
    return " | ".join(str(label) for label in cells[0].labels if label in shared)


def _spans(cells: list[Cell], name: tree.NameRead, currency: str) -> list[str]:
    spans: list[ValueRange] = [whole(name.symbol, currency)]
    for cell in cells:
        met = [meet(span, other) for span in spans for other in cell.spans]
        spans = [span for span in met if overlap(span, span, name.type) is not None]
    shown = [overlap(span, span, name.type) for span in spans]
    return [Wording(currency).cell(span, name.type) for span in shown if span is not None]


def check_rows(draft: RulesetDraft) -> None:
    """R421 for a row that never counts, R422 for an overlap, R423 for a gap."""
    for part in draft.stages:
        if isinstance(part.part, TablePart) and part.part.complete and part.part.grid.rows:
            _check_table(part.part, draft)


def _check_table(table: TablePart, draft: RulesetDraft) -> None:
    grid = table.grid
    search = _Search(grid, _dimensions(grid, draft))
    search.run(0, search.every, search.every, ())
    if search.steps > _MOST_STATES:
        message = f"table `{grid.id}` has too many combinations to check for gaps and overlaps"
        draft.report.warning("R424", table.place, message, "use fewer columns or fewer edges")
        return
    for index in bits(search.every & ~search.counted):
        message = f"row {index + 1} of `{grid.id}` never counts"
        hint = "rows above it take all its values" if grid.hit is Hit.FIRST else ""
        draft.report.error("R421", grid.rows[index].place, message, hint)
    for first, second in search.overlaps.values():
        where = _shared_row(grid, (first, second), draft.names.currency)
        message = f"row {second + 1} of `{grid.id}` overlaps row {first + 1}{where}"
        hint = "with `hit: unique` every combination has one row"
        draft.report.error("R422", grid.rows[second].place, message, hint)
    if search.gap is not None:
        where = " and ".join(search.gap) or "anything"
        message = f"no row of `{grid.id}` takes {where}"
        draft.report.error("R423", table.place, message, 'add a row, the last perhaps of "-"')


class Region(msgspec.Struct, frozen=True):
    """Values of one column that satisfy the same rows; `text` names them."""

    matches: Matches
    text: str


class _Search(msgspec.Struct):
    """Walks all combinations of regions, each distinct state once."""

    grid: Grid
    dimensions: list[list[Region]]
    counted: int = 0
    steps: int = 0
    gap: tuple[str, ...] | None = None
    overlaps: dict[int, tuple[int, int]] = msgspec.field(default_factory=dict)
    seen: set[tuple[int, int, int]] = msgspec.field(default_factory=set)

    @property
    def every(self) -> int:
        return (1 << len(self.grid.rows)) - 1

    def run(self, depth: int, sure: int, possible: int, path: tuple[str, ...]) -> None:
        self.steps += 1
        if self.steps > _MOST_STATES or (depth, sure, possible) in self.seen:
            return
        self.seen.add((depth, sure, possible))
        if not possible:
            self.gap = self.gap or path
        elif depth == len(self.dimensions):
            self._count(sure, possible)
        else:
            for region in self.dimensions[depth]:
                found = region.matches
                also = sure & found.sure, possible & (found.sure | found.open)
                named = path if also == (sure, possible) else (*path, region.text)
                self.run(depth + 1, *also, named)

    def _count(self, sure: int, possible: int) -> None:
        if self.grid.hit is Hit.FIRST:
            self.counted |= possible & -possible & sure
            return
        self.counted |= sure
        rows = bits(sure)
        if len(rows) > 1:
            self.overlaps.setdefault(rows[1], (rows[0], rows[1]))


def _dimensions(grid: Grid, draft: RulesetDraft) -> list[list[Region]]:
    found = []
    for index, name in enumerate(grid.names):
        each = column(0, [row.cells[index] for row in grid.rows], name.type)
        present = _ordered(each, name, draft) if name.type in ORDERED else _labelled(each, name)
        regions = [*present, Region(each.absent, f"missing `{name.text}`")]
        # Regions with the same rows are one, which keeps the combinations few; the first gives its
        # name.
        merged = {(r.matches.sure, r.matches.open): r for r in reversed(regions)}
        found.append(list(merged.values())[::-1])
    return found


def _labelled(each: Column, name: tree.NameRead) -> Iterator[Region]:
    known: tuple[Any, ...] = labels_of(name.symbol)
    for label in known or tuple(each.labels):
        yield Region(each.matches(label), f"`{name.text}` {label!s}")
    if not known:
        yield Region(each.others, f"any other `{name.text}`")


def _ordered(each: Column, name: tree.NameRead, draft: RulesetDraft) -> Iterator[Region]:
    currency = draft.names.currency
    for rows, span in _joined(each.regions, region_spans(each.edges)):
        # Where the name has no value there is neither a gap nor an overlap.
        real = stepped(meet(span, whole(name.symbol, currency)), name.type)
        if not real.empty:
            yield Region(rows, f"`{name.text}` {Wording(currency).cell(real, name.type)}")


def _joined(
    regions: Sequence[Matches], spans: Sequence[ValueRange]
) -> Iterator[tuple[Matches, ValueRange]]:
    pairs = zip(regions, spans, strict=True)
    for rows, group in groupby(pairs, key=lambda pair: pair[0]):
        parts = [span for _, span in group]
        first = parts[0]
        last = parts[-1]
        yield rows, ValueRange(first.low, last.high, first.open_low, open_high=last.open_high)
