"""`applicants`: create, make link tokens, see how far the data is, contest, export, erase."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.markup import escape

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as decision_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.cli.client import (
    ServerOptions,
    applicants,
    call,
    calls_server,
    decisions,
    pages,
    reviews,
)
from decision_service.cli.options import RequestOption, TextOption, request_id
from decision_service.cli.output import (
    Format,
    FormatOption,
    console,
    new_file,
    print_as,
    print_json,
    print_table,
    table,
)
from decision_service.cli.views import chain_lines, counted, instant_text, show_review
from decision_service.domain.errors import visible

DecisionArgument = Annotated[str, typer.Argument(metavar="DECISION", help="dec_…")]
ReturnOption = Annotated[
    str, typer.Option("--return-url", help="where the connect page leads back to")
]
UserArgument = Annotated[str, typer.Argument(metavar="USER_ID", help="the Smile userId")]
_EXPORT_SECONDS = 30.0
_REFUSALS = frozenset({"REVIEW_REFUSED"})

commands = typer.Typer(help="Onboard applicants, contest, export and erase.", no_args_is_help=True)


@commands.command()
@calls_server
def contest(
    decision_id: DecisionArgument,
    text: TextOption,
    request: RequestOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Ask a person to review a decision, for its applicant.

    While a review of the decision is unfinished, the request is noted in that one.
    """
    asked = review_pb.RequestReviewRequest(
        decision_id=decision_id, request_id=request_id(request), text=text
    )
    with reviews(server) as stub:
        reply = call(stub.RequestReview, asked, server, findings=_REFUSALS)
    show_review(reply.review, form)


@commands.command()
@calls_server
def contests(
    decision_id: DecisionArgument, form: FormatOption = Format.TABLE, *, server: ServerOptions
) -> None:
    """Show the reviews of a decision, and the outcome that stands.

    `decisions notice` prints the letter of it.
    """
    request = decision_pb.GetDecisionRequest(decision_id=decision_id)
    with decisions(server) as stub:
        decision = call(stub.GetDecision, request, server).decision
    if form is Format.JSON:
        print_json(decision.review)
        return
    lines = [*chain_lines(decision.review)] if decision.HasField("review") else []
    for line in lines or [f"Nobody has reviewed {decision_id}."]:
        console().print(line, markup=False, highlight=False, soft_wrap=True)


class JsonExport:
    def __init__(self, file: TextIO, user_id: str) -> None:
        self._file = file
        self._next = "\n"
        file.write(f'{{"user_id": {json.dumps(user_id)}, "records": [')

    def add(self, records: Iterable[pb.StoredRecord]) -> None:
        for record in records:
            head = json.dumps({"kind": record.kind, "id": record.id}).removesuffix("}")
            self._file.write(f'{self._next}{head}, "content": {visible(record.content)}}}')
            self._next = ",\n"

    def end(self) -> None:
        self._file.write("\n]}\n")


@commands.command()
@calls_server
def export(
    user_id: UserArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="a new file that its owner alone may read"),
    ] = None,
    *,
    server: ServerOptions,
) -> None:
    """Write everything stored of a person, for that person.

    Nothing of others is in it. What is left out is named with the reason.
    """
    request = pb.ExportApplicantRequest(user_id=user_id)
    with applicants(server) as stub:
        found = pages(stub.ExportApplicant, request, server, _EXPORT_SECONDS)
        first = next(found)  # an error comes before the file
        with _opened(out) as file:
            written = JsonExport(file, user_id)
            for page in chain((first,), found):
                written.add(page.records)
            written.end()


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with new_file(path) as file, TextIOWrapper(file, encoding="utf-8") as text:
        yield text


@commands.command()
@calls_server
def create(
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="your own reference, no person's data")
    ],
    return_url: ReturnOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Create an applicant, and print the link to send.

    Where the reference has one already, that one is found.
    """
    request = pb.CreateApplicantRequest(applicant_ref=reference, return_url=return_url)
    with applicants(server) as stub:
        reply = call(stub.CreateApplicant, request, server)
    if form is Format.JSON:
        print_json(reply)
        return
    known = "created" if reply.created else "known already"
    console().print(f"{escape(reply.user_id)} ({known})")
    _print_token(reply.link_token)


@commands.command("link-token")
@calls_server
def link_token(
    user_id: UserArgument,
    return_url: ReturnOption = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Make a new link for an applicant, good for one use."""
    request = pb.CreateLinkTokenRequest(user_id=user_id, return_url=return_url)
    with applicants(server) as stub:
        reply = call(stub.CreateLinkToken, request, server)
    print_as(form, reply, lambda _: _print_token(reply.link_token))


@commands.command()
@calls_server
def show(
    user_id: UserArgument,
    country: Annotated[
        str, typer.Option("--country", help="where the applicant works, such as PH")
    ] = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Show an applicant's accounts and the age of the data.

    It says whether a decision can be made, and with a country which products are likely to refer
    whatever is connected.
    """
    request = pb.GetApplicantRequest(user_id=user_id, country=country)
    with applicants(server) as stub:
        reply = call(stub.GetApplicant, request, server)
    print_as(form, reply, lambda _: _print_applicant(reply.applicant))


@commands.command()
@calls_server
def erase(
    user_id: UserArgument,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Destroy an applicant's stored data and revoke the accounts.

    Decisions stay, unless the server is set to erase them too.
    """
    if not yes:
        typer.confirm(f"Destroy the stored data of {user_id} and revoke all accounts?", abort=True)
    with applicants(server) as stub:
        reply = call(stub.EraseApplicant, pb.EraseApplicantRequest(user_id=user_id), server)
    if form is Format.JSON:
        print_json(reply)
        return
    console().print(
        f"{counted(reply.erased_snapshots, 'snapshot')} destroyed, "
        f"{counted(reply.revoked_accounts, 'account')} revoked"
    )


def _print_token(token: pb.LinkToken) -> None:
    out, line = console(), "link" if token.connect_url else "link token"
    until = instant_text(token.expire_time)
    out.print(f"{line} ({token.mode}, until {until}):", highlight=False)
    out.print(token.connect_url or token.access_token, markup=False, soft_wrap=True)
    if not token.connect_url:
        out.print("Set DECISION_CONNECT_PUBLIC_URL on the server to see the whole link.")


def _print_applicant(applicant: pb.Applicant) -> None:
    accounts = table("account", "provider", "status", "in words")
    for one in applicant.accounts:
        status = f"{one.status} {one.error_code}".strip()
        words = f"{one.explanation} {one.advice}".strip()
        accounts.add_row(one.account_id, one.provider_id, status, escape(words))
    print_table(accounts)
    data = table("data", "account", "collected")
    for kind in applicant.data:
        data.add_row(kind.kind, kind.source_id, instant_text(kind.collect_time))
    print_table(data)
    ready = "A decision can be made now." if applicant.ready else "No decision can be made yet: "
    console().print(ready + escape(applicant.not_ready_reason))
    for likely in applicant.likely_referrals:
        console().print(f"Likely to be referred ({likely.reason}): {escape(likely.message)}.")
