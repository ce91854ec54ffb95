"""The slow reference against sums done by hand, so that the oracle itself is to be trusted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.money import Money
from decision_service.domain.months import Month
from decision_service.domain.needs import CombineIncome, DataPolicy, PartialPolicy
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    EstimatedIncome,
    Income,
    KnownCount,
    Liability,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.time import AsOf
from tests.oracles.factors import reference
from tests.oracles.vocabulary import CLASSES, PROVIDERS

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
AS_OF = AsOf.at(NOW, ZoneInfo("Asia/Manila"))
POLICY = DataPolicy("PHP", transaction_classes=CLASSES)
LAGGING = DataPolicy("PHP", posting_lag=(("sss_*", 2),), transaction_classes=CLASSES)


def account(provider: str, status: str = "CONNECTED", synced: datetime = NOW) -> Account:
    """An account that is called after its provider."""
    return Account(provider, provider, status, NOW - timedelta(200), None, synced)


def snapshot(*accounts: Account, **records: list[object]) -> Snapshot:
    """An applicant whose kinds are all read, most of them empty."""
    kinds = {kind.value: Read(tuple(records.get(kind.value, ()))) for kind in list(Kind)[1:]}
    return Snapshot("user", accounts, providers=PROVIDERS, **kinds)


def estimates(source: str, amounts: dict[str, int]) -> list[object]:
    """Estimates by month, in whole pesos."""
    return [
        EstimatedIncome(f"{source}{month}", source, Month.parse(month).index, "PHP", pesos * 100)
        for month, pesos in amounts.items()
    ]


def payroll(source: str, employer: str, start: date, end: date, pesos: int) -> Income:
    """One payroll record, net."""
    name = f"{source}{employer}{start}"
    return Income(name, source, employer, start, end, "Monthly", "PHP", None, None, pesos * 100)


def trip(source: str, day: date, pesos: int, words: str = "Trip fare") -> Transaction:
    """One transaction."""
    return Transaction(f"{source}{day}{words}{pesos}", source, day, words, "PHP", pesos * 100)


def php(pesos: str) -> Money:
    """An amount in pesos."""
    return Money("PHP", int(Decimal(pesos) * 100))


def one(name: str, given: Snapshot, policy: DataPolicy = POLICY, as_of: AsOf = AS_OF) -> object:
    """The reference's answer for one factor."""
    return reference(given, policy, as_of, [name])[name]


def test_the_last_months_end_at_the_horizon() -> None:
    """They are August to October on 24 November, and end earlier where August is open."""
    amounts = {"2026-06": 1, "2026-07": 2, "2026-08": 4, "2026-09": 8, "2026-10": 16, "2026-11": 32}
    given = snapshot(account("sss_ph"), eincomes=estimates("sss_ph", amounts))
    assert one("income.sum_3m", given) == php("28")  # 4 + 8 + 16
    assert one("income.sum_3m", given, LAGGING) == php("28")  # posted before they were due
    due = snapshot(account("sss_ph"), eincomes=estimates("sss_ph", {"2026-06": 1, "2026-07": 2}))
    assert one("income.sum_3m", due, LAGGING) == php("3")  # May 0 + 1 + 2, August is not known


def test_a_sync_before_as_of_ends_the_history_earlier() -> None:
    """A month that was running at the last sync is not settled, however late it is now."""
    synced = datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)  # the last second of October, Manila
    amounts = {"2026-08": 4, "2026-09": 8, "2026-10": 16}
    given = snapshot(account("sss_ph", synced=synced), eincomes=estimates("sss_ph", amounts))
    assert one("income.sum_3m", given) == php("12")  # 4 + 8
    later = account("sss_ph", synced=synced + timedelta(seconds=1))
    given = snapshot(later, eincomes=estimates("sss_ph", amounts))
    assert one("income.sum_3m", given) == php("28")  # 4 + 8 + 16


