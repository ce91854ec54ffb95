"""Parameters without a value on a day by which decisions are to be judged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from decision_service.ruleset.program.model import CompiledRuleset


def without_value(rulesets: Iterable[CompiledRuleset], day: date) -> str:
    """One sentence about the first such parameter; empty where each has a value."""
    for ruleset in rulesets:
        for param in ruleset.params.values():
            for first in (values.steps[0].start for values in param.series):
                if first is not None and first > day:
                    return (
                        f"is {day}: params.{param.name} of v{ruleset.version} has no value before "
                        f"{first}; name a later day"
                    )
    return ""
