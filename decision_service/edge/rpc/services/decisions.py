"""The DecisionService: one method for each RPC, each a translation around one use case."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.decision import Decision
from decision_service.edge.rpc.call_info import CallInfo
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.decisions.decision import decision_message
from decision_service.edge.rpc.mapping.decisions.filters import filter_from
from decision_service.edge.rpc.mapping.decisions.full_view import add_full_view
from decision_service.edge.rpc.mapping.decisions.requests import (
    application_from,
    decision_id_from,
    full_view,
    replay_from,
)
from decision_service.edge.rpc.mapping.page_tokens import make_token, page_size, read_token
from decision_service.edge.rpc.mapping.recourse import recourse_message
from decision_service.edge.rpc.mapping.reviews.review import chain_message
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.failpoints import Point, reach
from decision_service.pipeline.decide.application import Application, is_recorded_in_full
from decision_service.pipeline.decide.decide import DecideApplication
from decision_service.pipeline.decide.record_codec import inputs_from_wire
from decision_service.pipeline.decide.run import CallContext
from decision_service.pipeline.ports import Clock, ReplyStyle, StoredEntry
from decision_service.pipeline.records.read import ReadDecisions, Recorded
from decision_service.pipeline.records.recourse import FindRecourse
from decision_service.pipeline.records.replay import ReplayDecision, Replayed
from decision_service.pipeline.reviews.chain import ReadReviewChain

SERVICE = "decision_service.api.v1.DecisionService"
COMPARED = (
    "outcome",
    "refer_kind",
    "reasons",
    "data_requests",
    "scores",
    "offer",
    "conditions",
    "override",
    "factor_values",
    "rule_traces",
    "tags",
    "withheld_tags",
    "connect",
)
"""The fields of a decision that a replay is compared by."""


class UseCases(msgspec.Struct, frozen=True):
    """What the servicer translates for."""

    decide: DecideApplication
    read: ReadDecisions
    replay: ReplayDecision
    recourse: FindRecourse
    clock: Clock
    chain: ReadReviewChain


class DecisionServicer:
    """Translates between the wire and the use cases; callers read their own decisions."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases = use_cases
        self._versions: dict[str | None, int] = {None: 0}

    async def create_decision(
        self, request: service_pb.CreateDecisionRequest, context: RpcContext
    ) -> bytes:
        """Decide, and answer with the recorded bytes, or the decision in the view asked for."""
        info = context.info
        deadline = self._use_cases.clock.monotonic() + info.seconds
        application = application_from(request, info.languages, self._use_cases.clock.now())
        stored = await self._use_cases.decide(application, CallContext(info.caller, deadline))
        self._trail(info, stored)
        reply = await self._in_view(stored, application)
        reach(Point.BEFORE_REPLY)
        return reply

    async def get_decision(
        self, request: service_pb.GetDecisionRequest, context: RpcContext
    ) -> service_pb.GetDecisionResponse:
        """Read one decision back in the view asked for."""
        info, full = context.info, full_view(request.view)
        decision_id = decision_id_from(request.decision_id)
        recorded = await self._use_cases.read.get(decision_id, full=full, scope=info.scope)
        self._trail(info, recorded.entry)
        message = recorded_message(recorded, full=full)
        sought = full and not request.without_recourse
        recourse = await self._use_cases.recourse(recorded) if sought else None
        if recourse is not None:
            message.recourse.CopyFrom(recourse_message(recourse))
        chain = await self._use_cases.chain(decision_id, recorded.entry.outcome)
        if chain is not None:
            message.review.CopyFrom(chain_message(chain))
        return service_pb.GetDecisionResponse(decision=message)

    async def list_decisions(
        self, request: service_pb.ListDecisionsRequest, context: RpcContext
    ) -> service_pb.ListDecisionsResponse:
        """One page of decisions in BASIC view."""
        chosen = replace(filter_from(request), caller=context.info.scope)
        after = read_token(chosen, request.page_token)
        page = await self._use_cases.read.list(chosen, after, page_size(request.page_size))
        return service_pb.ListDecisionsResponse(
            decisions=[basic_message(entry) for entry in page.entries],
            next_page_token="" if page.next is None else make_token(chosen, page.next),
        )

    async def replay_decision(
        self, request: service_pb.ReplayDecisionRequest, context: RpcContext
    ) -> service_pb.ReplayDecisionResponse:
        """Recompute a decision and name what differs from the record."""
        scope, full = context.info.scope, full_view(request.view)
        decision_id, which = replay_from(request)
        replayed = await self._use_cases.replay(decision_id, which, scope)
        recorded = recorded_message(replayed.recorded, full=True)
        message = _replayed_message(replayed, recorded)
        reply = compared(recorded, message)
        if not full:
            _strip(reply.decision)
        return reply

    async def _in_view(self, stored: StoredEntry, application: Application) -> bytes:
        """The reply to a request, which may have been recorded for the same one in another view."""
        full = application.style.full
        if is_recorded_in_full(stored.content, application) == full:
            return stored.reply
        recorded = await self._use_cases.read.get(stored.decision_id, full=full)
        decision = recorded_message(recorded, full=full)
        reply = service_pb.CreateDecisionResponse(decision=decision)
        return reply.SerializeToString(deterministic=True)

    def _trail(self, info: CallInfo, entry: StoredEntry) -> None:
        info.trailing.append(("x-decision-id", entry.decision_id))
        version = self._version(entry)
        if version:
            info.trailing.append(("x-ruleset-version", str(version)))

    def _version(self, entry: StoredEntry) -> int:
        """The version that decided, 0 for none; read from one reply of each ruleset digest."""
        version = self._versions.get(entry.ruleset_digest)
        if version is None:
            version = basic_message(entry).ruleset_ref.version
            self._versions[str(entry.ruleset_digest)] = version
        return version


