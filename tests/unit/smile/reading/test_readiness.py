"""Whether data is still arriving."""

from datetime import timedelta

import pytest

from decision_service.domain.snapshot import Account
from decision_service.smile.fetch import being_linked, is_young, just_connected, not_ready
from tests.unit.smile.virtual import NOW

YOUNG = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


def account(status="PENDING", age=SECOND, **fields):
    """An account of so much age."""
    return Account("a", "p", status, created_at=NOW - age, **fields)


@pytest.mark.parametrize("status", ["PENDING", "AWAITING_MFA"])
def test_a_young_attempt_is_being_linked(status):
    """An attempt is still going on for just under ten minutes."""
    assert being_linked([account(status, YOUNG - SECOND)], NOW, YOUNG) == {"a"}
    assert being_linked([account(status, YOUNG)], NOW, YOUNG) == frozenset()


@pytest.mark.parametrize("status", ["ERROR", "DISCONNECTED", "NEW_WORD"])
def test_other_words_hold_nobody_up(status):
    """A young account in another state is neither being linked nor connected."""
    assert not being_linked([account(status)], NOW, YOUNG)
    assert not just_connected([account(status)], NOW, YOUNG)


def test_a_young_connection_makes_an_old_account_young():
    """An old account that was connected anew is just connected."""
    anew = account("CONNECTED", timedelta(days=400), connection_updated_at=NOW - SECOND)
    assert just_connected([anew], NOW, YOUNG) == {"a"}


def test_times_that_are_no_age_do_not_make_young():
    """An account without times, or dated far in the future, is not young."""
    assert not is_young(Account("a", "p", "PENDING"), NOW, YOUNG)
    assert not is_young(account(age=-timedelta(days=1)), NOW, YOUNG)
    assert is_young(account(age=-SECOND), NOW, YOUNG)


def test_the_refusal_says_when_to_come_back():
    """DataNotReady counts the accounts and carries a time to retry."""
    error = not_ready(2)
    assert "2 accounts are" in error.message
    assert error.retry_after == 30.0
