"""Extras of the package: what a command needs that not every installation has."""

from __future__ import annotations

from importlib.util import find_spec

from decision_service.cli.errors import CommandError, Exit

_EXTRAS = {"pyarrow": "workbench", "ray": "ray"}


def require_extra(module: str, what: str) -> None:
    """Raise CommandError where a module of an extra is not installed; `what` needs it."""
    if find_spec(module) is None:
        raise CommandError(f"{what}: install decision-service[{_EXTRAS[module]}]", Exit.USAGE)
