"""Load from `h2load` of nghttp2, as gRPC calls: every call is timed, none may fail."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

SECONDS_AT_MOST = 3600


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of a number of calls: how many a second, and percentiles in milliseconds."""

    calls: int
    rate: float
    p50: float
    p99: float


def missing() -> str:
    """Why h2load cannot be run here; empty where it can."""
    if shutil.which("h2load") is None:
        return "h2load is not on PATH: it comes with nghttp2 (apt-get install nghttp2-client)"
    return ""


def version() -> str:
    """The version of h2load."""
    told = subprocess.run(["h2load", "--version"], check=True, capture_output=True, text=True)
    return told.stdout.split("/")[-1].strip()


def frame(message: bytes, file: Path) -> Path:
    """Write a message as the body of one gRPC call."""
    file.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    return file


def burst(url: str, frames: Sequence[Path], concurrent: int, calls: int) -> Burst:
    """Make at least so many calls, so many at a time, spread evenly over the frames.

    One h2load with one connection for each frame, since it sends one body only; not more of them
    than calls at a time. Raises RuntimeError where one ends badly or an answer is no answer; what
    gRPC says in its trailers it does not show, so the caller counts what was recorded.
    """
    used = frames[: min(len(frames), concurrent)]
    at_a_time, each = concurrent // len(used), -(-max(calls, concurrent) // len(used))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        logs = [Path(folder) / str(number) for number in range(len(used))]
        running = [
            stack.enter_context(_h2load(url, body, at_a_time, each, log))
            for body, log in zip(used, logs, strict=True)
        ]
        for popen in running:
            _, complaint = popen.communicate(timeout=SECONDS_AT_MOST)
            if popen.returncode:
                raise RuntimeError(f"h2load ended with {popen.returncode}: {complaint}")
        return _read(
            [line for log in logs for line in log.read_text().splitlines()], each * len(used)
        )


def _h2load(url: str, body: Path, at_a_time: int, calls: int, log: Path) -> subprocess.Popen[str]:
    count = ("-n", str(calls), "-c", "1", "-m", str(at_a_time), "-t", "1")
    headers = ("-H", "content-type: application/grpc", "-H", "te: trailers")
    command = ["h2load", *count, *headers, "-d", str(body), f"--log-file={log}", url]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _read(lines: Sequence[str], calls: int) -> Burst:
    """Each line is the start in microseconds since 1970, the HTTP status, the microseconds taken."""
    answers = [tuple(map(int, line.split("\t")[:3])) for line in lines]
    bad = [status for _, status, _ in answers if status != 200]
    if bad or len(answers) != calls:
        raise RuntimeError(
            f"{len(answers)} of {calls} calls were answered, {len(bad)} not with 200"
        )
    first = min(start for start, _, _ in answers)
    last = max(start + taken for start, _, taken in answers)
    cuts = statistics.quantiles([taken / 1000 for *_, taken in answers], n=100, method="inclusive")
    return Burst(calls, calls / (last - first) * 1e6, cuts[49], cuts[98])
