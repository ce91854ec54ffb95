"""Whether a population has drifted from a frozen one, in bins at the rules' own cut points."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from math import ceil, erfc, exp, floor, gamma, log, sqrt
from typing import Any

import msgspec

from decision_service.domain.factor import FactorSpec, FactorValue, ValueType
from decision_service.domain.values import Cause, Money, shown_first, to_major
from decision_service.factors.registry import catalogue
from decision_service.rules.language.evaluation import compile_tree
from decision_service.rules.language.types import (
    MIRRORED,
    Compare,
    Constant,
    FunctionCall,
    NameRead,
    Node,
    Within,
    reads,
    walk,
)
from decision_service.rules.language.values import Unknown, exactly
from decision_service.rules.program import ByLabel, CompiledRuleset
from decision_service.rules.scorecard import Card, ScorecardRunner
from decision_service.rules.stages import unconditional

FEWEST = 200
"""Applicants of a baseline below which nothing is judged by it."""

LEVEL = 0.05
"""The share of reports on an undrifted population in which any row may be called a drift."""

_EXPECTED = 10
"""Applicants that the smaller population must be expected to have in a bin that is judged."""

_EMPTY = 0.5
"""What counts for a bin that one population has nobody in, since its logarithm has no value."""

STALE, MISSING = "stale", "missing"
_OTHER, _ANY = "other", "any value"
_FLAGS = ("true", "false")
_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY)
_SIDES = {">=": (True,), "<": (True,), ">": (False,), "<=": (False,)}

_Cuts = dict[str, set[tuple[Decimal, bool]]]
"""By name where the rules turn, and whether they have the value itself above."""


class Cut(msgspec.Struct, frozen=True):
    """A cut point in major units; where it is `above` the value itself lies above it."""

    at: str
    above: bool = True


class Scale(msgspec.Struct, frozen=True):
    """How the values of a factor, or of a score, are divided: at cut points or by labels."""

    name: str
    type: ValueType
    cuts: tuple[Cut, ...] = ()
    labels: tuple[str, ...] = ()
    score: bool = False

    @property
    def bins(self) -> tuple[str, ...]:
        """The names of all bins; the last two are of applicants without a value."""
        if self.labels:
            return (*self.labels, _OTHER, STALE, MISSING)
        if not self.cuts:
            return (_ANY, STALE, MISSING)
        ends = [(f"{Decimal(cut.at):,f}", cut.above) for cut in self.cuts]
        first, last = ends[0], ends[-1]
        return (
            f"below {first[0]}" if first[1] else f"up to {first[0]}",
            *(_between(low, high) for low, high in pairwise(ends)),
            f"{last[0]} and more" if last[1] else f"above {last[0]}",
            STALE,
            MISSING,
        )

    def finder(self) -> Callable[[FactorValue | None], int | None]:
        """A function to the place of a value's bin; None for a factor that was not recorded."""
        stale, missing = len(self.bins) - 2, len(self.bins) - 1
        find = self._labelled() if self.labels else self._ordered()

        def place(found: FactorValue | None) -> int | None:
            if found is None:
                return missing if self.score else None
            if found.value is not None:
                return find(found.value)
            return stale if shown_first(found.missing).cause is Cause.STALE else missing

        return place

    def _labelled(self) -> Callable[[Any], int]:
        places = {label: place for place, label in enumerate(self.labels)}
        return lambda value: places.get(
            str(value).lower() if isinstance(value, bool) else str(value), len(places)
        )

    def _ordered(self) -> Callable[[Any], int]:
        cuts = [(Decimal(cut.at), 0 if cut.above else 2) for cut in self.cuts]
        return lambda value: bisect(cuts, (value.major if isinstance(value, Money) else value, 1))


def _between(low: tuple[str, bool], high: tuple[str, bool]) -> str:
    if low[0] == high[0]:
        return low[0]
    least = low[0] if low[1] else f"above {low[0]}"
    return f"{least} to below {high[0]}" if high[1] else f"{least} to {high[0]}"


class Histogram(msgspec.Struct, frozen=True):
    """How many applicants each bin of a scale has."""

    scale: Scale
    counts: tuple[int, ...]

    @property
    def applicants(self) -> int:
        return sum(self.counts)


def scales_of(ruleset: CompiledRuleset, day: date) -> tuple[Scale, ...]:
    """The scores and the factors that rules read, cut where the rules of a day cut them."""
    cards = [*_cards(ruleset)]
    cuts = _cut_points(ruleset, day)
    for card in cards:
        starts = (band.start for band in card.bands if band.start is not None)
        cuts.setdefault(card.score.name, set()).update((start, True) for start in starts)
    scores = (_scale(card.score.name, card.score.type, cuts, score=True) for card in cards)
    factors = (_scale(name, catalogue()[name].type, cuts) for name in sorted(ruleset.needs.factors))
    return (*scores, *factors)


