"""The contract alone is enough: a client made from the protos, without this package."""

import asyncio
import subprocess
import sys
from importlib import resources
from pathlib import Path

import google.type
from grpc_tools import protoc

from decision_service.simulator.people.sandbox.people import sandbox_people
from tests.e2e.service import ROOT, Running

CLIENT = """
import sys
import grpc
from decision_service.api.v1 import decision_pb2, decision_service_pb2, decision_service_pb2_grpc
from google.type.money_pb2 import Money
import decision_service
assert not hasattr(decision_service, "__version__"), "this must be the generated code alone"
with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
    reply = stub.CreateDecision(decision_service_pb2.CreateDecisionRequest(
        user_id=sys.argv[2], product="personal-loan-ph",
        requested_amount=Money(currency_code="PHP", units=20000), requested_term_months=6,
    ), timeout=10)
print(decision_pb2.Outcome.Name(reply.decision.outcome))
"""


async def test_a_client_made_from_the_protos_alone_gets_a_decision(
    live: Running, tmp_path: Path
) -> None:
    """Code generated from protos/ into an empty folder decides over the wire."""
    generated = tmp_path / "client"
    generated.mkdir()
    google_protos = Path(next(iter(google.type.__path__))).parent.parent
    sources = sorted(str(path) for path in (ROOT / "protos").rglob("*.proto"))
    code = protoc.main(
        [
            "protoc",
            f"-I{ROOT / 'protos'}",
            f"-I{google_protos}",
            f"-I{resources.files('grpc_tools') / '_proto'}",
            f"--python_out={generated}",
            f"--grpc_python_out={generated}",
            *sources,
        ]
    )
    assert code == 0
    for package in ("decision_service", "decision_service/api", "decision_service/api/v1"):
        (generated / package / "__init__.py").touch()
    (generated / "client.py").write_text(CLIENT)
    george = sandbox_people()[0].user_id
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(generated / "client.py"),
        live.service.address,
        george,
        cwd=generated,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert out.decode().strip() == "OUTCOME_APPROVE", err.decode()
