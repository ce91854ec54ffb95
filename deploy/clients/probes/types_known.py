"""What type checkers know of the package: the marked lines are wrong, and mypy has to say so."""

import grpc
from decision_service_client import Client, refusal_of, v1

client = Client("127.0.0.1:1", plaintext=True)
answer: v1.CreateDecisionResponse = client.decisions.CreateDecision(v1.CreateDecisionRequest())
reason: str = refusal_of(grpc.RpcError()).reason
v1.CreateDecisionRequest(user="a")  # wrong
client.decisions.CreateDecision(v1.GetDecisionRequest())  # wrong
