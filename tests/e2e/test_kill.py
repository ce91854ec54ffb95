"""Nothing that was acknowledged is lost, however the process ends."""

from pathlib import Path

import grpc
import pytest

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import serving
from tests.e2e.service import create

KILLS = 4


@pytest.mark.long
def test_sigkill_between_any_two_calls_loses_no_acknowledged_decision(tmp_path: Path) -> None:
    """Four times: decide, kill, restart; every answer that was given is there, unchanged."""
    acknowledged: dict[str, bytes] = {}
    requests: dict[str, service_pb.CreateDecisionRequest] = {}
    people = sandbox_people()
    for turn in range(KILLS):
        with serving(tmp_path) as process:
            with grpc.insecure_channel(process.address) as channel:
                stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
                for person in (people[turn % 4], people[(turn + 1) % 4]):
                    request = create(person.user_id)
                    reply = stub.CreateDecision(request, timeout=10)
                    requests[request.request_id] = request
                    acknowledged[request.request_id] = reply.SerializeToString(deterministic=True)
            process.kill()
    with serving(tmp_path) as process, grpc.insecure_channel(process.address) as channel:
        stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
        for request_id, request in requests.items():
            again = stub.CreateDecision(request, timeout=10)
            assert again.SerializeToString(deterministic=True) == acknowledged[request_id]
        listed = stub.ListDecisions(service_pb.ListDecisionsRequest(page_size=500), timeout=10)
        assert len(listed.decisions) == 2 * KILLS
        assert process.terminate() == 0
