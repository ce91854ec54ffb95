"""Values hold between turning points: nothing else about the instant of a day counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.snapshot import Account, Snapshot
from decision_service.domain.values import AsOf
from decision_service.factors.compute import compute, validity_boundaries
from decision_service.factors.registry import catalogue
from tests.fakes.examples import examples
from tests.oracles.applicants import Case, applicant

ALL = tuple(catalogue())
MOMENT = timedelta(microseconds=1)


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 1 << 32), st.integers(0, 24 * 3600 - 1))
def test_between_turning_points_only_the_civil_date_counts(seed: int, second: int) -> None:
    """Two instants of one civil day with as many turning points behind them give equal factors."""
    case = applicant(seed)
    turns = validity_boundaries(case.snapshot, case.policy)
    for instant in _instants_of_the_day(case, second, turns):
        at = AsOf.at(instant, case.as_of.zone)
        same_side = bisect_left(turns, instant) == bisect_left(turns, case.as_of.instant)
        if at.date == case.as_of.date and same_side:
            assert _computed(case, at) == _computed(case, case.as_of)


def _instants_of_the_day(
    case: Case, second: int, turns: tuple[datetime, ...]
) -> Iterator[datetime]:
    midnight = datetime.combine(case.as_of.date, time(), case.as_of.zone).astimezone(UTC)
    yield midnight + timedelta(seconds=second)
    for account in case.snapshot.accounts:
        if account.connection_updated_at is not None:
            yield from (account.connection_updated_at, account.connection_updated_at + MOMENT)
    for turn in turns:
        yield from (turn, turn + MOMENT)


def _computed(case: Case, as_of: AsOf) -> object:
    return compute(case.snapshot, Needs(ALL, case.policy), as_of)


def test_a_sync_turns_stale_right_after_its_turning_point() -> None:
    """The instant itself still belongs to what came before it."""
    synced = datetime(2026, 11, 1, 12, tzinfo=UTC)
    account = Account("a", "sss_ph", "CONNECTED", connection_updated_at=synced)
    policy = DataPolicy("PHP", max_age=timedelta(days=1))
    assert validity_boundaries(Snapshot("u", accounts=(account,)), policy) == (
        synced + timedelta(days=1),
    )


def test_times_at_the_end_of_the_calendar_have_no_turning_point() -> None:
    """A sync in the year 9999 never turns stale, and is no error."""
    account = Account(
        "a", "sss_ph", "CONNECTED", connection_updated_at=datetime.max.replace(tzinfo=UTC)
    )
    assert validity_boundaries(Snapshot("u", accounts=(account,)), DataPolicy("PHP")) == ()
