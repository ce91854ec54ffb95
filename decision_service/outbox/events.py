"""What happens, as others follow it: the types of events, what one says, and how it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec


class EventType(StrEnum):
    DECISION_RECORDED = "decision.recorded"
    DECISION_AGAIN = "decision.again"
    REVIEW_OPENED = "review.opened"
    REVIEW_COMPLETED = "review.completed"
    REVIEW_ENDED = "review.ended"
    LOAN_OVERDRAWN = "loan.overdrawn"
    LETTER_MADE = "letter.made"
    RULES_PROPOSED = "rules.proposed"
    RULES_CONFIRMED = "rules.confirmed"
    RULES_DECLINED = "rules.declined"
    RULES_LOADED = "rules.loaded"
    RULES_REFUSED = "rules.refused"
    ROLLOUT_STEPPED = "rollout.stepped"
    APPLICANT_ERASED = "applicant.erased"


class EventFields(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says: ids, outcome, kind and version, never a name or an amount.

    `kind` is that of a referral or a letter, why a review ended, or what a step of a rollout or a
    release did. `position` is the step's number.
    """

    decision_id: str = ""
    request_id: str = ""
    application_id: str = ""
    product: str = ""
    outcome: str = ""
    kind: str = ""
    version: int = 0
    replaces: str = ""
    review_id: str = ""
    letter_id: str = ""
    user_id: str = ""
    position: int = 0


EventNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""The sequence of an event: they are read in its order."""


class Event(EventFields, frozen=True, kw_only=True, omit_defaults=True):
    """An event as it is read; those of one person, or of one product, have one `key`."""

    id: str
    type: str
    made: datetime
    sequence: EventNumber
    key: str

    def body(self, store_id: str) -> bytes:
        """The event in JSON, as CloudEvents 1.0 has it."""
        names = EventFields.__struct_fields__
        data = {name: value for name in names if (value := getattr(self, name))}
        envelope = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"urn:decision-service:{store_id}",
            "type": self.type,
            "subject": self.decision_id or self.user_id or self.product or "rules",
            "time": self.made,
            # Of one width: CloudEvents compares a `sequence` as text.
            "sequence": f"{self.sequence:020}",
            "datacontenttype": "application/json",
            "data": data,
        }
        return msgspec.json.encode(envelope)


def event_id(kind: EventType, of: str) -> str:
    """The same for the same occurrence, however often it is recorded."""
    return f"evt_{hashlib.sha256(f'{kind} {of}'.encode()).hexdigest()[:26]}"


class EventFilter(msgspec.Struct, frozen=True):
    """Empty means all: whose events, and of which types."""

    caller: str = ""
    types: tuple[str, ...] = ()


class EventPage(msgspec.Struct, frozen=True):
    """Events in their order, and the sequence from which the next page goes on."""

    events: Sequence[Event]
    last: EventNumber


class ToSend(msgspec.Struct, frozen=True):
    """An event that a subscription has not received, and how often it was sent."""

    subscription: str
    event: Event
    attempts: int


class Attempt(msgspec.Struct, frozen=True):
    """How a delivery went; `due` is when it is tried again, None of one that is given up."""

    sent: ToSend
    received: bool
    due: datetime | None = None


class Backlog(msgspec.Struct, frozen=True):
    """What a subscription has not received: how much, since when, and how much is given up."""

    subscription: str
    count: int
    oldest: datetime | None
    dead: int
