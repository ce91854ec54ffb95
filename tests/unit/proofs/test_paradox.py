"""The paradox of `minimum_amount`, which an engine of before had in the shipped loan."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome
from decision_service.rules.construct import Conclusion
from decision_service.rules.offer import OfferRunner
from decision_service.workbench.proofs.constructs import encode_part
from decision_service.workbench.proofs.search import Counterexample
from decision_service.workbench.proofs.state import EncodedState
from tests.unit.proofs.versions import kept, proved, shipped

PROMISE = "less overdue never hurts"


@pytest.fixture
def _engine_of_before(monkeypatch):
    """Below the minimum an APPROVE becomes DECLINE, and a REFER stays one without an offer."""
    below, encode = OfferRunner._below, encode_part.dispatch(OfferRunner)

    def evaluated(runner, behind, state):
        stays = state.outcome is not Outcome.APPROVE
        return Conclusion((), ()) if stays else below(runner, behind, state)

    def encoded(runner, state):
        b, find = state.builder, EncodedState.find
        approved = b.and_(state.approves, b.not_(b.or_(state.declines, state.refers)))

        def found(one, outcome, when):
            declines = outcome is Outcome.DECLINE
            find(one, outcome, b.and_(when, approved) if declines else when)

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(EncodedState, "find", found)
            encode(runner, state)

    monkeypatch.setattr(OfferRunner, "_below", evaluated)
    encode_part.register(OfferRunner, encoded)
    yield
    encode_part.register(OfferRunner, encode)


@pytest.mark.long
@pytest.mark.usefixtures("_engine_of_before")
def test_the_paradox_is_found_by_the_engine_of_before():
    """A loan overdue saved an applicant from a decline; `make prove-short` shows it gone."""
    found = proved(kept(shipped("personal-loan-ph@1").ruleset, PROMISE))
    assert isinstance(found, Counterexample)
    assert [v.outcome for v in found.verdicts] == [Outcome.REFER, Outcome.DECLINE]
