"""JSON over HTTP by the service itself: the same callers, limits, deadlines and errors as gRPC."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import ssl
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from jsonschema import Draft202012Validator

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.runtime.gone import RPCS
from decision_service.server.transport.grpc import SERVICES
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.browser import PHONE, browser, opened
from tests.e2e.page import CALLERS
from tests.e2e.service import ROOT, Running, at_vendor, create, running
from tests.e2e.team import Team
from tests.kits.cases import until

PACKAGE = "/decision_service.api.v1."
CREATE = "DecisionService/CreateDecision"
LIST = "DecisionService/ListDecisions"
RYAN = sandbox_people()[1].user_id
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # of no use, but its making takes time
JSON = {"content-type": "application/json"}
DETAILS = {"google.rpc.ErrorInfo": ErrorInfo, "google.rpc.BadRequest": BadRequest}
DETAILS["google.rpc.RetryInfo"] = RetryInfo


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's status, JSON and headers."""

    status: int
    content: Any
    headers: Mapping[str, str]

    def detail(self, kind: str) -> Any:
        """The one detail of a kind, read from its bytes."""
        name = f"google.rpc.{kind}"
        [value] = [one["value"] for one in self.content["details"] if one["type"] == name]
        return DETAILS[name].FromString(base64.b64decode(value + "=" * (-len(value) % 4)))


