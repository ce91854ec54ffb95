"""One rollout on the screen: where it stands, who is decided by what, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from decision_service.api.v1 import rollout_figures_pb2, rollout_pb2, rollout_service_pb2
from decision_service.cli.display.output import console
from decision_service.cli.rollout.figures import (
    arms_table,
    guardrail_table,
    next_text,
    shadow_lines,
)
from decision_service.cli.rollout.text import instant_text, track_text

_TO_ADVANCE = "decision-service rollout advance"


def print_rollout(reply: rollout_service_pb2.GetRolloutResponse) -> None:
    """Everything that an operator asks of a rollout at once."""
    rollout, out = reply.rollout, console()
    for line in (*headlines(rollout), *_refused(rollout)):
        out.print(line, markup=False, soft_wrap=True)
    figures = reply.figures
    out.print(f"Since {instant_text(figures.since_time)}:", markup=False)
    out.print(arms_table(figures.arms))
    for line in shadow_lines(figures.shadows):
        out.print(line, markup=False, soft_wrap=True)
    out.print()
    if figures.guardrails:
        out.print(guardrail_table(figures.guardrails))
        out.print()
    for line in next_lines(rollout, figures.next):
        out.print(line, markup=False, soft_wrap=True)


def headlines(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    """Where each track stands, since when, by whom and why."""
    yield f"{rollout.product} · go-live {track_text(rollout.go_live)}"
    if rollout.HasField("challenger"):
        challenger = rollout.challenger
        yield f"  challenger v{challenger.version} · {track_text(challenger)}"
    if rollout.paused:
        yield "  PAUSED: nothing advances until it is resumed"


def next_lines(
    rollout: rollout_pb2.Rollout, coming: Iterable[rollout_figures_pb2.NextStage]
) -> Iterator[str]:
    """What each track's next stage waits for, and the command for it."""
    for one in coming:
        choice = f" --track {one.track}" if rollout.HasField("challenger") else ""
        command = f'{_TO_ADVANCE} {rollout.product}{choice} --why "…"'
        yield f"Next: {one.track} {next_text(one)} → {command}"
    yield f"Plan {rollout.plan_digest[:16]}, journal at {rollout.position}"


def _refused(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    if rollout.refused:
        yield "  The last reading of its rules was refused; what was read before goes on:"
    for problem in rollout.refused:
        yield problem.rendered
