"""A loan that leaves a scheme's list is no loss of data where it was about to end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.ports import StoredEntry
from decision_service.domain.values import Money
from decision_service.standin.sandbox import sandbox, sandbox_people
from decision_service.standin.world import Person, World, WorldMaker
from tests.fakes.world import NOW
from tests.integration.refreshing import opened

GEORGE = sandbox_people()[0].user_id
SMALL = {"requested_amount": Money("PHP", 500_000), "requested_term_months": 6}
INSTALMENT = 922.90


def until_the_first_day(instalments: int, *, others: bool) -> WorldMaker:
    """George owes so many instalments at first, and later his scheme lists that loan no more."""

    (first,) = (loan for one in george(NOW.date()).sources for loan in one.of("liabilities"))
    loan = first | {"outstandingBalance": round(instalments * INSTALMENT, 2)}
    housing = loan | {"id": f"{loan['id'][:-1]}0", "type": "Housing Loan", "referenceId": "H-1"}

    def world(day: date) -> World:
        listed = (loan,) * (day <= NOW.date()) + (housing,) * others
        person, found = george(day), sandbox(day)
        sources = tuple(
            replace(one, items={**one.items, "liabilities": listed})
            if one.of("liabilities")
            else one
            for one in person.sources
        )
        changed = replace(person, sources=sources)
        return World(day, {**found.builders, GEORGE: lambda: changed}, found.faults)

    return world


def george(day: date) -> Person:
    """He as the sandbox has him on a day."""
    found = sandbox(day).person(GEORGE)
    assert found is not None
    return found


def outcome_of(entry: StoredEntry) -> tuple[str, list[str]]:
    """The outcome of a decision, and its reasons."""
    made = service_pb.CreateDecisionResponse.FromString(entry.reply).decision
    outcome = pb.Outcome.Name(made.outcome).removeprefix("OUTCOME_")
    return outcome, [reason.code for reason in made.reasons]


@pytest.mark.parametrize("others", [False, True], ids=["the only one", "one of two"])
async def test_a_loan_that_was_paid_off_refers_nobody(tmp_path: Path, *, others: bool) -> None:
    """With two instalments left on the first day, and gone from the list on days 9 and 40."""
    async with opened(tmp_path, until_the_first_day(2, others=others)) as desk:
        for days in (0, 9, 40):
            desk.clock.wall = NOW + timedelta(days=days)
            made = await desk.decide(GEORGE, inputs=SMALL)
            assert outcome_of(made) == ("APPROVE", []), days