async def post(live: Running, method: str, body: Any, /, **headers: str) -> Answer:
    """Call a method; what is no text or bytes is sent as JSON."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    sent = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx2.AsyncClient(base_url=live.service.http_url, timeout=30, verify=TLS) as client:
        answer = await client.post(PACKAGE + method, content=content, headers=sent)
    return Answer(answer.status_code, answer.json(), answer.headers)


def application(**changes: Any) -> dict[str, Any]:
    """A good application in JSON, changed."""
    return {**MessageToDict(create(RYAN)), **changes}


async def test_a_decision_is_the_same_over_both(shared: Running) -> None:
    """A repeated request id is answered as it was; int64 are text; ids come back in headers."""
    body = application(requestId="j-1", customerRef="c-1")
    assert body["requestedAmount"]["units"] == "20000"
    made = await post(shared, CREATE, body, x_request_id="r-1")
    assert (made.status, made.content["decision"]["outcome"]) == (200, "OUTCOME_DECLINE")
    assert made.headers["trailer-x-request-id"] == "r-1"
    assert made.headers["trailer-x-decision-id"] == made.content["decision"]["decisionId"]
    assert (await post(shared, CREATE, body)).content == made.content
    again = await shared.stub.CreateDecision(create(RYAN, request_id="j-1", customer_ref="c-1"))
    full = MessageToDict(again, always_print_fields_with_no_presence=True)
    assert full == made.content
    other = await post(shared, CREATE, body | {"requestedTermMonths": 7})
    assert (other.status, other.detail("ErrorInfo").reason) == (409, "REQUEST_ID_REUSED")
    listed = await post(shared, LIST, {"user_id": RYAN, "pageSize": 1})
    assert listed.content["decisions"][0]["decisionId"] == made.content["decision"]["decisionId"]


UNREADABLE = [
    ({"requestedAmount": 20000}, "requestedAmount", "must be an object, such as"),
    ({"requestedAmount": {"currency": "PHP"}}, "requestedAmount.currency", "is no field of Money"),
    ({"\ud800\u202e": 1}, "?\\u202e", "is no field"),
    ([], "body", "must be an object"),
    ("", "body", "is not JSON: Expecting value at line 1, column 1"),
]


@pytest.mark.parametrize(("body", "field", "why"), UNREADABLE)
async def test_a_body_is_refused_by_what_is_wrong_with_it(
    shared: Running, body: Any, field: str, why: str
) -> None:
    """As over gRPC; the sentences are in tests/cases/server/json_messages.yaml."""
    answer = await post(shared, CREATE, body)
    assert (answer.status, answer.content["code"]) == (400, "invalid_argument")
    assert why in answer.content["message"]
    assert answer.detail("ErrorInfo").metadata["field"] == field
    violations = answer.detail("BadRequest").field_violations
    assert any(one.field == field and why in one.description for one in violations)


async def test_all_wrong_fields_are_named_at_once(shared: Running) -> None:
    """Two unknown ones and one that cannot be read."""
    answer = await post(shared, CREATE, {"a": 1, "b": 2, "requestedTermMonths": "six"})
    fields = [one.field for one in answer.detail("BadRequest").field_violations]
    assert fields == ["a", "b", "requestedTermMonths"]
    shown = {one["type"]: one["debug"] for one in answer.content["details"]}
    assert shown["google.rpc.ErrorInfo"]["reason"] == "FIELD_INVALID"


@pytest.mark.parametrize(
    ("method", "body", "headers", "status", "code", "why"),
    [
        (LIST, " " * 140_000, {}, 413, "resource_exhausted", "larger than 128 KiB"),
        (LIST, {"userId": "x" * 66_000}, {}, 413, "resource_exhausted", "its message than 64"),
        (LIST, {}, {"content_type": "text/plain"}, 415, "invalid_argument", "content-type"),
        (LIST, {}, {"connect_timeout_ms": "soon"}, 400, "invalid_argument", "Connect-Timeout-Ms"),
        ("DecisionService/Guess", {}, {}, 501, "unimplemented", "DecisionService/Guess"),
        ("GuessService/Guess", {}, {}, 501, "unimplemented", "GuessService/Guess"),
        *(
            (name.replace(".", "/"), {}, {}, 501, "unimplemented", why)
            for name, why in RPCS.items()
        ),
    ],
)
async def test_what_is_no_call_is_refused(
    shared: Running,
    method: str,
    body: Any,
    headers: dict[str, str],
    status: int,
    code: str,
    why: str,
) -> None:
    """Before any method sees it, without details, as over gRPC."""
    answer = await post(shared, method, body, **headers)
    assert (answer.status, answer.content["code"]) == (status, code)
    assert why in answer.content["message"]
    assert answer.content["details"] == []


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.example:80", "10.0.0.9", "[::1"])
async def test_a_name_that_is_not_the_services_is_refused(shared: Running, host: str) -> None:
    """A browser that a foreign name leads here calls by that name; the sentence has the setting."""
    answer = await post(shared, LIST, {}, host=host)
    assert (answer.status, answer.content["code"]) == (421, "invalid_argument")
    assert "add the name to DECISION_HTTP_HOSTS" in answer.content["message"]
    for own in ("localhost", "127.0.0.1:9", "[::1]:80", "LOCALHOST"):
        assert (await post(shared, LIST, {}, host=own)).status == 200


async def test_an_operator_names_further_hosts(tmp_path: Path) -> None:
    """Those of a proxy that hands on the name by which it was called."""
    async with running(tmp_path, http_hosts="Decisions.lender.example, other.example") as live:
        for host in ("decisions.lender.example", "other.example:8443"):
            assert (await post(live, LIST, {}, host=host)).status == 200
        assert (await post(live, LIST, {}, host="third.example")).status == 421


async def test_the_deadline_of_the_header_is_the_calls(shared: Running) -> None:
    """Too little time is refused, by what decides and by what only reads."""
    for method, body in ((CREATE, application()), (LIST, {})):
        answer = await post(shared, method, body, connect_timeout_ms="0")
        assert (answer.status, answer.content["code"]) == (504, "deadline_exceeded")
        assert answer.detail("ErrorInfo").reason == "DEADLINE_EXCEEDED"


async def test_callers_and_roles_are_those_of_grpc(guarded: Running, staff: Team) -> None:
    """Without a token, with one that is unknown, with two; and without the role."""
    origination, auditor = (f"Bearer {staff.tokens[name]}" for name in ("one", "read"))
    for headers in ({}, {"authorization": "Bearer dst_no"}):
        answer = await post(guarded, CREATE, {"unknown": 1}, **headers)
        assert (answer.status, answer.content["code"]) == (401, "unauthenticated")
        assert answer.detail("ErrorInfo").reason == "UNAUTHENTICATED"
    async with httpx2.AsyncClient(base_url=guarded.service.http_url, verify=TLS) as client:
        twice = [("authorization", origination), ("authorization", origination), *JSON.items()]
        assert (await client.post(PACKAGE + LIST, json={}, headers=twice)).status_code == 401
    for body in (application(), {"unknown": 1}):
        answer = await post(guarded, CREATE, body, authorization=auditor)
        assert (answer.status, answer.content["code"]) == (403, "permission_denied")
    made = await post(guarded, CREATE, application(), authorization=origination)
    assert made.status == 200
    seen = await guarded.stub.GetDecision(
        service_pb.GetDecisionRequest(decision_id=made.content["decision"]["decisionId"]),
        metadata=(("authorization", auditor),),
    )
    assert seen.decision.request_id == made.content["decision"]["requestId"]
    text = guarded.service.core.metrics.text().decode()
    calls = [line for line in text.splitlines() if 'method="CreateDecision"' in line]
    for code in ("OK", "UNAUTHENTICATED", "PERMISSION_DENIED"):
        assert any(f'code="{code}"' in line for line in calls)


async def test_no_body_of_an_unknown_caller_is_waited_for(guarded: Running) -> None:
    """It is refused by its head alone."""
    host, _, port = guarded.service.http_url.rpartition("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {PACKAGE}{CREATE} HTTP/1.1\r\nhost: [::1]\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: 9\r\n\r\n".encode())
    assert b"401" in await reader.readline()
    writer.close()


async def test_a_call_ends_when_its_client_leaves(tmp_path: Path) -> None:
    """It is logged as cancelled and leaves its place; the call may take longer than a request."""
    async with at_vendor(tmp_path, Fault("slow", settings={"seconds": 30})) as (live, _):
        call = asyncio.create_task(post(live, CREATE, application()))
        await until(lambda: live.service.core.deps.limits.work.working == 1)
        call.cancel()
        await until(lambda: live.service.core.deps.limits.work.working == 0)
        metrics = live.service.core.metrics
        await until(lambda: 'code="CANCELLED"' in metrics.text().decode())


async def test_calls_in_progress_may_finish_while_the_service_stops(tmp_path: Path) -> None:
    """New ones are refused as over gRPC, to be repeated elsewhere."""
    async with at_vendor(tmp_path, Fault("slow", settings={"seconds": 0.3}), drain_grace="5s") as (
        live,
        _,
    ):
        call = asyncio.create_task(post(live, CREATE, application()))
        await until(lambda: live.service.core.deps.limits.work.working == 1)
        ending = asyncio.create_task(live.service.rpc.stop(0.0, 5.0))
        await asyncio.sleep(0)
        await until(lambda: live.service.rpc.health.stopping)
        refused = await post(live, LIST, {})
        assert (refused.status, refused.detail("ErrorInfo").reason) == (503, "DRAINING")
        assert (await call).status == 200
        await ending


@cache
def document() -> dict[str, Any]:
    """docs/openapi.yaml, read where it is needed."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    return read


