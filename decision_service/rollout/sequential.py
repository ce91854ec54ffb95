"""A test of two proportions that may be looked at after every decision.

A guardrail looks all the time. A test made for one look would, with no true difference, trip in 11
to 23 % of rollouts; this one trips in at most `alpha` of them, however often it is looked at.

It is exact and needs nothing but counts. For each pair of rates the ratio of a mixture of
likelihoods (Beta priors fixed before the first decision) to the pair's own likelihood is a
martingale that starts at 1, so it ever reaches 1/alpha with probability alpha at most (Ville 1939;
mixtures: Robbins 1970). Taking the smallest ratio over all allowed pairs keeps that bound. The arms
may come in any order and proportion; each one's rate is taken as constant within a stage.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, lgamma, log, sqrt

import msgspec

NOTICEABLE = 0.05
"""A departure of five points beyond what is meant, which sample sizes are stated for."""

_HALVINGS = 50
_MOST_UNITS = 10**8
_PRIOR_WEIGHT = 40
_NORMAL_95 = 1.959964


class ArmCount(msgspec.Struct, frozen=True):
    """How often something happened: `events` of `units`."""

    units: int = 0
    events: int = 0

    @property
    def rate(self) -> float:
        """The fraction; 0 for nothing."""
        return self.events / self.units if self.units else 0.0


NOTHING = ArmCount()


class ConfidenceBand(msgspec.Struct, frozen=True):
    """The differences (challenger minus champion) that are meant, both ends included."""

    low: float = 0.0
    high: float = 0.0

    @property
    def centre(self) -> float:
        """The middle of what is meant."""
        return (self.low + self.high) / 2


class _Counts(msgspec.Struct, frozen=True):
    """Events and their absence; fractions for expected counts."""

    hits: float
    misses: float

    @classmethod
    def of(cls, tally: ArmCount) -> _Counts:
        return cls(tally.events, tally.units - tally.events)

    @property
    def rate(self) -> float:
        return self.hits / (self.hits + self.misses)

    def likelihood(self, rate: float) -> float:
        """Its logarithm."""
        return _times_log(self.hits, rate) + _times_log(self.misses, 1 - rate)


def departs(
    champion: ArmCount,
    challenger: ArmCount,
    allowed: ConfidenceBand,
    alpha: float,
    earlier: ArmCount = NOTHING,
) -> bool:
    """Whether the arms differ otherwise than allowed, wrongly in at most `alpha` of all rollouts.

    `earlier` is what the champion did before this comparison began. It only makes the test quicker:
    where it misleads, the test is slower and as safe.
    """
    return evidence(champion, challenger, allowed, earlier) >= -log(alpha)


def evidence(
    champion: ArmCount, challenger: ArmCount, allowed: ConfidenceBand, earlier: ArmCount = NOTHING
) -> float:
    """The logarithm of the smallest ratio over the allowed pairs of rates."""
    if not (champion.units and challenger.units):
        return 0.0
    return _evidence(_Counts.of(champion), _Counts.of(challenger), allowed, earlier)


def units_needed(
    champion_rate: float,
    allowed: ConfidenceBand,
    alpha: float,
    *,
    champions_per_challenger: float,
    beyond: float = NOTICEABLE,
    earlier: ArmCount = NOTHING,
) -> int | None:
    """About how many challenger applicants show a departure of `beyond` on either side.

    The number at which the expected counts reach the bound; the rarer side of the two counts. None
    where neither side leaves room for such a departure, or 10**8 would not do.
    """
    sides = [allowed.low - beyond, allowed.high + beyond]
    rates = [champion_rate + side for side in sides if 0 <= champion_rate + side <= 1]

    def suffices(rate: float) -> Callable[[int], bool]:
        def shows(units: int) -> bool:
            champions = units * champions_per_challenger
            first = _Counts(champions * champion_rate, champions * (1 - champion_rate))
            second = _Counts(units * rate, units * (1 - rate))
            return _evidence(first, second, allowed, earlier) >= -log(alpha)

        return shows

    found = [_first(suffices(rate)) for rate in rates]
    return max((n for n in found if n is not None), default=None) if None not in found else None


def interval(tally: ArmCount) -> tuple[float, float]:
    """The 95 % interval of a rate looked at once (Wilson 1927), for display only."""
    n, z = tally.units, _NORMAL_95
    if n == 0:
        return 0.0, 1.0
    spread = z * sqrt(tally.rate * (1 - tally.rate) / n + z * z / (4 * n * n))
    middle, scale = tally.rate + z * z / (2 * n), 1 + z * z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _evidence(first: _Counts, second: _Counts, allowed: ConfidenceBand, earlier: ArmCount) -> float:
    a, b = _champion_prior(earlier), _challenger_prior(earlier, allowed)
    mixture = _mixed(first, *a) + _mixed(second, *b)
    return mixture - _best_allowed(first, second, allowed)


# Priors: what the mixture expects, fixed before the first decision


def _champion_prior(earlier: ArmCount) -> tuple[float, float]:
    return 1.0 + earlier.events, 1.0 + earlier.units - earlier.events


def _challenger_prior(earlier: ArmCount, allowed: ConfidenceBand) -> tuple[float, float]:
    """Loosely around what is meant: departures of a few points must stay likely."""
    weight = min(earlier.units, _PRIOR_WEIGHT)
    meant = min(max(earlier.rate + allowed.centre, 0.0), 1.0)
    return 1.0 + weight * meant, 1.0 + weight * (1 - meant)


def _mixed(counts: _Counts, a: float, b: float) -> float:
    """The logarithm of the likelihood under Beta(a, b)."""
    return _log_beta(a + counts.hits, b + counts.misses) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


# The allowed pair that fits best


def _best_allowed(first: _Counts, second: _Counts, allowed: ConfidenceBand) -> float:
    """The largest log-likelihood of a pair whose difference lies in the band."""
    difference = second.rate - first.rate
    if allowed.low <= difference <= allowed.high:
        return first.likelihood(first.rate) + second.likelihood(second.rate)
    edge = allowed.low if difference < allowed.low else allowed.high
    return _best_at(first, second, edge)


def _best_at(first: _Counts, second: _Counts, difference: float) -> float:
    """The largest log-likelihood of rates that differ by exactly this, by bisection."""
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    if low > high:
        return -inf
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _slope(first, middle) + _slope(second, middle + difference) > 0:
            low = middle
        else:
            high = middle
    rate = (low + high) / 2
    return first.likelihood(rate) + second.likelihood(min(max(rate + difference, 0.0), 1.0))


def _slope(counts: _Counts, rate: float) -> float:
    upward = counts.hits / rate if rate > 0 else inf if counts.hits else 0.0
    downward = counts.misses / (1 - rate) if rate < 1 else inf if counts.misses else 0.0
    return upward - downward


def _times_log(count: float, rate: float) -> float:
    if count <= 0:
        return 0.0
    return count * log(rate) if rate > 0 else -inf


def _first(shows: Callable[[int], bool]) -> int | None:
    """The smallest number that shows it, taking it as lasting from there on."""
    high = 1
    while not shows(high):
        high *= 2
        if high > _MOST_UNITS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high
