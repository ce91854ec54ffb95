"""Promises under scripted faults, seeded scenarios, and any order of calls, by the real code."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bench.reliability.evidence.__main__ import play
from bench.reliability.evidence.desk import Answer, Desk
from bench.reliability.rows import ROWS, Row
from bench.reliability.vendor import person
from decision_service.decide.application import Application
from decision_service.decide.decide import CallContext
from decision_service.domain.errors import RequestIdReused, UpstreamUnavailable
from decision_service.domain.ports import StoredEntry
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.runtime.failpoints import Point, arm, disarm
from decision_service.smile.applicant import KindRead
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import person_like
from decision_service.standin.world import World
from decision_service.store.store import Store
from tests.fakes.world import NOW, PRODUCT, RULES, Numbered, ScriptedSource, SetClock, application
from tests.fakes.world import World as DecidingWorld
from tests.fakes.world import rulebook as load
from tests.integration.test_erased_meanwhile import Revoking
from tests.unit.smile.virtual import run

GEORGE = person("George", 0)
SCENARIOS = 90
ERROR_CODES = (
    "ACCOUNT_DISABLED",
    "ACCOUNT_INACCESSIBLE",
    "ACCOUNT_INCOMPLETE",
    "ACCOUNT_LOCKED",
    "AUTH_REQUIRED",
    "EXPIRED_CREDENTIALS",
    "INVALID_ACCOUNT_TYPE",
    "INVALID_AUTH",
    "INVALID_CREDENTIALS",
    "INVALID_MFA",
    "MFA_TIMEOUT",
    "SERVICE_UNAVAILABLE",
    "SYSTEM_ERROR",
    "TOS_REQUIRED",
    "UNSUPPORTED_AUTH_TYPE",
    "UNSUPPORTED_MFA_METHOD",
)


def world() -> World:
    """One steady earner."""
    return World(NOW.date(), {GEORGE: partial(person_like, "George", GEORGE, NOW.date())})


@pytest.fixture(scope="module")
def desk() -> Desk:
    """A desk for the steady earner."""
    return Desk(world())


def decided(desk: Desk, *faults: Fault, page_size: int = 150) -> Answer:
    """His answer with these faults in force."""
    return run(desk.decide(GEORGE, PRODUCT, *faults, page_size=page_size))


@pytest.mark.long
def test_no_scenario_is_decided_wrongly() -> None:
    """Of seeded scenarios none approves or declines on tainted evidence; clean ones are as ever."""
    tally = run(play(seed=7, first=0, count=SCENARIOS, seconds=3_600))
    assert tally.wrong == []
    assert tally.clean > SCENARIOS / 4
    assert tally.tainted > SCENARIOS / 4
    assert min(tally.outcomes[word] for word in ("APPROVE", "DECLINE", "REFER")) > 5


@pytest.mark.long
def test_the_scenarios_notice_missing_data_that_counts_as_none(monkeypatch):
    """With unreadable kinds taken for empty ones the same scenarios are decided wrongly."""
    monkeypatch.setattr("decision_service.smile.fetch.failed_kind", lambda *_: KindRead())
    assert run(play(seed=7, first=0, count=SCENARIOS // 3, seconds=3_600)).wrong


@pytest.mark.parametrize("code", ERROR_CODES)
def test_an_account_that_delivered_and_broke_is_partial(desk: Desk, code: str) -> None:
    """Whatever the vendor's error code, data of an account in error is not complete."""
    broken = {"provider": "sss_ph", "status": "ERROR", "error_code": code}
    answer = decided(desk, Fault("account_state", "/accounts", settings=broken))
    assert answer.outcome == "REFER"
    assert answer.reasons[0] == "PARTIAL_DATA"


UNREACHED = 1_000


def revoked_at(number: int, page_size: int) -> Answer:
    """The answer when consent is withdrawn before the request with this number."""
    desk = Desk(world())
    desk._transport = Revoking(desk.app, number)  # type: ignore[assignment]  # in place of the cache
    return decided(desk, page_size=page_size)


def requests_of(page_size: int) -> int:
    """How many requests his decision takes when nobody revokes anything."""
    desk = Desk(world())
    desk._transport = Revoking(desk.app, UNREACHED)  # type: ignore[assignment]  # asks every time
    decided(desk, page_size=page_size)
    return desk.app.meter.total


@pytest.mark.parametrize("page_size", [150, 20])
def test_consent_withdrawn_at_any_moment_refers(page_size: int) -> None:
    """Whichever request the revocation precedes, nothing that was read counts any more."""
    requests = requests_of(page_size)
    assert requests >= 6
    for number in range(1, requests):
        answer = revoked_at(number, page_size)
        assert answer == Answer("REFER", ("CONSENT_REVOKED",)), number
    assert revoked_at(requests, page_size).outcome == "APPROVE", "it comes after the last request"


SCRIPTED = [row for row in ROWS if not row.id.startswith("U14")]


@pytest.mark.parametrize("row", SCRIPTED, ids=lambda row: row.id)
def test_each_scripted_row_has_its_answer(desk: Desk, row: Row) -> None:
    """Every fault that an answer of the vendor can carry gives the outcome of the catalogue."""
    answer = decided(desk, *row.make(GEORGE, ""))
    assert answer.outcome == row.outcome
    if row.says:
        assert answer.reasons[0] == row.says


