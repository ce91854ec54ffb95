"""What is counted shows as Prometheus reads it, rollouts and alarms with it."""

from __future__ import annotations

import ast
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace as Some
from typing import TYPE_CHECKING

import pytest

from decision_service.domain.decision import Arm, Outcome, Tag, Verdict
from decision_service.rollout.ports import JournalAction
from decision_service.rollout_running.counters import EventCounters
from decision_service.runtime.telemetry import Alarm, raised
from decision_service.server.services.status import of_guardrails, of_rollouts
from decision_service.server.transport.metrics import Metrics
from tests.fakes.watched import stand
from tests.fakes.world import PRODUCT

if TYPE_CHECKING:
    from collections.abc import Iterator


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


async def test_a_guardrails_step_is_a_sample_with_labels_of_its_own() -> None:
    """Product, guardrail and action are labels that an alert can name, and the position moves."""
    metrics = Metrics()
    one = await stand(counters=EventCounters(metrics.registry))
    await one.decide(Outcome.APPROVE, 600)
    await one.decide(Outcome.DECLINE, 300, Arm.CHALLENGER)
    assert await one.check() is not None
    one.seen.shadow_evaluations.labels(PRODUCT, "3", "compared").inc()
    one.seen.shadow_dropped.labels(PRODUCT, "queue_full").inc(2)
    metrics.read(partial(of_rollouts, one.rollouts))
    metrics.read(partial(of_guardrails, one.watch))
    shown = metrics.text().decode().splitlines()
    prefix, product = "decision_service_", f'product="{PRODUCT}"'
    acted = f'action="roll-back",guardrail="approvals",{product}'
    assert f"{prefix}rollout_guardrail_actions_total{{{acted}}} 1.0" in shown
    asked = f'{product},result="compared",version="3"'
    assert f"{prefix}shadow_evaluations_total{{{asked}}} 1.0" in shown
    assert f'{prefix}shadow_dropped_total{{{product},why="queue_full"}} 2.0' in shown
    assert f"{prefix}rollout_position{{{product}}} 2.0" in shown
    tripped = f'arm="challenger",guardrail="approvals",{product},state="tripped"'
    assert f"{prefix}rollout_guardrail_state{{{tripped}}} 1.0" in shown


async def test_the_shares_of_a_rollout_are_samples_in_percent() -> None:
    """Those of the go-live's and the challenger's stages; of a killed product nothing goes live."""
    metrics, one = Metrics(), await stand(("initial_stage: staff", "initial_stage: pilot"))
    metrics.read(partial(of_rollouts, one.rollouts))
    assert percents(metrics) == {"go-live": 1.0, "challenger": 1.0}
    await one.operate(JournalAction.KILL)
    assert percents(metrics)["go-live"] == 0.0


def percents(metrics: Metrics) -> dict[str, float]:
    """The shares by track."""
    found = re.findall(r'rollout_percent\{.*track="(.+)"\} (.+)', metrics.text().decode())
    return {track: float(share) for track, share in found}


ROOT = Path(__file__).parents[3]


def keywords() -> Iterator[tuple[str, ast.expr]]:
    """Each `alarm=` of a call in the program, with its place."""
    for path in sorted((ROOT / "decision_service").rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "alarm=" in text else ():
            if isinstance(node, ast.keyword) and node.arg == "alarm":
                yield f"{path.relative_to(ROOT)}:{node.value.lineno}", node.value


def test_every_line_with_an_alarm_counts_it() -> None:
    """Each `alarm=` is `raised(Alarm.…)`, and each alarm that is declared is raised somewhere."""
    texts = {place: ast.unparse(value) for place, value in keywords()}
    form = re.compile(r"raised\(Alarm\.(\w+)\)( if |$)")
    found = {place: form.match(text) for place, text in texts.items()}
    assert [place for place, match in found.items() if match is None] == []
    assert {match[1] for match in found.values() if match} == {alarm.name for alarm in Alarm}


def test_the_docs_have_every_alarm_and_no_other() -> None:
    """The table of docs/watch.md says of each what to do."""
    page = (ROOT / "docs" / "watch.md").read_text("utf-8")
    table = page.partition("### Alarms")[2].partition("\n#")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [*Alarm]


@pytest.mark.parametrize("alarm", Alarm)
def test_an_alarm_is_there_before_it_is_raised(alarm: Alarm) -> None:
    """Its metric exists from the start of a service, and rises by one with each line."""
    registry = Metrics().registry
    name, labels = "decision_service_alarms_total", {"alarm": alarm.value}
    before = registry.get_sample_value(name, labels)
    assert before is not None
    assert raised(alarm) == alarm.value
    assert registry.get_sample_value(name, labels) == before + 1
