"""One person over months: applications, a loan, a second registration, the end of consent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import applicant_service_pb2 as applicant_pb
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.decide.application import KEYED
from decision_service.standin.formats import user_id
from decision_service.standin.sandbox import sandbox, sandbox_people
from decision_service.standin.server import build_app
from decision_service.standin.world import DataSource, Person, World
from decision_service.store.history import history_keys
from decision_service.store.store import open_database
from tests.e2e.process import command
from tests.e2e.service import ROOT, Running, create, outcome, running
from tests.integration.replicas import Vendor, vendor_of

GEORGE = sandbox_people()[0].user_id
NAME, SPELLED = "Palomero", "\\u0420alom\\u0435ro"
"""In JSON: the second begins with a Cyrillic letter, and has another one."""
AGAIN = user_id("sandbox", "George registered again")


def registered_twice(day: date) -> World:
    """The sandbox, with George under a second user, written otherwise, with accounts of his own."""
    world = sandbox(day)
    george = world.person(GEORGE)
    assert george is not None
    text = json.dumps([george.user, [one.items for one in george.sources], george.tasks])
    assert NAME in text
    user, items, tasks = json.loads(text.replace(GEORGE, AGAIN).replace(NAME, SPELLED))
    sources = tuple(
        replace(one, items={kind: tuple(of) for kind, of in its.items()}, account=_of(one))
        for one, its in zip(george.sources, items, strict=True)
    )
    second = Person(user, sources, tuple(tasks))
    return World(day, {**world.builders, AGAIN: lambda: second}, world.faults)


def _of(source: DataSource) -> Any:
    return source.account and json.loads(json.dumps(source.account).replace(GEORGE, AGAIN))


@dataclass
class Shop:
    """Processes one after another on one store."""

    folder: Path
    url: str
    at: Vendor
    calls: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Running]:
        """The next process."""
        self.calls += 1
        settings = {**self.at.settings, "rules_dir": str(ROOT / "rules"), "store_url": self.url}
        key = str(self.folder / "identity-keys")
        async with running(self.folder, identity_key_file=key, **settings) as live:
            yield live

    async def applies(self, live: Running, user: str = GEORGE, **changes: Any) -> pb.Decision:
        """An application of 50,000 over a year by a customer."""
        asked = {
            "requested_amount": MoneyMessage(currency_code="PHP", units=50_000),
            "requested_term_months": 12,
            "customer_ref": "C-1042" if user == GEORGE else "C-2077",
            "view": pb.DECISION_VIEW_FULL,
        }
        reply = await live.stub.CreateDecision(create(user, **(asked | changes)))
        made: pb.Decision = reply.decision
        return made

    async def reports(self, live: Running, line: str) -> str:
        """A file with one report, sent from the command line."""
        file = self.folder / "loans.csv"
        heads = "decision_id,loan_id,as_of_date,status,disbursed_amount,disburse_date,instalment"
        file.write_text(f"{heads},repaid_amount,overdue_days\n{line}\n")
        words = ("decisions", "outcomes", str(file), "--address", live.service.address)
        told = await asyncio.to_thread(partial(command, *words, folder=self.folder))
        assert told.returncode == 0, told.stderr
        return told.stdout


def reasons(made: pb.Decision) -> list[str]:
    """The codes of a decision's reasons."""
    return [one.code for one in made.reasons]


def figure(made: pb.Decision, name: str) -> Any:
    """A factor's value: an amount in pesos, or a count."""
    value = next(one for one in made.factor_values if one.name == name).value
    amount = value.HasField("money")
    return value.money.units if amount else int(value.number)


async def hashes(url: str) -> int:
    """How many hashes of accounts and persons the store holds."""
    database = await open_database(url)
    try:
        rows = await database.read(lambda c: list(c.execute(history_keys.select())))
    finally:
        await database.aclose()
    return sum(bytes(row.key)[:1] in KEYED for row in rows)


@pytest.mark.long
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_what_is_owed_counts_until_it_is_paid(url: str, tmp_path: Path) -> None:
    """Five applications end as one approval and four reasons; reports, and a second user, show."""
    app = build_app(registered_twice, api_key="k", api_secret="s", requests_per_second=1000)
    (tmp_path / "identity-keys").write_text("a2V5cyBvZiBhIHRlc3QsIDMyIGJ5dGVzIGluIGFsbCAu\n")
    async with vendor_of(app) as at:
        shop = Shop(tmp_path, url, at)
        async with shop.open() as live:
            made = [await shop.applies(live) for _ in range(3)]
        async with shop.open() as live:
            made += [await shop.applies(live) for _ in range(2)]
            assert [outcome(one) for one in made] == ["APPROVE", *["DECLINE"] * 4]
            assert [reasons(one) for one in made[1:]] == [["ALREADY_GRANTED"]] * 4
            assert [figure(one, "history.applications_1d") for one in made] == [0, 1, 2, 3, 4]
            granted = made[0]
            day = granted.create_time.ToDatetime().date()
            next_day = day + timedelta(days=1)  # the newest day that is "today" somewhere
            booked = f"{granted.decision_id},LN-1,{next_day},booked,50000,{day},5641,25000,1"
            assert "1 recorded" in await shop.reports(live, booked)
            second = await shop.applies(live, AGAIN)
            assert outcome(second) == "REFER"
            assert "OWN_LOAN_OVERDUE" in reasons(second)
            assert {"ACCOUNT_SHARED", "PERSON_TWICE"} & {*reasons(second)}
            assert "ACCOUNT_OWES" in reasons(second)
            assert figure(second, "history.linked_exposure") == 25_000
            assert figure(second, "history.exposure") == 0
            assert figure(second, "reuse.users_of_account") == 2
            assert figure(second, "reuse.users_of_person") == 2
            replayed = await live.stub.ReplayDecision(
                service_pb.ReplayDecisionRequest(decision_id=second.decision_id)
            )
            assert list(replayed.differing_fields) == []
        async with shop.open() as live:
            applicants = ApplicantServiceStub(live.channel)
            for user in (GEORGE, AGAIN):
                await applicants.EraseApplicant(applicant_pb.EraseApplicantRequest(user_id=user))
        assert await hashes(url) == 5  # of the open loan: accounts, person and customer
