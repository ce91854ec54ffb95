"""The adapter over real sockets, against a vendor that breaks the rules of HTTP."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
import tracemalloc
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import FetchPlan
from decision_service.domain.values import DataReason
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from tests.fakes.examples import some
from tests.integration.smile_wire import (
    CLOSE,
    RESET,
    answer,
    by_path,
    chunked,
    page,
    serving,
    until_closed,
)
from tests.kits.until import until
from tests.unit.smile.items import USER, account, eincome
from tests.unit.smile.virtual import NOW, VirtualClock

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
