"""Requests to the vendor: limiter, circuit breaker, retries, bodies, spans."""

from __future__ import annotations

import asyncio
import gzip
from types import SimpleNamespace

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from decision_service.domain.errors import UserUnknown
from decision_service.domain.values import DataReason
from decision_service.domain.vendor import Circuit
from decision_service.runtime.telemetry import SpanName, traced
from decision_service.smile.client import Request, check_media_type, read_body
from decision_service.smile.errors import CircuitOpen, NoPermit, TransientFault, UpstreamFault
from decision_service.smile.limits import (
    CircuitBreaker,
    RateLimiter,
    RetryBudget,
    SmileLimits,
    backoff,
    pause,
    retry_after,
)
from decision_service.smile.source import SmileSource
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.smile.items import USER
from tests.unit.smile.vendor import EINCOMES, _Chunks, ask, ok, opened, streamed
from tests.unit.smile.virtual import NOW, VirtualClock, run

FAR = 1e9


def most_in_a_second(times):
    """The most times within any sliding second."""
    return max(sum(1 for other in times if at <= other < at + 1.0) for at in times)


async def sent_times(limiter, count, send_delay=0.0, spacing=0.0):
    """When so many requests left, asked for at a spacing and leaving with a delay."""
    loop = asyncio.get_running_loop()
    times = []

    async def one():
        permit = await limiter.acquire(FAR)
        await asyncio.sleep(send_delay)
        times.append(loop.time())
        permit.sent()

    jobs = []
    for _ in range(count):
        jobs.append(asyncio.create_task(one()))
        await asyncio.sleep(spacing)
    await asyncio.gather(*jobs)
    return times


@given(
    per_second=st.integers(1, 20),
    count=st.integers(1, 70),
    send_delay=st.floats(0, 0.6),
    spacing=st.floats(0, 0.2),
)
@settings(max_examples=examples(60), deadline=None)
def test_no_sliding_second_holds_more_than_the_limit(per_second, count, send_delay, spacing):
    """However requests arrive and however long they take to leave, no second has more than N."""

    async def main():
        limiter = RateLimiter(VirtualClock(), per_second)
        return await sent_times(limiter, count, send_delay, spacing)

    times = run(main())
    assert len(times) == count
    assert most_in_a_second(times) <= per_second


async def test_an_idle_limiter_lets_a_whole_second_through_at_once():
    """The first N requests do not wait, and the next waits 1.05 seconds."""
    times = await sent_times(RateLimiter(VirtualClock(), 20), 21)
    assert times[19] == pytest.approx(times[0], abs=1e-6)
    assert times[20] - times[0] == pytest.approx(1.05, abs=1e-6)


async def test_turns_are_given_first_come_first_served():
    """Waiting requests get their turns in the order in which they asked."""
    limiter, order = RateLimiter(VirtualClock(), 2), []

    async def one(name):
        (await limiter.acquire(FAR)).sent()
        order.append(name)

    await asyncio.gather(*(one(name) for name in range(7)))
    assert order == list(range(7))


async def test_a_pause_holds_every_turn_back():
    """After a pause nobody gets a turn until it is over, those who wait already included."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    began = clock.monotonic()
    (await limiter.acquire(FAR)).sent()
    waiting = asyncio.create_task(limiter.acquire(FAR))
    await asyncio.sleep(0.5)
    limiter.pause(3.0)
    limiter.pause(1.0)
    await waiting
    assert clock.monotonic() - began == pytest.approx(3.5, abs=1e-6)


async def test_a_turn_after_the_deadline_is_refused_at_once():
    """A request whose turn cannot come before its deadline is refused without waiting."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    (await limiter.acquire(FAR)).sent()
    began = clock.monotonic()
    with pytest.raises(NoPermit) as refused:
        await limiter.acquire(began + 1.0)
    assert clock.monotonic() == pytest.approx(began, abs=1e-6)
    assert refused.value.retry_after == pytest.approx(1.05)


async def test_the_queue_ahead_counts():
    """A request behind others that wait is refused when their turns use up its time."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    (await limiter.acquire(FAR)).sent()
    ahead = [asyncio.create_task(limiter.acquire(FAR)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(NoPermit):
        await limiter.acquire(clock.monotonic() + 3.0)
    for task in ahead:
        task.cancel()
    await asyncio.gather(*ahead, return_exceptions=True)
    (await limiter.acquire(clock.monotonic() + 3.0)).sent()


async def test_a_pause_that_comes_while_waiting_ends_the_wait_at_the_deadline():
    """A waiting request gives up by its deadline when a pause moves its turn behind it."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    (await limiter.acquire(FAR)).sent()
    stop_at = clock.monotonic() + 2.0
    waiting = asyncio.create_task(limiter.acquire(stop_at))
    await asyncio.sleep(0.1)
    limiter.pause(60.0)
    with pytest.raises(NoPermit):
        await waiting
    assert clock.monotonic() <= stop_at + 1e-6


