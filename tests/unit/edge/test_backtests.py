"""Backtests on the wire: who may call, and what a request comes to."""

from __future__ import annotations

from datetime import date

import pytest

from decision_service.api.v1 import backtest_service_pb2 as pb
from decision_service.domain.errors import FieldInvalid
from decision_service.edge.rpc.access import METHODS, Role
from decision_service.edge.rpc.mapping.backtests import question_from, run_message
from decision_service.edge.rpc.services.backtests import SERVICE
from decision_service.pipeline.backtest.runs.model import BacktestRun, RunState
from tests.fakes.world import NOW


def test_the_role_rules_allows_every_method_and_no_other_role_any() -> None:
    """A reader of decisions starts no work, and reads no reports."""
    descriptor = pb.DESCRIPTOR.services_by_name["BacktestService"]
    found = {name: METHODS[f"/{SERVICE}/{name}"] for name in descriptor.methods_by_name}
    assert found
    assert set(found.values()) == {frozenset({Role.RULES})}


def test_every_field_of_a_question_is_taken() -> None:
    """Two ranges make a grid, an empty day is none, and no sample means all."""
    sweeps = [
        pb.BacktestSweep(figure="params.a", first="1", last="2", step="0.5"),
        pb.BacktestSweep(figure="params.b", first="7", last="7", step="1"),
    ]
    asked = question_from(
        pb.StartBacktestRequest(
            product="loan",
            version=2,
            figures={"params.c": "9"},
            sweeps=sweeps,
            by=["band"],
            from_date="2026-07-01",
            seed=3,
        )
    )
    points = [(point["params.a"], point["params.b"]) for point in asked.points]
    assert points == [("1.0", "7"), ("1.5", "7"), ("2.0", "7")]
    assert (asked.first, asked.last, asked.sample) == (date(2026, 7, 1), None, None)
    assert (asked.version, asked.figures, asked.by, asked.seed) == (
        2,
        {"params.c": "9"},
        ("band",),
        3,
    )


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Each field by its name."""
    bad = pb.StartBacktestRequest(product="?", version=-1, sample_size=-1, by=[""], to_date="x")
    with pytest.raises(FieldInvalid) as error:
        question_from(bad)
    fields = {problem.field for problem in error.value.problems}
    assert fields == {"product", "version", "sample_size", "by", "to_date"}


@pytest.mark.parametrize("state", RunState)
def test_every_state_has_its_value_on_the_wire(state: RunState) -> None:
    """By the same word."""
    run = BacktestRun("bt_1", "loan", "v1 beside v2", "risk", state, NOW, 64)
    told = run_message(run)
    assert pb.BacktestState.Name(told.state) == f"BACKTEST_STATE_{state}"
    assert not told.HasField("end_time")
