"""What operators see: metrics, log lines, health, the status, and a log that is not read."""

from __future__ import annotations

import asyncio
import fcntl
import os
import platform
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service import __version__
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import (
    decision_service_pb2_grpc,
    rollout_service_pb2,
    rollout_service_pb2_grpc,
)
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import status_service_pb2 as pb
from decision_service.api.v1 import status_service_pb2_grpc as status_grpc
from decision_service.app import wiring as upkeep
from decision_service.build import engine_version
from decision_service.decide.dry_run import ValidateRules
from decision_service.decide.events import Event
from decision_service.domain.errors import StoreUnavailable
from decision_service.rulebook.rulebook import ActiveRules
from decision_service.runtime.tasks import Supervisor
from decision_service.runtime.telemetry import Alarm
from decision_service.server.transport import interceptors as access_log
from decision_service.server.transport import interceptors as error_map
from decision_service.server.transport.auth import METHODS
from decision_service.server.transport.context import Role
from decision_service.standin.sandbox import sandbox_people
from decision_service.store.store import Store
from tests.e2e.process import serving
from tests.e2e.service import (
    PRODUCT,
    ROOT,
    Running,
    create,
    metrics,
    own_rules,
    refusal,
    refused,
    running,
)
from tests.e2e.team import Team, bearer
from tests.fakes.observed import captured
from tests.kits.cases import until
from tests.unit.cli.commands import command

if TYPE_CHECKING:
    from decision_service.api.v1.decision_pb2 import Decision

GEORGE = sandbox_people()[0].user_id

SERVICE = "/decision_service.api.v1."

DECISION = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"

RELEASE = "3f9a11c04d2e"

CANARY = "Juana dela Cruz"


REQUESTS = {
    f"{SERVICE}DecisionService/CreateDecision": create(GEORGE),
    f"{SERVICE}DecisionService/GetDecision": service_pb.GetDecisionRequest(decision_id=DECISION),
    f"{SERVICE}DecisionService/ListDecisions": service_pb.ListDecisionsRequest(),
    f"{SERVICE}DecisionService/ReplayDecision": service_pb.ReplayDecisionRequest(
        decision_id=DECISION
    ),
    f"{SERVICE}RulesetService/ListRulesets": rules_pb.ListRulesetsRequest(),
    f"{SERVICE}RulesetService/ListReleases": rules_pb.ListReleasesRequest(),
    f"{SERVICE}RulesetService/GetRelease": rules_pb.GetReleaseRequest(digest=RELEASE),
    f"{SERVICE}RulesetService/ConfirmRelease": rules_pb.ConfirmReleaseRequest(digest=RELEASE),
    f"{SERVICE}RulesetService/DeclineRelease": rules_pb.DeclineReleaseRequest(digest=RELEASE),
    f"{SERVICE}RulesetService/RevertRelease": rules_pb.RevertReleaseRequest(position=1),
    f"{SERVICE}RulesetService/GetRuleset": rules_pb.GetRulesetRequest(product=PRODUCT),
    f"{SERVICE}RulesetService/ValidateRuleset": rules_pb.ValidateRulesetRequest(product=PRODUCT),
    f"{SERVICE}RulesetService/EvaluateRuleset": rules_pb.EvaluateRulesetRequest(product=PRODUCT),
}


async def test_the_docs_describe_every_metric_and_no_other(tmp_path: Path) -> None:
    """The table of docs/watch.md has each name that `/metrics` shows, and it shows each."""
    async with (
        running(tmp_path, webhook_secrets="a secret of tests") as live,
        httpx2.AsyncClient() as client,
    ):
        text = (await client.get(f"{live.service.http.admin}/metrics")).text
    shown = re.findall(r"^# TYPE (?:decision_service_)?(\S+)", text, re.MULTILINE)
    page = (ROOT / "docs" / "watch.md").read_text("utf-8")
    table = page.partition("## Metrics")[2].partition("\n#")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(shown) == sorted(re.findall(r"`(\w+)`", " ".join(rows)))