def differences(schema: dict[str, Any], value: Any) -> list[str]:
    """Where a JSON value is not as a schema of the document says."""
    validator = Draft202012Validator(schema | {"components": document()["components"]})
    return [f"{one.json_path}: {one.message[:200]}" for one in validator.iter_errors(value)]


def body_of(described: dict[str, Any]) -> dict[str, Any]:
    """The schema of a request or an answer."""
    schema: dict[str, Any] = described["content"]["application/json"]["schema"]
    return schema


async def test_the_document_has_every_method_and_its_answers(shared: Running) -> None:
    """An empty request is answered, or refused, as it says; its schemas are schemas."""
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    known = {
        f"/{service}/{method.name}"
        for service in SERVICES
        for method in Default().FindServiceByName(service).methods
    }
    assert document()["paths"].keys() == known
    for path, operation in document()["paths"].items():
        answer = await post(shared, path.removeprefix(PACKAGE), {})
        said = operation["post"]["responses"]["200" if answer.status == 200 else "default"]
        assert differences(body_of(said), answer.content) == [], path
        assert answer.status == 200 or answer.detail("ErrorInfo").domain, path
        assert answer.status not in (500, 501), path


def filled(kind: Any) -> Any:
    """A message with every field set, of alternatives the last one."""
    message = GetMessageClass(kind)()
    for field in kind.fields:
        if field.message_type and field.message_type.GetOptions().map_entry:
            inner, entries = (
                field.message_type.fields_by_name["value"],
                getattr(message, field.name),
            )
            if inner.message_type:
                entries["key"].CopyFrom(filled(inner.message_type))
            else:
                entries["key"] = "1"
        elif field.message_type:
            inner = filled(field.message_type)
            place = getattr(message, field.name)
            (place.add() if field.is_repeated else place).CopyFrom(inner)
        else:
            value = "1" if field.type == FieldDescriptor.TYPE_STRING else 1
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
    return message