Result = TypeVar("Result")
MOST = 6


@cache
def staged(stage: str) -> Rulebook:
    """The shipped rules with the loan at a stage of its plan."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "rules"
        shutil.copytree(RULES, root)
        plan = root / PRODUCT / "rollout.yaml"
        plan.write_text(plan.read_text().replace("initial_stage: all", f"initial_stage: {stage}"))
        return load(read_rules(root))


STAGES = ("all", "half", "staff")


class Service(RuleBasedStateMachine):
    """One store file over several lives of a process; the model is what callers were told."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.ids = Numbered()
        self.clock = SetClock()
        self.source = ScriptedSource()
        self.book = staged("all")
        self.told: dict[str, StoredEntry] = {}
        self.asked: dict[str, Application] = {}
        self.refused: set[str] = set()
        self.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    def start(self) -> None:
        """A process begins on the file."""
        url = f"sqlite:///{Path(self.folder.name) / 'd.db'}"
        self.store = self.run(Store.open(url, linger=0.0))
        keys = self.store.identity_keys
        world = DecidingWorld(self.source, self.store, self.clock, ids=self.ids, secrets=keys)
        self.decide = world.decide(leases=self.store.leases, rulebook=lambda: self.book)

    def teardown(self) -> None:
        disarm()
        self.run(self.store.aclose())
        self.runner.close()
        self.folder.cleanup()

    def fresh(self) -> Application:
        name = f"r-{len(self.asked)}"
        self.asked[name] = application(request_id=name, user_id=f"u-{len(self.asked) % 3}")
        return self.asked[name]

    async def ask(self, wanted: Application) -> StoredEntry:
        return await self.decide(wanted, CallContext("anonymous", self.clock.monotonic() + 10.0))

    def note(self, entry: StoredEntry) -> None:
        """Whatever was told once is told for ever."""
        assert self.told.setdefault(entry.request_id, entry).reply == entry.reply
        assert entry.request_id not in self.refused

    @precondition(lambda self: len(self.asked) < 40)
    @rule()
    def decides(self) -> None:
        self.note(self.run(self.ask(self.fresh())))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), callers=st.integers(1, MOST))
    def repeats(self, data: st.DataObject, callers: int) -> None:
        """Any request again, by several callers at once; an open one is settled by it."""
        wanted = self.asked[data.draw(st.sampled_from(sorted(self.asked)))]
        self.refused.discard(wanted.request_id)

        async def together() -> list[StoredEntry]:
            return await asyncio.gather(*(self.ask(wanted) for _ in range(callers)))

        for entry in self.run(together()):
            self.note(entry)

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def reuses(self, data: st.DataObject) -> None:
        """A decided id with another applicant is refused."""
        name = data.draw(st.sampled_from(sorted(self.told)))
        with pytest.raises(RequestIdReused):
            self.run(self.ask(application(request_id=name, user_id="somebody-else")))

    @rule(turns=st.integers(0, 12))
    def gives_up(self, turns: int) -> None:
        """A lone caller leaves after some turns of the loop; nothing is known of its request."""
        wanted = self.fresh()

        async def leave() -> None:
            asking = asyncio.ensure_future(self.ask(wanted))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

        self.run(leave())

    @rule(point=st.sampled_from([Point.BEFORE_COMMIT, Point.IN_COMMIT]))
    def fails_before_the_commit(self, point: Point) -> None:
        """An error on the way to the commit is no decision, and records none."""
        wanted = self.fresh()

        def fail() -> None:
            raise OSError

        arm(point, fail)
        with pytest.raises(OSError):  # noqa: PT011 - the failpoint's own
            self.run(self.ask(wanted))
        disarm()
        self.refused.add(wanted.request_id)

    @rule()
    def the_vendor_fails(self) -> None:
        """Without the vendor nothing is recorded, unless nobody had to ask it."""
        wanted = self.fresh()
        self.source.error = UpstreamUnavailable("no")
        try:
            self.note(self.run(self.ask(wanted)))
        except UpstreamUnavailable:
            self.refused.add(wanted.request_id)
        finally:
            self.source.error = None

    @rule()
    def restarts(self) -> None:
        """A new process on the same file; what was being asked is gone with the old one."""
        self.run(self.store.aclose())
        self.start()

    @rule(stage=st.sampled_from(STAGES))
    def reloads(self, stage: str) -> None:
        """Another set of rules and percentages decides from now on."""
        self.book = staged(stage)

    @rule(hours=st.sampled_from([-1, 1, 24]))
    def the_clock_steps(self, hours: int) -> None:
        """The wall clock jumps; deadlines do not."""
        self.clock.wall += timedelta(hours=hours)

    @invariant()
    def what_was_told_is_recorded(self) -> None:
        """Each told decision is in the store as it was told; what was refused is not."""
        for name, entry in self.told.items():
            assert self.run(self.store.look_up("anonymous", name)).entry == entry
        for name in self.refused:
            assert self.run(self.store.look_up("anonymous", name)).entry is None


TestService = Service.TestCase
TestService.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
