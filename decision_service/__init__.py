"""Decides credit applications from verified income data, durably and replayably."""

__version__ = "0.3.0"
