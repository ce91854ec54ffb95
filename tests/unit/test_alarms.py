"""Alarms: declared in one place, counted with their lines, and described."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from decision_service.runtime.telemetry import Alarm, raised
from decision_service.server.metrics import Metrics

ROOT = Path(__file__).parents[2]


def keywords() -> Iterator[tuple[str, ast.expr]]:
    """Each `alarm=` of a call in the program, with its place."""
    for path in sorted((ROOT / "decision_service").rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "alarm=" in text else ():
            if isinstance(node, ast.keyword) and node.arg == "alarm":
                yield f"{path.relative_to(ROOT)}:{node.value.lineno}", node.value


def test_every_line_with_an_alarm_counts_it() -> None:
    """Each `alarm=` is `raised(Alarm.…)`, and each alarm that is declared is raised somewhere."""
    texts = {place: ast.unparse(value) for place, value in keywords()}
    form = re.compile(r"raised\(Alarm\.(\w+)\)( if |$)")
    found = {place: form.match(text) for place, text in texts.items()}
    assert [place for place, match in found.items() if match is None] == []
    assert {match[1] for match in found.values() if match} == {alarm.name for alarm in Alarm}


def test_the_docs_have_every_alarm_and_no_other() -> None:
    """The table of docs/watch.md says of each what to do."""
    page = (ROOT / "docs" / "watch.md").read_text("utf-8")
    table = page.partition("### Alarms")[2].partition("\n#")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [*Alarm]


@pytest.mark.parametrize("alarm", Alarm)
def test_an_alarm_is_there_before_it_is_raised(alarm: Alarm) -> None:
    """Its metric exists from the start of a service, and rises by one with each line."""
    registry = Metrics().registry
    name, labels = "decision_service_alarms_total", {"alarm": alarm.value}
    before = registry.get_sample_value(name, labels)
    assert before is not None
    assert raised(alarm) == alarm.value
    assert registry.get_sample_value(name, labels) == before + 1
