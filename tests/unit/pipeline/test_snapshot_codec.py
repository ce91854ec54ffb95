"""The stored form of snapshots, and what is counted of them."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from decision_service.decide.codec import read_snapshot, snapshot_body
from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import (
    Contribution,
    EstimatedIncome,
    Income,
    KnownCount,
    Liability,
    Read,
    Snapshot,
    Task,
    Transaction,
)
from decision_service.domain.values import Cause, DataReason, Missing, Month
from tests.fakes.world import NOW, steady_earner

AUGUST = Month.of(date(2026, 8, 1)).index


def estimate(n: int, month: int, amount: int, source: str = "a-1") -> EstimatedIncome:
    """An estimated income."""
    return EstimatedIncome(f"e-{n}", source, month, "PHP", amount)


def pay(n: int, start: date, end: date | None, **amounts: int | None) -> Income:
    """A payroll record."""
    told = {"base": None, "gross": None, "net": None, **amounts}
    return Income(f"i-{n}", "a-1", None, start, end, "Monthly", "PHP", **told)


def trip(n: int, day: date, amount: int) -> Transaction:
    """A transaction."""
    return Transaction(f"t-{n}", "a-1", day, None, "PHP", amount)


@pytest.mark.parametrize(
    ("snapshot", "counts"),
    [
        (
            Snapshot(
                "u-1",
                eincomes=Read(
                    (
                        estimate(1, AUGUST, 1),
                        estimate(2, AUGUST - 1, 5),
                        estimate(3, AUGUST + 1, 0),
                        estimate(4, AUGUST - 3, 0, "a-2"),
                    )
                ),
            ),
            [
                KnownCount("a-1", Kind.EINCOMES, 3, AUGUST),
                KnownCount("a-2", Kind.EINCOMES, 1),
            ],
        ),
        (
            Snapshot("u-1", incomes=Read((pay(1, date(2026, 7, 16), date(2026, 8, 15), net=1),))),
            [KnownCount("a-1", Kind.INCOMES, 1, AUGUST)],
        ),
        (
            Snapshot("u-1", incomes=Read((pay(1, date(2026, 8, 1), None, gross=1),))),
            [KnownCount("a-1", Kind.INCOMES, 1, AUGUST)],
        ),
        (
            Snapshot("u-1", incomes=Read((pay(1, date(2026, 8, 1), None, net=0, gross=9),))),
            [KnownCount("a-1", Kind.INCOMES, 1)],
        ),
        (
            Snapshot("u-1", incomes=Read((pay(1, date(2026, 8, 1), None),))),
            [KnownCount("a-1", Kind.INCOMES, 1)],
        ),
        (
            Snapshot(
                "u-1",
                transactions=Read(
                    (trip(1, date(2026, 8, 31), 5), trip(2, date(2026, 9, 1), -5)),
                ),
            ),
            [KnownCount("a-1", Kind.TRANSACTIONS, 2, AUGUST)],
        ),
        (
            Snapshot(
                "u-1",
                contributions=Read((Contribution("c-1", "a-1", date(2026, 8, 31), "PHP", 1),)),
            ),
            [KnownCount("a-1", Kind.CONTRIBUTIONS, 1, AUGUST)],
        ),
        (
            Snapshot(
                "u-1",
                liabilities=Read(
                    (
                        Liability(
                            "l-1", "a-1", "Loan", date(2026, 1, 1), None, "PHP",
                            1, None, None, None, None, None,
                        ),
                    )
                ),
            ),
            [KnownCount("a-1", Kind.LIABILITIES, 1)],
        ),
    ],
)  # fmt: skip
def test_counts_tell_the_newest_month_with_income(
    snapshot: Snapshot, counts: list[KnownCount]
) -> None:
    """Of each source and kind: the month of the last record above zero, where months are told."""
    assert list(snapshot_body(snapshot).counts) == counts


def test_tasks_and_counts_are_read_back() -> None:
    """What a first sync said, and why it could not, is in the stored form as it was."""
    task = Task("t-1", "a-1", "LINK_ACCOUNT", "Started", NOW - timedelta(hours=1), None)
    fault = Missing(Cause.NOT_FETCHED, DataReason.UPSTREAM_TIMEOUT, source="a-1")
    due = Missing(
        Cause.NOT_YET_POSTED, kind=Kind.EINCOMES, source="a-1", month=AUGUST, due=date(2026, 11, 1)
    )
    snapshot = msgspec.structs.replace(
        steady_earner(),
        tasks=Read((task,), (fault, due)),
        known=(KnownCount("a-1", Kind.EINCOMES, 3, AUGUST), KnownCount("a-1", Kind.LIABILITIES, 1)),
    )
    assert read_snapshot(snapshot_body(snapshot).body) == snapshot


def test_a_snapshot_of_an_earlier_program_is_read() -> None:
    """One without tasks, whose counts tell no months, is what it was."""
    plain = msgspec.msgpack.decode(snapshot_body(steady_earner()).body)
    assert "tasks" not in plain
    plain["known"] = [["a-1", "eincomes", 36]]
    found = read_snapshot(msgspec.msgpack.encode(plain))
    assert found.tasks is None
    assert found.known == (KnownCount("a-1", Kind.EINCOMES, 36),)


def test_what_a_later_program_adds_is_left_out() -> None:
    """A field that is new, in the snapshot or at the end of a record, harms nothing."""
    plain = msgspec.msgpack.decode(snapshot_body(steady_earner()).body)
    plain["known"] = [["a-1", "eincomes", 36, None, "later"]]
    plain["later"] = True
    assert read_snapshot(msgspec.msgpack.encode(plain)).eincomes == steady_earner().eincomes