async def test_a_cancelled_wait_takes_no_turn():
    """A request that is given up while it waits leaves its turn to the next."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 1)
    (await limiter.acquire(FAR)).sent()
    began = clock.monotonic()
    given_up = asyncio.create_task(limiter.acquire(FAR))
    await asyncio.sleep(0.5)
    given_up.cancel()
    (await limiter.acquire(FAR)).sent()
    assert clock.monotonic() - began == pytest.approx(1.05, abs=1e-6)


async def test_what_is_promised_is_not_promised_again():
    """Behind promised turns there is room for others only once these are given up."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 2)
    first = limiter.reserve(4, clock.monotonic() + 1.45)
    with pytest.raises(NoPermit):
        limiter.reserve(1, clock.monotonic() + 1.45)
    first.release()
    assert limiter.reserve(1, clock.monotonic() + 1.45).left == 1


async def test_a_claimed_turn_counts_once():
    """A turn that was promised and taken is behind nobody twice."""
    clock = VirtualClock()
    limiter = RateLimiter(clock, 4)
    reservation = limiter.reserve(3, clock.monotonic() + 0.5)
    reservation.take()
    (await limiter.acquire(FAR)).sent()
    assert limiter.reserve(1, clock.monotonic() + 0.5).left == 1
    with pytest.raises(NoPermit):
        limiter.reserve(1, clock.monotonic() + 0.5)


def breaker_at(at=0.0):
    """A closed breaker with the default limits, and its clock, which is set by hand."""
    clock = SimpleNamespace(at=at)
    return CircuitBreaker(SimpleNamespace(monotonic=lambda: clock.at), SmileLimits()), clock


def attempts(breaker, answers):
    """So many attempts, of which `x` failed, and whether one of them opened the circuit."""
    return [breaker.failed() if one == "x" else breaker.succeeded() for one in answers]


def test_five_failures_in_a_row_open_it():
    """The fifth failure in a row opens the circuit, the fourth does not."""
    breaker, _ = breaker_at()
    assert attempts(breaker, "xxxx") == [False] * 4
    breaker.admit()
    assert attempts(breaker, "x") == [True]
    with pytest.raises(CircuitOpen):
        breaker.admit()


def test_half_of_the_last_twenty_open_it():
    """Failures that alternate with successes open the circuit at the twentieth attempt."""
    assert attempts(breaker_at()[0], ".x" * 10)[1::2] == [False] * 9 + [True]


@pytest.mark.parametrize("answers", ["xxxx.xxxx", "x........." * 20])
def test_a_vendor_that_answers_in_between_is_still_asked(answers):
    """A success breaks a row of failures, and a tenth of them does no harm."""
    breaker, _ = breaker_at()
    attempts(breaker, answers)
    assert breaker.state is Circuit.CLOSED


def test_one_probe_passes_every_five_seconds():
    """While open, one attempt per five seconds passes and the others are refused."""
    (breaker, clock), passed = breaker_at(), []
    attempts(breaker, "xxxxx")
    for tenth in range(160):
        clock.at = tenth / 10
        try:
            breaker.admit()
        except CircuitOpen:
            continue
        passed.append(clock.at)
        assert breaker.state is Circuit.HALF_OPEN
        breaker.failed()
        assert breaker.state is Circuit.OPEN
    assert passed == [5.0, 10.0, 15.0]


def test_a_probe_that_succeeds_closes_it():
    """After one good probe every attempt passes, and old failures are forgotten."""
    breaker, clock = breaker_at()
    attempts(breaker, "x" * 20)
    clock.at = 5.0
    breaker.admit()
    attempts(breaker, ".xxxx")
    breaker.admit()
    assert breaker.state is Circuit.CLOSED


LIMITS = SmileLimits()


@given(st.lists(st.booleans(), max_size=400))
def test_retries_stay_within_a_tenth_of_first_tries_and_ten(wants_retry):
    """Whatever the order of tries and retries, retries are at most 10 + 10 % of first tries."""
    budget, first, retries = RetryBudget(LIMITS), 0, 0
    for wants in wants_retry:
        if wants:
            retries += budget.take()
        else:
            budget.first_try()
            first += 1
    assert retries <= 10 + 0.1 * first + 1e-6


def test_backoff_doubles_up_to_a_bound():
    """A wait lies between nothing and a bound that doubles up to two seconds, and varies."""
    for retry, longest in enumerate([0.2, 0.4, 0.8, 1.6, 2.0, 2.0]):
        waits = {backoff(retry, LIMITS) for _ in range(50)}
        assert all(0.0 <= wait <= longest for wait in waits)
        assert max(waits) > longest / 2


