"""The laws of the page over made-up applicants: what more data, and more time, may do to income.

The law of amounts is of added accounts without payroll: payroll outranks an estimate, however low
it is, and makes one job of two that were told apart. So does a platform's own word outrank what was
uploaded of it, and bound an estimate of which no employer is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import FactorValue
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Income,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.values import AsOf, Cause, Money, Month
from decision_service.factors.compute import compute
from tests.fakes.examples import examples
from tests.oracles.applicants import Case, applicant
from tests.oracles.draft import CLASSES, PROVIDERS
from tests.oracles.factors.applicant import Applicant, feeders
from tests.oracles.factors.sources import Source, sources_of

MANILA = ZoneInfo("Asia/Manila")
KINDS = tuple(kind.value for kind in Kind if kind is not Kind.ACCOUNTS)
COUNTED = ("income.months_total", "income.months_24m", "income.latest_month", "income.sum_12m")
SEEDS = st.integers(0, 1_000_000)
LAGS = st.integers(0, 3)
DAYS = st.dates(date(2025, 1, 1), date(2028, 12, 31))


def values(case: Case, names: tuple[str, ...], snapshot: Snapshot | None = None) -> Any:
    """The factors of an applicant."""
    needs = Needs(names, case.policy, case.term_months)
    return compute(snapshot or case.snapshot, needs, case.as_of).values


def without_account(snapshot: Snapshot, account_id: str) -> Snapshot:
    """The applicant before an account was connected."""
    reads = {kind: getattr(snapshot, kind) for kind in (*KINDS, "tasks")}
    return replace(
        snapshot,
        accounts=tuple(one for one in snapshot.accounts if one.id != account_id),
        known=tuple(one for one in snapshot.known if one.source != account_id),
        **{kind: without_source(read, account_id) for kind, read in reads.items()},
    )


def without_source(read: Read[Any] | None, source: str) -> Read[Any] | None:
    """A kind without the records of one account."""
    if read is None:
        return None
    return replace(read, records=tuple(one for one in read.records if one.source != source))


def awaits(factor: FactorValue) -> bool:
    """Whether a value is missing because something has not been posted, and only so."""
    return {one.cause for one in factor.missing} == {Cause.NOT_YET_POSTED}


def is_live(case: Case, snapshot: Snapshot) -> bool:
    """Whether some source of income is live."""
    return any(one.live for one in sources_of(Applicant(snapshot, case.policy, case.as_of)))


def adds(case: Case, account_id: str) -> list[Source]:
    """The sources of income that an account brings."""
    sources = sources_of(Applicant(case.snapshot, case.policy, case.as_of))
    return [one for one in sources if one.name == account_id]


def proves_better(case: Case, account_id: str) -> bool:
    """Whether an account is a platform's of which something was uploaded, too."""
    every = feeders(Applicant(case.snapshot, case.policy, case.as_of))
    provider = {one.provider_id for one in every if one.id == account_id and one.gig}
    return any(one.document and one.provider_id in provider for one in every)


def contradicts(case: Case, account_id: str) -> bool:
    """Whether an account gives a scheme's estimates beside documents, which tell no amount then."""
    sources = sources_of(Applicant(case.snapshot, case.policy, case.as_of))
    papers = [one for one in sources if one.feeder.document]
    tells = any(one.payroll or one.kind is Kind.EINCOMES for one in papers)
    return tells and any(one.kind is Kind.EINCOMES for one in sources if one.name == account_id)


def bounds(case: Case, account_id: str) -> bool:
    """Whether an account is a platform's beside another's estimates, which it may bound."""
    who = Applicant(case.snapshot, case.policy, case.as_of)
    gig = any(one.id == account_id and one.gig for one in feeders(who))
    return gig and any(one.kind is Kind.EINCOMES for one in sources_of(who) if not one.feeder.gig)


def removable(case: Case, position: int) -> str:
    """One of the accounts that count."""
    who = Applicant(case.snapshot, case.policy, case.as_of)
    chosen = [one.id for one in feeders(who) if one.account is not None]
    assume(len(chosen) > 1)
    return chosen[position % len(chosen)]


@settings(max_examples=examples(150), deadline=None)
@given(SEEDS, st.integers(0, 3))
def test_another_account_never_takes_a_month_with_income_away(seed: int, position: int) -> None:
    """Beside a live source the horizon never moves back; months with income stay or are awaited."""
    case = applicant(seed)
    added = removable(case, position)
    fewer = without_account(case.snapshot, added)
    assume(is_live(case, fewer))
    before, after = values(case, COUNTED, fewer), values(case, COUNTED)
    once, more = before["income.months_total"], after["income.months_total"]
    if once.value is not None and more.value is not None:
        assert more.value >= once.value
        assert more.evidence.horizon >= once.evidence.horizon


