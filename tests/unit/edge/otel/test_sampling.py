"""Which calls are traced is the SDK's to say, by the standard variables."""

from __future__ import annotations

import pytest

from decision_service.server.otel import VariableRefused, check_ratio


@pytest.mark.parametrize("argument", ["10", "-1", "10%", "nan"])
def test_a_share_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    """A sentence with the value and what it takes."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    with pytest.raises(VariableRefused, match=f"is '{argument}': it takes a share of calls"):
        check_ratio()
