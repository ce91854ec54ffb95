"""What one reading may spend."""

import pytest

from decision_service.domain.values import DataReason
from decision_service.smile.client import RequestBudget
from decision_service.smile.errors import OutOfTime, UpstreamFault


def test_nothing_is_sent_at_or_after_the_deadline():
    """A request may be sent just before the deadline, not at it, and is then not counted."""
    budget = RequestBudget(stop_at=10.0, most=5)
    budget.spend(9.99)
    with pytest.raises(OutOfTime):
        budget.spend(10.0)
    assert budget.calls == 1


def test_the_last_request_is_the_last():
    """As many requests as allowed are sent, and one more is DATA_TOO_LARGE."""
    budget = RequestBudget(stop_at=10.0, most=2)
    budget.spend(1.0)
    budget.check()
    budget.spend(1.0)
    for refused in (budget.check, lambda: budget.spend(1.0)):
        with pytest.raises(UpstreamFault) as found:
            refused()
        assert found.value.code is DataReason.DATA_TOO_LARGE
    assert budget.calls == 2
