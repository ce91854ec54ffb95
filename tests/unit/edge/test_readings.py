"""What `/metrics` shows of rollouts."""

from __future__ import annotations

import re
from functools import partial

from decision_service.domain.decision import Arm, Outcome
from decision_service.rollout.ports import JournalAction
from decision_service.server.metrics import Metrics
from decision_service.server.status import of_guardrails, of_rollouts
from decision_service.steering.counters import EventCounters
from tests.fakes.watched import stand
from tests.fakes.world import PRODUCT


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
