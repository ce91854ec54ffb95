"""A vendor in memory behind httpx2.MockTransport, honest by default, and a SmileSource over it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from contextlib import asynccontextmanager
from datetime import date

import httpx2

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Provider
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from tests.unit.smile.items import USER
from tests.unit.smile.virtual import NOW, VirtualClock


def ok(data):
    """An answer in its envelope."""
    return httpx2.Response(200, json={"code": "OK", "message": "Success", "data": data})


def problem(status, code="SERVER_ERROR", **headers):
    """An error answer."""
    return httpx2.Response(status, json={"code": code, "message": "no"}, headers=headers)


def raw(body, content_type="application/json"):
    """A 200 with these bytes."""
    return httpx2.Response(200, content=body, headers={"content-type": content_type})


class _Chunks(httpx2.AsyncByteStream):
    def __init__(self, body):
        self._body = body

    async def __aiter__(self):
        for start in range(0, len(self._body), 65_536):
            yield self._body[start : start + 65_536]


def streamed(response):
    """The same response as it comes from a network: unread, its body in chunks."""
    return httpx2.Response(
        response.status_code, headers=response.headers, stream=_Chunks(response.content)
    )


class Hang:
    """An answer that never comes."""


class Vendor:
    """`lists` by path; `script` answers come first and are used up, `always` ones stay.

    An answer is a Response, an exception, Hang, or a function of the request that gives one.
    """

    def __init__(self, **lists):
        self.lists = defaultdict(list, {f"/v1/{name}": items for name, items in lists.items()})
        self.users = {USER}
        self.script = defaultdict(deque)
        self.always = {}
        self.log = []
        self.delay = 0.02

    def then(self, path, *answers):
        self.script[f"/v1{path}"].extend(answers)

    def each(self, path, answer):
        self.always[f"/v1{path}"] = answer

    @property
    def paths(self):
        return [request.url.path.removeprefix("/v1") for _, request in self.log]

    def asked(self, path):
        return [dict(r.url.params) for _, r in self.log if r.url.path == f"/v1{path}"]

    @property
    def times(self):
        return [time for time, _ in self.log]

    async def __call__(self, request):
        self.log.append((asyncio.get_running_loop().time(), request))
        await asyncio.sleep(self.delay)
        path = request.url.path
        scripted = self.script[path]
        answer = scripted.popleft() if scripted else self.always.get(path, self.honest)
        while callable(answer) and not isinstance(answer, (type, httpx2.Response)):
            answer = answer(request)
        if answer is Hang:
            await asyncio.sleep(86_400)
        if isinstance(answer, Exception):
            raise answer
        return streamed(answer)

    def honest(self, request):
        path = request.url.path
        if path.startswith("/v1/users/"):
            user = path.removeprefix("/v1/users/")
            return ok({"id": user}) if user in self.users else problem(404, "MISSING_RESOURCE")
        return self.page(request, self.lists[path])

    def page(self, request, items):
        params = request.url.params
        items = [item for item in items if _matches(item, params)]
        size, start = int(params.get("size", 10)), int(params.get("cursor", 0))
        end = start + size
        cursor = str(end) if end < len(items) else None
        return ok({"nextCursor": cursor, "items": items[start:end]})

    def transport(self):
        return httpx2.MockTransport(self)


def _matches(item, params):
    about = item.get("metadata") or item
    if "userId" in params and about.get("userId") != params["userId"]:
        return False
    if "sourceId" in params and about.get("sourceId") != params["sourceId"]:
        return False
    return not ("startDate" in params and item.get("date", "9999") < params["startDate"])


def body_of(items, cursor=None):
    """The bytes of a page."""
    return json.dumps({"code": "OK", "data": {"nextCursor": cursor, "items": items}}).encode()


KEY, SECRET = "key-k3y", "secret-s3cret"
MONTHLY = FetchPlan(frozenset({Kind.EINCOMES, Kind.CONTRIBUTIONS, Kind.LIABILITIES}))
EINCOMES = FetchPlan(frozenset({Kind.EINCOMES}))

STANDING_IN = FetchPlan(
    frozenset({Kind.EINCOMES, Kind.INCOMES}),
    WhenTransactions.IF_STANDING_IN,
    stand_in_from=date(2025, 10, 1),
)

FALLBACK = {
    "sss_ph": Provider("sss_ph", "GOVERNMENT", ("EINCOMES", "CONTRIBUTIONS")),
    "grab": Provider("grab", "GIG", ("TRANSACTIONS",)),
}


@asynccontextmanager
async def opened(vendor, **limits):
    """A source over the vendor, closed at the end."""
    source = SmileSource(
        "http://vendor.test/v1",
        KEY,
        SECRET,
        VirtualClock(),
        limits=SmileLimits(**limits),
        transport=vendor.transport(),
    )
    try:
        yield source
    finally:
        await source.aclose()


async def ask(source, plan=EINCOMES, *, user=USER, seconds=10.0, wait=0.0, known=(), as_of=NOW):
    """One gathering, with `seconds` until the deadline and `wait` seconds of patience."""
    now = asyncio.get_running_loop().time()
    return await source.gather(
        user,
        plan,
        as_of=as_of,
        stop_at=now + seconds,
        wait_until=now + wait,
        known=known,
        fallback=FALLBACK,
    )


async def gathered(vendor, plan=EINCOMES, *, limits=None, **asked):
    """One decision's gathering from a fresh source."""
    async with opened(vendor, **(limits or {})) as source:
        return await ask(source, plan, **asked)


def only_fault(read):
    """The single fault of a kind that gave nothing else."""
    assert read.records == ()
    (fault,) = read.faults
    return fault
