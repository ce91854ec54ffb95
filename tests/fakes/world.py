"""A small honest world for use cases: shipped rules, a scripted applicant, clocks one can set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from decision_service.decide.application import Application, IdentityKey
from decision_service.decide.decide import CallContext, DecideApplication, Deps
from decision_service.decide.history import OwnRecords, ReadHistory
from decision_service.decide.replay import ReadDecisions, ReplayDecision, WhichRules
from decision_service.decide.snapshots import SnapshotCache
from decision_service.domain.decision import Decision
from decision_service.domain.needs import FetchPlan
from decision_service.domain.person import History, Match, OwnFacts, Reuse
from decision_service.domain.ports import FetchResult, Leases, SnapshotSource, StoredEntry
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    Provider,
    Read,
    Snapshot,
)
from decision_service.domain.values import Money
from decision_service.rollout_running.compare import Shadows
from decision_service.rollout_running.counters import Counters, EventCounters, RolloutObserver
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.folder import RuleFolder, read_rules
from decision_service.rulebook.load import LoadResult, load_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.runtime.clock import ClockGuard
from decision_service.server.services.decisions import ProtoReplyEncoder
from tests.fakes.in_memory import InMemoryDecisionLog, InMemoryLeases, forgetful

NEWCOMER = OwnFacts(History("PHP"), Reuse(1, 1, 1, keyed=True), Match())
"""Nothing on record, and nobody else under the account, the user or the name."""

UNKNOWN = OwnRecords(NEWCOMER, ())
"""The same as it is read, without places to take."""

SECRETS = (IdentityKey.of(b"the key of tests, at least 32 bytes"),)
"""The keys of hashes."""


NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
RULES = Path(__file__).resolve().parents[2] / "rules"
PRODUCT = "personal-loan-ph"


@dataclass(slots=True)
class SetClock:
    """Clocks that stand still until they are moved."""

    wall: datetime = NOW
    seconds: float = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds


@dataclass(slots=True)
class Numbered:
    """Ids that count."""

    made: int = 0

    def decision_id(self, created: datetime) -> str:
        del created
        self.made += 1
        return f"dec_{self.made:026d}"

    def request_id(self) -> str:
        self.made += 1
        return f"made-{self.made}"


SUPPORTED = ("EINCOMES", "CONTRIBUTIONS", "LIABILITIES", "EMPLOYMENTS", "IDENTITIES")


def steady_earner(user_id: str = "u-1") -> Snapshot:
    """Three years of 35,000 PHP a month that an employer remits on, synced just now."""
    month = 2026 * 12 + 8
    months = range(month - 35, month + 1)
    account = Account(
        "a-1",
        "sss_ph",
        "CONNECTED",
        created_at=NOW - timedelta(days=900),
        connection_updated_at=NOW - timedelta(hours=1),
    )
    incomes: Read[Income] = Read()
    links: Read[LinkCounts] = Read()
    liabilities: Read[Liability] = Read()
    return Snapshot(
        user_id,
        accounts=(account,),
        providers=(Provider("sss_ph", "GOVERNMENT", SUPPORTED),),
        eincomes=Read(tuple(EstimatedIncome(f"e{m}", "a-1", m, "PHP", 3_500_000) for m in months)),
        incomes=incomes,
        contributions=Read(
            tuple(
                Contribution(f"c{m}", "a-1", datetime(m // 12, m % 12 + 1, 28).date(), "PHP", 1)  # noqa: DTZ001 - a civil date
                for m in months
            )
        ),
        liabilities=liabilities,
        employments=Read(
            (Employment("em1", "a-1", "Acme Inc", "Employed", date(2020, 1, 6), None, None),)
        ),
        identities=Read((Identity("i1", "a-1", date(1990, 5, 4)),)),
        links=links,
    )


@dataclass(slots=True)
class ScriptedSource:
    """A vendor that gives what it is told to, when it is told to, and counts the asking."""

    snapshot: Snapshot = field(default_factory=steady_earner)
    error: Exception | None = None
    gate: asyncio.Event | None = None
    asked: int = 0

    async def gather(self, user_id: str, plan: FetchPlan, **given: object) -> FetchResult:
        del user_id, given
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return FetchResult(_with_people(self.snapshot) if plan.people else self.snapshot, NOW, 5)


def _with_people(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the persons that it holds: nobody, where it does not say."""
    found = snapshot.identities
    if found is None or found.people is not None:
        return snapshot
    return replace(snapshot, identities=replace(found, people=()))


