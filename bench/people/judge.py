"""Labelled people decided by several versions of the rules: what is referred, who is approved.

A reading of a seed and day is kept in bench/results/people, under the digest of the code that makes
and reads people, so that bands and limits are tried in minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import httpx2
import msgspec
import yaml

from bench.figures import RESULTS
from bench.people.ordinary import FLAWS, ORDINARY
from bench.people.population import population
from decision_service.decide.admit import bound_inputs
from decision_service.decide.codec import read_snapshot, snapshot_body
from decision_service.decide.conclude import needs_of
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome, Verdict
from decision_service.domain.errors import DataNotReady
from decision_service.domain.needs import FetchPlan, Needs, WhenTransactions
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Money
from decision_service.factors.compute import compute
from decision_service.factors.usage import FETCHED_KINDS
from decision_service.rulebook.rulebook import Product
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.inputs import list_answers
from decision_service.rules.program import CompiledRuleset
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.formats import start_of
from decision_service.standin.server import build_app
from tests.fakes.newcomer import NEWCOMER

GOOD, BAD, UNKNOWABLE = "GOOD", "BAD", "UNKNOWABLE"
LOAN, ADVANCE = "personal-loan-ph", "gig-advance-ph"
PRODUCTS = {"loan": LOAN, "advance": ADVANCE}
AMOUNTS = {LOAN: (8_000, 12_000, 20_000, 30_000), ADVANCE: (1_500, 2_000, 3_000, 5_000)}
TERMS = {LOAN: 6, ADVANCE: 1}
NOT_READY = "NOT_READY"
"""The outcome where the data is still on its way: the loan system is asked to come back."""
SIZE = 400

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent / "decision_service"
_KEPT = RESULTS / "people"
_HISTORY_DAYS = 800
"""Days of transactions that are read: more than the longest window of a factor, and its staleness."""
_REQUESTS_PER_SECOND = 2_000
_PATIENCE = 600.0


class Label(msgspec.Struct, frozen=True, rename={"truth": "is"}, forbid_unknown_fields=True):
    """What is known of the people of a profile, or of a group of the ordinary ones."""

    truth: str
    asks: tuple[str, ...]
    why: str
    profile: str = ""
    group: str = ""
    people: int = 0


class _Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ordinary: tuple[Label, ...]
    profiles: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """One application on one day: who asked, and what each pair of versions answered."""

    seed: int
    number: int
    profile: str
    truth: str
    product: str
    day: date
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome with the codes of its reasons; `in_full` where all that was asked is granted."""

    outcome: str
    reasons: tuple[str, ...] = ()
    in_full: bool = False


@cache
def labels() -> Mapping[str, Label]:
    """The label of each profile of the judged population."""
    found = msgspec.convert(yaml.safe_load((_HERE / "labels.yaml").read_text()), _Labels)
    by_group = {one.group: one for one in found.ordinary}
    known = {one.profile: one for one in found.profiles}
    lacking = tuple(f"_{flaw.__name__}" for flaw in FLAWS)
    for profile in ORDINARY:
        label = by_group[profile.split("_")[1]]
        if profile.endswith(lacking) and label.truth == GOOD:
            label = msgspec.structs.replace(label, truth=UNKNOWABLE, why="links are not complete")
        known[profile] = label
    return known


def profiles() -> tuple[str, ...]:
    """The profiles of 400 people, one after another: half of them ordinary."""
    others = [one for one in labels().values() for _ in range(one.people)]
    named = [one.profile for one in others]
    return (*ORDINARY, *named)


def shown_as(profile: str) -> str:
    """A profile as tables name it: the ordinary ones by group and by what their links lack."""
    if profile not in ORDINARY:
        return profile
    _, group, _, *flaw = profile.split("_")
    return " ".join(("ordinary", group, *flaw))


@dataclass(frozen=True, slots=True)
class _Noon:
    """Noon of a day, while deadlines go by the loop's time."""

    day: date

    def now(self) -> datetime:
        return start_of(self.day) + timedelta(hours=12)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def judge(
    rulesets: Sequence[Mapping[str, tuple[Product, CompiledRuleset]]],
    seeds: Iterable[int],
    days: Sequence[date],
) -> Iterator[Judged]:
    """Every application of the seeds' people on the days, answered by each set of versions.

    `rulesets` are sets of versions by product name.
    """
    for seed in seeds:
        for day in days:
            needs = next(iter(rulesets[0].values()))[1].needs
            readings = read_people(seed, day, needs)
            for number, reading in enumerate(readings):
                yield from _applications(rulesets, seed, number, day, reading)


def _applications(
    rulesets: Sequence[Mapping[str, tuple[Product, CompiledRuleset]]],
    seed: int,
    number: int,
    day: date,
    reading: Snapshot | None,
) -> Iterator[Judged]:
    profile = profiles()[number]
    label = labels()[profile]
    for name in label.asks:
        product = PRODUCTS[name]
        # 7 has no factor in common with the counts of profiles, so that each asks for all amounts
        amount = AMOUNTS[product][(number + 7 * seed) % len(AMOUNTS[product])]
        answers = [_answer(*versions[product], reading, day, amount) for versions in rulesets]
        yield Judged(seed, number, profile, label.truth, product, day, tuple(answers))