def test_a_month_without_a_record_is_zero_inside_the_history_only() -> None:
    """The calendar average counts gaps as zero and refuses a history that is too short."""
    amounts = {"2026-08": 300, "2026-10": 300}
    given = snapshot(account("sss_ph"), eincomes=estimates("sss_ph", amounts))
    assert one("income.calendar_average_3m", given) == php("200")  # (300 + 0 + 300) / 3
    assert one("income.calendar_average_6m", given) == {Cause.SHORT_HISTORY}
    assert one("income.average_6m", given) == php("300")  # over the months with income
    assert one("income.months_6m", given) == 2
    assert one("income.gap_months_12m", given) == 1


def test_conservative_income_is_the_smallest_of_three() -> None:
    """Average, median and last-three average compete; a rounding to the centavo is half-even."""
    amounts = {"2026-07": 900, "2026-08": 100, "2026-09": 100, "2026-10": 101}
    given = snapshot(account("sss_ph"), eincomes=estimates("sss_ph", amounts))
    # average 1201 / 4 = 300.25; median (100 + 101) / 2 = 100.50; last three 301 / 3 = 100.333...
    assert one("income.conservative_6m", given) == php("100.33")
    short = snapshot(account("sss_ph"), eincomes=estimates("sss_ph", {"2026-09": 1, "2026-10": 1}))
    assert one("income.conservative_6m", short) == {Cause.SHORT_HISTORY}


def test_incomes_of_several_accounts_combine_by_job() -> None:
    """One employer in two accounts is one job; gig work comes on top of payroll."""
    october = date(2026, 10, 1), date(2026, 10, 31)
    given = snapshot(
        account("sprout_ph"),
        account("sss_ph"),
        account("grab_ph"),
        incomes=[
            payroll("sprout_ph", "Acme  Corp", *october, 500),
            payroll("sss_ph", "ACME CORP", *october, 700),
            payroll("sprout_ph", "Bayan", *october, 50),
        ],
        eincomes=estimates("sss_ph", {"2026-09": 300}),
        transactions=[
            trip("grab_ph", date(2026, 10, 5), 40),
            trip("grab_ph", date(2026, 10, 6), -4, "Service fee"),
            trip("grab_ph", date(2026, 10, 7), -30, "Cash out"),
            trip("grab_ph", date(2026, 9, 30), 310),
        ],
    )
    # October: Acme max(500, 700) + Bayan 50 + gig 40 - 4 = 786; September: max(300, 310) = 310
    assert one("income.sum_3m", given) == php("1096")
    summed = DataPolicy("PHP", combine_income=CombineIncome.SUM, transaction_classes=CLASSES)
    # in October the sum of 550, 700 and 36, in September that of 300 and 310
    assert one("income.sum_3m", given, summed) == php("1896")
    largest = DataPolicy("PHP", combine_income=CombineIncome.MAX, transaction_classes=CLASSES)
    # in October the largest of 550, 700 and 36, in September that of 300 and 310
    assert one("income.sum_3m", given, largest) == php("1010")


def test_long_pay_periods_are_spread_by_days() -> None:
    """A quarter's pay goes to its months by their days, a month's pay to the month it ends in."""
    quarter = payroll("sprout_ph", "Acme", date(2026, 7, 1), date(2026, 9, 30), 920)
    month = payroll("sprout_ph", "Acme", date(2026, 9, 29), date(2026, 10, 28), 100)
    given = snapshot(account("sprout_ph"), incomes=[quarter, month])
    # 92 days at 10 a day: July 310, August 310, September 300; then October 100
    assert one("income.sum_3m", given) == php("710")
    assert one("income.max_all", given) == php("310")
    assert one("income.current_amount", given) == php("100")


def test_changes_compare_the_two_ends() -> None:
    """The horizon month is compared with the month N before it."""
    amounts = {f"2026-{month:02d}": 100 for month in range(4, 10)} | {"2026-10": 130}
    given = snapshot(account("sss_ph"), eincomes=estimates("sss_ph", amounts))
    assert one("income.change_6m", given) == php("30")  # October 130 less April 100
    assert one("income.change_6m_pct", given) == Decimal(30)
    assert one("income.change_12m", given) == {Cause.SHORT_HISTORY}


