"""A store of three months of decisions: from September on few applicants earn well.

Drawn with a seed from the decisions on a few made-up people, so that every run has the same ones.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
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
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from tests.kits.outcome_log import BOOKED, told
from tests.kits.recorded_people import DAYS, PRODUCT, RULES, decided
from tests.kits.rollout_journal import FIRST
from tests.kits.stores import opened
from tests.unit.smile.virtual import run

BEGAN = datetime(2026, 7, 1, 4, tzinfo=UTC)
TURNS = datetime(2026, 9, 1, tzinfo=UTC)
END = date(2026, 9, 30)
COUNT = 920
"""Ten decisions a day."""
_DAY = timedelta(days=1)
_BARE = {"snapshot": None, "history": None, "warm": None, "depends_on": None, "arm": None}


def _entries(people: list[DecisionEntry]) -> list[DecisionEntry]:
    drawn, made = Random(7), list[DecisionEntry]()
    for number in range(COUNT):
        at = BEGAN + number // 10 * _DAY + timedelta(minutes=number % 10)
        entry = drawn.choice(people)
        while at >= TURNS and _earns_well(entry) and drawn.random() < 0.7:
            entry = drawn.choice(people)
        names = {"request_id": f"r-{number}", "customer_ref": f"c-{number}", "created": at}
        ids = {"decision_id": f"dec_{number:026}", "user_id": f"u-{number}"}
        made.append(
            replace(entry, **_BARE, **names, **ids, review=opened_review(entry, number, ids, at))
        )
    return made


def _earns_well(entry: DecisionEntry) -> bool:
    facts = decode_facts(entry.facts)
    assert facts.factors is not None
    income = factors_from_wire(facts.factors).values["income.conservative_6m"].value
    return isinstance(income, Money) and income.minor >= 3_000_000


def opened_review(
    entry: DecisionEntry, number: int, ids: dict[str, str], at: datetime
) -> OpenedReview | None:
    """A person approves every third referral, and declines every tenth approval."""
    turned = {Outcome.REFER: (3, Outcome.APPROVE), Outcome.APPROVE: (10, Outcome.DECLINE)}
    every, becomes = turned.get(entry.outcome, (COUNT, entry.outcome))
    if number % every:
        return None
    own = {"review_id": f"rev_{number}", "origin": ReviewOrigin.REFERRED, "queue": "default"}
    asked = {"caller": entry.caller, "product": PRODUCT, "outcome": entry.outcome}
    result = {"state": ReviewState.COMPLETED, "result": ReviewResult(becomes, "CALLED", "called")}
    times = {"opened": at, "due": at + _DAY, "ended": at + _DAY}
    review = Review(**ids, **own, **asked, **result, **times)
    return OpenedReview(review, ReviewEvent(1, at, "", ReviewAction.OPENED))


async def record(url: str) -> None:
    """Commit them, with monthly reports of the loans, of which every seventh goes bad at once."""
    loading = load_rules(read_rules(RULES), DAYS[0])
    assert loading.rulebook is not None
    async with opened(url) as store:
        await store.put_texts(loading.texts)
        await store.append(replace(FIRST, at=BEGAN + 70 * _DAY))
        people = await asyncio.to_thread(run, decided(loading.rulebook.product(PRODUCT), 90))
        for number, entry in enumerate(_entries([*people])):
            await store.commit(entry)
            first, ids = entry.created.date(), (entry.decision_id, f"loan-{number}")
            days = [day for n in (31, 62) if (day := first + n * _DAY) <= END]
            for day in days if entry.outcome is Outcome.APPROVE else ():
                loan = replace(BOOKED, decision_id=ids[0], loan_id=ids[1], as_of=day)
                late = 0 if number % 7 else 40
                await told(store, replace(loan, disbursed_on=first, overdue_days=late))


def monitored_people(folder: Path) -> str:
    """The URL of a store with all that."""
    url = f"sqlite:///{folder}/monitored.db"
    asyncio.run(record(url))
    return url