def _scale(name: str, type_: ValueType, cuts: _Cuts, *, score: bool = False) -> Scale:
    spec = catalogue().get(name)
    if type_ not in (ValueType.TEXT, ValueType.FLAG):
        # Of two on one value the one that has it above comes first: the value is a bin of its own.
        found = sorted(cuts.get(name, ()), key=lambda cut: (cut[0], not cut[1]))
        inside = (cut for cut in found if spec is None or _divides(*cut, spec))
        return Scale(name, type_, tuple(Cut(f"{at:f}", up) for at, up in inside), score=score)
    labels = map(str, spec.labels if spec is not None else ())
    return Scale(name, type_, labels=_FLAGS if type_ is ValueType.FLAG else tuple(labels))


def _divides(at: Decimal, above: bool, spec: FactorSpec) -> bool:  # noqa: FBT001 - a part of a cut
    """Whether a factor can have values on either side."""
    low, high = spec.lower, spec.upper
    lowest = low is not None and (at < low or (at == low and above))
    highest = high is not None and (at > high or (at == high and not above))
    return not lowest and not highest


def _cards(ruleset: CompiledRuleset) -> Iterator[Card]:
    for stage in ruleset.program.stages:
        runner = unconditional(stage.runner)
        if isinstance(runner, ScorecardRunner):
            yield runner.card


def _cut_points(ruleset: CompiledRuleset, day: date) -> _Cuts:
    """Each name's values at which a rule, a bin or a cell turns, and whether it has them above.

    What is compared with anything but figures of the rules has no cut point, since that differs
    from one applicant to the next.
    """
    program, found = ruleset.program, _Cuts()
    parts = (*program.stages, *program.closing)
    trees = (*ruleset.derived.values(), *(tree for one in parts for tree in one.runner.trees()))
    worlds = [*_figures(ruleset, day)]
    for node in (node for tree in trees for node in walk(tree)):
        for name, operator, other in _comparisons(node, ruleset.derived):
            for at in (_value(other, values, ruleset.currency) for values in worlds):
                if at is not None:
                    found.setdefault(name, set()).update(_turns(operator, at, name))
    return found


def _comparisons(node: Node, derived: Mapping[str, Node]) -> Iterator[tuple[str, str, Node]]:
    if isinstance(node, Compare):
        sides = (node.left, node.operator, node.right)
        for side, operator, other in (sides, (node.right, MIRRORED[node.operator], node.left)):
            if name := _name(side, derived):
                yield name, operator, other
    elif isinstance(node, Within) and (name := _name(node.operand, derived)):
        for option in node.options:
            yield name, "==", Constant(node.operand.type, option, text="", place=node.place)


def _name(node: Node, derived: Mapping[str, Node]) -> str:
    """The name whose value a side has, where it has one; empty for a calculation."""
    while not isinstance(node, NameRead) or node.symbol.name in derived:
        if isinstance(node, NameRead):
            node = derived[node.symbol.name]
        elif isinstance(node, FunctionCall) and node.function == "coalesce":
            node = node.arguments[0]
        else:
            return ""
    return node.symbol.name


def _figures(ruleset: CompiledRuleset, day: date) -> Iterator[list[Any]]:
    """The values of parameters on a day, and what follows from them alone; None of all else.

    There are as many as the longest parameter by label has values.
    """
    program, first = ruleset.program, [*ruleset.program.timeline.at(day).values]
    labelled = {
        one.slot: [*found.values.values(), found.other]
        for one in program.labelled
        if isinstance(found := first[one.slot], ByLabel)
    }
    for turn in range(max(map(len, labelled.values()), default=1)):
        values = [*first]
        for slot, each in labelled.items():
            values[slot] = each[turn % len(each)]
        for slot, evaluate, needed in program.derived:
            if all(values[one] is not None for one in needed):
                with exactly():
                    values[slot] = evaluate(values)
        yield values


def _value(node: Node, values: Sequence[Any], currency: str) -> Decimal | None:
    """The value of a number on figures alone, in major units; None of anything else."""
    if node.type not in _NUMBERS or any(values[symbol.slot] is None for symbol in reads(node)):
        return None
    with exactly():
        found = compile_tree(node)(values)
        if isinstance(found, Unknown):
            return None
        plain = to_major(found, currency) if node.type is ValueType.MONEY else Decimal(found)
        return plain.normalize()


def _turns(operator: str, at: Decimal, name: str) -> Iterator[tuple[Decimal, bool]]:
    spec = catalogue().get(name)
    whole = spec is not None and spec.type is ValueType.INTEGER
    for above in _SIDES.get(operator, (True, False)):
        if whole:  # 3 and more is above 2
            yield Decimal(ceil(at) if above else floor(at) + 1), True
        else:
            yield at, above