async def test_metrics_say_what_runs_and_that_it_serves(shared: Running) -> None:
    """Version, commit and Python; 1 while SERVING; each alarm; figures of the process."""
    seen = await metrics(shared)
    [build] = [name for name in seen if name.startswith("decision_service_build_info")]
    assert re.search(rf'commit="([\w.]+)",python="{platform.python_version()}"', build)
    assert f'version="{__version__}"' in build
    assert seen["decision_service_serving"] == 1
    assert seen["process_resident_memory_bytes"] > 0
    counted = {f'decision_service_alarms_total{{alarm="{alarm}"}}' for alarm in Alarm}
    assert counted <= seen.keys()
    assert "decision_service_certificate_expiry_timestamp_seconds" not in seen


async def test_each_call_is_counted_logged_once_and_found_by_its_ids(
    live: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision shows in the metrics and in one line, with its ids and without its user."""
    lines = captured(monkeypatch, access_log, error_map)
    trace = "0af7651916cd43dd8448eb211c80319c"
    ids = (("x-request-id", "los-7"), ("traceparent", f"00-{trace}-b7ad6b7169203331-01"))
    request = create(GEORGE)
    call = live.stub.CreateDecision(request, metadata=ids)
    decision = (await call).decision
    assert dict(await call.trailing_metadata())["x-request-id"] == "los-7"
    await live.stub.CreateDecision(request)
    seen = await metrics(live)
    prefix = "decision_service_"
    labels = f'arm="{decision.assignment.arm}",outcome="APPROVE",product="{PRODUCT}"'
    made = f"{prefix}decisions_total{{{labels}}}"
    assert seen[made] == 1
    assert seen[f'{prefix}calls_total{{code="OK",method="CreateDecision"}}'] == 2
    assert seen[f'{prefix}call_seconds_count{{method="CreateDecision"}}'] == 2
    assert seen[f"{prefix}upstream_requests_total"] >= 5
    assert seen[f"{prefix}store_group_size_sum"] == 1
    digest = decision.ruleset_ref.digest
    version = decision.ruleset_ref.version
    rules = f'rules_info{{digest="{digest}",product="{PRODUCT}",version="{version}"}}'
    assert seen[prefix + rules] == 1
    [line, _] = [line for line in lines if line["event"] == "call"]
    assert (line["method"], line["code"], line["caller"]) == ("CreateDecision", "OK", "anonymous")
    assert (line["call_id"], line["trace_id"]) == ("los-7", trace)
    assert (line["request_id"], line["decision_id"]) == (request.request_id, decision.decision_id)
    assert line["user"] == live.service.core.deps.user_hash(GEORGE)
    assert GEORGE not in str(lines)
    await _reasons_and_causes_are_counted(live, decision)


async def _reasons_and_causes_are_counted(live: Running, first: Decision) -> None:
    """Each reason's code, and each cause once a decision however many factors it takes away."""
    wanted = Counter[str]()
    create_decision, people = live.stub.CreateDecision, sandbox_people()
    made = [(await create_decision(create(person.user_id))).decision for person in people]
    for decision in (first, *made):
        wanted.update(f'reasons_total{{code="{one.code}"' for one in decision.reasons)
        causes = {one.cause.cause for one in decision.data_requests}
        wanted.update(f'missing_total{{cause="{cause}"' for cause in causes)
    seen = await metrics(live)
    prefix, suffix = "decision_service_decision_", f',product="{PRODUCT}"}}'
    assert {name.partition("{")[0] for name in wanted} == {"reasons_total", "missing_total"}
    assert {name: seen.get(f"{prefix}{name}{suffix}") for name in wanted} == wanted


async def test_a_reply_names_its_decision_and_the_version_that_decided(shared: Running) -> None:
    """Trailers of CreateDecision, repeated or not, and of GetDecision say both, in either view."""
    request = create(GEORGE)
    first = shared.stub.CreateDecision(request)
    decision = (await first).decision
    named = {
        "x-decision-id": decision.decision_id,
        "x-ruleset-version": str(decision.ruleset_ref.version),
    }
    read = service_pb.GetDecisionRequest(decision_id=decision.decision_id)
    for call in (first, shared.stub.CreateDecision(request), shared.stub.GetDecision(read)):
        await call
        assert dict(await call.trailing_metadata()) == named


async def test_health_over_http_follows_health_over_grpc(live: Running) -> None:
    """/healthz is 503 while no decision is taken; liveness stays, also while draining."""
    stub: Any = health_pb2_grpc.HealthStub(live.channel)
    asked = {name: health_pb2.HealthCheckRequest(service=name) for name in ("", "liveness")}
    async with httpx2.AsyncClient() as client:
        url = live.service.http.admin
        assert (await client.get(f"{url}/healthz")).status_code == 200
        live.service.rpc.health.set(["store: the disk is full"])
        told = await client.get(f"{url}/healthz")
        assert (told.status_code, told.text) == (503, "NOT_SERVING\nstore: the disk is full\n")
        assert (await stub.Check(asked[""])).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await client.get(f"{url}/livez")).status_code == 200
        assert (await client.get(f"{live.service.http_url}/other")).status_code == 404
    live.service.rpc.health.stop()
    assert (await stub.Check(asked["liveness"])).status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("method", sorted(REQUESTS))
