"""Who applied: what is shown of a person, to whom, and what is left of the look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.casework.review_person import MOST_RECORDS, person_of
from decision_service.casework.reviews import OperateReviews
from decision_service.decide.replay import ReadDecisions, Recorded
from decision_service.domain.actors import Actor
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import FieldInvalid, ReviewUnknown, SnapshotErased
from decision_service.domain.person import FoundPerson, Match, MatchGrade, MatchGrades
from decision_service.domain.ports import Filter
from decision_service.domain.reviews import CLAIM_FOR, ERASED_TEXT, ReviewEvent
from decision_service.domain.snapshot import Employment, Income, Provider, Read, Transaction
from decision_service.domain.values import Month
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.rulebook import Rulebook
from decision_service.server.services.reviews import REVIEWS
from tests.fakes.world import NOW, SUPPORTED, World, application, steady_earner
from tests.kits.stores import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from decision_service.domain.snapshot import Snapshot
    from decision_service.store.store import Store

ANA = Actor("ana")
BEN = Actor("ben")
NAME = "Maria Clara Santos"
AUGUST = Month.parse("2026-08")
WHY = "The applicant is on the telephone."


def told() -> Snapshot:
    """A steady earner with a name, a payslip over two months, and data too old to decide by."""
    plain = steady_earner()
    [account] = plain.accounts
    people = (FoundPerson(NAME, date(1990, 5, 4), source="a-1"),) * 2
    slip = Income(
        "p-1",
        "a-1",
        "Bagong Araw Trading",
        start=date(2026, 7, 16),
        end=date(2026, 8, 15),
        frequency="Monthly",
        currency="PHP",
        base=None,
        gross=4_000_000,
        net=3_500_000,
        paid=date(2026, 9, 1),
    )
    assert plain.identities is not None
    return replace(
        plain,
        accounts=(replace(account, connection_updated_at=NOW - timedelta(days=90)),),
        providers=(Provider("sss_ph", "GOVERNMENT", SUPPORTED, "Social Security System"),),
        identities=replace(plain.identities, people=people),
        incomes=Read((slip,)),
    )


@dataclass
class Case:
    """A referral that nobody has claimed; the service's clock is moved by `world`."""

    store: Store
    world: World
    review_id: str
    decision_id: str

    def operate(self, book: Rulebook | None = None) -> OperateReviews:
        """The use cases, by rules that are known now."""
        known = self.world.book if book is None else book
        read = ReadDecisions(
            self.store, RulesetArchive(self.store, lambda: known, CompilationThread())
        )
        return OperateReviews(
            self.store.reviews,
            read,
            lambda: known,
            self.world.clock,
            self.world.ids,
            wake=lambda: None,
            observer=lambda _: None,
        )

    async def recorded(self) -> Recorded:
        return await self.operate().read.get(self.decision_id, full=False)

    async def looks(self) -> list[ReviewEvent]:
        """The steps that say that somebody looked."""
        found = await self.operate().get(self.review_id)
        return [one for one in found.events if one.action == "PERSON_SEEN"]


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        world = World(log=cast("Any", store))
        world.source.snapshot = told()  # type: ignore[attr-defined]  # a scripted source
        asked = application(application_id="A-7", customer_ref="C-7")
        made = await world.decide(leases=store.leases)(asked, world.call())
        assert made.outcome is Outcome.REFER
        [review] = await store.reviews.of_decision(made.decision_id)
        yield Case(store, world, review.review_id, made.decision_id)


async def test_who_has_the_case_sees_who_applied(case: Case) -> None:
    """As stored: each name once with its source, employers, accounts, ids and income."""
    operate = case.operate()
    await operate.claim(case.review_id, ANA)
    person = await operate.see_person(case.review_id, ANA, "", AUGUST)
    shown: pb.ReviewPerson = REVIEWS.message(pb.ReviewPerson, person)
    assert (shown.decision_id, shown.user_id) == (case.decision_id, "u-1")
    assert (shown.application_id, shown.customer_ref) == ("A-7", "C-7")
    system = {"provider_id": "sss_ph", "provider_name": "Social Security System"}
    assert [*shown.names] == [pb.PersonName(name=NAME, **system)]
    assert [(one.employer, one.start_date, one.end_date) for one in shown.employers] == [
        ("Acme Inc", "2020-01-06", ""),
        ("Bagong Araw Trading", "2026-07-16", "2026-08-15"),
    ]
    [account] = shown.accounts
    assert (account.account_id, account.status, account.used) == ("a-1", "CONNECTED", True)
    assert account.create_time.ToDatetime() == (NOW - timedelta(days=900)).replace(tzinfo=None)
    assert account.sync_time.ToDatetime() == (NOW - timedelta(days=90)).replace(tzinfo=None)
    assert "2026-08" in [one.month for one in shown.income_months]
    assert not shown.without_data
    assert await case.looks() == []


async def test_grades_are_those_that_were_recorded(case: Case) -> None:
    """Nothing is compared anew; empty are those of a decision that compared no person."""
    recorded = await case.recorded()
    assert person_of(recorded, told(), ()).name_match == ""
    grades = MatchGrades(MatchGrade.CLOSE, MatchGrade.DIFFERENT)
    own = replace(recorded.facts.own, match=Match(grades, compared=2))
    compared = replace(recorded, facts=replace(recorded.facts, own=own))
    shown = REVIEWS.message(pb.ReviewPerson, person_of(compared, told(), ()))
    assert (shown.name_match, shown.birth_date_match) == ("CLOSE", "DIFFERENT")


