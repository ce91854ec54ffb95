"""What is typed or read from files: amounts, and reports of loans line by line."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.cli.fields import money_message, parse_input
from decision_service.cli.outcomes import OutcomeLineBroken, read_lines
from decision_service.cli.output import CommandError
from tests.unit.cli.commands import command


@pytest.mark.parametrize(
    ("text", "units", "nanos"),
    [
        ("20000", 20_000, 0),
        ("20000.50", 20_000, 500_000_000),
        ("0", 0, 0),
        ("0.0001", 0, 100_000),
        ("-12.5", -12, -500_000_000),
        ("9999999999999", 9_999_999_999_999, 0),
    ],
)
def test_plain_digits_are_taken_exactly(text: str, units: int, nanos: int) -> None:
    """Every digit counts, and the sign goes to both parts."""
    amount = money_message(text, "PHP")
    assert (amount.currency_code, amount.units, amount.nanos) == ("PHP", units, nanos)


@pytest.mark.parametrize(
    "text",
    ["", " 5", "5 ", "1,000", "1_000", "1e3", "1E3", "1e999999", "١", "٣٫٥", "+5", ".5", "5.",
     "007", "0x10", "NaN", "Infinity", "1.00000", "1.0.0", "--5", "½"],
)  # fmt: skip
def test_any_other_form_is_refused_with_how_to_write_it(text: str) -> None:
    """What groups, what divides and what is meant is not guessed."""
    with pytest.raises(CommandError, match=r"20000 or 20000\.50"):
        money_message(text, "PHP")


@pytest.mark.parametrize("text", ["9" * 14, "-" + "9" * 14, "9" * 14 + ".5"])
def test_an_amount_that_is_too_large_is_refused_as_that(text: str) -> None:
    """It is well written, and its form is not what is said."""
    with pytest.raises(CommandError, match=f"the amount {text} has more than 13 digits"):
        money_message(text, "PHP")


@pytest.mark.parametrize(
    "text", ["PHP 1,000", "1e3 PHP", "PHP 1e999999", "PHP ١", "PHP 1_000", "PHP +5"]
)
def test_an_input_that_is_meant_as_an_amount_is_no_text(text: str) -> None:
    """It is refused like an amount."""
    with pytest.raises(CommandError, match=r"20000 or 20000\.50"):
        parse_input(f"debt={text}")


def test_an_input_is_an_amount_where_it_has_a_currency() -> None:
    """On either side, with a space between."""
    for text in ("PHP 500", "500 PHP"):
        assert parse_input(f"debt={text}")[1].money.units == 500
    assert parse_input("ref=ABC500")[1].text == "ABC500"


def test_a_currency_has_three_capital_letters() -> None:
    """Others are told."""
    for currency in ("", "php", "PESO", "₱"):
        with pytest.raises(CommandError, match="three capital letters"):
            money_message("5", currency)


DECISION = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"
HEADER = "decision_id,loan_id,as_of_date,status,disbursed_amount,disburse_date,instalment"
BOOKED = f"{DECISION},LN-1,2026-12-31,booked,50000.50,2026-12-01,9000"
JSON = (
    f'{{"decision_id": "{DECISION}", "loan_id": "LN-1", "as_of_date": "2026-12-31", '
    '"status": "BOOKED", "disbursed_amount": 50000.50, "disburse_date": "2026-12-01", '
    '"instalment": "9000"}'
)


def read(*lines: str) -> list[tuple[int, pb.LoanOutcome | str]]:
    """Each line's number and report, or what is wrong with it."""
    found = read_lines(StringIO("".join(f"{line}\n" for line in lines)), "PHP", "loans.csv")
    return [(n, str(one) if isinstance(one, OutcomeLineBroken) else one) for n, one in found]


def test_both_forms_say_the_same() -> None:
    """Amounts are exact, the status' case and hyphens do not matter, empty lines are none."""
    [(number, csv)] = read(HEADER, "", BOOKED)
    [(first, json)] = read(JSON)
    assert (number, first) == (3, 1)
    assert csv == json
    assert isinstance(csv, pb.LoanOutcome)
    amount = csv.disbursed_amount
    assert (amount.currency_code, amount.units, amount.nanos) == ("PHP", 50_000, 500_000_000)
    assert not csv.HasField("repaid_amount")


