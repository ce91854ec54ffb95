"""The errors that ports raise and use cases hand to the server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import ClassVar, Self

import msgspec

# A terminal or a browser obeys these: they could hide or reorder the words around them.
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)"
)
"""A control or bidirectional character: refused in requests, escaped on screens.

Line breaks and tabs are none of them.
"""


def visible(text: str) -> str:
    """A text, or JSON, with each control and bidirectional character as its JSON escape."""
    return UNSEEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


class Unfit(Exception):
    """What a command was given does not do; the message is the sentence that it ends with."""


class ServiceError(Exception):
    """What a caller learns in one sentence; nothing was recorded."""

    reason: ClassVar[str] = "INTERNAL"

    def __init__(
        self, message: str, *, retry_after: float | None = None, **fields: str | int
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        # The metadata of gRPC's ErrorInfo is text alone.
        self.fields: Mapping[str, str] = {k: str(v) for k, v in fields.items()}


class FieldProblem(msgspec.Struct, frozen=True):
    """One field of a request that is wrong: its path as the client wrote it, and what to do.

    `values` are what the description says of the field, by name: value, min, max, one_of, currency.
    """

    field: str
    description: str
    values: Mapping[str, str] = msgspec.field(default_factory=dict)


class CallerError(ServiceError):
    """The request is at fault."""


class _Fields(CallerError):
    """Fields are wrong, at least one; the first is in `fields` with its values."""

    def __init__(self, message: str, problems: tuple[FieldProblem, ...], **fields: str) -> None:
        first = problems[0]
        super().__init__(message, retry_after=None, field=first.field, **first.values, **fields)
        self.problems = problems

    @classmethod
    def of(cls, field: str, what: str) -> Self:
        """Of one field; `what` follows its name in the sentence."""
        message = f"{field} {what}"
        return cls(message, (FieldProblem(field, message),))


class FieldInvalid(_Fields):
    """A field of the request is malformed, whatever the ruleset."""

    reason = "FIELD_INVALID"


class InputInvalid(_Fields):
    """An input that the chosen ruleset declares is missing, mistyped or out of bounds."""

    reason = "INPUT_INVALID"


class PageTokenInvalid(_Fields):
    """The page token is not ours, or belongs to another filter."""

    reason = "PAGE_TOKEN_INVALID"


class UserUnknown(CallerError):
    """The vendor knows no such user, or has erased it."""

    reason = "USER_UNKNOWN"


class DecisionUnknown(CallerError):
    """No decision has this id, or it is another caller's."""

    reason = "DECISION_UNKNOWN"

    @classmethod
    def of(cls, decision_id: str) -> Self:
        return cls(f"there is no decision {decision_id}: check the id", decision_id=decision_id)


class ProductUnknown(CallerError):
    reason = "PRODUCT_UNKNOWN"


class RulesetUnknown(CallerError):
    """No text of this ruleset version or digest is known."""

    reason = "RULESET_UNKNOWN"


class ReviewUnknown(CallerError):
    reason = "REVIEW_UNKNOWN"

    @classmethod
    def of(cls, review_id: str) -> Self:
        return cls(f"there is no review {review_id}: check the id", review_id=review_id)


class RequestIdReused(CallerError):
    """The same request_id came with other content; nothing of the first is revealed."""

    reason = "REQUEST_ID_REUSED"


class RequestInProgress(CallerError):
    """The same request_id is still being decided and this caller's deadline came first."""

    reason = "REQUEST_IN_PROGRESS"

    @classmethod
    def still(cls) -> Self:
        return cls(
            "a request with this request_id is still being decided: ask again for its result",
            retry_after=1.0,
        )


class OutcomeContradicted(CallerError):
    """A report of a loan cannot be true with one that is recorded."""

    reason = "OUTCOME_CONTRADICTED"


class ResultNotFinal(CallerError):
    """A person's result may still be withdrawn, so that nothing may rest on it."""

    reason = "RESULT_NOT_FINAL"


class LanguageUnknown(CallerError):
    reason = "LANGUAGE_UNKNOWN"