@pytest.mark.parametrize(
    ("month", "kinds"),
    [
        ("2026-06", ["eincomes", "contributions"]),
        ("2026-07", ["eincomes", "incomes", "contributions"]),
        ("2026-08", ["incomes", "eincomes", "contributions"]),
        ("2026-09", ["incomes", "eincomes", "contributions"]),
        ("2026-10", []),
    ],
)
async def test_records_are_those_of_the_month_by_day(
    case: Case, month: str, kinds: list[str]
) -> None:
    """A payslip is of each month that it is for, and of that of its pay day."""
    person = person_of(await case.recorded(), told(), (), Month.parse(month))
    shown: pb.ReviewPerson = REVIEWS.message(pb.ReviewPerson, person)
    assert [one.data_kind for one in shown.records] == kinds
    slips = [one for one in shown.records if one.data_kind == "incomes"]
    for slip in slips:
        assert (slip.start_date, slip.end_date, slip.pay_date) == (
            "2026-07-16",
            "2026-08-15",
            "2026-09-01",
        )
        assert (slip.employer, slip.net.units, slip.HasField("base")) == (
            "Bagong Araw Trading",
            35_000,
            False,
        )


async def test_a_month_of_many_records_says_how_many_are_left_out(case: Case) -> None:
    trips = [
        Transaction(f"t-{number:04}", "a-1", date(2026, 8, 3), "Trip", "PHP", 9_000)
        for number in range(MOST_RECORDS)
    ]
    busy = replace(told(), transactions=Read((*trips,)))
    person = person_of(await case.recorded(), busy, (), AUGUST)
    assert (len(person.records), person.left_out) == (MOST_RECORDS, 3)


async def test_pay_that_names_the_employer_of_a_job_adds_none(case: Case) -> None:
    """What another source says of the same employer is another statement."""
    job = Employment("j", "a-1", "Bagong Araw Trading", "Employed", date(2025, 1, 1), None, None)
    jobs = replace(told(), employments=Read((job, replace(job, id="k"))))
    found = person_of(await case.recorded(), jobs, ()).employers
    assert [(one.employer, one.status) for one in found] == [("Bagong Araw Trading", "Employed")]


async def test_others_give_a_reason_which_becomes_a_step(case: Case) -> None:
    """Who goes on to another month for the same reason looks once, within the time of a claim."""
    operate = case.operate()
    await operate.claim(case.review_id, ANA)
    with pytest.raises(FieldInvalid) as refused:
        await operate.see_person(case.review_id, BEN, "", None)
    assert refused.value.problems[0].field == "reason"
    assert await case.looks() == []
    for month in (None, AUGUST):
        await operate.see_person(case.review_id, BEN, WHY, month)
    assert [(one.who, one.text) for one in await case.looks()] == [("ben", WHY)]
    await operate.see_person(case.review_id, BEN, "Another question.", None)
    case.world.clock.wall += CLAIM_FOR
    await operate.see_person(case.review_id, BEN, WHY, None)
    assert [one.text for one in await case.looks()] == [WHY, "Another question.", WHY]
    # Her claim has ended: she has the case no more.
    with pytest.raises(FieldInvalid):
        await operate.see_person(case.review_id, ANA, "", None)


async def test_the_log_has_who_looked_and_nothing_of_the_person(case: Case) -> None:
    operate = case.operate()
    await operate.claim(case.review_id, ANA)
    with capture_logs() as lines:
        person = await operate.see_person(case.review_id, ANA, "", AUGUST)
        await operate.see_person(case.review_id, BEN, f"{NAME} asks.", None)
    about = {"event": "reviews.person_seen", "log_level": "info", "review_id": case.review_id}
    assert lines == [
        about | {"caller": "ana", "held": True, "reason_given": False},
        about | {"caller": "ben", "held": False, "reason_given": True},
    ]
    # What a traceback or a careless line would print.
    parts = (person, *person.names, *person.employers, *person.accounts, *person.records)
    printed = " ".join(map(repr, parts))
    for word in (NAME, "Acme", "A-7", "u-1", "a-1"):
        assert word not in printed


async def test_of_an_erased_person_nothing_is_shown(case: Case) -> None:
    """Nor does a look become a step; the reason of an earlier one went with the other words."""
    operate = case.operate()
    await operate.see_person(case.review_id, BEN, WHY, None)
    await case.store.erase("u-1")
    with pytest.raises(SnapshotErased, match="was erased: the decision can still be read, but"):
        await operate.see_person(case.review_id, BEN, WHY, None)
    assert [one.text for one in await case.looks()] == [ERASED_TEXT]


async def test_a_decision_without_data_says_so(case: Case) -> None:
    """It has its ids; its grades are those that were recorded."""
    person = person_of(await case.recorded(), None, ())
    assert person.without_data
    assert (person.application_id, person.names, person.accounts) == ("A-7", (), ())


async def test_names_need_no_rules(case: Case) -> None:
    """Where the rules that decided are known no more, only the months of income are missing."""
    person = await case.operate(Rulebook({})).see_person(case.review_id, BEN, WHY, AUGUST)
    assert [one.name for one in person.names] == [NAME]
    assert (len(person.records), person.months) == (3, ())


async def test_of_no_review_there_is_no_person(case: Case) -> None:
    with pytest.raises(ReviewUnknown):
        await case.operate().see_person(f"{case.review_id}0", BEN, WHY, None)


async def test_no_name_is_stored_anew_by_a_look(case: Case) -> None:
    """Neither the decision's record nor a table in clear has the name."""
    await case.operate().see_person(case.review_id, BEN, WHY, AUGUST)
    [entry] = await case.store.list(Filter(), None, 2)
    assert NAME.encode() not in entry.reply + entry.facts
    [step] = await case.looks()
    assert NAME not in str(step)
