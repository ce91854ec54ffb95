"""The names that rule files may rely on: factors are added, never renamed or taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from decision_service.factors.registry import catalogue

PROMISED = (Path(__file__).parents[2] / "cases" / "promised_factors.txt").read_text()


def written_out(pattern: str) -> Iterator[str]:
    """`a_{1,2}m` is `a_1m` and `a_2m`."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [part.split(",") if place % 2 else [part] for place, part in enumerate(parts)]
    return ("".join(chosen) for chosen in product(*choices))


@pytest.mark.parametrize("pattern", PROMISED.split())
def test_what_rule_files_may_name_is_there(pattern: str) -> None:
    """Each promised factor is in the catalogue under exactly that name."""
    assert set(written_out(pattern)) <= set(catalogue())


def test_every_factor_is_promised() -> None:
    """The catalogue has no factor whose name nobody has promised to keep."""
    promised = {name for pattern in PROMISED.split() for name in written_out(pattern)}
    assert promised == set(catalogue())
