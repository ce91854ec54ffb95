"""Amounts on the command line: one form, and a sentence for every other."""

import pytest

from decision_service.cli.fields import money_message, parse_input
from decision_service.cli.output import CommandError


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
