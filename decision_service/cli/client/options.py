"""The options of every command that calls a server: address, TLS files, token."""

from __future__ import annotations

import inspect
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import grpc
import typer
from makefun import with_signature

from decision_service.cli.errors import CommandError, Exit
from decision_service.config import is_loopback, split_address
from decision_service.small_file import read_small

_TOKEN = re.compile(rb"[!-~]{1,4096}")
DEFAULT_ADDRESS = "127.0.0.1:50051"

AddressOption = Annotated[
    str,
    typer.Option("--address", envvar="DECISION_GRPC_ADDRESS", help="host:port of the server"),
]
CaOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca", envvar="DECISION_CLIENT_TLS_CA", help="authority of the server's certificate"
    ),
]
CertOption = Annotated[
    Path | None,
    typer.Option("--tls-cert", envvar="DECISION_CLIENT_TLS_CERT", help="this client's certificate"),
]
KeyOption = Annotated[
    Path | None,
    typer.Option("--tls-key", envvar="DECISION_CLIENT_TLS_KEY", help="and its key"),
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file", envvar="DECISION_CLIENT_TOKEN_FILE", help="file with this caller's token"
    ),
]


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """A server's address and files; connections use TLS where any `tls_…` is given."""

    address: AddressOption = DEFAULT_ADDRESS
    tls_ca: CaOption = None
    tls_cert: CertOption = None
    tls_key: KeyOption = None
    token_file: TokenOption = None

    @property
    def encrypted(self) -> bool:
        """Whether the connection is to be encrypted."""
        return any((self.tls_ca, self.tls_cert, self.tls_key))

    def open(self) -> grpc.Channel:
        """A channel; raises CommandError where the address or a file cannot be used."""
        self.place()
        if not self.encrypted:
            return grpc.insecure_channel(self.address)
        self.context()
        credentials = grpc.ssl_channel_credentials(
            _content("--tls-ca", self.tls_ca),
            _content("--tls-key", self.tls_key),
            _content("--tls-cert", self.tls_cert),
        )
        return grpc.secure_channel(self.address, credentials)

    def place(self) -> tuple[str, int]:
        """Host and port; raises CommandError."""
        try:
            return split_address(self.address)
        except ValueError as error:
            raise CommandError(f"--address: {error}", Exit.USAGE) from None

    def context(self) -> ssl.SSLContext:
        """The files as TLS uses them; raises CommandError for what is no certificate or key."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise CommandError("--tls-cert and --tls-key belong together: give both", Exit.USAGE)
        made = _trusting(self.tls_ca)
        made.set_alpn_protocols(["h2"])
        if self.tls_cert is not None and self.tls_key is not None:
            _load_certificate(made, self.tls_cert, self.tls_key)
        return made

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata of every call: the token, where one is given; raises CommandError."""
        token = _content("--token-file", self.token_file)
        if token is None:
            return ()
        if not self.encrypted and not is_loopback(self.place()[0]):
            raise CommandError(
                f"the token would go to {self.address} unencrypted: give --tls-ca", Exit.USAGE
            )
        if not _TOKEN.fullmatch(token.strip()):
            message = f"{self.token_file} of --token-file does not hold one token and nothing else"
            raise CommandError(message, Exit.USAGE)
        return (("authorization", f"Bearer {token.strip().decode('ascii')}"),)


def trusting(authority: Path | None) -> ssl.SSLContext | bool:
    """What httpx2 verifies servers by: this authority, or those of the system.

    Raises CommandError where the file cannot be used.
    """
    return True if authority is None else _trusting(authority)


def calls_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `ServerOptions` in place of its parameter `server`."""
    hints = get_type_hints(command, include_extras=True)
    options = get_type_hints(ServerOptions, include_extras=True)
    own = inspect.signature(command).parameters.values()
    parameters = [p.replace(annotation=hints[p.name]) for p in own if p.name != "server"]
    parameters += [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=options[field.name],
        )
        for field in fields(ServerOptions)
    ]

    def run(**given: Any) -> Any:
        server = ServerOptions(**{name: given.pop(name) for name in options})
        return command(**given, server=server)

    signature = inspect.Signature(parameters)
    name, words = command.__name__, inspect.getdoc(command) or ""
    called: Callable[..., Any] = with_signature(signature, func_name=name, doc=words)(run)
    return called


def _trusting(authority: Path | None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    content = _content("--tls-ca", authority)
    if content is None:
        made.load_default_certs()
        return made
    try:
        made.load_verify_locations(cadata=content.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        message = f"{authority} of --tls-ca holds no certificate in PEM"
        raise CommandError(message, Exit.USAGE) from None
    return made


def _load_certificate(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    _content("--tls-cert", cert)
    _content("--tls-key", key)
    try:
        context.load_cert_chain(cert, key, password=lambda: "")
    except (ssl.SSLError, ValueError):
        raise CommandError(
            f"{cert} and {key} of --tls-cert and --tls-key are not a certificate in PEM and its "
            "key, which must have no passphrase",
            Exit.USAGE,
        ) from None


def _content(option: str, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return read_small(path)
    except OSError as error:
        raise CommandError(
            f"the file {path} of {option} cannot be read ({error.strerror})", Exit.USAGE
        ) from None
