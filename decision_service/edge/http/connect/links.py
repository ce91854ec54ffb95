"""Where a page asks whether its link token still works, and for another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from prometheus_client import CollectorRegistry
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from decision_service.domain.errors import ServiceError
from decision_service.edge.http.connect.texts import chosen_language, texts_in
from decision_service.instruments import counter
from decision_service.pipeline.applicants.ports import LinkToken

Renew = Callable[[str], Awaitable[LinkToken | None]]
"""Another token for whoever holds one; None where it is not to be renewed."""

IsAlive = Callable[[str], Awaitable[bool]]
"""Whether the holder of a token may still open the widget."""

NO_STORE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
_LARGEST_BODY = 4096
_LONGEST_TOKEN = 2048
_REFUSALS = {
    "broken_off": (400, "no_token"),
    "malformed": (400, "no_token"),
    "refused": (403, "not_valid"),
    "unavailable": (503, "not_now"),
}
"""Status and sentence by what is counted."""


class _ShownToken(msgspec.Struct):
    """The body by which a page shows its token."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST_TOKEN)]


class LinkTokenEndpoints:
    """Answers the holder of a link token.

    Requests are counted by what was answered. A refusal is 400, 403 or 503 with a sentence in the
    language of the request. How often a token is refused is not limited: it has 128 random bits.
    """

    def __init__(
        self,
        renew: Renew,
        is_alive: IsAlive,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._renew = renew
        self._is_alive = is_alive
        self._requests = counter(
            registry,
            "link_token_requests",
            "Requests of connect pages about their link tokens by what was answered",
            "outcome",
        )

    async def renewed(self, request: Request) -> Response:
        """Answer 200 with another token, or a refusal."""

        async def answer(shown: str) -> dict[str, str] | None:
            fresh = await self._renew(shown)
            return None if fresh is None else {"token": fresh.access_token}

        return await self._answered(request, "renewed", answer)

    async def checked(self, request: Request) -> Response:
        """Answer 200 where the token still opens the widget, or a refusal."""

        async def answer(shown: str) -> dict[str, str] | None:
            return {} if await self._is_alive(shown) else None

        return await self._answered(request, "checked", answer)

    async def _answered(
        self,
        request: Request,
        outcome: str,
        answer: Callable[[str], Awaitable[dict[str, str] | None]],
    ) -> Response:
        try:
            shown = await _shown_token(request)
            content = None if shown is None else await answer(shown)
        except ClientDisconnect:
            return self._refusal(request, "broken_off")
        except ServiceError:
            return self._refusal(request, "unavailable")
        if content is None:
            return self._refusal(request, "malformed" if shown is None else "refused")
        self._requests.labels(outcome).inc()
        return JSONResponse(content, headers=NO_STORE)

    def _refusal(self, request: Request, outcome: str) -> Response:
        self._requests.labels(outcome).inc()
        status, why = _REFUSALS[outcome]
        language = chosen_language(None, request.headers.get("accept-language", ""))
        sentence = texts_in(language).refusals[why]
        return JSONResponse({"message": sentence}, status, headers=NO_STORE)


async def _shown_token(request: Request) -> str | None:
    """The token that a page sends, None where it sends none; nothing longer is read.

    Raises ClientDisconnect where the client leaves before the body has come.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    try:
        return msgspec.json.decode(body, type=_ShownToken).token
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
