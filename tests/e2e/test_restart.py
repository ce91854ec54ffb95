"""A client with the service config that is shipped gets its answers while the server restarts."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import grpc
import pytest

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc, rollout_service_pb2_grpc
from decision_service.api.v1 import rollout_service_pb2 as rollout_pb
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import serving
from tests.e2e.service import PRODUCT, ROOT, create, refusal

READY = grpc.ChannelConnectivity.READY
CONFIG = (ROOT / "protos/decision_service/api/v1/service_config.json").read_text()
GEORGE, RYAN = (person.user_id for person in sandbox_people()[:2])


@pytest.mark.long
def test_calls_outlast_a_restart_and_are_decided_once(tmp_path: Path) -> None:
    """One is cut off, one comes while nobody listens, one may not be repeated: each is answered."""
    options = (("grpc.service_config", CONFIG),)
    with serving(tmp_path) as process:
        address = process.address
        channel = grpc.insecure_channel(address, options)
        decisions = decision_service_pb2_grpc.DecisionServiceStub(channel)
        rollouts = rollout_service_pb2_grpc.RolloutServiceStub(channel)
        decisions.ListDecisions(service_pb.ListDecisionsRequest(), timeout=60)
        lost = Event()
        channel.subscribe(lambda state: None if state is READY else lost.set())
        asked = [create(GEORGE), create(RYAN)]
        cut_off = decisions.CreateDecision.future(asked[0], timeout=60)
        process.kill()
    # A call that goes out over a connection that is dead already fails, and may not be repeated.
    assert lost.wait(60)
    meanwhile = decisions.CreateDecision.future(asked[1], timeout=60)
    step = rollout_pb.AdvanceRolloutRequest(product=PRODUCT, why="more of them")
    advance = rollouts.AdvanceRollout.future(step)
    with channel, serving(tmp_path, grpc_address=address):
        answers = [cut_off.result().decision, meanwhile.result().decision]
        for request, answer in zip(asked, answers, strict=True):
            assert decisions.CreateDecision(request, timeout=60).decision == answer
        listed = decisions.ListDecisions(service_pb.ListDecisionsRequest(), timeout=60)
        assert len(listed.decisions) == len(asked)
        error = advance.exception()
        assert isinstance(error, grpc.RpcError)
        assert refusal(error).info.reason == "ROLLOUT_REFUSED"
