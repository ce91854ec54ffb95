"""The bytes of a reply, put together from parts of which most are the same in many replies.

They are the bytes that `replies.py` and protobuf would make of the decision: a later view of it,
and its replay, are made that way. Fields stand in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

import msgspec

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.decision import Assignment, Decision
from decision_service.domain.factor import Factors
from decision_service.domain.verdict import DataRequest, Offer, Reason, StageTrace, Verdict
from decision_service.edge.rpc.protobuf_bytes import (
    delimited,
    entries,
    keys,
    money,
    number,
    present_number,
    text,
    timestamp,
)
from decision_service.edge.rpc.replies import (
    COMPONENTS,
    OFFER_KINDS,
    OUTCOMES,
    REFER_KINDS,
    data_request_fields,
    factor_fields,
    in_language,
    trace_fields,
    use_fields,
)
from decision_service.edge.rpc.values import decimal_text
from decision_service.pipeline.ports import ReplyStyle

_MOST = 512


class _Parts(msgspec.Struct):
    """What replies that rest on the same factor values have in common.

    `uses` are the accounts and kinds, `full` the values themselves once they are asked for, and
    `quality` the whole DataQuality of the `last` snapshot, time and number of calls.
    """

    factors: Factors | None
    uses: bytes
    full: bytes | None = None
    last: tuple[str | None, datetime | None, int] | None = None
    quality: bytes = b""


class ProtoReplyEncoder:
    """The `ReplyEncoder` of the pipeline: a serialized CreateDecisionResponse.

    What was made of factor values is kept for the last few hundred applicants, beside the values
    themselves, so that those are known again by being the same object.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Parts] = {}

    def encode(self, decision: Decision, style: ReplyStyle, traces: Sequence[StageTrace]) -> bytes:
        """The response's bytes, the same for equal arguments (map entries sorted)."""
        parts = self._parts(decision.factors)
        made, expires, ref = decision.created, decision.expires, decision.ruleset_ref
        pieces = [
            text(_D.decision_id, decision.decision_id),
            text(_D.request_id, decision.request_id),
            text(_D.application_id, decision.application_id),
            text(_D.customer_ref, decision.customer_ref),
            text(_D.user_id, decision.user_id),
            text(_D.product, decision.product),
            _verdict(decision.verdict, style.languages),
            b"" if ref is None else _ref(ref.ruleset, ref.version, ref.digest),
            delimited(_D.assignment, _assignment(decision.assignment)),
            _quality(decision, parts),
            _full(parts, traces) if style.full else b"",
            _day(decision.as_of.date),
            delimited(_D.create_time, timestamp(made)),
            b"" if expires is None else delimited(_D.expire_time, timestamp(expires)),
            text(_D.engine_version, decision.engine_version),
        ]
        if style.full:
            pieces.append(entries(_D.inputs, decision.inputs))
        return delimited(_DECISION, b"".join(pieces))

    def _parts(self, factors: Factors | None) -> _Parts:
        known = self._known.get(id(factors))
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[id(factors)] = _Parts(factors, _uses(factors))
        return known


_DECISION = keys(service_pb.CreateDecisionResponse).decision
_D, _Q = keys(pb.Decision), keys(pb.DataQuality)
_OUTCOME = {outcome: number(_D.outcome, known) for outcome, known in OUTCOMES.items()}
_REFER_KIND = {kind: number(_D.refer_kind, known) for kind, known in REFER_KINDS.items()}


# What changes with every decision


def _verdict(verdict: Verdict, languages: Sequence[str]) -> bytes:
    body = _OUTCOME[verdict.outcome]
    if verdict.refer_kind is not None:
        body += _REFER_KIND[verdict.refer_kind]
    if verdict.reasons:
        body += b"".join([_reason(reason, languages) for reason in verdict.reasons])
    if verdict.data_requests:
        body += b"".join([_data_request(request) for request in verdict.data_requests])
    for one in verdict.scores:
        body += _score(one.scorecard, str(one.score), str(one.best_score), one.band)
    if verdict.offer is not None:
        body += delimited(_D.offer, _offer(verdict.offer))
    for condition in verdict.conditions:
        body += _condition(condition.id, in_language(condition.texts, languages))
    return body


def _reason(reason: Reason, languages: Sequence[str]) -> bytes:
    lost = reason.points_lost
    message = in_language(reason.texts, languages)
    known = _reason_before(reason.code, message, COMPONENTS[reason.component], reason.factor)
    pieces = [
        known,
        text(_R.actual, reason.actual),
        text(_R.required, reason.required),
        b"" if lost is None else text(_R.points_lost, decimal_text(lost)),
        text(_R.regulatory_text, reason.regulatory_text),
    ]
    return delimited(_D.reasons, b"".join(pieces))


def _data_request(request: DataRequest) -> bytes:
    message = pb.DataRequest(**data_request_fields(request))
    return delimited(_D.data_requests, message.SerializeToString())


