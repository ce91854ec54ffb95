"""The circuit breaker."""

import pytest

from decision_service.smile.errors import CircuitOpen
from decision_service.smile.limits import BreakerState, CircuitBreaker, SmileLimits


class Clock:
    def __init__(self):
        self.at = 0.0

    def monotonic(self):
        return self.at

    def now(self):
        raise NotImplementedError


@pytest.fixture
def clock():
    """A clock that is set by hand."""
    return Clock()


@pytest.fixture
def breaker(clock):
    """A closed breaker with the default limits."""
    return CircuitBreaker(clock, SmileLimits())


def failures(breaker, count):
    """So many failures in a row, and which of them opened the circuit."""
    return [breaker.failed() for _ in range(count)]


def test_five_failures_in_a_row_open_it(breaker):
    """The fifth failure in a row opens the circuit, the fourth does not."""
    assert failures(breaker, 4) == [False] * 4
    breaker.admit()
    assert failures(breaker, 1) == [True]
    with pytest.raises(CircuitOpen):
        breaker.admit()


def test_a_success_breaks_the_row(breaker):
    """Failures count in a row only while nothing succeeds between them."""
    failures(breaker, 4)
    breaker.succeeded()
    failures(breaker, 4)
    assert breaker.state is BreakerState.CLOSED


def test_half_of_the_last_twenty_open_it(breaker):
    """Failures that alternate with successes open the circuit at the twentieth attempt."""
    opened = []
    for _ in range(10):
        breaker.succeeded()
        opened.append(breaker.failed())
    assert opened == [False] * 9 + [True]


def test_a_tenth_of_failures_does_not_open_it(breaker):
    """A vendor that fails now and then is still asked."""
    for _ in range(20):
        breaker.failed()
        for _ in range(9):
            breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED


def test_one_probe_passes_every_five_seconds(breaker, clock):
    """While open, one attempt passes per five seconds and the others are refused."""
    failures(breaker, 5)
    passed = []
    for tenth in range(160):
        clock.at = tenth / 10
        try:
            breaker.admit()
        except CircuitOpen:
            continue
        passed.append(clock.at)
        breaker.failed()
    assert passed == [5.0, 10.0, 15.0]


def test_a_probe_that_succeeds_closes_it(breaker, clock):
    """After one good probe every attempt passes, and old failures are forgotten."""
    failures(breaker, 20)
    clock.at = 5.0
    breaker.admit()
    breaker.succeeded()
    failures(breaker, 4)
    breaker.admit()
    assert breaker.state is BreakerState.CLOSED
