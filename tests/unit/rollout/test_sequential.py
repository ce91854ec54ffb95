"""The test that may be looked at after every decision."""

from __future__ import annotations

import random
from math import exp, inf, isnan, lgamma, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rollout.judge import (
    NOTHING,
    ArmCount,
    ConfidenceBand,
    departs,
    difference_interval,
    evidence,
    interval,
    units_needed,
)
from tests.fakes.examples import examples

EQUAL = ConfidenceBand()
TIGHTER = ConfidenceBand(-0.09, -0.03)
tallies = st.integers(0, 3_000).flatmap(
    lambda n: st.builds(ArmCount, units=st.just(n), events=st.integers(0, n))
)


def _ever(rng, rates, share, decisions, look, first_look=1):
    """Whether a look after each decision ever trips; the challenger gets its share of them."""
    seen = [[0, 0], [0, 0]]
    for number in range(decisions):
        arm = seen[rng.random() < share]
        arm[0] += 1
        arm[1] += rng.random() < rates[arm is seen[1]]
        if number >= first_look and look(ArmCount(*seen[0]), ArmCount(*seen[1])):
            return True
    return False


def _fixed(champion: ArmCount, challenger: ArmCount) -> bool:
    """The textbook test for one look, at 5 %."""
    units, events = champion.units + challenger.units, champion.events + challenger.events
    if not (champion.units and challenger.units and 0 < events < units):
        return False
    spread = events / units * (1 - events / units) * (1 / champion.units + 1 / challenger.units)
    return abs(champion.rate - challenger.rate) > 1.96 * spread**0.5


@pytest.mark.parametrize(
    ("rates", "share", "earlier", "meant"),
    [
        ((0.04, 0.04), 0.1, 2_000, EQUAL),
        ((0.6, 0.6), 0.5, 0, EQUAL),
        ((0.6, 0.51), 0.5, 0, TIGHTER),
    ],
)
def test_no_more_false_alarms_than_alpha(rates, share, earlier, meant):
    """Where all is as meant, at its very edge too, at most alpha of rollouts ever trip.

    It is looked at after every decision.
    """
    rng, alpha, rollouts = random.Random(11), 0.1, 40
    before = ArmCount(earlier, round(earlier * rates[0]))

    def look(champion, challenger):
        return evidence(champion, challenger, meant, before) >= -log(alpha)

    tripped = sum(_ever(rng, rates, share, 300, look) for _ in range(rollouts))
    assert tripped <= alpha * rollouts


def test_a_test_for_one_look_would_raise_too_many():
    """The same simulation catches a test made for one look: it trips in over 10 %."""
    rng, rollouts = random.Random(11), 60
    tripped = sum(_ever(rng, (0.6, 0.6), 0.5, 400, _fixed, 50) for _ in range(rollouts))
    assert tripped > 0.1 * rollouts


def test_a_true_difference_is_found():
    """A challenger that approves twenty points fewer than meant trips within 2,000 decisions."""
    rng = random.Random(13)

    def look(champion, challenger):
        return departs(champion, challenger, EQUAL)

    assert all(_ever(rng, (0.6, 0.4), 0.5, 2_000, look) for _ in range(5))


@pytest.mark.parametrize(
    ("approved", "meant", "alarm"),
    [
        (5_530, TIGHTER, False),
        (5_530, EQUAL, True),
        (6_130, TIGHTER, True),
        (4_500, TIGHTER, True),
    ],
)
def test_an_unintended_change_either_way_is_an_alarm(approved, meant, alarm):
    """No tightening where one was meant is an alarm, and so is far too much of it."""
    assert departs(ArmCount(90_000, 55_170), ArmCount(10_000, approved), meant) is alarm


def _by_grid(champion: ArmCount, challenger: ArmCount, band: ConfidenceBand) -> float:
    """The evidence, its best allowed pair of rates found by trying very many."""

    def likelihood(tally: ArmCount, rate: float) -> float:
        return tally.events * log(rate) + (tally.units - tally.events) * log(1 - rate)

    def mixture(tally: ArmCount) -> float:
        misses = tally.units - tally.events
        return lgamma(1 + tally.events) + lgamma(1 + misses) - lgamma(2 + tally.units)

    rates = [(i + 0.5) / 400 for i in range(400)]
    gaps = [band.low + (band.high - band.low) * k / 20 for k in range(21)]
    pairs = [(p, p + g) for p in rates for g in gaps if 0 < p + g < 1]
    best = max(likelihood(champion, p) + likelihood(challenger, q) for p, q in pairs)
    return mixture(champion) + mixture(challenger) - best


