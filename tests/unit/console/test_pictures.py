"""Pictures of guardrails over time."""

from __future__ import annotations

from decision_service.api.v1 import rollout_figures_pb2 as pb
from decision_service.console.rollouts import picture


def guardrail(*values: str, low: str = "", high: str = "") -> pb.GuardrailFigures:
    points = [pb.GuardrailPoint(value=one, low=one, high=one) for one in values]
    return pb.GuardrailFigures(allowed_low=low, allowed_high=high, points=points)


def test_a_gap_of_time_parts_the_line() -> None:
    found = picture(guardrail("10", "20", "", "30"))
    assert found
    lines = [line.split() for line, _ in found.runs]
    assert [len(set(line)) for line in lines] == [2, 1]
    assert "the 3 of 4 spans" in found.words


def test_a_share_outside_what_is_allowed_is_marked_and_counted() -> None:
    """At a bound it is allowed; a bound on one side alone leaves the other side open."""
    assert _outside(guardrail("5", "10", "40", "40.5", low="10", high="40")) == 2
    assert _outside(guardrail("5", "41", high="40")) == 1
    assert _outside(guardrail("-8.5", "-2", low="-9", high="-3")) == 1


def _outside(one: pb.GuardrailFigures) -> int:
    found = picture(one)
    assert found
    assert f"Spans outside: {len(found.outside)}." in found.words
    return len(found.outside)


def test_shares_that_are_all_alike_have_a_picture_and_none_have_none() -> None:
    assert picture(guardrail("0.00", "0.00")) is not None
    assert picture(guardrail("", "")) is None
