"""A bare gRPC server: what gRPC itself costs in Python for messages of the same size.

`python -m bench.echo FOLDER` answers each method of `bench.Echo` with the bytes of the file of its
name, whatever it is sent, without reading it. It runs on uvloop, as the service does. `threaded` is
one with threads in this process, as the service's own server is.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import uvloop

SERVICE = "bench.Echo"


def answering(reply: bytes) -> Callable[[bytes, Any], Awaitable[bytes]]:
    """A method that answers with these bytes."""

    async def answer(_: bytes, __: Any) -> bytes:
        return reply

    return answer


@contextmanager
def threaded(reply: bytes) -> Iterator[Callable[[bytes], bytes]]:
    """Calls of a `grpc.server` in this process that answers with these bytes."""
    answer = grpc.unary_unary_rpc_method_handler(lambda _, __: reply)
    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        handler = grpc.method_handlers_generic_handler(SERVICE, {"Echo": answer})
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call: Any = channel.unary_unary(f"/{SERVICE}/Echo")
            yield lambda sent: call(sent, timeout=60, wait_for_ready=True)
        server.stop(None).wait()


async def serve(folder: Path) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server()
    methods = {
        file.name: grpc.unary_unary_rpc_method_handler(answering(file.read_bytes()))
        for file in folder.iterdir()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"echo 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