async def test_a_bug_shows_an_incident_id_and_nothing_else(
    shared: Running, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Whatever a method fails with, its client learns an id, and the log no value."""
    lines = captured(monkeypatch, access_log, error_map)
    for name in ("look_up", "get", "list", "text", "last_texts", "releases"):
        monkeypatch.setattr(Store, name, _broken)
    monkeypatch.setattr(ValidateRules, "__call__", _broken)
    monkeypatch.setattr("decision_service.server.services.rulesets._trial", _broken_now)
    if method.endswith("ListRulesets"):
        monkeypatch.setattr(ActiveRules, "status", property(_broken_now))
    with pytest.raises(grpc.RpcError) as error:
        await shared.channel.unary_unary(method)(REQUESTS[method].SerializeToString())
    told = refusal(error.value)
    assert told.code is grpc.StatusCode.INTERNAL
    [incident] = [line for line in lines if line["event"] == "incident"]
    assert dict(told.info.metadata) == {"incident": incident["incident"]}
    assert re.search(told.info.metadata["incident"], told.message)
    assert incident["error"] == "ValueError"
    for text in (str(lines), told.message, str(told.info), str(error.value.trailing_metadata())):
        assert CANARY not in text


def test_each_method_has_its_bug() -> None:
    """The test above covers every method of the services that decide and that show rules."""
    ours = ("DecisionService/", "RulesetService/")
    assert set(REQUESTS) == {m for m in METHODS if m.removeprefix(SERVICE).startswith(ours)}


async def test_a_background_task_that_keeps_failing_shows_in_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a task is unwell the service says NOT_SERVING and why, and SERVING afterwards."""
    monkeypatch.setattr(upkeep, "HEALTH_SECONDS", 0.02)
    failed = "task rules: it has failed three times in a row, and is started again"
    async with running(tmp_path) as live:
        for unwell, reasons in (("rules",), (failed,)), ((), ()):
            monkeypatch.setattr(Supervisor, "unwell", unwell)
            await until(lambda reasons=reasons: live.service.rpc.health.reasons == reasons)


async def _broken(*_: object, **__: object) -> None:
    await asyncio.sleep(0)
    raise ValueError(CANARY)


def _broken_now(*_: object, **__: object) -> None:
    raise ValueError(CANARY)


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


PIPE_BYTES = 4096

CALLS = 100

"""Their lines are more than the pipe takes."""


@pytest.mark.long
def test_an_unread_log_holds_up_neither_calls_nor_the_stop(tmp_path: Path) -> None:
    """With the pipe of the log full, calls are answered and the process ends in order."""
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    unread = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(unread, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    with serving(tmp_path, fifo) as process:
        with grpc.insecure_channel(process.address) as channel:
            stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
            for _ in range(CALLS):
                stub.ListDecisions(service_pb.ListDecisionsRequest(), timeout=10)
            stub.CreateDecision(create(sandbox_people()[0].user_id), timeout=10)
        assert process.terminate() == 0
    assert os.read(unread, 2 * PIPE_BYTES).count(b"ListDecisions") < CALLS
    os.close(unread)
