"""Who calls, how the service does, and which publications decided, on a running service."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest

from decision_service.api.v1 import rollout_service_pb2, rollout_service_pb2_grpc
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import ruleset_service_pb2_grpc as rules_grpc
from decision_service.api.v1 import status_service_pb2 as pb
from decision_service.api.v1 import status_service_pb2_grpc as status_grpc
from decision_service.build import engine_version
from decision_service.decide.events import Event
from decision_service.domain.errors import StoreUnavailable
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.manifest import MANIFEST, Measured, manifest_text, published_now
from decision_service.server.context import Role
from decision_service.store.store import Store
from tests.e2e.service import PRODUCT, Running, own_rules, refused, running
from tests.e2e.team import Team, bearer
from tests.kits.until import until
from tests.unit.cli.commands import command

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)


async def status(live: Running, *shown: Any) -> pb.GetStatusResponse:
    """How the service does."""
    stub = status_grpc.StatusServiceStub(live.channel)
    return await stub.GetStatus(pb.GetStatusRequest(), metadata=shown or None)


async def test_callers_read_who_they_are_and_operators_the_status(
    shared: Running, guarded: Running, staff: Team
) -> None:
    """Where none are configured each is `anonymous` with every role; else tokens show last uses."""
    anybody, stub = (status_grpc.StatusServiceStub(one.channel) for one in (shared, guarded))
    found = await anybody.GetCaller(pb.GetCallerRequest())
    assert (found.caller, list(found.roles)) == ("anonymous", sorted(Role))
    reader, reviewer = (bearer(staff.tokens[name]) for name in ("read", "review"))
    found = await stub.GetCaller(pb.GetCallerRequest(), metadata=reviewer)
    assert (found.caller, list(found.roles)) == ("review", ["review"])
    tokens = {one.caller: one for one in (await status(guarded, *reader)).tokens}
    assert tokens.keys() == staff.tokens.keys()
    assert tokens["read"].HasField("last_use_time")
    assert len(tokens["read"].token) == 8
    refusal = await refused(stub.GetStatus(pb.GetStatusRequest(), metadata=reviewer))
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED


async def test_the_status_says_what_health_and_the_store_say(
    live: Running, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reasons as `/healthz` has them, what waits, and the vendor; also while the store is away."""
    store = live.service.core.store
    event = Event("e-1", "3f" * 32, "EINCOMES_ADDED", "user-1")
    await store.receive(event, AT, quarantine=False)
    found = await until(lambda: status(live), lambda one: bool(one.in_force))
    assert (found.engine_version, found.serving) == (engine_version(), True)
    assert (found.vendor.mode, found.vendor.circuit) == ("embedded", "closed")
    assert found.vendor.requests_per_second == "20"
    assert not found.HasField("certificate_expire_time")
    assert (found.backlog[-1].name, found.backlog[-1].count) == ("webhook events", 1)
    assert found.backlog[-1].oldest_time.ToDatetime(UTC) == AT
    [rules] = found.in_force
    assert (rules.processes, rules.here, len(rules.process_names)) == (1, True, 1)
    at = ("--address", live.service.address)
    shown = await asyncio.to_thread(command, capsys, "status", *at)
    assert (shown.code, "webhook events" in shown.out) == (0, True)
    named = await asyncio.to_thread(command, capsys, "whoami", *at)
    assert (named.code, "anonymous" in named.out, "rules_approve" in named.out) == (0, True, True)

    async def away(*_: object) -> None:
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(Store, "check", away)
    monkeypatch.setattr(store._database, "read", away)
    live.service.rpc.health.set(["store: the store is away"])
    found = await status(live)
    async with httpx2.AsyncClient() as client:
        lines = (await client.get(f"{live.service.http.admin}/healthz")).text.splitlines()
    assert lines == ["NOT_SERVING", *found.reasons, *found.remarks]
    assert not any(one.name == "webhook events" for one in found.backlog)


async def test_the_register_lists_what_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each publication with what was tested and proved of it; the one in force says so."""
    rules = own_rules(tmp_path)
    contents = read_rules(rules).contents
    more = {"tested": {"a v1": Measured(100, 97)}, "proved": 4, "accepted": ("a v1 floor",)}

    def publish(by: str, at: datetime, **said: Any) -> None:
        published = published_now(contents, by, at, **said)
        (rules / MANIFEST).write_text(manifest_text(published, contents))

    publish("ana", AT, **more)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        stub = rules_grpc.RulesetServiceStub(live.channel)

        async def register() -> rules_pb.ListPublicationsResponse:
            return await stub.ListPublications(rules_pb.ListPublicationsRequest())

        publish("ben", AT.replace(hour=5))
        found = await until(register, lambda reply: len(reply.publications) == 2)
        second, first = found.publications
        assert [(one.published_by, one.in_force) for one in (second, first)] == [
            ("ben", True),
            ("ana", False),
        ]
        [tested] = first.tested
        assert (tested.name, tested.coverage_percent, tested.figures_percent) == ("a v1", 100, 97)
        assert (first.proved, list(first.accepted)) == (4, ["a v1 floor"])
        assert (await stub.ListRulesets(rules_pb.ListRulesetsRequest())).published == second
        newest = await stub.ListPublications(rules_pb.ListPublicationsRequest(page_size=1))
        assert list(newest.publications) == [second]
        wrong = stub.ListPublications(rules_pb.ListPublicationsRequest(page_size=-1))
        assert "page_size" in (await refused(wrong)).fields
        shown = await asyncio.to_thread(
            command, capsys, "rules", "register", "--address", live.service.address
        )
        assert (shown.code, "ben" in shown.out, "ana" in shown.out) == (0, True, True)


async def test_a_rollout_is_read_with_points_where_they_are_asked_for(tmp_path: Path) -> None:
    """A share's points come with the request alone, and what bounds it always."""
    rules = own_rules(tmp_path)
    plan = rules / PRODUCT / "rollout.yaml"
    watched = "name: no, metric: decline_rate, scope: product, max: 0.9, min_units: 2, window: 1h"
    guardrails = f"guardrails:\n  - {{{watched}, action: pause}}\n"
    plan.write_text(plan.read_text().partition("guardrails:")[0] + guardrails)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        stub = rollout_service_pb2_grpc.RolloutServiceStub(live.channel)
        for asked in (False, True):
            request = rollout_service_pb2.GetRolloutRequest(product=PRODUCT, with_points=asked)
            [line] = (await stub.GetRollout(request)).figures.guardrails
            assert (line.allowed_low, line.allowed_high) == ("", "90")
            assert [(one.value, one.low, one.units) for one in line.points] == [("", "", 0)] * asked