def test_three_schemes_in_two_months_are_two_months() -> None:
    """Months of contributions are those of the best-covered scheme."""
    schemes = ("sss_ph", "philhealth_ph", "pagibig_ph")
    paid: list[object] = [
        Contribution(f"{scheme}{day}", scheme, day, "PHP", 100)
        for scheme in schemes
        for day in (date(2026, 9, 30), date(2026, 10, 31))
    ]
    given = snapshot(*[account(scheme) for scheme in schemes], contributions=paid)
    assert one("contributions.months_6m", given) == 2
    assert one("contributions.count_6m", given) == 6
    assert one("contributions.schemes_count", given) == 3


def test_empty_is_not_zero() -> None:
    """Nothing connected, nothing listed and data that has gone are three different things."""
    name = "contributions.months_12m"
    assert one(name, snapshot()) == {Cause.NOT_CONNECTED}
    empty = snapshot(account("sss_ph"))
    assert one(name, empty) == {Cause.NO_DATA}
    gone = Snapshot(
        "user",
        empty.accounts,
        providers=PROVIDERS,
        known=(KnownCount("sss_ph", Kind.CONTRIBUTIONS, 9),),
        contributions=Read(),
    )
    assert one(name, gone) == {Cause.EXPIRED}
    assert one("liabilities.loan_count", empty) == 0
    assert one("liabilities.loan_count", gone) == {Cause.NOT_FETCHED}


def test_estimates_that_are_gone_taint_income_whatever_else_is_paid() -> None:
    """A kind that an account of over 60 days once had and has no more is not overlooked."""
    october = payroll("sprout_ph", "Acme", date(2026, 10, 1), date(2026, 10, 31), 500)
    given = snapshot(account("sss_ph"), account("sprout_ph"), incomes=[october])
    assert one("income.sum_3m", given) == php("500")
    known = (KnownCount("sss_ph", Kind.EINCOMES, 9),)
    assert one("income.sum_3m", replace(given, known=known)) == {Cause.EXPIRED}
    unread = replace(given, known=known, eincomes=None)
    assert one("income.sum_3m", unread) == {Cause.NOT_FETCHED}


def test_what_only_a_revoked_account_could_tell_has_expired() -> None:
    """A revoked account is not used, and its absence is a taint where nothing else feeds a kind."""
    given = snapshot(account("sss_ph", "DISCONNECTED"), account("sprout_ph"))
    assert one("contributions.months_12m", given) == {Cause.EXPIRED}
    assert one("income.months_12m", given) == {Cause.NO_DATA}


def test_one_id_with_two_contents_is_bad_and_a_repetition_counts_once() -> None:
    """Equal records of one id are one record; different ones cannot both be true."""
    first = estimates("sss_ph", {"2026-09": 5, "2026-10": 6})
    again = snapshot(account("sss_ph"), eincomes=[*first, *estimates("sss_ph", {"2026-10": 6})])
    assert one("income.sum_3m", again) == php("11")
    other = snapshot(account("sss_ph"), eincomes=[*first, *estimates("sss_ph", {"2026-10": 7})])
    assert one("income.sum_3m", other) == {Cause.BAD_DATA}


def test_a_stale_account_taints_what_it_feeds() -> None:
    """An account is stale one second after the longest age, and only for its own kinds."""
    edge = snapshot(
        account("sss_ph", synced=NOW - timedelta(days=35)),
        eincomes=estimates("sss_ph", {"2026-09": 1}),
    )
    assert one("income.months_total", edge) == 1
    old = account("sss_ph", synced=NOW - timedelta(days=35, seconds=1))
    stale = snapshot(
        old,
        account("grab_ph"),
        eincomes=estimates("sss_ph", {"2026-09": 1}),
        transactions=[trip("grab_ph", date(2026, 10, 5), 40)],
    )
    assert one("income.months_total", stale) == {Cause.STALE}
    assert one("transactions.count_1m", stale) == 1
    assert one("accounts.connected_count", stale) == 2


