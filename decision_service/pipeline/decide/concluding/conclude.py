"""From what was gathered to the entry that is committed: factors, verdict, decision, reply."""

from __future__ import annotations

from datetime import datetime

import msgspec

from decision_service.build import engine_version
from decision_service.domain.decision import Decision, Override, RulesetRef
from decision_service.domain.factor import Factors
from decision_service.domain.own_facts import NO_OWN_FACTS, OwnFacts
from decision_service.domain.verdict import Outcome, Verdict
from decision_service.factors.compute import own_values, with_values
from decision_service.pipeline.decide.admission import Admission
from decision_service.pipeline.decide.concluding.entry import Decided, entry_of
from decision_service.pipeline.decide.concluding.judge import expiry, needs_of
from decision_service.pipeline.decide.factor_cache import FactorCache
from decision_service.pipeline.decide.matching import with_earlier_match, with_match
from decision_service.pipeline.decide.overrides.settle import settle
from decision_service.pipeline.decide.record_codec import (
    values_to_wire,
)
from decision_service.pipeline.history.read import OwnRecords
from decision_service.pipeline.ports import (
    DecisionEntry,
    FetchResult,
    NewId,
    ReplyEncoder,
)
from decision_service.pipeline.snapshots.codec import snapshot_body
from decision_service.rollout.allowances import Allowances
from decision_service.ruleset.explain.trace import traces
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, load_more
from decision_service.tracing import NO_TRACER, SpanName, Tracer, traced


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
    entry = entry_of(admission, fetch_result, own, decided, reply, caller, content, fence)
    return ConcludedDecision(decided.decision, entry)


def _outside(admission: Admission, decision_id: str) -> Decided:
    return Decided(_decision(admission, decision_id, Verdict(Outcome.NOT_ENROLLED)))


def _decided(
    admission: Admission,
    ruleset: CompiledRuleset,
    fetch_result: FetchResult,
    own: OwnFacts,
    decision_id: str,
    factor_cache: FactorCache,
    allowances: Allowances | None,
    tracer: Tracer,
) -> Decided:
    as_of, full = admission.as_of, admission.application.style.full
    body = fetch_result.body or snapshot_body(fetch_result.snapshot)
    with traced(tracer, SpanName.FACTORS):
        needs = needs_of(ruleset, admission.inputs)
        computed = factor_cache.of(fetch_result.snapshot, body.id, needs, ruleset.digest, as_of)
        if (earlier := admission.application.earlier) is None:
            own = with_match(own, admission.application.applicant, computed.people)
        else:
            own = with_earlier_match(own, earlier.match, computed.people)
        more = own_values(own, needs, as_of)
        factors = with_values(computed.factors, more)
    with traced(tracer, SpanName.EVALUATE):
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
    return Decided(decision, body, computed.wire, wire, shown, settled, allowances)


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
