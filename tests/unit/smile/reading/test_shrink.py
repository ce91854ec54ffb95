"""Lists that came back shorter than before."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    KnownCount,
    Read,
    Snapshot,
    Source,
    Transaction,
)
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.smile.applicant import mark_shrunken
from tests.unit.smile.virtual import NOW

OLD = NOW - timedelta(days=400)
UPLOADS = (Source("b", "UPLOAD", "p"),)


def snapshot(now, before, *, status="CONNECTED", created=OLD, source="a", sources=()):
    """So many contributions now where there were so many before."""
    records = tuple(Contribution(f"c{n}", source, date(2026, 1, 1), "PHP", 1) for n in range(now))
    return Snapshot(
        "u",
        (Account("a", "p", status, created_at=created),),
        sources=sources,
        known=(KnownCount(source, Kind.CONTRIBUTIONS, before),),
        contributions=Read(records),
    )


@pytest.mark.parametrize(("now", "before"), [(7, 10), (3, 5), (1, 2)])
def test_more_than_a_fifth_less_has_shrunk(now, before):
    """A list that lost more than a fifth taints what the source feeds, and keeps its records."""
    read = mark_shrunken(snapshot(now, before), NOW).contributions
    (fault,) = read.faults
    assert (fault.cause, fault.code) == (Cause.BAD_DATA, DataReason.DATA_SHRANK)
    assert (fault.kind, fault.source) == (Kind.CONTRIBUTIONS, "a")
    assert fault.detail == f"{now} of {before} records"
    assert len(read.records) == now


@pytest.mark.parametrize(
    ("found", "shrunk"),
    [
        *((snapshot(now, before), False) for now, before in ((8, 10), (10, 10), (30, 10), (4, 5))),
        *((snapshot(0, 10, status=one), False) for one in ("DISCONNECTED", "ERROR", "PENDING")),
        (snapshot(0, 10), False),
        (snapshot(0, 10, created=NOW - timedelta(days=60)), True),
        (snapshot(1, 10, source="b", sources=UPLOADS), True),
        (snapshot(0, 10, source="b"), False),
        (
            replace(
                snapshot(10, 10, source="b", sources=UPLOADS),
                known=(KnownCount("a", Kind.CONTRIBUTIONS, 5),),
            ),
            True,
        ),
    ],
)
def test_what_may_be_fewer(found, shrunk):
    """Up to a fifth may be missing, and what is of an account that is not connected.

    Of an old account a kind that is empty altogether has expired; an upload that is gone has not
    shrunk; an account that gives nothing beside another that does has.
    """
    assert bool(mark_shrunken(found, NOW).contributions.faults) is shrunk


@pytest.mark.parametrize(
    "reads",
    [
        {"contributions": Read(faults=(Missing(Cause.SOURCE_FAILED, None, Kind.CONTRIBUTIONS),))},
        {"transactions": Read((Transaction("t", "a", date(2026, 1, 1), None, "PHP", 1),))},
    ],
)
def test_what_failed_or_is_windowed_or_unread_is_not_compared(reads):
    """Transactions are read in a window and may be fewer; kinds that are unread stay None."""
    kinds = (Kind.CONTRIBUTIONS, Kind.TRANSACTIONS, Kind.EINCOMES)
    known = tuple(KnownCount("a", kind, 900) for kind in kinds)
    found = Snapshot("u", (Account("a", "p", "CONNECTED"),), known=known, **reads)
    assert mark_shrunken(found, NOW) == found
