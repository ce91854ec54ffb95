"""Calls of a running server: address, TLS files, token, and errors that a developer can act on."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from decision_service.cli.options import CaOption
from decision_service.cli.output import CommandError, Exit
from decision_service.runtime.address import is_loopback, split_address
from decision_service.runtime.files import read_small

# What only a call needs is imported by it: help and mistakes in options come at once.
if TYPE_CHECKING:
    import grpc

    from decision_service.api.v1.review_service_pb2 import Review

_TOKEN = re.compile(rb"[!-~]{1,4096}")
_CONNECT_SECONDS = 5.0
_FRAME = 9
_TYPE = 3
_SETTINGS = 4
"""Bytes of the head of a frame of HTTP/2, where its type is in it, and the type of settings."""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0))
_HTTP1 = b"HTTP/1."
_NAME = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL."""
_EXPIRED = 10


def _option(name: str, environment: str, about: str) -> Any:
    return typer.Option(f"--{name}", envvar=environment, help=about)


Address = Annotated[
    str | None,
    _option("address", "DECISION_GRPC_ADDRESS", "host:port of the server; 127.0.0.1:50051"),
]
Certificate = Annotated[
    Path | None, _option("tls-cert", "DECISION_CLIENT_TLS_CERT", "this client's certificate")
]
Key = Annotated[Path | None, _option("tls-key", "DECISION_CLIENT_TLS_KEY", "and its key")]
Token = Annotated[
    Path | None,
    _option("token-file", "DECISION_CLIENT_TOKEN_FILE", "file with this caller's token"),
]
Profile = Annotated[
    Path | None,
    _option(
        "profile",
        "DECISION_CLIENT_PROFILE",
        "YAML file of address, tls_ca, tls_cert, tls_key and token_file; options win",
    ),
]


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """A server's address and files; connections use TLS where any `tls_…` is given."""

    address: str = "127.0.0.1:50051"
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    token_file: Path | None = None

    @classmethod
    def of(
        cls,
        address: Address = None,
        tls_ca: CaOption = None,
        tls_cert: Certificate = None,
        tls_key: Key = None,
        token_file: Token = None,
        profile: Profile = None,
    ) -> ServerOptions:
        """What was given, over what the profile says; raises CommandError."""
        given = {"tls_ca": tls_ca, "tls_cert": tls_cert, "tls_key": tls_key} | {
            "address": address, "token_file": token_file
        }  # fmt: skip
        found: dict[str, Any] = {} if profile is None else _read_profile(profile)
        return cls(**found | {name: value for name, value in given.items() if value is not None})

    @property
    def encrypted(self) -> bool:
        return any((self.tls_ca, self.tls_cert, self.tls_key))

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        import grpc

        self.place()
        if self.encrypted:
            self.context()
            credentials = grpc.ssl_channel_credentials(
                _content("--tls-ca", self.tls_ca),
                _content("--tls-key", self.tls_key),
                _content("--tls-cert", self.tls_cert),
            )
            made = grpc.secure_channel(self.address, credentials)
        else:
            made = grpc.insecure_channel(self.address)
        with made as channel:
            yield Connection(channel, self)

    def place(self) -> tuple[str, int]:
        try:
            return split_address(self.address)
        except ValueError as error:
            raise CommandError(f"--address: {error}") from None

    def context(self) -> ssl.SSLContext:
        """The files as TLS uses them; raises CommandError for what is no certificate or key."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise CommandError("--tls-cert and --tls-key belong together: give both")
        made = _trusting(self.tls_ca)
        made.set_alpn_protocols(["h2"])
        if self.tls_cert is None or self.tls_key is None:
            return made
        for option, file in (("--tls-cert", self.tls_cert), ("--tls-key", self.tls_key)):
            _content(option, file)
        try:
            made.load_cert_chain(self.tls_cert, self.tls_key, password=lambda: "")
        except (ssl.SSLError, ValueError):
            raise CommandError(
                f"{self.tls_cert} and {self.tls_key} of --tls-cert and --tls-key are not a "
                "certificate in PEM and its key, which must have no passphrase"
            ) from None
        return made

    def metadata(self) -> tuple[tuple[str, str], ...]:
        token = _content("--token-file", self.token_file)
        if token is None:
            return ()
        if not self.encrypted and not is_loopback(self.place()[0]):
            raise CommandError(f"the token would go to {self.address} unencrypted: give --tls-ca")
        if not _TOKEN.fullmatch(token.strip()):
            message = f"{self.token_file} of --token-file does not hold one token and nothing else"
            raise CommandError(message)
        return (("authorization", f"Bearer {token.strip().decode('ascii')}"),)


def trusting(authority: Path | None) -> ssl.SSLContext | bool:
    """What httpx2 verifies servers by: this authority, or the system's; raises CommandError."""
    return True if authority is None else _trusting(authority)


