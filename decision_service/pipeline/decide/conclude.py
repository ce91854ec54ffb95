"""From what was gathered to the entry that is committed: factors, verdict, decision, reply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache

import msgspec
from msgspec import structs
from msgspec.structs import replace

from decision_service.build import engine_version
from decision_service.domain.decision import Decision, ListAnswer, Override, RulesetRef
from decision_service.domain.factor import Factors, Value
from decision_service.domain.money import Money
from decision_service.domain.needs import Needs
from decision_service.domain.own_facts import NO_OWN_FACTS, OwnFacts
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Outcome, StageTrace, Verdict
from decision_service.factors.compute import own_values, with_values
from decision_service.factors.registry import depends_on_term
from decision_service.pipeline.decide.admission import Admission
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.decide.factor_cache import FactorCache
from decision_service.pipeline.decide.matching import with_match
from decision_service.pipeline.decide.overrides.depart import Settled
from decision_service.pipeline.decide.overrides.settle import settle
from decision_service.pipeline.decide.record_codec import (
    FactorWire,
    FactsToStore,
    encode_facts,
    inputs_to_wire,
    values_to_wire,
)
from decision_service.pipeline.history.read import OwnRecords
from decision_service.pipeline.ports import (
    ArmDecision,
    DecisionEntry,
    FetchResult,
    HistoryEntry,
    NewId,
    ReplyEncoder,
    SnapshotBody,
    WarmMark,
)
from decision_service.pipeline.snapshots.codec import snapshot_body
from decision_service.reviewing.opening import OpenedReview, ReviewCase, opened_by_referral
from decision_service.rollout.allowances import Allowances
from decision_service.rollout.gate import sets_pin
from decision_service.ruleset.explain.trace import traces
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, LoadedFactors, load_more
from decision_service.ruleset.run.lists import list_answers
from decision_service.tracing import NO_TRACER, SpanName, Tracer


class ConcludedDecision(msgspec.Struct, frozen=True):
    """A decision, and the entry by which it is recorded."""

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

    `fetch_result` is None exactly for an applicant outside the go-live. Factor values come from
    `known` where it has them. A `fence` is that of the lease under which this is decided; `own`
    is what is on record of the person, `allowances` of the day.
    `tracer` sees when factors are computed and rules evaluated.
    """
    decision_id = new_id.decision_id(admission.as_of.instant)
    if admission.ruleset is None or fetch_result is None:
        decided = _outside(admission, decision_id)
    else:
        factor_cache = factor_cache or FactorCache()
        facts = own.facts if own else NO_OWN_FACTS
        decided = _decided(
            admission,
            admission.ruleset,
            fetch_result,
            facts,
            decision_id,
            factor_cache,
            allowances,
            tracer,
        )
    style = admission.application.style
    reply = encoder.encode(decided.decision, style, decided.traces)
    entry = _entry(admission, fetch_result, own, decided, reply, caller, content, fence)
    return ConcludedDecision(decided.decision, entry)


def needs_of(ruleset: CompiledRuleset, inputs: Mapping[str, Value]) -> Needs:
    """What to compute for one application: the ruleset's needs with the requested term."""
    term = inputs.get("requested_term_months")
    if not isinstance(term, int) or not depends_on_term(ruleset.needs.factors):
        return ruleset.needs
    return replace(ruleset.needs, term_months=term)


def judge(
    decision: Decision,
    ruleset: CompiledRuleset,
    factors: Factors,
    allowances: Allowances | None = None,
    loaded: LoadedFactors | None = None,
) -> Decision:
    """The recorded decision as a ruleset decides on factors, within the recorded allowances.

    `loaded` may be given where the factors were loaded for the ruleset before.
    """
    as_of = decision.as_of
    answers = list_answers(ruleset, decision.inputs, as_of.date, decision.answers)
    facts = Facts(factors.values, decision.inputs, as_of, loaded, answers)
    settled = settle(ruleset, facts, allowances)
    verdict = settled.verdict
    return structs.replace(
        decision,
        verdict=verdict,
        factors=factors,
        ruleset_ref=RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest),
        expires=expiry(verdict, factors, ruleset, as_of, answers),
        answers=answers,
        override=settled.override,
    )


def expiry(
    verdict: Verdict,
    factors: Factors,
    ruleset: CompiledRuleset,
    as_of: AsOf,
    answers: Iterable[ListAnswer] = (),
) -> datetime | None:
    """The earliest of `valid_for`, oldest used sync + `max_age`, and a change that is known.

    A used parameter may change, and an entry of a list end.
    """
    end = verdict.valid_until
    if factors.oldest_used_sync is not None:
        end = _earlier(end, factors.oldest_used_sync + ruleset.needs.policy.max_age)
    for change in (verdict.param_change, *(answer.ends for answer in answers)):
        if change is not None:
            end = _earlier(end, _midnight(change, as_of.zone))
    return end if end is None or end > as_of.instant else as_of.instant


def _earlier(end: datetime | None, other: datetime) -> datetime:
    return other if end is None or other < end else end