def _answer(
    product: Product, ruleset: CompiledRuleset, reading: Snapshot | None, day: date, amount: int
) -> Answer:
    if reading is None:
        return Answer(NOT_READY)
    asked = Money("PHP", amount * 100)
    inputs = bound_inputs(
        product,
        ruleset,
        {"requested_amount": asked, "requested_term_months": TERMS[product.name]},
    )
    as_of = AsOf.at(_Noon(day).now(), ruleset.zone)
    factors = compute(reading, needs_of(ruleset, inputs), as_of, NEWCOMER)
    answers = list_answers(ruleset, inputs, as_of.date)
    verdict = evaluate(ruleset, Facts(factors.values, inputs, as_of, answers=answers))
    return _answered(verdict, asked)


def _answered(verdict: Verdict, asked: Money) -> Answer:
    reasons = tuple(reason.code for reason in verdict.reasons)
    approved = verdict.outcome is Outcome.APPROVE
    return Answer(
        verdict.outcome.value, reasons, approved and verdict.approved_amount == asked.minor
    )


def read_people(seed: int, day: date, needs: Needs) -> list[Snapshot | None]:
    """The data of a seed's people on a day, read from the stand-in or kept; None: not ready."""
    file = _KEPT / f"{_made_by()}-{seed}-{day}.msgpack"
    if not file.exists():
        bodies = asyncio.run(_read(seed, day, needs))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.msgpack.encode(bodies))
    kept = msgspec.msgpack.decode(file.read_bytes(), type=list[bytes])
    return [read_snapshot(body) if body else None for body in kept]


async def _read(seed: int, day: date, needs: Needs) -> list[bytes]:
    """The stored form of each reading, empty of data that is not ready."""
    clock = _Noon(day)
    world = population(seed, SIZE, day, profiles())
    app = build_app(
        world, api_key="key", api_secret="secret", clock=clock.now, requests_per_second=1_000_000
    )
    source = SmileSource(
        "http://vendor.test/v1",
        "key",
        "secret",
        clock,
        limits=SmileLimits(requests_per_second=_REQUESTS_PER_SECOND, backoff_seconds=0.001),
        transport=httpx2.ASGITransport(app),
    )
    begins = day - timedelta(days=_HISTORY_DAYS)
    kinds = frozenset(FETCHED_KINDS) - {Kind.TRANSACTIONS}
    plan = FetchPlan(kinds, WhenTransactions.ALWAYS, begins, begins, people=True)
    bodies = []
    try:
        assert await source.refresh_providers()
        for user_id in world.builders:
            try:
                found = await source.gather(
                    user_id,
                    plan,
                    as_of=clock.now(),
                    stop_at=clock.monotonic() + _PATIENCE,
                    wait_until=clock.monotonic(),
                    known=(),
                    fallback=needs.policy.provider_types,
                )
            except DataNotReady:
                bodies.append(b"")
            else:
                bodies.append(snapshot_body(found.snapshot).body)
    finally:
        await source.aclose()
    return bodies


@cache
def _made_by() -> str:
    """A digest of the code and data that a reading follows from."""
    digest = hashlib.sha256()
    folders = (_HERE, _ROOT / "standin", _ROOT / "smile", _ROOT / "domain")
    for folder in folders:
        for file in sorted([*folder.glob("*.py"), *folder.glob("*.yaml")]):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one pair of versions made of the people."""

    decided: int
    outcomes: Mapping[str, int]
    referred_good: int
    bad: int
    bad_approved: int
    bad_by_profile: Mapping[str, int]
    good_in_full: int
    good_approved: int
    good: int

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson interval, 95 %, of the share of bad people approved on any of the days."""
        return wilson(self.bad_approved, self.bad)


def figures(found: Sequence[Judged], place: int) -> Figures:
    """Count people where several days matter, and applications everywhere else."""
    outcomes = Counter(one.answers[place].outcome for one in found)
    refused = [one for one in found if one.answers[place].outcome == Outcome.REFER]
    by_person: dict[tuple[int, int], list[Judged]] = {}
    for one in found:
        by_person.setdefault((one.seed, one.number), []).append(one)
    bad, approved_bad = 0, Counter[str]()
    good, good_approved, good_in_full = 0, 0, 0
    for applications in by_person.values():
        answers = [one.answers[place] for one in applications]
        lent = [one.outcome == Outcome.APPROVE for one in answers]
        if applications[0].truth == BAD:
            bad += 1
            approved_bad[shown_as(applications[0].profile)] += any(lent)
        if applications[0].truth == GOOD:
            good += 1
            good_approved += all(lent)
            good_in_full += all(one.in_full for one in answers)
    return Figures(
        decided=len(found),
        outcomes=outcomes,
        referred_good=sum(one.truth == GOOD for one in refused),
        bad=bad,
        bad_approved=approved_bad.total(),
        bad_by_profile=+approved_bad,
        good_in_full=good_in_full,
        good_approved=good_approved,
        good=good,
    )


def wilson(hits: int, tried: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's score; 0 to 1 where nothing was tried."""
    if not tried:
        return 0.0, 1.0
    z = 1.959964
    share = hits / tried
    middle = share + z * z / (2 * tried)
    spread = z * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    whole = 1 + z * z / tried
    return max((middle - spread) / whole, 0.0), min((middle + spread) / whole, 1.0)
