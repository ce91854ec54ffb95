"""How a command ends when its words, its files, its output or its own code are wrong."""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

import pytest

from decision_service.cli.client import trusting
from decision_service.cli.output import CommandError, Exit, new_file, print_or_check, read_text
from tests.kits.cases import cases
from tests.unit.cli.commands import ROOT, command, product_folder
from tests.unit.cli.test_program import PLACES

GROUPS = sorted({words[:place] for words in PLACES for place in range(len(words))})
DECIDE = "decide --product p --user-id x"


@pytest.mark.parametrize(("words", "said"), cases("cli/main"))
def test_a_mistake_is_one_sentence_before_a_server_is_asked(capsys, words, said):
    done = command(capsys, *words.split())
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert said in done.err


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_a_group_without_a_command_prints_its_help(capsys, words):
    done = command(capsys, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err == command(capsys, *words, "--help").out
    assert len(done.err.splitlines()) > 5


def test_names_of_files_never_rule_the_screen(capsys, tmp_path):
    """An escape sequence in a name is shown as such, on both streams and in JSON."""
    product = product_folder(tmp_path)
    (product / "v2\x1b[2J.yaml").write_text("broken: [")
    for words in (
        ("rules", "check", tmp_path / "rules"),
        ("rules", "check", tmp_path / "rules", "--format", "json"),
        ("rules", "check", tmp_path / "a\x1b[2J\u202e"),
        ("rules", "test", tmp_path / "a\x1b[2J\u202e"),
        ("config", "check", "--config", tmp_path / "\x1b[2J"),
        ("decisions", "outcomes", tmp_path / "\x1b[2J"),
    ):
        done = command(capsys, *words)
        assert "\\u001b[2J" in done.out + done.err, words
        assert not {"\x1b", "\u202e"} & {*done.out, *done.err}, words


def test_bytes_that_are_not_utf_8_are_refused(capsys, monkeypatch):
    """In a word and in a setting, with its place."""
    assert (
        "argument 3 is not UTF-8: \\xff:1" in command(capsys, "health", "--address", "\udcff:1").err
    )
    monkeypatch.setenv("DECISION_GRPC_ADDRESS", "\udcff")
    assert "DECISION_GRPC_ADDRESS is not UTF-8" in command(capsys, "--version").err


@pytest.mark.parametrize(
    ("words", "shown"),
    [(("--version",), False), (("--debug", "--version"), True), (("--version", "--debug"), True)],
)
def test_a_fault_of_the_program_has_a_code_of_its_own(capsys, monkeypatch, words, shown):
    """No traceback without `--debug`, and no content of the error, which may be a person's."""
    monkeypatch.setattr(
        sys.modules["decision_service.cli.main"], "_check_text", lambda *_: {}["Juan"]
    )
    done = command(capsys, *words)
    assert done.code == Exit.OWN_FAULT
    assert ("Traceback" in done.err) is shown
    assert "fault of its own (KeyError)" in done.err


@pytest.mark.parametrize(
    ("words", "redirect", "code"),
    [
        ("sandbox people --format json --data", ">/dev/full", 2),
        ("--help", ">/dev/full", 2),
        ("bogus", "2>/dev/full", 2),
        ("--version", ">&-", 0),
        ("bogus", "2>&-", 2),
        ("decisions outcomes -", "<&-", 1),
    ],
)
def test_full_and_closed_streams_are_no_traceback(words, redirect, code):
    """A full disk is a sentence and code 2; a closed stream is as if nobody listened."""
    line = f"{sys.executable} -m decision_service {words} {redirect}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    if ">/dev/full" in redirect and "2>" not in redirect:
        assert done.stderr == "the output cannot be used: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "form", "code"), [(("check", "rules"), "json", 1), (("factors",), "table", 0)]
)
def test_a_reader_that_leaves_does_not_change_the_exit_code(tmp_path, words, code, form):
    product = product_folder(tmp_path)
    for version in range(2, 200):
        (product / f"v{version}.yaml").write_text("broken: [")
    program = [sys.executable, "-m", "decision_service", "rules", *words, "--format", form]
    with subprocess.Popen(program, stdout=PIPE, stderr=PIPE, cwd=tmp_path) as process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", code)


def test_exit_codes_are_those_of_the_page(capsys, tmp_path, monkeypatch):
    """Each code of the table has its meaning there, and a command that ends with it."""
    page = (ROOT / "docs" / "run.md").read_text(encoding="utf-8")
    table = page.partition("| exit code of a command |")[2].partition("\n\n")[0].splitlines()[2:]
    codes = [int(row.split("|")[1]) for row in table]
    assert codes == sorted(Exit)
    (product_folder(tmp_path) / "v2.yaml").write_text("broken: [")

    def interrupt():
        raise KeyboardInterrupt

    examples = {
        Exit.DONE: ("--version",),
        Exit.FINDINGS: ("rules", "check", tmp_path / "rules"),
        Exit.USAGE: ("nonsense",),
        Exit.SERVER: ("rules", "status", "--address", "127.0.0.1:1"),
    }
    for code, words in examples.items():
        assert (done := command(capsys, *words)).code == code, words
    assert "no server answers at 127.0.0.1:1: start one with `decision-service serve`" in done.err
    for code, error in ((Exit.OWN_FAULT, lambda: {}["x"]), (Exit.INTERRUPTED, interrupt)):
        monkeypatch.setattr("decision_service.standin.commands.people", error)
        assert command(capsys, "sandbox", "people").code == code


