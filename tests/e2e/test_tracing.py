"""What leaves the process: the spans of a decision, and nothing of a person."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx2
import pytest
from google.protobuf.json_format import MessageToDict
from google.type.money_pb2 import Money as MoneyMessage
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id

from decision_service.api.v1 import applicant_service_pb2 as people_pb
from decision_service.api.v1 import (
    applicant_service_pb2_grpc,
    decision_service_pb2_grpc,
    notice_service_pb2_grpc,
    outcome_service_pb2_grpc,
    review_service_pb2_grpc,
    rollout_service_pb2_grpc,
    ruleset_service_pb2_grpc,
    values_pb2,
)
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1 import rollout_service_pb2 as rollout_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.runtime.config import load
from decision_service.runtime.telemetry import UserHash
from decision_service.server.transport import interceptors as access_log
from decision_service.server.transport import otel as delivery
from decision_service.server.transport.otel import instrumentation
from decision_service.smile.events import PATH, signature
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.e2e.collector import collecting, values
from tests.e2e.process import Process, clean_environ, serving
from tests.e2e.service import PRODUCT, at_vendor, create, outcome, running
from tests.e2e.team import Metadata, Team, bearer
from tests.fakes.observed import captured
from tests.kits.cases import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PEOPLE = sandbox_people()

GEORGE = PEOPLE[0].user_id

CREATE = "decision_service.api.v1.DecisionService/CreateDecision"

TRACE = "0af7651916cd43dd8448eb211c80319c"

PARENT = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)

PERSONAL = [word for one in PEOPLE for word in (one.user_id, one.name, one.email, one.phone)]

OURS = ["customer-canary", "application-canary", "20000", "20,000"]


class Recorded:
    """Spans kept in memory, and the instrumentation that makes them."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.instrumentation = instrumentation(provider)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def below(self, name: str) -> list[str]:
        """The names of the spans directly below the one with this name, in the order of begin."""
        [parent] = [one.context.span_id for one in self.spans if one.name.strip("/") == name]
        inner = [one for one in self.spans if one.parent and one.parent.span_id == parent]
        return [one.name for one in sorted(inner, key=lambda one: one.start_time or 0)]


def texts(spans: Sequence[ReadableSpan]) -> Iterator[str]:
    """Everything that the spans say."""
    for span in spans:
        yield f"{span.name} {dict(span.attributes)} {span.status.description}"
        yield from (f"{event.name} {dict(event.attributes)}" for event in span.events)


async def test_a_decision_is_a_tree_of_spans_in_its_callers_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Call, decide, gather with each vendor request, factors, evaluate, commit; nobody's data."""
    lines, recorded = captured(monkeypatch, access_log), Recorded()
    request = create(
        GEORGE,
        customer_ref="customer-canary",
        application_id="application-canary",
        view=pb.DECISION_VIEW_FULL,
    )
    async with at_vendor(tmp_path, instrumentation=recorded.instrumentation) as (live, vendor):
        decision = (await live.stub.CreateDecision(request, metadata=PARENT)).decision
    assert recorded.below(CREATE) == ["decide"]
    assert recorded.below("decide") == ["gather", "factors", "evaluate", "commit"]
    asked = recorded.below("gather")
    assert asked[0] == "GET /accounts"
    assert len(asked) == len([one for one in vendor.meter.calls if GEORGE in one.query])
    assert {format_trace_id(one.context.trace_id) for one in recorded.spans} == {TRACE}
    [decide] = [one for one in recorded.spans if one.name == "decide"]
    assert dict(decide.attributes) == {
        "decision.id": decision.decision_id,
        "decision.product": PRODUCT,
        "decision.version": decision.ruleset_ref.version,
        "decision.arm": decision.assignment.arm,
        "decision.outcome": outcome(decision),
    }
    [accounts] = [one for one in recorded.spans if one.name == "GET /accounts"]
    assert accounts.kind is SpanKind.CLIENT
    assert dict(accounts.attributes) == {
        "http.request.method": "GET",
        "url.template": "/accounts",
        "server.address": "127.0.0.1",
        "http.response.status_code": 200,
    }
    told = "\n".join(texts(recorded.spans))
    assert [word for word in (*PERSONAL, *OURS) if word and word in told] == []
    assert [line["trace_id"] for line in lines if line["event"] == "call"] == [TRACE]


