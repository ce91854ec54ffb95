"""Decides credit applications from verified income data, durably and replayably."""

from __future__ import annotations

__version__ = "0.5.0"
