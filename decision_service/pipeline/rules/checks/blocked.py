"""The factors and inputs that the configuration keeps from every rule."""

from __future__ import annotations

import re
from collections.abc import Iterable

from decision_service.config import ConfigError, Settings, env_name
from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import nearest

_INPUT = re.compile(r"inputs\.[a-z][a-z0-9_]*")


def blocked_names(settings: Settings) -> frozenset[str]:
    """The names that no rule may use; raises ConfigError for one that is no factor and no input."""
    if (problem := blocked_problem(settings.blocked)) is not None:
        raise ConfigError(problem)
    return settings.blocked


def blocked_problem(names: Iterable[str]) -> str | None:
    """A sentence about the first name that is no factor and not written as an input."""
    known = catalogue()
    unknown = next((n for n in sorted(names) if n not in known and not _INPUT.fullmatch(n)), None)
    if unknown is None:
        return None
    near = nearest(unknown, known)
    hint = f"did you mean {near}?" if near else "name factors as docs/factors.md does"
    return (
        f"{env_name('blocked_factors')}: {unknown} is no factor, and an input is written "
        f"inputs.NAME; {hint}"
    )
