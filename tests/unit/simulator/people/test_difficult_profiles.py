"""Lives that a decision must not get wrong: late, twice, under two names, half, unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from decision_service.standin.formats import PROVIDERS, last_day, month_number, month_of, start_of
from bench.people.population import DIFFICULT, PROFILE_CYCLE, population, profile_of
from decision_service.standin.sources import IMMEDIATE, PROMPT, Posting
from decision_service.standin.world import DataSource, Person

DAYS = [date(2026, 11, 24), date(2026, 12, 1), date(2027, 2, 28), date(2027, 4, 15)]
any_day = pytest.mark.parametrize("today", DAYS, ids=str)
SOME = 12


def leading(life: str, today: date) -> list[Person]:
    """Some people who all lead one life."""
    return list(population(5, SOME, today, (life,)))


def items(person: Person, kind: str) -> list[dict[str, Any]]:
    """Everything of a kind that a person's sources hold."""
    return [one for source in person.sources for one in source.of(kind)]


def at(person: Person, provider: str) -> DataSource:
    """A person's source at a provider."""
    return next(one for one in person.sources if one.provider_id == provider)


def behind(person: Person, today: date) -> int:
    """Months from the newest estimate to today's month."""
    return month_of(today) - max(month_number(one["month"]) for one in items(person, "eincomes"))


def overlapping(payslips: Iterable[dict[str, Any]]) -> int:
    """How many payslips begin before an earlier one of the account ends."""
    periods = sorted((one["startDate"], one["endDate"]) for one in payslips)
    return sum(later[0] <= earlier[1] for earlier, later in pairwise(periods))


def test_a_life_can_be_asked_for_by_name() -> None:
    """Whoever asks for lives gets them in turn; without asking three in ten are difficult."""
    assert [profile_of(number, ("quiet", "gig")) for number in range(3)] == [
        "quiet",
        "gig",
        "quiet",
    ]
    shares = Counter(profile_of(number) in DIFFICULT for number in range(len(PROFILE_CYCLE)))
    assert shares[True] == len(DIFFICULT)
    assert 0.25 < shares[True] / len(PROFILE_CYCLE) < 0.35


@pytest.mark.parametrize(
    ("posting", "today", "newest"),
    [
        (PROMPT, date(2026, 11, 14), "2026-08"),
        (PROMPT, date(2026, 11, 15), "2026-09"),
        (IMMEDIATE, date(2026, 11, 1), "2026-10"),
        (Posting(late=3), date(2026, 11, 15), "2026-06"),
        (Posting(every=3), date(2026, 11, 14), "2026-06"),
        (Posting(every=3), date(2026, 11, 15), "2026-09"),
        (Posting(every=12), date(2027, 2, 14), "2025-12"),
        (Posting(every=12), date(2027, 2, 15), "2026-12"),
    ],
)
def test_postings_come_when_they_come(posting: Posting, today: date, newest: str) -> None:
    """The newest month is shown on the day that the habit names, and not a day before."""
    month = month_number(newest)
    assert posting.newest(today) == month
    assert posting.day(month) <= today < posting.day(month + posting.every)


@any_day
def test_late_posters_are_three_months_late_and_more(today: date) -> None:
    """The newest month is at least three behind the one that others' employers have posted."""
    assert all(behind(one, today) >= 5 for one in leading("late_poster", today))


@any_day
@pytest.mark.parametrize(("life", "every"), [("quarterly_payer", 3), ("yearly_payer", 12)])
def test_batches_are_paid_together(today: date, life: str, every: int) -> None:
    """The newest months are whole quarters or years, and no employer is named who is one."""
    for person in leading(life, today):
        months = {month_number(one["month"]) for one in items(person, "eincomes")}
        newest = Posting(every=every).newest(today)
        assert max(months) <= newest
        assert len(months & set(range(newest - every + 1, newest + 1))) >= every / 3
        names = {job["employer"] for job in items(person, "employments")}
        assert names <= {"Self-Employed", "Voluntary"}


@any_day
def test_stopped_jobs_stop_on_the_payroll_first(today: date) -> None:
    """Payroll ends one to five complete months ago; the scheme never shows a month after."""
    people = leading("stopped_job", today)
    for person in people:
        scheme, payroll = person.sources
        stopped = max(one["endDate"] for one in payroll.of("incomes"))
        month = month_number(stopped[:7])
        assert 2 <= month_of(today) - month <= 6
        assert stopped == last_day(month).isoformat()
        assert max(month_number(one["month"]) for one in scheme.of("eincomes")) <= month
    ends = {job["endDate"] is None for one in people for job in items(one, "employments")}
    assert ends == {True, False}


@any_day
def test_side_gigs_stand_beside_payroll(today: date) -> None:
    """Each has payroll, and deliveries on a platform."""
    for person in leading("side_gig", today):
        payroll, platform = person.sources
        assert payroll.of("incomes")
        assert PROVIDERS[platform.provider_id]["type"] == "GIG"
        assert platform.of("transactions")


@any_day
def test_one_employer_has_two_spellings(today: date) -> None:
    """The names differ, and agree without case and punctuation."""
    for person in leading("two_spellings", today):
        names = {job["employer"] for job in items(person, "employments")}
        assert len(names) == 2
        assert len({"".join(filter(str.isalnum, name)).lower() for name in names}) == 1