async def test_every_field_of_a_request_is_known(shared: Running) -> None:
    """To the document and to the service, by both of its names."""
    for service in SERVICES:
        for method in Default().FindServiceByName(service).methods:
            path = f"/{service}/{method.name}"
            described = body_of(document()["paths"][path]["post"]["requestBody"])
            for proto_names in (False, True):
                body = MessageToDict(
                    filled(method.input_type), preserving_proto_field_name=proto_names
                )
                assert proto_names or differences(described, body) == [], path
                answer = await post(shared, path.removeprefix(PACKAGE), body)
                assert "is no field" not in answer.content.get("message", ""), path
                assert "in double quotes" not in answer.content.get("message", ""), path
                assert "must be an object" not in answer.content.get("message", ""), path


READ_ALONE = {
    *("recourse", "review", "incomeMonths", "outcomeInForce", "approvedAmountInForce"),
}


@pytest.mark.parametrize("person", sandbox_people(), ids=lambda person: person.name)
async def test_decisions_are_as_the_document_says(shared: Running, person: Any) -> None:
    """With all factors and traces; read again and replayed they are the same."""
    view = {"view": "DECISION_VIEW_FULL"}
    made = await post(shared, CREATE, application(userId=person.user_id) | view)
    one = {"decisionId": made.content["decision"]["decisionId"], **view}
    read = await post(shared, "DecisionService/GetDecision", one)
    replayed = await post(shared, "DecisionService/ReplayDecision", one)
    kept = {k: v for k, v in read.content["decision"].items() if k not in READ_ALONE}
    created = {k: v for k, v in made.content["decision"].items() if k not in READ_ALONE}
    assert created == kept
    assert replayed.content["differingFields"] == []
    for name, answer in (("Create", made), ("Get", read), ("Replay", replayed)):
        schema = {"$ref": f"#/components/schemas/{name}DecisionResponse"}
        assert differences(schema, answer.content) == []


