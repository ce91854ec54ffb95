"""The alerts: what promtool says of them, and that each is tried, explained and fed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from live_metrics import ROOT, problems
from promtool import promtool

from decision_service.runtime.telemetry import Alarm

HERE = Path(__file__).parent
RULES = HERE / "rules.yaml"
TESTS = sorted((HERE / "tests").glob("*.yaml"))
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for rule in group["rules"]
}


def test_promtool_takes_the_rules_and_their_tests() -> None:
    """Every case fires, or stays quiet, as it says; with the very texts that people are sent."""
    promtool("check", "rules", RULES)
    promtool("test", "rules", *TESTS)


def test_each_alert_is_tried_where_it_fires_and_where_it_does_not() -> None:
    """One case of each kind at least."""
    seen: dict[bool, set[str]] = {True: set(), False: set()}
    for file in TESTS:
        for case in yaml.safe_load(file.read_text("utf-8"))["tests"]:
            for tried in case["alert_rule_test"]:
                seen[bool(tried["exp_alerts"])].add(tried["alertname"])
    assert seen == {True: set(ALERTS), False: set(ALERTS)}


def test_each_alert_asks_for_what_a_running_service_shows() -> None:
    """Metrics by `/metrics` after some decisions, labels by the table of the documentation."""
    faults = [fault for rule in ALERTS.values() for fault in problems(rule["expr"])]
    assert faults == []


def test_each_alert_has_a_severity_and_a_row_of_the_runbook() -> None:
    """The anchor of its link is in the page, with the same severity; no row is without an alert."""
    page = (ROOT / "docs" / "watch.md").read_text("utf-8")
    rows = re.findall(r'^\| <a id="(alert-\w+)"></a>`(\w+)` \| (\w+) \|', page, re.MULTILINE)
    linked = [
        (rule["annotations"]["runbook_url"], name, rule["labels"]["severity"])
        for name, rule in ALERTS.items()
    ]
    assert sorted((f"docs/watch.md#{anchor}", *rest) for anchor, *rest in rows) == sorted(linked)
    assert {severity for *_, severity in linked} == {"page", "ticket"}


def test_each_alarm_has_an_alert() -> None:
    """By the name that the log and the metric show."""
    asked = {
        found[1]
        for rule in ALERTS.values()
        if (found := re.search(r'alarms_total\{alarm="(\w+)"\}', rule["expr"]))
    }
    assert asked == set(Alarm)
