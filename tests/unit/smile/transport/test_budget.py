"""What one reading may spend."""

import pytest

from decision_service.domain.missing import DataReason
from decision_service.smile.errors import Fault, OutOfTime
from decision_service.smile.transport.budget import Allowance


def test_nothing_is_sent_at_or_after_the_deadline():
    """A request may be sent just before the deadline, not at it, and is then not counted."""
    allowance = Allowance(stop_at=10.0, most=5)
    allowance.spend(9.99)
    with pytest.raises(OutOfTime):
        allowance.spend(10.0)
    assert allowance.calls == 1


def test_the_last_request_is_the_last():
    """As many requests as allowed are sent, and one more is DATA_TOO_LARGE."""
    allowance = Allowance(stop_at=10.0, most=2)
    allowance.spend(1.0)
    allowance.check()
    allowance.spend(1.0)
    for refused in (allowance.check, lambda: allowance.spend(1.0)):
        with pytest.raises(Fault) as found:
            refused()
        assert found.value.code is DataReason.DATA_TOO_LARGE
    assert allowance.calls == 2
