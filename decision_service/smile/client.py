"""The client of the vendor's API: one bounded attempt, retries, circuit and rate limit."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx2
import msgspec
import structlog
from msgspec.structs import replace
from opentelemetry.trace import Tracer

from decision_service.domain.ports import Clock
from decision_service.domain.values import Cause, DataReason
from decision_service.runtime.clock import ClockGuard
from decision_service.runtime.telemetry import NO_TRACER, Alarm, Attributes, raised, traced
from decision_service.smile.errors import (
    Gone,
    KeysRefused,
    NotSubscribed,
    OutOfTime,
    TransientFault,
    UntrustedCertificate,
    UpstreamFault,
)
from decision_service.smile.limits import (
    CircuitBreaker,
    Permit,
    RateLimiter,
    Reservation,
    RetryBudget,
    SmileLimits,
    backoff,
    pause,
    read_date,
    retry_after,
)

# Connections that broke during TLS; the certificate is not at fault.
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_LONGEST_ERROR_BODY = 64 * 1024
Data = TypeVar("Data")
_log = structlog.get_logger("smile")


def check_media_type(headers: httpx2.Headers) -> None:
    """Only `application/json` in UTF-8, plain or gzipped; raises an UpstreamFault otherwise."""
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise bad_body("content type")
    charset = parameters.lower().replace('"', "").replace(" ", "")
    if "charset=" in charset and "charset=utf-8" not in charset:
        raise bad_body("charset")
    if headers.get("content-encoding", "identity").lower() not in {"identity", "gzip"}:
        raise bad_body("content encoding")


def bad_body(detail: str) -> UpstreamFault:
    """The answer is not the vendor's: a login or maintenance page, a redirect, another format."""
    return UpstreamFault(Cause.SOURCE_FAILED, DataReason.UPSTREAM_BAD_BODY, detail)


async def read_body(response: httpx2.Response, most: int) -> bytes:
    """The decoded bytes, at most `most`; raises an UpstreamFault.

    A body that is cut off is a TransientFault, one that is too large a lasting fault.
    """
    gzipped = response.headers.get("content-encoding", "identity").lower() == "gzip"
    taken = _Gunzip(most) if gzipped else _Plain(most)
    try:
        # httpx2 decompresses each chunk whole, and 64 KB of gzip can become 64 MB: therefore raw
        # bytes are taken, and decompressed with a bound.
        async for chunk in response.aiter_raw():
            taken.add(chunk)
    except (httpx2.NetworkError, httpx2.ProtocolError):
        raise TransientFault(DataReason.UPSTREAM_TRUNCATED) from None
    except zlib.error:
        raise TransientFault(DataReason.UPSTREAM_BAD_BODY, "gzip") from None
    return taken.whole()


def too_large(detail: str) -> UpstreamFault:
    return UpstreamFault(Cause.SOURCE_FAILED, DataReason.DATA_TOO_LARGE, detail)


class _Plain:
    def __init__(self, most: int) -> None:
        self._most = most
        self._parts = bytearray()

    def add(self, chunk: bytes) -> None:
        if len(self._parts) + len(chunk) > self._most:
            raise too_large("bytes")
        self._parts += chunk

    def whole(self) -> bytes:
        return bytes(self._parts)


class _Gunzip(_Plain):
    def __init__(self, most: int) -> None:
        super().__init__(most)
        # With 16 the decompressor takes a gzip header, and not the one of zlib.
        self._gunzip = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def add(self, chunk: bytes) -> None:
        room = self._most - len(self._parts)
        # One byte more than there is room for, which shows that the body is too large.
        super().add(self._gunzip.decompress(chunk, room + 1))

    def whole(self) -> bytes:
        # A gzip stream without its end was cut off, though all of it so far was good.
        if not self._gunzip.eof:
            raise TransientFault(DataReason.UPSTREAM_TRUNCATED)
        return super().whole()