# 1161: a scheme's estimate beside the estimates of an archive, which is a document
@settings(max_examples=examples(150), deadline=None)
@example(1161, 0)
@given(SEEDS, st.integers(0, 3))
def test_another_account_without_payroll_never_makes_a_known_month_smaller(
    seed: int, position: int
) -> None:
    """Where the last known month is the same, the year's income is no less than before."""
    case = applicant(seed)
    added = removable(case, position)
    brought = adds(case, added)
    assume(all(not one.payroll and min(one.amounts.values(), default=0) >= 0 for one in brought))
    assume(not proves_better(case, added) and not contradicts(case, added))
    assume(not bounds(case, added))
    before = values(case, COUNTED, without_account(case.snapshot, added))
    after = values(case, COUNTED)
    once, more = before["income.sum_12m"], after["income.sum_12m"]
    if once.value is not None and more.value is not None:
        ends = [told["income.latest_month"].evidence.horizon for told in (before, after)]
        if ends[0] == ends[1]:
            assert more.value.minor >= once.value.minor


@dataclass(frozen=True)
class Teller:
    """A provider with one kind of records, each of which posts its month."""

    provider: str
    kind: str

    def record(self, month: Month, pay: int) -> Any:
        """A record of a month that ends it."""
        name, last = f"{self.kind}-{month}", month.last_day
        if self.kind == "eincomes":
            return EstimatedIncome(name, "a", month.index, "PHP", pay)
        if self.kind == "transactions":
            return Transaction(name, "a", last, "Trip fare", "PHP", pay)
        first, told = month.first_day, (None, None, pay)
        return Income(name, "a", "Acme", first, last, "Monthly", "PHP", *told)


TELLERS = st.sampled_from(
    [
        Teller("sss_ph", "eincomes"),
        Teller("sprout_ph", "incomes"),
        Teller("grab_ph", "transactions"),
    ]
)


def at_noon(day: date) -> AsOf:
    """A day's noon in Manila."""
    return AsOf.at(datetime.combine(day, time(12), MANILA).astimezone(UTC), MANILA)


def one_account(teller: Teller, day: date, records: list[Any]) -> Snapshot:
    """An account that was synced just now, with these records."""
    now = at_noon(day).instant
    account = Account("a", teller.provider, "CONNECTED", now - timedelta(400), None, now)
    reads: dict[str, Read[Any]] = {kind: Read() for kind in KINDS}
    reads[teller.kind] = Read(tuple(records))
    return Snapshot("user", (account,), providers=PROVIDERS, **reads)


def policy_of(lag: int, days: int = 0) -> DataPolicy:
    """A lag in months, or where that is 0 in days, for every provider."""
    return DataPolicy(
        "PHP",
        posting_lag=(("*", lag),),
        posting_lag_days=(("*", days),),
        transaction_classes=CLASSES,
    )


def told(teller: Teller, day: date, policy: DataPolicy, paid: list[Month]) -> dict[str, Any]:
    """All monthly factors of an account that has posted some months of 20,000."""
    snapshot = one_account(teller, day, [teller.record(month, 2_000_000) for month in paid])
    found = compute(snapshot, Needs(MONTHLY, policy), at_noon(day)).values
    return {name: factor.value for name, factor in found.items()}


MONTHLY = (
    "income.months_total",
    "income.months_12m",
    "income.months_since_last",
    "income.gap_months_12m",
    "income.conservative_6m",
    "income.latest_month",
    "income.sum_6m",
)


def stretch(last: Month, length: int) -> list[Month]:
    """So many months up to one."""
    return [last.plus(-back) for back in range(length)]


@settings(max_examples=examples(150), deadline=None)
@given(TELLERS, DAYS, LAGS, st.integers(0, 15), st.integers(0, 3), st.integers(3, 9))
def test_a_posted_month_counts(
    teller: Teller, day: date, lag: int, days: int, late: int, length: int
) -> None:
    """However long the lag is, months that ended and are posted count, the newest among them."""
    newest = Month.of(day).plus(-1 - late)
    assume(late <= lag)
    found = told(teller, day, policy_of(lag, days), stretch(newest, length))
    assert found["income.months_total"] == length
    if late == 0:
        assert found["income.months_since_last"] == 0
        assert found["income.latest_month"] == Money("PHP", 2_000_000)


