"""The vendor's own document: each answer of the stand-in and each field that is read is in it."""

from __future__ import annotations

import os
import re
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from bench.people.population import PROFILES, population
from decision_service.smile import answers
from decision_service.standin.faults import Fault
from decision_service.standin.formats import PROVIDERS
from decision_service.standin.lists import LIST_ENDPOINTS
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import Simulator, build_app, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from decision_service.standin.world import WorldMaker

ROOT = Path(__file__).resolve().parents[2]

FILE = ROOT / os.environ.get("SMILE_OPENAPI_FILE", "../shared/smile/openapi-v1.yaml")
DOCUMENTED = pytest.mark.skipif(
    not FILE.exists(),
    reason=f"the vendor's OpenAPI file is not at {FILE}: name it in SMILE_OPENAPI_FILE",
)

_URN = "urn:smile"

_ERRORS = "#/components/responses/Standard-Errors/content/application~1json/schema"

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value).isoformat() == value


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return bool(_INSTANT.fullmatch(value)) and datetime.fromisoformat(value) is not None


def _as_json_schema(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _as_json_schema(value) for name, value in node.items()}
    may_be_null = node.get("nullable") is True or None in (node.get("enum") or ())
    if may_be_null and isinstance(node.get("type"), str):
        found["type"] = [node["type"], "null"]
        if "enum" in found:
            found["enum"] = list(dict.fromkeys([*node["enum"], None]))
    return found


class VendorDocument:
    """Judges answers by the document."""

    def __init__(self) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.content = _as_json_schema(yaml.load(FILE.read_text(encoding="utf-8"), Loader=loader))
        resource = Resource(self.content, DRAFT202012)
        self._registry: Any = Registry().with_resource(_URN, resource)

    def problems(self, method: str, path: str, status: int, answer: Any) -> list[str]:
        """Everything that is wrong with an answer to a request of this path template."""
        pointer = self._schema(method, path, status)
        schema = {"$ref": _URN + pointer}
        validator = Draft202012Validator(schema, registry=self._registry, format_checker=_FORMATS)
        found = [
            f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(answer)
        ]
        return found + list(self._unknown({"$ref": pointer}, answer, "$"))

    def fields(self, schema: str) -> frozenset[str]:
        """The fields that records of a schema may have."""
        parts = self._flat({"$ref": f"#/components/schemas/{schema}"})
        return frozenset(name for part in parts for name in part.get("properties", {}))

    def _schema(self, method: str, path: str, status: int) -> str:
        responses = self.content["paths"][path][method.lower()]["responses"]
        if status >= 400:
            return _ERRORS
        assert str(status) in responses, f"{method} {path} is not documented to answer {status}"
        place = path.replace("~", "~0").replace("/", "~1")
        content = "content/application~1json/schema"
        return f"#/paths/{place}/{method.lower()}/responses/{status}/{content}"

    def _resolve(self, pointer: str) -> Any:
        node = self.content
        for step in pointer.removeprefix("#/").split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
        return node

    def _flat(self, schema: Any) -> Iterator[Any]:
        """The schema with everything it refers to or is composed of."""
        yield schema
        if "$ref" in schema:
            yield from self._flat(self._resolve(schema["$ref"]))
        for part in schema.get("allOf", ()):
            yield from self._flat(part)

    def _unknown(self, schema: Any, value: Any, where: str) -> Iterator[str]:
        parts = list(self._flat(schema))
        if isinstance(value, list):
            items = next((part["items"] for part in parts if "items" in part), {})
            for number, one in enumerate(value):
                yield from self._unknown(items, one, f"{where}[{number}]")
        properties = {k: v for part in parts for k, v in part.get("properties", {}).items()}
        if isinstance(value, dict) and properties:
            for name, one in value.items():
                if name not in properties:
                    yield f"{where}: the document knows no {name!r}"
                else:
                    yield from self._unknown(properties[name], one, f"{where}.{name}")


@cache
def vendor_document() -> VendorDocument:
    """The document, read once."""
    return VendorDocument()


TABLE = yaml.safe_load(Path("tests/cases/vendor_fields.yaml").read_text(encoding="utf-8"))

READ = {
    "eincomes": answers.EincomeAnswer,
    "incomes": answers.IncomeAnswer,
    "contributions": answers.ContributionAnswer,
    "employments": answers.EmploymentAnswer,
    "liabilities": answers.LiabilityAnswer,
    "transactions": answers.TransactionAnswer,
    "identities": answers.PersonAnswer,
    "accounts": answers.AccountAnswer,
    "tasks": answers.TaskAnswer,
    "providers": answers.ProviderAnswer,
}


