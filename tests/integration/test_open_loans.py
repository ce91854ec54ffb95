"""What hashes find again: open loans of the erased while they are open, and used documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from decision_service.casework.outcomes import LoanOutcome, LoanStatus, ReportRelation
from decision_service.decide.application import CUSTOMER, DOCUMENT, OWED, USER, history_keys
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import DecisionUnknown, ReviewRefused
from decision_service.domain.person import FoundPerson
from decision_service.domain.ports import HistoryEntry
from decision_service.domain.reviews import ReviewState
from decision_service.domain.values import Money
from decision_service.factors.match import recognised_by
from decision_service.store import history
from decision_service.store.keys import IDENTITY_KEYS
from tests.fakes.world import NOW
from tests.kits.decision_log import NOON, numbered
from tests.kits.lending import ANA, BEA, Desk, value
from tests.kits.review_log import claimed, completed_by, referred
from tests.kits.stores import opened


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """A store in a file, for what many cases are tried on."""
    return f"sqlite:///{tmp_path}/decisions.db"


MODES = pytest.mark.parametrize("erase_decisions", [False, True], ids=["snapshot", "decisions"])


@asynccontextmanager
async def lent(
    url: str, tmp_path: Path, *, erase_decisions: bool, slips: tuple[int, ...] = ()
) -> AsyncIterator[tuple[Desk, str]]:
    """A desk that has lent 50,000 to Ana Cruz of account a-1, customer C-1."""
    journal = f"sqlite:///{tmp_path / 'erasures'}"
    secrets = tmp_path / "identity-keys"
    IDENTITY_KEYS.add(secrets)
    options = {"journal": journal, "identity_keys": secrets, "erase_decisions": erase_decisions}
    async with opened(url, **options) as store:
        desk = Desk(store)
        made = await desk.decide("user-1", "a-1", ANA, "C-1", slips=slips)
        assert made.outcome is Outcome.APPROVE
        await desk.report(made.decision_id)
        yield desk, made.decision_id


@MODES
@pytest.mark.parametrize(
    ("account", "person", "customer", "outcome"),
    [
        ("a-1", BEA, "", Outcome.REFER),
        ("a-2", ANA, "", Outcome.REFER),
        ("a-2", BEA, "C-1", Outcome.DECLINE),
        ("a-2", BEA, "C-2", Outcome.APPROVE),
    ],
    ids=["same account", "same name and birth date", "same customer", "somebody else"],
)
async def test_who_owes_is_not_approved_under_another_registration(
    file_url: str, tmp_path: Path, account: str, person: FoundPerson, customer: str,
    outcome: Outcome, *,
    erase_decisions: bool,
) -> None:  # fmt: skip
    """By the account, by name and birth date, or by the lender's customer; a stranger is."""
    async with lent(file_url, tmp_path, erase_decisions=erase_decisions) as (desk, _):
        await desk.store.erase("user-1")
        assert (await desk.decide("user-2", account, person, customer)).outcome is outcome


@MODES
async def test_what_is_left_serves_that_purpose_alone(
    url: str, tmp_path: Path, *, erase_decisions: bool
) -> None:
    """The debt counts, and of the applications none."""
    async with lent(url, tmp_path, erase_decisions=erase_decisions) as (desk, _):
        await desk.store.erase("user-1")
        found = await desk.decide("user-2", "a-1", ANA)
        assert value(found, "history.linked_exposure") == Money("PHP", 5_000_000)
        assert value(found, "history.applications_30d") == 0


async def test_an_open_loan_of_an_erased_decision_is_reported_by_its_own_lender_alone(
    file_url: str, tmp_path: Path
) -> None:
    async with lent(file_url, tmp_path, erase_decisions=True) as (desk, decision_id):
        await desk.store.erase("user-1")
        closed = LoanOutcome(decision_id, "LN-1", NOW.date(), LoanStatus.REPAID)
        with pytest.raises(DecisionUnknown):
            await desk.record(closed, "another-lender")
        assert await desk.owed() == 3
        assert await desk.report(decision_id, days=30) is ReportRelation.NEWEST


@MODES
@pytest.mark.parametrize("status", [LoanStatus.REPAID, LoanStatus.CHARGED_OFF])
async def test_once_the_loan_is_closed_nothing_is_left(
    url: str, tmp_path: Path, status: LoanStatus, *, erase_decisions: bool
) -> None:
    """Repaid or written off: the report is taken though the decision is gone; the hashes go."""
    async with lent(url, tmp_path, erase_decisions=erase_decisions) as (desk, decision_id):
        await desk.store.erase("user-1")
        assert await desk.owed() == 3
        assert await desk.report(decision_id, days=30) is ReportRelation.NEWEST
        assert await desk.owed() == 3
        assert await desk.report(decision_id, status, days=60) is ReportRelation.NEWEST
        assert await desk.owed() == 0
        assert (await desk.decide("user-2", "a-1", ANA)).outcome is Outcome.APPROVE


@MODES
async def test_who_owes_nothing_leaves_nothing(
    url: str, tmp_path: Path, *, erase_decisions: bool
) -> None:
    """A loan that was repaid before the erasure leaves no hash."""
    async with lent(url, tmp_path, erase_decisions=erase_decisions) as (desk, decision_id):
        await desk.report(decision_id, LoanStatus.REPAID, days=30)
        await desk.store.erase("user-1")
        assert await desk.owed() == 0
        assert await desk.store.past([history_keys("user-1", "los", "").user])


