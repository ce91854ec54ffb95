"""`version`: which version this is."""

from __future__ import annotations

import sys

from decision_service.build import engine_version


def version() -> None:
    """Print the version, with the commit."""
    sys.stdout.write(f"decision-service {engine_version()}\n")
