"""The use case that everything else serves: decide one application, durably and once."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from decision_service.domain.errors import DeadlineMissed, RequestIdReused, RequestInProgress
from decision_service.failpoints import Point, reach
from decision_service.pipeline.admission import Admission
from decision_service.pipeline.application import Application
from decision_service.pipeline.conclude import conclude
from decision_service.pipeline.gathering import gather_for
from decision_service.pipeline.ports import (
    Clock,
    DecisionLog,
    Gathering,
    NewId,
    ReplyEncoder,
    SnapshotSource,
    StoredEntry,
)
from decision_service.pipeline.rulebook import Rulebook
from decision_service.pipeline.shared import SharedWork
from decision_service.ruleset.model import CompiledRuleset

ANSWER_MARGIN = 0.150
"""Seconds before the deadline at which gathering stops, so that the answer leaves in time."""

FLOOR = 0.300
"""With less than this left a decision is not begun."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What deciding needs of the world."""

    source: SnapshotSource
    log: DecisionLog
    encoder: ReplyEncoder
    clock: Clock
    new_id: NewId


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, and until when (Clock.monotonic) an answer is of use."""

    caller: str
    deadline: float


@dataclass(slots=True)
class _Run:
    """A decision in progress under one request id."""

    content: bytes
    work: SharedWork[StoredEntry] | None = None

    def seal(self) -> None:
        if self.work is not None:
            self.work.seal()


class DecideApplication:
    """Decides applications: the same request id with the same content is decided once, ever.

    Concurrent duplicates wait for the one run. A caller who leaves does not stop it while others
    wait, and nothing stops it once the commit has begun.
    """

    def __init__(self, ports: Ports, rulebook: Callable[[], Rulebook]) -> None:
        self._ports = ports
        self._rulebook = rulebook
        self._runs: dict[tuple[str, str], _Run] = {}

    async def __call__(self, application: Application, call: Call) -> StoredEntry:
        """The recorded decision.

        Raises the errors of `domain.errors`; after any of them nothing is recorded, except that a
        DeadlineMissed may come while the commit is under way: asking again settles it.
        """
        content = application.content()
        if application.request_id:
            stored = await self._ports.log.find(call.caller, application.request_id)
            if stored is not None:
                return _same_content(stored, content)
        else:
            application = replace(application, request_id=self._ports.new_id.request_id())
        return await self._joined(application, content, call)

    async def _joined(self, application: Application, content: bytes, call: Call) -> StoredEntry:
        key = (call.caller, application.request_id)
        run = self._runs.get(key)
        leads = run is None
        if run is None:
            run = self._begin(key, application, content, call)
        elif not hmac.compare_digest(run.content, content):
            raise _reused()
        assert run.work is not None  # noqa: S101 - set by _begin before anything awaits
        try:
            stored = await run.work.wait(call.deadline - self._ports.clock.monotonic())
        except TimeoutError:
            raise _too_late(leads=leads) from None
        return _same_content(stored, content)

    def _begin(
        self, key: tuple[str, str], application: Application, content: bytes, call: Call
    ) -> _Run:
        if call.deadline - self._ports.clock.monotonic() < FLOOR:
            raise DeadlineMissed(
                f"less than {FLOOR * 1000:.0f} ms were left, which is too little to decide in: "
                "call with a later deadline"
            )
        run = _Run(content)
        self._runs[key] = run
        work = self._decide(application, content, call, run.seal)
        run.work = SharedWork(work, on_end=partial(self._runs.pop, key, None))
        return run

    async def _decide(
        self, application: Application, content: bytes, call: Call, seal: Callable[[], None]
    ) -> StoredEntry:
        admission = Admission.of(application, self._rulebook(), self._ports.clock.now())
        gathering = None
        if admission.ruleset is not None:
            gathering = await self._gather(admission, admission.ruleset, call)
            reach(Point.GATHERED)
        entry = conclude(
            admission,
            gathering,
            encoder=self._ports.encoder,
            new_id=self._ports.new_id,
            caller=call.caller,
            content=content,
        )
        seal()
        return await self._ports.log.commit(entry)

    async def _gather(
        self, admission: Admission, ruleset: CompiledRuleset, call: Call
    ) -> Gathering:
        clock = self._ports.clock
        stop_at = call.deadline - ANSWER_MARGIN
        return await gather_for(
            admission.application.user_id,
            ruleset.needs,
            admission.as_of,
            source=self._ports.source,
            log=self._ports.log,
            stop_at=stop_at,
            wait_until=min(stop_at, clock.monotonic() + admission.application.wait_timeout),
        )


def _same_content(stored: StoredEntry, content: bytes) -> StoredEntry:
    """The stored decision, if it answers this content; raises RequestIdReused otherwise."""
    if not hmac.compare_digest(stored.content, content):
        raise _reused()
    return stored


def _reused() -> RequestIdReused:
    """The error that reveals nothing of the first request."""
    return RequestIdReused(
        "this request_id was already used for a request with other content: use a new one"
    )


def _too_late(*, leads: bool) -> DeadlineMissed | RequestInProgress:
    if leads:
        return DeadlineMissed("the deadline came before the decision was recorded")
    return RequestInProgress(
        "a request with this request_id is still being decided: ask again for its result",
        retry_after=1.0,
    )
