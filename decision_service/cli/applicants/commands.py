"""`applicants`: create, make link tokens, see how far the data is, contest, export, erase."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import applicant_service_pb2_grpc
from decision_service.cli.applicants.contest import contest, contests
from decision_service.cli.applicants.export import export
from decision_service.cli.client.calls import call
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import (
    Format,
    FormatOption,
    console,
    print_json,
    print_table,
    table,
)
from decision_service.cli.display.text import counted

commands = typer.Typer(help="Onboard applicants, contest, export and erase.", no_args_is_help=True)
commands.command()(contest)
commands.command()(contests)
commands.command()(export)
Stub = applicant_service_pb2_grpc.ApplicantServiceStub
ReturnOption = Annotated[
    str, typer.Option("--return-url", help="where the connect page leads back to")
]
UserArgument = Annotated[str, typer.Argument(metavar="USER_ID", help="the Smile userId")]


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
    with _stub(server) as stub:
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
    with _stub(server) as stub:
        reply = call(stub.CreateLinkToken, request, server)
    if form is Format.JSON:
        print_json(reply)
    else:
        _print_token(reply.link_token)


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
    with _stub(server) as stub:
        reply = call(stub.GetApplicant, request, server)
    if form is Format.JSON:
        print_json(reply)
    else:
        _print_applicant(reply.applicant)


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
    with _stub(server) as stub:
        reply = call(stub.EraseApplicant, pb.EraseApplicantRequest(user_id=user_id), server)
    if form is Format.JSON:
        print_json(reply)
        return
    console().print(
        f"{counted(reply.erased_snapshots, 'snapshot')} destroyed, "
        f"{counted(reply.revoked_accounts, 'account')} revoked"
    )


@contextmanager
def _stub(server: ServerOptions) -> Iterator[Stub]:
    with server.open() as opened:
        yield Stub(opened)


def _print_token(token: pb.LinkToken) -> None:
    until = f"{token.expire_time.ToDatetime():%Y-%m-%d %H:%M} UTC"
    out, line = console(), "link" if token.connect_url else "link token"
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
        collected = f"{kind.collect_time.ToDatetime():%Y-%m-%d %H:%M} UTC"
        data.add_row(kind.kind, kind.source_id, collected)
    print_table(data)
    ready = "A decision can be made now." if applicant.ready else "No decision can be made yet: "
    console().print(ready + escape(applicant.not_ready_reason))
    for likely in applicant.likely_referrals:
        console().print(f"Likely to be referred ({likely.reason}): {escape(likely.message)}.")
