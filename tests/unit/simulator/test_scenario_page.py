"""The scenario that the install page shows, and the faults that it names."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from decision_service.standin.commands import load_scenario
from decision_service.standin.faults import EFFECTS, MODELS

PAGE = (Path(__file__).parents[3] / "docs" / "install.md").read_text(encoding="utf-8")
PART = PAGE.partition("**A scenario**")[2].partition("\n## ")[0]


def test_the_scenario_of_the_page_is_taken() -> None:
    """As it is printed, each fault with its settings."""
    [shown] = re.findall(r"^```yaml\n(.*?)^```$", PART, re.MULTILINE | re.DOTALL)
    assert len(load_scenario(yaml.safe_load(shown)).faults) == shown.count("fault:")


def test_the_page_names_every_fault_and_no_other() -> None:
    """And no setting in its words that no fault has."""
    rows = [line.split("|")[1:3] for line in PART.splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", "".join(names for names, _ in rows))
    assert sorted(named) == sorted(EFFECTS)
    settings = {one for model in MODELS.values() for one in model.__struct_fields__}
    assert {*re.findall(r"`(\w+)`", "".join(words for _, words in rows))} <= settings
