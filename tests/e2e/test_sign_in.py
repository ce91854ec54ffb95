"""People with ID tokens of an identity provider, at a service with its callers file."""

import asyncio
from pathlib import Path

import grpc

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.runtime.clock import SystemClock
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import create, refused, running
from tests.e2e.team import Team, bearer
from tests.e2e.test_json import LIST, post
from tests.kits.issuer import Issuer
from tests.kits.until import until

RYAN = sandbox_people()[1].user_id
MARIA, JUAN = "248289761001", "b7c1"
ALL = service_pb.ListDecisionsRequest()


async def test_who_signs_in_calls_over_grpc_and_json_through_a_rotation(tmp_path: Path) -> None:
    """A service fetches the keys as it starts; no call by a new key is refused; strangers are."""
    async with Issuer(SystemClock().now).serving() as issuer:
        team = Team(tmp_path, issuer.line)
        team.hire("maria", "decide", subject=MARIA)
        team.hire("juan", "read", subject=JUAN)
        async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
            await until(lambda: len(issuer.asked) == 2)
            made = live.stub.CreateDecision(create(RYAN), metadata=bearer(issuer.token(MARIA)))
            decision_id = (await made).decision.decision_id
            issuer.rotate()
            token = issuer.token(JUAN)
            grpc_list, json_list = await asyncio.gather(
                live.stub.ListDecisions(ALL, metadata=bearer(token)),
                post(live, LIST, {}, authorization=f"Bearer {token}"),
            )
            assert [one.decision_id for one in grpc_list.decisions] == [decision_id]
            assert [one["decisionId"] for one in json_list.content["decisions"]] == [decision_id]
            assert len(issuer.asked) == 4
            stranger = live.stub.ListDecisions(ALL, metadata=bearer(issuer.token("1")))
            assert (await refused(stranger)).code is grpc.StatusCode.UNAUTHENTICATED
