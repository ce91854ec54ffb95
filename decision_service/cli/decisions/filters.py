"""Which decisions a command is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.errors import CommandError, Exit
from decision_service.language.yaml.readers import parse_day


class OutcomeWord(StrEnum):
    """An outcome as it is typed."""

    APPROVE = "approve"
    REFER = "refer"
    DECLINE = "decline"
    NOT_ENROLLED = "not-enrolled"


OutcomeOption = Annotated[
    OutcomeWord | None,
    typer.Option("--outcome", help="with this outcome", case_sensitive=False),
]
FromOption = Annotated[
    str, typer.Option("--from", metavar="DAY", help="made on this day (UTC) or later")
]
BeforeOption = Annotated[
    str, typer.Option("--before", metavar="DAY", help="made before this day (UTC)")
]


UnreportedOption = Annotated[
    bool, typer.Option("--unreported", help="approved, and no loan was reported")
]


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Fields that decisions must have; empty ones match any. Days are `YYYY-MM-DD`."""

    user_id: str = ""
    application_id: str = ""
    customer_ref: str = ""
    product: str = ""
    outcome: OutcomeWord | None = None
    first_day: str = ""
    before: str = ""
    unreported: bool = False

    def request(self, page_size: int, page_token: str = "") -> service_pb.ListDecisionsRequest:
        """A request for one page of them, newest first; raises CommandError for a wrong day."""
        if self.first_day and self.before and self.before <= self.first_day:
            message = f"--before {self.before} is not after --from {self.first_day}"
            raise CommandError(message, Exit.USAGE)
        return service_pb.ListDecisionsRequest(
            user_id=self.user_id,
            application_id=self.application_id,
            customer_ref=self.customer_ref,
            product=self.product,
            outcome=None if self.outcome is None else f"OUTCOME_{self.outcome.name}",
            create_time_from=_midnight("--from", self.first_day),
            create_time_before=_midnight("--before", self.before),
            page_size=page_size,
            page_token=page_token,
            unreported=self.unreported,
        )


def _midnight(option: str, day: str) -> Timestamp | None:
    if not day:
        return None
    found = parse_day(day)
    if found is None:
        message = f"{option} is {day!r}: it must be a day such as 2026-01-31"
        raise CommandError(message, Exit.USAGE)
    stamp = Timestamp()
    stamp.FromDatetime(datetime.combine(found, time(), UTC))
    return stamp


def made_text(decision: pb.Decision) -> str:
    """When it was made, `2026-11-27 01:21`, in UTC."""
    return f"{decision.create_time.ToDatetime():%Y-%m-%d %H:%M}"
