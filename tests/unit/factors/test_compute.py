"""What `compute` reports beside values: kinds, sources, the oldest sync, evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Evidence, Factors, KindStatus
from decision_service.domain.needs import Needs
from decision_service.domain.values import Cause, Missing
from decision_service.factors.compute import compute
from tests.unit.factors.golden import plus_zone, read_policy, read_snapshot

AS_OF = plus_zone("2026-11-24T02:00:00Z", "Asia/Manila")
SSS = {"id": "a", "provider": "sss_ph", "synced": "2026-11-20T00:00:00Z"}
RIDER = {"id": "l", "provider": "lalamove_ph", "synced": "2026-11-10T00:00:00Z"}

ARCHIVE = {"id": "s", "type": "ARCHIVE", "provider": "grab_ph"}


def result(names: tuple[str, ...], policy: dict[str, Any] | None = None, **parts: Any) -> Factors:
    """The factors of an applicant written as in the golden cases."""
    needs = Needs(names, read_policy(policy or {}))
    return compute(read_snapshot(parts), needs, AS_OF)


def evidence(name: str, **parts: Any) -> Evidence:
    """One factor's evidence."""
    return result((name,), **parts).values[name].evidence


def test_only_named_factors_are_computed() -> None:
    """The values are those asked for, in the order asked for."""
    names = ("income.months_12m", "accounts.connected_count")
    assert tuple(result(names, accounts=[SSS]).values) == names


def test_an_unknown_name_is_an_error() -> None:
    """The checker lets none through; here it is a KeyError."""
    with pytest.raises(KeyError):
        result(("income.months_7m",))


def test_kinds_say_how_completely_each_was_read() -> None:
    """Faults with records are PARTIAL, without any MISSING, as is what is needed and unread."""
    kinds = result(
        ("contributions.months_3m", "income.months_3m", "identity.age_years"),
        accounts=[SSS],
        eincomes=[["a", "2026-10", "1"]],
        contributions=[["a", "2026-10-31", "1"]],
        faults={"contributions": ["SOURCE_FAILED"], "liabilities": ["SOURCE_FAILED"]},
        not_fetched=["identities", "transactions", "links"],
    ).kinds
    assert kinds == {
        Kind.ACCOUNTS: KindStatus.COMPLETE,
        Kind.EINCOMES: KindStatus.COMPLETE,
        Kind.INCOMES: KindStatus.COMPLETE,
        Kind.CONTRIBUTIONS: KindStatus.PARTIAL,
        Kind.EMPLOYMENTS: KindStatus.COMPLETE,
        Kind.LIABILITIES: KindStatus.MISSING,
        Kind.IDENTITIES: KindStatus.MISSING,
    }


def test_an_account_in_error_makes_its_kinds_partial() -> None:
    """What it feeds was not read completely, whatever the policy does about it."""
    broken = {"id": "g", "provider": "grab_ph", "status": "ERROR"}
    kinds = result(
        ("income.months_3m",), accounts=[SSS, broken], known=[["g", "eincomes", "3"]]
    ).kinds
    assert kinds[Kind.EINCOMES] is KindStatus.PARTIAL
    assert kinds[Kind.CONTRIBUTIONS] is KindStatus.COMPLETE


def test_transactions_are_needed_where_they_stand_in() -> None:
    """A gig account without incomes makes unread transactions MISSING."""
    kinds = result(("income.months_3m",), accounts=[RIDER], not_fetched=["transactions"]).kinds
    assert kinds[Kind.TRANSACTIONS] is KindStatus.MISSING


def test_sources_tell_their_status_and_use() -> None:
    """Accounts and archives stand in id order; an abandoned attempt is not used."""
    sources = result(
        (),
        accounts=[SSS, {"id": "x", "provider": "grab_ph", "status": "ERROR", "error": "TOS"}],
        sources=[{"id": "s", "type": "ARCHIVE", "provider": "user-provided"}],
    ).sources
    assert [(s.id, s.status, s.used, s.error_code) for s in sources] == [
        ("a", "CONNECTED", True, None),
        ("s", "ARCHIVE", True, None),
        ("x", "ERROR", False, "TOS"),
    ]


def test_sources_have_the_names_of_their_providers() -> None:
    """Of accounts and archives, as the reading had them; without a name there is none."""
    found = read_snapshot({"accounts": [SSS, RIDER], "sources": [ARCHIVE]})
    named = [replace(one, name=one.id.upper()) for one in found.providers if one.id != "sss_ph"]
    sources = compute(replace(found, providers=tuple(named)), Needs((), read_policy({})), AS_OF)
    told = {one.id: one.provider_name for one in sources.sources}
    assert told == {"a": "", "l": "LALAMOVE_PH", "s": "GRAB_PH"}


def test_a_partial_account_is_not_used() -> None:
    """What it delivered before it failed does not count."""
    broken = {"id": "g", "provider": "grab_ph", "status": "ERROR"}
    (source,) = result((), {}, accounts=[broken], known=[["g", "eincomes", "3"]]).sources
    assert not source.used


