"""The history and its comparison with the store: every kind of wrong is found."""

from __future__ import annotations

import grpc
import pytest

from bench.reliability.check import compare
from bench.reliability.client import advance, connected, nothing_recorded, reason
from bench.reliability.history import History, Told
from bench.reliability.score import Score, render

REQUEST = advance("r-1", "u-1")


def history(told: Told, reply: bytes = b"yes") -> History:
    """One request and what its client was told."""
    found = History()
    found.invoked(REQUEST)
    if told is Told.OK:
        found.ok(REQUEST, reply)
    elif told is Told.REFUSED:
        found.refused(REQUEST)
    else:
        found.unknown(REQUEST)
    return found


@pytest.mark.parametrize(
    ("told", "rows", "wrong"),
    [
        (Told.OK, {"r-1": [b"yes"]}, None),
        (Told.OK, {}, "lost"),
        (Told.OK, {"r-1": [b"no"]}, "divergent"),
        (Told.OK, {"r-1": [b"yes", b"yes"]}, "duplicate"),
        (Told.OK, {"r-1": [b"yes"], "r-2": [b"yes"]}, "invented"),
        (Told.REFUSED, {}, None),
        (Told.REFUSED, {"r-1": [b"yes"]}, "refused_yet_recorded"),
        (Told.INVOKED, {}, None),
        (Told.INVOKED, {"r-1": [b"yes"]}, None),
    ],
)
def test_what_was_told_is_held_against_the_rows(
    told: Told, rows: dict[str, list[bytes]], wrong: str | None
) -> None:
    """Lost, doubled, changed, invented and denied decisions each have their name."""
    found = compare(history(told), rows)
    kinds = ("lost", "duplicate", "divergent", "invented", "refused_yet_recorded")
    assert [kind for kind in kinds if getattr(found, kind)] == ([wrong] if wrong else [])


def test_two_answers_to_one_id_diverge() -> None:
    """A second answer that differs from the first is remembered, whatever is recorded."""
    found = history(Told.OK)
    found.ok(REQUEST, b"other")
    assert found.divergent == {"r-1"}


def test_a_refusal_after_an_open_try_settles_nothing() -> None:
    """Who once got no word does not know from a later refusal that nothing is recorded."""
    found = history(Told.INVOKED)
    found.refused(REQUEST)
    assert found.operations["r-1"].told is Told.INVOKED


def test_one_broken_promise_makes_the_block_red() -> None:
    """The block says which line is red, and that the run is."""
    score = Score()
    score.none("kills", "lost", 0)
    score.row("U1", "")
    score.count_rows()
    assert not score.red
    assert "every promise was kept" in render(["run"], score)
    score.none("kills", "lost", 1)
    score.row("U2", "APPROVE, not REFER")
    score.count_rows()
    assert score.red
    assert render(["run"], score).count("RED") == 4


async def test_a_transports_failure_is_no_word_of_the_service() -> None:
    """An error that the service did not speak leaves it open whether anything is recorded."""
    async with connected("127.0.0.1:1") as client:
        with pytest.raises(grpc.RpcError) as error:
            await client.decide(REQUEST, timeout=0.2)
    assert reason(error.value) == ""
    assert not nothing_recorded(error.value)
