"""Renders of the chart, by Helm's own library; as a program, writes them to `golden`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

HERE = Path(__file__).parent
CHART = HERE / "decision-service"
COPIES = ("monitoring.yaml", "front.yaml")
CASES = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))


def render(values: dict[str, Any]) -> dict[str, str]:
    """What Helm makes of the values, by template; raises HelmError."""
    with helm.Chart.load(CHART) as chart:
        return chart.render(values=values, name="decision-service", namespace="loans")


@cache
def rendered(case: str) -> dict[str, str]:
    """The manifests of a case by the names of their templates."""
    values = yaml.safe_load((HERE / f"cases/{case}.yaml").read_text())
    return {
        name: text.strip()
        for name, text in sorted(render(values).items())
        if text.strip() and not name.endswith(".txt")
    }


def golden_text(case: str) -> str:
    """The manifests of a case in one text, without the copies of other folders' files."""
    own = {name: text for name, text in rendered(case).items() if not name.endswith(COPIES)}
    return "".join(f"# {name}\n{text}\n" for name, text in own.items())


def documents(case: str) -> list[dict[str, Any]]:
    """The objects of a case."""
    text = "\n---\n".join(rendered(case).values())
    return [one for one in yaml.safe_load_all(text) if one]


def of_kind(case: str, kind: str) -> dict[str, Any]:
    """The one object of a kind."""
    [found] = [one for one in documents(case) if one["kind"] == kind]
    return found


if __name__ == "__main__":
    for written in CASES:
        (HERE / f"golden/{written}.yaml").write_text(golden_text(written))