class DriftRow(msgspec.Struct, frozen=True):
    """A score or factor in both populations.

    `psi` and what follows are None where it is not judged: fewer than `FEWEST` in the baseline, or
    all in one bin. `threshold` is the index that chance alone exceeds in 5 of 100 samples of these
    sizes, `adjusted` the probability after Holm's correction for all rows. `recut` says that the
    rules' cut points are others than those of the baseline, at which both are counted.
    """

    baseline: Histogram
    now: Histogram
    bins: int
    psi: float | None = None
    threshold: float | None = None
    probability: float | None = None
    adjusted: float | None = None
    recut: bool = False

    @property
    def name(self) -> str:
        return self.now.scale.name

    @property
    def drifted(self) -> bool:
        return self.adjusted is not None and self.adjusted < LEVEL


def drift_of(
    baseline: Iterable[Histogram], now: Iterable[Histogram], rules: Iterable[Scale]
) -> tuple[DriftRow, ...]:
    """The rows of histograms on one scale, by the least probable without drift first."""
    current, cut = {one.scale: one for one in now}, {*rules}
    rows = [
        _row(before, current[before.scale], recut=before.scale not in cut)
        for before in baseline
        if before.scale in current
    ]
    judged = [row for row in rows if row.probability is not None]
    adjusted = iter(holm([row.probability or 0.0 for row in judged]))
    rows = [
        msgspec.structs.replace(row, adjusted=next(adjusted)) if row in judged else row
        for row in rows
    ]
    return tuple(sorted(rows, key=lambda r: (r.probability is None, r.probability or 0, r.name)))


def _row(before: Histogram, now: Histogram, *, recut: bool) -> DriftRow:
    olds, news = pooled(before.counts, now.counts)
    bins, n, m = len(olds), before.applicants, now.applicants
    if n < FEWEST or bins < 2:
        return DriftRow(before, now, bins, recut=recut)
    index, scale = psi(olds, news), n * m / (n + m)
    return DriftRow(
        before,
        now,
        bins,
        index,
        critical(bins - 1) / scale,
        chance(index * scale, bins - 1),
        recut=recut,
    )


def pooled(before: Sequence[int], now: Sequence[int]) -> tuple[list[int], list[int]]:
    """The counts with sparse bins joined into one, as both populations together are distributed.

    Sparse is where the smaller population would be expected to have fewer than 10. The choice looks
    at the sums of both alone, so that it prefers no difference.
    """
    n, m = sum(before), sum(now)
    share = min(n, m) / max(n + m, 1)
    pairs = sorted(zip(before, now, strict=True), key=sum, reverse=True)
    while len(pairs) > 1 and sum(pairs[-1]) * share < _EXPECTED:
        (a, b), (c, d) = pairs.pop(), pairs.pop()
        pairs = sorted([*pairs, (a + c, b + d)], key=sum, reverse=True)
    return [one for one, _ in pairs], [other for _, other in pairs]


def psi(before: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index of two rows of counts, at least 0.

    The sum of (q - p) ln(q / p) over the bins, where p and q are shares of either population. An
    empty bin counts as half an applicant.
    """
    n, m = sum(before), sum(now)
    shares = [((a or _EMPTY) / n, (b or _EMPTY) / m) for a, b in zip(before, now, strict=True)]
    return sum((q - p) * log(q / p) for p, q in shares)


def chance(statistic: float, freedom: int) -> float:
    """How probable chi-square of so many degrees of freedom is to be at least so large.

    Where two samples of n and m come from one population, PSI n m / (n + m) is about chi-square
    with one degree of freedom fewer than bins. ln(q / p) is about (q - p) / r for the common share
    r, so that PSI is about the sum of (q - p)² / r; the difference q - p of two independent samples
    has the multinomial's covariance times 1/n + 1/m, and Pearson's sum of the squares is then
    chi-square times that. Yurdakul and Naranjo, "Statistical properties of the population stability
    index", Journal of Risk Model Validation 14 (2020); Yurdakul's dissertation of that name,
    Western Michigan University (2018), has the proof.
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    if freedom % 2:
        terms = (half**i / gamma(i + 0.5) for i in range(1, freedom // 2 + 1))
        return erfc(sqrt(half)) + exp(-half) / sqrt(half) * sum(terms)
    return exp(-half) * sum(half**i / gamma(i + 1) for i in range(freedom // 2))


def critical(freedom: int, level: float = LEVEL) -> float:
    """The value that chi-square exceeds with a probability of `level`."""
    low, high = 0.0, 10.0 * (freedom + 10)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle, freedom) > level else (low, middle)
    return high


def holm(probabilities: Sequence[float]) -> list[float]:
    """Each probability as adjusted for all of them: any that is below a level may be believed.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (1979). It holds however the rows depend on each other, as factors do.
    """
    found, reached = [0.0] * len(probabilities), 0.0
    for rank, place in enumerate(sorted(range(len(found)), key=probabilities.__getitem__)):
        reached = max(reached, min(1.0, probabilities[place] * (len(found) - rank)))
        found[place] = reached
    return found
