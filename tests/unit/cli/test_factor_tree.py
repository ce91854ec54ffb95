"""The factors of a decision on the screen: all of them, or the heaviest and how to see the rest."""

from __future__ import annotations

from rich.console import Console
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.views import add_factors, heaviest

NAMES = ("a.first", "b.compared", "c.lost", "d.scored", "e.asked", "f.reason", "g.last")


def decision() -> pb.Decision:
    """A decision that a reason, needed data, two rules and a scorecard rest on."""
    return pb.Decision(
        reasons=[pb.Reason(code="F", factor="f.reason"), pb.Reason(code="G", factor="derived.g")],
        data_requests=[pb.DataRequest(factor="e.asked")],
        factor_values=[
            pb.FactorValue(name=name, value=values_pb2.InputValue(number="1")) for name in NAMES
        ],
        rule_traces=[
            trace(pb.COMPONENT_SCORECARD, "d.scored"),
            trace(pb.COMPONENT_SCORECARD, "c.lost", reason="C"),
            trace(pb.COMPONENT_POLICY, "a.first"),
            trace(pb.COMPONENT_POLICY, "b.compared", reason="B"),
        ],
    )


def trace(component: pb.Component, name: str, reason: str = "") -> pb.RuleTrace:
    """A rule that compared one factor."""
    seen = [pb.ComparisonTrace(left=name)]
    return pb.RuleTrace(component=component, comparisons=seen, reason=reason)


def printed(most: int) -> list[str]:
    """The branch's lines."""
    tree = Tree("decision")
    add_factors(tree, decision(), most)
    console = Console(width=100)
    with console.capture() as capture:
        console.print(tree)
    return capture.get().splitlines()


def test_factors_are_ordered_by_what_they_did() -> None:
    """Reasons, needed data, rules and scores that gave a reason, other scores, then the rest."""
    order = [one.name for one in heaviest(decision())]
    assert order == [
        "f.reason",
        "e.asked",
        "c.lost",
        "b.compared",
        "d.scored",
        "a.first",
        "g.last",
    ]


def test_so_many_are_shown_and_how_to_see_all_is_said() -> None:
    """With `most` the heaviest alone; without it, or when there are no more, all as recorded."""
    lines = printed(2)
    assert "the 2 heaviest factors of 7" in lines[1]
    assert ["f.reason" in lines[2], "e.asked" in lines[3], "5 more" in lines[4]] == [True] * 3
    assert "--view full" in lines[4]
    for most in (0, 7):
        shown = [line.split()[1] for line in printed(most)[2:]]
        assert [name for name in NAMES if name in " ".join(printed(most))] == list(NAMES)
        assert len(shown) == len(NAMES)
