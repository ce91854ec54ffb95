"""Applies without a request id through Client, and prints the id that the request then has."""

import sys

from decision_service_client import Client, v1
from google.protobuf.duration_pb2 import Duration

request = v1.CreateDecisionRequest(user_id="a", product="b", wait_timeout=Duration(seconds=60))
with Client(sys.argv[1], plaintext=True) as client:
    client.decisions.CreateDecision(request)
print(request.request_id)
