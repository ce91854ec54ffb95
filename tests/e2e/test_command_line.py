"""The command line as its users meet it: answers, exit codes, one sentence for each mistake."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import command, serving
from tests.e2e.service import Running, own_rules
from tests.fakes.shipped import CHAMPION
from tests.unit.cli.commands import command as here

GEORGE = sandbox_people()[0].user_id
DECIDE = ("decide", "--product", "personal-loan-ph", "--amount", "20000", "--term", "6")


def one_sentence(stderr: str) -> str:
    """The only line on stderr, which must not be a traceback."""
    assert "Traceback" not in stderr
    [line] = stderr.strip().splitlines()
    return line


def test_a_session_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """health, decide, decisions list, show and replay work against a serving process."""
    with serving(tmp_path) as process:
        at = ("--address", process.address)
        assert "SERVING" in here(capsys, "health", *at).out
        made = command(*DECIDE, "--user-id", GEORGE, *at, "--format", "json", folder=tmp_path)
        assert made.returncode == 0, made.stderr
        decision = json.loads(made.stdout)
        assert decision["outcome"] == "OUTCOME_APPROVE"
        decision_id = decision["decision_id"]
        tree = here(capsys, "decisions", "show", decision_id, *at)
        assert "APPROVE" in tree.out
        assert "income.months_24m" in tree.out
        listing = here(capsys, "decisions", "list", *at)
        assert decision_id in listing.out
        replay = here(capsys, "decisions", "replay", decision_id, *at)
        assert (replay.code, "Nothing differs." in replay.out) == (0, True)
        what_if = ("--amount", "10000", "--term", "3", "--input", "employer_code=acme")
        other = here(capsys, "decisions", "replay", decision_id, *what_if[:4], *at)
        assert (other.code, "Differs in " in other.out) == (1, True)
        told = here(capsys, "decisions", "replay", decision_id, *what_if, *at)
        assert f"inputs.employer_code is no input of personal-loan-ph v{CHAMPION}" in told.err
        chosen = ("--any-id", GEORGE, "--arm", "champion", "--version")
        assert decision_id in here(capsys, "decisions", "list", *chosen, str(CHAMPION), *at).out
        assert "No decision matches." in here(capsys, "decisions", "list", *chosen, "9", *at).out
        process.popen.send_signal(2)  # Ctrl-C ends it in order, as SIGTERM does
        assert process.popen.wait(300) == 0


async def test_an_error_of_the_server_is_shown_with_its_details(
    shared: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, the sentence, and the details a developer acts on."""
    words = (*DECIDE[:-1], "0", "--user-id", GEORGE, "--address", shared.service.address)
    done = await asyncio.to_thread(here, capsys, *words)
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    done = await asyncio.to_thread(here, capsys, *words, "--debug")
    lines = done.err.splitlines()
    assert lines[0].startswith("INVALID_ARGUMENT: requested_term_months is 0")
    assert any("reason INPUT_INVALID" in line for line in lines)
    assert any(line.strip().startswith("BadRequest") for line in lines)


async def test_an_applicant_goes_with_the_application(
    live: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each option is a field of the message, and what is wrong is told by the field's name."""
    words = (*DECIDE, "--user-id", GEORGE, "--address", live.service.address)
    given = ("--applicant-name", "x" * 201, "--applicant-phone", "0" * 41)
    given += ("--applicant-email", "x" * 255, "--applicant-birth-date", "12.3.1990")
    done = await asyncio.to_thread(here, capsys, *words, *given)
    assert done.code == 3
    for field in ("name", "phone", "email", "birth_date"):
        assert f"applicant.{field}" in done.err
    given = ("--applicant-name", "Juan P. Dela Cruz", "--applicant-birth-date", "1990-03-12")
    assert (await asyncio.to_thread(here, capsys, *words, *given)).code == 0


MISTAKES = [
    ("decisions list --product nope", 1, "there is no product nope: the loaded ones are "),
    ("decisions outcomes /dev/null", 1, "/dev/null holds no report: nothing is recorded"),
    ("decide --user-id x --product Personal_Loan", 3, "product must be a product's name"),
    ("decide --user-id x --product PERSONAL-LOAN-PH", 3, "has capitals or blanks, which names"),
    ("rollout explain x --product p", 3, "there is no product p: the loaded ones are "),
    ("decide --user-id x --product p --input due=2026-02-30", 3, "the calendar has no such day"),
]


@pytest.mark.parametrize(("words", "code", "says"), MISTAKES)
async def test_what_a_server_does_not_know_is_one_sentence(
    shared: Running, capsys: pytest.CaptureFixture[str], words: str, code: int, says: str
) -> None:
    """With a code that is not that of a success."""
    done = await asyncio.to_thread(
        here, capsys, *words.split(), "--address", shared.service.address
    )
    assert done.code == code
    assert says in one_sentence(done.err)


async def test_a_letter_in_no_language_and_an_id_used_twice_are_refused(
    live: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """The letter's languages are listed, and the error names the field of the id."""
    at = ("--address", live.service.address)
    words = (*DECIDE, "--user-id", sandbox_people()[1].user_id, *at, "--request-id", "once")
    made = await asyncio.to_thread(here, capsys, *words, "--format", "quiet")
    shown = ("letters", "show", made.out.split()[-1], "--language", "xx", *at)
    done = await asyncio.to_thread(here, capsys, *shown)
    assert done.code == 1
    assert "has no letters in xx: its languages are en, fil" in one_sentence(done.err)
    done = await asyncio.to_thread(here, capsys, *words, "--view", "full", "--term", "7", "--debug")
    assert done.code == 3
    assert "reason REQUEST_ID_REUSED" in done.err
    assert "field request_id" in done.err


def test_where_files_are_made_is_said_before_they_are(tmp_path: Path) -> None:
    """A store and keys that are not there yet; nothing of what is there."""
    words = ("keys", "identity", "add", "--file", str(tmp_path / "keys"))
    for said in (f"New in {tmp_path}: the file keys\n", f"{tmp_path / 'keys'} has the new key "):
        assert command(*words, folder=tmp_path).stdout.startswith(said)
    for said in (f"New in {tmp_path}: the store decisions.db, and its keys", "The store "):
        assert command("migrate", folder=tmp_path).stdout.startswith(said)


@pytest.mark.long
def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    """serve ends with code 2 and says which address is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = command("serve", folder=tmp_path, grpc_address=address)
    assert done.returncode == 2
    assert address in one_sentence(done.stderr)


@pytest.mark.long
def test_a_second_process_on_one_store_is_refused(tmp_path: Path) -> None:
    """SQLite is for one process: the second says so and ends with code 2."""
    with serving(tmp_path):
        done = command("serve", folder=tmp_path)
    assert done.returncode == 2
    assert "decisions.db" in one_sentence(done.stderr)


@pytest.mark.long
def test_a_wrong_rule_edit_stops_the_start_with_its_line(tmp_path: Path) -> None:
    """serve names file, line and column of each mistake and starts nothing."""
    rules = own_rules(tmp_path)
    file = rules / "personal-loan-ph" / f"v{CHAMPION}.yaml"
    text = file.read_text()
    assert "income.months_24m < params.min_income_months" in text
    file.write_text(text.replace("income.months_24m < params", "income.months_24 < params"))
    line = text[: text.index("income.months_24m < params")].count("\n") + 1
    done = command("serve", folder=tmp_path, rules_dir=str(rules))
    assert done.returncode == 2
    assert f"personal-loan-ph/v{CHAMPION}.yaml:{line}:" in done.stderr
    assert "did you mean" in done.stderr
    assert "Traceback" not in done.stderr
