"""A service that has no file descriptor left: those who are connected are served, others later."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import grpc
import psutil
import pytest

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import Process, serving
from tests.e2e.service import create

GEORGE = sandbox_people()[0].user_id
SPARE = 8
STRANGERS = 64


@pytest.mark.long
async def test_strangers_that_take_every_descriptor_hold_up_nobody_else(tmp_path: Path) -> None:
    """A connected caller goes on while no new connection fits; afterwards everybody is served."""
    with serving(tmp_path) as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
            asked = create(GEORGE)
            decided = (await stub.CreateDecision(asked)).decision
            with ExitStack() as crowd:
                await asyncio.to_thread(_crowd, process, crowd)
                for _ in range(20):
                    request = service_pb.GetDecisionRequest(decision_id=decided.decision_id)
                    assert (await stub.GetDecision(request)).decision == decided
                assert (await stub.CreateDecision(asked)).decision == decided
            async with grpc.aio.insecure_channel(process.address) as later:
                anew = decision_service_pb2_grpc.DecisionServiceStub(later)
                reply = await anew.CreateDecision(create(GEORGE), wait_for_ready=True, timeout=30)
                assert reply.decision.outcome == decided.outcome


def _crowd(process: Process, crowd: ExitStack) -> None:
    """Leave the process a few descriptors, then connect until it has none."""
    open_now = psutil.Process(process.popen.pid).num_fds()
    limit = open_now + SPARE
    resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE, (limit, limit))
    host, _, port = process.address.rpartition(":")
    for _ in range(STRANGERS):
        crowd.enter_context(socket.create_connection((host, int(port))))
    while psutil.Process(process.popen.pid).num_fds() < limit:
        time.sleep(0.01)
