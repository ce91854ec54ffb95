"""Results of silent versions as they are stored."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine

from decision_service.store import rollouts as shadows
from decision_service.store.columns import metadata
from decision_service.store.dialect import microseconds
from decision_service.store.rollouts import shadow_results
from tests.kits.arm_figures import PAIR, PRODUCT
from tests.kits.decision_entries import NOON

OLD: dict[str, Any] = {
    "version": 3,
    "product": PRODUCT,
    "digest": PAIR.digest,
    "created": microseconds(NOON),
    "live_outcome": "APPROVE",
    "moved": "",
}


def test_results_of_earlier_programs_are_added_up() -> None:
    """Their causes have a sign, and what could not be compared has another word."""
    moved = "+rule score.income\n-rule score.age\n-reason AA\n+reason LOW_SCORE"
    sides = {"standing": "compared", "live_amount": 500, "outcome": "REFER", "moved": moved}
    rows = [
        OLD | sides | {"decision_id": "dec_1"},
        *(
            OLD | {"decision_id": f"dec_{word}", "standing": word}
            for word in ("not_comparable", "failed", "erased")
        ),
    ]
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        for row in rows:
            connection.execute(shadow_results.insert(), row)
        found = shadows.sums(connection, PRODUCT, 3, NOON)
    assert [*found.causes] == ["score.income", "score.age"]
    assert found.reasons == {"APPROVE>LOW_SCORE": 1}
    assert found.left_out == {
        "data that the decision did not read": 1,
        "the rules ended in an error": 1,
        "data erased": 1,
    }
