"""Tables on a terminal or in a pipe: text wraps, ids do not."""

import pytest

from decision_service.cli.display.output import console, print_table, table
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
    lines = command(capsys, "people").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(ID in line for line in lines) == 1


def test_a_line_number_between_colons_is_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """`v1.yaml:100: …` is printed as it is, though `:100:` names an emoji."""
    console().print("v1.yaml:100: not reached", markup=False)
    assert capsys.readouterr().out == "v1.yaml:100: not reached\n"
