"""What a reading holds that the one before did not."""

from __future__ import annotations

from datetime import date

import pytest

from decision_service.decide.snapshots import gained
from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Account, Contribution, Read, Snapshot, Task
from decision_service.domain.values import Cause, Missing

FAILED = Read[Contribution](faults=(Missing(Cause.SOURCE_FAILED),))
RUNNING = Read((Task("t-1", "a-1", "UPDATE_ACCOUNT", "RUNNING", None, None),))


def months(*ids: str) -> Read[Contribution]:
    """Contributions of these ids."""
    return Read(tuple(Contribution(one, "a-1", date(2026, 10, 31), "PHP", 1) for one in ids))


def account(status: str = "CONNECTED", **changes: str) -> tuple[Account, ...]:
    return (Account("a-1", "sss_ph", status, **changes),)


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ({}, {}, set()),
        ({"contributions": months("1")}, {"contributions": months("1")}, set()),
        ({"contributions": months("1")}, {"contributions": months("2", "1")}, {"contributions"}),
        ({"contributions": months("1", "2")}, {"contributions": months("1")}, set()),
        ({}, {"contributions": months("1")}, {"contributions"}),
        ({}, {"contributions": months()}, set()),
        ({"contributions": FAILED}, {"contributions": months()}, {"contributions", "accounts"}),
        ({"contributions": FAILED}, {"contributions": FAILED}, {"accounts"}),
        ({"tasks": RUNNING}, {}, {"accounts"}),
        ({"accounts": account()}, {"accounts": account(monitor_status="RUNNING")}, set()),
        ({"accounts": account("PENDING")}, {"accounts": account()}, {"accounts"}),
        ({"accounts": account()}, {"accounts": ()}, set()),
    ],
)
def test_a_kind_is_gained_where_there_is_more_of_it(
    before: dict[str, object], after: dict[str, object], kinds: set[str]
) -> None:
    """Further records, a reading after a failure, a connection: told; less, or the same: not."""
    found = gained_between(before, after)
    assert found == {Kind(kind) for kind in kinds}


def gained_between(before: dict[str, object], after: dict[str, object]) -> frozenset[Kind]:
    """What a snapshot of `after` has that one of `before` has not."""
    return gained(Snapshot("user-1", **before), Snapshot("user-1", **after))  # type: ignore[arg-type]  # fields by name, as the cases have them
