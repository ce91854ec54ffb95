"""Reading writes nothing: what a caller with the role `read` may call changes no row."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory

from decision_service.api.v1 import notice_service_pb2 as pb
from decision_service.api.v1.event_service_pb2 import ListEventsRequest
from decision_service.api.v1.event_service_pb2_grpc import EventServiceStub
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.server.auth import METHODS, PACKAGE
from decision_service.server.context import Role
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, Running, create, refused, running
from tests.e2e.team import Metadata, Team

pytestmark = pytest.mark.long

_, RYAN, CHRISTINA, _ = (one.user_id for one in sandbox_people())
ROLES = ("decide", "read", "review", "review_second")
ASKED: Mapping[str, Mapping[str, Any]] = {
    "DecisionService/GetDecision": {"decision_id": "DECISION", "view": "DECISION_VIEW_FULL"},
    "DecisionService/ListDecisions": {"by_person": False, "reason": "X"},
    "DecisionService/ReplayDecision": {"decision_id": "DECISION"},
    "RulesetService/ListRulesets": {},
    "RulesetService/ListPublications": {},
    "RulesetService/GetRuleset": {"product": PRODUCT},
    "RolloutService/ListRollouts": {},
    "RolloutService/GetRollout": {"product": PRODUCT},
    "RolloutService/ListRolloutSteps": {"product": PRODUCT},
    "RolloutService/ExplainAssignment": {"product": PRODUCT, "user_id": "user-new"},
    "RolloutService/CompareVersions": {
        "product": PRODUCT,
        "champion": True,
        "params_as_of": "2026-12-01",
    },
    "OutcomeService/ListOutcomes": {"decision_id": "DECISION"},
    "ReviewService/ListReviews": {},
    "ReviewService/GetReview": {"review_id": "REVIEW"},
    "ReviewService/GetDesk": {"product": PRODUCT},
    "NoticeService/GetNotice": {"decision_id": "DECISION", "language": "en"},
    "NoticeService/ListNotices": {},
    "EventService/ListEvents": {},
    "EventService/ListDeadEvents": {},
    "StatusService/GetCaller": {},
    "StatusService/GetStatus": {},
}
"""A call of each method for reading, about a referral and its review."""

PROCESS = {"arm_counts", "arm_hours", "leases", "replicas", "event_places", "event_stores"}
"""Tables that the process itself writes as time goes by; nobody's call is in them."""


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[Running, Mapping[str, Metadata]]]:
    """A service with a caller of each role, and what each shows."""
    team = Team(folder)
    shown = {role: team.hire(role, role) for role in ROLES}
    async with running(folder, auth_tokens_file=str(team.path)) as live:
        yield live, shown


def rows(folder: Path) -> Mapping[str, list[tuple[Any, ...]]]:
    """Every row of every table, by another connection."""
    with closing(sqlite3.connect(f"file:{folder / 'decisions.db'}?mode=ro", uri=True)) as found:
        names = found.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        kept = sorted({name for (name,) in names} - PROCESS)
        return {name: found.execute(f"SELECT * FROM {name}").fetchall() for name in kept}


async def test_no_method_for_reading_writes(tmp_path: Path) -> None:
    """Each method that `read` opens is called, and afterwards every row is as it was."""
    reads = {method for method, roles in METHODS.items() if Role.READ in roles}
    assert {f"/{PACKAGE}.{name}" for name in ASKED} == {one for one in reads if PACKAGE in one}
    async with house(tmp_path) as (live, shown):
        made = await live.stub.CreateDecision(create(CHRISTINA), metadata=shown["decide"])
        decision = made.decision.decision_id
        ids = {"DECISION": decision, "REVIEW": f"rev_{decision.removeprefix('dec_')}-1"}
        for name, fields in ASKED.items():
            before = rows(tmp_path)
            given = {field: ids.get(value, value) for field, value in fields.items()}
            code = await answered(live, name, given, shown["read"])
            wanted = grpc.StatusCode.NOT_FOUND if "GetNotice" in name else grpc.StatusCode.OK
            assert code is wanted, name
            assert rows(tmp_path) == before, name


async def answered(
    live: Running, name: str, fields: Mapping[str, Any], metadata: Metadata
) -> grpc.StatusCode:
    """The code that a request gets."""
    service, _, method = name.partition("/")
    found = descriptor_pool.Default().FindServiceByName(f"{PACKAGE}.{service}")
    request = message_factory.GetMessageClass(found.methods_by_name[method].input_type)(**fields)
    call = live.channel.unary_unary(f"/{PACKAGE}.{name}")
    try:
        await call(request.SerializeToString(), metadata=metadata)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_reading_makes_no_letter(tmp_path: Path) -> None:
    """With `read` a letter that was not made is not found, and none is made or sent out.

    With `decide` it is made, and then it is read; a reviewer makes that of a case, and no other.
    """
    async with house(tmp_path) as (live, shown):
        await _letters(live, shown)


async def _letters(live: Running, shown: Mapping[str, Metadata]) -> None:
    notices, events = NoticeServiceStub(live.channel), EventServiceStub(live.channel)

    async def decided(user: str) -> str:
        made = await live.stub.CreateDecision(create(user), metadata=shown["decide"])
        return str(made.decision.decision_id)

    async def letter(who: str, decision: str, language: str = "en") -> pb.Notice:
        request = pb.GetNoticeRequest(decision_id=decision, language=language)
        return (await notices.GetNotice(request, metadata=shown[who])).notice

    async def listed(decision: str) -> list[pb.Notice]:
        request = pb.ListNoticesRequest(decision_id=decision)
        return [*(await notices.ListNotices(request, metadata=shown["read"])).notices]

    async def said_of(decision: str) -> list[str]:
        found = await events.ListEvents(ListEventsRequest(page_size=500), metadata=shown["read"])
        return [one.type for one in found.events if one.decision_id == decision]

    declined, lacking = await decided(RYAN), await decided(CHRISTINA)
    error = await refused(letter("read", declined))
    assert (error.code, error.info.reason) == (grpc.StatusCode.NOT_FOUND, "NOTICE_UNKNOWN")
    assert "a caller with the role decide or review has to make it" in error.message
    assert error.info.metadata["decision_id"] == declined
    assert await listed(declined) == []
    assert "letter.made" not in await said_of(declined)
    error = await refused(letter("read", declined, "ceb"))
    assert error.info.reason == "LANGUAGE_UNKNOWN"

    made = await letter("decide", declined)
    assert await letter("read", declined) == made == (await listed(declined))[0]
    assert made.created_by == "decide"
    assert (await said_of(declined)).count("letter.made") == 1

    error = await refused(letter("review", declined))
    assert error.info.reason == "DECISION_UNKNOWN"
    for who, language in (("review", "en"), ("review_second", "fil")):
        assert (await letter(who, lacking, language)).created_by == who
    assert (await said_of(lacking)).count("letter.made") == 2
