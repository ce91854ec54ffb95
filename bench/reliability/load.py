"""Callers who decide, ask again, reuse ids and give up, and write down what they hear."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import grpc

from bench.reliability.client import Client, advance, loan, nothing_recorded, reason
from bench.reliability.history import History, Operation, Request
from bench.reliability.vendor import person

PAUSE = 0.02
"""Seconds after a call that nobody answered."""

TIMEOUT = 20.0
"""Seconds, the time that a server needs to come back included."""


@dataclass(slots=True)
class Load:
    """Callers of one store over any of its replicas; the dice decide who does what."""

    clients: Sequence[Client]
    history: History
    dice: Random
    people: int
    name: str
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def run(self, callers: int, stop: asyncio.Event) -> None:
        """Call with so many callers until told to stop."""
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(self._calls(stop))

    async def _calls(self, stop: asyncio.Event) -> None:
        acts: list[tuple[int, Callable[[Client], Awaitable[bool]]]] = [
            (66, self._new),
            (10, self._again),
            (4, self._reuse),
            (4, self._give_up),
            (16, self._settle),
        ]
        weights, kinds = zip(*acts, strict=True)
        while not stop.is_set():
            (act,) = self.dice.choices(kinds, weights)
            if not await act(self.dice.choice(self.clients)):
                await asyncio.sleep(PAUSE)

    async def _new(self, client: Client) -> bool:
        return await self.ask(client, self._fresh())

    async def _again(self, client: Client) -> bool:
        known = self.history.any_acknowledged(self.dice)
        return known is None or await self.ask(client, known.request)

    async def _settle(self, client: Client) -> bool:
        known = self.history.next_open()
        return known is None or await self.ask(client, known.request)

    async def _reuse(self, client: Client) -> bool:
        """The id of a decided request with other content must be refused."""
        known = self.history.any_acknowledged(self.dice)
        if known is None:
            return True
        other = loan(known.request.request_id, known.request.user_id, units=1_234)
        try:
            await client.decide(other, TIMEOUT)
        except grpc.RpcError as error:
            self._note_reuse(known, error)
            return bool(reason(error))
        self.history.calls["reuse answered"] += 1
        return True

    def _note_reuse(self, known: Operation, error: grpc.RpcError) -> None:
        refused = error.code() is grpc.StatusCode.ALREADY_EXISTS
        told_on = known.request.user_id in (error.details() or "")
        kind = "reuse refused" if refused and not told_on else "reuse unanswered"
        self.history.calls["reuse told on the first" if told_on else kind] += 1

    async def _give_up(self, client: Client) -> bool:
        """Cancel a call after a moment; asking again must settle it."""
        request = self._fresh()
        self.history.invoked(request)
        call = asyncio.ensure_future(self.ask(client, request))
        await asyncio.wait([call], timeout=self.dice.uniform(0, 0.02))
        call.cancel()
        (answered,) = await asyncio.gather(call, return_exceptions=True)
        self.history.calls["given up"] += 1
        return answered is not False

    async def ask(self, client: Client, request: Request) -> bool:
        """One try of a request, written down; False when nobody answered."""
        self.history.invoked(request)
        try:
            reply = await client.decide(request, TIMEOUT)
        except grpc.RpcError as error:
            return self._failed(request, error)
        except asyncio.CancelledError:
            self.history.unknown(request)
            raise
        self.history.ok(request, reply)
        self.history.calls["answered"] += 1
        return True

    def _failed(self, request: Request, error: grpc.RpcError) -> bool:
        said = reason(error)
        self.history.calls[said or "no answer"] += 1
        if nothing_recorded(error):
            self.history.refused(request)
        else:
            self.history.unknown(request)
        return bool(said)

    def _fresh(self) -> Request:
        """Nine of ten are outside the go-live; the others make the vendor work."""
        request_id = f"{self.name}-{next(self._numbers)}"
        who = person(
            self.dice.choice(("George", "Ryan", "Anisha")), self.dice.randrange(self.people)
        )
        if self.dice.random() < 0.9:
            return advance(request_id, who)
        return loan(request_id, who)
