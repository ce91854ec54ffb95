"""A receiver of events on loopback that answers as a test says."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from decision_service.outbox.events import EventFilter
from decision_service.outbox.subscriptions import Subscription
from decision_service.runtime.tasks import listen, serving

SECRETS = tuple("whsec_" + base64.b64encode(letter * 32).decode() for letter in (b"a", b"b"))
KEYS = tuple(map(Webhook, SECRETS))


@dataclass
class Receiver:
    """`answers` gives the status by the event; None never answers. `taken` are those with 2xx.

    The body of 207 is many chunks and never ends.
    """

    url: str = ""
    came: list[dict[str, Any]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    answers: Callable[[dict[str, Any]], int | None] = lambda _: 204

    def subscription(self, name: str = "los", **chosen: Any) -> Subscription:
        return Subscription(name, self.url, EventFilter(**chosen), KEYS, allow_private=True)

    async def take(self, request: Request) -> Response:
        """Note an event that both secrets have signed for the time in its head."""
        body, head = (await request.body()).decode(), dict(request.headers)
        at = datetime.fromtimestamp(int(head["webhook-timestamp"]), UTC)
        signed = [key.sign(head["webhook-id"], at, body) for key in KEYS]
        assert head["webhook-signature"].split(" ") == signed
        event = json.loads(body)
        assert (event["id"], None) == (head["webhook-id"], head.get("cookie"))
        self.came.append(event)
        self.heads.append(head)
        if (status := self.answers(event)) is None:
            await asyncio.Event().wait()
            raise AssertionError
        if status < 300:
            self.taken.append(event)
        elsewhere = "//:99999999/" if status == 302 else f"{self.url}/elsewhere"
        heads = {"location": elsewhere, "set-cookie": f"cookie-{len(self.came)}=1"}
        if status == 207:
            return StreamingResponse(self.chunks(), status)
        return Response(status_code=status, headers=heads)

    async def chunks(self) -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"."
        await asyncio.Event().wait()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that takes everything unless a test says otherwise."""
    receiver, listener = Receiver(), listen("127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{listener.getsockname()[1]}/events"
    app = Starlette(routes=[Route("/{rest:path}", receiver.take, methods=["POST", "GET"])])
    async with serving(app, listener):
        yield receiver