@settings(max_examples=examples(150), deadline=None)
@given(TELLERS, DAYS, LAGS, st.integers(0, 15), st.integers(3, 9), st.integers(0, 130))
def test_a_month_that_is_not_yet_due_is_never_zero(
    teller: Teller, day: date, lag: int, days: int, length: int, wait: int
) -> None:
    """Until the next month is due each day gives what the day gave on which the last was posted."""
    newest = Month.of(day).plus(-1)
    policy = policy_of(lag, days)
    due = newest.plus(2 + lag).first_day if lag else newest.plus(1).last_day + timedelta(days + 1)
    later = day + timedelta(wait)
    assume(later < due)
    paid = stretch(newest, length)
    assert told(teller, later, policy, paid) == told(teller, day, policy, paid)
    assert told(teller, later, policy, paid)["income.months_since_last"] == 0


@settings(max_examples=examples(150), deadline=None)
@given(DAYS, st.integers(1, 3), st.integers(3, 9))
def test_without_a_month_that_was_posted_early_it_is_the_day_before_it_was(
    day: date, lag: int, length: int
) -> None:
    """What was posted before it was due can be hidden only by looking as one did without it."""
    teller, policy = Teller("sss_ph", "eincomes"), policy_of(lag)
    settled = Month.of(day).plus(-1 - lag)
    paid = stretch(settled, length)
    early = [settled.plus(1 + ahead) for ahead in range(lag)]
    shown = told(teller, day, policy, [*early, *paid])
    assert shown["income.months_total"] == length + lag
    first_day = Month.of(day).first_day
    assert told(teller, day, policy, paid) == told(teller, first_day, policy, paid)


@settings(max_examples=examples(150), deadline=None)
@given(DAYS, LAGS, st.integers(0, 12))
def test_a_schemes_silence_is_no_zero(day: date, lag: int, silent: int) -> None:
    """For 13 months after its newest record a scheme leaves open whether there was income."""
    teller, policy = Teller("sss_ph", "eincomes"), policy_of(lag)
    newest = Month.of(day).plus(-1 - lag - silent)
    snapshot = one_account(teller, day, [teller.record(m, 2_000_000) for m in stretch(newest, 6)])
    found = compute(snapshot, Needs(MONTHLY, policy), at_noon(day)).values
    assert found["income.sum_6m"].value == Money("PHP", 12_000_000)
    since = found["income.months_since_last"]
    assert since.value == 0 if silent == 0 else awaits(since)


@settings(max_examples=examples(150), deadline=None)
@given(DAYS, st.integers(0, 2), st.sampled_from([3, 6, 12]))
def test_a_contribution_that_was_posted_early_never_hurts(day: date, lag: int, window: int) -> None:
    """Of one scheme, one more posted month lowers no count of months and lengthens no silence."""
    names = (f"contributions.months_{window}m", "contributions.months_since_last")
    settled = Month.of(day).plus(-1 - lag)
    for ahead in range(lag):
        months = [*stretch(settled, 8), settled.plus(1 + ahead)]
        counts = []
        for paid in (months[:-1], months):
            records = [Contribution(str(m), "a", m.last_day, "PHP", 50_000) for m in paid]
            snapshot = one_account(Teller("sss_ph", "contributions"), day, records)
            found = compute(snapshot, Needs(names, policy_of(lag)), at_noon(day)).values
            counts.append([found[name].value for name in names])
        assert counts[1][0] >= counts[0][0]
        assert counts[1][1] == 0


PLATFORMS = ("grab_ph", "lalamove_ph", "foodpanda_ph")


@settings(max_examples=examples(150), deadline=None)
@given(DAYS, st.lists(st.sampled_from(PLATFORMS), min_size=12, max_size=12), st.integers(0, 2))
def test_who_earns_the_same_is_not_waited_for_whichever_platform_pays(
    day: date, worked: list[str], late: int
) -> None:
    """Each month's trips may be another platform's: the amounts are those of one platform alone.

    A scheme posts two months late or later; what the newest months bring is known all the same.
    """
    found = [amounts_of_rider(day, chosen, late) for chosen in (worked, ["grab_ph"] * 12)]
    assert found[0] == found[1]
    assert found[0] == [Money("PHP", 2_000_000)] * 2


@settings(max_examples=examples(150), deadline=None)
@given(DAYS, st.lists(st.sampled_from(PLATFORMS), min_size=12, max_size=12), st.integers(0, 2))
def test_who_earns_half_in_the_newest_month_is_waited_for(
    day: date, worked: list[str], late: int
) -> None:
    """A fall is seen on whichever platform it is, and whoever paid before."""
    assert amounts_of_rider(day, worked, late, newest=1_000_000) == [None, None]