def read_of(kind):
    """The names on the wire of what is read of a kind; `metadata` is read of every list."""
    return {field.encode_name for field in msgspec.structs.fields(READ[kind])} - {"metadata"}


@pytest.mark.parametrize("kind", READ)
def test_a_sentence_rests_on_each_field_that_is_read(kind):
    """The table lists what the adapter reads of a kind, and nothing else."""
    assert set(TABLE[kind]["fields"]) == read_of(kind)
    assert all(TABLE[kind]["fields"].values())


@DOCUMENTED
@pytest.mark.parametrize("kind", READ)
def test_the_vendor_sends_each_field_that_is_read(kind):
    """A field that the vendor's document lacks for a kind would be null for ever."""
    known = vendor_document().fields(TABLE[kind]["schema"])
    assert sorted(read_of(kind) - known) == []


@DOCUMENTED
def test_payroll_incomes_carry_no_pay_date():
    """How late a payroll pays is learned from readings, since no field says it."""
    assert "payDate" not in vendor_document().fields("Income")


NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)

GEORGE, RYAN, CHRISTINA, _ = sandbox_people()

SEED = 7  # its people have something of every kind

UNKNOWN = "tenantId-00000000000000000000000000000000"

ERROR_BODY = {"code", "message", "requestId"}

WEBHOOK = {
    "name": "decisions",
    "url": "https://decisions.example/webhooks",
    "eventTypes": ["ALL_EVENTS"],
    "active": True,
    "secret": "a little secret",
}


class Judge:
    """A client that holds every answer against the document."""

    def __init__(self, app: Simulator, client: httpx2.AsyncClient) -> None:
        self.app, self.client, self.judged = app, client, 0

    async def ask(
        self, method: str, path: str, template: str = "", status: int = 200, **sent: Any
    ) -> Any:
        """The answer's JSON, after finding nothing wrong with it."""
        answer = await self.client.request(method, path.lstrip("/"), **sent)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        body = answer.json()
        assert vendor_document().problems(method, template or path, status, body) == []
        assert body["requestId"]
        self.judged += 1
        return body

    async def everything(self, path: str, most_pages: int = 4, **query: Any) -> list[Any]:
        """The items of a list's first pages."""
        items, query = [], {"size": 150, **query}
        for _ in range(most_pages):
            data = (await self.ask("GET", path, params=query))["data"]
            items += data["items"]
            if "nextCursor" not in data:
                break
            query["cursor"] = data["nextCursor"]
        return items


def made(world: WorldMaker | None = None, **more: Any) -> Simulator:
    """A stand-in that does not limit."""
    worlds = [world] if world else []
    keys = {"api_key": "key", "api_secret": "secret", "clock": lambda: NOW}
    return build_app(*worlds, **{"requests_per_second": 100_000, **keys, **more})


@asynccontextmanager
async def judging(app: Simulator) -> AsyncIterator[Judge]:
    """A judge that asks the application directly, without a socket."""
    wire = httpx2.ASGITransport(app)
    at = {"base_url": "http://simulator/v1", "auth": ("key", "secret")}
    async with httpx2.AsyncClient(transport=wire, **at) as client:
        yield Judge(app, client)


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    """The sandbox people's."""
    async with judging(made()) as one:
        yield one


@pytest.fixture
async def crowd() -> AsyncIterator[Judge]:
    """A population's, in which every kind of life is led once."""
    async with judging(
        made(lambda today: population(SEED, len(PROFILES), today, tuple(PROFILES)))
    ) as one:
        yield one


@DOCUMENTED
@pytest.mark.parametrize("name", LIST_ENDPOINTS)
async def test_lists_of_the_sandbox_people_are_documented(judge: Judge, name: str) -> None:
    """Every list, page by page, validates for each of the four."""
    for person in sandbox_people():
        if (name, person) == ("contributions", CHRISTINA):
            continue
        await judge.everything(f"/{name}", userId=person.user_id)
    assert judge.judged >= 3


@DOCUMENTED
@pytest.mark.parametrize("name", LIST_ENDPOINTS)
async def test_single_objects_are_documented(judge: Judge, name: str) -> None:
    """Each list's objects validate one by one; an unknown id is the vendor's 404."""
    items = await judge.everything(f"/{name}", userId=GEORGE.user_id, size=2, most_pages=1)
    for item in items:
        one = await judge.ask("GET", f"/{name}/{item['id']}", f"/{name}/{{id}}")
        assert one["data"]["id"] == item["id"]
    body = await judge.ask("GET", f"/{name}/{UNKNOWN}", f"/{name}/{{id}}", 404)
    assert body["code"] == "MISSING_RESOURCE"