async def test_an_error_ends_its_spans_without_a_word_of_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown user shows as classes and codes; a repeated decision is one span; health none."""
    lines, recorded = captured(monkeypatch, access_log), Recorded()
    async with running(tmp_path, recorded.instrumentation) as live:
        for request in (create("juana-canary"), create(GEORGE, product="canary")):
            with pytest.raises(grpc.RpcError):
                await live.stub.CreateDecision(request)
        told = "\n".join(texts(recorded.spans))
        failed = {one.name: one for one in recorded.spans if one.status.status_code.value == 2}
        made = len(recorded.spans)
        again = create(GEORGE)
        await live.stub.CreateDecision(again)
        first = len(recorded.spans)
        await live.stub.CreateDecision(again)
        assert len(recorded.spans) == first + 1
    assert "canary" not in told
    assert {"gather", "decide"} <= failed.keys()
    assert failed["gather"].attributes["error.type"] == "UserUnknown"
    assert failed["decide"].status.status_code is StatusCode.ERROR
    assert made < first
    traces = {format_trace_id(one.context.trace_id) for one in recorded.spans}
    assert {line["trace_id"] for line in lines if line["event"] == "call"} == traces


async def test_a_json_call_has_the_spans_of_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its caller's trace and by the same name; an unknown path has none."""
    lines, recorded = captured(monkeypatch, access_log), Recorded()
    async with (
        running(tmp_path, recorded.instrumentation) as live,
        httpx2.AsyncClient(base_url=live.service.http_url, headers=PARENT) as client,
    ):
        made = await client.post(f"/{CREATE}", json=MessageToDict(create(GEORGE)))
        await client.post(f"/{CREATE}canary", json={})
    assert made.status_code == 200
    assert recorded.below(CREATE) == ["decide"]
    assert {format_trace_id(one.context.trace_id) for one in recorded.spans} == {TRACE}
    assert "canary" not in "\n".join(texts(recorded.spans))
    assert [line["trace_id"] for line in lines if line["event"] == "call"] == [TRACE]


ON = {"opentelemetry": "true"}

SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "20",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
}


def point_at(monkeypatch: pytest.MonkeyPatch, url: str, **variables: str) -> None:
    """Set the standard variables."""
    for name, value in (SOON | {"OTEL_EXPORTER_OTLP_ENDPOINT": url} | variables).items():
        monkeypatch.setenv(name, value)


async def test_a_collector_gets_the_spans_of_a_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over OTLP, by the standard variables alone; with who sends it, and nothing of the person."""
    with collecting() as collector:
        point_at(monkeypatch, collector.url, OTEL_SERVICE_NAME="loans")
        async with running(tmp_path, **ON) as live:
            decision = (await live.stub.CreateDecision(create(GEORGE))).decision
            await until(lambda: "decide" in collector.spans)
    spans = collector.spans
    assert {"gather", "factors", "evaluate", "commit", "GET /accounts"} <= spans.keys()
    assert spans["commit"].parent_span_id == spans["decide"].span_id
    told = values(spans["decide"].attributes)
    assert told["decision.id"] == decision.decision_id
    assert collector.resource["service.name"] == "loans"
    assert GEORGE not in collector.text


@contextmanager
def nobody() -> Iterator[str]:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def silent() -> Iterator[str]:
    """A port where somebody listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.long
@pytest.mark.parametrize("place", [nobody, silent])
async def test_a_collector_that_takes_nothing_costs_one_line_and_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object
) -> None:
    """Decisions go on, and that spans are dropped is said once."""
    lines = captured(monkeypatch, delivery)
    with place() as url:
        point_at(monkeypatch, url, OTEL_BSP_MAX_QUEUE_SIZE="5", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="5")
        async with running(tmp_path, **ON) as live:
            for _ in range(5):
                await live.stub.CreateDecision(create(GEORGE), timeout=5)
            await until(lambda: lines)
    assert [line["event"][:35] for line in lines] == ["the collector does not take spans, w"[:35]]


_, RYAN, CHRISTINA, ANISHA = (person.user_id for person in PEOPLE)

DESK = ("onboard_all", "rollout", "read", "decide", "review", "outcomes", "subject_access")

