"""From what was gathered to the entry that is committed: factors, verdict, decision, reply."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache

import msgspec
from msgspec.structs import replace
from opentelemetry.trace import Tracer

from decision_service.build import engine_version
from decision_service.decide.admit import Admission
from decision_service.decide.asking import what_to_connect
from decision_service.decide.codec import (
    StoredFacts,
    encode_facts,
    inputs_to_wire,
    observations_to_wire,
    pack_factors,
    snapshot_body,
    values_to_wire,
)
from decision_service.decide.flow import UserCache
from decision_service.decide.history import OwnRecords
from decision_service.domain.actors import TokenSubject
from decision_service.domain.decision import (
    Component,
    Decision,
    Outcome,
    Override,
    OverrideKind,
    Reason,
    ReferKind,
    RulesetRef,
    StageTrace,
    Verdict,
)
from decision_service.domain.factor import Factors, FactorValue, Input
from decision_service.domain.needs import Needs
from decision_service.domain.person import NO_OWN_FACTS
from decision_service.domain.ports import (
    Allowances,
    ArmDecision,
    DecisionEntry,
    FetchResult,
    Grant,
    HistoryEntry,
    NewId,
    ReplyEncoder,
    SnapshotBody,
    WarmMark,
    cap_reached,
)
from decision_service.domain.reviews import NO_POLICY, OpenedReview, ReviewCase, opened_by_referral
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, DataReason, Money
from decision_service.factors.compute import (
    compute,
    needs_with,
    own_values,
    validity_boundaries,
    with_values,
)
from decision_service.factors.match import PeopleRead, people_read, with_earlier_match, with_match
from decision_service.factors.registry import data_names
from decision_service.rollout.assign import sets_pin
from decision_service.rules.evaluate import (
    BUILT_IN,
    Facts,
    LoadedFactors,
    evaluate,
    load,
    load_more,
    traces,
)
from decision_service.rules.inputs import list_answers
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.telemetry import NO_TRACER, SpanName, traced

MAX_CACHED = 512


def _built_in(code: DataReason) -> Reason:
    return Reason(code=str(code), texts=BUILT_IN[code].texts, component=Component.POLICY)


_REACHED = _built_in(DataReason.DAY_CAP_REACHED)
_DOUBTFUL = _built_in(DataReason.CLOCK_DOUBTFUL)


def conclude(
    admission: Admission,
    fetch_result: FetchResult | None,
    own: OwnRecords | None = None,
    *,
    encoder: ReplyEncoder,
    new_id: NewId,
    caller: str,
    content: bytes,
    sender: TokenSubject | None = None,
    factor_cache: FactorCache | None = None,
    fence: str = "",
    allowances: Allowances | None = None,
    tracer: Tracer = NO_TRACER,
) -> tuple[Decision, DecisionEntry]:
    """Decide from what was gathered and make the entry to commit; pure except for its new id.

    `fetch_result` is None exactly for an applicant outside the go-live. A `fence` is that of the
    lease under which this is decided.
    """
    application = admission.application
    ruleset = admission.ruleset
    as_of = admission.as_of
    earlier = application.earlier
    decision = Decision(
        **application.request_fields(),
        decision_id=new_id.decision_id(as_of.instant),
        created=as_of.instant,
        as_of=as_of,
        assignment=admission.assignment,
        inputs=admission.inputs,
        verdict=Verdict(Outcome.NOT_ENROLLED),
        engine_version=engine_version(),
        answers=admission.answers,
        first_decision_id="" if earlier is None else earlier.first,
    )
    body = None
    packed = None
    more: Mapping[str, FactorValue] = {}
    if ruleset is None or fetch_result is None:
        # What is not decided here is approved by no rule and takes nothing from a cap.
        allowances = None
    else:
        body = fetch_result.body or snapshot_body(fetch_result.snapshot)
        with traced(tracer, SpanName.FACTORS):
            needs = needs_with(ruleset.needs, admission.inputs)
            cache = factor_cache or FactorCache()
            computed = cache.of(fetch_result.snapshot, body.id, needs, ruleset.digest, as_of)
            facts = own.facts if own else NO_OWN_FACTS
            # Who applies is not stored: what is decided again keeps the grades of before (0112).
            if earlier is None:
                facts = with_match(facts, application.applicant, computed.people)
            else:
                facts = with_earlier_match(facts, earlier.match, computed.people)
            # Apart from the cached ones, since no two decisions have the same own facts.
            more = own_values(facts, needs, as_of)
        with traced(tracer, SpanName.EVALUATE):
            loaded = load_more(ruleset, computed.loaded(ruleset, as_of), more)
            factors = with_values(computed.factors, more)
            decision = judge(decision, ruleset, factors, allowances=allowances, loaded=loaded)
        packed = computed.wire
        decision = replace(
            decision,
            snapshot_id=body.id,
            fetched=fetch_result.fetched,
            upstream_calls=fetch_result.calls,
            own=facts,
        )
    shown: tuple[StageTrace, ...] = ()
    # For FULL alone: later they are made of what is recorded, and few are ever read (0100).
    if ruleset is not None and body is not None and application.style.full:
        shown = traces(ruleset, decision.verdict)
    return decision, DecisionEntry(
        **decision.request_fields(),
        decision_id=decision.decision_id,
        caller=caller,
        content=content,
        outcome=decision.verdict.outcome,
        created=decision.created,
        reply=encoder.encode(decision, application.style, shown),
        facts=encode_facts(
            StoredFacts(
                instant=as_of.instant,
                zone=str(as_of.zone),
                doubtful=as_of.doubtful,
                assignment=decision.assignment,
                inputs=inputs_to_wire(decision.inputs),
                observations=observations_to_wire(decision.inputs),
                languages=application.style.languages,
                packed_factors=packed,
                own=decision.own,
                own_values=values_to_wire(more),
                answers=decision.answers,
                allowances=allowances,
                fetched=decision.fetched,
                upstream_calls=decision.upstream_calls,
                withheld_tags=decision.verdict.withheld_tags,
                first_decision=decision.first_decision_id,
                sender=sender,
            )
        ),
        ruleset_digest=None if ruleset is None else ruleset.digest,
        plan_digest=decision.assignment.plan_digest,
        snapshot=body,
        arm=_arm(decision, admission),
        consent=0 if fetch_result is None else fetch_result.consent,
        # The date of such a reading is in doubt too, and could make it look fresh later (0118).
        warm=None if as_of.doubtful else _warm(fetch_result, body),
        fence=fence,
        depends_on=None if fetch_result is None else fetch_result.mark,
        history=_history(decision, ruleset, own),
        allowances=allowances,
        review=_review(decision, admission, caller, sender=sender),
        replaces="" if earlier is None else earlier.replaced,
    )


def judge(
    decision: Decision,
    ruleset: CompiledRuleset,
    factors: Factors,
    allowances: Allowances | None = None,
    loaded: LoadedFactors | None = None,
) -> Decision:
    """The decision as a ruleset makes it of factor values, within the allowances of the day.

    It is referred where the clock is doubtful, and an approval beyond a cap: a cap declines none.
    """
    answers = decision.answers
    facts = Facts(factors.values, decision.inputs, decision.as_of, loaded=loaded, answers=answers)
    verdict = evaluate(ruleset, facts)
    override = None
    grant = granted(verdict, decision.inputs)
    cap = cap_reached(allowances, grant) if allowances and grant else None
    # Ages, offer and limits were all judged by that clock: nothing of them is answered (0118).
    if decision.as_of.doubtful:
        override = Override(OverrideKind.CLOCK_DOUBTFUL, verdict)
        verdict = replace(
            _referred(verdict, _DOUBTFUL), offer=None, conditions=(), data_requests=()
        )
    elif cap is not None:
        override = Override(OverrideKind.CAPPED, verdict, cap.name)
        # The offer stays: a person may grant it when the day has room again (0134).
        verdict = _referred(verdict, _REACHED)
    refers = verdict.outcome is Outcome.REFER
    return replace(
        decision,
        verdict=verdict,
        factors=factors,
        ruleset_ref=RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest),
        expires=expiry(verdict, factors, ruleset, facts=facts),
        override=override,
        connect=what_to_connect(ruleset, verdict, factors) if refers else None,
    )


def _referred(verdict: Verdict, why: Reason) -> Verdict:
    return replace(verdict, outcome=Outcome.REFER, refer_kind=ReferKind.POLICY, reasons=(why,))


def with_answers(decision: Decision, ruleset: CompiledRuleset) -> Decision:
    """The recorded decision with the answers of the lists of a ruleset that is not its own."""
    day = decision.as_of.date
    known = decision.answers
    # What lists answered then stands: their keys may have changed since.
    return replace(decision, answers=list_answers(ruleset, decision.inputs, day, known=known))


def granted(verdict: Verdict, inputs: Mapping[str, Input]) -> Grant | None:
    """What a verdict approves against the caps of the day; None where it approves nothing."""
    if verdict.outcome is not Outcome.APPROVE:
        return None
    if verdict.offer is not None:
        return Grant(verdict.offer.approved_amount.minor, verdict.offer.tier)
    asked = inputs.get("requested_amount")
    return Grant(asked.minor if isinstance(asked, Money) else None)


def expiry(
    verdict: Verdict,
    factors: Factors,
    ruleset: CompiledRuleset,
    facts: Facts,
) -> datetime | None:
    """The earliest of `valid_for`, oldest used sync + `max_age`, and a change that is known.

    A used parameter may change, an entry of a list end, and a used input grow too old.
    """
    as_of = facts.as_of
    ends = [] if verdict.valid_until is None else [verdict.valid_until]
    if factors.oldest_used_sync is not None:
        ends.append(factors.oldest_used_sync + ruleset.needs.policy.max_age)
    ended = [answer.ends for answer in facts.answers]
    changes = (verdict.param_change, *ended, *ruleset.program.outdated(facts.inputs, as_of.date))
    ends += [midnight(change, as_of.zone) for change in changes if change is not None]
    return max(as_of.instant, min(ends)) if ends else None


@lru_cache(256)
def midnight(day: date, zone: tzinfo) -> datetime:
    """When a civil day begins, in UTC."""
    # An instant of another zone is asked for its offset whenever it is compared.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _review(
    decision: Decision, admission: Admission, caller: str, sender: TokenSubject | None
) -> OpenedReview | None:
    verdict = decision.verdict
    requested = decision.inputs.get("requested_amount")
    if verdict.outcome is not Outcome.REFER:
        return None
    case = ReviewCase(
        decision.decision_id,
        caller,
        decision.user_id,
        product=decision.product,
        outcome=verdict.outcome,
        kind=verdict.refer_kind,
        tags=tuple(tag.name for tag in verdict.tags),
        requested=requested if isinstance(requested, Money) else None,
        tier="" if verdict.offer is None else verdict.offer.tier,
        sender=sender,
        reasons=tuple(reason.code for reason in verdict.reasons),
    )
    return opened_by_referral(case, decision.created, admission.review or NO_POLICY)


def _history(
    decision: Decision, ruleset: CompiledRuleset | None, own: OwnRecords | None
) -> HistoryEntry | None:
    """What later decisions need; an offer without an amount is for what was asked for."""
    if ruleset is None or own is None:
        return None
    verdict = decision.verdict
    asked = decision.inputs.get("requested_amount")
    approved = verdict.approved_amount
    instalment = None
    if verdict.outcome is Outcome.APPROVE:
        if approved is None and isinstance(asked, Money):
            approved = asked.minor
        due = verdict.offer.outputs.get("instalment") if verdict.offer else None
        instalment = due.minor if isinstance(due, Money) else None
    return HistoryEntry(
        own.keys, ruleset.currency, approved, instalment=instalment, expires=decision.expires
    )


def _warm(fetch_result: FetchResult | None, body: SnapshotBody | None) -> WarmMark | None:
    if fetch_result is None or fetch_result.plan is None or body is None:
        return None
    fetched = fetch_result.fetched
    return WarmMark(body.id, fetched, fetched, plan=fetch_result.plan, oldest=fetched)


def _arm(decision: Decision, admission: Admission) -> ArmDecision | None:
    """None outside the go-live; rates are those of the rules, whatever a cap decided."""
    assignment = decision.assignment
    verdict = decision.rules_verdict
    if assignment.arm is None or assignment.version is None or decision.factors is None:
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
        # An arm is judged by its rules: a full day is no version that refers too much (0134).
        approved=None if overridden else verdict.approved_amount,
        judged=verdict.outcome if overridden else None,
        grant=granted(decision.verdict, decision.inputs),
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
        # By identity: rules of one digest may be loaded again, and their values lie elsewhere then.
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
        key = (snapshot.user_id, snapshot_id, digest)
        cached = self._entries.get(key)
        boundaries = (
            validity_boundaries(snapshot, needs.policy) if cached is None else cached.boundaries
        )
        # Between two boundaries no factor can change, so that their number stands for the instant.
        passed = bisect_left(boundaries, as_of.instant)
        moment = (as_of.date, passed, needs.term_months)
        if cached is not None and cached.moment == moment:
            return cached.computed
        # Without those of own facts, which would be of one decision alone.
        factors = compute(snapshot, replace(needs, factors=data_names(needs.factors)), as_of)
        people = people_read(snapshot, needs, as_of)
        computed = ComputedFactors(factors, pack_factors(factors), people)
        self._entries[key] = _CachedFactors(boundaries, moment, computed)
        return computed

    def forget(self, user_id: str) -> None:
        self._entries.forget(user_id)
