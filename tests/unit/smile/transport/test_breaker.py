"""The circuit breaker."""

from types import SimpleNamespace

import pytest

from decision_service.smile.errors import CircuitOpen
from decision_service.smile.limits import BreakerState, CircuitBreaker, SmileLimits


def breaker_at(at=0.0):
    """A closed breaker with the default limits, and its clock, which is set by hand."""
    clock = SimpleNamespace(at=at)
    return CircuitBreaker(SimpleNamespace(monotonic=lambda: clock.at), SmileLimits()), clock


def attempts(breaker, answers):
    """So many attempts, of which `x` failed, and whether one of them opened the circuit."""
    return [breaker.failed() if one == "x" else breaker.succeeded() for one in answers]


def test_five_failures_in_a_row_open_it():
    """The fifth failure in a row opens the circuit, the fourth does not."""
    breaker, _ = breaker_at()
    assert attempts(breaker, "xxxx") == [False] * 4
    breaker.admit()
    assert attempts(breaker, "x") == [True]
    with pytest.raises(CircuitOpen):
        breaker.admit()


def test_half_of_the_last_twenty_open_it():
    """Failures that alternate with successes open the circuit at the twentieth attempt."""
    assert attempts(breaker_at()[0], ".x" * 10)[1::2] == [False] * 9 + [True]


@pytest.mark.parametrize("answers", ["xxxx.xxxx", "x........." * 20])
def test_a_vendor_that_answers_in_between_is_still_asked(answers):
    """A success breaks a row of failures, and a tenth of them does no harm."""
    breaker, _ = breaker_at()
    attempts(breaker, answers)
    assert breaker.state is BreakerState.CLOSED


def test_one_probe_passes_every_five_seconds():
    """While open, one attempt per five seconds passes and the others are refused."""
    (breaker, clock), passed = breaker_at(), []
    attempts(breaker, "xxxxx")
    for tenth in range(160):
        clock.at = tenth / 10
        try:
            breaker.admit()
        except CircuitOpen:
            continue
        passed.append(clock.at)
        assert breaker.state is BreakerState.HALF_OPEN
        breaker.failed()
        assert breaker.state is BreakerState.OPEN
    assert passed == [5.0, 10.0, 15.0]


def test_a_probe_that_succeeds_closes_it():
    """After one good probe every attempt passes, and old failures are forgotten."""
    breaker, clock = breaker_at()
    attempts(breaker, "x" * 20)
    clock.at = 5.0
    breaker.admit()
    attempts(breaker, ".xxxx")
    breaker.admit()
    assert breaker.state is BreakerState.CLOSED
