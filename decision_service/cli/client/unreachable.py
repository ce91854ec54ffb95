"""Why a server did not answer: a handshake of its own tells what gRPC's error leaves open."""

from __future__ import annotations

import socket
import ssl

from decision_service.cli.client.options import ServerOptions

_SECONDS = 5.0
_FRAME = 9
"""Bytes of the head of a frame: a server of HTTP/2 sends its settings first."""

_NAME = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL."""

_EXPIRED = 10


def unreachable(server: ServerOptions) -> str:
    """What is wrong between this client and the server's address, in a sentence."""
    try:
        plain = socket.create_connection(server.place(), _SECONDS)
    except OSError:
        return (
            f"no server answers at {server.address}: start one with `decision-service serve`, or "
            "name another with --address"
        )
    with plain:
        found = _encrypted(server, plain) if server.encrypted else _unencrypted(server, plain)
    return found or (
        f"the server at {server.address} closed the connection before it answered: it may be "
        "stopping, or a proxy may stand before it; try again"
    )


def _unencrypted(server: ServerOptions, plain: socket.socket) -> str:
    """The mistake of a client without TLS; empty where there is none."""
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    unverified.set_alpn_protocols(["h2"])
    try:
        with unverified.wrap_socket(plain):
            pass
    except OSError:
        return ""
    return (
        f"the server at {server.address} speaks TLS and this command does not: give --tls-ca, and "
        "--tls-cert and --tls-key where it asks for a client certificate"
    )


def _encrypted(server: ServerOptions, plain: socket.socket) -> str:
    """The mistake of a client with TLS; empty where there is none.

    A server of gRPC tells its judgement on the client by closing the connection, without an alert.
    """
    try:
        secure = server.context().wrap_socket(plain, server_hostname=server.place()[0])
    except ssl.SSLCertVerificationError as error:
        return _unverified(server, error)
    except OSError:
        return _not_tls(server)
    try:
        with secure:
            begun = secure.recv(_FRAME)
    except OSError:
        begun = b""
    return "" if begun else _closed(server)


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


def _closed(server: ServerOptions) -> str:
    if server.tls_cert is None:
        return (
            f"the server at {server.address} closed the encrypted connection at once, as one does "
            "that asks for a client certificate: give --tls-cert and --tls-key"
        )
    return (
        f"the server at {server.address} closed the encrypted connection at once, as one does that "
        f"does not take the client certificate {server.tls_cert}: give one of the authority that "
        "it trusts"
    )


def _not_tls(server: ServerOptions) -> str:
    return (
        f"the server at {server.address} does not speak TLS: leave --tls-ca, --tls-cert and "
        "--tls-key out"
    )
