"""Reading the chain of one application from a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import grpc
import msgspec

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.api.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.cli.client.calls import call, read_review
from decision_service.cli.client.options import ServerOptions
from decision_service.cli.errors import CommandError, Exit

PAGE = 500
_UNKNOWN = frozenset({"DECISION_UNKNOWN"})


class ChainLink(msgspec.Struct, frozen=True):
    """A decision with its reviews and their steps, its letters, and the reports of its loans.

    Each is in the order of time.
    """

    decision: pb.Decision
    reviews: Sequence[review_pb.Review]
    notices: Sequence[notice_pb.Notice]
    outcomes: Sequence[outcome_pb.RecordedOutcome]


def read_chain(server: ServerOptions, decision_id: str) -> list[ChainLink]:
    """The decisions on the application of a decision, oldest first; raises CommandError."""
    with server.open() as channel:
        stub: Any = DecisionServiceStub(channel)
        request = service_pb.GetDecisionRequest(decision_id=decision_id)
        asked = call(stub.GetDecision, request, server).decision
        decisions = chain_of(asked, partial(_stored, stub, server))
        return [_link(channel, server, decision) for decision in decisions]


def chain_of(asked: pb.Decision, get: Callable[[str], pb.Decision | None]) -> list[pb.Decision]:
    """The decisions on one application, from the first that is stored; `get` reads by id."""
    first = get(asked.first_decision_id) if asked.first_decision_id else None
    found = [first or asked]
    while following := found[-1].review.decided_again_as:
        made = get(following)
        if made is None:
            break
        found.append(made)
    return found


def _stored(stub: Any, server: ServerOptions, decision_id: str) -> pb.Decision | None:
    request = service_pb.GetDecisionRequest(decision_id=decision_id)
    try:
        found: pb.Decision = call(stub.GetDecision, request, server, findings=_UNKNOWN).decision
    except CommandError as error:
        if error.code is not Exit.FINDINGS:
            raise
        return None
    return found


def _link(channel: grpc.Channel, server: ServerOptions, decision: pb.Decision) -> ChainLink:
    of = decision.decision_id
    notices: Any = NoticeServiceStub(channel)
    outcomes: Any = OutcomeServiceStub(channel)
    asked = notice_pb.ListNoticesRequest(decision_id=of, page_size=PAGE)
    letters = [*_pages(notices.ListNotices, asked, server, "notices")]
    reports = outcome_pb.ListOutcomesRequest(decision_id=of, page_size=PAGE)
    return ChainLink(
        decision,
        _reviews(channel, server, decision),
        letters[::-1],
        [*_pages(outcomes.ListOutcomes, reports, server, "outcomes")],
    )


def _reviews(
    channel: grpc.Channel, server: ServerOptions, decision: pb.Decision
) -> list[review_pb.Review]:
    stub: Any = ReviewServiceStub(channel)
    return [read_review(stub, review_id, server) for review_id in decision.review.review_ids]


def _pages(
    method: Callable[..., Any], request: Any, server: ServerOptions, name: str
) -> Iterator[Any]:
    while True:
        reply = call(method, request, server)
        yield from getattr(reply, name)
        if not reply.next_page_token:
            return
        request.page_token = reply.next_page_token
