"""Files that commands read, write anew or compare."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

import pytest

from decision_service.cli.client import trusting
from decision_service.cli.output import CommandError, Exit, new_file, print_or_check, read_text


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff", "it is not UTF-8")]
)
def test_a_text_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    """It names the file, the reason and what to do."""
    file = tmp_path / "text"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError) as raised:
        read_text(file, "name a list")
    assert str(raised.value) == f"{file} cannot be read ({why}): name a list"
    assert raised.value.code is Exit.USAGE


def test_a_generated_text_is_printed_or_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a file it is printed; with one, only another text is a finding."""
    file = tmp_path / "schema.json"
    print_or_check("text\n", None, "the schema", "rules schema")
    assert capsys.readouterr().out == "text\n"
    file.write_text("text\n")
    print_or_check("text\n", file, "the schema", "rules schema")
    file.write_text("other\n")
    with pytest.raises(CommandError, match=r"is not the schema: .* `rules schema > ") as raised:
        print_or_check("text\n", file, "the schema", "rules schema")
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
def test_an_authority_that_cannot_be_used_is_refused(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    """An empty file never stands for the authorities of the system."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=f"ca.pem of --tls-ca .*{said}"):
        trusting(file)