def test_a_pause_begins_at_one_second_and_is_capped_at_a_minute():
    """Without a usable Retry-After all requests rest 1, then 2 seconds; a day counts a minute."""
    assert [pause(None, retry, LIMITS) for retry in (0, 1)] == [1.0, 2.0]
    assert pause(86_400.0, 0, LIMITS) == 60.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1.0),
        (" 30 ", 30.0),
        ("86400", 86_400.0),
        ("Tue, 24 Nov 2026 04:00:10 GMT", 10.0),
        ("Tue, 24 Nov 2026 04:00:10 -0000", 10.0),
        ("Tue, 24 Nov 2026 03:00:00 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 5000, None),
        ("Tue, 99 Nov 2026 04:00:10 GMT", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header, seconds):
    """Whole seconds and future HTTP dates count; anything else is as if nothing was said."""
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=80))
def test_no_retry_after_raises(header):
    """Any text at all gives seconds above or at zero, or None."""
    found = retry_after(header, NOW)
    assert found is None or found >= 0


class SlowToConnect(httpx2.AsyncBaseTransport):
    """Reports progress as httpcore does; the first connections take 0.6 seconds to be made."""

    def __init__(self, slow):
        self.arrived = []
        self._slow = slow

    async def handle_async_request(self, request):
        trace = request.extensions["trace"]
        await trace("connection.connect_tcp.started", {})
        if self._slow:
            self._slow -= 1
            await asyncio.sleep(0.6)
        await trace("connection.connect_tcp.complete", {})
        await trace("http11.send_request_body.complete", {})
        self.arrived.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.3)
        return streamed(ok({"items": []}))

    def transport(self):
        return self


async def test_a_request_counts_from_when_it_has_left():
    """Requests delayed by their connections hold the next ones back from when they arrived."""
    vendor = SlowToConnect(slow=2)
    async with opened(vendor, requests_per_second=2) as source:
        await asyncio.gather(*(source.refresh_providers() for _ in range(4)))
    arrived = sorted(vendor.arrived)
    assert arrived[2] - arrived[0] >= 1.0
    assert arrived[2] - arrived[0] < 1.2


def response(body, **headers):
    """An unread response with this body."""
    return httpx2.Response(200, headers=headers, stream=_Chunks(body))


def read(body, most=4096, **headers):
    """The body as the adapter takes it."""
    return run(read_body(response(body, **headers), most))


@pytest.mark.parametrize("content_type", cases("smile/body")["good"])
def test_json_in_utf8_is_taken(content_type):
    """`application/json` is taken, whatever its parameters, as long as it is UTF-8."""
    check_media_type(httpx2.Headers({"content-type": content_type}))


@pytest.mark.parametrize("headers", cases("smile/body")["bad"])
def test_everything_else_is_a_bad_body(headers):
    """Another type, charset or encoding is UPSTREAM_BAD_BODY, and is not asked for again."""
    with pytest.raises(UpstreamFault) as found:
        check_media_type(httpx2.Headers(headers))
    assert found.value.code is DataReason.UPSTREAM_BAD_BODY
    assert not isinstance(found.value, TransientFault)


def test_a_body_of_just_the_bound_is_read():
    """A body may be exactly as long as the bound, plain or gzipped."""
    body = b"x" * 4096
    assert read(body) == body
    assert read(gzip.compress(body), **{"content-encoding": "gzip"}) == body


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_longer_body_is_too_large(encoding):
    """One byte over the bound, counted after decompression, is DATA_TOO_LARGE."""
    body = b"x" * 4097
    body = gzip.compress(body) if encoding == "gzip" else body
    with pytest.raises(UpstreamFault) as found:
        read(body, **{"content-encoding": encoding})
    assert found.value.code is DataReason.DATA_TOO_LARGE


def test_broken_gzip_is_a_bad_body():
    """Bytes that are no gzip although the header says so are UPSTREAM_BAD_BODY."""
    with pytest.raises(TransientFault) as found:
        read(b"not gzip at all", **{"content-encoding": "gzip"})
    assert found.value.code is DataReason.UPSTREAM_BAD_BODY


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/accounts", "/accounts"),
        ("/users/9f86d081", "/users/{id}"),
        ("/accounts/a%2Fb", "/accounts/{id}"),
    ],
)
def test_a_template_names_nobody(path: str, template: str) -> None:
    """The second part of a path is an id."""
    assert Request(path).template == template


async def test_a_request_that_fails_has_a_span_and_the_vendor_no_trace() -> None:
    """Status, template and class of the error; no header tells the vendor of the trace."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer, heard = provider.get_tracer("test"), list[httpx2.Headers]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        heard.append(request.headers)
        return httpx2.Response(404)

    source = SmileSource(
        "http://vendor.test/v1",
        "key",
        "secret",
        VirtualClock(),
        limits=SmileLimits(),
        transport=httpx2.MockTransport(answer),
        tracer=tracer,
    )
    refused = pytest.raises(UserUnknown)
    with tracer.start_as_current_span("call"), traced(tracer, SpanName.GATHER), refused:
        await ask(source, EINCOMES)
    await source.aclose()
    asked = [one for one in exporter.get_finished_spans() if one.name.startswith("GET")]
    assert asked
    assert {one.attributes["http.response.status_code"] for one in asked} == {404}
    assert {one.attributes["error.type"] for one in asked} == {"Gone"}
    assert USER not in str([(one.name, dict(one.attributes)) for one in asked])
    assert not [headers for headers in heard if "traceparent" in headers]
