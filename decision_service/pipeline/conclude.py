"""From what was gathered to the entry that is committed: factors, verdict, decision, reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time

from decision_service import __version__
from decision_service.domain.decision import Decision, RulesetRef
from decision_service.domain.factor import Factors, Value
from decision_service.domain.needs import Needs
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Outcome, StageTrace, Verdict
from decision_service.factors.compute import compute
from decision_service.pipeline.admission import Admission
from decision_service.pipeline.application import Application
from decision_service.pipeline.pairs import Side, ended_in_rule_error
from decision_service.pipeline.ports import (
    ArmDecision,
    Entry,
    Gathering,
    NewId,
    ReplyEncoder,
    SnapshotBody,
    WarmMark,
)
from decision_service.pipeline.snapshots import snapshot_body
from decision_service.pipeline.wire import (
    StoredFacts,
    assignment_to_wire,
    encode_facts,
    factors_to_wire,
    inputs_to_wire,
)
from decision_service.rollout.gate import new_pin
from decision_service.ruleset.evaluator import Facts, evaluate
from decision_service.ruleset.explain import traces
from decision_service.ruleset.model import CompiledRuleset


@dataclass(frozen=True, slots=True)
class Concluded:
    """A decision, and the entry by which it is recorded."""

    decision: Decision
    entry: Entry


def conclude(
    admission: Admission,
    gathering: Gathering | None,
    *,
    encoder: ReplyEncoder,
    new_id: NewId,
    caller: str,
    content: bytes,
) -> Concluded:
    """Decide from what was gathered and make the entry to commit; pure but for its new id.

    `gathering` is None exactly for an applicant outside the go-live.
    """
    ruleset = admission.ruleset
    decision = _outside(admission, new_id)
    body: SnapshotBody | None = None
    shown: tuple[StageTrace, ...] = ()
    if ruleset is not None and gathering is not None:
        body = gathering.body or snapshot_body(gathering.snapshot)
        full = admission.application.style.full
        decision = _decided(decision, ruleset, gathering, body.id, traced=full)
        if full:
            shown = traces(ruleset, decision.verdict)
    entry = Entry(
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
        reply=encoder.encode(decision, admission.application.style, shown),
        facts=encode_facts(_facts(decision, admission.application)),
        ruleset_digest=None if ruleset is None else ruleset.digest,
        plan_digest=admission.assignment.plan_digest,
        snapshot=body,
        arm=_arm(decision, admission),
        consent=0 if gathering is None else gathering.consent,
        warm=_warm(gathering, body),
        rests_on=None if gathering is None else gathering.mark,
    )
    return Concluded(decision, entry)


def needs_of(ruleset: CompiledRuleset, inputs: Mapping[str, Value]) -> Needs:
    """What to compute for one application: the ruleset's needs with the requested term."""
    term = inputs.get("requested_term_months")
    return replace(ruleset.needs, term_months=term) if isinstance(term, int) else ruleset.needs


def judge(
    decision: Decision, ruleset: CompiledRuleset, factors: Factors, *, traced: bool = False
) -> Decision:
    """The decision with the verdict of a ruleset on factors; the same for live and replay."""
    facts = Facts(factors.values, decision.inputs, decision.as_of)
    verdict = evaluate(ruleset, facts, traced=traced)
    return replace(
        decision,
        verdict=verdict,
        factors=factors,
        ruleset_ref=RulesetRef(ruleset.ruleset, ruleset.version, ruleset.digest),
        expires=expiry(verdict, factors, ruleset, decision.as_of),
    )


def expiry(
    verdict: Verdict, factors: Factors, ruleset: CompiledRuleset, as_of: AsOf
) -> datetime | None:
    """The earliest of `valid_for`, oldest used sync + `max_age`, and a used parameter's change."""
    ends = [verdict.valid_until] if verdict.valid_until else []
    if factors.oldest_used_sync is not None:
        ends.append(factors.oldest_used_sync + ruleset.needs.policy.max_age)
    if verdict.param_change is not None:
        ends.append(datetime.combine(verdict.param_change, time(), as_of.zone))
    return max(min(ends), as_of.instant) if ends else None


def _outside(admission: Admission, new_id: NewId) -> Decision:
    application, created = admission.application, admission.as_of.instant
    return Decision(
        decision_id=new_id.decision_id(created),
        request_id=application.request_id,
        application_id=application.application_id,
        customer_ref=application.customer_ref,
        user_id=application.user_id,
        product=application.product,
        created=created,
        as_of=admission.as_of,
        assignment=admission.assignment,
        inputs=admission.inputs,
        verdict=Verdict(Outcome.NOT_ENROLLED),
        engine_version=__version__,
    )


def _decided(
    decision: Decision,
    ruleset: CompiledRuleset,
    gathering: Gathering,
    snapshot_id: str,
    *,
    traced: bool,
) -> Decision:
    needs = needs_of(ruleset, decision.inputs)
    factors = compute(gathering.snapshot, needs, decision.as_of)
    return replace(
        judge(decision, ruleset, factors, traced=traced),
        snapshot_id=snapshot_id,
        fetched=gathering.fetched,
        upstream_calls=gathering.calls,
    )


def _warm(gathering: Gathering | None, body: SnapshotBody | None) -> WarmMark | None:
    """The mark by which a whole reading serves later decisions."""
    if gathering is None or gathering.plan is None or body is None:
        return None
    return WarmMark(body.id, gathering.fetched, gathering.fetched, gathering.plan)


def _arm(decision: Decision, admission: Admission) -> ArmDecision | None:
    """What the decision means for its rollout; None for an applicant outside the go-live."""
    assignment, verdict = decision.assignment, decision.verdict
    if assignment.arm is None or assignment.version is None:
        return None
    return ArmDecision(
        unit=admission.unit,
        arm=assignment.arm,
        version=assignment.version,
        hashed=admission.compared,
        pins=new_pin(assignment, decision.created) is not None,
        refer_kind=verdict.refer_kind,
        rule_error=ended_in_rule_error(verdict),
        approved=Side.of(verdict).amount,
    )


def _facts(decision: Decision, application: Application) -> StoredFacts:
    return StoredFacts(
        instant=decision.as_of.instant,
        zone=str(decision.as_of.zone),
        doubtful=decision.as_of.doubtful,
        assignment=assignment_to_wire(decision.assignment),
        inputs=inputs_to_wire(decision.inputs),
        languages=application.style.languages,
        factors=None if decision.factors is None else factors_to_wire(decision.factors),
        fetched=decision.fetched,
        upstream_calls=decision.upstream_calls,
    )