@any_day
def test_payslips_are_told_twice_under_new_ids(today: date) -> None:
    """The same period and amount come under two ids."""
    for person in leading("told_twice", today):
        told = items(person, "incomes")
        assert len({one["id"] for one in told}) == len(told)
        same = Counter((one["startDate"], one["endDate"], one["netAmount"]) for one in told)
        assert list(same.values()).count(2) in range(3, 7)


@any_day
def test_a_monthly_summary_stands_beside_its_halves(today: date) -> None:
    """A month's record begins with the first half, ends with the second, and is their sum."""
    for person in leading("monthly_summary", today):
        told = items(person, "incomes")
        whole = [one for one in told if one["frequency"] == "Monthly"]
        assert whole
        for one in whole:
            halves = [
                half for half in told
                if half is not one and one["startDate"] <= half["startDate"] <= one["endDate"]
            ]  # fmt: skip
            assert sum(half["netAmount"] for half in halves) == pytest.approx(one["netAmount"])


@any_day
def test_the_thirteenth_month_is_told_for_the_year(today: date) -> None:
    """One record from January to December for each year that is over, a month's pay each."""
    for person in leading("thirteenth_month_pay", today):
        extra = [one for one in items(person, "incomes") if one["frequency"] == "Annually"]
        assert extra
        assert {one["startDate"][4:] + one["endDate"][4:] for one in extra} == {"-01-01-12-31"}
        assert all(one["endDate"] < today.isoformat() for one in extra)
        assert overlapping(items(person, "incomes"))


@pytest.mark.parametrize("day", [4, 5])
def test_pay_shows_on_the_fifth(day: int) -> None:
    """On the fourth the last month has no payslip yet, on the fifth it has."""
    today = date(2026, 12, day)
    newest = "2026-11-30" if day == 5 else "2026-10-31"
    for person in leading("paid_on_the_fifth", today):
        assert max(one["endDate"] for one in items(person, "incomes")) == newest


@any_day
def test_a_first_sync_is_half_finished(today: date) -> None:
    """An account of today, a task that runs, three months and no contribution."""
    for person in leading("half_synced", today):
        (source,), (task,) = person.sources, person.tasks
        assert source.account
        assert source.account["createdAt"] == task["startedAt"]
        assert start_of(today).isoformat()[:13] == task["startedAt"][:13]
        assert (task["type"], task["status"], task["datapoints"]) == ("LINK_ACCOUNT", "Started", [])
        assert "finishedAt" not in task
        assert (len(source.of("eincomes")), source.of("contributions")) == (3, ())


@any_day
def test_a_refused_account_still_holds_its_loan(today: date) -> None:
    """An account in ERROR lists an overdue loan and all that it delivered before."""
    for person in leading("refused_with_loans", today):
        scheme = at(person, "sss_ph")
        assert scheme.account
        assert scheme.account["connectionStatus"] == "ERROR"
        (loan,) = scheme.of("liabilities")
        assert 0 < loan["overduePaymentAmount"] < loan["outstandingBalance"]
        assert scheme.of("eincomes")
        assert at(person, "sprout_ph").account["connectionStatus"] == "CONNECTED"  # type: ignore[index]


@any_day
def test_an_unlisted_provider_claims_much(today: date) -> None:
    """Its provider is in no list, and it tells of far more than the scheme."""
    for person in leading("unlisted_provider", today):
        scheme, claim = person.sources
        assert claim.provider_id not in PROVIDERS
        least = min(one["netAmount"] for one in claim.of("incomes"))
        assert least > 5 * max(one["amount"] for one in scheme.of("eincomes"))


@any_day
def test_own_papers_claim_much(today: date) -> None:
    """Payslips in an upload come to several times what the scheme is paid on."""
    for person in leading("inflated_papers", today):
        scheme, papers = person.sources
        assert (papers.type, papers.account) == ("UPLOAD", None)
        half = min(one["netAmount"] for one in papers.of("incomes"))
        assert 2 * half > 4 * max(one["amount"] for one in scheme.of("eincomes"))


@any_day
@pytest.mark.parametrize("life", DIFFICULT)
def test_nothing_of_them_is_from_the_future(life: str, today: date) -> None:
    """Nothing came after the day's first second, no period ends later, and no id names two."""
    newest = (start_of(today) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for person in leading(life, today):
        kinds = ("identities", "employments", "incomes", "eincomes", "contributions")
        told = [one for kind in kinds for one in items(person, kind)]
        assert len({one["id"] for one in told}) == len(told)
        assert all(one["metadata"]["createdAt"] <= newest for one in told)
        assert all((one.get("endDate") or "") < today.isoformat() for one in told)


@pytest.mark.long
def test_a_person_is_born_on_one_day_whatever_day_it_is() -> None:
    """Dates of birth do not move with the day, agree between accounts, and are of 18 to 65."""
    years = {
        day: population(5, 3 * len(PROFILE_CYCLE), day)
        for day in (date(2025, 1, 1), date(2030, 6, 1))
    }
    born = [
        {one["dob"] for one in items(person, "identities")}
        for world in years.values() for person in world
    ]  # fmt: skip
    half = len(born) // 2
    assert born[:half] == born[half:]
    assert all(len(days) == 1 for days in born)
    assert all("1968-01-01" <= day <= "2005-12-31" for days in born for day in days)