async def run(live: Running, command: list[str], folder: Path) -> tuple[int, str]:
    """The exit code and the output of a program of the page, called at a service."""
    process = await asyncio.create_subprocess_exec(
        *command, live.service.http_url, cwd=folder, stdout=PIPE, stderr=STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.parametrize("language", ["python", "js"])
async def test_the_programs_of_the_page_decide_and_read_errors(
    shared: Running, language: str, tmp_path: Path
) -> None:
    """As they are printed: a decline, wrong fields from BadRequest, a pause from RetryInfo."""
    program, *command = {
        "python": ("decide_json.py", sys.executable),
        "js": ("decide_json.mjs", "node"),
    }[language]
    if language == "js":
        libraries = ROOT / "clients" / "node" / "node_modules"
        if not (libraries / "protobufjs").is_dir() or shutil.which("node") is None:
            pytest.skip("there is no protobufjs: `make client-packages` installs it")
        (tmp_path / "node_modules").symlink_to(libraries)
        (tmp_path / "protos").symlink_to(ROOT / "protos")
    (tmp_path / program).write_text(CALLERS.program("JSON over HTTP", language))
    command.append(program)
    code, out = await run(shared, [*command, RYAN], tmp_path)
    assert (code, "OUTCOME_DECLINE dec_" in out) == (0, True), out
    assert "- Too few months with income on record" in out
    code, out = await run(shared, [*command, "no such person!"], tmp_path)
    assert (code, out.splitlines()[1:]) == (1, ["reason FIELD_INVALID", "fields user_id"])
    async with at_vendor(tmp_path, smile_api_secret="another") as (live, _):
        code, out = await run(live, [*command, RYAN], tmp_path)
        assert out.splitlines()[1:] == ["reason UPSTREAM_UNAVAILABLE", "again in 60 s"]


async def test_the_curl_lines_of_the_page_run(live: Running, tmp_path: Path) -> None:
    """A decline with its reasons, in the list as it was answered; and a dry run."""

    async def curl(word: str) -> Any:
        line = CALLERS.commands("JSON over HTTP", word)
        assert "http://127.0.0.1:8080" in line
        line = line.replace("http://127.0.0.1:8080", live.service.http_url)
        process = await asyncio.create_subprocess_shell(line, stdout=PIPE, cwd=tmp_path)
        out, _ = await process.communicate()
        return json.loads(out)

    made = (await curl("curl-1"))["decision"]
    assert (made["requestId"], made["outcome"]) == ("curl-1", "OUTCOME_DECLINE")
    assert (await curl("curl-1"))["decision"] == made
    listed = (await curl("pageSize"))["decisions"]
    made = {k: v for k, v in made.items() if k not in READ_ALONE}
    assert made in [{k: v for k, v in one.items() if k not in READ_ALONE} for one in listed]
    tried = (await curl("EvaluateRuleset"))["decision"]
    assert (tried["outcome"], tried["rulesetRef"]["version"]) == ("OUTCOME_APPROVE", 2)


async def test_the_embedded_mode_has_an_explorer(shared: Running) -> None:
    """Every call and message is on the page; what it leads to is there, without another host."""
    async with httpx2.AsyncClient(base_url=shared.service.http_url, verify=TLS) as client:
        page = await client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        for path in document()["paths"]:
            assert f'data-path="{path}"' in page.text
        anchors = set(re.findall(r' id="([^"]+)"', page.text))
        assert set(re.findall(r'href="#([^"]+)"', page.text)) <= anchors
        linked = set(re.findall(r'(?:href|src)="([^"#][^"]*)"', page.text)) - {"data:,"}
        assert {"/docs/openapi.yaml", "/docs/callers.md"} <= linked
        assert any(link.endswith("/healthz") for link in linked)
        for link in linked:
            assert link.startswith(("/", shared.service.http.admin))
            assert (await client.get(link)).status_code == 200, link
        for name in ("/docs/..%2fpyproject.toml", "/docs/none.md", "/explorer/connect.html"):
            assert (await client.get(name)).status_code == 404


@browser
async def test_the_explorer_fits_a_phone(shared: Running) -> None:
    """Nothing is wider than the page, with every call opened."""
    async with opened(f"{shared.service.http_url}/", size=PHONE) as page:
        await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


async def test_other_verbs_are_refused(shared: Running) -> None:
    """A page of a browser can make no call."""
    async with httpx2.AsyncClient(base_url=shared.service.http_url) as client:
        for verb in ("GET", "PUT", "OPTIONS"):
            assert (await client.request(verb, PACKAGE + LIST)).status_code == 405