def test_an_abandoned_attempt_is_ignored_and_a_broken_account_is_partial() -> None:
    """Only an account that has delivered data can be partial."""
    good = estimates("sss_ph", {"2026-10": 5})
    abandoned = snapshot(account("sss_ph"), account("philhealth_ph", "ERROR"), eincomes=good)
    assert one("income.months_total", abandoned) == 1
    more = good + estimates("philhealth_ph", {"2026-09": 5})
    broken = snapshot(account("sss_ph"), account("philhealth_ph", "ERROR"), eincomes=more)
    assert one("income.months_total", broken) == {Cause.PARTIAL}
    lenient = DataPolicy("PHP", partial=PartialPolicy.USE)
    assert one("income.months_total", broken, lenient) == 2
    gone = snapshot(account("sss_ph"), account("philhealth_ph", "DISCONNECTED"), eincomes=more)
    assert one("income.months_total", gone) == 1


def test_foreign_money_matters_inside_the_window_only() -> None:
    """Dollars of a year ago leave the last three months alone."""
    dollars = EstimatedIncome("x", "sss_ph", Month.parse("2025-11").index, "USD", 100)
    amounts = {"2026-08": 4, "2026-09": 8, "2026-10": 16}
    given = snapshot(account("sss_ph"), eincomes=[dollars, *estimates("sss_ph", amounts)])
    assert one("income.sum_3m", given) == php("28")
    assert one("income.sum_12m", given) == {Cause.MIXED_CURRENCY}


def test_transactions_without_a_class_spoil_money_over_a_fifth() -> None:
    """Exactly a fifth of the money without a class is bearable, a centavo more is not."""
    fare, odd = trip("grab_ph", date(2026, 10, 5), 80), trip("grab_ph", date(2026, 10, 6), 20, "Hm")
    given = snapshot(account("grab_ph"), transactions=[fare, odd])
    assert one("transactions.earnings_1m", given) == php("80")
    more = trip("grab_ph", date(2026, 10, 7), 1, "Hm")
    given = snapshot(account("grab_ph"), transactions=[fare, odd, more])
    assert one("transactions.earnings_1m", given) == {Cause.UNCLASSIFIED}
    assert one("income.sum_3m", given) == {Cause.UNCLASSIFIED}


def loan(name: str, amortization: int | None, frequency: str, left: int) -> Liability:
    """A loan in pesos."""
    began = date(2025, 1, 1)
    paid = None if amortization is None else amortization * 100
    return Liability(
        name,
        "sss_ph",
        "Salary",
        began,
        None,
        "PHP",
        900_00,
        paid,
        frequency,
        left * 100,
        None,
        None,
    )


def test_amortization_is_per_month_by_frequency() -> None:
    """Only outstanding loans cost anything, and an unknown instalment is not zero."""
    loans: list[object] = [
        loan("a", 120, "Monthly", 500),
        loan("b", 300, "Quarterly", 500),
        loan("c", 10, "Semimonthly", 500),
        loan("d", 77, "Monthly", 0),
    ]
    given = snapshot(account("sss_ph"), liabilities=loans)
    assert one("liabilities.monthly_amortization", given) == php("240")  # 120 + 100 + 20
    assert one("liabilities.outstanding_count", given) == 3
    assert one("liabilities.finished_count", given) == 1
    unknown = snapshot(account("sss_ph"), liabilities=[*loans, loan("e", None, "Monthly", 5)])
    assert one("liabilities.monthly_amortization", unknown) == {Cause.NO_DATA}
    strange = [*loans, loan("e", None, "Monthly", 5), loan("f", 5, "Fortnightly", 5)]
    given = snapshot(account("sss_ph"), liabilities=strange)
    assert one("liabilities.monthly_amortization", given) == {Cause.NO_DATA, Cause.BAD_DATA}
