"""A lender that decides, reads decisions back and erases, against a service of its own process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from decision_service.api.v1 import applicant_service_pb2 as applicant_pb
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from deploy.drills.stores import Kept
from tests.e2e.process import serving
from tests.e2e.service import create, refusal

PEOPLE = [person.user_id for person in sandbox_people()]


@dataclass(frozen=True, slots=True)
class Lender:
    """Calls to one service."""

    channel: grpc.Channel

    def decide(self, user_id: str) -> pb.Decision:
        """A new decision on a person."""
        return self._decisions.CreateDecision(create(user_id)).decision

    def read(self, decision_id: str) -> pb.Decision:
        """A decision as it was recorded, in full."""
        asked = service_pb.GetDecisionRequest(
            decision_id=decision_id, view=pb.DecisionView.DECISION_VIEW_FULL
        )
        return self._decisions.GetDecision(asked).decision

    def differing(self, decision_id: str) -> list[str]:
        """The fields that a replay gives otherwise."""
        asked = service_pb.ReplayDecisionRequest(decision_id=decision_id)
        return [*self._decisions.ReplayDecision(asked).differing_fields]

    def erase(self, user_id: str) -> None:
        """Erase a person's data."""
        stub = ApplicantServiceStub(self.channel)
        stub.EraseApplicant(applicant_pb.EraseApplicantRequest(user_id=user_id))

    def why_not(self, method: str, decision_id: str) -> str:
        """The reason for which `read` or `differing` is refused."""
        try:
            getattr(self, method)(decision_id)
        except grpc.RpcError as error:
            return refusal(error).info.reason
        return "it was not refused"

    @property
    def _decisions(self) -> DecisionServiceStub:
        return DecisionServiceStub(self.channel)


@contextmanager
def vendor() -> Iterator[dict[str, str]]:
    """A stand-in of the vendor that outlives the services of a drill, as settings."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stand_in = serve(build_app(api_key="k", api_secret="s"))
    url = asyncio.run_coroutine_threadsafe(stand_in.__aenter__(), loop).result()
    keys = {"smile_mode": "sandbox", "smile_api_key": "k", "smile_api_secret": "s"}
    yield {**keys, "smile_base_url": url}
    asyncio.run_coroutine_threadsafe(stand_in.__aexit__(None, None, None), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def at(
    store: Kept, vendor: dict[str, str], log: Path | None = None, folder: Path | None = None
) -> Iterator[Lender]:
    """A lender at a service on this store, its own files in a folder; it is stopped in order."""
    with serving(
        folder or store.folder, log, drain_delay="0s", **store.settings, **vendor
    ) as process:
        with grpc.insecure_channel(process.address) as channel:
            yield Lender(channel)
        assert process.terminate() == 0
