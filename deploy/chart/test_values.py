"""Values that are refused, each by one sentence with the value and what to do."""

from __future__ import annotations

from typing import Any

import helm_python as helm
import pytest
import yaml
from rendering import HERE, render

from tests.e2e.page import Page

OPERATIONS = Page("install.md")
REFUSED = yaml.safe_load((HERE / "refused.yaml").read_text())


def test_the_values_of_the_page_render() -> None:
    """Those of docs/install.md, with a digest and an image of git-sync put in."""
    [(_, text)] = [one for one in OPERATIONS.blocks("Run it on Kubernetes") if one[0] == "yaml"]
    text = text.replace("<64 digits>", "0" * 64).replace("<git-sync v4>", "git-sync:v4")
    assert render(yaml.safe_load(text))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["says"][:40])
def test_values_that_cannot_work_are_refused(case: dict[str, Any]) -> None:
    """Before anything is installed."""
    with pytest.raises(helm.HelmError) as error:
        render(case["values"])
    assert case["says"] in str(error.value)