def amounts_of_rider(day: date, worked: list[str], late: int, newest: int = 2_000_000) -> Any:
    """The last month and the careful income of a rider, by the platform of each month.

    Trips of 20,000 a month end yesterday's month; the self-paid estimates of 15,000 end earlier.
    """
    now, ended = at_noon(day).instant, Month.of(day).plus(-1)
    names = (*PLATFORMS, "sss_ph")
    accounts = [Account(one, one, "CONNECTED", now - timedelta(400), None, now) for one in names]
    months = stretch(ended, 12)
    trips = [
        Transaction(str(month), platform, month.last_day, "Trip fare", "PHP", 2_000_000)
        for month, platform in zip(months, worked, strict=True)
    ]
    trips[0] = replace(trips[0], amount=newest)
    posted = stretch(ended.plus(-2 - late), 12)
    estimates = [EstimatedIncome(f"e-{m}", "sss_ph", m.index, "PHP", 1_500_000) for m in posted]
    reads: dict[str, Read[Any]] = {kind: Read() for kind in KINDS}
    reads["transactions"], reads["eincomes"] = Read(tuple(trips)), Read(tuple(estimates))
    snapshot = Snapshot("user", tuple(accounts), providers=PROVIDERS, **reads)
    policy = replace(policy_of(0), posting_lag=(("sss_*", 2), ("*", 0)))
    wanted = ("income.latest_month", "income.conservative_6m")
    values = compute(snapshot, Needs(wanted, policy), at_noon(day)).values
    return [values[name].value for name in wanted]


def test_the_applicants_have_accounts_to_add() -> None:
    """The laws would prove little if applicants had one account each."""
    many = [applicant(seed).snapshot.accounts for seed in range(100)]
    assert sum(len(accounts) > 2 for accounts in many) > 20


WORKS_FROM = Month.of(date(2026, 1, 1)).index


def new_worker(days: date, jobs: list[tuple[int, bool]], paid: set[int]) -> Case:
    """Somebody with a payroll account for each job, which may also name it, and one scheme."""
    case = applicant(1)
    synced = datetime.combine(days, time(1), MANILA).astimezone(UTC)
    accounts = [
        Account(
            f"p{n}",
            "sprout_ph",
            "CONNECTED",
            connection_updated_at=synced,
            created_at=synced - timedelta(days=400),
        )
        for n in range(len(jobs))
    ]
    accounts.append(
        Account(
            "s",
            "sss_ph",
            "CONNECTED",
            connection_updated_at=synced,
            created_at=synced - timedelta(days=400),
        )
    )
    last = Month.of(days).index - 1
    incomes, employed = [], []
    for n, (began, named) in enumerate(jobs):
        for month in range(WORKS_FROM + began, last + 1):
            first, end = Month(month).first_day, Month(month).last_day
            slip = Income(
                    id=f"i{n}-{month}", source=f"p{n}", employer=f"Employer {n}", start=first,
                    end=end, frequency="Monthly", currency="PHP", base=None, gross=None,
                    net=2_000_000,
                )  # fmt: skip
            incomes.append(slip)
        if named:
            start = Month(WORKS_FROM + began).first_day
            employed.append(Employment(f"e{n}", f"p{n}", f"Employer {n}", None, start, None, None))
    contributions = tuple(
        Contribution(f"c{m}", "s", Month(WORKS_FROM + m).last_day, "PHP", 50_000) for m in paid
    )
    snapshot = replace(
        case.snapshot,
        accounts=tuple(accounts),
        account_faults=(),
        sources=(),
        known=(),
        tasks=None,
        providers=tuple(PROVIDERS),
        **{kind: Read(()) for kind in KINDS},
    )
    snapshot = replace(
        snapshot,
        incomes=Read(tuple(incomes)),
        employments=Read(tuple(employed)),
        contributions=Read(contributions),
    )
    return replace_case(case, snapshot, AsOf.at(synced, MANILA))


def replace_case(case: Case, snapshot: Snapshot, as_of: AsOf) -> Case:
    """The applicant of another snapshot and instant, by a policy without lags."""
    policy = replace(case.policy, currency="PHP", max_age=timedelta(days=35))
    return Case(snapshot, policy, as_of, case.term_months)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=3),
    st.sets(st.integers(0, 10), min_size=1),
    st.integers(0, 2),
)
def test_leaving_an_account_out_never_closes_a_gap_in_contributions(
    jobs: list[tuple[int, bool]], paid: set[int], place: int
) -> None:
    """Where contributions or jobs on record reach back as far as the account that is left out."""
    case = new_worker(date(2026, 12, 20), jobs, paid)
    left_out = place % len(jobs)
    named = [began for n, (began, told) in enumerate(jobs) if told and n != left_out]
    assume(min([*paid, *named]) <= jobs[left_out][0])
    names = ("contributions.gap_months_12m", "contributions.months_12m")
    whole = values(case, names)
    less = values(case, names, without_account(case.snapshot, f"p{left_out}"))
    assert less[names[0]].value >= whole[names[0]].value
    assert less[names[1]].value <= whole[names[1]].value
