"""What the chart renders: lint, golden files, Kubernetes' own schemas."""

from __future__ import annotations

import json
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import pytest
import yaml
from rendering import CASES, CHART, HERE, documents, golden_text, of_kind

from decision_service import __version__
from decision_service.smile.events import PATH as WEBHOOKS

OLDEST, NEWEST = "1.29", kubernetes_validate.latest_version()
RUNBOOK = "https://handbook.example.com/decisions/operations"
SINCE = {"rules-oci": "1.31"}
"""Cases with what came later: an image as a volume."""

WITHOUT_SCHEMA = ("ServiceMonitor", "PrometheusRule")
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


def test_alerts_and_dashboards_are_those_of_the_repository() -> None:
    """Each alert links to the operators' own page, at the anchor of its row."""
    [rule] = [one for one in documents("production") if one["kind"] == "PrometheusRule"]
    groups = yaml.safe_load((HERE.parent / "prometheus/rules.yaml").read_text())["groups"]
    for alert in (alert for group in groups for alert in group["rules"]):
        page, anchor = alert["annotations"]["runbook_url"].split("#")
        assert page == "docs/watch.md"
        alert["annotations"]["runbook_url"] = f"{RUNBOOK}#{anchor}"
    assert rule["spec"] == {"groups": groups}
    maps = [one for one in documents("production") if one["kind"] == "ConfigMap"]
    [shown] = [one for one in maps if "envoy.yaml" not in one["data"]]
    files = (HERE.parent / "grafana").glob("*.json")
    made = {file.name: json.loads(file.read_text()) for file in files}
    assert {name: json.loads(text) for name, text in shown["data"].items()} == made


def test_strangers_reach_webhooks_and_the_connect_page_alone() -> None:
    """Health, metrics and gRPC have no path from outside."""
    [rule] = of_kind("production", "Ingress")["spec"]["rules"]
    paths = {(one["path"], one["pathType"]) for one in rule["http"]["paths"]}
    assert paths == {("/connect", "Prefix"), (WEBHOOKS, "Exact")}
    assert {one["backend"]["service"]["port"]["name"] for one in rule["http"]["paths"]} == {"front"}


@pytest.mark.parametrize("case", CASES)
def test_no_volume_is_shared_by_several_pods(case: str) -> None:
    """PostgreSQL needs no volume at all; SQLite has one pod."""
    claims = [one["spec"] for one in documents(case) if one["kind"] == "PersistentVolumeClaim"]
    assert [one["accessModes"] for one in claims] == [["ReadWriteOnce"]] * (case == "rules-git")


@pytest.mark.parametrize("case", CASES)
def test_a_network_policy_is_on_by_default(case: str) -> None:
    """It selects the pods, both ways."""
    spec = of_kind(case, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    pods = of_kind(case, "Deployment")["spec"]["selector"]["matchLabels"]
    assert spec["podSelector"]["matchLabels"] == pods


def test_no_render_is_left_over() -> None:
    """Each golden file has its case."""
    assert sorted(path.stem for path in Path(HERE / "golden").glob("*.yaml")) == CASES


def test_chart_and_service_have_one_version() -> None:
    """The chart's default image is the version that the chart is released with."""
    with helm.Chart.load(CHART) as chart:
        assert chart.metadata["appVersion"] == chart.version == __version__
