"""Whether a population has drifted from a frozen one, in bins at the rules' own cut points."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import product
from math import ceil, erfc, exp, floor, gamma, log, sqrt
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorValue, ValueType
from decision_service.domain.values import Cause, Money, shown_first, to_major
from decision_service.factors.registry import known_factors
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
from decision_service.rules.scorecard import ScorecardRunner
from decision_service.rules.stages import unconditional

FEWEST = 200
"""Applicants of a baseline below which nothing is judged by it."""

LEVEL = 0.05
"""The share of reports on an undrifted population in which any row may be called a drift."""

_EXPECTED = 10
"""Applicants that the smaller population must be expected to have in a bin that is judged."""

_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY)
_SIDES = {">=": (False,), "<": (False,), ">": (True,), "<=": (True,)}

Cut = tuple[Decimal, bool]
"""Where the rules turn, in major units: at the value itself, or (True) only above it."""

_Cuts = dict[str, set[Cut]]


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
            return (*self.labels, "other", "stale", "missing")
        if not self.cuts:
            return ("any value", "stale", "missing")
        cuts = [(f"{at:,f}", after) for at, after in self.cuts]
        starts = [f"above {at}" if after else at for at, after in cuts]
        ends = [at if after else f"below {at}" for at, after in cuts]
        first = f"up to {ends[0]}" if cuts[0][1] else ends[0]
        last = starts[-1] if cuts[-1][1] else f"{starts[-1]} and more"
        pairs = zip(starts, ends[1:], strict=False)
        between = (low if low == high else f"{low} to {high}" for low, high in pairs)
        return (first, *between, last, "stale", "missing")

    def place(self, found: FactorValue | None) -> int | None:
        """The place of a value's bin; None for a factor that was not recorded."""
        if found is None:
            return -1 if self.score else None
        value: Any = found.value
        if value is None:
            return -2 if shown_first(found.missing).cause is Cause.STALE else -1
        if self.labels:
            name = str(value).lower() if isinstance(value, bool) else str(value)
            return self.labels.index(name) if name in self.labels else len(self.labels)
        return bisect(self.cuts, (value.major if isinstance(value, Money) else value, False))


class Histogram(msgspec.Struct, frozen=True):
    """How many applicants each bin of a scale has."""

    scale: Scale
    counts: tuple[int, ...]

    @property
    def applicants(self) -> int:
        return sum(self.counts)


def scales_of(ruleset: CompiledRuleset, day: date) -> tuple[Scale, ...]:
    """The scores and the factors that rules read, cut where the rules of a day cut them."""
    runners = [unconditional(stage.runner) for stage in ruleset.program.stages]
    cards = [one.card for one in runners if isinstance(one, ScorecardRunner)]
    cuts = _cut_points(ruleset, day)
    for card in cards:
        starts = (band.start for band in card.bands if band.start is not None)
        cuts.setdefault(card.score.name, set()).update((start, False) for start in starts)
    scores = (
        Scale(one.score.name, one.score.type, tuple(sorted(cuts[one.score.name])), score=True)
        for one in cards
    )
    return (*scores, *(_scale(name, cuts) for name in sorted(ruleset.needs.factors)))


def _scale(name: str, cuts: _Cuts) -> Scale:
    spec = known_factors()[name]
    if spec.type is ValueType.FLAG:
        return Scale(name, spec.type, labels=("true", "false"))
    if spec.type is ValueType.TEXT:
        return Scale(name, spec.type, labels=tuple(map(str, spec.labels)))
    low = spec.lower
    high = spec.upper
    found = sorted(cuts.get(name, ()))
    # Cut points outside the values that a factor can have divide nothing.
    inside = (one for one in found if low is None or one > (low, False))
    within = (one for one in inside if high is None or one <= (high, False))
    return Scale(name, spec.type, tuple(within))


def _cut_points(ruleset: CompiledRuleset, day: date) -> _Cuts:
    """Each name's values at which a rule, a bin or a cell turns.

    What is compared with anything but figures of the rules has no cut point, since that differs
    from one applicant to the next.
    """
    program = ruleset.program
    found = _Cuts()
    parts = (*program.stages, *program.closing)
    trees = (*ruleset.derived.values(), *(tree for one in parts for tree in one.runner.trees()))
    worlds = [*_figures(ruleset, day)]
    for node in (node for tree in trees for node in walk(tree)):
        for name, operator, other in _comparisons(node, ruleset.derived):
            whole = name in known_factors() and known_factors()[name].type is ValueType.INTEGER
            values = (_value(other, world, ruleset.currency) for world in worlds)
            places = (value for value in values if value is not None)
            for at, after in product(places, _SIDES.get(operator, (False, True))):
                # Of whole numbers 3 and more is above 2.
                above = Decimal(floor(at) + 1 if after else ceil(at))
                found.setdefault(name, set()).add((above, False) if whole else (at, after))
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
    if isinstance(node, FunctionCall) and node.function == "coalesce":
        return _name(node.arguments[0], derived)
    if not isinstance(node, NameRead):
        return ""
    name = node.symbol.name
    return _name(derived[name], derived) if name in derived else name


