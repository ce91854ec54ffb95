"""Frames that the service answers only when their connection is old end it at the gateway."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from deploy.gateway.envoy import Gateway
from tests.e2e import wire
from tests.e2e.wire import frame

PATH = "/v1/rollouts"
MOST = 16 << 20
"""Bytes of a flood; what a closed connection takes stands in the buffers of the machine."""

MORE = wire.header_block({"x-more": "x" * 8_000})
FLOODS = {
    "CONTINUATION with content": frame(wire.CONTINUATION, 0, 1, MORE),
    "CONTINUATION without content": frame(wire.CONTINUATION, 0, 1, b""),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_headers_that_never_end_end_their_connection_at_once(shared: Gateway, flood: bytes) -> None:
    """Envoy closes it, and goes on serving others."""
    address = urlsplit(shared.url)
    assert address.hostname
    assert address.port
    begun = frame(wire.HEADERS, 0, 1, wire.header_block(wire.request_headers(PATH)))
    with socket.create_connection((address.hostname, address.port), 20) as connection:
        connection.sendall(wire.PREFACE + frame(wire.SETTINGS, 0, 0) + begun)
        sent = sum(_taken(connection, flood))
    assert sent < MOST
    assert shared.call("get", PATH)[0] == 200


def _taken(connection: socket.socket, flood: bytes) -> Iterator[int]:
    """Send until the other side closes; the bytes of each part that it took."""
    many = flood * (1 + (64 << 10) // len(flood))
    for _ in range(MOST // len(many)):
        try:
            connection.sendall(many)
        except (ConnectionError, BrokenPipeError):
            return
        yield len(many)
    yield MOST
