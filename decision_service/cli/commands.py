"""What commands of RPCs do besides a call and its reply."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as rollout_pb
from decision_service.api.v1 import ruleset_service_pb2 as ruleset_pb
from decision_service.cli.calls import Call, Form
from decision_service.cli.client import Connection
from decision_service.cli.output import (
    CommandError,
    Exit,
    message_dict,
    new_file,
    print_json,
    print_lines,
    seconds,
    whole,
)
from decision_service.domain.errors import visible

YesOption = Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")]
ProductArgument = Annotated[str, typer.Argument(metavar="PRODUCT", help="all products without it")]
_EXPORT_SECONDS = 30.0


def json_export(user_id: str, pages: Iterable[pb.ExportApplicantResponse]) -> Iterator[str]:
    """The text of an export, bit by bit: what is stored of a person may be long."""
    before = "\n"
    yield f'{{"user_id": {json.dumps(user_id)}, "records": ['
    for record in (record for page in pages for record in page.records):
        head = json.dumps({"kind": record.kind, "id": record.id}).removesuffix("}")
        yield f'{before}{head}, "content": {visible(record.content)}}}'
        before = ",\n"
    yield "\n]}\n"


def export(
    call: Call,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="a new file that its owner alone may read"),
    ] = None,
) -> None:
    with call.server.connect() as connection:
        found = connection.pages(call.row.method, call.request, _EXPORT_SECONDS)
        first = next(found)  # an error comes before the file
        with _opened(out) as file:
            file.writelines(json_export(call.request.user_id, chain((first,), found)))


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with new_file(path) as file, TextIOWrapper(file, encoding="utf-8") as text:
        yield text


def erase(call: Call, yes: YesOption = False) -> None:
    if not yes:
        who = visible(call.request.user_id)
        typer.confirm(f"Destroy the stored data of {who} and revoke all accounts?", abort=True)
    call.show(call.send())


class LetterForm(StrEnum):
    TEXT = "text"
    HTML = "html"
    JSON = "json"


def show_letter(
    call: Call,
    form: Annotated[
        LetterForm, typer.Option("--format", help="plain text, one HTML page, or all of it")
    ] = LetterForm.TEXT,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="write to this file, not to standard output"),
    ] = None,
) -> None:
    made = call.send().notice
    if form is LetterForm.JSON:
        print_json(made)
        return
    letter = made.html if form is LetterForm.HTML else made.text
    if out is None:
        sys.stdout.write(visible(letter))
        return
    from decision_service.rulebook.folder import write_whole  # slow to import

    try:
        write_whole(out, letter)
    except OSError as error:
        raise CommandError(f"{out} cannot be written ({error.strerror})") from None


AllOption = Annotated[bool, typer.Option("--all", help="also reviews that have ended")]
HoursOption = Annotated[int, whole("opened at least so many hours ago", "--older-than-hours")]
RejectOption = Annotated[str, typer.Option("--reject", help="refuse the proposed end; say why")]


def list_reviews(call: Call, every: AllOption = False, hours: HoursOption = 0) -> None:
    request: Any = call.request
    request.unfinished = not (every or request.state or request.decision_id)
    if hours:
        request.open_time_before.FromDatetime(datetime.now(UTC) - timedelta(hours=hours))
    call.show(call.send())


def show_review(call: Call) -> None:
    with call.server.connect() as connection:
        call.show(connection.read_review(call.request.review_id))


def confirm_review(call: Call, reject: RejectOption = "") -> None:
    if reject:
        call.request.reject = True
        call.request.text = reject
    call.show(call.send())


def decide(call: Call, timeout: Annotated[float, seconds("deadline", "--timeout")] = 10.0) -> None:
    call.show(call.send(timeout))


def list_decisions(call: Call) -> None:
    require_span(call.request)
    with call.server.connect() as connection:
        reply = connection.call(call.row.method, call.request)
        if call.request.product and not reply.decisions:
            _require_product(connection, call.request.product)
    call.show(reply)


def _require_product(connection: Connection, product: str) -> None:
    """Raise CommandError for a product that is not loaded, where this caller may ask for rules."""
    asked = ruleset_pb.ListRulesetsRequest(product=product)
    try:
        connection.call("RulesetService.ListRulesets", asked, findings=("PRODUCT_UNKNOWN",))
    except CommandError as error:
        if error.code is Exit.FINDINGS:
            raise


def require_span(request: Any) -> None:
    """Raise CommandError where no day lies between the days of a filter."""
    first = request.create_time_from
    before = request.create_time_before
    has = request.HasField("create_time_from") and request.HasField("create_time_before")
    if has and before.ToDatetime() <= first.ToDatetime():
        raise CommandError(
            f"--before {before.ToJsonString()} is not after --from {first.ToJsonString()}"
        )


def health(call: Call) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from decision_service.server.transport.health import DECISIONS, REASON

    address = call.server.address
    found: dict[str, tuple[str, str]] = {}
    with call.server.connect() as connection:
        stub: Any = health_pb2_grpc.HealthStub(connection.channel)
        # Before the first release of rules all is served but decisions: persons have to confirm it
        for service in ("", DECISIONS):
            asked = health_pb2.HealthCheckRequest(service=service)
            reply, ended = connection.answer(stub.Check.with_call, asked, 5.0)
            name = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
            reason = str(dict(ended.trailing_metadata() or ()).get(REASON, ""))
            found[service] = (name, reason)
    status, reason = found[""]
    undecided = found[DECISIONS][1] if found[DECISIONS][0] != "SERVING" else ""
    if call.form is Form.JSON:
        shown = {"address": address, "status": status, "reason": reason or None}
        print_json(shown | {"no_decisions": undecided or None})
    if status != "SERVING":
        why = reason or "its log says why"
        raise CommandError(f"the server at {address} is {status}: {why}", Exit.SERVER)
    if call.form is Form.TABLE:
        but = f", but no decisions are made: {undecided}" if undecided else ""
        print_lines(f"{address} is SERVING{but}")


def status(call: Call) -> None:
    reply: Any = call.send()
    call.show(reply)
    if reply.refused:
        raise typer.Exit(Exit.FINDINGS)


def resend(call: Call) -> None:
    reply: Any = call.send()
    if not reply.receivers:
        raise CommandError("no receiver has given this event up; nothing is sent", Exit.FINDINGS)
    call.show(reply)


def show_rollouts(call: Call, product: ProductArgument = "") -> None:
    with call.server.connect() as connection:
        products = [product]
        if not product:
            listed = connection.call(
                "RolloutService.ListRollouts", rollout_pb.ListRolloutsRequest()
            )
            products = [rollout.product for rollout in listed.rollouts]
        replies = [
            connection.call(call.row.method, rollout_pb.GetRolloutRequest(product=one))
            for one in products
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
            asked = rollout_pb.GetRolloutRequest(product=request.product)
            rollout = connection.call("RolloutService.GetRollout", asked).rollout
            request.plan_digest = request.plan_digest or rollout.plan_digest
            request.position = request.position or rollout.position
        reply = connection.call(call.row.method, request, findings=call.row.findings)
    if call.form is not Form.TABLE:
        call.show(reply)
        return
    from decision_service.cli.rollout import moved_text  # with rich, slow to import

    words = "nothing changed"
    if reply.HasField("step"):
        words = f"{moved_text(reply.step)} (step {reply.step.position}, by {reply.step.who})"
    print_lines(f"{request.product}: {words}")


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
