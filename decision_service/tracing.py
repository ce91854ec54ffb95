"""The port through which parts of the service say what they do; nothing listens by default.

Spans and attributes hold nothing of a person: no user id, reference, name or amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from types import TracebackType
from typing import Protocol, TypeAlias

Attributes: TypeAlias = Mapping[str, str | int]
"""Values by names of OpenTelemetry's conventions, or below `decision.`."""


class SpanName(StrEnum):
    """The spans of one decision, by what the service does in them."""

    DECIDE = "decide"
    GATHER = "gather"
    FACTORS = "factors"
    EVALUATE = "evaluate"
    COMMIT = "commit"


class Span(Protocol):
    """A piece of work in progress."""

    def set(self, attributes: Attributes) -> None:
        """Add attributes; of equal names the last value counts."""


class Tracer(Protocol):
    """Opens spans; no work waits for it, and no method raises."""

    def span(self, name: SpanName) -> AbstractContextManager[Span]:
        """A span of work inside the process, entered when it begins and left when it ends."""

    def request(self, name: str, attributes: Attributes) -> AbstractContextManager[Span]:
        """A span of a request to another server."""

    def trace_id(self) -> str:
        """The trace of the call in progress, 32 hexadecimal digits; empty outside of one."""


class NoSpan:
    """A span that nobody sees."""

    def __enter__(self) -> NoSpan:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def set(self, attributes: Attributes) -> None:
        """Take no notice."""


NO_SPAN = NoSpan()


class NoTracer:
    """A tracer whose spans nobody sees."""

    def span(self, _: SpanName) -> NoSpan:
        """The span that nobody sees."""
        return NO_SPAN

    def request(self, _: str, __: Attributes) -> NoSpan:
        """The span that nobody sees."""
        return NO_SPAN

    def trace_id(self) -> str:
        """No trace."""
        return ""


NO_TRACER: Tracer = NoTracer()
