"""One HTTP request to the vendor: one attempt, bounded, without cookies or other state."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2
import msgspec
from msgspec.structs import replace

from decision_service.domain.missing import Cause, DataReason
from decision_service.pipeline.ports import Clock
from decision_service.smile.errors import (
    Gone,
    KeysRefused,
    NotSubscribed,
    TransientFault,
    UntrustedCertificate,
    UpstreamFault,
)
from decision_service.smile.limits import SmileLimits
from decision_service.smile.transport.body import bad_body, check_media_type, read_body
from decision_service.smile.transport.budget import RequestBudget
from decision_service.smile.transport.limiter import Permit
from decision_service.smile.transport.retries import retry_after
from decision_service.smile.transport.vendor_time import VendorTime
from decision_service.tracing import NO_TRACER, Attributes, Tracer, traced

# Connections that broke during TLS; the certificate is not at fault.
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of an error answer."""

    code: str | None = None


_ERROR_BODY = msgspec.json.Decoder(ErrorBody)
_LONGEST_ERROR_BODY = 64 * 1024


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
        """The same list from a cursor on."""
        return replace(self, params={**self.params, "cursor": cursor})


class HttpClient:
    """Sends requests with the key pair; never follows a redirect, reads no environment.

    `vendor_time` is what the answers tell of the vendor's clock.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        secret: str,
        clock: Clock,
        limits: SmileLimits,
        transport: httpx2.AsyncBaseTransport | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._host = httpx2.URL(base_url).host
        self.vendor_time = VendorTime(clock)
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
            verify=not base_url.startswith("http://"),  # plain HTTP needs no certificates loaded
            # httpx2 counts per phase; the caller of `get` bounds the whole attempt more tightly.
            timeout=2 * limits.attempt_seconds,
            limits=httpx2.Limits(max_connections=64, max_keepalive_connections=32),
            transport=transport,
        )

    async def get(self, request: Request, permit: Permit, budget: RequestBudget) -> bytes:
        """The body of a successful answer; raises an UpstreamFault for any other."""

        async def trace(event: str, _: object) -> None:
            if event.endswith("send_request_body.complete"):
                permit.sent()

        extensions = {"trace": trace}
        try:
            name = f"{request.method} {request.template}"
            with traced(self._tracer, name, self._about(request)) as span:
                async with self._http.stream(
                    request.method,
                    request.path,
                    params=request.params,
                    content=request.content,
                    headers={"content-type": "application/json"} if request.content else None,
                    extensions=extensions,
                ) as response:
                    span.set_attribute("http.response.status_code", response.status_code)
                    budget.answered = True
                    self.vendor_time.note(response.headers.get("date"))
                    return await self._body(response, request)
        except httpx2.TransportError as error:
            raise _unreached(error) from None
        finally:
            permit.sent()

    def _about(self, request: Request) -> Attributes:
        """The request for a span; without its URL, which names a user."""
        return {
            "http.request.method": request.method,
            "url.template": request.template,
            "server.address": self._host,
        }

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _body(self, response: httpx2.Response, request: Request) -> bytes:
        if response.status_code == request.success:
            check_media_type(response.headers)
            return await read_body(response, self._limits.body_bytes)
        if response.status_code == httpx2.codes.FORBIDDEN and request.optional:
            raise NotSubscribed
        raise await _refusal(response, self._clock.now())


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
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT_OFF):
            return UntrustedCertificate()
        cause = cause.__cause__ or cause.__context__
    return TransientFault(DataReason.UPSTREAM_UNAVAILABLE)
