"""Someone who follows what is decided while servers are killed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle

import grpc
from google.protobuf.duration_pb2 import Duration

from bench.reliability.client import Client
from bench.reliability.stores import DECIDED
from decision_service.api.v1 import event_service_pb2 as pb
from decision_service.api.v1.event_service_pb2_grpc import EventServiceStub

WAIT = Duration(seconds=2)


@dataclass(slots=True)
class Follower:
    """Goes on from a cursor at whichever replica answers; `seen` is of which decisions it heard."""

    clients: Sequence[Client]
    seen: list[str] = field(default_factory=list)
    _cursor: str = ""

    async def follow(self) -> None:
        """For ever."""
        for client in cycle(self.clients):
            with suppress(grpc.RpcError):
                while True:
                    await self.page(client)
            await asyncio.sleep(0.02)

    async def page(self, client: Client) -> bool:
        """The next page, if there is one; raises grpc.RpcError."""
        asked = pb.ListEventsRequest(cursor=self._cursor, types=DECIDED, page_size=500, wait=WAIT)
        page = await EventServiceStub(client.channel).ListEvents(asked, timeout=10)
        self._cursor = page.next_cursor
        self.seen += [one.decision_id for one in page.events]
        return bool(page.events)
