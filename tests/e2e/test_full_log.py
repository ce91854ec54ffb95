"""A log that nobody reads."""

import fcntl
import os
from pathlib import Path

import grpc
import pytest

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import serving
from tests.e2e.service import create

PIPE_BYTES = 4096
CALLS = 100
"""Their lines are more than the pipe takes."""


@pytest.mark.long
def test_an_unread_log_holds_up_neither_calls_nor_the_stop(tmp_path: Path) -> None:
    """With the pipe of the log full, calls are answered and the process ends in order."""
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    unread = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(unread, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    with serving(tmp_path, fifo) as process:
        with grpc.insecure_channel(process.address) as channel:
            stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
            for _ in range(CALLS):
                stub.ListDecisions(service_pb.ListDecisionsRequest(), timeout=10)
            stub.CreateDecision(create(sandbox_people()[0].user_id), timeout=10)
        assert process.terminate() == 0
    assert os.read(unread, 2 * PIPE_BYTES).count(b"ListDecisions") < CALLS
    os.close(unread)