class RequestBudget:
    """Requests and time of one fetch.

    `calls` counts every request sent, retries included. `answered` is true once the vendor has
    answered any request, or a request has used up its retries: from then on a fetch that runs out
    of time is evidence, before that it is none. `stop_at` may move while the fetch runs.
    `reservation` holds the permits that the rate limiter has set aside for the fetch.
    """

    def __init__(self, stop_at: float, most: int, reservation: Reservation | None = None) -> None:
        self.stop_at = stop_at
        self.reservation = reservation or Reservation()
        self.calls = 0
        self.answered = False
        self._most = most

    def check(self) -> None:
        if self.calls >= self._most:
            raise too_large(f"{self._most} requests")

    def spend(self, now: float) -> None:
        """Count a request before it is sent; raises an UpstreamFault where none is left."""
        self.check()
        if now >= self.stop_at:
            raise OutOfTime
        self.calls += 1


class ErrorBody(msgspec.Struct, frozen=True):
    code: str | None = None


_ERROR_BODY = msgspec.json.Decoder(ErrorBody)


class Request(msgspec.Struct, frozen=True):
    """A request: method, path below the base URL, query parameters.

    `optional` data belongs to a product of the vendor that a key pair need not be subscribed to.
    `content` is the JSON body of a POST, `success` the one status that means success. A request
    that is not `repeatable` could take effect twice and is never retried.
    """

    path: str
    params: Mapping[str, str] = msgspec.field(default_factory=dict)
    optional: bool = False
    method: str = "GET"
    content: bytes | None = None
    success: int = httpx2.codes.OK
    repeatable: bool = True

    @property
    def template(self) -> str:
        """The path with `{id}` in place of whose or what data is asked for."""
        kind, slash, rest = self.path.lstrip("/").partition("/")
        of_one = rest.partition("/")[2]
        return f"/{kind}" + ("/{id}" if slash else "") + (f"/{of_one}" if of_one else "")

    def at(self, cursor: str) -> Request:
        return replace(self, params={**self.params, "cursor": cursor})


class HttpClient:
    """Sends requests with the key pair; never follows a redirect, reads no environment."""

    def __init__(
        self,
        base_url: str,
        key: str,
        secret: str,
        clock: Clock,
        limits: SmileLimits,
        transport: httpx2.AsyncBaseTransport | None = None,
        tracer: Tracer = NO_TRACER,
        guard: ClockGuard | None = None,
    ) -> None:
        self._tracer = tracer
        self._host = httpx2.URL(base_url).host
        self._guard = guard or ClockGuard(clock.now, clock.monotonic)
        self._clock = clock
        self._limits = limits
        self._http = httpx2.AsyncClient(
            base_url=base_url,
            auth=httpx2.BasicAuth(key, secret),
            headers={"accept": "application/json", "accept-encoding": "gzip"},
            # No cookie is ever kept: one applicant's session must not reach another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            follow_redirects=False,
            # Plain HTTP needs no certificates loaded.
            verify=not base_url.startswith("http://"),
            # httpx2 counts per phase; the caller of `get` bounds the whole attempt more tightly.
            timeout=2 * limits.attempt_seconds,
            limits=httpx2.Limits(max_connections=64, max_keepalive_connections=32),
            transport=transport,
        )

    async def get(self, request: Request, permit: Permit, budget: RequestBudget) -> bytes:
        """The body of a successful answer; raises an UpstreamFault for any other."""

        async def trace(event: str, _: object) -> None:
            # Only what has left counts for the rate limit: a connection may take its time.
            if event.endswith("send_request_body.complete"):
                permit.sent()

        try:
            name = f"{request.method} {request.template}"
            # No URL, which would name a user.
            about: Attributes = {
                "http.request.method": request.method,
                "url.template": request.template,
                "server.address": self._host,
            }
            with traced(self._tracer, name, about) as span:
                async with self._http.stream(
                    request.method,
                    request.path,
                    params=request.params,
                    content=request.content,
                    headers={"content-type": "application/json"} if request.content else None,
                    extensions={"trace": trace},
                ) as response:
                    span.set_attribute("http.response.status_code", response.status_code)
                    # Also an error is an answer: from now on missing data is evidence.
                    budget.answered = True
                    self._guard.answered(_date(response.headers))
                    return await self._body(response, request)
        except httpx2.TransportError as error:
            raise _unreached(error) from None
        finally:
            # Whatever happened: an open permit counts as a request that leaves just now.
            permit.sent()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _body(self, response: httpx2.Response, request: Request) -> bytes:
        if response.status_code == request.success:
            check_media_type(response.headers)
            return await read_body(response, self._limits.body_bytes)
        # This product need not be in the contract: its data is missing, and nothing is broken.
        if response.status_code == httpx2.codes.FORBIDDEN and request.optional:
            raise NotSubscribed
        raise await _refusal(response, self._clock.now())


