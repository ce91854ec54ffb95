"""What a call brings besides its message: deadline, caller, languages, ids to be found again by.

Metadata is read once, by the request context; everything inside it asks `call_info`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeAlias

from decision_service.edge.rpc.call import Call

DEFAULT_DEADLINE = 10.0
"""Seconds granted to a caller who names no deadline."""

LONGEST_DEADLINE = 3600.0
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", re.ASCII)
_MOST_LANGUAGES = 8

Context: TypeAlias = Call


@dataclass(slots=True)
class CallInfo:
    """One call, from its metadata on.

    `seconds` is what was left of the deadline when it came, which is the service's own where the
    client named none. `caller` and `sees_all` (whether it may read other callers'
    decisions) are set by authentication. `trailing` leaves with the reply.
    """

    method: str
    seconds: float
    metadata: Mapping[str, str] = field(repr=False)
    request_id: str = ""
    trace_id: str = ""
    caller: str = ""
    sees_all: bool = False
    trailing: list[tuple[str, str]] = field(default_factory=list)

    @property
    def languages(self) -> tuple[str, ...]:
        """What the caller reads, best first."""
        header = self.metadata.get("accept-language")
        return parse_languages(header) if header else ()

    @property
    def scope(self) -> str:
        """Whose decisions the caller may read; empty for everybody's."""
        return "" if self.sees_all else self.caller


CURRENT: ContextVar[CallInfo] = ContextVar("call")


def call_info(context: Context) -> CallInfo:
    """The call that is being served; raises LookupError outside one."""
    del context
    return CURRENT.get()


def read_call(context: Context, method: str) -> CallInfo:
    """Read what a call brings; malformed metadata counts as absent."""
    remaining = context.time_remaining()
    metadata = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
    info = CallInfo(
        method,
        DEFAULT_DEADLINE if remaining is None else min(remaining, LONGEST_DEADLINE),
        metadata,
    )
    if "traceparent" in metadata:
        trace = _TRACEPARENT.fullmatch(metadata["traceparent"])
        info.trace_id = trace[1] if trace else ""
    request_id = metadata.get("x-request-id", "")
    if request_id and _REQUEST_ID.fullmatch(request_id):
        info.request_id = request_id
        info.trailing.append(("x-request-id", request_id))
    return info


def parse_languages(header: str) -> tuple[str, ...]:
    """The languages of an accept-language header (RFC 9110), best first; others are ignored."""
    if not header:
        return ()
    weighted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:200].split(",")[:_MOST_LANGUAGES]):
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if _LANGUAGE.fullmatch(tag.strip()) and weight > 0:
            weighted.append((-weight, place, tag.strip()))
    return tuple(tag for _, _, tag in sorted(weighted))


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
