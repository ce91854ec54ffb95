"""The decisions commands: amounts and loan reports that they read, decisions that they write."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from google.type.money_pb2 import Money
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import applicant_service_pb2 as applicants_pb
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import outcome_service_pb2 as outcomes_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.cases import Exported, case
from decision_service.cli.commands import json_export
from decision_service.cli.decisions import chain_of, differences
from decision_service.cli.fields import money_message, parse_input
from decision_service.cli.outcomes import OutcomeLineBroken, read_lines
from decision_service.cli.output import CommandError
from tests.unit.cli.commands import command


@pytest.mark.parametrize(
    ("text", "units", "nanos"),
    [
        ("20000", 20_000, 0),
        ("20000.50", 20_000, 500_000_000),
        ("42,000", 42_000, 0),
        ("1,234,567.25", 1_234_567, 250_000_000),
        ("0", 0, 0),
        ("0.0001", 0, 100_000),
        ("-12.5", -12, -500_000_000),
        ("9999999999999", 9_999_999_999_999, 0),
    ],
)
def test_an_amount_is_taken_exactly(text: str, units: int, nanos: int) -> None:
    amount = money_message(text, "PHP")
    assert (amount.currency_code, amount.units, amount.nanos) == ("PHP", units, nanos)


@pytest.mark.parametrize(
    "text",
    ["", " 5", "5 ", "1,5", "1,00", "1,0000", "0,500", "1,,000", "1,000,",
     "1_000", "1e3", "1E3", "1e999999", "١", "٣٫٥", "+5", ".5", "5.",
     "007", "0x10", "NaN", "Infinity", "1.00000", "1.0.0", "--5", "½"],
)  # fmt: skip
def test_any_other_form_is_refused_with_how_to_write_it(text: str) -> None:
    """A comma groups three digits, and what else it might mean is not guessed."""
    with pytest.raises(CommandError, match=r"20000 or 20000\.50"):
        money_message(text, "PHP")


@pytest.mark.parametrize("text", ["9" * 14, "-" + "9" * 14, "9" * 14 + ".5"])
def test_an_amount_that_is_too_large_is_refused_as_that(text: str) -> None:
    """It is well written, and its form is not what is said."""
    with pytest.raises(CommandError, match=f"the amount {text} has more than 13 digits"):
        money_message(text, "PHP")


@pytest.mark.parametrize(
    "text", ["PHP 1,00", "1e3 PHP", "PHP 1e999999", "PHP ١", "PHP 1_000", "PHP +5"]
)
def test_an_input_that_is_meant_as_an_amount_is_no_text(text: str) -> None:
    with pytest.raises(CommandError, match=r"20000 or 20000\.50"):
        parse_input(f"debt={text}")


def test_an_input_is_an_amount_where_it_has_a_currency() -> None:
    for text in ("PHP 500", "500 PHP"):
        assert parse_input(f"debt={text}")[1].money.units == 500
    assert parse_input("ref=ABC500")[1].text == "ABC500"


def test_a_currency_has_three_capital_letters() -> None:
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


def read(*lines: str) -> list[tuple[int, outcomes_pb.LoanOutcome | str]]:
    """Each line's number and report, or what is wrong with it."""
    found = read_lines(StringIO("".join(f"{line}\n" for line in lines)), "PHP", "loans.csv")
    return [(n, str(one) if isinstance(one, OutcomeLineBroken) else one) for n, one in found]


def test_both_forms_say_the_same() -> None:
    """Amounts are exact, the status' case and hyphens do not matter, empty lines are none."""
    [(number, csv)] = read(HEADER, "", BOOKED)
    [(first, json)] = read(JSON)
    assert (number, first) == (3, 1)
    assert csv == json
    assert isinstance(csv, outcomes_pb.LoanOutcome)
    amount = csv.disbursed_amount
    assert (amount.currency_code, amount.units, amount.nanos) == ("PHP", 50_000, 500_000_000)
    assert not csv.HasField("repaid_amount")


def test_a_line_may_be_a_correction() -> None:
    [(_, csv), (_, plain)] = read(f"{HEADER},correction", f"{BOOKED},true", f"{BOOKED},")
    [(_, json)] = read(JSON.replace("}", ', "correction": true}'))
    assert csv == json
    assert isinstance(csv, outcomes_pb.LoanOutcome)
    assert isinstance(plain, outcomes_pb.LoanOutcome)
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
    [(two, broken), (three, good)] = read(HEADER, line, BOOKED)
    assert (two, three) == (2, 3)
    assert isinstance(broken, str)
    assert word in broken
    assert isinstance(good, outcomes_pb.LoanOutcome)