def _date(headers: httpx2.Headers) -> datetime | None:
    """The time of an answer; None where a cache gives it, whose Date is that of an earlier one."""
    return None if "age" in headers else read_date(headers.get("date"))


async def _refusal(response: httpx2.Response, now: datetime) -> UpstreamFault:
    status = response.status_code
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        after = retry_after(response.headers.get("retry-after"), now)
        return TransientFault(DataReason.UPSTREAM_RATE_LIMITED, throttled=True, after=after)
    if status == httpx2.codes.BAD_REQUEST:
        return await _bad_request(response)
    return _by_status(status)


def _by_status(status: int) -> UpstreamFault:
    if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
        return KeysRefused(status)
    if status == httpx2.codes.NOT_FOUND:
        return Gone()
    # 501: the vendor has no such request, which no repetition changes.
    if status >= 500 and status != httpx2.codes.NOT_IMPLEMENTED:
        return TransientFault(DataReason.UPSTREAM_UNAVAILABLE, f"HTTP {status}")
    if status < 400:
        return bad_body(f"HTTP {status}")
    return UpstreamFault(Cause.SOURCE_FAILED, None, f"HTTP {status}")


async def _bad_request(response: httpx2.Response) -> UpstreamFault:
    body = await read_body(response, _LONGEST_ERROR_BODY)
    try:
        code = _ERROR_BODY.decode(body).code
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        code = None
    if code == "INVALID_CREDENTIALS":
        return KeysRefused(response.status_code)
    return UpstreamFault(Cause.SOURCE_FAILED, None, "HTTP 400")


def _unreached(error: httpx2.TransportError) -> UpstreamFault:
    cause: BaseException | None = error
    while cause is not None:
        # A cause may be wrapped by several libraries, one in the other.
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT_OFF):
            return UntrustedCertificate()
        cause = cause.__cause__ or cause.__context__
    return TransientFault(DataReason.UPSTREAM_UNAVAILABLE)


class RequestCounts(msgspec.Struct):
    """Counts since the start, as operators watch them.

    `credential_refusals` counts consecutive fetches that ended because the key pair was refused.
    A fetch with another end resets the count; a single answer does not, since one endpoint may
    refuse a key pair that the other endpoints take. `waited_seconds` sums what requests waited for
    the rate limit.
    """

    requests: int = 0
    retries: int = 0
    credential_refusals: int = 0
    tls_failures: int = 0
    waited_seconds: float = 0.0


