"""The adapter over real sockets: a vendor that breaks the rules of HTTP, and the stand-in."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import ssl
import subprocess
import tracemalloc
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.values import DataReason
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.fakes.examples import some
from tests.kits.cases import until
from tests.unit.smile.items import USER, account, eincome
from tests.unit.smile.virtual import NOW, VirtualClock

RESET = object()

CLOSE = object()


@dataclass
class Wire:
    """A listening server: its base URL, what it was asked (time, path), and open connections."""

    base_url: str = ""
    asked: list = field(default_factory=list)
    open: int = 0

    @property
    def paths(self):
        """The paths that were asked for, in order."""
        return [path for _, path in self.asked]


@asynccontextmanager
async def serving(script, ssl=None):
    """Serve `script(path)`: a list of bytes to write, seconds to sleep, RESET or CLOSE."""
    wire = Wire()
    serving_now = set()

    async def serve(reader, writer):
        wire.open += 1
        serving_now.add(asyncio.current_task())
        try:
            while await _one(reader, writer, script, wire):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            wire.open -= 1
            serving_now.discard(asyncio.current_task())
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ssl)
    port = server.sockets[0].getsockname()[1]
    wire.base_url = f"{'https' if ssl else 'http'}://127.0.0.1:{port}/v1"
    try:
        yield wire
    finally:
        server.close()
        for task in serving_now:
            task.cancel()
        await asyncio.gather(*serving_now)


async def _one(reader, writer, script, wire):
    """Answer one request; False when the connection ends with it."""
    head = await reader.readuntil(b"\r\n\r\n")
    target = head.split(b" ", 2)[1].decode()
    path = target.partition("?")[0].removeprefix("/v1")
    wire.asked.append((asyncio.get_running_loop().time(), path))
    for step in script(path):
        if step is RESET:
            writer.transport.abort()
            return False
        if step is CLOSE:
            return False
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        else:
            await asyncio.sleep(step)
    return True


def answer(body, *, length=None, status="200 OK", **headers):
    """The bytes of an answer with a Content-Length, true unless a test lies about it."""
    fields = {"Content-Type": "application/json", **headers}
    fields["Content-Length"] = str(len(body) if length is None else length)
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def until_closed(body):
    """The bytes of an answer whose end is the end of the connection."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body


def chunked(body, size=50):
    """The bytes of an answer in chunks, without the last, empty one."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + framed
    )


def page(items):
    """The body of one last page."""
    return json.dumps({"code": "OK", "data": {"nextCursor": None, "items": items}}).encode()


def by_path(**steps):
    """A script that answers accounts honestly and other paths with the given steps."""

    def script(path):
        if path == "/accounts":
            return steps.get("accounts", [answer(page([account()]))])
        return steps[path.strip("/").partition("/")[0]]

    return script


OPEN_FILES = Path("/proc/self/fd")

PLAN = FetchPlan(frozenset({Kind.EINCOMES}))

BODY = page([eincome(1)])


@asynccontextmanager
async def opened(base_url, **limits):
    """A patient source on the loop's own clock, without limit and retries unless told otherwise."""
    alone = {"requests_per_second": 100_000, "attempt_seconds": 60.0, "retries": 0}
    chosen = SmileLimits(**{**alone, "timeout_retries": 0, **limits})
    source = SmileSource(base_url, "key", "secret", VirtualClock(), limits=chosen)
    try:
        yield source
    finally:
        await source.aclose()


async def ask(source):
    """One gathering of the estimates."""
    return await source.gather(
        USER,
        PLAN,
        as_of=NOW,
        stop_at=asyncio.get_running_loop().time() + 60.0,
        wait_until=0.0,
        known=(),
        fallback={},
    )


async def eincomes(script, **limits):
    """The estimates as read from a server that follows a script."""
    async with serving(script) as wire, opened(wire.base_url, **limits) as source:
        return (await ask(source)).snapshot.eincomes


def code_of(read):
    """The reason of a kind that gave nothing."""
    assert read.records == ()
    (fault,) = read.faults
    return fault.code


@pytest.mark.parametrize(
    "steps",
    [
        [answer(BODY)],
        [until_closed(BODY), CLOSE],
        [chunked(BODY) + b"0\r\n\r\n"],
        [answer(gzip.compress(BODY), Content_Encoding="gzip")],
        [answer(b"[" + BODY.split(b"[")[1].split(b"]")[0] + b"]")],
        [answer(BODY)[:70], 0.01, answer(BODY)[70:]],
    ],
)
async def test_honest_answers_are_read(steps):
    """Every honest way of HTTP to send a page gives its records."""
    read = await eincomes(by_path(eincomes=steps))
    assert [record.amount for record in read.records] == [1_500_000]
    assert read.faults == ()


