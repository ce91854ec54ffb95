"""Extras of the package: what a command needs that not every installation has."""

from __future__ import annotations

from importlib.util import find_spec

from decision_service.cli.errors import CommandError, Exit

_MODULES = {"parquet": "pyarrow", "ray": "ray"}


def require_extra(extra: str, what: str) -> None:
    """Raise CommandError where the extra is not installed; `what` needs it."""
    if find_spec(_MODULES[extra]) is None:
        raise CommandError(f"{what}: install decision-service[{extra}]", Exit.USAGE)
