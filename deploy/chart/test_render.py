"""What the chart renders: lint, golden files, Kubernetes' own schemas."""

from __future__ import annotations

from pathlib import Path

import helm_python as helm
import kubernetes_validate
import pytest
from rendering import CASES, CHART, HERE, documents, golden_text

from decision_service import __version__

OLDEST, NEWEST = "1.29", kubernetes_validate.latest_version()
SINCE = {"rules-oci": "1.31"}
"""Cases with what came later: an image as a volume."""

WITHOUT_SCHEMA = ("ServiceMonitor",)
"""Kinds that Kubernetes does not know."""


def test_helm_finds_nothing_to_lint() -> None:
    """Not even a warning."""
    report = helm.lint(CHART, strict=True)
    assert report["errors"] == []
    assert [found for found in report["messages"] if found["severity"] > 1] == []


@pytest.mark.parametrize("case", CASES)
def test_each_case_renders_as_agreed(case: str) -> None:
    """A change shows in the golden file; `make chart-golden` writes it."""
    assert golden_text(case) == (HERE / f"golden/{case}.yaml").read_text()


@pytest.mark.parametrize("case", CASES)
def test_kubernetes_knows_every_field(case: str) -> None:
    """By the strict schemas of the oldest and the newest version, which refuse unknown fields."""
    for document in documents(case):
        if document["kind"] not in WITHOUT_SCHEMA:
            for version in (SINCE.get(case, OLDEST), NEWEST):
                kubernetes_validate.validate(document, version, strict=True)


def test_no_render_is_left_over() -> None:
    """Each golden file has its case."""
    assert sorted(path.stem for path in Path(HERE / "golden").glob("*.yaml")) == CASES


def test_chart_and_service_have_one_version() -> None:
    """The chart's default image is the version that the chart is released with."""
    with helm.Chart.load(CHART) as chart:
        assert chart.metadata["appVersion"] == chart.version == __version__
