"""Tables on a terminal or in a pipe: text wraps, ids do not."""

import json

import pytest
from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.cli.decisions import ChainLink, print_chain
from decision_service.cli.output import console, print_json, print_table, table
from decision_service.cli.views import print_review
from tests.unit.cli.commands import command

ID = "tenantId-d74c567b7cb40868ae5f3db498bba2c3"


@pytest.mark.parametrize(("ids", "longest"), [(2, 200), (6, 6 * (len(ID) + 2) + 8 + 2)])
def test_no_word_of_a_table_breaks(
    capsys: pytest.CaptureFixture[str], ids: int, longest: int
) -> None:
    """Text takes what ids leave of the width; where they leave nothing, lines become longer."""
    made = table(*(f"id {place}" for place in range(ids)), "in words")
    made.add_row(*[ID] * ids, "[bold]some words[/] " * 40)
    print_table(made)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= longest
    assert max(line.count(ID) for line in lines) == ids
    assert sum(line.count("some") + line.count("words") for line in lines) == 81


def test_people_fit_80_columns_with_whole_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """Each person has a line with the user id, and the story below."""
    lines = command(capsys, "sandbox", "people").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(ID in line for line in lines) == 1


def test_a_line_number_between_colons_is_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """`v1.yaml:100: …` is printed as it is, though `:100:` names an emoji."""
    console().print("v1.yaml:100: not reached", markup=False)
    assert capsys.readouterr().out == "v1.yaml:100: not reached\n"


HOSTILE = "paid \x1b[2J\x00\x9b31m \u202eon\rtime"
SHOWN = r"paid \u001b[2J\u0000\u009b31m \u202eon\rtime"


def noted(text: str) -> review_pb.Review:
    return review_pb.Review(review_id="rev_1", events=[review_pb.ReviewEvent(text=text)])


def test_a_step_says_who_has_the_review_or_why_it_was_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who it was handed to, and the words of who left it to others."""
    steps = {"HANDED_OVER": "ben", "SKIPPED": "I know the family."}
    events = [
        review_pb.ReviewEvent(position=place, who="ana", action=action, text=text)
        for place, (action, text) in enumerate(steps.items(), 1)
    ]
    print_review(review_pb.Review(review_id="rev_1", skipped_by=["ana", "cai"], events=events))
    printed = capsys.readouterr().out
    assert "skipped by ana, cai" in printed
    said = [line.strip() for line in printed.splitlines()]
    assert "HANDED_OVER · ana" in said[said.index("to ben") - 1]
    assert "SKIPPED · ana" in said[said.index("I know the family.") - 1]


def test_what_strangers_wrote_is_shown_and_rules_no_screen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a tree, a table, a line, a review and a chain; JSON has it exactly."""
    rows, tree = table("why"), Tree("a decision")
    rows.add_row(escape(HOSTILE))
    tree.add(escape(HOSTILE))
    chain = [ChainLink(decision_pb2.Decision(), [noted(HOSTILE)], [], [])]
    for show in (
        lambda: print_table(rows),
        lambda: console().print(tree),
        lambda: console().print(HOSTILE, markup=False),
        lambda: print_review(noted(HOSTILE)),
        lambda: print_chain(chain),
        lambda: print_json({"text": HOSTILE}),
    ):
        show()
        printed = capsys.readouterr().out
        assert SHOWN in printed
        assert not {*"\x1b\x00\x9b\u202e\r"} & {*printed}
    assert json.loads(printed) == {"text": HOSTILE}
