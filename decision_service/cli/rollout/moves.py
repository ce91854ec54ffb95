"""`rollout advance|confirm|roll-back|pause|resume|kill|revive`: every change needs its reason."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from decision_service.api.v1 import rollout_pb2, rollout_service_pb2
from decision_service.cli.client.calls import call, rollouts
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.numbers import whole
from decision_service.cli.rollout.text import moved_text
from decision_service.domain.errors import visible

ProductArgument = Annotated[str, typer.Argument(metavar="PRODUCT", help="the rules folder's name")]
WhyOption = Annotated[str, typer.Option("--why", help="the reason, kept in the journal for ever")]
TicketOption = Annotated[
    str, typer.Option("--ticket", help="your reference of the change, kept in the journal")
]
TrackOption = Annotated[
    str,
    typer.Option("--track", help="go-live or challenger; needed while the plan has a challenger"),
]
ArmOption = Annotated[
    str,
    typer.Option("--arm", help="challenger; champion or nothing for the whole product"),
]
DigestOption = Annotated[
    str, typer.Option("--plan-digest", help="refuse under any other plan; by default the one now")
]
PositionOption = Annotated[
    int, whole("refuse after any other step; by default the last now", "--position")
]
_STOPPED = {
    "challenger": "the challenger of {}: the champion decides everyone",
}
"""What a kill of an arm stops; of any other, the whole product."""
_REFUSALS = frozenset({"ROLLOUT_REFUSED", "ROLLOUT_MOVED_ON", "PLAN_CHANGED"})


@calls_server
def advance(
    product: ProductArgument,
    why: WhyOption,
    track: TrackOption = "",
    ticket: TicketOption = "",
    plan_digest: DigestOption = "",
    position: PositionOption = 0,
    early: Annotated[
        bool, typer.Option("--early", help="before hold and count are met; --why says why")
    ] = False,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Move a track one stage up, or propose that to a second caller."""
    request = rollout_service_pb2.AdvanceRolloutRequest(
        product=product,
        track=track,
        why=why,
        ticket=ticket,
        plan_digest=plan_digest,
        position=position,
        early=early,
    )
    _move("AdvanceRollout", _decided_on(request, server), server, form)


@calls_server
def confirm(
    product: ProductArgument,
    why: WhyOption,
    ticket: TicketOption = "",
    plan_digest: DigestOption = "",
    position: PositionOption = 0,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Take what another caller proposed: a step up, a revival or a changed plan."""
    request = rollout_service_pb2.ConfirmRolloutRequest(
        product=product, why=why, ticket=ticket, plan_digest=plan_digest, position=position
    )
    _move("ConfirmRollout", _decided_on(request, server), server, form)


@calls_server
def roll_back(
    product: ProductArgument,
    why: WhyOption,
    track: TrackOption = "",
    ticket: TicketOption = "",
    plan_digest: DigestOption = "",
    position: PositionOption = 0,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Move a track one stage down; below the first is 0 %."""
    request = rollout_service_pb2.RollBackRolloutRequest(
        product=product,
        track=track,
        why=why,
        ticket=ticket,
        plan_digest=plan_digest,
        position=position,
    )
    _move("RollBackRollout", _decided_on(request, server), server, form)


@calls_server
def pause(
    product: ProductArgument,
    why: WhyOption,
    ticket: TicketOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Stop advancing; who is decided by what stays as it is."""
    request = rollout_service_pb2.PauseRolloutRequest(product=product, why=why, ticket=ticket)
    _move("PauseRollout", request, server, form)


@calls_server
def resume(
    product: ProductArgument,
    why: WhyOption,
    ticket: TicketOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Let advancing go on."""
    request = rollout_service_pb2.ResumeRolloutRequest(product=product, why=why, ticket=ticket)
    _move("ResumeRollout", request, server, form)


@calls_server
def kill(
    product: ProductArgument,
    why: WhyOption,
    arm: ArmOption = "",
    ticket: TicketOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Stop a challenger, or a whole product.

    Within two seconds on every process. It asks on a terminal alone, before it reaches the server.
    """
    if not yes and sys.stdin.isatty() and sys.stderr.isatty():
        stopped = _STOPPED.get(arm, "every decision of {}: no application is decided")
        question = f"Stop {stopped.format(product)} until `rollout revive`?"
        typer.confirm(visible(question), abort=True, err=True)
    request = rollout_service_pb2.SetKillSwitchRequest(
        product=product, arm=arm, killed=True, why=why, ticket=ticket
    )
    _move("SetKillSwitch", request, server, form)


@calls_server
def revive(
    product: ProductArgument,
    why: WhyOption,
    arm: ArmOption = "",
    ticket: TicketOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Undo a kill at the stage where it stood, or propose that to a second caller."""
    request = rollout_service_pb2.SetKillSwitchRequest(
        product=product, arm=arm, killed=False, why=why, ticket=ticket
    )
    _move("SetKillSwitch", request, server, form)


def get_rollout(product: str, server: ServerOptions) -> rollout_service_pb2.GetRolloutResponse:
    """One rollout of a running server."""
    with rollouts(server) as stub:
        request = rollout_service_pb2.GetRolloutRequest(product=product)
        reply: rollout_service_pb2.GetRolloutResponse = call(stub.GetRollout, request, server)
    return reply


def _decided_on(request: Any, server: ServerOptions) -> Any:
    """The request with plan and position of now, where none were named."""
    if request.plan_digest and request.position:
        return request
    rollout = get_rollout(request.product, server).rollout
    request.plan_digest = request.plan_digest or rollout.plan_digest
    request.position = request.position or rollout.position
    return request


def _move(method: str, request: Any, server: ServerOptions, form: Format) -> None:
    with rollouts(server) as stub:
        reply = call(getattr(stub, method), request, server, findings=_REFUSALS)
    if form is Format.JSON:
        print_json(reply)
    elif reply.HasField("step"):
        console().print(_step_line(request.product, reply.step), markup=False, soft_wrap=True)
    else:
        console().print(f"{request.product}: nothing changed, it stood there already", markup=False)


def _step_line(product: str, step: rollout_pb2.RolloutStep) -> str:
    moved = moved_text(step)
    return f"{product}: {moved} (step {step.position}, by {step.who})"
