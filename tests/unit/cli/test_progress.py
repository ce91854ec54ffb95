"""What a progress bar says of the rate."""

from __future__ import annotations

import pytest

from decision_service.workbench.commands.backtest_run import rate_text


@pytest.mark.parametrize(
    ("decisions", "seconds", "said"),
    [
        (12_400, 8.0, "12,400 decisions, 1,550 a second"),
        (0, 8.0, ""),
        (10, 0.0, ""),
    ],
)
def test_the_rate_is_of_the_decisions_so_far(decisions: int, seconds: float, said: str) -> None:
    """All of them over all of the time; nothing where they are not counted."""
    assert rate_text(decisions, seconds) == said