WEBHOOK = "webhook-canary-b3d9"

KEY, SECRET, HASH_KEY = "key-canary-7d1f", "secret-canary-91ab", "hash-key-canary-5c0e"

NAME, EMAIL, PHONE, EMPLOYER = (
    "Juana dela Cruz",
    "juana@canary.example",
    "+639170001234",
    "Kanaryo Freight Corporation",
)

ASKED = MoneyMessage(currency_code="PHP", units=187_654, nanos=320_000_000)

MOTHER, BORN = "Kanaryana", "1903-07-19"

APPLICANT = service_pb.ApplicantDetails(
    name=f"{NAME} {MOTHER}", birth_date=BORN, phone=PHONE, email=EMAIL
)

CANARIES = (
    *(MOTHER, MOTHER.lower(), BORN),
    *(NAME, "Juana", EMAIL, PHONE, EMPLOYER, "Kanaryo"),
    *("187654.32", "18765432", "187,654", "48151.62", "4815162", "48,151"),
    *(person.user_id for person in PEOPLE),
    *(word for person in PEOPLE for word in (person.name, person.email, person.phone)),
)

PLANTED = (
    Fault("set", path="/identities", settings={"field": "fullName", "value": NAME}),
    Fault("set", path="/employments", settings={"field": "employer", "value": EMPLOYER}),
    Fault("set", path="/eincomes", settings={"field": "amount", "value": 48151.62}),
    Fault("set", path="/eincomes", user=RYAN, settings={"field": "currency", "value": NAME}),
    Fault("set", path="/liabilities", user=RYAN, settings={"field": "type", "value": EMAIL}),
    Fault("set", path="/eincomes", user=CHRISTINA, settings={"field": "month", "value": PHONE}),
    Fault("other_user", path="/eincomes", user=ANISHA, settings={"user_id": GEORGE}),
)


def decisions() -> Iterator[Any]:
    """Applications that are decided, or fail: unreadable data, another user's data, nobody."""
    for user_id in (GEORGE, RYAN, CHRISTINA, ANISHA, "juana-dela-cruz-canary"):
        yield create(user_id, requested_amount=ASKED, view=pb.DECISION_VIEW_FULL)
        yield create(user_id, applicant=APPLICANT)
    yield create(NAME)
    yield create(GEORGE, applicant={"name": f"{NAME} {MOTHER} " * 500, "birth_date": f"{BORN}x"})
    yield create(GEORGE, customer_ref=f"\x00{NAME}", application_id="x" * 300)
    yield create(GEORGE, product=f"{NAME}!")
    yield create(GEORGE, inputs={NAME: values_pb2.InputValue(text=EMAIL)})
    yield create(GEORGE, inputs={"customer_type": values_pb2.InputValue(text=EMPLOYER)})
    yield create(GEORGE, inputs={"declared_monthly_debt": values_pb2.InputValue(number=NAME)})


def reads() -> Iterator[tuple[str, Any]]:
    """Reads that find nothing or are malformed."""
    unknown = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for decision_id in (unknown, NAME):
        yield "GetDecision", service_pb.GetDecisionRequest(decision_id=decision_id)
        yield "ReplayDecision", service_pb.ReplayDecisionRequest(decision_id=decision_id)
    yield (
        "ListDecisions",
        service_pb.ListDecisionsRequest(user_id=GEORGE, customer_ref=NAME),
    )
    yield "ListDecisions", service_pb.ListDecisionsRequest(page_token=NAME)
    yield "ListDecisions", service_pb.ListDecisionsRequest(user_id=NAME * 100)


def rules() -> Iterator[tuple[str, Any]]:
    """Dry runs and checks with somebody's data in them."""
    yield "EvaluateRuleset", rules_pb.EvaluateRulesetRequest(product=PRODUCT, user_id=RYAN)
    yield "EvaluateRuleset", rules_pb.EvaluateRulesetRequest(product=PRODUCT, user_id=ANISHA)
    yield "ValidateRuleset", rules_pb.ValidateRulesetRequest(product=NAME, source=NAME)
    yield "GetRuleset", rules_pb.GetRulesetRequest(product="none-such")