async def test_a_body_shorter_than_promised_is_truncated():
    """A body that ends at any byte before its promised length is never used."""
    ends = iter(some(range(len(BODY)), 5))

    def script(path):
        if path == "/accounts":
            return [answer(page([account()]))]
        return [answer(BODY[: next(ends)], length=len(BODY)), CLOSE]

    async with serving(script) as wire, opened(wire.base_url, failures_to_open=10**6) as source:
        for _ in some(range(len(BODY)), 5):
            read = (await ask(source)).snapshot.eincomes
            assert code_of(read) is DataReason.UPSTREAM_TRUNCATED


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([answer(BODY, length=len(BODY) + 50), 0.02, RESET], DataReason.UPSTREAM_TRUNCATED),
        ([chunked(BODY), CLOSE], DataReason.UPSTREAM_TRUNCATED),
        (
            [answer(gzip.compress(BODY)[:-3], Content_Encoding="gzip")],
            DataReason.UPSTREAM_TRUNCATED,
        ),
        ([RESET], DataReason.UPSTREAM_UNAVAILABLE),
        ([CLOSE], DataReason.UPSTREAM_UNAVAILABLE),
        ([b"HTTP/1.1 200 OK\r\nContent-Ty", CLOSE], DataReason.UPSTREAM_UNAVAILABLE),
        ([b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE], DataReason.UPSTREAM_UNAVAILABLE),
        ([answer(b"", status="204 No Content")], DataReason.UPSTREAM_BAD_BODY),
    ],
)
async def test_broken_answers_are_told_apart(steps, code):
    """Each way of breaking an answer has its own reason and gives no records."""
    assert code_of(await eincomes(by_path(eincomes=steps))) is code


async def test_a_redirect_is_not_followed():
    """A redirect elsewhere is a bad body, and the other server hears nothing of our key."""
    async with serving(by_path(eincomes=[answer(BODY)])) as elsewhere:
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent"):
            moved = answer(b"", status=status, Location=f"{elsewhere.base_url}/eincomes")
            read = await eincomes(by_path(eincomes=[moved]))
            assert code_of(read) is DataReason.UPSTREAM_BAD_BODY
        assert elsewhere.asked == []


async def test_a_dripping_body_is_cut_off_by_the_total_time():
    """An answer that arrives byte by byte ends with the attempt's total time, and is closed."""
    dripping = [answer(b"", length=10_000), *([b" ", 0.02] * 10_000)]
    async with serving(by_path(eincomes=dripping)) as wire:
        async with opened(wire.base_url, attempt_seconds=0.2) as source:
            read = (await ask(source)).snapshot.eincomes
        assert code_of(read) is DataReason.UPSTREAM_TIMEOUT
        await until(lambda: wire.open == 0)


async def test_no_connection_is_left_open():
    """After thirty broken answers no more files are open than before."""
    steps = [answer(BODY, length=10**6), CLOSE]
    async with (
        serving(by_path(eincomes=steps)) as wire,
        opened(wire.base_url, failures_to_open=10**6) as source,
    ):
        await ask(source)
        await until(lambda: wire.open <= 1)
        before = len(list(OPEN_FILES.iterdir()))
        for _ in range(30):
            await ask(source)
        await until(lambda: wire.open <= 1)
        assert len(list(OPEN_FILES.iterdir())) <= before + 2


