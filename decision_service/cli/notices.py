"""`decisions notice|notices|notice-sent`: letters to applicants."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from decision_service.api.v1 import notice_service_pb2 as pb
from decision_service.cli.client import ServerOptions, call, calls_server
from decision_service.cli.client import notices as notice_stub
from decision_service.cli.options import LimitOption, PageOption
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    console,
    print_json,
    print_table,
    table,
)
from decision_service.cli.views import instant_text
from decision_service.domain.errors import visible
from decision_service.rulebook.folder import write_whole
from decision_service.server.wire import enum_name

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="dec_…")]
LanguageOption = Annotated[str, typer.Option("--language", help="such as en or fil")]
_REFUSALS = frozenset({"NOTICE_NOT_DUE", "LANGUAGE_UNKNOWN"})


class LetterForm(StrEnum):
    TEXT = "text"
    HTML = "html"
    JSON = "json"


class LetterKind(StrEnum):
    APPROVAL = "approval"
    COUNTER_OFFER = "counter-offer"
    ADVERSE_ACTION = "adverse-action"
    INCOMPLETE = "incomplete"


@calls_server
def notice(
    decision_id: IdArgument,
    language: LanguageOption = "en",
    form: Annotated[
        LetterForm, typer.Option("--format", help="plain text, one HTML page, or all of it")
    ] = LetterForm.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="write it here, not on stdout")
    ] = None,
    *,
    server: ServerOptions,
) -> None:
    """Print the letter of the outcome that stands of a decision.

    It is made at the first call, and the same ever after; a person's result has its own.
    """
    request = pb.GetNoticeRequest(decision_id=decision_id, language=language)
    with notice_stub(server) as stub:
        made = call(stub.GetNotice, request, server, findings=_REFUSALS).notice
    if form is LetterForm.JSON:
        print_json(made)
        return
    letter = made.html if form is LetterForm.HTML else made.text
    if out is None:
        sys.stdout.write(visible(letter))
        return
    try:
        write_whole(out, letter)
    except OSError as error:
        raise CommandError(f"{out} cannot be written ({error.strerror})", Exit.USAGE) from None


@calls_server
def notices(
    decision_id: Annotated[str, typer.Option("--decision-id", help="of this decision")] = "",
    kind: Annotated[LetterKind | None, typer.Option("--kind", help="of one kind")] = None,
    unsent: Annotated[
        bool, typer.Option("--unsent", help="those that nobody reported as sent")
    ] = False,
    limit: LimitOption = 50,
    page_token: PageOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """List letters that were made, newest first."""
    request = pb.ListNoticesRequest(
        decision_id=decision_id,
        kind=None if kind is None else _on_wire(kind),
        sent=pb.SENT_FILTER_NOT_SENT if unsent else pb.SENT_FILTER_UNSPECIFIED,
        page_size=limit,
        page_token=page_token,
    )
    with notice_stub(server) as stub:
        reply = call(stub.ListNotices, request, server)
    if form is Format.JSON:
        print_json(reply)
        return
    rows = table("decision", "kind", "language", "review", "made", "by", "sent")
    for one in reply.notices:
        rows.add_row(
            one.decision_id,
            _kind_text(one),
            one.language,
            one.review_id or "-",
            instant_text(one.create_time),
            escape(one.created_by),
            escape(_sent_text(one)),
        )
    print_table(rows)
    if reply.next_page_token:
        console().print(f"More: --page-token {reply.next_page_token}")


@calls_server
def notice_sent(
    decision_id: IdArgument,
    kind: Annotated[LetterKind, typer.Option("--kind", help="of the letter")],
    channel: Annotated[str, typer.Option("--channel", help="such as email or post")],
    language: LanguageOption = "en",
    review_id: Annotated[
        str, typer.Option("--review-id", help="rev_…, where the letter tells a person's result")
    ] = "",
    at: Annotated[
        str, typer.Option("--at", metavar="INSTANT", help="such as 2026-11-27T09:00:00Z; now")
    ] = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Record that a letter was sent.

    The first report counts.
    """
    request = pb.RecordNoticeSentRequest(
        decision_id=decision_id,
        kind=_on_wire(kind),
        language=language,
        channel=channel,
        review_id=review_id,
    )
    request.send_time.FromDatetime(_at(at))
    with notice_stub(server) as stub:
        noted = call(stub.RecordNoticeSent, request, server, findings=_REFUSALS).notice
    if form is Format.JSON:
        print_json(noted)
    else:
        words = f"{decision_id}: {_kind_text(noted)} letter sent {_sent_text(noted)}"
        console().print(words, markup=False, soft_wrap=True)


def _on_wire(kind: LetterKind) -> str:
    return f"NOTICE_KIND_{kind.name}"


def _kind_text(one: pb.Notice) -> str:
    return enum_name(pb.NoticeKind.DESCRIPTOR, one.kind).lower().replace("_", "-")


def _at(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    raise CommandError(
        f"--at is {text}: it must be an instant such as 2026-11-27T09:00:00Z", Exit.USAGE
    )


def _sent_text(one: pb.Notice) -> str:
    if not one.HasField("send_time"):
        return "-"
    return f"{instant_text(one.send_time)} by {one.channel}"