def onboarding() -> Iterator[tuple[str, Any]]:
    """An applicant under a reference that should not be one, and somebody who is erased."""
    yield "CreateApplicant", people_pb.CreateApplicantRequest(applicant_ref=NAME)
    yield "CreateApplicant", people_pb.CreateApplicantRequest(applicant_ref=f"{NAME}ñ")
    yield "CreateLinkToken", people_pb.CreateLinkTokenRequest(user_id=CHRISTINA)
    yield "GetApplicant", people_pb.GetApplicantRequest(user_id=CHRISTINA)
    yield "GetApplicant", people_pb.GetApplicantRequest(user_id=NAME)
    yield "EraseApplicant", people_pb.EraseApplicantRequest(user_id=RYAN)
    yield "EraseApplicant", people_pb.EraseApplicantRequest(user_id="juana-dela-cruz-canary")


def afterwards(decision_id: str, review_id: str) -> Iterator[tuple[Any, str, Any]]:
    """What people say of a decision, and what is asked of it: words that are kept, and refusals."""
    reviews, notices = review_service_pb2_grpc.ReviewServiceStub, notice_service_pb2_grpc
    for asked in (decision_id, NAME):
        text = {"decision_id": asked, "request_id": "c-1", "text": f"I am {NAME}, {PHONE}"}
        yield reviews, "RequestReview", review_pb.RequestReviewRequest(**text)
        letter = notice_pb.GetNoticeRequest(decision_id=asked, language="xx")
        yield notices.NoticeServiceStub, "GetNotice", letter
        loan = {"decision_id": asked, "loan_id": f"LN {NAME}", "as_of_date": BORN}
        report = outcome_pb.RecordOutcomeRequest(outcome=outcome_pb.LoanOutcome(**loan))
        yield outcome_service_pb2_grpc.OutcomeServiceStub, "RecordOutcome", report
    note = {"review_id": review_id, "request_id": "n-1", "text": f"called {PHONE}, {EMAIL}"}
    yield reviews, "ClaimReview", review_pb.ClaimReviewRequest(review_id=review_id)
    yield reviews, "AddReviewNote", review_pb.AddReviewNoteRequest(**note)
    done = {"reason": "NONE_SUCH", "explanation": EMAIL, "outcome": pb.OUTCOME_DECLINE}
    end = review_pb.CompleteReviewRequest(review_id=review_id, request_id="n-2", **done)
    yield reviews, "CompleteReview", end
    people = applicant_service_pb2_grpc.ApplicantServiceStub
    for user_id in (GEORGE, NAME):
        yield people, "ExportApplicant", people_pb.ExportApplicantRequest(user_id=user_id)


def placing() -> Iterator[tuple[str, Any]]:
    """Where somebody would be put, and somebody who cannot be."""
    asked = {"product": PRODUCT, "customer_ref": NAME, "requested_amount": ASKED}
    for user_id in (GEORGE, NAME):
        yield "ExplainAssignment", rollout_pb.ExplainAssignmentRequest(user_id=user_id, **asked)


def events() -> Iterator[tuple[dict[str, Any], str]]:
    """Events that are noted, ask for data, withdraw, come again otherwise, or are not signed."""
    for number, kind in enumerate(("EINCOMES_ADDED", "ACCOUNT_DISCONNECTED", "PARTY_HELD")):
        data = {
            "userId": GEORGE,
            "sourceId": EMPLOYER,
            "fullName": NAME,
            "email": EMAIL,
        }
        event = {"id": f"et-{number}", "version": "v1", "type": kind, "data": data}
        yield event, WEBHOOK
        yield {**event, "note": PHONE}, WEBHOOK
        yield event, "another secret"


