"""Checks of what is deployed: what is skipped is counted, and may fail in CI, as in tests/."""

from __future__ import annotations

import pytest

from tests.kits.skips import count_skips


def pytest_configure(config: pytest.Config) -> None:
    """Skips are counted, and some of them fail in CI."""
    count_skips(config)
