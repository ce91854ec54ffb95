"""Any order of deciding, repeating, reusing, giving up, failing and changing keeps the promises."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from decision_service.decide.application import Application
from decision_service.decide.decide import CallContext
from decision_service.domain.errors import RequestIdReused, UpstreamUnavailable
from decision_service.domain.ports import StoredEntry
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.runtime.failpoints import Point, arm, disarm
from decision_service.store.store import Store
from tests.fakes.world import (
    PRODUCT,
    RULES,
    Numbered,
    ScriptedSource,
    SetClock,
    World,
    application,
)
from tests.fakes.world import rulebook as load

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
        world = World(self.source, self.store, self.clock, ids=self.ids, secrets=keys)
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
