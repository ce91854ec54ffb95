"""One rollout on the screen: where it stands, who is decided by what, what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from rich.table import Table

from decision_service.api.v1 import rollout_pb2, rollout_service_pb2
from decision_service.cli.output import console, table
from decision_service.cli.rollout_words import instant_words, track_words

_TO_ADVANCE = "decision-service rollout advance"


def print_rollout(reply: rollout_service_pb2.GetRolloutResponse) -> None:
    """Everything that an operator asks of a rollout at once."""
    rollout, out = reply.rollout, console()
    for line in (*headlines(rollout), *_refused(rollout)):
        out.print(line, markup=False, soft_wrap=True)
    out.print(arms(rollout))
    out.print()
    for line in next_lines(rollout):
        out.print(line, markup=False, soft_wrap=True)


def headlines(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    """Where each track stands, since when, by whom and why."""
    yield f"{rollout.product} · go-live {track_words(rollout.go_live)}"
    if rollout.HasField("challenger"):
        challenger = rollout.challenger
        yield f"  challenger v{challenger.version} · {track_words(challenger)}"
    if rollout.paused:
        yield "  PAUSED: nothing advances until it is resumed"


def arms(rollout: rollout_pb2.Rollout) -> Table:
    """The arms and shadows with their shares of all applicants."""
    rows = table("arm", "share")
    whole, part = _shares(rollout)
    rows.add_row(f"champion v{rollout.go_live.version}", _percent(whole - part))
    if rollout.HasField("challenger"):
        rows.add_row(f"challenger v{rollout.challenger.version}", _percent(part))
    for shadow in rollout.shadows:
        rows.add_row(f"shadow v{shadow.version}", _percent(Decimal(shadow.percent)))
    return rows


def next_lines(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    """What each track's next stage is, from when, and the command for it."""
    tracks = {"go-live": rollout.go_live}
    if rollout.HasField("challenger"):
        tracks["challenger"] = rollout.challenger
    for name, track in tracks.items():
        choice = f" --track {name}" if len(tracks) > 1 else ""
        if track.HasField("next"):
            command = f'{_TO_ADVANCE} {rollout.product}{choice} --why "…"'
            yield f"Next: {name} {_next_stage(track)} → {command}"
    yield f"Plan {rollout.plan_digest[:16]}, journal at {rollout.position}"


def _next_stage(track: rollout_pb2.RolloutTrack) -> str:
    words = f"stage {track.next.name} ({track.next.percent} %)"
    if not track.HasField("hold_until_time"):
        return words
    return f"{words} from {instant_words(track.hold_until_time)}"


def _shares(rollout: rollout_pb2.Rollout) -> tuple[Decimal, Decimal]:
    """What is decided here in percent, and the challenger's part of it."""
    if rollout.go_live.killed:
        return Decimal(0), Decimal(0)
    whole = Decimal(rollout.go_live.percent)
    if not rollout.HasField("challenger") or rollout.challenger.killed:
        return whole, Decimal(0)
    return whole, whole * Decimal(rollout.challenger.percent) / 100


def _percent(share: Decimal) -> str:
    return f"{share:.2f} %"


def _refused(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    if rollout.refused:
        yield "  The last reading of its rules was refused; what was read before goes on:"
    for problem in rollout.refused:
        yield problem.rendered