class SmileApi:
    """Sends requests and returns decoded answers; raises an UpstreamFault where none is usable."""

    def __init__(self, client: HttpClient, clock: Clock, limits: SmileLimits) -> None:
        self.limits = limits
        self.counts = RequestCounts()
        self.breaker = CircuitBreaker(clock, limits)
        self.limiter = RateLimiter(clock, limits.requests_per_second, limits.window_seconds)
        self._client = client
        self._clock = clock
        self._retry_budget = RetryBudget(limits)

    def budget(self, stop_at: float, reservation: Reservation | None = None) -> RequestBudget:
        return RequestBudget(stop_at, self.limits.requests_per_reading, reservation)

    async def get(
        self, request: Request, decode: Callable[[bytes], Data], budget: RequestBudget
    ) -> Data:
        """The decoded answer; retries where a retry may help and time and budgets allow one."""
        # Each request earns a part of a retry, so that retries stay a share of all requests.
        self._retry_budget.first_try()
        retry = 0
        while True:
            try:
                return await self._attempt(request, decode, budget)
            except TransientFault as fault:
                # A request that was throttled was not carried out, so that it may be repeated in
                # any case.
                if not (request.repeatable or fault.throttled):
                    raise
                await self._rest(fault, retry, budget)
            retry += 1

    async def _attempt(
        self, request: Request, decode: Callable[[bytes], Data], budget: RequestBudget
    ) -> Data:
        budget.check()
        self.breaker.admit()
        permit = await self._permit(budget)
        try:
            data = decode(await self._timed(request, permit, budget))
        except UpstreamFault as fault:
            self._count_fault(fault, budget)
            raise
        self.breaker.succeeded()
        return data

    async def _permit(self, budget: RequestBudget) -> Permit:
        budget.reservation.take()
        asked = self._clock.monotonic()
        permit = await self.limiter.acquire(budget.stop_at)
        self.counts.waited_seconds += self._clock.monotonic() - asked
        try:
            budget.spend(self._clock.monotonic())
        except UpstreamFault:
            # An open permit counts as a request that leaves just now, and this one never does.
            permit.sent()
            raise
        self.counts.requests += 1
        return permit

    async def _timed(self, request: Request, permit: Permit, budget: RequestBudget) -> bytes:
        left = budget.stop_at - self._clock.monotonic()
        whole = self.limits.attempt_seconds
        try:
            async with asyncio.timeout(min(left, whole)):
                return await self._client.get(request, permit, budget)
        except TimeoutError:
            # The caller's time was over and not the attempt's: the vendor is not to blame.
            if left < whole:
                raise OutOfTime from None
            raise TransientFault(DataReason.UPSTREAM_TIMEOUT, slow=True) from None

    async def _rest(self, fault: TransientFault, retry: int, budget: RequestBudget) -> None:
        """Wait before the next attempt, or raise the fault where no attempt is left."""
        most = self.limits.timeout_retries if fault.slow else self.limits.retries
        if fault.throttled:
            self.limiter.pause(pause(fault.after, retry, self.limits))
        if retry >= most or not self._retry_budget.take():
            # The vendor had its tries: from now on the missing data is evidence.
            budget.answered = True
            raise fault
        self.counts.retries += 1
        # After a 429 the limiter holds every request back already.
        delay = 0.0 if fault.throttled else backoff(retry, self.limits)
        if self._clock.monotonic() + max(delay, self.limiter.paused_for) >= budget.stop_at:
            raise fault
        await asyncio.sleep(delay)

    def _count_fault(self, fault: UpstreamFault, budget: RequestBudget) -> None:
        if isinstance(fault, OutOfTime):
            return
        # The vendor has answered, so that its circuit stays closed.
        if not fault.blames_vendor:
            self.breaker.succeeded()
        elif self.breaker.failed():
            _log.error("smile.circuit_opened")
        if isinstance(fault, KeysRefused):
            _log.error("smile.keys_refused", alarm=raised(Alarm.UPSTREAM_KEYS), status=fault.status)
        if isinstance(fault, UntrustedCertificate):
            self.counts.tls_failures += 1
            # No retry helps, so that the request counts as one that used up its retries.
            budget.answered = True
            _log.error("smile.tls_failed", alarm=raised(Alarm.UPSTREAM_TLS))


@contextmanager
def refusals() -> Iterator[None]:
    """A fault leaves as the error that a caller learns."""
    try:
        yield
    except UpstreamFault as fault:
        raise fault.refusal() from None
