"""What a module logs, whatever logging is configured to."""

from __future__ import annotations

from collections.abc import MutableMapping
from types import ModuleType
from typing import Any

import pytest
import structlog

Lines = list[MutableMapping[str, Any]]


def captured(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> Lines:
    """The lines of these modules from now on."""
    capture = structlog.testing.LogCapture()
    logger = structlog.wrap_logger(
        None, processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    for module in modules:
        monkeypatch.setattr(module, "log", logger)
    return capture.entries
