"""Who may call what, and whose decisions they see."""

from pathlib import Path
from typing import Any

import grpc
import httpx2
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.runtime.config import load
from decision_service.server.auth import HEALTH_METHODS, METHODS
from decision_service.server.context import Role
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, at_vendor, create, refused
from tests.e2e.team import Metadata, Team, bearer

SANDBOX = {
    "DECISION_SMILE_MODE": "sandbox",
    "DECISION_SMILE_API_KEY": "key-of-8",
    "DECISION_SMILE_API_SECRET": "secret-8",
}
GEORGE = sandbox_people()[0].user_id
UNKNOWN = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"
LIST_SERVICES = reflection_pb2.ServerReflectionRequest(list_services="")
CLOSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


async def answer(live: Running, method: str, metadata: Metadata) -> grpc.StatusCode:
    """The code that an empty request to a method gets."""
    try:
        await live.channel.unary_unary(method)(b"", metadata=metadata)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def services(live: Running, metadata: Metadata = ()) -> set[str]:
    """The services that the server says it has."""
    stub = reflection_pb2_grpc.ServerReflectionStub(live.channel)
    call = stub.ServerReflectionInfo(iter([LIST_SERVICES]), metadata=metadata)
    async for reply in call:
        return {service.name for service in reply.list_services_response.service}
    return set()


async def served(live: Running, metadata: Metadata = ()) -> set[str]:
    """Every method of every service."""
    pool = descriptor_pool.Default()
    return {
        f"/{name}/{method.name}"
        for name in await services(live, metadata)
        for method in pool.FindServiceByName(name).methods
    }


async def test_every_method_of_every_service_has_a_row(shared: Running) -> None:
    """A method that is served is in the table of roles."""
    assert await served(shared) <= set(METHODS) | HEALTH_METHODS


async def test_reflection_answers_under_both_its_names(shared: Running) -> None:
    """Newer clients ask `v1`, whose messages are the same."""
    ask = shared.channel.stream_stream(
        REFLECTION.replace("v1alpha", "v1"),
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    async for reply in ask(iter([LIST_SERVICES])):
        found = {service.name for service in reply.list_services_response.service}
        assert found == await services(shared)


async def test_each_role_opens_its_methods_and_no_other(guarded: Running, staff: Team) -> None:
    """Of every role and method, those that the table names come in and all others do not."""
    shown = {role: bearer(staff.tokens[role]) for role in Role}
    methods = await served(guarded, shown[Role.READ]) - HEALTH_METHODS - {REFLECTION}
    opened = {
        (method, role)
        for method in sorted(methods)
        for role in Role
        if await answer(guarded, method, shown[role]) not in CLOSED
    }
    assert opened == {(method, role) for method in methods for role in METHODS[method]}


async def test_who_is_not_known_is_told_so_alike(guarded: Running) -> None:
    """No token, an unknown one and another scheme get the same words; health asks for none."""
    words = set()
    for metadata in ((), bearer("dst_wrong"), (("authorization", "Basic x"),)):
        one = await refused(guarded.stub.CreateDecision(create(GEORGE), metadata=metadata))
        words.add((one.code, one.message, one.info.reason))
    [(code, _, _)] = words
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert await answer(guarded, "/grpc.health.v1.Health/Check", ()) is grpc.StatusCode.OK


async def test_callers_see_their_own_decisions_only(guarded: Running, staff: Team) -> None:
    """The same request id is another request of another caller, who finds nothing of the first."""
    one, other, auditor = (bearer(staff.tokens[name]) for name in ("one", "other", "read"))
    request = create(GEORGE)
    mine = (await guarded.stub.CreateDecision(request, metadata=one)).decision
    request.customer_ref = "another"
    theirs = (await guarded.stub.CreateDecision(request, metadata=other)).decision
    assert mine.decision_id != theirs.decision_id
    assert await listed(guarded, one) == [mine.decision_id]
    assert await listed(guarded, other) == [theirs.decision_id]
    assert {mine.decision_id, theirs.decision_id} <= {*await listed(guarded, auditor)}
    found = {"version": mine.ruleset_ref.version, "arm": mine.assignment.arm}
    for any_id, seen in ((mine.decision_id, []), (GEORGE, [theirs.decision_id])):
        assert await listed(guarded, other, any_id=any_id, **found) == seen
    for unlike in ({"version": 99}, {"reason": "NO_SUCH"}, {"arm": "challenger"}):
        assert await listed(guarded, one, **{**found, **unlike}) == []
    asked = service_pb.ListDecisionsRequest(arm="both", version=-1, any_id="x" * 201)
    malformed = await refused(guarded.stub.ListDecisions(asked, metadata=one))
    assert malformed.fields == {
        "any_id": "any_id is longer than 200 characters",
        "arm": "arm is no arm: it must be champion or challenger",
        "version": "version is -1: it must be a version, or 0",
    }
    replay = service_pb.ReplayDecisionRequest(decision_id=mine.decision_id)
    assert not (await guarded.stub.ReplayDecision(replay, metadata=auditor)).differing_fields
    assert await denied(guarded, mine.decision_id, other) == await denied(guarded, UNKNOWN, other)


async def listed(live: Running, metadata: Metadata, **chosen: Any) -> list[str]:
    """The ids of the decisions that a caller sees, page by page."""
    found, token = [], ""
    while True:
        request = service_pb.ListDecisionsRequest(page_size=1, page_token=token, **chosen)
        reply = await live.stub.ListDecisions(request, metadata=metadata)
        found += [decision.decision_id for decision in reply.decisions]
        token = reply.next_page_token
        if not token:
            return found


async def denied(live: Running, decision_id: str, metadata: Metadata) -> list[str]:
    """What reading and replaying a decision are refused with, without its id."""
    words = []
    for call in (
        live.stub.GetDecision(
            service_pb.GetDecisionRequest(decision_id=decision_id), metadata=metadata
        ),
        live.stub.ReplayDecision(
            service_pb.ReplayDecisionRequest(decision_id=decision_id), metadata=metadata
        ),
    ):
        one = await refused(call)
        words.append(f"{one.code} {one.message} {one.info}".replace(decision_id, "ID"))
    return words


async def test_reflection_needs_a_known_caller(guarded: Running, staff: Team) -> None:
    """Where callers are configured the server describes itself to them alone."""
    known = await services(guarded, bearer(staff.tokens["one"]))
    assert "decision_service.api.v1.DecisionService" in known
    assert await answer(guarded, REFLECTION, ()) is grpc.StatusCode.UNAUTHENTICATED


async def test_reflection_can_be_switched_off(tmp_path: Path) -> None:
    """With REFLECTION=false, and by default outside of embedded mode, there is no such service."""
    async with at_vendor(tmp_path) as (live, _):
        assert await answer(live, REFLECTION, ()) is grpc.StatusCode.UNIMPLEMENTED
        async with httpx2.AsyncClient() as client:  # nor a page that names every call
            for path in ("/", "/docs/callers.md", "/explorer/explorer.js"):
                assert (await client.get(live.service.http_url + path)).status_code == 404
    chosen = {name: {"DECISION_REFLECTION": name} for name in ("true", "false")}
    real = SANDBOX | chosen["true"]
    assert load(environ=real).describes_itself
    assert not load(environ=chosen["false"]).describes_itself
