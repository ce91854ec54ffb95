"""The entry by which a decision is recorded, with all that follows from it."""

from __future__ import annotations

import msgspec

from decision_service.domain.decision import Decision
from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome, StageTrace
from decision_service.pipeline.decide.admission import Admission
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.decide.overrides.settle import Settled
from decision_service.pipeline.decide.record_codec import (
    FactorWire,
    FactsToStore,
    encode_facts,
    inputs_to_wire,
)
from decision_service.pipeline.history.read import OwnRecords
from decision_service.pipeline.ports import (
    ArmDecision,
    DecisionEntry,
    FetchResult,
    HistoryEntry,
    SnapshotBody,
    WarmMark,
)
from decision_service.reviewing.opening import OpenedReview, ReviewCase, opened_by_referral
from decision_service.rollout.allowances import Allowances
from decision_service.rollout.gate import sets_pin
from decision_service.ruleset.program.model import CompiledRuleset


class Decided(msgspec.Struct, frozen=True):
    """A decision with what belongs to it beside what its caller reads."""

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
    """The entry of a decision; `caller` made the request, whose hash is `content`."""
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

    Rates are those of the rules, whatever a cap decided.
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
