"""The `console` command: settings, the application, and serving it until a signal."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from decision_service.cli.client import (
    Address,
    Certificate,
    Connection,
    Key,
    Profile,
    ServerOptions,
)
from decision_service.cli.options import CaOption
from decision_service.cli.output import CommandError
from decision_service.console import decisions, home, reviews, rollouts, rules
from decision_service.console.service import Service
from decision_service.console.session import Sessions
from decision_service.console.signin import Provider, SignIn
from decision_service.console.text import STATIC, content, environment
from decision_service.console.web import Pages, Visit, Walls
from decision_service.domain.ports import Clock
from decision_service.runtime.address import is_loopback, split_address
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.files import read_small
from decision_service.runtime.logs import configure_logging
from decision_service.runtime.tasks import listen, run_async, serving
from decision_service.server.transport.http import HSTS

# An address has a hash of its file's content: another content is at another address.
_IDS = ("application_id", "customer_ref")
_DAY = "public, max-age=86400, immutable"


@dataclass(frozen=True, slots=True)
class Settings:
    """`url` is the console's own, as browsers have it; `people` are made-up ones with tokens.

    `loan_system` is the address of an application there, as `loan_address` fills it.
    """

    url: str
    provider: Provider | None = None
    grafana: str = ""
    loan_system: str = ""
    people: Mapping[str, str] = field(default_factory=dict)


def build_app(settings: Settings, connection: Connection, clock: Clock) -> ASGIApp:
    """The console as an ASGI application; calls go through an open connection."""
    templates = environment(clock.now)
    templates.globals["grafana"] = settings.grafana
    templates.globals["loan_address"] = partial(loan_address, settings.loan_system)
    sessions = Sessions(clock.monotonic)
    serve = partial(Service, connection)
    signin = SignIn(
        sessions,
        serve,
        clock,
        origin=settings.url,
        provider=settings.provider,
        people=settings.people,
    )
    pages = Pages(sessions, signin.session_of, serve)
    routes: list[BaseRoute] = [
        pages.route("/signed-in", _signed_in),
        *signin.routes(),
        *(
            one
            for part in (home, decisions, reviews, rules, rollouts)
            for one in part.routes(pages)
        ),
        Route("/static/{name}", _asset, methods=["GET"]),
    ]
    failures: Any = dict.fromkeys((400, 404, 405, 413, 500), pages.failed)
    app = Starlette(routes=routes, exception_handlers=failures)
    # A redirect would lead to the host that the request names.
    app.router.redirect_slashes = False
    app.state.templates = templates
    app.state.now = clock.now
    return Walls(app, settings.url)


def loan_address(template: str, **ids: str) -> str:
    """Where the loan system shows an application; empty where one of the ids is not known.

    `ids` are the `application_id` and the `customer_ref`, which the template may name in braces.
    """
    named = [name for name in ids if f"{{{name}}}" in template]
    if not named or not all(ids[name] for name in named):
        return ""
    for name in named:
        # A loan system chose its ids: none may lead to another path, or end the address.
        template = template.replace(f"{{{name}}}", quote(ids[name], safe=""))
    return template


def _loan_system(template: str) -> str:
    """A template of `loan_address`; raises CommandError where it is no address of one."""
    if not template:
        return ""
    parts = urlsplit(template)
    whole = parts.scheme in {"https", "http"} and parts.hostname and "{" not in parts.netloc
    if not whole or not any(f"{{{name}}}" in template for name in _IDS):
        raise CommandError(
            f"--loan-system {template}: give an address such as "
            "https://loans.example.com/applications/{application_id}, with {application_id} or "
            "{customer_ref} after the host"
        )
    return template


def _signed_in(visit: Visit) -> Response:
    words = "Close this tab, and send your form again in the other one."
    title = f"You are signed in as {visit.session.name}"
    return visit.page("message.html", title=title, words=words)


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404)
    kind = "text/css" if name.endswith(".css") else "text/javascript"
    return Response(content(name), media_type=kind, headers={"cache-control": _DAY})


def _option(name: str, about: str) -> Any:
    return typer.Option(
        f"--{name}", envvar=f"DECISION_CONSOLE_{name.upper().replace('-', '_')}", help=about
    )


def console(
    listen_at: Annotated[str, _option("listen", "host:port of the pages")] = "127.0.0.1:8090",
    url: Annotated[str, _option("url", "the address that browsers open")] = "",
    issuer: Annotated[str, _option("issuer", "URL of the identity provider")] = "",
    client_id: Annotated[str, _option("client-id", "this console's name there")] = "",
    client_secret_file: Annotated[
        Path | None,
        _option("client-secret-file", "file with its secret there, if any"),
    ] = None,
    cert: Annotated[Path | None, _option("cert", "certificate of the pages, in PEM")] = None,
    cert_key: Annotated[Path | None, _option("cert-key", "and its key")] = None,
    grafana: Annotated[str, _option("grafana", "address of the dashboards")] = "",
    loan_system: Annotated[
        str, _option("loan-system", "address of an application there, with {application_id}")
    ] = "",
    address: Address = None,
    tls_ca: CaOption = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    profile: Profile = None,
) -> None:
    """People sign in at the identity provider of --issuer, or without one with their tokens.

    Sessions end with the process: run one, behind one address.
    """
    server = ServerOptions.of(
        address, tls_ca, tls_cert, tls_key=tls_key, token_file=None, profile=profile
    )
    if server.token_file is not None:
        raise CommandError("--profile: people bring their own tokens: leave token_file out")
    tls = _tls(cert, cert_key)
    settings = Settings(
        _own_url(listen_at, url, tls),
        _provider(issuer, client_id, client_secret_file),
        grafana,
        loan_system=_loan_system(loan_system),
    )
    configure_logging("info", as_json=not sys.stderr.isatty())
    run_async(serve_console(settings, server, listen_at, tls=tls))


async def serve_console(
    settings: Settings, server: ServerOptions, listen_at: str, tls: ssl.SSLContext | None = None
) -> None:
    """Serve until SIGTERM or Ctrl-C; raises CommandError where the address is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        listener = listen(*split_address(listen_at))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CommandError(f"{listen_at} cannot be bound ({why}): name another") from None
    with server.connect() as connection:
        app = build_app(settings, connection, SystemClock())
        headers = HSTS if tls else None
        async with serving(app, listener, tls=tls, headers=headers):
            sys.stdout.write(
                f"Console at {settings.url}; it calls {server.address}. Ctrl-C stops it.\n"
            )
            # Python keeps a line for a pipe back, and who started this waits for it.
            sys.stdout.flush()
            await stop.wait()


def _own_url(listen_at: str, url: str, tls: ssl.SSLContext | None) -> str:
    """What browsers open; raises CommandError where passwords or cookies would go unencrypted."""
    parts = urlsplit(url or f"{'http' if tls is None else 'https'}://{listen_at}")
    is_plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not is_plain:
        raise CommandError(f"{parts.geturl()} is open to the network: give --url https://…")
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise CommandError(f"--url {url}: give scheme, host and port alone")
    return f"{parts.scheme}://{parts.netloc}"


def _provider(issuer: str, client_id: str, secret_file: Path | None) -> Provider | None:
    if not issuer:
        return None
    if not client_id:
        raise CommandError("--issuer is given without --client-id: give both")
    try:
        secret = "" if secret_file is None else read_small(secret_file).decode().strip()
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{secret_file} of --client-secret-file cannot be read") from None
    return Provider(issuer, client_id, secret)


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None and key is None:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(cert or "", key)
    except (OSError, ssl.SSLError):
        raise CommandError("--cert and --cert-key are no certificate in PEM with its key") from None
    return made