@DOCUMENTED
async def test_lists_of_a_population_are_documented(crowd: Judge) -> None:
    """Accounts, items and tasks of every kind of life validate, and every kind of item occurs."""
    found: dict[str, int] = {}
    for person in crowd.app.tenant.people():
        for name in LIST_ENDPOINTS:
            items = await crowd.everything(f"/{name}", most_pages=2, size=40, userId=person.id)
            found[name] = found.get(name, 0) + len(items)
    assert all(found[name] for name in LIST_ENDPOINTS)


@DOCUMENTED
async def test_every_identity_names_its_person_with_contacts(judge: Judge, crowd: Judge) -> None:
    """Name, phone number and address, as documented, of the four and of every kind of life."""
    for one in (judge, crowd):
        found = []
        for person in one.app.tenant.people():
            found += await one.everything("/identities", userId=person.id)
        assert found
        for item in found:
            assert item["fullName"].endswith(item["suffix"] or item["lastName"])
            assert [phone["number"][0] for phone in item["phones"]] == ["+"]
            assert ["@" in email["address"] for email in item["emails"]] == [True]


@DOCUMENTED
async def test_filters_are_documented_parameters(judge: Judge) -> None:
    """A list reads the parameters that the document gives it, all of them and no others."""
    for name, listing in LIST_ENDPOINTS.items():
        operation = vendor_document().content["paths"][f"/{name}"]["get"]
        given = {p.get("name") or p["$ref"].rpartition("/")[2] for p in operation["parameters"]}
        assert {*listing.filters, *listing.bounds, "size", "cursor"} == given
    months = await judge.everything("/eincomes", startMonth="2026-06", endMonth="2026-07")
    days = await judge.everything("/contributions", startDate="2026-06-30", endDate="2026-07-30",
                                  userId=GEORGE.user_id)  # fmt: skip
    assert {item["month"] for item in months} == {"2026-06", "2026-07"}
    assert {item["date"] for item in days} == {"2026-06-30"}


@DOCUMENTED
async def test_providers_are_documented(judge: Judge) -> None:
    """The list and each provider validate."""
    assert len(await judge.everything("/providers")) == len(PROVIDERS)
    for provider_id in PROVIDERS:
        await judge.ask("GET", f"/providers/{provider_id}", "/providers/{id}")
    await judge.ask("GET", "/providers/nobody", "/providers/{id}", 404)


@DOCUMENTED
async def test_creating_users_and_tokens_is_documented(judge: Judge) -> None:
    """A created user validates, can be read and has no accounts yet; so do its tokens."""
    sent = {"externalMetadata": {"applicant": "A-1"}}
    created = (await judge.ask("POST", "/users", status=201, json=sent))["data"]
    user_id = created["user"]["id"]
    assert re.fullmatch("tenantId-[0-9a-f]{32}", user_id)
    assert created["token"]["mode"] == "SANDBOX"
    await judge.ask("GET", f"/users/{user_id}", "/users/{id}")
    assert await judge.everything("/accounts", userId=user_id) == []
    await judge.ask("POST", "/tokens", status=201, params={"userId": user_id})


@DOCUMENTED
async def test_webhooks_are_documented(judge: Judge) -> None:
    """Registering, listing, reading and deleting a webhook validate."""
    created = (await judge.ask("POST", "/webhooks", json=WEBHOOK))["data"]
    assert await judge.everything("/webhooks") == [created]
    place, template = f"/webhooks/{created['id']}", "/webhooks/{id}"
    assert (await judge.ask("GET", place, template))["data"] == created
    await judge.ask("DELETE", place, template)
    await judge.ask("GET", place, template, 404)


@DOCUMENTED
async def test_revoking_is_documented(judge: Judge) -> None:
    """Deleting an account validates, and afterwards it is the vendor's 404."""
    account = (await judge.everything("/accounts", userId=RYAN.user_id))[0]
    place, template = f"/accounts/{account['id']}", "/accounts/{id}"
    await judge.ask("DELETE", place, template)
    await judge.ask("GET", place, template, 404)