@pytest.mark.parametrize(
    ("champion", "challenger", "band"),
    [
        (ArmCount(100, 60), ArmCount(40, 10), EQUAL),
        (ArmCount(100, 60), ArmCount(40, 22), TIGHTER),
        (ArmCount(50, 0), ArmCount(50, 9), EQUAL),
        (ArmCount(70, 70), ArmCount(30, 20), TIGHTER),
        (ArmCount(30, 20), ArmCount(200, 199), ConfidenceBand(0.1, 0.2)),
    ],
)
def test_the_best_allowed_pair_is_found(champion, challenger, band):
    """The allowed pair that fits best fits as well as the best of a fine grid, hardly better."""
    found, by_grid = evidence(champion, challenger, band), _by_grid(champion, challenger, band)
    assert found <= by_grid + 1e-9
    assert by_grid - found < 0.2


def test_the_ratio_is_fair():
    """Averaged over all that five decisions can bring, the smallest ratio is 1 at most."""
    for rate in (0.1, 0.5, 0.8):
        mean = 0.0
        for events in range(2**5):
            bits = [events >> i & 1 for i in range(5)]
            first, second = ArmCount(3, sum(bits[:3])), ArmCount(2, sum(bits[3:]))
            chance = rate ** sum(bits) * (1 - rate) ** (5 - sum(bits))
            mean += chance * exp(evidence(first, second, EQUAL, ArmCount(40, 20)))
        assert mean <= 1 + 1e-12


@settings(deadline=None, max_examples=examples(200))
@given(tallies, tallies, st.floats(-1, 1), st.floats(0, 0.5), tallies)
def test_within_the_band_there_is_no_evidence(champion, challenger, low, width, earlier):
    """What differs as allowed speaks for nothing, and no figures raise."""
    found = evidence(champion, challenger, ConfidenceBand(low, low + width), earlier)
    if low <= challenger.rate - champion.rate <= low + width:
        assert found <= 0
    assert not isnan(found)


def test_evidence_at_its_ends():
    """An empty arm says nothing; where only 0 and 1 are allowed one contrary decision is proof."""
    assert evidence(NOTHING, ArmCount(500, 500), EQUAL) == 0
    assert evidence(ArmCount(500, 500), NOTHING, EQUAL) == 0
    assert evidence(ArmCount(1, 1), ArmCount(1, 1), ConfidenceBand(1, 1)) == inf


# How many are needed


def test_the_numbers_needed_are_those_that_show():
    """At the number needed a departure of five points shows, at nine tenths of it not yet."""
    needed = units_needed(0.6, EQUAL, champions_per_challenger=9)
    assert needed is not None
    sides = [
        [
            departs(ArmCount(9 * n, round(5.4 * n)), ArmCount(n, round(rate * n)), EQUAL)
            for rate in (0.55, 0.65)
        ]
        for n in (needed + 2, needed * 9 // 10)
    ]
    assert all(sides[0])
    assert not all(sides[1])


def test_known_beforehand_fewer_are_needed():
    """What the champion did before makes the test quicker."""
    needed = [
        units_needed(0.6, EQUAL, champions_per_challenger=9, earlier=e)
        for e in (NOTHING, ArmCount(5_000, 3_000))
    ]
    assert needed[1] < 0.75 * needed[0]


def test_where_there_is_no_room_no_number_is_needed():
    """A rate that can neither fall nor rise by that much has no number."""
    assert units_needed(0.5, EQUAL, champions_per_challenger=1, beyond=0.6) is None


@pytest.mark.parametrize(
    ("tally", "low", "high"),
    [(NOTHING, 0, 1), (ArmCount(10, 0), 0, 0.2775), (ArmCount(1204, 738), 0.5851, 0.6401)],
)
def test_intervals(tally, low, high):
    """The displayed interval is Wilson's, and whole where nothing is known."""
    found = interval(tally)
    assert (round(found[0], 4), round(found[1], 4)) == (low, high)


def test_the_interval_of_a_difference_is_newcombes():
    """Of his example 56/70 and 48/80 (Newcombe 1998, method 10) it is 0.0524 to 0.3339."""
    low, high = difference_interval(ArmCount(80, 48), ArmCount(70, 56))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