class NoticeUnknown(CallerError):
    """The letter was not made yet, and this caller may not make it."""

    reason = "NOTICE_UNKNOWN"


class Unauthenticated(CallerError):
    reason = "UNAUTHENTICATED"


class PermissionDenied(CallerError):
    """The caller is known and may not do this."""

    reason = "PERMISSION_DENIED"


class AuthorityExceeded(PermissionDenied):
    """The amount of a review is above what two persons may approve."""

    reason = "AUTHORITY_EXCEEDED"


class NotYet(ServiceError):
    """The request cannot be served in the current state; it may be later."""


class DataNotReady(NotYet):
    reason = "DATA_NOT_READY"


class SnapshotErased(NotYet):
    """The applicant's data was erased; the decision still reads back."""

    reason = "SNAPSHOT_ERASED"

    @classmethod
    def of(cls, but: str) -> Self:
        """`but` is what cannot be done any more; it ends the sentence."""
        return cls(
            "the applicant's data behind this decision was erased: the decision can still be "
            f"read, {but}"
        )


class NoticeNotDue(NotYet):
    """There is nothing to write to the applicant about this decision as it is now."""

    reason = "NOTICE_NOT_DUE"


class PlanChanged(NotYet):
    """The rollout plan has moved on since the caller read it."""

    reason = "PLAN_CHANGED"


class RolloutRefused(NotYet):
    """The rollout cannot take this step from its current state."""

    reason = "ROLLOUT_REFUSED"


class ReleaseRefused(NotYet):
    """A step of a release that may not be taken; nothing changed."""

    reason = "RELEASE_REFUSED"


class RolloutMovedOn(NotYet):
    """Another step of the rollout came first; look again before taking this one."""

    reason = "ROLLOUT_MOVED_ON"


class ReviewRefused(NotYet):
    """The review cannot take this step: its state, its claim, or the product's plan forbids it."""

    reason = "REVIEW_REFUSED"


class SmileError(ServiceError):
    """The vendor could not be read at all."""


class UpstreamUnavailable(SmileError):
    """The circuit is open, the vendor cannot be reached at all, or our keys are refused."""

    reason = "UPSTREAM_UNAVAILABLE"


class UpstreamBudgetExhausted(SmileError):
    """The vendor's request budget cannot be met inside the deadline; no call was spent."""

    reason = "UPSTREAM_BUDGET_EXHAUSTED"


class StoreError(ServiceError):
    """Our store failed."""


class StoreUnavailable(StoreError):
    reason = "STORE_UNAVAILABLE"


class ConsentMoved(StoreError):
    """The user withdrew consent while the decision was being made; callers never see this."""


class ReadingMoved(StoreError):
    """The warm reading that a decision rests on may not serve any more; callers never see this."""


class HistoryMoved(StoreError):
    """Another decision on the same person was recorded meanwhile; callers never see this."""


class AllowancesMoved(StoreError):
    """Other approvals have used up what this one was made by; callers never see this."""


class StoreBusy(StoreUnavailable):
    """Every connection to the store is taken; nothing was begun."""

    reason = "OVERLOADED"


class LeaseLost(StoreUnavailable):
    """Another process has taken the request over; this one's decision was not recorded."""


class Unready(ServiceError):
    """This process takes no work now."""


class Draining(Unready):
    reason = "DRAINING"


class RulesUnavailable(Unready):
    """No good set of rules is loaded."""

    reason = "RULES_UNAVAILABLE"


class Overloaded(Unready):
    reason = "OVERLOADED"


class DeadlineMissed(ServiceError):
    """The caller's deadline came before anything could be decided."""

    reason = "DEADLINE_EXCEEDED"

    @classmethod
    def unrecorded(cls) -> Self:
        """The error of a decision that goes on; a repeated call returns it."""
        return cls("the deadline came before the decision was recorded")


class CrossTenant(ServiceError):
    """The vendor answered with another user's data; an alarm, never a decision."""

    reason = "INTERNAL"
