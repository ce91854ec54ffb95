"""What is counted shows as Prometheus reads it."""

from types import SimpleNamespace as Some

import pytest

from decision_service.domain.decision import Arm, Outcome, Tag, Verdict
from decision_service.server.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample of ours by its text."""
    lines = metrics.text().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name.removeprefix("decision_service_"): float(value) for name, _, value in pairs}


def test_calls_are_counted_by_method_and_code_and_timed_within_inclusive_bounds() -> None:
    """A time on a bound lies within it; every later bucket holds the earlier ones too."""
    metrics = Metrics()
    method = metrics.of_method("GetDecision")
    for seconds in (0.005, 0.0078125, 60.0):
        method.ended("OK", seconds)
    method.ended("INTERNAL", 0.25)
    seen = samples(metrics)
    assert seen['calls_total{code="OK",method="GetDecision"}'] == 3
    assert seen['calls_total{code="INTERNAL",method="GetDecision"}'] == 1
    assert seen['call_seconds_bucket{le="0.005",method="GetDecision"}'] == 1
    assert seen['call_seconds_bucket{le="0.01",method="GetDecision"}'] == 2
    assert seen['call_seconds_bucket{le="10.0",method="GetDecision"}'] == 3
    assert seen['call_seconds_bucket{le="+Inf",method="GetDecision"}'] == 4
    assert seen['call_seconds_count{method="GetDecision"}'] == 4
    assert seen['call_seconds_sum{method="GetDecision"}'] == pytest.approx(60.2628125)


def test_a_methods_times_show_before_its_first_call() -> None:
    """A rate begins at zero, not at nothing; what has further labels begins when it happens."""
    metrics = Metrics()
    metrics.of_method("GetDecision")
    seen = samples(metrics)
    assert seen['call_seconds_count{method="GetDecision"}'] == 0
    assert seen["store_group_size_count"] == 0
    assert not any(name.startswith("decisions_total") for name in seen)
    arm, low = Some(arm=Arm.CHAMPION), Some(code="LOW_INCOME")
    entry = Some(product="loan", outcome=Outcome.APPROVE, arm=arm)
    stale = Some(missing=Some(cause="STALE"))
    for tags in ((Tag("desk"), Tag("signal")), (Tag("desk"),)):
        verdict = Verdict(Outcome.APPROVE, None, [low], [stale, stale], tags=tags)
        metrics.decided(entry, verdict)
    metrics.failed("INTERNAL", "INTERNAL")
    metrics.committed(0.002, 3)
    seen = samples(metrics)
    assert seen['decisions_total{arm="champion",outcome="APPROVE",product="loan"}'] == 2
    assert seen['decision_tags_total{product="loan",tag="desk"}'] == 2
    assert seen['decision_tags_total{product="loan",tag="signal"}'] == 1
    assert seen['errors_total{code="INTERNAL",reason="INTERNAL"}'] == 1
    assert seen['decision_reasons_total{code="LOW_INCOME",product="loan"}'] == 2
    assert seen['decision_missing_total{cause="STALE",product="loan"}'] == 2
    assert seen['store_group_size_bucket{le="4.0"}'] == 1
    assert seen["store_group_size_sum"] == 3
