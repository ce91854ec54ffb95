"""`tokens`: what is printed fits together, and only the caller's side shows the token."""

import yaml

from decision_service.server.callers import read_callers
from tests.unit.cli.commands import command


def test_a_fresh_token_is_let_in_by_its_line(capsys):
    """The token alone is on stdout; the line on stderr opens to it with its roles."""
    done = command(capsys, "tokens", "new", "los-a", "--role", "decide", "--role", "read")
    assert done.code == 0
    [token] = done.out.splitlines()
    assert token not in done.err
    line = done.err.splitlines()[-1]
    callers = read_callers("callers.yaml", f"callers:\n{line}\n").callers
    assert callers is not None
    known = callers.by_token(token)
    assert known is not None
    caller = known.caller
    assert (caller.name, sorted(caller.roles)) == ("los-a", ["decide", "read"])
    assert len(yaml.safe_load(line)["los-a"]["tokens"]) == 1
    assert command(capsys, "tokens", "new", "los-a", "--role", "decide").out != done.out


def test_what_is_printed_of_tokens_can_be_appended_to_a_file(capsys, tmp_path):
    """Of two callers, by `2>>callers.yaml`."""
    file = tmp_path / "callers.yaml"
    file.write_text("callers:\n")
    for name in ("los-a", "los-b"):
        done = command(capsys, "tokens", "new", name, "--role", "decide")
        file.write_text(file.read_text() + done.err)
    assert command(capsys, "tokens", "check", file).out == f"{file} is in order\n"


def test_a_token_needs_a_name_and_a_role(capsys):
    """A wrong name, no role and an unknown role are usage errors."""
    for words in (["Los A", "--role", "decide"], ["los-a"], ["los-a", "--role", "boss"]):
        done = command(capsys, "tokens", "new", *words)
        assert (done.code, done.out) == (2, "")


def test_a_callers_file_can_be_checked_before_it_is_used(capsys, tmp_path):
    """A good file is in order; a bad one has exit code 1 and the places of its mistakes."""
    file = tmp_path / "callers.yaml"
    file.write_text("callers: {los: {roles: [decide], certificates: [los.internal]}}\n")
    assert command(capsys, "tokens", "check", file).out == f"{file} is in order\n"
    file.write_text("callers: {los: {roles: [decide]}}\n")
    done = command(capsys, "tokens", "check", file)
    assert done.code == 1
    assert f"{file}:1:16: error A104" in done.err


def test_a_callers_file_that_cannot_be_read_is_wrong_usage(capsys, tmp_path):
    """As with any other file of a command: exit code 2, not that of mistakes found."""
    done = command(capsys, "tokens", "check", tmp_path / "nowhere.yaml")
    assert done.code == 2
    assert "cannot be read: No such file or directory" in done.err
