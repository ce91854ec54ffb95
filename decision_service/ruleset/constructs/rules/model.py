"""A rule as it was read."""

from __future__ import annotations

from dataclasses import dataclass, field

from decision_service.domain.verdict import Outcome
from decision_service.language.diagnostics import Place
from decision_service.language.expressions.tree import Node


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `when` is None where it could not be read, `then` also where it only has `tags`.

    `on_missing` None is SKIP. It applies to absent causes only; taint always refers.
    `reason_factor` is the name whose comparison the reason shows; empty for the first that decided.
    """

    id: str
    when: Node | None
    then: Outcome | None
    reason: str
    reason_factor: str
    on_missing: Outcome | None
    because: str
    missing_reason: str
    tags: tuple[str, ...]
    place: Place = field(compare=False)

    @property
    def what(self) -> str:
        """The rule in messages."""
        return f"rule `{self.id}`"