_CASE = "\n  - name: "


@cache
def shipped_rules() -> RuleFolder:
    """The personal loan's rules of this repository, by which one person may be decided on often.

    Each file of cases has a few of them alone: whoever takes the folder over runs them all.
    """
    folder = forgetful(read_rules(RULES))
    [loan] = [one for one in folder.products if one.product == PRODUCT]
    tests = tuple(replace(one, text=_few(one.text)) for one in loan.tests)
    return replace(folder, products=(replace(loan, tests=tests),))


def _few(cases: str) -> str:
    head, _, *more = cases.split(_CASE)
    return _CASE.join((head, *more[:3])) + "\n"


def rulebook(folder: RuleFolder | None = None) -> Rulebook:
    """A loaded rulebook; fails the test with the problems where it does not load."""
    loading = loaded(folder or shipped_rules())
    assert loading.rulebook is not None, loading.errors
    return loading.rulebook


def whole_rulebook() -> Rulebook:
    """That of every product of this repository."""
    return rulebook(forgetful(read_rules(RULES)))


def loaded(folder: RuleFolder) -> LoadResult:
    """What loading the folder gives; one of the same content is compiled once."""
    return _loaded(msgspec.msgpack.encode(folder))


@cache
def _loaded(folder: bytes) -> LoadResult:
    return load_rules(msgspec.msgpack.decode(folder, type=RuleFolder), NOW)


@dataclass(slots=True)
class World:
    """Everything that deciding needs, each part at hand."""

    source: SnapshotSource = field(default_factory=ScriptedSource)
    log: InMemoryDecisionLog = field(default_factory=InMemoryDecisionLog)
    clock: SetClock = field(default_factory=SetClock)
    book: Rulebook = field(default_factory=rulebook)
    warm: SnapshotCache | None = None
    ids: Numbered = field(default_factory=Numbered)
    last: ClockGuard | None = None
    secrets: tuple[IdentityKey, ...] = SECRETS

    def decide(
        self,
        *,
        leases: Leases | None = None,
        observer: RolloutObserver | None = None,
        rulebook: Callable[[], Rulebook] | None = None,
    ) -> DecideApplication:
        """A replica of its own: two of them share nothing but the log."""
        return DecideApplication(
            Deps(
                self.source,
                self.log,
                self.log,
                ProtoReplyEncoder(),
                self.clock,
                self.ids,
                leases or InMemoryLeases(self.log),
                ReadHistory(self.log, self.secrets),
                self.warm,
            ),
            rulebook or (lambda: self.book),
            observer or self.observer(),
            self.last,
        )

    def observer(self) -> RolloutObserver:
        """Counting and silent versions that nobody looks at."""
        counters = Counters(self.log, self.clock, "process")
        events = EventCounters()
        shadows = Shadows(self.log, self.clock, events, counters.idle)
        return RolloutObserver(counters, shadows.offer, lambda _: 1, events)

    def call(self, caller: str = "anonymous", seconds: float = 10.0) -> CallContext:
        return CallContext(caller, self.clock.monotonic() + seconds)


def application(**changes: object) -> Application:
    """A good application, changed."""
    fields: dict[str, object] = {
        "request_id": "r-1",
        "user_id": "u-1",
        "product": PRODUCT,
        "inputs": {"requested_amount": Money("PHP", 2_000_000), "requested_term_months": 6},
    }
    return Application(**(fields | changes))  # type: ignore[arg-type]  # fields of any type, by name


async def replayed(world: World, entry: StoredEntry, version: int = 0) -> Decision:
    """A recorded decision recomputed by its rules, or by another version."""
    archive = RulesetArchive(world.log, lambda: world.book, CompilationThread())
    reading = ReadDecisions(world.log, archive)
    replay = ReplayDecision(world.log, reading, archive, lambda: world.book)
    return (await replay(entry.decision_id, WhichRules(version=version))).decision