async def test_a_bomb_does_not_fill_memory():
    """A gzip of 200 MB of zeros is cut at 4 MB, with little memory used."""
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    tracemalloc.start()
    read = await eincomes(by_path(eincomes=[answer(bomb, Content_Encoding="gzip"), CLOSE]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert code_of(read) is DataReason.DATA_TOO_LARGE
    assert peak < len(bomb) + 20_000_000


async def test_tls_to_a_plain_server_is_an_alarm_and_not_retried():
    """A handshake that fails is tried once and counted."""

    async def plain(_, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, opened(f"https://127.0.0.1:{port}/v1", retries=2) as source:
        snapshot = (await ask(source)).snapshot
        assert (source.status.tls_failures, source.status.requests) == (1, 1)
    assert snapshot.account_faults[0].detail == "TLS"


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="there is no openssl: apt-get install openssl"
)
async def test_a_self_signed_certificate_is_an_alarm_and_not_retried(tmp_path):
    """A vendor whose certificate nobody vouches for gets no request and no key."""
    certificate, key = str(tmp_path / "c.pem"), str(tmp_path / "k.pem")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with serving(by_path(), ssl=context) as wire:
        async with opened(wire.base_url, retries=2) as source:
            snapshot = (await ask(source)).snapshot
            assert source.status.tls_failures == 1
        assert wire.asked == []
    assert snapshot.account_faults[0].code is DataReason.UPSTREAM_UNAVAILABLE


async def test_the_environments_proxies_are_not_used(monkeypatch):
    """Proxy settings of the environment do not divert requests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    read = await eincomes(by_path(eincomes=[answer(BODY)]))
    assert read.records


TODAY = datetime(2026, 11, 24, 4, tzinfo=UTC)

PEOPLE = {one.user_name: one.user_id for one in sandbox_people()}

KINDS = frozenset(Kind) - {Kind.ACCOUNTS, Kind.TRANSACTIONS}

EVERYTHING = FetchPlan(KINDS, WhenTransactions.ALWAYS, transactions_from=date(2025, 10, 1))

CONTRIBUTIONS = FetchPlan(frozenset({Kind.CONTRIBUTIONS, Kind.EINCOMES}))

MODULE_LOOP = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand_in():
    """The stand-in, unlimited, with its base URL; each test puts its own faults in force."""
    app = build_app(
        api_key="key", api_secret="secret", clock=lambda: TODAY, requests_per_second=100_000
    )
    async with serve(app) as base_url:
        yield app, base_url


@pytest.fixture
def opened_of_smile_simulator(stand_in):
    """Opens a source that reads the stand-in with the given faults."""
    app, base_url = stand_in

    @asynccontextmanager
    async def opening(*faults):
        app.faults.clear()
        app.faults.add(*faults)
        limits = SmileLimits(requests_per_second=100_000, backoff_seconds=0.001)
        source = SmileSource(base_url, "key", "secret", VirtualClock(), limits=limits)
        try:
            yield source
        finally:
            await source.aclose()

    return opening


async def ask_of_smile_simulator(source, person="George", plan=EVERYTHING):
    """One gathering of one of the four."""
    now = asyncio.get_running_loop().time()
    return await source.gather(
        PEOPLE[person],
        plan,
        as_of=TODAY,
        stop_at=now + 20.0,
        wait_until=now,
        known=(),
        fallback={},
    )


def faults_of(snapshot):
    """The reason codes of every kind that has a fault."""
    reads = {kind: getattr(snapshot, kind.value) for kind in KINDS | {Kind.TRANSACTIONS}}
    return {
        kind: {fault.code for fault in read.faults}
        for kind, read in reads.items()
        if read and read.faults
    }


@pytest.mark.parametrize("person", ["George", "Ryan", "Anisha"])
@MODULE_LOOP
async def test_sandbox_people_are_read_without_a_fault(opened_of_smile_simulator, person):
    """Everything of a person without faults is read completely, with its provider."""
    async with opened_of_smile_simulator() as source:
        assert await source.refresh_providers()
        found = await ask_of_smile_simulator(source, person)
    assert found.snapshot.account_faults == ()
    assert faults_of(found.snapshot) == {}
    assert found.snapshot.eincomes.records or found.snapshot.transactions.records
    used = {one.provider_id for one in found.snapshot.accounts}
    assert used <= {one.id for one in found.snapshot.providers}


@MODULE_LOOP
async def test_a_source_that_fails_taints_what_it_gives(opened_of_smile_simulator):
    """Christina's contributions, which fail twice, are tainted."""
    async with opened_of_smile_simulator() as source:
        found = await ask_of_smile_simulator(source, "Christina", CONTRIBUTIONS)
    assert faults_of(found.snapshot)[Kind.CONTRIBUTIONS] == {DataReason.UPSTREAM_UNAVAILABLE}


HARMLESS = [
    Fault("status", "/contributions", times=1, settings={"status": 503}),
    Fault("status", "/contributions", times=1, settings={"status": 429, "retry_after": 0}),
    Fault("malformed", "/contributions", times=1),
    Fault("null_cursor"),
    Fault("duplicate", "/contributions"),
    Fault("bare_array"),
    Fault("base_amount", "/eincomes"),
    Fault("conflict", "/contributions", times=1, settings={"field": "amount", "value": 1}),
    Fault("set", "/contributions", settings={"field": "novelty", "value": {"a": [1]}}),
]


@pytest.mark.parametrize("fault", HARMLESS)
@MODULE_LOOP
async def test_what_the_vendor_may_do_changes_nothing(opened_of_smile_simulator, fault):
    """Passing failures, older forms, repeated items and new fields give the clean records."""
    async with opened_of_smile_simulator() as source:
        clean = (await ask_of_smile_simulator(source)).snapshot
    async with opened_of_smile_simulator(fault) as source:
        found = (await ask_of_smile_simulator(source)).snapshot
    assert faults_of(found) == {}
    for kind in KINDS | {Kind.TRANSACTIONS}:
        assert getattr(found, kind.value).records == getattr(clean, kind.value).records
