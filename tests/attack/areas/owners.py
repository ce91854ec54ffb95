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
from tests.attack.answers import Result, code, known, told
from tests.attack.found import Found
from tests.attack.target import GEORGE, Target
from tests.e2e.service import create
from tests.e2e.team import Metadata

NOBODY = "nobody-there"
UNKNOWN = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def run(target: Target, found: Found) -> None:
    """Reach what the lender made as another caller, whose answers must tell nothing of it."""
    async with target.channel() as channel:
        for part in (_applicants, _decisions):
            found.results(await part(target, channel))


async def _applicants(target: Target, channel: grpc.aio.Channel) -> list[Result]:
    stub = ApplicantServiceStub(channel)
    lender, other = target.lender, target.other
    asked = people_pb.CreateApplicantRequest(applicant_ref="attacked")
    theirs = (await stub.CreateApplicant(asked, metadata=lender)).user_id
    mine = (await stub.CreateApplicant(asked, metadata=other)).user_id
    results = [("the same reference is another applicant", mine != theirs)]
    for user_id, what in ((theirs, "a lender's applicant"), (GEORGE, "nobody's user")):
        absent = _reaching(stub, NOBODY, other)
        for (name, call), (_, nothing) in zip(_reaching(stub, user_id, other), absent, strict=True):
            results.append((f"{name} of {what}", await told(call) == await told(nothing)))
    whole = await code(next(call for _, call in _reaching(stub, theirs, lender)))
    return [*results, ("the lender still reaches its applicant", whole is grpc.StatusCode.OK)]


def _reaching(
    stub: ApplicantServiceStub, user_id: str, who: Metadata
) -> Iterator[tuple[str, Awaitable[Any]]]:
    """Every way to a user, each call begun when it is its turn."""
    yield "reading", stub.GetApplicant(people_pb.GetApplicantRequest(user_id=user_id), metadata=who)
    made = people_pb.CreateLinkTokenRequest(user_id=user_id)
    yield "a link token", stub.CreateLinkToken(made, metadata=who)
    erased = people_pb.EraseApplicantRequest(user_id=user_id)
    yield "an erasure", stub.EraseApplicant(erased, metadata=who)


async def _decisions(target: Target, channel: grpc.aio.Channel) -> list[Result]:
    stub = DecisionServiceStub(channel)
    lender, other = target.lender, target.other
    request = create(GEORGE)
    made = (await stub.CreateDecision(request, metadata=lender)).decision
    results = []
    reporter = target.team.hire("reporter", "decide", "outcomes")
    await known(lambda: stub.ListDecisions(service_pb.ListDecisionsRequest(), metadata=reporter))
    tries = _reading(channel, made.decision_id, reporter)
    for (name, call), (_, nothing) in zip(tries, _reading(channel, UNKNOWN, reporter), strict=True):
        same = (await told(call)).replace(made.decision_id, UNKNOWN) == await told(nothing)
        results.append((f"{name} a lender's decision", same))
    listing = service_pb.ListDecisionsRequest(user_id=GEORGE)
    listed = (await stub.ListDecisions(listing, metadata=other)).decisions
    results.append(("listing a user's decisions", made.decision_id not in str(listed)))
    page = service_pb.ListDecisionsRequest(page_size=1)
    await stub.CreateDecision(create(GEORGE), metadata=lender)
    page.page_token = (await stub.ListDecisions(page, metadata=lender)).next_page_token
    refused = await code(stub.ListDecisions(page, metadata=other))
    results.append(("a lender's page token", refused is grpc.StatusCode.INVALID_ARGUMENT))
    request.customer_ref = "other"
    again = (await stub.CreateDecision(request, metadata=other)).decision
    return [*results, ("a lender's request id", again.decision_id != made.decision_id)]


def _reading(
    channel: grpc.aio.Channel, decision_id: str, who: Metadata
) -> Iterator[tuple[str, Awaitable[Any]]]:
    stub = DecisionServiceStub(channel)
    read = service_pb.GetDecisionRequest(decision_id=decision_id)
    yield "reading", stub.GetDecision(read, metadata=who)
    replayed = service_pb.ReplayDecisionRequest(decision_id=decision_id)
    yield "replaying", stub.ReplayDecision(replayed, metadata=who)
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
    outcomes = OutcomeServiceStub(channel)
    yield "reporting on", outcomes.RecordOutcome(report, metadata=who)
    reports = outcome_pb.ListOutcomesRequest(decision_id=decision_id)
    yield "reading the reports on", outcomes.ListOutcomes(reports, metadata=who)