@pytest.mark.parametrize(
    "line", ["{", "[]", JSON.replace("loan_id", "loan"), JSON.replace("50000.50", "true")]
)
def test_a_broken_object_is_told_and_the_rest_goes_on(line: str) -> None:
    """Also an unknown name, which may be a misspelt one."""
    [_, (two, broken), (three, good)] = read(JSON, line, JSON)
    assert (two, three, type(broken)) == (2, 3, str)
    assert isinstance(good, outcomes_pb.LoanOutcome)


@pytest.mark.parametrize("header", ["loan_id", HEADER + ",overdue", HEADER + ",status", '"'])
def test_a_header_that_is_none_stops_before_anything_is_sent(header: str) -> None:
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
    file = tmp_path / "lines"
    file.write_text("{\n" * 30)
    with file.open() as given:
        monkeypatch.setattr("sys.stdin", given)
        done = command(capsys, "decisions", "outcomes", "-", "--address", "127.0.0.1:1")
    assert done.code == 1
    assert "30 lines: 0 recorded" in done.out
    assert "standard input:30: " in done.err


RULES = rules_pb.Ruleset(
    ref=pb.RulesetRef(ruleset="test-loan", version=1, digest="ab" * 32),
    inputs=[rules_pb.RulesetInput(name="kind", type="text", one_of=["new", "existing"])],
    source="when: inputs.branch == \"Cebu\" or inputs.shop == 'Davao'\n",
)


def _decision(**fields):
    return pb.Decision(
        decision_id="dec_01K", user_id="u-1", product="test-loan", as_of_date="2026-11-15",
        outcome=pb.OUTCOME_REFER, refer_kind=pb.REFER_KIND_DATA, ruleset_ref=RULES.ref, **fields,
    )  # fmt: skip


def _text(**words):
    inputs = {name: values_pb2.InputValue(text=word) for name, word in words.items()}
    return case(Exported(_decision(inputs=inputs), RULES))


def test_words_of_the_rules_stay():
    """A text that the ruleset declares or compares with is kept, as it decides."""
    text = _text(kind="existing", branch="Cebu", shop="Davao")
    assert '      branch: "Cebu"\n      kind: "existing"\n      shop: "Davao"\n' in text


def test_other_texts_get_a_stand_in_of_their_own():
    """A free text is replaced, the same text by the same stand-in, wherever it stands."""
    text = _text(employer="Acme Corp", boss="Juan: #1", former="Acme Corp")
    assert '      boss: "text-1"\n      employer: "text-2"\n      former: "text-2"\n' in text
    assert "Acme" not in text
    assert "Juan" not in text


def test_lists_answer_as_they_did_then():
    """A list that was asked is written with the stand-in of what was on it, or empty."""
    inputs = {name: values_pb2.InputValue(text=name.upper()) for name in ("branch", "employer")}
    answers = [
        pb.ListAnswer(list="partners", input="employer", listed=True),
        pb.ListAnswer(list="blocked", input="employer", listed=False),
        pb.ListAnswer(list="blocked", input="branch", listed=False),
    ]
    text = case(Exported(_decision(inputs=inputs, list_answers=answers), RULES))
    assert '      branch: "text-1"\n      employer: "text-2"\n' in text
    assert '    lists:\n      blocked: []\n      partners: ["text-2"]\n' in text
    assert "lists:" not in case(Exported(_decision(), RULES))


def test_tags_are_expected_also_those_told_to_nobody():
    """A case expects every tag; one without tags says nothing of them."""
    text = case(Exported(_decision(tags=["desk"], withheld_tags=["signal"]), RULES))
    assert "      tags: [desk, signal]\n" in text
    assert "tags:" not in case(Exported(_decision(), RULES))


def test_values_are_written_as_rule_tests_take_them():
    """Amounts in major units, flags, dates and numbers as they are."""
    values = {
        "amount": values_pb2.InputValue(money=MoneyMessage(units=-12, nanos=-500_000_000)),
        "on": values_pb2.InputValue(date="2026-02-28"),
        "rate": values_pb2.InputValue(number="0.05"),
        "yes": values_pb2.InputValue(flag=True),
    }
    text = case(Exported(_decision(inputs=values), RULES))
    assert "      amount: -12.5\n      on: 2026-02-28\n      rate: 0.05\n      yes: true\n" in text


def test_a_gap_keeps_the_cause_that_is_shown_and_its_own_reason():
    """Of several causes the failure is written, with a reason that its cause does not imply."""
    absent = values_pb2.MissingCause(cause="NO_DATA", reason="DATA_MISSING")
    own = values_pb2.MissingCause(cause="SOURCE_FAILED", tainted=True, reason="UPSTREAM_TIMEOUT")
    stale = values_pb2.MissingCause(cause="STALE", tainted=True, reason="STALE_DATA")
    factors = [
        pb.FactorValue(name="a.both", missing=[absent, own]),
        pb.FactorValue(name="a.stale", missing=[stale]),
        pb.FactorValue(name="a.nothing", missing=[absent]),
    ]
    text = case(Exported(_decision(factor_values=factors), RULES))
    assert "      a.both: missing SOURCE_FAILED UPSTREAM_TIMEOUT\n" in text
    assert "      a.stale: missing STALE\n      a.nothing: missing NO_DATA\n" in text


