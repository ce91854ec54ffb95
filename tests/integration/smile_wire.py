"""A vendor on loopback that writes exactly the bytes a test wants, when it wants them."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.unit.smile.items import account

RESET = object()
CLOSE = object()


@dataclass
class Wire:
    """A listening server: its base URL, what it was asked (time, path), and open connections."""

    base_url: str = ""
    asked: list = field(default_factory=list)
    open: int = 0

    @property
    def paths(self):
        """The paths that were asked for, in order."""
        return [path for _, path in self.asked]


@asynccontextmanager
async def serving(script, ssl=None):
    """Serve `script(path)`: a list of bytes to write, seconds to sleep, RESET or CLOSE."""
    wire = Wire()
    serving_now = set()

    async def serve(reader, writer):
        wire.open += 1
        serving_now.add(asyncio.current_task())
        try:
            while await _one(reader, writer, script, wire):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            wire.open -= 1
            serving_now.discard(asyncio.current_task())
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ssl)
    port = server.sockets[0].getsockname()[1]
    wire.base_url = f"{'https' if ssl else 'http'}://127.0.0.1:{port}/v1"
    try:
        yield wire
    finally:
        server.close()
        for task in serving_now:
            task.cancel()
        await asyncio.gather(*serving_now)


async def _one(reader, writer, script, wire):
    """Answer one request; False when the connection ends with it."""
    head = await reader.readuntil(b"\r\n\r\n")
    target = head.split(b" ", 2)[1].decode()
    path = target.partition("?")[0].removeprefix("/v1")
    wire.asked.append((asyncio.get_running_loop().time(), path))
    for step in script(path):
        if step is RESET:
            writer.transport.abort()
            return False
        if step is CLOSE:
            return False
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        else:
            await asyncio.sleep(step)
    return True


def answer(body, *, length=None, status="200 OK", **headers):
    """The bytes of an answer with a Content-Length, true unless a test lies about it."""
    fields = {"Content-Type": "application/json", **headers}
    fields["Content-Length"] = str(len(body) if length is None else length)
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def until_closed(body):
    """The bytes of an answer whose end is the end of the connection."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body


def chunked(body, size=50):
    """The bytes of an answer in chunks, without the last, empty one."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + framed
    )


def page(items):
    """The body of one last page."""
    return json.dumps({"code": "OK", "data": {"nextCursor": None, "items": items}}).encode()


def by_path(**steps):
    """A script that answers accounts honestly and other paths with the given steps."""

    def script(path):
        if path == "/accounts":
            return steps.get("accounts", [answer(page([account()]))])
        return steps[path.strip("/").partition("/")[0]]

    return script
