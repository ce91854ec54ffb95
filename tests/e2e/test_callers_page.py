"""docs/callers.md tells people, outcomes, referrals and errors as they are, and all of them."""

from __future__ import annotations

import re

import grpc
import pytest
from google.rpc import code_pb2

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.errors import ServiceError
from decision_service.server.interceptors import CODES
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.page import CALLERS
from tests.e2e.service import Running, create


async def test_the_people_of_the_page_come_out_as_it_says(shared: Running) -> None:
    """Names, user ids and outcomes are the stand-in's."""
    told = CALLERS.rows("Start a server to try")
    assert [row[1].strip("`") for row in told] == [one.user_id for one in sandbox_people()]
    for (name, user_id, outcome), person in zip(told, sandbox_people(), strict=True):
        assert person.name.startswith(name)
        decision = (await shared.stub.CreateDecision(create(user_id.strip("`")))).decision
        words = [pb.Outcome.Name(decision.outcome).removeprefix("OUTCOME_")]
        if decision.refer_kind:
            words.append(pb.ReferKind.Name(decision.refer_kind).removeprefix("REFER_KIND_"))
        assert ", kind ".join(words) == outcome


def test_the_page_names_every_outcome_and_referral() -> None:
    """And none that there is not."""
    for heading, enum in (("Outcomes", pb.Outcome), ("Referrals", pb.ReferKind)):
        told = [re.findall("`(.+?)`", row[0])[0] for row in CALLERS.rows(heading)]
        assert sorted(told) == sorted(enum.keys())


def test_the_page_names_every_error_with_its_code() -> None:
    """Each reason that callers may see, under its code; and none that there is not."""
    told, code = set(), ""
    for row in CALLERS.rows("Errors of the service"):
        code = row[0].strip("`") or code
        told.add((code, row[1].strip("`")))
    known = {(code_pb2.Code.Name(code), kind.reason) for kind, code in CODES.items()}
    assert told == known | {("INTERNAL", ServiceError.reason)}


async def test_grpcs_own_errors_are_as_the_page_tells(shared: Running) -> None:
    """No ErrorInfo, and the sentences by which the page tells them apart."""
    told = {(row[0].strip("`"), row[1].strip("`")) for row in CALLERS.rows("Errors of gRPC")}
    asked = service_pb.ListDecisionsRequest()
    decisions = "/decision_service.api.v1.DecisionService"
    unreadable = shared.channel.unary_unary(f"{decisions}/CreateDecision")
    unknown = shared.channel.unary_unary(f"{decisions}/NoSuchMethod")
    for code, sentence, call in (
        (
            "RESOURCE_EXHAUSTED",
            "Received message larger than max",
            shared.stub.CreateDecision(create("nobody", application_id="x" * 66_000)),
        ),
        (
            "RESOURCE_EXHAUSTED",
            "received metadata size exceeds hard limit",
            shared.stub.ListDecisions(asked, metadata=[("x-note", "y" * 17_000)]),
        ),
        ("INTERNAL", "the message cannot be read as a request", unreadable(b"\xff\xff")),
        ("UNIMPLEMENTED", "Method not found", unknown(b"")),
    ):
        assert (code, sentence) in told
        with pytest.raises(grpc.RpcError) as error:
            await call
        assert error.value.code().name == code
        assert sentence in (error.value.details() or "")
        assert "grpc-status-details-bin" not in dict(error.value.trailing_metadata() or ())
