"""`decisions clock`: whether the clock can be believed, and the reset after one that was ahead."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.markup import escape

from decision_service.api.v1 import clock_service_pb2 as pb
from decision_service.cli.client.calls import call, clock_service
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import (
    Format,
    FormatOption,
    console,
    print_json,
    print_table,
    table,
)
from decision_service.cli.errors import CommandError, Exit

_REFUSALS = frozenset({"CLOCK_RESET_REFUSED"})


@calls_server
def clock(
    reset: Annotated[
        bool, typer.Option("--reset", help="have decisions of a clock that was ahead not count")
    ] = False,
    why: Annotated[
        str, typer.Option("--why", help="the reason, kept in the journal for ever")
    ] = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Show what the clock is judged by, or reset it.

    A reset follows a clock that was ahead.
    """
    if reset != bool(why):
        raise CommandError(
            "--reset and --why belong together: a reset needs its reason", Exit.USAGE
        )
    with clock_service(server) as stub:
        if reset:
            asked = pb.ResetClockRequest(why=why)
            reply = call(stub.ResetClock, asked, server, findings=_REFUSALS)
        else:
            reply = call(stub.GetClock, pb.GetClockRequest(), server)
    if form is Format.JSON:
        print_json(reply)
    else:
        _print(reply.clock)


def _print(shown: pb.Clock) -> None:
    out = console()
    out.print(f"this clock        {_time(shown.now)}")
    newest = _time(shown.newest_decision_time) if shown.HasField("newest_decision_time") else "none"
    out.print(f"newest decision   {newest}")
    out.print(f"the vendor's      {_beside(shown)}")
    out.print(_advice(shown))
    if not shown.resets:
        return
    rows = table("reset", "who", "why", "decisions that do not count")
    for one in shown.resets:
        span = f"{_time(one.first_decision_time)} to {_time(one.last_decision_time)}"
        rows.add_row(_time(one.reset_time), escape(one.who), escape(one.why), span)
    print_table(rows)


def _beside(shown: pb.Clock) -> str:
    if not shown.HasField("ahead_of_vendor"):
        return "not known: the vendor has not answered yet, or its answer told no time"
    seconds = shown.ahead_of_vendor.ToTimedelta().total_seconds()
    side = "ahead" if seconds > 0 else "behind"
    return f"this clock was {abs(seconds):.0f} s {side} at its last answer"


def _advice(shown: pb.Clock) -> str:
    if not shown.doubted:
        return "The clock is believed: it is not behind the newest decision that counts."
    return (
        "The clock is doubted, so that decisions refer as stale: it is behind the newest decision. "
        "Where it agrees with the vendor's it was ahead when that decision was recorded: reset the "
        "guard with --reset --why. Where it does not, correct the clock."
    )


def _time(stamp: Timestamp) -> str:
    return f"{stamp.ToDatetime():%Y-%m-%d %H:%M:%S} UTC"
