"""One rollout on the screen: where it stands, who is decided by what, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from decision_service.api.v1 import rollout_figures_pb2, rollout_pb2, rollout_service_pb2
from decision_service.cli.display.output import console, print_table
from decision_service.cli.display.text import instant_text
from decision_service.cli.rollout.figures import (
    arms_table,
    day_lines,
    guardrail_table,
    next_text,
    shadow_lines,
)
from decision_service.cli.rollout.text import proposed_text, track_text

_CHALLENGER = "challenger"
_TO_ADVANCE = "decision-service rollout advance"


def print_rollout(reply: rollout_service_pb2.GetRolloutResponse) -> None:
    """Everything that an operator asks of a rollout at once."""
    rollout, out = reply.rollout, console()
    for line in (*headlines(rollout), *group_lines(rollout), *_refused(rollout)):
        out.print(line, markup=False, soft_wrap=True)
    figures = reply.figures
    out.print(f"Since {instant_text(figures.since_time)}:", markup=False)
    print_table(arms_table(figures.arms))
    for line in (*shadow_lines(figures.shadows), *day_lines(figures)):
        out.print(line, markup=False, soft_wrap=True)
    out.print()
    if figures.guardrails:
        print_table(guardrail_table(figures.guardrails))
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
    if rollout.HasField("proposed"):
        yield f"  WAITS: {proposed_text(rollout.proposed)}"
        yield from (f"    {words}" for words in rollout.widens)
        yield f'    → decision-service rollout confirm {rollout.product} --why "…"'


def group_lines(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    """Who has a share of their own, whatever the stage, in the order in which it is decided."""
    if rollout.denied:
        yield f"  deny list · {_units(rollout.denied, rollout)} · 0 %"
    if rollout.allowed:
        yield f"  allow list · {_units(rollout.allowed, rollout)} · 100 %"
    for segment in rollout.segments:
        yield f"  segment {segment.name} · {segment.condition} · {segment.percent} %"


def _units(number: int, rollout: rollout_pb2.Rollout) -> str:
    return f"{number:,} {rollout.unit}{'' if number == 1 else 's'}"


def next_lines(
    rollout: rollout_pb2.Rollout, coming: Iterable[rollout_figures_pb2.NextStage]
) -> Iterator[str]:
    """What each track's next stage waits for, and the command for it."""
    for one in coming:
        if one.track == _CHALLENGER and not one.decisions:
            yield f"Next: {one.track} {next_text(one)}; nobody has met it at this stage yet"
            continue
        choice = f" --track {one.track}" if rollout.HasField("challenger") else ""
        command = f'{_TO_ADVANCE} {rollout.product}{choice} --why "…"'
        yield f"Next: {one.track} {next_text(one)} → {command}"
    yield f"Plan {rollout.plan_digest[:16]}, journal at {rollout.position}"


def _refused(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    if rollout.refused:
        yield "  The last reading of its rules was refused; what was read before goes on:"
    for problem in rollout.refused:
        yield problem.rendered