@pytest.mark.long
async def test_nothing_of_a_person_and_no_secret_leaks(tmp_path: Path) -> None:
    """Everything is planted, all kinds of calls are made, and none of it turns up anywhere."""
    team = Team(tmp_path)
    los, risk = team.hire("los", "decide"), team.hire("risk", "read", "rules")
    desk = team.hire("desk", *DESK)
    (tmp_path / "secret").write_text(SECRET)
    log = tmp_path / "log.json"
    async with serve(build_app(api_key=KEY, api_secret=SECRET, faults=PLANTED)) as vendor:
        settings = {
            "smile_mode": "sandbox",
            "smile_base_url": vendor,
            "smile_api_key": KEY,
            "smile_api_secret_file": str(tmp_path / "secret"),
            "log_hash_key": HASH_KEY,
            "webhook_secrets": WEBHOOK,
            "auth_tokens_file": str(team.path),
            "drain_delay": "0s",
            "log_level": "debug",
        }
        with serving(tmp_path, log, **settings) as process:
            told = await _calls(process, los, risk, desk)
            async with httpx2.AsyncClient(base_url=process.http_url) as client:
                told += await _events(client)
                metrics = (await client.get(f"{process.admin_url}/metrics")).text
            argv = Path(f"/proc/{process.popen.pid}/cmdline").read_text()
            assert await asyncio.to_thread(process.terminate) == 0
    shown = repr(load(environ=clean_environ(tmp_path, **settings)))
    lines = log.read_text()
    noted = (tmp_path / "decisions.db.erasures").read_bytes().decode("latin-1")
    for place in (told, metrics, argv, shown, lines, noted):
        secrets = (KEY, SECRET, HASH_KEY, WEBHOOK, *team.tokens.values(), "dst_canary")
        assert [word for word in (*CANARIES, *secrets) if word in place] == []
    assert all(f"\n{status} " in told for status in (200, 401, 409))
    assert UserHash(HASH_KEY)(GEORGE) in lines
    assert '"alarm": "CROSS_TENANT"' in lines
    assert "PERMISSION_DENIED" in told
    assert 'outcome="APPROVE"' in metrics


async def _events(client: httpx2.AsyncClient) -> str:
    """Send all the events; what was answered."""
    said = []
    for event, secret in events():
        body = json.dumps(event).encode()
        headers = {"smile-signature": signature(body, secret.encode())}
        answer = await client.post(PATH, content=body, headers=headers)
        said.append(f"{answer.status_code} {answer.headers} {answer.text}")
    return "\n".join(said)


async def _calls(process: Process, los: Metadata, risk: Metadata, desk: Metadata) -> str:
    """Make all the calls; what errors said, with every detail."""
    said: list[str] = []
    async with grpc.aio.insecure_channel(process.address) as channel:
        stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
        of_rules = ruleset_service_pb2_grpc.RulesetServiceStub(channel)
        calls = [(stub.CreateDecision, one, los) for one in decisions()]
        calls += [(getattr(stub, name), one, risk) for name, one in reads()]
        calls += [(getattr(of_rules, name), one, risk) for name, one in rules()]
        of_people = applicant_service_pb2_grpc.ApplicantServiceStub(channel)
        of_rollouts = rollout_service_pb2_grpc.RolloutServiceStub(channel)
        calls += [(getattr(of_rollouts, name), one, desk) for name, one in placing()]
        calls += [(getattr(of_people, name), one, desk) for name, one in onboarding()]
        calls.append((stub.CreateDecision, create(GEORGE), bearer("dst_canary")))
        calls.append((stub.CreateDecision, create(GEORGE), risk))
        for method, request, metadata in calls:
            said.append(await _said(method, request, metadata))
        for of, name, request in afterwards(*await _contested(channel, desk)):
            said.append(await _said(getattr(of(channel), name), request, desk))
    return "\n".join(said)


async def _contested(channel: grpc.aio.Channel, desk: Metadata) -> tuple[str, str]:
    """A decision that waits for a person, and its review."""
    decisions_of = decision_service_pb2_grpc.DecisionServiceStub(channel)
    made = (await decisions_of.CreateDecision(create(CHRISTINA), metadata=desk)).decision
    asked = {"decision_id": made.decision_id, "request_id": "c-0", "text": f"{NAME} asks"}
    reviews = review_service_pb2_grpc.ReviewServiceStub(channel)
    contest = review_pb.RequestReviewRequest(**asked)
    review = (await reviews.RequestReview(contest, metadata=desk)).review
    return made.decision_id, review.review_id


async def _said(method: Any, request: Any, metadata: Metadata) -> str:
    try:
        await method(request, metadata=metadata, timeout=30)
    except grpc.aio.AioRpcError as error:
        trailing = [(key, value) for key, value in error.trailing_metadata() or ()]
        return f"{error.code()} {error.details()} {trailing}"
    return ""
