"""A store of made-up applicants, decided on set days of 2026 by the shipped rules.

The same at every run: no clock, no network. Every tenth loan that was lent goes bad.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
from msgspec.structs import replace

from bench.people.population import population
from decision_service.decide.admit import Admission, bound_inputs
from decision_service.decide.application import Application
from decision_service.decide.conclude import conclude
from decision_service.domain.ports import DecisionEntry, StoredText
from decision_service.domain.values import AsOf, Money
from decision_service.factors.compute import fetch_plan, needs_with
from decision_service.rollout.assign import Subject, choose
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rulebook import Product
from decision_service.server.services.decisions import ProtoReplyEncoder
from decision_service.smile.source import SmileSource
from decision_service.standin.server import build_app
from tests.fakes.world import UNKNOWN, Numbered
from tests.kits.outcome_log import BOOKED, told
from tests.kits.stores import opened
from tests.unit.smile.virtual import run

RULES = Path(__file__).resolve().parents[2] / "rules"
PRODUCT = "personal-loan-ph"
DAYS = tuple(datetime(2026, month, 20, 4, tzinfo=UTC) for month in (7, 8, 9))
PEOPLE = 240
_SEED = 7
_URL = "http://vendor.test/v1"
_AMOUNTS = (8_000, 20_000, 35_000, 60_000)
_TERMS = (6, 12)


_Made = Sequence[DecisionEntry]


@dataclass(frozen=True, slots=True)
class _Clock:
    """The day, while the loop's time passes as it is asked to."""

    day: datetime

    def now(self) -> datetime:
        return self.day

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def recorded_people(folder: Path, people: int = PEOPLE) -> str:
    """The URL of a store with decisions on so many people, a third of them on each of the days."""
    url = f"sqlite:///{folder}/people.db"
    loading = load_rules(read_rules(RULES), DAYS[0])
    assert loading.rulebook is not None, loading.errors
    made = run(decided(loading.rulebook.product(PRODUCT), people))
    asyncio.run(record(url, loading.texts, made))
    return url


async def record(url: str, texts: Sequence[StoredText], made: _Made) -> None:
    async with opened(url) as store:
        await store.put_texts(texts)
        for number, entry in enumerate(made):
            await store.commit(entry)
            if entry.outcome == "APPROVE":
                late = 40 if number % 10 == 9 else 0
                loan = replace(
                    BOOKED,
                    decision_id=entry.decision_id,
                    loan_id=f"loan-{number}",
                    overdue_days=late,
                )
                await told(store, loan, entry.caller)


async def decided(product: Product, people: int) -> Sequence[DecisionEntry]:
    """The decisions on so many people by a product's champion."""
    ids, made = Numbered(), list[DecisionEntry]()
    for day, places in zip(DAYS, _groups(people), strict=True):
        world, clock = population(_SEED, people, day.date()), _Clock(day)
        app = build_app(
            world, api_key="k", api_secret="s", clock=clock.now, requests_per_second=1_000_000
        )
        source = SmileSource(_URL, "k", "s", clock, transport=httpx2.ASGITransport(app))
        await source.refresh_providers()
        users = [*world.builders]
        for place in places:
            made.append(await _entry(product, source, ids, users[place], place, day))
        await source.aclose()
    return made


def _groups(people: int) -> Iterator[Sequence[int]]:
    for first in range(len(DAYS)):
        yield range(first, people, len(DAYS))


async def _entry(
    product: Product, source: SmileSource, ids: Numbered, user: str, place: int, day: datetime
) -> DecisionEntry:
    now = day + timedelta(minutes=place)
    asked = _application(user, place)
    ruleset = product.champion
    as_of = AsOf.at(now, ruleset.zone)
    inputs = bound_inputs(product, ruleset, asked.inputs, as_of=as_of)
    choice = choose(product.plan, product.state, Subject(user, now))
    needs = needs_with(ruleset.needs, inputs)
    found = await source.gather(
        user,
        fetch_plan(needs, as_of),
        as_of=now,
        stop_at=asyncio.get_running_loop().time() + 600,
        wait_until=0.0,
        known=(),
        fallback=needs.policy.provider_types,
    )
    admission = Admission(asked, as_of, choice, inputs, ruleset, user)
    made = {"encoder": ProtoReplyEncoder(), "new_id": ids, "caller": "los", "content": b""}
    _, entry = conclude(admission, found, UNKNOWN, **made)
    return entry


def _application(user: str, place: int) -> Application:
    amount, term = _AMOUNTS[place % len(_AMOUNTS)], _TERMS[place % len(_TERMS)]
    inputs = {
        "requested_amount": Money("PHP", amount * 100),
        "requested_term_months": term,
    }
    return Application(f"r-{place}", user, PRODUCT, inputs=inputs)
