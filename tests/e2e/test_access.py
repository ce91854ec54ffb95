"""Who may call what, and whose decisions they see."""

from pathlib import Path

import grpc
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.server.auth import HEALTH_METHODS, METHODS
from decision_service.server.context import Role
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, at_vendor, create, refused, running
from tests.e2e.team import Metadata, Team, bearer

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


async def test_each_role_opens_its_methods_and_no_other(tmp_path: Path) -> None:
    """Of every role and method, those that the table names come in and all others do not."""
    team = Team(tmp_path)
    shown = {role: team.hire(f"with-{role}", role) for role in Role}
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        methods = await served(live, shown[Role.READ]) - HEALTH_METHODS - {REFLECTION}
        opened = {
            (method, role)
            for method in sorted(methods)
            for role in Role
            if await answer(live, method, shown[role]) not in CLOSED
        }
    assert opened == {(method, role) for method in methods for role in METHODS[method]}


async def test_who_is_not_known_is_told_so_alike(tmp_path: Path) -> None:
    """No token, an unknown one and another scheme get the same words; health asks for none."""
    team = Team(tmp_path)
    team.hire("los", "decide")
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        told = set()
        for metadata in ((), bearer("dst_wrong"), (("authorization", "Basic x"),)):
            one = await refused(live.stub.CreateDecision(create(GEORGE), metadata=metadata))
            told.add((one.code, one.message, one.info.reason))
        assert len(told) == 1
        assert next(iter(told))[0] is grpc.StatusCode.UNAUTHENTICATED
        assert await answer(live, "/grpc.health.v1.Health/Check", ()) is grpc.StatusCode.OK


async def test_callers_see_their_own_decisions_only(tmp_path: Path) -> None:
    """The same request id is another request of another caller, who finds nothing of the first."""
    team = Team(tmp_path)
    one, other = team.hire("one", "decide"), team.hire("other", "decide")
    auditor = team.hire("auditor", "read")
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        request = create(GEORGE)
        mine = (await live.stub.CreateDecision(request, metadata=one)).decision
        request.customer_ref = "another"
        theirs = (await live.stub.CreateDecision(request, metadata=other)).decision
        assert mine.decision_id != theirs.decision_id
        assert await listed(live, one) == [mine.decision_id]
        assert await listed(live, other) == [theirs.decision_id]
        assert sorted(await listed(live, auditor)) == sorted([mine.decision_id, theirs.decision_id])
        replay = service_pb.ReplayDecisionRequest(decision_id=mine.decision_id)
        assert not (await live.stub.ReplayDecision(replay, metadata=auditor)).differing_fields
        assert await denied(live, mine.decision_id, other) == await denied(live, UNKNOWN, other)


async def listed(live: Running, metadata: Metadata) -> list[str]:
    """The ids of the decisions that a caller sees, page by page."""
    found, token = [], ""
    while True:
        request = service_pb.ListDecisionsRequest(page_size=1, page_token=token)
        reply = await live.stub.ListDecisions(request, metadata=metadata)
        found += [decision.decision_id for decision in reply.decisions]
        token = reply.next_page_token
        if not token:
            return found


async def denied(live: Running, decision_id: str, metadata: Metadata) -> list[str]:
    """What reading and replaying a decision are refused with, but for its id."""
    told = []
    for call in (
        live.stub.GetDecision(
            service_pb.GetDecisionRequest(decision_id=decision_id), metadata=metadata
        ),
        live.stub.ReplayDecision(
            service_pb.ReplayDecisionRequest(decision_id=decision_id), metadata=metadata
        ),
    ):
        one = await refused(call)
        told.append(f"{one.code} {one.message} {one.info}".replace(decision_id, "ID"))
    return told


async def test_reflection_needs_a_known_caller(tmp_path: Path) -> None:
    """Where callers are configured the server describes itself to them alone."""
    team = Team(tmp_path)
    los = team.hire("los", "decide")
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        assert "decision_service.api.v1.DecisionService" in await services(live, los)
        assert await answer(live, REFLECTION, ()) is grpc.StatusCode.UNAUTHENTICATED


async def test_reflection_can_be_switched_off(tmp_path: Path) -> None:
    """With REFLECTION=false, and by default outside of embedded mode, there is no such service."""
    async with running(tmp_path, reflection="false") as live:
        assert await answer(live, REFLECTION, ()) is grpc.StatusCode.UNIMPLEMENTED
    async with at_vendor(tmp_path) as (live, _):
        assert await answer(live, REFLECTION, ()) is grpc.StatusCode.UNIMPLEMENTED
    async with at_vendor(tmp_path, reflection="true") as (live, _):
        assert "grpc.health.v1.Health" in await services(live)
