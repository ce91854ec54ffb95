"""The use case that everything else serves: decide one application, durably and once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

import msgspec
from msgspec import structs
from opentelemetry.trace import Span, Tracer

from decision_service.decide.admit import Admission, InFlightAmounts, admit, found_allowances
from decision_service.decide.application import Application, is_same_request, request_content
from decision_service.decide.codec import snapshot_body
from decision_service.decide.conclude import FactorCache, conclude
from decision_service.decide.flow import Bulkhead, SingleFlight, UserLocks
from decision_service.decide.gather import gather_for, withdrawn
from decision_service.decide.history import (
    NOTHING_FOUND,
    ApplicantIds,
    HistoryOf,
    Past,
    ReadHistory,
)
from decision_service.decide.snapshots import SnapshotCache
from decision_service.domain.actors import TokenSubject
from decision_service.domain.decision import Assignment, Decision
from decision_service.domain.errors import (
    AllowancesMoved,
    ConsentMoved,
    DeadlineMissed,
    HistoryMoved,
    LeaseLost,
    ReadingMoved,
    RequestIdReused,
    RequestInProgress,
)
from decision_service.domain.ports import (
    Clock,
    DecisionEntry,
    DecisionLog,
    FetchResult,
    Lease,
    Leases,
    NewId,
    ReplyEncoder,
    SnapshotSource,
    StoredEntry,
)
from decision_service.domain.values import Money
from decision_service.rollout.assign import day_total_matters
from decision_service.rollout.ports import ArmLog
from decision_service.rulebook.rulebook import Product, Rulebook, used_mark
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.clock import ClockGuard
from decision_service.runtime.failpoints import Point, reach
from decision_service.runtime.telemetry import NO_SPAN, NO_TRACER, SpanName, traced

FLOOR = 0.300
"""With less than this left a decision is not begun."""

ANSWER_MARGIN = 0.150
"""Seconds before the deadline at which gathering stops, so that the answer leaves in time."""

FOLLOW_MARGIN = 0.050
"""Seconds before the deadline at which a caller hears that another's run still goes on."""


class DecidedElsewhere(Exception):
    """Another process has decided the request meanwhile; this is its decision."""

    def __init__(self, entry: StoredEntry) -> None:
        super().__init__()
        self.entry = entry


class Attempt(msgspec.Struct):
    """One decision in progress; it is counted by the values it holds when the decision ends.

    `timed` is false where the caller asked to wait for data. `started` is monotonic, in seconds.
    `position` is the entry of the rollout's journal by which the assignment was made.
    """

    product: str
    timed: bool = True
    started: float = 0.0
    assignment: Assignment | None = None
    position: int = 0
    entry: DecisionEntry | None = None


class DecisionObserver(Protocol):
    """Receives attempts and recorded decisions; no decision waits for it, and no method raises."""

    def position(self, product: str) -> int:
        """The newest entry of a product's rollout in its journal."""

    def attempt(self, application: Application) -> AbstractContextManager[Attempt]:
        """Entered when a decision begins, left with its error or once it is recorded."""

    def recorded(
        self,
        attempt: Attempt,
        product: Product,
        admission: Admission,
        fetch_result: FetchResult | None,
        decision: Decision,
        entry: DecisionEntry,
    ) -> None:
        """Take a decision that became durable; never called for one that was recorded before."""


class Deps(msgspec.Struct, frozen=True):
    source: SnapshotSource
    log: DecisionLog
    arms: ArmLog
    encoder: ReplyEncoder
    clock: Clock
    new_id: NewId
    leases: Leases
    history: ReadHistory
    warm: SnapshotCache | None = None
    tracer: Tracer = NO_TRACER


class CallContext(msgspec.Struct, frozen=True):
    """The caller, the deadline (Clock.monotonic) of the answer, and who of the caller asks."""

    caller: str
    deadline: float
    sender: TokenSubject | None = None