def test_other_rules_of_the_same_number_are_told():
    changed = rules_pb.Ruleset(ref=pb.RulesetRef(ruleset="test-loan", version=1, digest="cd" * 32))
    note = "# Decided under other rules of that number (digest abababababab)."
    assert note in case(Exported(_decision(), changed))
    assert note not in case(Exported(_decision(), RULES))


def _decided(outcome: pb.Outcome, **rest: object) -> pb.Decision:
    return pb.Decision(outcome=outcome, **rest)  # type: ignore[arg-type]  # fields by name


def _months(count: int) -> pb.FactorValue:
    value = values_pb2.InputValue(number=str(count))
    return pb.FactorValue(name="income.months_24m", value=value)


def test_each_part_that_differs_is_there_as_it_was_and_as_it_is_now() -> None:
    """Outcome, reasons, offer, rules and factor values; what is the same is left out."""
    low = pb.RuleTrace(stage="eligibility", rule="low_income", truth=pb.TRUTH_FALSE)
    true = pb.RuleTrace(
        stage="eligibility", rule="low_income", truth=pb.TRUTH_TRUE, effect="DECLINE"
    )
    offer = pb.Offer(approved_amount=Money(currency_code="PHP", units=20_000), tier="T1")
    was = _decided(pb.OUTCOME_APPROVE, offer=offer, rule_traces=[low], factor_values=[_months(24)])
    now = _decided(
        pb.OUTCOME_DECLINE,
        reasons=[pb.Reason(code="INCOME_TOO_LOW")],
        rule_traces=[true],
        tags=["desk"],
        withheld_tags=["signal"],
        factor_values=[_months(24)],
    )
    assert list(differences(was, now)) == [
        ("outcome", "APPROVE", "DECLINE"),
        ("reasons", "–", "INCOME_TOO_LOW"),
        ("offer approved_amount", "20,000 PHP", "–"),
        ("offer tier", "T1", "–"),
        ("tags", "–", "desk, signal"),
        ("rule eligibility.low_income", "false", "true → DECLINE"),
    ]
    assert list(differences(was, was)) == []


def decision(number: int, *, again: bool) -> service_pb.GetDecisionResponse:
    """The so-manieth decision on an application; `again` where another one followed."""
    review = pb.DecisionReview(decided_again_as=f"dec_{number + 1}") if again else None
    first = "dec_1" if number > 1 else ""
    made = pb.Decision(decision_id=f"dec_{number}", first_decision_id=first, review=review)
    return service_pb.GetDecisionResponse(decision=made)


EVERY = {f"dec_{n}": decision(n, again=n < 3) for n in (1, 2, 3)}


@pytest.mark.parametrize("asked", EVERY)
def test_every_decision_of_an_application_leads_to_all(asked: str) -> None:
    found = chain_of(EVERY[asked], EVERY.get)
    assert [one.decision.decision_id for one in found] == [*EVERY]


def test_a_chain_begins_with_what_is_left_of_it() -> None:
    left = {name: one for name, one in EVERY.items() if name != "dec_1"}
    found = chain_of(EVERY["dec_2"], left.get)
    assert [one.decision.decision_id for one in found] == ["dec_2", "dec_3"]


def record(kind: str, content: object) -> applicants_pb.StoredRecord:
    """A record as it comes over the wire."""
    return applicants_pb.StoredRecord(
        kind=kind, id="1", content=json.dumps(content, ensure_ascii=False)
    )


def written(*pages: list[applicants_pb.StoredRecord]) -> str:
    """All that an export of these pages writes."""
    read = (applicants_pb.ExportApplicantResponse(records=page) for page in pages)
    return "".join(json_export("user-1", read))


def test_an_export_is_one_object_with_a_record_on_each_line() -> None:
    """Records of all pages are in order, exact, and no character of them moves a cursor."""
    content = {"text": "paid \x9b2J \u202eon time", "left_out": [{"what": "a <b>"}]}
    text = written([record("about", content)], [], [record("decision", {"letters": ["a\nb"]})])
    assert json.loads(text) == {
        "user_id": "user-1",
        "records": [
            {"kind": "about", "id": "1", "content": content},
            {"kind": "decision", "id": "1", "content": {"letters": ["a\nb"]}},
        ],
    }
    assert len(text.splitlines()) == 4
    assert not {"\x9b", "\u202e"} & {*text}
    assert json.loads(written())["records"] == []