@lru_cache(256)
def _midnight(day: date, zone: tzinfo) -> datetime:
    """When a civil day begins; in UTC, so that it is compared with instants quickly."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


class _Decided(msgspec.Struct, frozen=True):
    """A decision with what belongs to it beside what its caller reads."""

    decision: Decision
    snapshot: SnapshotBody | None = None
    factors: bytes | None = None
    own_values: tuple[FactorWire, ...] = ()
    traces: tuple[StageTrace, ...] = ()
    settled: Settled | None = None
    allowances: Allowances | None = None


def _outside(admission: Admission, decision_id: str) -> _Decided:
    return _Decided(_decision(admission, decision_id, Verdict(Outcome.NOT_ENROLLED)))


def _decided(
    admission: Admission,
    ruleset: CompiledRuleset,
    fetch_result: FetchResult,
    own: OwnFacts,
    decision_id: str,
    factor_cache: FactorCache,
    allowances: Allowances | None,
    tracer: Tracer,
) -> _Decided:
    as_of, full = admission.as_of, admission.application.style.full
    body = fetch_result.body or snapshot_body(fetch_result.snapshot)
    with tracer.span(SpanName.FACTORS):
        needs = needs_of(ruleset, admission.inputs)
        computed = factor_cache.of(fetch_result.snapshot, body.id, needs, ruleset.digest, as_of)
        own = _with_match(own, admission.application, fetch_result, needs, as_of)
        more = own_values(own, needs, as_of)
        factors = with_values(computed.factors, more)
    with tracer.span(SpanName.EVALUATE):
        loaded = load_more(ruleset, computed.loaded(ruleset, as_of), more)
        facts = Facts(factors.values, admission.inputs, as_of, loaded, admission.answers)
        settled = settle(ruleset, facts, allowances)
    verdict = settled.verdict
    decision = _decision(
        admission,
        decision_id,
        verdict,
        RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest),
        factors,
        body.id,
        fetch_result.fetched,
        fetch_result.calls,
        expiry(verdict, factors, ruleset, as_of, admission.answers),
        own,
        settled.override,
    )
    shown = traces(ruleset, verdict) if full else ()
    wire = values_to_wire(more)
    return _Decided(decision, body, computed.wire, wire, shown, settled, allowances)


def _with_match(
    own: OwnFacts, application: Application, fetch_result: FetchResult, needs: Needs, as_of: AsOf
) -> OwnFacts:
    """The own facts with the grades of the applicant; those of the earlier decision, if any."""
    if application.earlier is not None:
        return replace(own, match=application.earlier.match)
    return with_match(own, application.applicant, fetch_result.snapshot, needs, as_of)


def _decision(
    admission: Admission,
    decision_id: str,
    verdict: Verdict,
    ref: RulesetRef | None = None,
    factors: Factors | None = None,
    snapshot_id: str | None = None,
    fetched: datetime | None = None,
    calls: int = 0,
    expires: datetime | None = None,
    own: OwnFacts = NO_OWN_FACTS,
    override: Override | None = None,
) -> Decision:
    application, as_of = admission.application, admission.as_of
    return Decision(
        decision_id,
        application.request_id,
        application.application_id,
        application.customer_ref,
        application.user_id,
        application.product,
        as_of.instant,
        as_of,
        admission.assignment,
        admission.inputs,
        verdict,
        engine_version(),
        ref,
        factors,
        snapshot_id,
        fetched,
        calls,
        expires,
        own,
        admission.answers,
        override,
        "" if application.earlier is None else application.earlier.first,
    )


def _entry(
    admission: Admission,
    fetch_result: FetchResult | None,
    own: OwnRecords | None,
    decided: _Decided,
    reply: bytes,
    caller: str,
    content: bytes,
    fence: str,
) -> DecisionEntry:
    decision, ruleset = decided.decision, admission.ruleset
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
        warm=_warm(fetch_result, decided.snapshot),
        fence=fence,
        depends_on=None if fetch_result is None else fetch_result.mark,
        history=_history(decision, ruleset, own),
        allowances=decided.allowances,
        review=_review(decision, admission, caller),
        replaces=_replaces(admission.application),
    )


def _replaces(application: Application) -> str:
    return "" if application.earlier is None else application.earlier.replaced


def _review(decision: Decision, admission: Admission, caller: str) -> OpenedReview | None:
    """The review of a referral, in the queue that takes it."""
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
        told = verdict.offer.outputs.get("instalment") if verdict.offer else None
        instalment = told.minor if isinstance(told, Money) else None
    return HistoryEntry(own.keys, ruleset.currency, approved, instalment, decision.expires)


def _warm(fetch_result: FetchResult | None, body: SnapshotBody | None) -> WarmMark | None:
    """The mark by which a whole reading serves later decisions."""
    if fetch_result is None or fetch_result.plan is None or body is None:
        return None
    fetched = fetch_result.fetched
    return WarmMark(body.id, fetched, fetched, fetch_result.plan, fetched)


def _arm(decision: Decision, admission: Admission, settled: Settled | None) -> ArmDecision | None:
    """What the decision means for its rollout; None for an applicant outside the go-live.

    Rates are those of the rules, whatever a cap or the control share decided.
    """
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
        explored=settled.charge,
    )


def _facts(decision: Decision, application: Application, decided: _Decided) -> FactsToStore:
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
