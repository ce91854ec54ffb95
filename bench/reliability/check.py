"""After the storm: what was told against what is recorded, id by id."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import grpc

from bench.reliability.client import LOAN, Client
from bench.reliability.history import History, Operation, Told
from decision_service.api.v1 import decision_service_pb2 as service_pb

AT_ONCE = 32


@dataclass(slots=True)
class Verdict:
    """Request ids by what was wrong with them."""

    lost: set[str] = field(default_factory=set)
    duplicate: set[str] = field(default_factory=set)
    divergent: set[str] = field(default_factory=set)
    refused_yet_recorded: set[str] = field(default_factory=set)
    invented: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    replays_differ: dict[str, list[str]] = field(default_factory=dict)
    not_replayed: dict[str, str] = field(default_factory=dict)
    referrals: int = 0
    unreviewed: int = 0
    reviews_alone: int = 0
    asked_again: int = 0
    replayed: int = 0
    untold: int = 0
    misread: int = 0

    def add(self, other: Verdict) -> None:
        """Take another store's findings in."""
        for name in ("lost", "duplicate", "divergent", "refused_yet_recorded", "invented"):
            getattr(self, name).update(getattr(other, name))
        self.unsettled |= other.unsettled
        self.replays_differ |= other.replays_differ
        self.not_replayed |= other.not_replayed
        self.referrals += other.referrals
        self.unreviewed += other.unreviewed
        self.reviews_alone += other.reviews_alone
        self.asked_again += other.asked_again
        self.replayed += other.replayed
        self.untold += other.untold
        self.misread += other.misread


def compare(history: History, rows: Mapping[str, Sequence[bytes]]) -> Verdict:
    """What clients were told against the rows, as they are found while no service runs."""
    found = Verdict(divergent=set(history.divergent))
    found.duplicate = {request_id for request_id, replies in rows.items() if len(replies) > 1}
    found.invented = rows.keys() - history.operations.keys()
    for request_id, operation in history.operations.items():
        replies = rows.get(request_id, ())
        if operation.told is Told.OK and not replies:
            found.lost.add(request_id)
        elif operation.told is Told.OK and replies[0] != operation.reply:
            found.divergent.add(request_id)
        elif operation.told is Told.REFUSED and replies:
            found.refused_yet_recorded.add(request_id)
    return found


async def ask_everything_again(
    client: Client, history: History, found: Verdict, rows: Mapping[str, Sequence[bytes]]
) -> None:
    """Send every request once more: the recorded bytes must come back, whatever was told."""

    async def again(operation: Operation) -> None:
        request_id = operation.request.request_id
        try:
            reply = await client.decide(operation.request)
        except grpc.RpcError:
            found.unsettled.add(request_id)
            return
        found.asked_again += 1
        before = operation.reply or next(iter(rows.get(request_id, ())), None)
        if before is not None and reply != before:
            found.divergent.add(request_id)
        operation.reply = reply

    await _side_by_side(again, list(history.operations.values()))


async def replay(client: Client, operations: Sequence[Operation], found: Verdict) -> None:
    """Recompute decisions from what is stored; nothing may differ from the record."""

    async def one(operation: Operation) -> None:
        reply = service_pb.CreateDecisionResponse.FromString(operation.reply or b"")
        request_id = operation.request.request_id
        found.replayed += 1
        try:
            differing = await client.replay(reply.decision.decision_id)
        except grpc.aio.AioRpcError as error:
            found.not_replayed[request_id] = f"{error.code().name} {error.details()}"
            return
        if differing:
            found.replays_differ[request_id] = differing

    await _side_by_side(one, operations)


def replayable(history: History, most: int) -> list[Operation]:
    """The newest decisions that rules made, of which there is something to recompute."""
    decided = [one for one in history.operations.values() if one.reply and _by_rules(one)]
    return decided[-most:]


def _by_rules(operation: Operation) -> bool:
    return bool(operation.request.product == LOAN)


async def _side_by_side(work: object, operations: Sequence[Operation]) -> None:
    waiting = list(operations)

    async def some() -> None:
        while waiting:
            await work(waiting.pop())  # type: ignore[operator]  # one of the two functions above

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
