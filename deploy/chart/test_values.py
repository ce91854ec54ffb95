"""Values that are refused, each by one sentence with the value and what to do."""

from __future__ import annotations

from typing import Any

import helm_python as helm
import pytest
import yaml
from rendering import HERE, render

REFUSED = yaml.safe_load((HERE / "refused.yaml").read_text())


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["says"][:40])
def test_values_that_cannot_work_are_refused(case: dict[str, Any]) -> None:
    """Before anything is installed."""
    with pytest.raises(helm.HelmError) as error:
        render(case["values"])
    assert case["says"] in str(error.value)
