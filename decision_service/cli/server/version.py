"""`version`: which version this is."""

from __future__ import annotations

import sys

from decision_service import __version__


def version() -> None:
    """Print the version."""
    sys.stdout.write(f"decision-service {__version__}\n")