@DOCUMENTED
@pytest.mark.parametrize(
    ("method", "path", "status", "code", "sent"),
    [
        ("GET", "/accounts", 400, "INVALID_PARAMETERS", {"params": {"size": "151"}}),
        ("GET", "/accounts", 400, "INVALID_PARAMETERS", {"params": {"size": "0"}}),
        ("GET", "/transactions", 400, "INVALID_PARAMETERS", {"params": {"startDate": "20260101"}}),
        ("GET", "/transactions", 400, "INVALID_PARAMETERS", {"params": {"endDate": "2026-02-30"}}),
        ("GET", "/eincomes", 400, "INVALID_PARAMETERS", {"params": {"startMonth": "2026-13"}}),
        ("GET", "/eincomes", 400, "INVALID_PARAMETERS", {"params": {"cursor": "nonsense"}}),
        ("GET", "/users", 401, "INVALID_TOKEN", {"auth": ("key", "wrong")}),
        ("POST", "/tokens", 404, "MISSING_RESOURCE", {"params": {"userId": UNKNOWN}}),
        ("POST", "/tokens", 400, "INVALID_PARAMETERS", {}),
        ("POST", "/users", 400, "INVALID_PARAMETERS", {"json": {"externalMetadata": {"a": 1}}}),
        ("POST", "/users", 415, "INVALID_PARAMETERS", {"content": "a=1"}),
        ("POST", "/webhooks", 400, "INVALID_PARAMETERS", {"json": WEBHOOK | {"url": "http://x"}}),
        ("GET", "/contributions", 503, "SERVER_UNAVAILABLE",
         {"params": {"userId": CHRISTINA.user_id}}),
    ],
)  # fmt: skip
async def test_errors_have_the_vendors_body(
    judge: Judge, method: str, path: str, status: int, code: str, sent: dict[str, Any]
) -> None:
    """An error has the status, the code, a message and a request id, and nothing else."""
    body = await judge.ask(method, path, status=status, **sent)
    assert (body["code"], set(body)) == (code, ERROR_BODY)


@DOCUMENTED
async def test_what_is_not_documented_is_refused_in_the_vendors_form(judge: Judge) -> None:
    """An unknown path is 404 and a method that a path does not have is 501, with the error body."""
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/accounts", 501)):
        answer = await judge.client.request(method, path.lstrip("/"))
        assert answer.status_code == status
        assert set(answer.json()) == ERROR_BODY


@DOCUMENTED
async def test_too_many_requests_are_refused_in_the_vendors_form() -> None:
    """The request after the allowed ones is 429 with the error body."""
    async with judging(made(requests_per_second=3, seconds=lambda: 1.0)) as judge:
        for _ in range(3):
            await judge.ask("GET", "/providers")
        body = await judge.ask("GET", "/providers", status=429)
    assert (body["code"], set(body)) == ("REQUEST_LIMIT_EXCEEDED", ERROR_BODY)


@DOCUMENTED
@pytest.mark.parametrize("status", [400, 403, 500, 503, 504])
async def test_scripted_errors_have_the_vendors_body(judge: Judge, status: int) -> None:
    """A scripted status comes with the body and the code the vendor has for it."""
    judge.app.faults.add(Fault("status", "/accounts", settings={"status": status}))
    body = await judge.ask("GET", "/accounts", status=status)
    assert set(body) == ERROR_BODY


@DOCUMENTED
async def test_the_wire_changes_nothing() -> None:
    """Served on loopback, good answers and errors are as documented too."""
    app = made()
    async with serve(app) as url, httpx2.AsyncClient(base_url=url, auth=("key", "secret")) as http:
        judge = Judge(app, http)
        assert len(await judge.everything("/eincomes", userId=GEORGE.user_id)) >= 38
        created = await judge.ask("POST", "/webhooks", json=WEBHOOK)
        await judge.ask("DELETE", f"/webhooks/{created['data']['id']}", "/webhooks/{id}")
        await judge.ask("GET", "/webhooks/none", "/webhooks/{id}", 404)
        await judge.ask("GET", "/users", status=401, auth=("key", "wrong"))


@DOCUMENTED
def test_the_judge_finds_what_is_wrong() -> None:
    """A missing field, a wrong type, an undocumented word, date or field is a problem each."""
    item = {"id": "einc-1", "month": "2026-08", "currency": "PHP", "baseAmount": 1, "amount": 1}
    metadata = {
        "createdAt": "2026-11-24T00:00:00Z",
        "itemCreatedAt": "2026-11-24T00:00:00Z",
        "sourceId": "a-1",
        "sourceType": "ACCOUNT",
        "userId": "tenantId-1",
        "providerId": "sss_ph",
    }

    def problems(**changes: Any) -> list[str]:
        items = [item | {"metadata": metadata} | changes]
        body = {"code": "OK", "requestId": "r", "data": {"items": items}}
        return vendor_document().problems("GET", "/eincomes", 200, body)

    assert problems() == []
    assert problems(amount="1")
    assert problems(currency="php")
    assert problems(metadata=metadata | {"createdAt": "yesterday"})
    assert problems(metadata=metadata | {"createdAt": "2026-11-24T00:00:00+08:00"})
    assert problems(metadata={"createdAt": "2026-11-24T00:00:00Z"})
    assert problems(surprise=1)
