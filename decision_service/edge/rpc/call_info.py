"""What a call brings besides its message: deadline, caller, languages, ids to be found again by.

The request context reads it from the metadata, once; everything inside has it as `context.info`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_DEADLINE = 10.0
"""Seconds granted to a caller who names no deadline."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_MOST_LANGUAGES = 8


@dataclass(slots=True)
class CallInfo:
    """One call, from its metadata on.

    `seconds` is what was left of the deadline when it came, which is the service's own where the
    client named none. `caller`, `sees_all` (whether it may read other callers'
    decisions) and `onboards_all` (whether it may reach other callers' applicants) are set by
    authentication. `trailing` leaves with the reply.
    """

    method: str = ""
    seconds: float = DEFAULT_DEADLINE
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_id: str = ""
    trace_id: str = ""
    caller: str = ""
    sees_all: bool = False
    onboards_all: bool = False
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

    @property
    def applicant_scope(self) -> str:
        """Whose applicants the caller may reach; empty for everybody's."""
        return "" if self.onboards_all else self.caller


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
