"""The dashboards: as generated, sound as Grafana reads them, and fed by a running service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from generate import DASHBOARDS, HERE, generated
from live_metrics import problems
from promtool import promtool

FILES = sorted(HERE.glob("*.json"))
MODELS: dict[str, dict[str, Any]] = {
    file.name: json.loads(file.read_text("utf-8")) for file in FILES
}
each = pytest.mark.parametrize("name", sorted(DASHBOARDS))


def panels(name: str) -> list[dict[str, Any]]:
    """Every panel of a dashboard that shows something."""
    return [one for one in MODELS[name]["panels"] if one["type"] != "row"]


def test_the_files_are_what_the_generator_makes() -> None:
    """And no file is without it: `python deploy/grafana/generate.py` writes them anew."""
    assert {path: path.read_text("utf-8") for path in FILES} == dict(generated())


@each
def test_panels_have_places_of_their_own(name: str) -> None:
    """Ids are unique, nothing overlaps or leaves the grid of 24 columns."""
    every = MODELS[name]["panels"]
    assert len({one["id"] for one in every}) == len(every)
    for one, other in combinations([panel["gridPos"] for panel in every], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert all(one["gridPos"]["x"] + one["gridPos"]["w"] <= 24 for one in every)


@each
def test_panels_say_what_they_show(name: str) -> None:
    """A title of its own, a sentence, a unit, and a source that whoever looks may choose."""
    titles = [one["title"] for one in panels(name)]
    assert len(set(titles)) == len(titles)
    for one in panels(name):
        assert one["description"].endswith("."), one["title"]
        assert one["fieldConfig"]["defaults"]["unit"]
        sources = [one["datasource"], *(target["datasource"] for target in one["targets"])]
        assert all(source["uid"] == "${datasource}" for source in sources)
        assert len({target["refId"] for target in one["targets"]}) == len(one["targets"])


@each
def test_each_query_asks_for_what_a_running_service_shows(name: str) -> None:
    """Metrics by `/metrics`, labels by the documentation; those of legends and variables too."""
    faults = [fault for query in queries(name) for fault in problems(query)]
    assert faults == []


@each
def test_prometheus_reads_each_query(name: str, tmp_path: Path) -> None:
    """As the expression of a rule, with an interval and all values chosen."""
    chosen = [
        re.sub(r'"\$\w+"', '".*"', one).replace("$__rate_interval", "5m") for one in queries(name)
    ]
    rules = [{"record": f"query_{place}", "expr": expr} for place, expr in enumerate(chosen)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": name, "rules": rules}]}))
    promtool("check", "rules", file)


@each
def test_legends_name_labels_that_their_query_keeps(name: str) -> None:
    """A legend with a label that was summed away would show an empty name."""
    for target in (target for one in panels(name) for target in one["targets"]):
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        grouped = re.findall(r"\bby \(([^)]*)\)", target["expr"])
        if grouped:
            assert named <= {label.strip() for label in grouped[0].split(",")}, target["expr"]


def queries(name: str) -> Iterator[str]:
    """The expressions of a dashboard, and the questions of its variables as expressions."""
    yield from (target["expr"] for one in panels(name) for target in one["targets"])
    for variable in MODELS[name]["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
            assert asked is not None
            yield f"max by ({asked[2]}) ({asked[1]})"
