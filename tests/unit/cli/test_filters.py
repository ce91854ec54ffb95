"""The days between which decisions are listed."""

from __future__ import annotations

import pytest

from tests.unit.cli.commands import command


@pytest.mark.parametrize("before", ["2026-11-26", "2026-11-27"])
@pytest.mark.parametrize("words", [("list",), ("export", "--format", "jsonl")])
def test_a_span_without_a_day_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], before: str
) -> None:
    """It would be answered with no decision, as if none had been made."""
    given = ("--from", "2026-11-27", "--before", before, "--address", "127.0.0.1:1")
    done = command(capsys, "decisions", *words, *given)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"--before {before}T00:00:00Z is not after --from 2026-11-27T00:00:00Z\n"
