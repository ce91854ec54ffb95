"""What runs in the background: each piece on a task that is started again when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial

import msgspec
import structlog

from decision_service.app.core import Core
from decision_service.decide.flow import Bulkhead
from decision_service.domain.errors import StoreError
from decision_service.rulebook.folder import RulesFolderMissing
from decision_service.runtime.tasks import Supervisor
from decision_service.runtime.telemetry import Alarm, raised
from decision_service.server.grpc import RpcServer
from decision_service.steering.reload import REFUSED, ReloadRules

LOOK_SECONDS = 0.25
LATE = 0.250
"""Seconds of lag from which the loop counts as late."""

LATE_FOR = 5.0
"""Seconds of being late after which no new work is taken, until the loop is in time again."""

log = structlog.get_logger("decision_service.app.background")
PROVIDERS_DAILY = 86_400.0
PROVIDERS_RETRY = 30.0
CLOCK_SECONDS = 5.0
RULES_RETRY = 1.0
HEALTH_SECONDS = 5.0
RECOVERY_SECONDS = 0.25
KEYS_REFUSED = "vendor: it refuses the key pair, so replace it"


class LagWatch:
    """Measures how late the loop wakes a sleeper, and sheds work while it is late for long."""

    def __init__(
        self, bulkhead: Bulkhead, seconds: Callable[[], float], show: Callable[[float], None]
    ) -> None:
        self._bulkhead = bulkhead
        self._seconds = seconds
        self._show = show
        self._late_since: float | None = None

    async def run(self) -> None:
        while True:
            before = self._seconds()
            await asyncio.sleep(LOOK_SECONDS)
            self.woke(before, self._seconds())

    def woke(self, before: float, now: float) -> None:
        lag = max(0.0, now - before - LOOK_SECONDS)
        self._show(lag)
        if lag <= LATE:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = before
        late = self._late_since is not None and now - self._late_since >= LATE_FOR
        if late != self._bulkhead.shedding:
            log.warning("shedding" if late else "taking work again", lag=round(lag, 3))
        self._bulkhead.shedding = late


class BackgroundTasks(msgspec.Struct, frozen=True):
    """Provider list, rules, health, callers, certificates, the event loop's lag."""

    core: Core
    server: RpcServer

    def start(self, supervisor: Supervisor) -> None:
        core, deps = self.core, self.core.deps
        lag = LagWatch(deps.limits.work, core.clock.monotonic, deps.metrics.loop_lag.set)
        supervisor.supervise("providers", self._providers)
        reload = ReloadRules(
            core.read_folder,
            core.active,
            core.rollouts,
            core.store,
            core.clock,
            core.settings.blocked,
            edits_used=core.edits_used,
            signers=core.signers,
        )
        supervisor.supervise("rules", partial(self._rules, reload))
        supervisor.supervise("health", partial(self._health, supervisor))
        if deps.authenticator.path is not None:
            supervisor.supervise("callers", partial(deps.authenticator.follow, self._judge_again))
        if core.certificates is not None:
            supervisor.supervise("certificates", core.certificates.follow)
        supervisor.supervise("lag", lag.run)

    async def _providers(self) -> None:
        """Read the vendor's provider list now and daily; soon again while it cannot be read.

        A good reading also shows that refused keys work again, and every answer has the vendor's
        time: it is read sooner where nothing else was asked, or the clock is in doubt.
        """
        core, done, again = self.core, False, 0.0
        while True:
            if core.guard.wants_answer() or not done or core.clock.monotonic() >= again:
                done = await core.source.refresh_providers()
                again = core.clock.monotonic() + PROVIDERS_DAILY
                await self._forget_future()
            await asyncio.sleep(CLOCK_SECONDS if done else PROVIDERS_RETRY)

    async def _forget_future(self) -> None:
        """Once a clock is confirmed, what was read by a wrong one serves nothing."""
        core, guard = self.core, self.core.guard
        if guard.tidy or not guard.agrees:
            return
        with suppress(StoreError):  # tried again after the next answer
            await core.store.forget_future(core.clock.now())
            guard.tidy = True

    async def _health(self, supervisor: Supervisor) -> None:
        """Say NOT_SERVING, and why, while no decision could be made, or not for long.

        A service that is unwell looks more often, so that it serves again soon after the fault.
        """
        while True:
            well = self.server.is_serving
            await asyncio.sleep(HEALTH_SECONDS if well else RECOVERY_SECONDS)
            self.server.set_health([one async for one in self._faults(supervisor)])

    async def _faults(self, supervisor: Supervisor) -> AsyncIterator[str]:
        try:
            await self.core.store.check()
        except StoreError as error:
            yield f"store: {error.message}"
        if self.core.source.status.keys_refused:
            yield KEYS_REFUSED
        for name in supervisor.unwell:
            yield f"task {name}: it has failed three times in a row, and is started again"

    def _judge_again(self) -> None:
        """Read the rules again, as other callers may sign them now."""
        if self.core.signers is not None:
            self.core.changed_rules.look_again()

    async def _rules(self, reload: ReloadRules) -> None:
        """Take changed rules over; while there is no folder, the last good rules decide."""
        async for _ in self.core.changed_rules.changes():
            try:
                while (done := await reload()).again:
                    log.warning("rules wait for the store")
                    await asyncio.sleep(RULES_RETRY)
                log.info("rules", accepted=done.accepted, faults=done.faults)
            except RulesFolderMissing as missing:
                log.error(REFUSED, alarm=raised(Alarm.RULES_REFUSED), problem=str(missing))  # noqa: TRY400 - no traceback