@MODES
async def test_a_silent_loan_is_forgotten_with_its_retention(
    url: str, tmp_path: Path, *, erase_decisions: bool
) -> None:
    """Counted from the last report, also where the decision went before."""
    async with lent(url, tmp_path, erase_decisions=erase_decisions) as (desk, decision_id):
        await desk.store.erase("user-1")
        await desk.report(decision_id, days=30)
        for days, left in ((29, 3), (31, 0)):
            while await desk.store.expire(NOW + timedelta(days=days), 10):
                pass
            assert await desk.owed() == left


async def test_a_second_erasure_keeps_what_is_owed(url: str, tmp_path: Path) -> None:
    """Whoever withdraws twice owes as before."""
    async with lent(url, tmp_path, erase_decisions=False) as (desk, _):
        for _ in range(2):
            await desk.store.erase("user-1")
            assert await desk.owed() == 3


@MODES
@pytest.mark.parametrize(
    ("account", "person", "customer", "refused"),
    [
        ("a-1", BEA, "", True),
        ("a-2", BEA, "C-1", True),
        ("a-2", ANA, "", False),
        ("a-2", BEA, "C-2", False),
    ],
    ids=["same account", "same customer", "same name and birth date", "somebody else"],
)
async def test_a_reviewer_does_not_approve_past_a_debt_of_somebody_erased(
    file_url: str, tmp_path: Path, account: str, person: FoundPerson, customer: str, *,
    erase_decisions: bool, refused: bool,
) -> None:  # fmt: skip
    """Lent after the referral, and erased before the person's approval."""
    secrets = tmp_path / "identity-keys"
    IDENTITY_KEYS.add(secrets)
    options = {"journal": f"sqlite:///{tmp_path / 'erasures'}", "erase_decisions": erase_decisions}
    async with opened(file_url, identity_keys=secrets, **options) as store:
        places: dict[bytes, int] = {}

        def at_desk(user: str, account: str, person: FoundPerson, customer: str) -> HistoryEntry:
            people = recognised_by(person.name, person.birth_date)
            keys = history_keys(user, "los", customer, store.identity_keys, (account,), people).all
            found = HistoryEntry(tuple((key, places.get(key, 0)) for key in keys), "PHP", 5_000_000)
            places.update({key: places.get(key, 0) + 1 for key in keys})
            return found

        theirs = at_desk("user-2", account, person, customer)
        entry = referred(1, user_id="user-2", customer_ref=customer, history=theirs)
        review_id = await claimed(store, entry, "ana")
        lent = numbered(
            2,
            outcome=Outcome.APPROVE,
            customer_ref="C-1",
            created=NOON + timedelta(seconds=1),
            history=at_desk("user-1", "a-1", ANA, "C-1"),
        )
        await store.commit(lent)
        amount = Money("PHP", 5_000_000)
        loan = LoanOutcome(
            lent.decision_id, "LN-1", NOON.date(), LoanStatus.BOOKED, amount, NOON.date(), amount
        )
        await store.record_outcome(loan, "los", NOON)
        await store.erase("user-1")
        step = store.reviews.step(review_id, completed_by("ana"))
        if not refused:
            ended = await step
            assert ended is not None
            assert ended.state is ReviewState.COMPLETED
            return
        with pytest.raises(ReviewRefused, match="have the application decided again") as found:
            await step
        assert found.value.fields["granted_by"] == lent.decision_id


SLIPS = (30_000_00, 31_500_00, 30_250_00, 30_000_00)
TEACHERS = (31_000_00, 31_000_00, 31_000_00, 31_000_00)
BONUS = (31_000_00, 62_000_00, 36_000_00, 31_000_00)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("first", "second", "payroll", "outcome"),
    [
        (SLIPS, SLIPS, False, Outcome.REFER),
        (SLIPS[1:], SLIPS[:3], False, Outcome.APPROVE),
        (TEACHERS, TEACHERS, False, Outcome.APPROVE),
        (BONUS, BONUS, True, Outcome.APPROVE),
        (SLIPS, BONUS, False, Outcome.APPROVE),
    ],
    ids=["the same", "two alike", "two teachers", "two with a bonus on payroll", "others"],
)
async def test_payslips_that_another_user_handed_in_are_looked_at(
    url: str, tmp_path: Path, first: tuple[int, ...], second: tuple[int, ...], outcome: Outcome, *,
    payroll: bool,
) -> None:  # fmt: skip
    """Three periods in a row with three amounts are nobody else's, unless a payroll tells them."""
    secrets = tmp_path / "identity-keys"
    IDENTITY_KEYS.add(secrets)
    async with opened(url, identity_keys=secrets) as store:
        desk = Desk(store)
        for user, account, person, slips in (
            ("user-1", "a-1", ANA, first),
            ("user-2", "a-2", BEA, second),
        ):
            made = await desk.decide(user, account, person, slips=slips, payroll=payroll)
        assert made.outcome is outcome
        assert value(made, "reuse.users_of_documents") == 1 + (outcome is Outcome.REFER)


async def test_the_hashes_of_payslips_go_with_the_person(url: str, tmp_path: Path) -> None:
    """Who is erased leaves none, though the loan is open."""
    async with lent(url, tmp_path, erase_decisions=False, slips=SLIPS) as (desk, _):
        assert DOCUMENT in await kinds(desk)
        await desk.store.erase("user-1")
        assert await kinds(desk) == {USER, CUSTOMER, *OWED}
        found = await desk.decide("user-2", "a-2", BEA, slips=SLIPS)
        assert value(found, "reuse.users_of_documents") == 1


async def kinds(desk: Desk) -> set[bytes]:
    """The kinds of keys under which there is a decision."""
    query = select(history.history_keys.c.key)
    keys = await desk.store._database.read(lambda c: c.execute(query).scalars().all())
    return {bytes(key)[:1] for key in keys}