class DecisionRun(msgspec.Struct):
    """A decision in progress; `until` is the deadline of its most patient caller.

    The `lease` is taken before the first vendor call, and never where no data is read. `fetched` is
    None until data was gathered, and where none is. `span` is that of the whole run. `past` was
    looked up with the request: it serves once, where neither the vendor nor other decisions on the
    user were waited for.
    """

    application: Application
    content: bytes
    call: CallContext
    until: float
    past: Mapping[bytes, Past] = NOTHING_FOUND
    lease: Lease | None = None
    fetched: FetchResult | None = None
    span: Span = NO_SPAN

    @property
    def key(self) -> tuple[str, str]:
        return self.call.caller, self.application.request_id


def reused() -> RequestIdReused:
    """The error that reveals nothing of the first request."""
    return RequestIdReused(
        "this request_id was already used for a request with other content: use a new one",
        field="request_id",
    )


class DecideApplication:
    """Decides applications: the same request id with the same content is decided once, ever.

    Concurrent duplicates wait for one run: in the same process by joining the run, in other
    processes by the run's lease. A run goes on while any caller waits for its result, and ends by
    itself once its commit has begun.
    """

    def __init__(
        self,
        deps: Deps,
        rulebook: Callable[[], Rulebook],
        observer: DecisionObserver,
        clock_guard: ClockGuard | None = None,
        *,
        bulkhead: Bulkhead | None = None,
    ) -> None:
        self._deps = deps
        self._rulebook = rulebook
        self._observer = observer
        self._clock_guard = clock_guard or ClockGuard(deps.clock.now, deps.clock.monotonic)
        self._bulkhead = bulkhead or Bulkhead()
        self._used: set[str] = set()
        self._factor_cache = FactorCache()
        self._runs: SingleFlight[tuple[str, str], DecisionRun, StoredEntry] = SingleFlight(
            self._decide
        )
        self._in_flight = InFlightAmounts()
        self._locks = UserLocks()

    async def __call__(self, application: Application, call: CallContext) -> StoredEntry:
        """The recorded decision.

        Raises the errors of `domain.errors`; after any of them nothing is recorded, except that a
        DeadlineMissed may come during the commit: a repeated call returns a committed decision.
        """
        # One visit for both: a repeated applicant costs no second read of the store (0109).
        past = NOTHING_FOUND
        if application.request_id:
            person = _person(application, call)
            found = await self._deps.history.look_up(person, application.request_id)
            if found.entry is not None:
                return self._same_request(found.entry, application, call)
            past = found.past
        else:
            # A new id can have no decision yet, so that none is looked for.
            application = structs.replace(application, request_id=self._deps.new_id.request_id())
        # A run that ended because another process goes on is begun again while there is time.
        while True:
            try:
                return await self._joined(application, call, past)
            except RequestInProgress:
                if self._left(call) < FLOOR:
                    raise

    def forget(self, user_id: str) -> None:
        self._factor_cache.forget(user_id)
        self._deps.history.forget(user_id)
        if self._deps.warm is not None:
            self._deps.warm.forget(user_id)

    async def _joined(
        self, application: Application, call: CallContext, past: Mapping[bytes, Past]
    ) -> StoredEntry:
        key = (call.caller, application.request_id)
        with self._runs.join(key, partial(self._begin, application, call, past)) as waiter:
            run = waiter.job
            if not _asks_the_same(run.application, application):
                raise reused()
            run.until = max(run.until, call.deadline)
            # A follower stops earlier: it has to hear that the run goes on before its call ends.
            seconds = self._left(call) - (0 if waiter.began else FOLLOW_MARGIN)
            try:
                stored = await waiter.result(seconds)
            except TimeoutError:
                late = DeadlineMissed.unrecorded() if waiter.began else RequestInProgress.still()
                raise late from None
            # Another process may have decided the id meanwhile, for a request with other content.
            if stored.content == run.content:
                return stored
            return self._same_request(stored, application, call)

    def _same_request(
        self, stored: StoredEntry, application: Application, call: CallContext
    ) -> StoredEntry:
        secrets = self._deps.history.secrets
        if not is_same_request(stored.content, application, call.caller, secrets=secrets):
            raise reused()
        return stored

    def _begin(
        self, application: Application, call: CallContext, past: Mapping[bytes, Past]
    ) -> DecisionRun:
        self._require_time(call)
        content = request_content(application, call.caller, self._deps.history.secrets)
        return DecisionRun(application, content, call, until=call.deadline, past=past)

    def _left(self, call: CallContext) -> float:
        return call.deadline - self._deps.clock.monotonic()

    def _require_time(self, call: CallContext) -> None:
        if self._left(call) < FLOOR:
            raise DeadlineMissed(
                f"less than {FLOOR * 1000:.0f} ms were left, which is too little to decide in: "
                "call with a later deadline"
            )

    async def _decide(self, run: DecisionRun) -> StoredEntry:
        async with self._bulkhead:
            # Again, since the wait for a place may have used the time up.
            self._require_time(run.call)
            with (
                traced(self._deps.tracer, SpanName.DECIDE) as run.span,
                self._observer.attempt(run.application) as attempt,
            ):
                try:
                    return await self._decided(run, attempt)
                except DecidedElsewhere as found:
                    return found.entry
                except LeaseLost:
                    raise RequestInProgress.still() from None
                # Also where it is cancelled: else other processes wait for the end of the lease.
                except BaseException:
                    if run.lease is not None:
                        self._deps.leases.release(run.lease)
                    raise
                finally:
                    self._in_flight.end(run.key)

    async def _decided(self, run: DecisionRun, attempt: Attempt) -> StoredEntry:
        product = self._rulebook().product(run.application.product)
        admission = await self._admit(run, product, attempt)
        if admission.ruleset is not None:
            await self._gather(admission, admission.ruleset, run)
            reach(Point.GATHERED)
            # Which content a version has decided with is on record before it first decides:
            # from then on the version may not change.
            if admission.ruleset.digest not in self._used:
                await self._deps.log.put_texts([used_mark(admission.ruleset)])
                self._used.add(admission.ruleset.digest)
        decision, entry, stored = await self._recorded(admission, run)
        _show(run.span, decision, stored)
        # A decision that another process made of the request is counted there.
        if stored.decision_id == entry.decision_id:
            self._observer.recorded(attempt, product, admission, run.fetched, decision, entry)
        return stored

    async def _admit(self, run: DecisionRun, product: Product, attempt: Attempt) -> Admission:
        # Before the first wait, so that it is the journal's entry whose state assigns the arm.
        position = self._observer.position(product.name)
        application = run.application

        def assigned(assignment: Assignment) -> None:
            attempt.assignment = assignment
            attempt.position = position
            amount = application.inputs.get("requested_amount")
            # Nothing has waited since the day's total was read: no two amounts take the same rest.
            if day_total_matters(product.plan, assignment) and isinstance(amount, Money):
                self._in_flight.begin(run.key, product.name, amount)

        now = self._deps.clock.now()
        arms = self._deps.arms
        admission = await admit(
            application, product, arms, now=now, assigned=assigned, in_flight=self._in_flight
        )
        return self._with_doubt(admission)

    def _with_doubt(self, admission: Admission) -> Admission:
        if admission.as_of.doubtful or not self._clock_guard.doubts(admission.as_of.instant):
            return admission
        as_of = structs.replace(admission.as_of, doubtful=True)
        return structs.replace(admission, as_of=as_of)

    async def _gather(
        self, admission: Admission, ruleset: CompiledRuleset, run: DecisionRun
    ) -> None:
        clock = self._deps.clock
        application = admission.application
        stop_at = run.call.deadline - ANSWER_MARGIN
        with traced(self._deps.tracer, SpanName.GATHER):
            fetched = await gather_for(
                application.user_id,
                ruleset.needs,
                admission.as_of,
                source=self._deps.source,
                log=self._deps.log,
                stop_at=stop_at,
                wait_until=min(stop_at, clock.monotonic() + application.wait_timeout),
                warm=self._deps.warm,
                before_read=partial(self._claim, run),
            )
        # On a thread: to pack a long history takes milliseconds, in which no other call is served.
        body = fetched.body or await asyncio.to_thread(snapshot_body, fetched.snapshot)
        run.fetched = structs.replace(fetched, body=body)

    async def _claim(self, run: DecisionRun) -> None:
        """Have the request's lease; raises DecidedElsewhere where it is decided by then."""
        if run.lease is not None:
            return
        # The vendor is waited for now, and other decisions on the person may come in between.
        run.past = NOTHING_FOUND
        seconds = max(self._left(run.call) - FOLLOW_MARGIN, 0)
        caller, request_id = run.key
        claimed = await self._deps.leases.claim(caller, request_id, seconds)
        if isinstance(claimed, StoredEntry):
            raise DecidedElsewhere(claimed)
        run.lease = claimed
        # Another process may have been waited for, until too little time was left.
        self._require_time(run.call)

    async def _recorded(
        self, admission: Admission, run: DecisionRun
    ) -> tuple[Decision, DecisionEntry, StoredEntry]:
        """Decide again on what is there where something overtook the data."""
        user_id = admission.application.user_id
        while True:
            try:
                async with self._locks.of(user_id) as waited:
                    # The decisions that this one waited for have changed the history of the user.
                    if waited:
                        run.past = NOTHING_FOUND
                    decision, entry = await self._concluded(admission, run)
                    return decision, entry, await self._commit(entry, run)
            # Both are read anew each time, so that the second try sees what came first.
            except (AllowancesMoved, HistoryMoved):
                continue
            except ReadingMoved:
                # The cache led to a reading that may serve no more, and would lead to it again.
                self.forget(user_id)
                if admission.ruleset is None:
                    raise
                await self._gather(admission, admission.ruleset, run)
            except ConsentMoved:
                self.forget(user_id)
                if run.fetched is None:
                    raise
                # Nothing is read again: who withdrew consent is referred, without the data (0103).
                user_state = await self._deps.log.user_state(user_id)
                run.fetched = withdrawn(user_id, run.fetched, user_state.consent)

    async def _concluded(
        self, admission: Admission, run: DecisionRun
    ) -> tuple[Decision, DecisionEntry]:
        deps = self._deps
        ruleset = admission.ruleset
        product = admission.application.product
        own = None
        if run.fetched is not None and ruleset is not None:
            about = HistoryOf(
                product, ruleset.currency, admission.as_of, policy=ruleset.needs.policy
            )
            person = _person(admission.application, run.call)
            # It serves once: where this is decided again, another decision came in between.
            found = run.past
            run.past = NOTHING_FOUND
            body = run.fetched.body
            snapshot = run.fetched.snapshot
            own = await deps.history(person, snapshot, about, found, body.id if body else "")
        # Again: the vendor's answer may just have brought its time.
        admission = self._with_doubt(admission)
        return conclude(
            admission,
            run.fetched,
            own,
            encoder=deps.encoder,
            new_id=deps.new_id,
            caller=run.call.caller,
            sender=run.call.sender,
            content=run.content,
            factor_cache=self._factor_cache,
            fence=run.lease.fence if run.lease else "",
            # Only a first look: the commit checks the caps again under a lock (0134).
            allowances=await found_allowances(admission.limits, product, deps.arms),
            tracer=deps.tracer,
        )

    async def _commit(self, entry: DecisionEntry, run: DecisionRun) -> StoredEntry:
        if self._deps.clock.monotonic() > run.until:
            raise DeadlineMissed.unrecorded()
        # A commit that is cancelled may have been made: from here on the run goes to its end.
        self._runs.seal(run.key)
        with traced(self._deps.tracer, SpanName.COMMIT):
            stored = await self._deps.log.commit(entry)
        # An instant behind that of a record shows that the clock was set back.
        self._clock_guard.recorded(stored.created)
        return stored


def _show(span: Span, decision: Decision, stored: StoredEntry) -> None:
    """What a span says of a decision: nothing of the person."""
    given = decision.assignment
    seen: dict[str, str | int] = {
        "decision.id": stored.decision_id,
        "decision.product": stored.product,
        "decision.outcome": stored.outcome.value,
    }
    if given.arm is not None and given.version is not None:
        seen |= {"decision.version": given.version, "decision.arm": given.arm.value}
    span.set_attributes(seen)


def _person(application: Application, call: CallContext) -> ApplicantIds:
    replaced = application.earlier.replaced if application.earlier else ""
    return ApplicantIds(
        application.user_id, call.caller, application.customer_ref, replaced=replaced
    )


def _asks_the_same(run: Application, application: Application) -> bool:
    if application is run:
        return True
    # The digest of the content says only whether an applicant was described.
    if application.applicant != run.applicant:
        return False
    # In one view for both: requests that differ in their view alone are the same (0100).
    return application.content(full=False) == run.content(full=False)
