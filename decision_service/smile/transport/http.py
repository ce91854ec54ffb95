"""One request to the vendor: exactly one attempt, bounded, with nothing of it left behind."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import msgspec
from msgspec.structs import replace

from decision_service.domain.missing import Cause, DataReason
from decision_service.pipeline.ports import Clock
from decision_service.smile.errors import (
    Fault,
    Gone,
    KeysRefused,
    NotSubscribed,
    Transient,
    Untrusted,
)
from decision_service.smile.limits import Limits
from decision_service.smile.transport.body import bad_body, check_media_type, read_body
from decision_service.smile.transport.budget import Allowance
from decision_service.smile.transport.limiter import Turn
from decision_service.smile.transport.retries import retry_after

# Connections that broke while TLS was spoken; nothing is wrong with whom we spoke to.
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of an error answer."""

    code: str | None = None


_ERROR_BODY = msgspec.json.Decoder(ErrorBody)
_LONGEST_ERROR_BODY = 64 * 1024


class Ask(msgspec.Struct, frozen=True):
    """What to ask for: a path below the base URL and query parameters.

    `optional` data belongs to a product of the vendor that a key pair need not be subscribed to.
    `content` is the JSON body of a POST, `done` the one status that means success. `repeatable` is
    false where sending the request again could do a thing twice: then it is never sent again by
    itself.
    """

    path: str
    params: Mapping[str, str] = msgspec.field(default_factory=dict)
    optional: bool = False
    method: str = "GET"
    content: bytes | None = None
    done: int = httpx.codes.OK
    repeatable: bool = True

    def at(self, cursor: str) -> Ask:
        """The same list from a cursor on."""
        return replace(self, params={**self.params, "cursor": cursor})


class Client:
    """Sends requests with the key pair; never follows a redirect, reads no environment."""

    def __init__(
        self,
        base_url: str,
        key: str,
        secret: str,
        clock: Clock,
        limits: Limits,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._http = httpx.AsyncClient(
            base_url=base_url,
            auth=httpx.BasicAuth(key, secret),
            headers={"accept": "application/json", "accept-encoding": "gzip"},
            # No cookie is ever kept: one applicant's session must not reach another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            follow_redirects=False,
            verify=not base_url.startswith("http://"),  # what is not used need not be loaded
            # httpx counts per phase; the whole attempt is timed by whoever calls `get`, sooner.
            timeout=2 * limits.attempt_seconds,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
            transport=transport,
        )

    async def get(self, ask: Ask, turn: Turn, allowance: Allowance) -> bytes:
        """The body of a successful answer; raises a Fault for everything else."""

        async def trace(event: str, _: object) -> None:
            if event.endswith("send_request_body.complete"):
                turn.sent()

        extensions = {"trace": trace}
        try:
            async with self._http.stream(
                ask.method,
                ask.path,
                params=ask.params,
                content=ask.content,
                headers={"content-type": "application/json"} if ask.content else None,
                extensions=extensions,
            ) as response:
                allowance.answered = True
                return await self._body(response, ask)
        except httpx.TransportError as error:
            raise _unreached(error) from None
        finally:
            turn.sent()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _body(self, response: httpx.Response, ask: Ask) -> bytes:
        if response.status_code == ask.done:
            check_media_type(response.headers)
            return await read_body(response, self._limits.body_bytes)
        if response.status_code == httpx.codes.FORBIDDEN and ask.optional:
            raise NotSubscribed
        raise await _refusal(response, self._clock.now())


async def _refusal(response: httpx.Response, now: datetime) -> Fault:
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        after = retry_after(response.headers.get("retry-after"), now)
        return Transient(DataReason.UPSTREAM_RATE_LIMITED, throttled=True, after=after)
    if status == httpx.codes.BAD_REQUEST:
        return await _bad_request(response)
    return _by_status(status)


def _by_status(status: int) -> Fault:
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return KeysRefused(status)
    if status == httpx.codes.NOT_FOUND:
        return Gone()
    if status >= 500 and status != httpx.codes.NOT_IMPLEMENTED:
        return Transient(DataReason.UPSTREAM_UNAVAILABLE, f"HTTP {status}")
    if status < 400:
        return bad_body(f"HTTP {status}")
    return Fault(Cause.SOURCE_FAILED, None, f"HTTP {status}")


async def _bad_request(response: httpx.Response) -> Fault:
    body = await read_body(response, _LONGEST_ERROR_BODY)
    try:
        code = _ERROR_BODY.decode(body).code
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        code = None
    if code == "INVALID_CREDENTIALS":
        return KeysRefused(response.status_code)
    return Fault(Cause.SOURCE_FAILED, None, "HTTP 400")


def _unreached(error: httpx.TransportError) -> Fault:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT_OFF):
            return Untrusted()
        cause = cause.__cause__ or cause.__context__
    return Transient(DataReason.UPSTREAM_UNAVAILABLE)
