"""The policy of a rules folder: floors, and what is accepted with a reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from decision_service.rulebook.folder import TextFile, read_policy, read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rulebook import Floors, Policy
from tests.unit.rules.kit import ROOT

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
PATH = "rules/policy.yaml"


def test_without_a_file_everything_is_asked_for():
    """A folder that lacks the file is held to all, and accepts nothing."""
    folder = replace(read_rules(ROOT / "rules"), policy=None)
    assert load_rules(folder, NOW).rulebook.policy == Policy()


def test_a_lower_floor_is_said():
    """Each floor below 100 has a sentence."""
    policy, faults = read_policy(PATH, "floors: {figures: 80}\n", ())
    assert faults == ()
    assert policy.floors == Floors(100, 80)
    assert policy.remarks == ("policy.yaml asks for 80 % of figures alone, not for 100 %",)


BROKEN = {
    "floors: {coverage: 101}": "R123 1:20",
    "floors: {coverag: 90}": "R120 1:10",
    "flors: {}": "R120 1:1",
    "floors: 90": "R122 1:9",
    "accept: [{product: a, what: no_caps}]": "R121 1:10",
    "accept: [{product: a, what: no_cap, reason: x}]": "R123 1:29",
    "accept: [{product: b, what: no_caps, reason: x}]": "M014 1:20",
    "accept: [{product: a, what: no_caps, reason: ''}]": "R122 1:47",
    "accept:\n  - &x {product: a, what: no_caps, reason: x}\n  - *x": "R106 2:5",
    "accept:\n"
    "  - {product: a, what: no_caps, reason: x}\n"
    "  - {product: a, what: no_caps, reason: y}\n": "M015 3:24",
}


@pytest.mark.parametrize(("text", "found"), BROKEN.items())
def test_a_broken_policy_is_an_error_at_its_place(text, found):
    """Whatever is wrong with the policy has a place in it."""
    first = read_policy(PATH, text, ("a",))[1][0]
    assert f"{first.code} {first.line}:{first.column}" == found


def test_a_broken_policy_refuses_the_folder():
    """Rules whose policy cannot be read do not load."""
    broken = TextFile(PATH, "floors: {coverage: 101}\n")
    assert load_rules(replace(read_rules(ROOT / "rules"), policy=broken), NOW).rulebook is None
