"""`rules factors`: the catalogue for people and programs."""

from __future__ import annotations

import json

from decision_service.factors.registry import catalogue
from tests.unit.cli.commands import command


def test_a_factor_is_told_with_its_direction(capsys):
    """Programs read which way is better, what a factor is derived from, and what it is kept for."""
    done = command(capsys, "rules", "factors", "--format", "json")
    told = {each["name"]: each for each in json.loads(done.out)}
    assert done.code == 0
    for name, spec in catalogue().items():
        found = told[name]
        assert found["better"] == spec.better.value
        assert found["derived_from"] == list(spec.derived_from)
        assert found["knock_out_only"] is spec.knock_out_only


def test_people_read_the_direction_in_the_table(capsys):
    """The table has a column for the direction."""
    done = command(capsys, "rules", "factors", "income")
    assert "better" in done.out.splitlines()[0]