def test_the_oldest_sync_is_of_sources_that_feed_a_needed_kind() -> None:
    """The rider's older sync counts only where transactions are needed."""
    accounts = [SSS, RIDER]
    oldest = result(("contributions.months_3m",), accounts=accounts).oldest_used_sync
    assert oldest == datetime(2026, 11, 20, tzinfo=UTC)
    oldest = result(("transactions.count_3m",), accounts=accounts).oldest_used_sync
    assert oldest == datetime(2026, 11, 10, tzinfo=UTC)
    assert result(("accounts.connected_count",), accounts=accounts).oldest_used_sync is None


def test_income_shows_what_it_rests_on() -> None:
    """Count, first and last month of the window, horizon, grade, heaviest first, sources."""
    assert evidence(
        "income.sum_3m",
        accounts=[SSS],
        eincomes=[["a", "2026-07", "900"], ["a", "2026-09", "5"], ["#big", "a", "2026-10", "7"]],
    ) == Evidence(
        records=2,
        first="2026-09",
        last="2026-10",
        horizon="2026-10",
        grade="DECLARED",
        top=("big", "eincomes-2"),
        sources=("a",),
    )


def test_payroll_outranks_other_proof_and_mixed_bases_are_noted() -> None:
    """The strongest grade of the window is shown, and that net and gross are mixed."""
    found = evidence(
        "income.sum_3m",
        accounts=[SSS, {"id": "p", "provider": "sprout_ph"}],
        eincomes=[["a", "2026-10", "7"]],
        incomes=[
            {"source": "p", "start": "2026-10-01", "end": "2026-10-15", "net": "1"},
            {"source": "p", "start": "2026-10-16", "end": "2026-10-31", "gross": "2"},
        ],
    )
    assert found.grade == "PAYROLL"
    assert found.notes == ("payroll amounts are gross and net",)
    assert found.sources == ("a", "p")


def test_earnings_that_stand_in_say_from_when_they_are_known() -> None:
    """Only earnings are shown as records, and the note names the first month."""
    found = evidence(
        "income.months_24m",
        accounts=[RIDER],
        transactions=[
            ["l", "2026-10-05", "Trip", "10"],
            ["l", "2026-10-06", "Cash out", "-9"],
        ],
    )
    assert found.records == 1
    assert found.top == ("transactions-1",)
    assert found.grade == "PLATFORM"
    assert found.notes == ("gig earnings are known from 2025-10 on",)


def test_at_most_five_records_are_shown_heaviest_first() -> None:
    """Ties go by id; months and days of transactions agree on it."""
    trips = [["l", f"2026-10-{day:02d}", "Trip", str(amount)] for day, amount in _TRIPS]
    top = ("transactions-7", "transactions-2", "transactions-3", "transactions-5", "transactions-6")
    for name in ("transactions.earnings_1m", "transactions.earnings_28d"):
        assert evidence(name, accounts=[RIDER], transactions=trips).top == top


def test_of_equal_records_those_with_the_smallest_ids_are_shown() -> None:
    """More than five that weigh the same are shown by id, whatever their order."""
    trips = [[f"#{name}", "l", "2026-10-20", "Trip", "5"] for name in "gfedcba"]
    shown = evidence("transactions.count_1m", accounts=[RIDER], transactions=trips).top
    assert shown == ("a", "b", "c", "d", "e")


_TRIPS = ((20, 1), (21, 90), (22, 90), (23, 2), (24, 50), (25, 40), (26, 99))


def test_day_windows_show_days_and_month_windows_months() -> None:
    """First and last are those of the records that the window holds."""
    trips = [["l", "2026-10-20", "Trip", "1"], ["l", "2026-11-02", "Trip", "1"]]
    days = evidence("transactions.earnings_28d", accounts=[RIDER], transactions=trips)
    assert (days.first, days.last, days.horizon) == ("2026-10-20", "2026-11-02", "2026-11-10")
    months = evidence("transactions.earnings_3m", accounts=[RIDER], transactions=trips)
    assert (months.first, months.last, months.horizon) == ("2026-10", "2026-10", "2026-10")


def test_an_absent_value_keeps_its_evidence() -> None:
    """A short history shows the records that there are."""
    value = result(
        ("income.calendar_average_3m",), accounts=[SSS], eincomes=[["a", "2026-10", "7"]]
    ).values["income.calendar_average_3m"]
    assert value.missing[0].cause is Cause.SHORT_HISTORY
    assert value.missing[0].detail == "1 months observed"
    assert value.evidence.records == 1


def test_partial_tells_the_accounts_error() -> None:
    """Account, kind and Smile's error code stand in fields."""
    broken = {"id": "g", "provider": "grab_ph", "status": "ERROR", "error": "INVALID_AUTH"}
    value = result(("income.months_3m",), accounts=[broken], known=[["g", "eincomes", "3"]]).values[
        "income.months_3m"
    ]
    assert value.missing == (
        Missing(Cause.PARTIAL, kind=Kind.EINCOMES, source="g", account_error="INVALID_AUTH"),
    )


def test_numbers_have_thirty_four_digits() -> None:
    """A third is rounded half-even at the 34th digit."""
    value = result(
        ("transactions.fee_ratio_1m",),
        accounts=[RIDER],
        transactions=[["l", "2026-10-05", "Trip", "3"], ["l", "2026-10-05", "Fee", "-2"]],
    ).values["transactions.fee_ratio_1m"]
    assert value.value == Decimal("0." + "6" * 33 + "7")
