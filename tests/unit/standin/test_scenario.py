"""Scenarios described by a mapping, the one of the install page with them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from decision_service.standin.commands import ScenarioRefused, load_scenario
from decision_service.standin.faults import EFFECTS, MODELS
from tests.kits.cases import cases
from tests.unit.standin.kit import ANISHA, RYAN, open_stand

TODAY = date(2026, 11, 24)

TEXT = """
requests_per_second: 7
collecting: 90
faults:
  - {user: Ryan, path: /contributions, fault: status, status: 503, retry_after: 1, times: 1}
  - {user: Anisha, path: /eincomes, fault: cursor_loop, skip: 1}
"""


async def test_a_scenario_plays_as_written() -> None:
    """People, limits and faults are those of the file."""
    scenario = load_scenario(yaml.safe_load(TEXT))
    assert scenario.requests_per_second == 7
    assert scenario.collecting == timedelta(seconds=90)
    async with open_stand(scenario.world, faults=scenario.faults) as stand:
        assert len(await stand.items("/users")) == 4
        first = await stand.get("/contributions", userId=RYAN.user_id)
        assert (first.status_code, first.headers["retry-after"]) == (503, "1")
        assert (await stand.get("/contributions", userId=RYAN.user_id)).status_code == 200
        assert "nextCursor" not in await stand.data("/eincomes", userId=ANISHA.user_id, size=150)
        assert "nextCursor" in await stand.data("/eincomes", userId=ANISHA.user_id, size=150)


def test_an_empty_scenario_is_the_sandbox() -> None:
    """Without anything said the four are there and nothing goes wrong but their stories.

    They can be left out, and any user id in the vendor's form is taken as it is.
    """
    assert len(load_scenario({"sandbox": False}).world(TODAY)) == 0
    (fault,) = load_scenario({"faults": [{"user": RYAN.user_id, "fault": "html"}]}).faults
    assert fault.user == RYAN.user_id
    scenario = load_scenario({})
    assert len(scenario.world(TODAY)) == 4
    assert (scenario.faults, scenario.requests_per_second) == ((), 20)


@pytest.mark.parametrize(("mapping", "said"), cases("standin/scenario"))
def test_what_cannot_be_played_is_refused_in_a_sentence(mapping: Any, said: str) -> None:
    """The refusal says where, what and what to give instead, on one line."""
    with pytest.raises(ScenarioRefused) as refused:
        load_scenario(mapping)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


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
