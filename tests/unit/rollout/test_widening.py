"""What of a changed plan waits for two callers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.rollout.model import TrackName
from decision_service.rollout.state import RolloutState, advance, initial_state, widenings
from decision_service.workbench.diff import compare_plans
from tests.kits.cases import cases
from tests.unit.rollout.plans import NOW, edited, good
from tests.unit.rollout.test_plan_changes import PLAN, TEXT, changed_values

DATA = cases("rollout/widenings")


def _at_early() -> RolloutState:
    state: Any = initial_state(PLAN, NOW)
    for _ in range(2):
        state = advance(PLAN, state, TrackName.GO_LIVE, NOW, "ana")
    return state


STATE = _at_early()


@pytest.mark.parametrize("case", DATA["edits"], ids=[case["name"] for case in DATA["edits"]])
def test_an_edit_waits_where_it_widens_the_plan_in_force(case: Mapping[str, Any]) -> None:
    """The reasons are those of the data file."""
    after = good(edited(TEXT, *case["edit"]))
    assert list(widenings(PLAN, after, STATE)) == case["waits"]


def test_a_lock_of_nought_is_one() -> None:
    """Where any share needs two callers its removal does, too; a plan without a lock has none."""
    tight, free = (replace(PLAN, second_person_above=share) for share in (0, None))
    assert widenings(tight, free, STATE) == ("`second_person_above` is gone",)
    assert widenings(free, tight, STATE) == ()


def test_whatever_a_plan_says_is_known_to_wait_or_not() -> None:
    """Each value is changed in turn; those whose change does not wait are in the data file."""
    harmless = {
        f"{one.group}: {one.subject}"
        for plan in changed_values(PLAN)
        if not widenings(PLAN, plan, STATE)
        for one in compare_plans(PLAN, plan)
    }
    assert sorted(harmless) == DATA["harmless"]
