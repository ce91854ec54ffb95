"""Deciding at once: from request to commit without a wait, where everything is at hand.

It is the long way of `decide` without its waits, for the decision that asks nothing of anybody: the
reading is warm and remembered, the rollout needs no look into the store, there is room. Whatever is
otherwise, and every error, is left to the long way, which begins anew.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import msgspec
from msgspec import structs

from decision_service.domain.errors import RequestInProgress
from decision_service.factors.plan import fetch_plan
from decision_service.failpoints import Point, reach
from decision_service.pipeline.admission import Admission, admit_at_once
from decision_service.pipeline.application import Application
from decision_service.pipeline.beside import Beside
from decision_service.pipeline.conclude import Concluded, conclude
from decision_service.pipeline.counters import Attempt
from decision_service.pipeline.known_factors import KnownFactors
from decision_service.pipeline.last_record import LastRecord
from decision_service.pipeline.ports import Gathering, StoredEntry
from decision_service.pipeline.room import WorkRoom
from decision_service.pipeline.rulebook import Product, Rulebook
from decision_service.pipeline.run import FLOOR, Call, OnRecorded, Ports, Run, Runs
from decision_service.pipeline.shared import SharedResult
from decision_service.pipeline.used_versions import UsedVersions

Told = Callable[[StoredEntry | None, str], None]
"""Hears of the recorded decision, or of None where the long way must settle it; and, in both cases,
of the request id under which it was begun."""


class Desk(msgspec.Struct, frozen=True):
    """What deciding at once shares with the long way."""

    ports: Ports
    rulebook: Callable[[], Rulebook]
    beside: Beside
    last: LastRecord
    room: WorkRoom
    on_recorded: OnRecorded
    used: UsedVersions
    known: KnownFactors
    runs: Runs


class _Begun(msgspec.Struct):
    """A decision on its way into the store."""

    desk: Desk
    run: Run
    shared: SharedResult[StoredEntry]
    product: Product
    admission: Admission
    gathering: Gathering
    concluded: Concluded
    attempt: Attempt
    told: Told

    def answered(self, answer: StoredEntry | Exception) -> None:
        """The store has recorded it, or another under its request id, or could not."""
        desk, key = self.desk, self.run.key
        del desk.runs[key]
        desk.room.leave()
        if isinstance(answer, Exception) or not _answers(answer, self.run):
            desk.beside.counters.withdrawn()
            self.shared.failed(RequestInProgress.still)
            self.told(None, key[1])
            return
        desk.last.note(answer.created)
        self._count(answer)
        self.shared.told(answer)
        self.told(answer, key[1])

    def _count(self, stored: StoredEntry) -> None:
        desk, entry = self.desk, self.concluded.entry
        if stored.decision_id != entry.decision_id:
            desk.beside.counters.withdrawn()
            return
        desk.beside.recorded(
            self.attempt, self.product, self.admission, self.gathering, self.concluded
        )
        desk.on_recorded(stored, entry.arm.arm if entry.arm else "")
        desk.beside.counters.ended(self.attempt)


def begin(desk: Desk, application: Application, call: Call, told: Told) -> bool:
    """Take a decision over: `told` hears of it later, and once.

    False, and nothing has happened, where the long way must be taken; the same where this raises,
    which it does for whatever the long way would tell as an error.
    """
    began = desk.ports.clock.monotonic()
    if call.deadline - began < FLOOR or not desk.room.enter():
        return False
    taken = False
    try:
        taken = _began(desk, application, call, told, began)
    finally:
        if not taken:
            desk.room.leave()
    return taken


def _began(desk: Desk, application: Application, call: Call, told: Told, since: float) -> bool:
    ports = desk.ports
    content, key = application.content(), (call.caller, application.request_id)
    if not key[1]:
        application = structs.replace(application, request_id=ports.new_id.request_id())
        key = (call.caller, application.request_id)
    if key in desk.runs:
        return False
    product = desk.rulebook().product(application.product)
    admission = _admitted(desk, application, product)
    gathering = None if admission is None else _at_hand(desk, admission)
    if admission is None or gathering is None:
        return False
    reach(Point.GATHERED)
    concluded = conclude(
        admission,
        gathering,
        encoder=ports.encoder,
        new_id=ports.new_id,
        caller=call.caller,
        content=content,
        known=desk.known,
    )
    shared: SharedResult[StoredEntry] = SharedResult()  # to name the type as it is made costs more
    run = Run(application, content, call, call.deadline, shared)
    attempt = desk.beside.begun(application, since)
    attempt.assigned(admission.assignment, desk.beside.position(product.name))
    begun = _Begun(desk, run, shared, product, admission, gathering, concluded, attempt, told)
    if not ports.log.submit(concluded.entry, begun.answered):
        desk.beside.counters.withdrawn()
        return False
    desk.runs[key] = run
    return True


def _admitted(desk: Desk, application: Application, product: Product) -> Admission | None:
    now = desk.ports.clock.now()
    return None if desk.last.doubts(now) else admit_at_once(application, product, now)


def _at_hand(desk: Desk, admission: Admission) -> Gathering | None:
    ruleset, warm = admission.ruleset, desk.ports.warm
    if ruleset is None or warm is None or not desk.used.noted(ruleset):
        return None
    as_of = admission.as_of
    plan = fetch_plan(ruleset.needs, as_of)
    return warm.at_hand(admission.application.user_id, plan, as_of.instant)


def _answers(stored: StoredEntry, run: Run) -> bool:
    """Whether a recorded decision is one on the same content."""
    return hmac.compare_digest(stored.content, run.content)
