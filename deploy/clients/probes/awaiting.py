"""Applies without a request id through AsyncClient, and prints the id that the request then has."""

import asyncio
import sys

from decision_service_client import AsyncClient, v1
from google.protobuf.duration_pb2 import Duration


async def main() -> None:
    """Apply."""
    request = v1.CreateDecisionRequest(user_id="a", product="b", wait_timeout=Duration(seconds=60))
    async with AsyncClient(sys.argv[1], plaintext=True) as client:
        answer = await client.decisions.CreateDecision(request)
    assert isinstance(answer, v1.CreateDecisionResponse)
    print(request.request_id)


asyncio.run(main())
