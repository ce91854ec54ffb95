"""What figures of arms say: guardrails, latencies and the sequential test."""

from __future__ import annotations

import random
from math import exp, inf, isnan, lgamma, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rollout.judge import (
    BOUNDS_MS,
    NOTHING,
    ArmCount,
    ArmTallies,
    ConfidenceBand,
    GuardrailState,
    departs,
    difference_interval,
    evidence,
    interval,
    judge_arms,
    judge_latency,
    judge_rate,
    meant,
    quantile,
    waits_for,
)
from decision_service.rollout.model import Ceiling, Guardrail, Metric, TrackName
from decision_service.rollout.state import initial_state
from decision_service.rollout_running.counters import bound_of
from tests.fakes.examples import examples
from tests.unit.rollout.plans import NOW, SMALL, STAGED, good

PLAN = good(STAGED)

BY_NAME = {g.name: g for g in PLAN.guardrails}


def _ceiling(name: str) -> tuple[Guardrail, Ceiling]:
    guardrail = BY_NAME[name]
    assert guardrail.ceiling is not None
    return guardrail, guardrail.ceiling


@pytest.mark.parametrize(
    ("tally", "standing"),
    [
        (ArmCount(199, 199), GuardrailState.WAITING),
        (ArmCount(200, 80), GuardrailState.OK),
        (ArmCount(200, 81), GuardrailState.TRIPPED),
    ],
)
def test_a_rate_against_its_ceiling(tally, standing):
    """Too few say nothing, exactly 40 % is well, one more trips."""
    judged = judge_rate(*_ceiling("referrals"), tally)
    assert (judged.guardrail, judged.standing) == ("referrals", standing)
    assert (judged.value, judged.units) == (tally.rate, tally.units)


@pytest.mark.parametrize(
    ("p99", "units", "standing"),
    [
        (9_000.0, 199, GuardrailState.WAITING),
        (1_500.0, 200, GuardrailState.OK),
        (1_500.5, 200, GuardrailState.TRIPPED),
    ],
)
def test_a_latency_against_its_ceiling(p99, units, standing):
    """A latency trips above its ceiling, once enough were seen."""
    assert judge_latency(*_ceiling("slow"), p99, units).standing is standing


@pytest.mark.parametrize(
    ("champion", "challenger", "standing"),
    [
        (ArmCount(18_000, 11_034), ArmCount(299, 0), GuardrailState.WAITING),
        (ArmCount(299, 0), ArmCount(9_000, 9_000), GuardrailState.WAITING),
        (ArmCount(18_000, 11_034), ArmCount(2_000, 1_106), GuardrailState.OK),
        (ArmCount(18_000, 11_034), ArmCount(2_000, 1_500), GuardrailState.TRIPPED),
    ],
)
def test_arms_against_each_other(champion, challenger, standing):
    """Six points fewer are meant; fourteen more trip; under 300 of either arm nothing is said."""
    guardrail = BY_NAME["approvals"]
    judged = judge_arms(guardrail, PLAN, ArmTallies(champion, challenger))
    assert judged.standing is standing
    assert judged.units == challenger.units
    assert judged.value == challenger.rate - champion.rate


def test_what_is_meant_is_as_the_plan_says():
    """The band is the expected change give or take, and no change where none is expected."""
    assert meant(PLAN, Metric.APPROVAL_RATE) == ConfidenceBand(-0.09, -0.03)
    assert meant(PLAN, Metric.REFER_RATE) == ConfidenceBand(0, 0)
    assert meant(good(SMALL), Metric.APPROVAL_RATE) == ConfidenceBand(0, 0)


def test_a_plan_without_challenger_has_no_such_track():
    """There is nothing to wait for on a track that the plan does not have."""
    plan = good(SMALL)
    assert waits_for(plan, initial_state(plan, NOW), TrackName.CHALLENGER, 0, ()) is None


@pytest.mark.parametrize(
    ("ms", "bound"), [(0.0, 5), (5.0, 5), (5.1, 10), (1500.0, 1500), (9e9, 3_600_000)]
)
def test_a_latency_is_counted_under_the_next_bound(ms, bound):
    """Bounds are inclusive, and what exceeds all of them is counted under the last."""
    assert bound_of(ms) == bound


def test_nothing_counted_has_no_latency():
    """Without any count the quantile is 0."""
    assert quantile({}, 0.99) == 0.0


@settings(deadline=None, max_examples=examples(200))
@given(st.lists(st.floats(0.1, 3_000_000), min_size=1, max_size=300), st.sampled_from(BOUNDS_MS))
def test_a_ceiling_at_a_bound_is_judged_exactly(latencies, ceiling):
    """The p99 lies above a bound exactly when more than a hundredth of the latencies do."""
    histogram: dict[int, int] = {}
    for ms in latencies:
        histogram[bound_of(ms)] = histogram.get(bound_of(ms), 0) + 1
    above = sum(ms > ceiling for ms in latencies)
    if abs(above - 0.01 * len(latencies)) > 1e-6:
        assert (quantile(histogram, 0.99) > ceiling) == (above > 0.01 * len(latencies))


def test_between_bounds_it_is_read_off_evenly():
    """Half way through the counts of a bound lies half way between it and the one below."""
    assert quantile({100: 50, 150: 50}, 0.75) == pytest.approx(125)
    assert quantile({100: 100}, 1.0) == 100


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
