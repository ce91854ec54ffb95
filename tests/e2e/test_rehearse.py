"""A rehearsal: what it prints can be called, by whoever has its files alone."""

from __future__ import annotations

import re
import shlex
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from decision_service.cli.sandbox.rehearsal import SETTINGS, prepare
from decision_service.config import load
from tests.e2e.process import clean_environ
from tests.e2e.service import ROOT
from tests.unit.cli.commands import Done, command

LAST = "Ctrl-C stops it"
FREE = "127.0.0.1:0"


@contextmanager
def rehearsal(folder: Path) -> Iterator[list[str]]:
    """The lines that a rehearsal prints, while it serves; it must end well."""
    words = [sys.executable, "-m", "decision_service", "rehearse", str(folder)]
    words += ["--grpc-address", FREE, "--http-address", FREE]
    with subprocess.Popen(
        words, cwd=ROOT, env=clean_environ(folder), stdout=subprocess.PIPE, text=True
    ) as popen:
        try:
            assert popen.stdout is not None
            lines: list[str] = []
            while not (lines and lines[-1].startswith(LAST)):
                lines.append(popen.stdout.readline())
                assert lines[-1], "it ended before it served"
            yield lines
            popen.send_signal(signal.SIGTERM)
            assert popen.wait(300) == 0
        finally:
            popen.kill()


def calls(lines: list[str]) -> list[list[str]]:
    """The words of each `decision-service` that was printed, without its comment."""
    text = "".join(lines).replace("\\\n", " ")
    found = (line.partition("decision-service ")[2] for line in text.splitlines())
    return [shlex.split(line, comments=True) for line in found if line]


def done(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    client: Path,
) -> Done:
    """What a command comes to in a shell that has read `client.env`."""
    for line in client.read_text().splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        monkeypatch.setenv(name, *shlex.split(value))
    if words[:2] == ["decisions", "list"]:  # printed behind `env -u`
        monkeypatch.delenv("DECISION_CLIENT_TOKEN_FILE")
    return command(capsys, *words)


@pytest.mark.long
def test_every_printed_call_does_what_it_is_there_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS, with the token and without, and by signed and forged events."""
    folder = tmp_path / "a folder"
    monkeypatch.chdir(ROOT)
    with rehearsal(folder) as lines:
        asked = calls(lines[3:])
        came = {tuple(w[:2]): done(capsys, monkeypatch, w, folder / "client.env") for w in asked}
        codes = {" ".join(words): one.code for words, one in came.items()}
        assert codes == {
            "config check": 0,
            "health": 0,
            f"decide {asked[2][1]}": 0,
            "decisions list": 3,
            "webhooks register": 0,
            "webhooks send-test": 0,
            f"preflight {asked[-1][1]}": 1,  # the shipped plans begin at everybody
        }
        assert "UNAUTHENTICATED" in came["decisions", "list"].err
        assert "signed event: HTTP 200; forged event: HTTP 401" in came["webhooks", "send-test"].out
        for name in ("transport", "data keys", "keys", "webhooks"):
            assert re.search(rf"^ok  {name} ", came["preflight", asked[-1][1]].out, re.MULTILINE)
        url = next(word for line in lines for word in line.split() if word.startswith("https://"))
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz", trust_env=False)
        trusted = ssl.create_default_context(cafile=folder / "ca.pem")
        assert httpx.get(f"{url}/healthz", verify=trusted).text == "SERVING\n"


def prepared(folder: Path) -> None:
    """Write a folder as the command does."""
    prepare(folder, "http://127.0.0.1:1/v1", FREE, FREE, ROOT / "rules")


def test_what_it_writes_is_its_owners_and_new_each_time(tmp_path: Path) -> None:
    """No file can be read by others; a second rehearsal has another token and keeps the store."""
    prepared(tmp_path)
    (tmp_path / "decisions.db").write_text("kept")
    before = (tmp_path / "token").read_text()
    assert {path.stat().st_mode & 0o77 for path in tmp_path.iterdir() if path.suffix != ".db"} == {
        0
    }
    prepared(tmp_path)
    assert (tmp_path / "token").read_text() != before
    assert (tmp_path / "decisions.db").read_text() == "kept"
    assert load(tmp_path / SETTINGS, {}).callers_known


def test_a_folder_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of the operator's own, also one of the same name, ends the command."""
    for name in ("notes.txt", SETTINGS):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("mine")
        ended = command(capsys, "rehearse", folder, "--grpc-address", FREE, "--http-address", FREE)
        assert (ended.code, "something else than a rehearsal" in ended.err) == (2, True)
        assert [path.name for path in folder.iterdir()] == [name]


@pytest.mark.parametrize("address", ["0.0.0.0:50051", "lender.example:1", "nonsense"])
def test_others_cannot_reach_a_rehearsal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    """Loopback alone: what it serves anybody could decide by."""
    for option in ("--grpc-address", "--http-address"):
        ended = command(capsys, "rehearse", tmp_path / "new", option, address)
        assert (ended.code, ended.err.startswith(option)) == (2, True)
    assert not (tmp_path / "new").exists()
