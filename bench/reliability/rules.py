"""The rules that the harness serves: the shipped ones with the advances not yet live."""

from __future__ import annotations

from pathlib import Path

from bench.reliability.client import ADVANCE
from tests.e2e.service import own_rules


def harness_rules(folder: Path) -> Path:
    """A copy of the shipped rules in which nobody is enrolled for advances."""
    rules = folder / "rules"
    if rules.exists():
        return rules
    rules = own_rules(folder)
    plan = rules / ADVANCE / "rollout.yaml"
    text = plan.read_text()
    assert "initial_stage: all" in text
    plan.write_text(text.replace("initial_stage: all", "initial_stage: staff"))
    return rules