def _figures(ruleset: CompiledRuleset, day: date) -> Iterator[list[Any]]:
    """The values of parameters on a day, and what follows from them alone; None of all else.

    There are as many as the longest parameter by label has values.
    """
    program = ruleset.program
    first = [*ruleset.program.timeline.at(day).values]
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
        return Decimal(f"{plain.normalize():f}")


class DriftRow(msgspec.Struct, frozen=True):
    """A score or factor in both populations.

    `psi` and what follows are None where it is not judged: fewer than `FEWEST` in the baseline, or
    all in one bin. `threshold` is the index that chance alone exceeds in about 5 of 100 samples of
    these sizes, `probability` that of so large a difference by chance alone, `adjusted` the same
    after Holm's correction for all rows. `recut` says that the rules' cut points are others than
    those of the baseline, at which both are counted.
    """

    baseline: Histogram
    now: Histogram
    recut: bool
    bins: int
    psi: float | None = None
    threshold: float | None = None
    probability: float | None = None
    adjusted: float | None = None

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
    current = {one.scale: one for one in now}
    cut = {*rules}
    judged: list[tuple[float, DriftRow]] = []
    others: list[DriftRow] = []
    for before in baseline:
        after = current[before.scale]
        olds, news = pooled(before.counts, after.counts)
        row = DriftRow(before, after, before.scale not in cut, bins=len(olds))
        n = before.applicants
        m = after.applicants
        freedom = row.bins - 1
        if n < FEWEST or not freedom:
            others.append(row)
            continue
        threshold = critical(freedom) * (n + m) / (n * m)
        probability = chance(pearson(olds, news), freedom)
        row = replace(row, psi=psi(olds, news), threshold=threshold, probability=probability)
        judged.append((probability, row))
    adjusted = holm([probability for probability, _ in judged])
    rows = [replace(row, adjusted=at) for at, (_, row) in zip(adjusted, judged, strict=True)]
    rows.sort(key=attrgetter("probability", "name"))
    return (*rows, *others)


def pooled(before: Sequence[int], now: Sequence[int]) -> tuple[list[int], list[int]]:
    """The counts with sparse bins joined into one, as both populations together are distributed.

    Sparse is where the smaller population would be expected to have fewer than 10. The choice looks
    at the sums of both alone, so that it prefers no difference.
    """
    n = sum(before)
    m = sum(now)
    share = min(n, m) / max(n + m, 1)
    pairs = sorted(zip(before, now, strict=True), key=sum, reverse=True)
    while len(pairs) > 1 and sum(pairs[-1]) * share < _EXPECTED:
        (a, b) = pairs.pop()
        (c, d) = pairs.pop()
        pairs = sorted([*pairs, (a + c, b + d)], key=sum, reverse=True)
    return [one for one, _ in pairs], [other for _, other in pairs]


def psi(before: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index of two rows of counts, at least 0.

    The sum of (q - p) ln(q / p) over the bins, where p and q are shares of either population. An
    empty bin counts as half an applicant.
    """
    n = sum(before)
    m = sum(now)
    shares = [((a or 0.5) / n, (b or 0.5) / m) for a, b in zip(before, now, strict=True)]
    return sum((q - p) * log(q / p) for p, q in shares)


def pearson(before: Sequence[int], now: Sequence[int]) -> float:
    """Pearson's statistic of whether two rows of counts, none of them empty, are of one population.

    Where they are, it is about chi-square with one degree of freedom fewer than bins, and so is
    PSI n m / (n + m). But far out, where Holm's correction looks, that of a few hundred is larger:
    of undrifted populations of 200 and 5,000 PSI would name a row in 9 of 100 reports.
    """
    n = sum(before)
    m = sum(now)
    return sum((m * a - n * b) ** 2 / (a + b) for a, b in zip(before, now, strict=True)) / (n * m)


def chance(statistic: float, freedom: int) -> float:
    """How probable chi-square of so many degrees of freedom is to be at least so large."""
    half = statistic / 2
    if half <= 0:
        return 1.0
    if freedom % 2:
        terms = (half**i / gamma(i + 0.5) for i in range(1, freedom // 2 + 1))
        return erfc(sqrt(half)) + exp(-half) / sqrt(half) * sum(terms)
    return exp(-half) * sum(half**i / gamma(i + 1) for i in range(freedom // 2))


def critical(freedom: int, level: float = LEVEL) -> float:
    """The value that chi-square exceeds with a probability of `level`."""
    low = 0.0
    high = 10.0 * (freedom + 10)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle, freedom) > level else (low, middle)
    return high


def holm(probabilities: Sequence[float]) -> list[float]:
    """Each probability as adjusted for all of them: any that is below a level may be believed.

    Holm, Scandinavian Journal of Statistics 6 (1979): however they depend on each other.
    """
    found = [0.0] * len(probabilities)
    reached = 0.0
    for rank, place in enumerate(sorted(range(len(found)), key=probabilities.__getitem__)):
        reached = max(reached, min(1.0, probabilities[place] * (len(found) - rank)))
        found[place] = reached
    return found