def _offer(offer: Offer) -> bytes:
    most, rate, term = offer.max_amount, offer.monthly_rate, offer.term_months
    pieces = [
        _OFFER_KIND[offer.kind],
        delimited(_O.approved_amount, money(offer.approved_amount)),
        b"" if most is None else delimited(_O.max_amount, money(most)),
        _terms(term or 0, "" if rate is None else str(rate), offer.tier, offer.binding),
        entries(_O.outputs, offer.outputs),
    ]
    return b"".join(pieces)


def _assignment(given: Assignment) -> bytes:
    dealt, arm_dealt = given.enrolment_slot, given.arm_slot
    before, between, after = _around_slots(
        given.rollout,
        given.enrolment_reason,
        given.arm or "",
        given.arm_reason or "",
        given.plan_digest,
        given.stage,
    )
    slot = b"" if dealt is None else present_number(_A.enrolment_slot, dealt)
    arm_slot = b"" if arm_dealt is None else present_number(_A.arm_slot, arm_dealt)
    return before + slot + between + arm_slot + after


# What is the same in many


@lru_cache(_MOST)
def _score(scorecard: str, score: str, best_score: str, band: str) -> bytes:
    """Scores are told apart by their text: numbers that are equal may be written differently."""
    pieces = [
        text(_S.scorecard, scorecard),
        text(_S.score, decimal_text(Decimal(score))),
        text(_S.best_score, decimal_text(Decimal(best_score))),
        text(_S.band, band),
    ]
    return delimited(_D.scores, b"".join(pieces))


@lru_cache(_MOST)
def _terms(term_months: int, monthly_rate: str, tier: str, binding: str) -> bytes:
    """The rate by its text, as with scores."""
    rate = decimal_text(Decimal(monthly_rate)) if monthly_rate else ""
    return (
        number(_O.term_months, term_months)
        + text(_O.monthly_rate, rate)
        + text(_O.tier, tier)
        + text(_O.binding, binding)
    )


@lru_cache(_MOST)
def _reason_before(code: str, message: str, component: int, factor: str) -> bytes:
    """The fields of a reason before what was seen of the applicant."""
    return (
        text(_R.code, code)
        + text(_R.message, message)
        + number(_R.component, component)
        + text(_R.factor, factor)
    )


@lru_cache(_MOST)
def _condition(condition: str, message: str) -> bytes:
    return delimited(_D.conditions, text(_C.id, condition) + text(_C.text, message))


@lru_cache(_MOST)
def _ref(ruleset: str, version: int, digest: str) -> bytes:
    ref = pb.RulesetRef(ruleset=ruleset, version=version, digest=digest)
    return delimited(_D.ruleset_ref, ref.SerializeToString())


@lru_cache(_MOST)
def _around_slots(
    rollout: str, reason: str, arm: str, arm_reason: str, digest: str, stage: str
) -> tuple[bytes, bytes, bytes]:
    """The fields of an assignment before, between and behind the two slots."""
    return (
        text(_A.rollout, rollout) + text(_A.enrolment_reason, reason),
        text(_A.arm, arm) + text(_A.arm_reason, arm_reason),
        text(_A.plan_digest, digest) + text(_A.stage, stage),
    )


@lru_cache(_MOST)
def _day(day: date) -> bytes:
    return text(_D.as_of_date, day.isoformat())


_R, _S, _C, _O, _A = (
    keys(message) for message in (pb.Reason, pb.Score, pb.Condition, pb.Offer, pb.Assignment)
)
_OFFER_KIND = {kind: number(_O.kind, known) for kind, known in OFFER_KINDS.items()}


# What rests on factor values


def _quality(decision: Decision, parts: _Parts) -> bytes:
    """A warm reading has one id and one time, so that what was made last is mostly right again."""
    last = (decision.snapshot_id, decision.fetched, decision.upstream_calls)
    if parts.last != last:
        parts.last, parts.quality = last, _made_quality(decision, parts.uses)
    return parts.quality


def _made_quality(decision: Decision, uses: bytes) -> bytes:
    fetched = decision.fetched
    body = [
        text(_Q.snapshot_id, decision.snapshot_id or ""),
        b"" if fetched is None else delimited(_Q.fetched_time, timestamp(fetched)),
        uses,
        number(_Q.upstream_calls, decision.upstream_calls),
    ]
    return delimited(_D.data_quality, b"".join(body))


def _uses(factors: Factors | None) -> bytes:
    return b"" if factors is None else pb.DataQuality(**use_fields(factors)).SerializeToString()


def _values(factors: Factors | None) -> bytes:
    fields = [] if factors is None else factor_fields(factors)
    return pb.Decision(factor_values=fields).SerializeToString()


def _full(parts: _Parts, traces: Sequence[StageTrace]) -> bytes:
    if parts.full is None:
        parts.full = _values(parts.factors)
    return parts.full + _traces(traces)


def _traces(traces: Sequence[StageTrace]) -> bytes:
    return pb.Decision(rule_traces=trace_fields(traces)).SerializeToString()
