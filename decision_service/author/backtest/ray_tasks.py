"""Ranges of a backtest judged by a Ray cluster; needs the extra `ray`."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import msgspec
import ray
from ray.exceptions import RayError, RayTaskError

from decision_service.author.backtest.replica import KeyRange
from decision_service.author.backtest.rules import BacktestOrder
from decision_service.author.backtest.run import (
    ClusterUnfit,
    JudgedRanges,
    WorkersKilled,
    judged,
)

ADDRESS = "RAY_ADDRESS"
_RETRIES = 4
"""How often a range is judged again whose worker was killed."""
_SECONDS = 5.0
"""Seconds in which the cluster must take a connection; Ray itself tries for minutes."""
_LOOK_SECONDS = 0.5
"""How long Ctrl-C waits at most."""


def on_ray(order: BacktestOrder, ranges: Sequence[KeyRange], jobs: int | None) -> JudgedRanges:
    """Tasks of the cluster at RAY_ADDRESS, `jobs` at a time, all for None, which read the store."""
    with _cluster():
        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(judged)
        put = ray.put(msgspec.json.encode(order))
        left = iter(ranges)
        running = {task.remote(put, one): one for one in islice(left, jobs)}
        while running:
            for done in ray.wait([*running], timeout=_LOOK_SECONDS)[0]:
                chosen = running.pop(done)
                running |= {task.remote(put, one): one for one in islice(left, 1)}
                yield chosen, _sums(done)


@contextmanager
def _cluster() -> Iterator[None]:
    """A connection to the cluster; at its end every task of this program ends."""
    address = os.environ.get(ADDRESS, "")
    _require_answer(address)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, RayError) as error:
        words = str(error).strip().partition("\n")[0]
        raise ClusterUnfit(f"the Ray cluster at {address} takes no work ({words})") from None
    try:
        yield
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ClusterUnfit(
            f"{ADDRESS} is {address or 'not set'}: it must name the head of a Ray cluster, such as "
            "10.0.0.5:6379"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterUnfit(
            f"no Ray cluster answers at {address} ({error}): start one, or correct {ADDRESS}"
        ) from None


def _sums(done: ray.ObjectRef[bytes]) -> bytes:
    """The sums of a task; raises what it raised, without what Ray says around it."""
    try:
        return ray.get(done)
    except RayTaskError as error:
        cause = error.cause
        if type(cause) is RuntimeError:  # how Ray says that a worker could not import the task
            raise ClusterUnfit(
                "a machine of the Ray cluster cannot load this program: install the same version "
                "there"
            ) from None
        raise cause from None
    except RayError:
        raise WorkersKilled(
            f"workers on the Ray cluster were killed {_RETRIES + 1} times: give it more memory, or "
            "fewer --jobs"
        ) from None
