"""Other callers' people: applicants, decisions and reports that another caller made."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Any

import grpc
from google.type.money_pb2 import Money

from decision_service.api.v1 import applicant_service_pb2 as people_pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from tests.attack.target import Result, Target, code, told
from tests.e2e.service import create
from tests.e2e.team import Metadata

NOBODY = "nobody-there"
UNKNOWN = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def attack(target: Target) -> list[Result]:
    """Reach what `desk` made as `other`, whose answers must tell nothing of it."""
    return [*await _applicants(target), *await _decisions(target)]


async def _applicants(target: Target) -> list[Result]:
    stub = ApplicantServiceStub(target.channel)
    desk, other = target.callers["desk"], target.callers["other"]
    asked = people_pb.CreateApplicantRequest(applicant_ref="attacked")
    theirs = (await stub.CreateApplicant(asked, metadata=desk)).user_id
    mine = (await stub.CreateApplicant(asked, metadata=other)).user_id
    results = [("the same reference is another applicant", mine != theirs)]
    for user_id, what in ((theirs, "a desk's applicant"), (target.user_id, "nobody's user")):
        absent = _reaching(stub, NOBODY, other)
        for (name, call), (_, nothing) in zip(_reaching(stub, user_id, other), absent, strict=True):
            results.append((f"{name} of {what}", await told(call) == await told(nothing)))
    for name, call in _reaching(stub, theirs, target.callers["operator"]):
        denied = await code(call) is grpc.StatusCode.PERMISSION_DENIED
        results.append((f"{name} without the role", denied))
    whole = await code(next(call for _, call in _reaching(stub, theirs, desk)))
    return [*results, ("the desk still reaches its applicant", whole is grpc.StatusCode.OK)]


def _reaching(
    stub: ApplicantServiceStub, user_id: str, who: Metadata
) -> Iterator[tuple[str, Awaitable[Any]]]:
    """Every way to a user, each call begun when it is its turn."""
    yield "reading", stub.GetApplicant(people_pb.GetApplicantRequest(user_id=user_id), metadata=who)
    made = people_pb.CreateLinkTokenRequest(user_id=user_id)
    yield "a link token", stub.CreateLinkToken(made, metadata=who)
    erased = people_pb.EraseApplicantRequest(user_id=user_id)
    yield "an erasure", stub.EraseApplicant(erased, metadata=who)


async def _decisions(target: Target) -> list[Result]:
    stub = DecisionServiceStub(target.channel)
    desk, other = target.callers["desk"], target.callers["other"]
    request = create(target.user_id)
    made = (await stub.CreateDecision(request, metadata=desk)).decision
    results = []
    for (name, call), (_, nothing) in zip(
        _reading(target, made.decision_id, other), _reading(target, UNKNOWN, other), strict=True
    ):
        same = (await told(call)).replace(made.decision_id, UNKNOWN) == await told(nothing)
        results.append((f"{name} a desk's decision", same))
    listing = service_pb.ListDecisionsRequest(user_id=target.user_id)
    listed = (await stub.ListDecisions(listing, metadata=other)).decisions
    results.append(("listing a user's decisions", made.decision_id not in str(listed)))
    page = service_pb.ListDecisionsRequest(page_size=1)
    await stub.CreateDecision(create(target.user_id), metadata=desk)
    page.page_token = (await stub.ListDecisions(page, metadata=desk)).next_page_token
    refused = await code(stub.ListDecisions(page, metadata=other))
    results.append(("a desk's page token", refused is grpc.StatusCode.INVALID_ARGUMENT))
    request.customer_ref = "other"
    again = (await stub.CreateDecision(request, metadata=other)).decision
    return [*results, ("a desk's request id", again.decision_id != made.decision_id)]


def _reading(
    target: Target, decision_id: str, who: Metadata
) -> Iterator[tuple[str, Awaitable[Any]]]:
    """Every way to a decision."""
    stub = DecisionServiceStub(target.channel)
    named = {"decision_id": decision_id}
    yield "reading", stub.GetDecision(service_pb.GetDecisionRequest(**named), metadata=who)
    yield "replaying", stub.ReplayDecision(service_pb.ReplayDecisionRequest(**named), metadata=who)
    outcome = outcome_pb.LoanOutcome(
        decision_id=decision_id,
        loan_id="LN-attack",
        as_of_date="2026-01-01",
        status=outcome_pb.LOAN_STATUS_BOOKED,
        disbursed_amount=Money(currency_code="PHP", units=1),
        disburse_date="2026-01-01",
        instalment=Money(currency_code="PHP", units=1),
    )
    report = outcome_pb.RecordOutcomeRequest(outcome=outcome)
    yield "reporting on", OutcomeServiceStub(target.channel).RecordOutcome(report, metadata=who)
