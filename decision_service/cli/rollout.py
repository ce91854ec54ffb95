"""`rollout`: show, compare and move rollouts; every move needs its reason."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from decision_service.api.v1 import rollout_service_pb2 as pb
from decision_service.cli.calls import Call, Form
from decision_service.cli.output import CommandError, Exit, console, message_dict, print_json
from decision_service.cli.rollout_views import moved_text
from decision_service.domain.errors import visible

_COMPARE_SECONDS = 120.0
YesOption = Annotated[bool, typer.Option("--yes", help="do not ask")]
ProductArgument = Annotated[str, typer.Argument(metavar="PRODUCT", help="all products without it")]
ChallengerOption = Annotated[
    bool, typer.Option("--challenger", help="judge recorded decisions again")
]


def show(call: Call, product: ProductArgument = "") -> None:
    with call.server.connect() as connection:
        products = [product]
        if not product:
            listed = connection.call("RolloutService.ListRollouts", pb.ListRolloutsRequest())
            products = [rollout.product for rollout in listed.rollouts]
        replies = [
            connection.call(call.row.method, pb.GetRolloutRequest(product=one)) for one in products
        ]
    if call.form is Form.JSON and not product:
        print_json([message_dict(reply) for reply in replies])
        return
    for reply in replies:
        call.show(reply)


def move(call: Call) -> None:
    """Without options, the plan and the position that a step is judged by are those of now."""
    request: Any = call.request
    fields = request.DESCRIPTOR.fields_by_name
    with call.server.connect() as connection:
        if "position" in fields and not (request.plan_digest and request.position):
            asked = pb.GetRolloutRequest(product=request.product)
            rollout = connection.call("RolloutService.GetRollout", asked).rollout
            request.plan_digest = request.plan_digest or rollout.plan_digest
            request.position = request.position or rollout.position
        reply = connection.call(call.row.method, request, findings=call.row.findings)
    if call.form is not Form.TABLE:
        call.show(reply)
        return
    words = "nothing changed"
    if reply.HasField("step"):
        words = f"{moved_text(reply.step)} (step {reply.step.position}, by {reply.step.who})"
    console().print(f"{request.product}: {words}", markup=False, soft_wrap=True)


def kill(call: Call, yes: YesOption = False) -> None:
    request: Any = call.request
    if not yes and sys.stdin.isatty() and sys.stderr.isatty():
        stopped = f"every decision of {request.product}: no application is decided"
        if request.arm == "challenger":
            stopped = f"the challenger of {request.product}: the champion decides everyone"
        question = f"Stop {stopped} until `rollout revive`?"
        typer.confirm(visible(question), abort=True, err=True)
    request.killed = True
    move(call)


def compare(call: Call, challenger: ChallengerOption = False) -> None:
    request: Any = call.request
    if bool(request.shadow_version) + challenger + request.champion != 1:
        raise CommandError(
            "say what to compare: one of --shadow VERSION, --challenger and --champion", Exit.USAGE
        )
    if request.champion and not request.params_as_of:
        raise CommandError(
            "--champion compares the champion with itself: say by which day's parameters, with "
            "--params-as-of DATE",
            Exit.USAGE,
        )
    if request.shadow_version and request.params_as_of:
        raise CommandError(
            "--params-as-of does not go with --shadow: a shadow has judged already", Exit.USAGE
        )
    call.show(call.send(_COMPARE_SECONDS))
