"""What a call brings besides its message: deadline, caller, languages, ids to be found again by.

The request context reads it from the metadata, once; everything inside has it as `context.info`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from decision_service.edge.languages import parse_languages

DEFAULT_DEADLINE = 10.0
"""Seconds granted to a caller who names no deadline."""


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
