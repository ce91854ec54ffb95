"""Recourse on the wire and in `decisions show`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from rich.console import Console
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.casework.recourse import Change, Recourse, RecourseKind
from decision_service.cli.views import add_recourse, recourse_text
from decision_service.server.decisions import DECISIONS
from tests.unit.recourse.people import php

PAID = Change("liabilities.overdue_total", php(2_500), php(500), Decimal("8.0000"), told=True)
EARNED = Change("income.median_6m", php(7_500), php(8_000), Decimal(2) / 3)


@pytest.mark.parametrize(
    ("recourse", "text"),
    [
        (Recourse(RecourseKind.NOTHING), "nothing of what is looked at changes the decision"),
        (
            Recourse(RecourseKind.WAIT, day=date(2027, 2, 1), approved=php(5_000), told=True),
            "decide again on 2027-02-01 · approves 5,000 PHP · disclosed to applicants",
        ),
        (
            Recourse(RecourseKind.CHANGE, (PAID,), None, php(5_000), told=True),
            "the smallest change · approves 5,000 PHP · disclosed to applicants",
        ),
        (
            Recourse(RecourseKind.CHANGE, (PAID, EARNED), date(2027, 2, 1)),
            "the smallest change, from 2027-02-01 on · not disclosed to applicants",
        ),
    ],
    ids=["nothing", "wait", "change", "both"],
)
def test_an_answer_is_one_line(recourse, text):
    """What to do, from when on, what is approved then, and who may hear it."""
    assert recourse_text(DECISIONS.message(pb.Recourse, recourse)) == text


def test_each_change_is_shown_with_its_values_and_steps():
    """A change that applicants must not be told of says so."""
    message = DECISIONS.message(pb.Recourse, Recourse(RecourseKind.CHANGE, (PAID, EARNED)))
    assert [change.steps for change in message.changes] == ["8", "0.67"]
    tree = Tree("decision")
    add_recourse(tree, pb.Decision(recourse=message))
    console = Console(width=120)
    with console.capture() as shown:
        console.print(tree)
    lines = shown.get().splitlines()
    assert "liabilities.overdue_total: " in lines[2]
    assert "→" in lines[2]
    assert lines[2].endswith("(8 steps)")
    assert lines[3].endswith("(0.67 steps, not disclosed)")


def test_a_decision_without_recourse_shows_none():
    """An approval in full has no line of it."""
    tree = Tree("decision")
    add_recourse(tree, pb.Decision())
    assert tree.children == []
