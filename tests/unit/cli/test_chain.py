"""`decisions chain`: which decisions belong to one application."""

from __future__ import annotations

import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.decisions import chain_of


def decision(number: int, *, again: bool) -> pb.Decision:
    """The so-manieth decision on an application; `again` where another one followed."""
    review = pb.DecisionReview(decided_again_as=f"dec_{number + 1}") if again else None
    first = "dec_1" if number > 1 else ""
    return pb.Decision(decision_id=f"dec_{number}", first_decision_id=first, review=review)


EVERY = {f"dec_{n}": decision(n, again=n < 3) for n in (1, 2, 3)}


@pytest.mark.parametrize("asked", EVERY)
def test_every_decision_of_an_application_leads_to_all(asked: str) -> None:
    """Three decisions, oldest first, whichever of them is named."""
    found = chain_of(EVERY[asked], EVERY.get)
    assert [one.decision_id for one in found] == [*EVERY]


def test_a_chain_begins_with_what_is_left_of_it() -> None:
    """Where the first decision was deleted, the one that was named begins."""
    left = {name: one for name, one in EVERY.items() if name != "dec_1"}
    found = chain_of(EVERY["dec_2"], left.get)
    assert [one.decision_id for one in found] == ["dec_2", "dec_3"]
