"""A store of three months of decisions: from September on few applicants earn well.

Drawn with a seed from the decisions on a few made-up people, so that every run has the same ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

from msgspec.structs import replace

from decision_service.decide.codec import decode_facts, factors_from_wire
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import DecisionEntry
from decision_service.domain.reviews import (
    OpenedReview,
    Review,
    ReviewAction,
    ReviewEvent,
    ReviewOrigin,
    ReviewResult,
    ReviewState,
)
from decision_service.domain.values import Money
from decision_service.rollout.ports import JournalAction
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from tests.kits.outcome_log import BOOKED, told
from tests.kits.recorded_people import DAYS, PRODUCT, RULES, decided
from tests.kits.rollout_journal import FIRST, SECOND
from tests.kits.stores import opened
from tests.unit.smile.virtual import run

BEGAN = datetime(2026, 7, 1, 4, tzinfo=UTC)
TURNS = date(2026, 9, 1)
EACH_DAY = 10
_WELL = Money("PHP", 3_000_000)
_DAY = timedelta(days=1)


@cache
def _people(count: int) -> Sequence[DecisionEntry]:
    loading = load_rules(read_rules(RULES), DAYS[0])
    assert loading.rulebook is not None
    return run(decided(loading.rulebook.product(PRODUCT), count))


def entries(*, drifts: bool = True, people: int = 90, days: int = 92) -> list[DecisionEntry]:
    """So many days of decisions, drawn from so many people; each on an applicant of its own."""
    drawn, made = Random(7), list[DecisionEntry]()
    for number in range(days * EACH_DAY):
        created = BEGAN + number // EACH_DAY * _DAY + timedelta(minutes=number % EACH_DAY)
        entry = drawn.choice(_people(people))
        while drifts and created.date() >= TURNS and _earns_well(entry) and drawn.random() < 0.7:
            entry = drawn.choice(_people(people))
        ids = {"decision_id": f"dec_{number:026}", "user_id": f"u-{number}"}
        bare = {"snapshot": None, "history": None, "warm": None, "depends_on": None, "arm": None}
        names = {"request_id": f"r-{number}", "customer_ref": f"c-{number}"}
        made.append(
            replace(
                entry, created=created, **ids, **names, **bare, review=_review(entry, ids, created)
            )
        )
    return made


def _earns_well(entry: DecisionEntry) -> bool:
    facts = decode_facts(entry.facts)
    assert facts.factors is not None
    income = factors_from_wire(facts.factors).values["income.conservative_6m"].value
    return isinstance(income, Money) and income >= _WELL


def _review(entry: DecisionEntry, ids: dict[str, str], at: datetime) -> OpenedReview | None:
    """A person approves every third referral, and declines every tenth approval."""
    number = int(ids["user_id"][2:])
    if entry.outcome is Outcome.REFER and number % 3 == 0:
        result = ReviewResult(Outcome.APPROVE, "INCOME_CONFIRMED", "called", Money("PHP", 500_000))
    elif entry.outcome is Outcome.APPROVE and number % 10 == 0:
        result = ReviewResult(Outcome.DECLINE, "FRAUD", "not the same person")
    else:
        return None
    review = Review(
        **ids,
        caller="los",
        product=PRODUCT,
        outcome=entry.outcome,
        review_id=f"rev_{number}",
        origin=ReviewOrigin.REFERRED,
        queue="default",
        opened=at,
        due=at + _DAY,
        state=ReviewState.COMPLETED,
        result=result,
        ended=at + _DAY,
    )
    return OpenedReview(review, ReviewEvent(1, at, "", ReviewAction.OPENED))


async def record(url: str, made: Sequence[DecisionEntry]) -> None:
    """Commit them, with monthly reports of the loans, of which every seventh goes bad at once."""
    loading = load_rules(read_rules(RULES), DAYS[0])
    async with opened(url) as store:
        await store.put_texts(loading.texts)
        for step, at in ((FIRST, BEGAN), (SECOND, BEGAN + 70 * _DAY)):
            await store.append(replace(step, at=at, action=JournalAction(step.action)))
        for number, entry in enumerate(made):
            await store.commit(entry)
            if entry.outcome is Outcome.APPROVE:
                for month in range(1, 4):
                    day = entry.created.date() + month * 31 * _DAY
                    if day <= (BEGAN + 92 * _DAY).date():
                        loan = replace(
                            BOOKED,
                            decision_id=entry.decision_id,
                            loan_id=f"loan-{number}",
                            as_of=day,
                            disbursed_on=entry.created.date(),
                            overdue_days=40 * (number % 7 == 0),
                        )
                        await told(store, loan, entry.caller)


def monitored_people(folder: Path, **asked: int) -> str:
    """The URL of a store with all that."""
    url = f"sqlite:///{folder}/monitored.db"
    asyncio.run(record(url, entries(**asked)))
    return url
