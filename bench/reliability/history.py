"""What clients did and what they were told, operation by operation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from decision_service.api.v1 import decision_service_pb2 as service_pb

Request = service_pb.CreateDecisionRequest


class Told(Enum):
    """What a client knows of its request."""

    INVOKED = "invoked"
    """Sent; no word yet, or none that settles it: it may be recorded."""

    OK = "ok"
    REFUSED = "refused"
    """The service said that nothing was recorded, and no earlier try is open."""


@dataclass(slots=True)
class Operation:
    """One request id: what was asked under it and what came back."""

    request: Request
    told: Told = Told.INVOKED
    reply: bytes | None = None
    open: bool = False
    """Whether some try ended without a word."""


@dataclass(slots=True)
class History:
    """Every operation by its request id; `divergent` are ids that were told two things."""

    operations: dict[str, Operation] = field(default_factory=dict)
    divergent: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    _acknowledged: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def invoked(self, request: Request) -> Operation:
        """A request is about to be sent, for the first time or again."""
        known = self.operations.get(request.request_id)
        if known is None:
            known = self.operations[request.request_id] = Operation(request)
        return known

    def ok(self, request: Request, reply: bytes) -> None:
        """The decision came back."""
        operation = self.operations[request.request_id]
        if operation.reply is None:
            operation.told, operation.reply = Told.OK, reply
            self._acknowledged.append(request.request_id)
        elif operation.reply != reply:
            self.divergent.add(request.request_id)

    def refused(self, request: Request) -> None:
        """The service said that nothing was recorded."""
        operation = self.operations[request.request_id]
        if operation.told is Told.INVOKED and not operation.open:
            operation.told = Told.REFUSED

    def unknown(self, request: Request) -> None:
        """No word came: recorded or not, nobody knows."""
        operation = self.operations[request.request_id]
        operation.open = True
        if operation.told is not Told.OK:
            operation.told = Told.INVOKED
            self._open.append(request.request_id)

    def acknowledged(self) -> list[str]:
        """The ids that were answered with a decision."""
        return self._acknowledged

    def any_acknowledged(self, dice: Random) -> Operation | None:
        """Some operation that was answered."""
        return self.operations[dice.choice(self._acknowledged)] if self._acknowledged else None

    def next_open(self) -> Operation | None:
        """An operation that nobody knows the end of; each is given once a try."""
        while self._open:
            operation = self.operations[self._open.pop()]
            if operation.told is Told.INVOKED:
                return operation
        return None
