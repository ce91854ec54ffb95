"""Lists that came back shorter than before."""

from datetime import date, timedelta

import pytest

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


def faults(found):
    """The faults after the comparison."""
    return mark_shrunken(found, NOW).contributions.faults


@pytest.mark.parametrize(("now", "before"), [(8, 10), (10, 10), (30, 10), (4, 5)])
def test_up_to_a_fifth_may_be_missing(now, before):
    """A list that lost a fifth or less is taken."""
    assert faults(snapshot(now, before)) == ()


@pytest.mark.parametrize(("now", "before"), [(7, 10), (3, 5), (1, 2)])
def test_more_than_a_fifth_less_has_shrunk(now, before):
    """A list that lost more than a fifth taints what the source feeds, and keeps its records."""
    (fault,) = faults(snapshot(now, before))
    assert (fault.cause, fault.code) == (Cause.BAD_DATA, DataReason.DATA_SHRANK)
    assert (fault.kind, fault.source) == (Kind.CONTRIBUTIONS, "a")
    assert fault.detail == f"{now} of {before} records"
    assert len(mark_shrunken(snapshot(now, before), NOW).contributions.records) == now


@pytest.mark.parametrize("status", ["DISCONNECTED", "ERROR", "PENDING"])
def test_an_account_that_is_not_connected_may_shrink(status):
    """Data of an account that is no longer connected may be gone."""
    assert faults(snapshot(0, 10, status=status)) == ()


def test_a_kind_that_expired_is_left_to_the_factors():
    """An old account whose kind is empty altogether is not called shrunk; a young one's is."""
    assert faults(snapshot(0, 10)) == ()
    assert faults(snapshot(0, 10, created=NOW - timedelta(days=60))) != ()


def test_an_empty_account_among_full_ones_has_shrunk():
    """An old account that gives nothing although the kind has records of another has shrunk."""
    found = snapshot(10, 10, source="b", sources=(Source("b", "UPLOAD", "p"),))
    known = (*found.known, KnownCount("a", Kind.CONTRIBUTIONS, 5))
    found = Snapshot(
        "u", found.accounts, (), found.sources, (), known, contributions=found.contributions
    )
    (fault,) = faults(found)
    assert fault.source == "a"


def test_an_upload_that_still_gives_something_may_not_shrink():
    """An archive or upload is compared while it is there, and not once it is gone."""
    assert faults(snapshot(1, 10, source="b", sources=(Source("b", "UPLOAD", "p"),))) != ()
    assert faults(snapshot(0, 10, source="b")) == ()


def test_what_failed_already_is_not_compared():
    """A kind that could not be read is not called shrunk as well."""
    failed = Missing(Cause.SOURCE_FAILED, None, Kind.CONTRIBUTIONS)
    known = (KnownCount("a", Kind.CONTRIBUTIONS, 10),)
    found = Snapshot(
        "u", (Account("a", "p", "CONNECTED"),), known=known, contributions=Read(faults=(failed,))
    )
    assert mark_shrunken(found, NOW) == found


def test_windowed_and_unread_kinds_are_not_compared():
    """Transactions are read in a window and may be fewer; kinds that are unread stay None."""
    known = (KnownCount("a", Kind.TRANSACTIONS, 900), KnownCount("a", Kind.EINCOMES, 9))
    one = Transaction("t", "a", date(2026, 1, 1), None, "PHP", 1)
    found = Snapshot("u", (Account("a", "p", "CONNECTED"),), known=known, transactions=Read((one,)))
    assert mark_shrunken(found, NOW) == found
