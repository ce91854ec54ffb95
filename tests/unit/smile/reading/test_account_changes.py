"""Accounts that change while their data is read."""

import msgspec
import pytest

from decision_service.domain.snapshot import Account
from decision_service.smile.applicant import compare_accounts
from tests.unit.smile.virtual import NOW

ONE = Account("a", "p", "CONNECTED", connection_updated_at=NOW)
TWO = Account("b", "p", "CONNECTED", connection_updated_at=NOW)


def changed(account, **fields):
    """The account with other fields."""
    return msgspec.structs.replace(account, **fields)


def test_equal_lists_do_not_drift():
    """The order of accounts does not matter, nor do fields that say nothing about data."""
    found = compare_accounts([ONE, TWO], [changed(TWO, error_code="X"), ONE])
    assert not found.changed
    assert found.revoked == ()


@pytest.mark.parametrize(
    "later",
    [
        [ONE, changed(TWO, connection_status="ERROR")],
        [ONE, changed(TWO, connection_updated_at=None)],
        [ONE, changed(TWO, monitor_updated_at=NOW)],
        [ONE, TWO, changed(ONE, id="c")],
    ],
)
def test_a_change_of_status_time_or_number_is_a_drift(later):
    """Another status, another time of update or a new account is a change without revocation."""
    found = compare_accounts([ONE, TWO], later)
    assert found.changed
    assert found.revoked == ()


@pytest.mark.parametrize("later", [[ONE], [ONE, changed(TWO, connection_status="DISCONNECTED")]])
def test_an_account_that_is_gone_or_disconnected_is_revoked(later):
    """An account that vanished or was disconnected meanwhile is named as revoked."""
    assert compare_accounts([ONE, TWO], later).revoked == ("b",)


def test_an_account_that_was_disconnected_before_is_not_revoked_now():
    """What was disconnected when reading began may vanish."""
    gone = changed(TWO, connection_status="DISCONNECTED")
    assert compare_accounts([ONE, gone], [ONE]).revoked == ()