def test_a_line_may_be_a_correction() -> None:
    """In both forms; without the column none is."""
    [(_, csv), (_, plain)] = read(f"{HEADER},correction", f"{BOOKED},true", f"{BOOKED},")
    [(_, json)] = read(JSON.replace("}", ', "correction": true}'))
    assert csv == json
    assert isinstance(csv, pb.LoanOutcome)
    assert isinstance(plain, pb.LoanOutcome)
    assert (csv.correction, plain.correction) == (True, False)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (BOOKED + ",more", "8 cells"),
        (f"{DECISION},LN-1", "2 cells"),
        (BOOKED.replace("LN-1", '"LN-1'), "CSV"),
        (BOOKED.replace("booked", "gone"), "not-taken-up"),
        (BOOKED.replace("50000.50", "lots"), "disbursed_amount"),
        (BOOKED.replace("50000.50", "NaN"), "disbursed_amount"),
        (BOOKED.replace("50000.50", "1e400000"), "disbursed_amount: the amount '1e400000'"),
        (BOOKED.replace("LN-1", ""), "loan_id"),
        (BOOKED.replace("LN-1", "x" * 10_000), "more than 10,000"),
    ],
)
def test_a_broken_line_is_told_and_the_rest_goes_on(line: str, word: str) -> None:
    """Also where a quotation mark is left open."""
    [(two, broken), (three, good)] = read(HEADER, line, BOOKED)
    assert (two, three) == (2, 3)
    assert isinstance(broken, str)
    assert word in broken
    assert isinstance(good, pb.LoanOutcome)


@pytest.mark.parametrize(
    "line", ["{", "[]", JSON.replace("loan_id", "loan"), JSON.replace("50000.50", "true")]
)
def test_a_broken_object_is_told_and_the_rest_goes_on(line: str) -> None:
    """Also an unknown name, which may be a misspelt one."""
    [_, (two, broken), (three, good)] = read(JSON, line, JSON)
    assert (two, three, type(broken)) == (2, 3, str)
    assert isinstance(good, pb.LoanOutcome)


@pytest.mark.parametrize("header", ["loan_id", HEADER + ",overdue", HEADER + ",status", '"'])
def test_a_header_that_is_none_stops_before_anything_is_sent(header: str) -> None:
    """Missing, unknown and repeated columns."""
    with pytest.raises(CommandError, match="header"):
        read(header, BOOKED)


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n".replace(",", ";").encode(),
        f"{HEADER}\n".encode("utf-16"),
        b"decision_id,loan\n",
    ],
)
def test_a_header_that_a_spreadsheet_writes_otherwise_is_named_with_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes
) -> None:
    """Nothing is sent, and the sentence begins with file and line."""
    file = tmp_path / "loans.csv"
    file.write_bytes(content)
    done = command(capsys, "decisions", "outcomes", file, "--address", "127.0.0.1:1")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{file}:1: the header has '")
    assert "a file in UTF-8 names columns once each, separated by commas" in done.err


def test_a_terminal_counts_the_lines(capsys, tmp_path, monkeypatch):
    """It counts the lines in place; the result stands alone on stdout."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    file = tmp_path / "lines"
    file.write_text("{\n" * 200)
    done = command(capsys, "decisions", "outcomes", file, "--address", "127.0.0.1:1")
    assert "200 lines" in done.err
    assert done.out == (
        "200 lines: 0 recorded, 0 older than a recorded one, 0 corrected, 0 known already, "
        "200 refused\n"
    )


def test_standard_input_is_read(capsys, tmp_path, monkeypatch):
    """A line that is broken is named by its number and not sent anywhere."""
    file = tmp_path / "lines"
    file.write_text("{\n" * 30)
    with file.open() as given:
        monkeypatch.setattr("sys.stdin", given)
        done = command(capsys, "decisions", "outcomes", "-", "--address", "127.0.0.1:1")
    assert done.code == 1
    assert "30 lines: 0 recorded" in done.out
    assert "standard input:30: " in done.err
