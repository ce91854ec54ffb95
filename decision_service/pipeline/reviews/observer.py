"""The port through which steps of reviews are counted."""

from __future__ import annotations

from typing import Protocol

from decision_service.reviewing.steps import ReviewStep


class ReviewObserver(Protocol):
    """Receives every step that became durable in this process; no method raises."""

    def stepped(self, step: ReviewStep) -> None:
        """Take a step; never one that was taken before."""