def _read_profile(file: Path) -> dict[str, Any]:
    """The options that a profile has; a path in it is one from its own folder."""
    import yaml

    try:
        read = yaml.safe_load(_content("--profile", file) or b"")
    except (yaml.YAMLError, ValueError):
        read = None
    names = [field.name for field in fields(ServerOptions)]
    if not isinstance(read, dict) or not all(
        name in names and isinstance(value, str) for name, value in read.items()
    ):
        raise CommandError(
            f"{file} of --profile is no YAML file of {', '.join(names)}, each with a text"
        )
    return {name: v if name == "address" else file.parent / v for name, v in read.items()}


def _trusting(authority: Path | None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    content = _content("--tls-ca", authority)
    if content is None:
        made.load_default_certs()
        return made
    try:
        made.load_verify_locations(cadata=content.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        raise CommandError(f"{authority} of --tls-ca holds no certificate in PEM") from None
    return made


def _content(option: str, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return read_small(path)
    except OSError as error:
        raise CommandError(
            f"the file {path} of {option} cannot be read ({error.strerror})"
        ) from None


def unreachable(server: ServerOptions, error: grpc.RpcError) -> str:
    """What is wrong between this client and the server's address, in a sentence."""
    at = f"the server at {server.address}"
    try:
        plain = _connected(server)
    except OSError:
        return (
            f"no server answers at {server.address}: start one with `decision-service serve`, or "
            "name another with --address"
        )
    with plain:
        found = _encrypted(server, plain) if server.encrypted else _unencrypted(server, plain)
    if found:
        return found
    # With the status of a call that a server ended comes metadata, with a lost connection none.
    call: Any = error  # every RpcError that a stub raises is a grpc.Call as well
    if [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]:
        return (
            f"{at} is a front that answers, and nothing answers behind it: start the service "
            "there, or see the front's log"
        )
    return (
        f"{at} closed the connection before it answered: it may be stopping, or a proxy in front "
        "of it may have refused; try again"
    )


def _connected(server: ServerOptions) -> socket.socket:
    return socket.create_connection(server.place(), _CONNECT_SECONDS)


def _unencrypted(server: ServerOptions, plain: socket.socket) -> str:
    """The mistake of a client without TLS; empty where there is none."""
    first = _first_bytes(plain)
    if _is_http2(first):
        return ""
    if first.startswith(_HTTP1):
        return _other_port(server)
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    unverified.set_alpn_protocols(["h2"])
    try:
        with _connected(server) as again, unverified.wrap_socket(again):
            pass
    except OSError:
        return ""
    return (
        f"the server at {server.address} speaks TLS and this command does not: give --tls-ca, and "
        "--tls-cert and --tls-key where it asks for a client certificate"
    )


def _encrypted(server: ServerOptions, plain: socket.socket) -> str:
    """The mistake of a client with TLS; empty where there is none."""
    try:
        secure = server.context().wrap_socket(plain, server_hostname=server.place()[0])
    except ssl.SSLCertVerificationError as error:
        return _unverified(server, error)
    except OSError:
        return (
            f"the server at {server.address} does not speak TLS: leave --tls-ca, --tls-cert and "
            "--tls-key out"
        )
    with secure:
        first = _first_bytes(secure)
    if _is_http2(first):
        return ""
    if first.startswith(_HTTP1):
        return _other_port(server)
    # A server of gRPC refuses a client by closing the connection, without an alert.
    closed = f"the server at {server.address} closed the encrypted connection at once, as one does"
    if server.tls_cert is None:
        return f"{closed} that asks for a client certificate: give --tls-cert and --tls-key"
    return (
        f"{closed} that does not take the client certificate {server.tls_cert}: give one of the "
        "authority that it trusts"
    )


def _first_bytes(stream: socket.socket) -> bytes:
    """What a server says first to a client of HTTP/2; nothing where it closes or is silent."""
    with suppress(OSError):
        stream.sendall(_PREFACE)
        return stream.recv(_FRAME)
    return b""


def _is_http2(first: bytes) -> bool:
    """Whether it is the frame of settings that a server of HTTP/2 begins with."""
    return len(first) > _TYPE and first[_TYPE] == _SETTINGS


def _other_port(server: ServerOptions) -> str:
    return (
        f"{server.address} speaks HTTP/1.1, as the HTTP and the admin address of the service do: "
        "give --address the gRPC address, 127.0.0.1:50051 by default"
    )


def _unverified(server: ServerOptions, error: ssl.SSLCertVerificationError) -> str:
    host = server.place()[0]
    if error.verify_code in _NAME:
        return (
            f"the certificate of the server at {server.address} is not for the name {host}: call "
            "it with --address by a name that the certificate has"
        )
    if error.verify_code == _EXPIRED:
        return f"the certificate of the server at {server.address} has expired: renew it there"
    by = f"that of {server.tls_ca}" if server.tls_ca else "known here: give --tls-ca"
    return (
        f"the authority that signed the certificate of the server at {server.address} is not {by}"
        f" ({error.verify_message})"
    )


class Connection:
    """An open channel to a server; raises CommandError on every status but OK."""

    def __init__(self, channel: grpc.Channel, server: ServerOptions) -> None:
        self.channel = channel
        self.server = server

    def call(
        self, name: str, request: Message, seconds: float = 10.0, findings: Collection[str] = ()
    ) -> Any:
        """Call `ReviewService.GetReview`, say.

        The exit code of an error is 3, or 1 where its reason is one of `findings`: an answer, not
        a fault.
        """
        return self.answer(self.method(name), request, seconds, findings=findings)

    def method(self, name: str) -> Callable[..., Any]:
        rpc = method_of(name)
        path = f"/{rpc.containing_service.full_name}/{rpc.name}"
        asked = GetMessageClass(rpc.input_type)
        reply = GetMessageClass(rpc.output_type)
        made: Callable[..., Any]
        made = self.channel.unary_unary(path, asked.SerializeToString, reply.FromString)
        return made

    def answer(
        self,
        method: Callable[..., Any],
        request: Message,
        seconds: float,
        findings: Collection[str] = (),
    ) -> Any:
        import grpc

        try:
            return method(request, timeout=seconds, metadata=self.server.metadata())
        except grpc.RpcError as error:
            if is_late(error):
                raise CommandError(late(self.server, seconds), Exit.SERVER) from None
            if not answered(error):
                raise CommandError(unreachable(self.server, error), Exit.SERVER) from None
            raise described(error, findings) from None

    def find(self, name: str, request: Message, unknown: str) -> Any:
        """The reply of a method; None where the error's reason is `unknown`."""
        try:
            return self.call(name, request, findings=(unknown,))
        except CommandError as error:
            if error.code is not Exit.FINDINGS:
                raise
            return None

    def pages(self, name: str, request: Any, seconds: float = 10.0) -> Iterator[Any]:
        """The pages of a list, each asked for when the one before it is done with."""
        while True:
            page = self.call(name, request, seconds)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def read_review(self, review_id: str) -> Review:
        from decision_service.api.v1.review_service_pb2 import GetReviewRequest

        request = GetReviewRequest(review_id=review_id, page_size=100)
        return joined(self.pages("ReviewService.GetReview", request))


def joined(pages: Iterator[Any]) -> Review:
    """A review with the steps of all of its pages."""
    review: Review = next(pages).review
    for page in pages:
        review.events.extend(page.review.events)
    return review


def method_of(name: str) -> MethodDescriptor:
    service, _, method = name.partition(".")
    module = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", service).lower()
    file = import_module(f"decision_service.api.v1.{module}_pb2").DESCRIPTOR
    found: MethodDescriptor = file.services_by_name[service].methods_by_name[method]
    return found


def answered(error: grpc.RpcError) -> bool:
    """Whether a server has answered, or let the time pass."""
    import grpc
    from grpc_status import rpc_status

    call_error: Any = error  # every RpcError that a stub raises is a grpc.Call as well
    unavailable = call_error.code() is grpc.StatusCode.UNAVAILABLE
    return not unavailable or rpc_status.from_call(call_error) is not None


def is_late(error: grpc.RpcError) -> bool:
    """Whether the time of a call passed without a word of the service."""
    import grpc
    from grpc_status import rpc_status

    call_error: Any = error
    late = call_error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    return late and rpc_status.from_call(call_error) is None


def late(server: ServerOptions, seconds: float) -> str:
    return (
        f"the server at {server.address} did not answer within {seconds:g} s: give it longer, by "
        "--timeout where the command has it, or see how it does with `decision-service status`"
    )


def described(error: grpc.RpcError, findings: Collection[str] = ()) -> CommandError:
    call_error: Any = error  # every RpcError that a stub raises is a grpc.Call as well
    details = [*details_of(error)]
    is_finding = any(getattr(one, "reason", "") in findings for one in details)
    return CommandError(
        f"{call_error.code().name}: {call_error.details() or 'no further words'}",
        Exit.FINDINGS if is_finding else Exit.SERVER,
        details=tuple(
            f"  {one.DESCRIPTOR.name:13}{words}" for one in details for words in _words(one)
        ),
    )


def details_of(error: grpc.RpcError) -> Iterator[Any]:
    """Each ErrorInfo, BadRequest and RetryInfo that came with a status."""
    from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
    from grpc_status import rpc_status

    call_error: Any = error
    status = rpc_status.from_call(call_error)
    for detail in status.details if status else ():
        for kind in (ErrorInfo, BadRequest, RetryInfo):
            found = kind()
            if detail.Unpack(found):
                yield found


def _words(detail: Any) -> Iterator[str]:
    match detail.DESCRIPTOR.name:
        case "ErrorInfo":
            values = [f"{name} {value}" for name, value in sorted(detail.metadata.items())]
            yield " · ".join([f"reason {detail.reason}", f"domain {detail.domain}", *values])
        case "BadRequest":
            yield from (violation.description for violation in detail.field_violations)
        case _:
            yield f"in {detail.retry_delay.ToTimedelta().total_seconds():g} s"