def test_a_profile_holds_a_connection(capsys, tmp_path, monkeypatch):
    """What the line says wins; paths begin at its folder; a word that is none is refused."""
    profile = tmp_path / "lender.yaml"
    profile.write_text("address: 127.0.0.1:2\ntoken_file: keys/token\n")
    monkeypatch.setenv("DECISION_CLIENT_PROFILE", str(profile))
    assert f"{tmp_path}/keys/token of --token-file" in command(capsys, "health").err
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "token").write_text("secret")
    assert "127.0.0.1:2" in command(capsys, "health").err
    assert "127.0.0.1:1:" in command(capsys, "health", "--address", "127.0.0.1:1").err
    for content in ("adress: x", "address: 1", "- x", "a: [", "\x00"):
        profile.write_text(content)
        done = command(capsys, "health")
        assert (done.code, "is no YAML file of address, tls_ca" in done.err) == (2, True), content


def test_an_interrupt_within_a_library_in_c_is_an_interrupt(capsys, monkeypatch):
    """Python tells a Ctrl-C that comes while it converts an argument as an ArgumentError."""

    class Argument:
        @classmethod
        def from_param(cls, _):
            raise KeyboardInterrupt

    def interrupted(*_):
        strlen = ctypes.CDLL(None).strlen
        strlen.argtypes = [Argument]
        strlen(b"")

    monkeypatch.setattr(sys.modules["decision_service.cli.main"], "_check_text", interrupted)
    done = command(capsys, "--version")
    assert (done.code, done.err) == (Exit.INTERRUPTED, "interrupted\n")


def test_a_shell_completes_commands():
    asked = {"_DECISION_SERVICE_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "decision_service"],
        env=os.environ | asked | {"COMP_WORDS": "decision-service web"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "webhooks" in done.stdout) == (0, True)


KILL = (sys.executable, "-m", "decision_service", "rollout", "kill", "story-loan", "--why", "x",
        "--address", "127.0.0.1:1")  # fmt: skip


@pytest.mark.parametrize(
    ("more", "answer", "asked", "ended"),
    [
        ((), b"n\n", "Stop every decision of story-loan: no application is decided", 1),
        (("--arm", "challenger"), b"n\n", "Stop the challenger of story-loan", 1),
        (("--yes",), b"", "", 3),
    ],
)
def test_a_kill_asks_on_a_terminal(more, answer, asked, ended):
    ours, terminal = os.openpty()
    os.write(ours, answer)
    done = subprocess.run(
        [*KILL, *more], stdin=terminal, stdout=PIPE, stderr=terminal, check=False, timeout=60
    )
    os.close(terminal)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert (done.returncode, asked in shown, "Stop" in shown) == (ended, True, bool(asked)), shown


def test_a_kill_without_a_terminal_acts_at_once():
    """It does not wait for an answer that cannot come: an open pipe on which nothing is said."""
    with subprocess.Popen(KILL, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.wait(60) == 3
        assert b"Stop" not in process.stderr.read()


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff", "it is not UTF-8")]
)
def test_a_text_that_cannot_be_read_is_one_sentence(tmp_path, content, why):
    file = tmp_path / "text"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError) as raised:
        read_text(file, "name a list")
    assert str(raised.value) == f"{file} cannot be read ({why}): name a list"
    assert raised.value.code is Exit.USAGE


def test_a_generated_text_is_printed_or_compared(tmp_path, capsys):
    file = tmp_path / "sample.yaml"
    print_or_check("text\n", None, "the sample", "config sample")
    assert capsys.readouterr().out == "text\n"
    file.write_text("text\n")
    print_or_check("text\n", file, "the sample", "config sample")
    file.write_text("other\n")
    with pytest.raises(CommandError, match=r"is not the sample: .* `config sample > ") as raised:
        print_or_check("text\n", file, "the sample", "config sample")
    assert raised.value.code is Exit.FINDINGS
    assert capsys.readouterr().out == ""


def test_a_private_file_is_its_owners_and_replaces_none(tmp_path: Path) -> None:
    """A second one of its name is refused, and what was there stays."""
    file = tmp_path / "key"
    with new_file(file) as stream:
        stream.write(b"first")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="is there already"), new_file(file) as stream:
        stream.write(b"second")
    assert file.read_bytes() == b"first"


def test_a_file_that_is_not_written_whole_is_removed(tmp_path: Path) -> None:
    """Half a key or half an export is left to nobody."""
    file = tmp_path / "export"
    with suppress(ZeroDivisionError), new_file(file) as stream:
        stream.write(b"half")
        raise ZeroDivisionError
    assert not file.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"", "no certificate"), (b"not PEM", "no certificate")],
)
def test_an_authority_that_cannot_be_used_is_refused(tmp_path, content, said):
    """An empty file never stands for the authorities of the system."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=f"ca.pem of --tls-ca .*{said}"):
        trusting(file)