def basic_message(entry: StoredEntry) -> pb.Decision:
    """The recorded decision without what only the FULL view has."""
    message = service_pb.CreateDecisionResponse.FromString(entry.reply).decision
    _strip(message)
    return message


def recorded_message(recorded: Recorded, *, full: bool) -> pb.Decision:
    """The recorded decision in the view asked for; in FULL it shows the recorded values."""
    message = basic_message(recorded.entry)
    if full:
        inputs = inputs_from_wire(recorded.facts.inputs)
        facts = recorded.facts
        told = facts.withheld_tags, facts.answers
        add_full_view(message, inputs, recorded.factors, recorded.traces, *told)
    return message


def compared(recorded: pb.Decision, replayed: pb.Decision) -> service_pb.ReplayDecisionResponse:
    """A replay with what differs; by another version of the engine it has changed, no more."""
    fields = [name for name in COMPARED if getattr(replayed, name) != getattr(recorded, name)]
    reply = service_pb.ReplayDecisionResponse(decision=replayed)
    if recorded.engine_version == replayed.engine_version:
        reply.differing_fields.extend(fields)
    else:
        reply.decided_by_engine_version = recorded.engine_version
        reply.changed_fields.extend(fields)
    return reply


def methods(servicer: DecisionServicer) -> Methods:
    """The service's methods; CreateDecision answers with bytes as they were recorded."""
    return {
        "CreateDecision": unary(servicer.create_decision, service_pb.CreateDecisionRequest, bytes),
        "GetDecision": unary(servicer.get_decision, service_pb.GetDecisionRequest),
        "ListDecisions": unary(servicer.list_decisions, service_pb.ListDecisionsRequest),
        "ReplayDecision": unary(servicer.replay_decision, service_pb.ReplayDecisionRequest),
    }


def _replayed_message(replayed: Replayed, recorded: pb.Decision) -> pb.Decision:
    decision: Decision = replayed.decision
    if decision.ruleset_ref is None:
        return pb.Decision.FromString(recorded.SerializeToString())
    style = ReplyStyle(full=True, languages=replayed.recorded.facts.languages)
    return decision_message(decision, style, replayed.traces)


def _strip(message: pb.Decision) -> None:
    message.ClearField("factor_values")
    message.ClearField("rule_traces")
    message.ClearField("inputs")
    message.ClearField("withheld_tags")
