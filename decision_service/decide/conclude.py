"""From what was gathered to the entry that is committed: factors, verdict, decision, reply."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

import msgspec
from msgspec.structs import replace
from opentelemetry.trace import Tracer

from decision_service.build import engine_version
from decision_service.decide.admit import Admission
from decision_service.decide.application import Application
from decision_service.decide.codec import (
    FactorWire,
    FactsToStore,
    encode_facts,
    inputs_to_wire,
    pack_factors,
    snapshot_body,
    values_to_wire,
)
from decision_service.decide.gather import with_earlier_match, with_match
from decision_service.decide.history import OwnRecords
from decision_service.decide.verdict import Settled, expiry, needs_of, settle
from decision_service.domain.calendar import AsOf
from decision_service.domain.decision import Assignment, Decision, RulesetRef
from decision_service.domain.factor import Factors
from decision_service.domain.money import Money
from decision_service.domain.needs import Needs
from decision_service.domain.person import NO_OWN_FACTS, OwnFacts
from decision_service.domain.ports import (
    Allowances,
    ArmDecision,
    DecisionEntry,
    FetchResult,
    HistoryEntry,
    NewId,
    ReplyEncoder,
    SnapshotBody,
    WarmMark,
)
from decision_service.domain.reviews import OpenedReview, ReviewCase, opened_by_referral
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.verdict import Outcome, StageTrace, Verdict
from decision_service.factors.compute import compute, own_values, validity_boundaries, with_values
from decision_service.factors.match import PeopleRead, people_read
from decision_service.factors.registry import data_names
from decision_service.rollout.assign import sets_pin
from decision_service.rulebook.rulebook import Product
from decision_service.rules.evaluate import Facts, LoadedFactors, load, load_more
from decision_service.rules.explain import traces
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.flow import UserCache
from decision_service.runtime.telemetry import NO_TRACER, SpanName, traced

MAX_CACHED = 512


class Decided(msgspec.Struct, frozen=True):
    decision: Decision
    snapshot: SnapshotBody | None = None
    factors: bytes | None = None
    own_values: tuple[FactorWire, ...] = ()
    traces: tuple[StageTrace, ...] = ()
    settled: Settled | None = None
    allowances: Allowances | None = None


def entry_of(
    admission: Admission,
    fetch_result: FetchResult | None,
    own: OwnRecords | None,
    decided: Decided,
    reply: bytes,
    caller: str,
    content: bytes,
    fence: str,
) -> DecisionEntry:
    decision, ruleset = decided.decision, admission.ruleset
    earlier = admission.application.earlier
    return DecisionEntry(
        decision_id=decision.decision_id,
        caller=caller,
        request_id=decision.request_id,
        content=content,
        user_id=decision.user_id,
        product=decision.product,
        application_id=decision.application_id,
        customer_ref=decision.customer_ref,
        outcome=decision.verdict.outcome,
        created=decision.created,
        reply=reply,
        facts=encode_facts(_facts(decision, admission.application, decided)),
        ruleset_digest=None if ruleset is None else ruleset.digest,
        plan_digest=admission.assignment.plan_digest,
        snapshot=decided.snapshot,
        arm=_arm(decision, admission, decided.settled),
        consent=0 if fetch_result is None else fetch_result.consent,
        warm=None if decision.as_of.doubtful else _warm(fetch_result, decided.snapshot),
        fence=fence,
        depends_on=None if fetch_result is None else fetch_result.mark,
        history=_history(decision, ruleset, own),
        allowances=decided.allowances,
        review=_review(decision, admission, caller),
        replaces="" if earlier is None else earlier.replaced,
    )


def _review(decision: Decision, admission: Admission, caller: str) -> OpenedReview | None:
    verdict, requested = decision.verdict, decision.inputs.get("requested_amount")
    if verdict.outcome is not Outcome.REFER:
        return None
    case = ReviewCase(
        decision.decision_id,
        caller,
        decision.user_id,
        decision.product,
        verdict.outcome,
        verdict.refer_kind,
        tuple(tag.name for tag in verdict.tags),
        requested if isinstance(requested, Money) else None,
        "" if verdict.offer is None else verdict.offer.tier,
        reasons=tuple(reason.code for reason in verdict.reasons),
    )
    return opened_by_referral(case, decision.created, admission.review)


def _history(
    decision: Decision, ruleset: CompiledRuleset | None, own: OwnRecords | None
) -> HistoryEntry | None:
    """What later decisions need; an offer without an amount stands for what was asked for."""
    if ruleset is None or own is None:
        return None
    verdict, asked = decision.verdict, decision.inputs.get("requested_amount")
    approved, instalment = verdict.approved_amount, None
    if verdict.outcome is Outcome.APPROVE:
        if approved is None and isinstance(asked, Money):
            approved = asked.minor
        due = verdict.offer.outputs.get("instalment") if verdict.offer else None
        instalment = due.minor if isinstance(due, Money) else None
    return HistoryEntry(own.keys, ruleset.currency, approved, instalment, decision.expires)


def _warm(fetch_result: FetchResult | None, body: SnapshotBody | None) -> WarmMark | None:
    if fetch_result is None or fetch_result.plan is None or body is None:
        return None
    fetched = fetch_result.fetched
    return WarmMark(body.id, fetched, fetched, fetch_result.plan, fetched)


def _arm(decision: Decision, admission: Admission, settled: Settled | None) -> ArmDecision | None:
    """None outside the go-live; rates are those of the rules, whatever a cap decided."""
    assignment, verdict = decision.assignment, decision.rules_verdict
    if assignment.arm is None or assignment.version is None or settled is None:
        return None
    overridden = decision.override is not None
    return ArmDecision(
        unit=admission.unit,
        arm=assignment.arm,
        version=assignment.version,
        hashed=admission.compared,
        pins=sets_pin(assignment),
        refer_kind=verdict.refer_kind,
        rule_error=verdict.ended_in_rule_error,
        approved=None if overridden else verdict.approved_amount,
        judged=verdict.outcome if overridden else None,
        grant=settled.grant,
    )


def _facts(decision: Decision, application: Application, decided: Decided) -> FactsToStore:
    return FactsToStore(
        instant=decision.as_of.instant,
        zone=str(decision.as_of.zone),
        doubtful=decision.as_of.doubtful,
        assignment=decision.assignment,
        inputs=inputs_to_wire(decision.inputs),
        languages=application.style.languages,
        packed_factors=decided.factors,
        own=decision.own,
        own_values=decided.own_values,
        answers=decision.answers,
        allowances=decided.allowances,
        fetched=decision.fetched,
        upstream_calls=decision.upstream_calls,
        withheld_tags=decision.verdict.withheld_tags,
        first_decision=decision.first_decision_id,
    )


class ComputedFactors(msgspec.Struct):
    """`people` are what the applicant is compared with, None where no factor compares persons."""

    factors: Factors
    wire: bytes
    people: PeopleRead | None
    _loaded: LoadedFactors | None = None

    def loaded(self, ruleset: CompiledRuleset, as_of: AsOf) -> LoadedFactors:
        """The values loaded for the ruleset; loaded again for another timeline period or object."""
        loaded = self._loaded
        if loaded is None or loaded.period is not ruleset.program.timeline.at(as_of.date):
            loaded = self._loaded = load(ruleset, self.factors.values, as_of)
        return loaded


_Moment = tuple[date, int, int | None]
"""All of the arguments of `compute` that are not the snapshot's or the ruleset's: the civil date,
how many validity boundaries have passed, the requested term."""


class _CachedFactors(msgspec.Struct):
    boundaries: tuple[datetime, ...]
    moment: _Moment
    computed: ComputedFactors


class FactorCache:
    """Snapshot ids and ruleset digests name content, so a cached result equals a computed one."""

    def __init__(self, most: int = MAX_CACHED) -> None:
        self._entries: UserCache[_CachedFactors] = UserCache(most)

    def of(
        self, snapshot: Snapshot, snapshot_id: str, needs: Needs, digest: str, as_of: AsOf
    ) -> ComputedFactors:
        """Factors of own facts are left out: no two decisions have the same."""
        key = (snapshot.user_id, snapshot_id, digest)
        cached = self._entries.get(key)
        boundaries = (
            validity_boundaries(snapshot, needs.policy) if cached is None else cached.boundaries
        )
        passed = bisect_left(boundaries, as_of.instant)
        moment = (as_of.date, passed, needs.term_months)
        if cached is not None and cached.moment == moment:
            return cached.computed
        factors = compute(snapshot, replace(needs, factors=data_names(needs.factors)), as_of)
        people = people_read(snapshot, needs, as_of)
        computed = ComputedFactors(factors, pack_factors(factors), people)
        self._entries[key] = _CachedFactors(boundaries, moment, computed)
        return computed

    def forget(self, user_id: str) -> None:
        self._entries.forget(user_id)


class ConcludedDecision(msgspec.Struct, frozen=True):
    decision: Decision
    entry: DecisionEntry


def conclude(
    admission: Admission,
    fetch_result: FetchResult | None,
    own: OwnRecords | None = None,
    *,
    encoder: ReplyEncoder,
    new_id: NewId,
    caller: str,
    content: bytes,
    factor_cache: FactorCache | None = None,
    fence: str = "",
    allowances: Allowances | None = None,
    tracer: Tracer = NO_TRACER,
) -> ConcludedDecision:
    """Decide from what was gathered and make the entry to commit; pure but for its new id.

    `fetch_result` is None exactly for an applicant outside the go-live. A `fence` is that of the
    lease under which this is decided.
    """
    application, as_of = admission.application, admission.as_of
    shell = Decision(
        decision_id=new_id.decision_id(as_of.instant),
        request_id=application.request_id,
        application_id=application.application_id,
        customer_ref=application.customer_ref,
        user_id=application.user_id,
        product=application.product,
        created=as_of.instant,
        as_of=as_of,
        assignment=admission.assignment,
        inputs=admission.inputs,
        verdict=Verdict(Outcome.NOT_ENROLLED),
        engine_version=engine_version(),
        answers=admission.answers,
        first_decision_id="" if application.earlier is None else application.earlier.first,
    )
    decided = Decided(shell)
    if admission.ruleset is not None and fetch_result is not None:
        facts = own.facts if own else NO_OWN_FACTS
        cache = factor_cache or FactorCache()
        decided = _decided(
            shell, admission, admission.ruleset, fetch_result, facts, cache, allowances, tracer
        )
    reply = encoder.encode(decided.decision, application.style, decided.traces)
    entry = entry_of(admission, fetch_result, own, decided, reply, caller, content, fence)
    return ConcludedDecision(decided.decision, entry)


def _decided(
    shell: Decision,
    admission: Admission,
    ruleset: CompiledRuleset,
    fetch_result: FetchResult,
    own: OwnFacts,
    factor_cache: FactorCache,
    allowances: Allowances | None,
    tracer: Tracer,
) -> Decided:
    as_of, application = admission.as_of, admission.application
    body = fetch_result.body or snapshot_body(fetch_result.snapshot)
    with traced(tracer, SpanName.FACTORS):
        needs = needs_of(ruleset, admission.inputs)
        computed = factor_cache.of(fetch_result.snapshot, body.id, needs, ruleset.digest, as_of)
        if application.earlier is None:
            own = with_match(own, application.applicant, computed.people)
        else:
            own = with_earlier_match(own, application.earlier.match, computed.people)
        more = own_values(own, needs, as_of)
        factors = with_values(computed.factors, more)
    with traced(tracer, SpanName.EVALUATE):
        loaded = load_more(ruleset, computed.loaded(ruleset, as_of), more)
        facts = Facts(factors.values, admission.inputs, as_of, loaded, admission.answers)
        settled = settle(ruleset, facts, allowances)
    verdict = settled.verdict
    decision = replace(
        shell,
        verdict=verdict,
        ruleset_ref=RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest),
        factors=factors,
        snapshot_id=body.id,
        fetched=fetch_result.fetched,
        upstream_calls=fetch_result.calls,
        expires=expiry(verdict, factors, ruleset, as_of, admission.answers),
        own=own,
        override=settled.override,
    )
    shown = traces(ruleset, verdict) if application.style.full else ()
    wire = values_to_wire(more)
    return Decided(decision, body, computed.wire, wire, shown, settled, allowances)


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
        """The entry of its journal at which a product's rollout stands."""

    def attempt(self, application: Application) -> AbstractContextManager[Attempt]:
        """Entered when a decision begins, left with its error or once it is recorded."""

    def recorded(
        self,
        attempt: Attempt,
        product: Product,
        admission: Admission,
        fetch_result: FetchResult | None,
        concluded: ConcludedDecision,
    ) -> None:
        """Take a decision that became durable; never called for one that was recorded before."""
