"""Reviews: the use cases behind their service, and what decides applications again."""

from __future__ import annotations

import msgspec

from decision_service.clock_ids import Ids
from decision_service.edge.review_metrics import ReviewMetrics
from decision_service.edge.rpc.services.reviews import ReviewUseCases
from decision_service.pipeline.decide.decide import DecideApplication
from decision_service.pipeline.records.read import ReadDecisions
from decision_service.pipeline.reviews.again import AgainDeps, DecideAgain
from decision_service.pipeline.reviews.operate import OperateReviews, ReviewDeps
from decision_service.pipeline.reviews.queue_watch import QueueWatch
from decision_service.supervision import Supervisor
from decision_service.wiring.core import Core


class ReviewWiring(msgspec.Struct, frozen=True):
    """The use cases and the tasks beside them."""

    use_cases: ReviewUseCases
    again: DecideAgain
    watch: QueueWatch

    def start(self, supervisor: Supervisor) -> None:
        """Decide again what is due, and count the queues."""
        supervisor.supervise("reviews", self.again.run)
        supervisor.supervise("review_queues", self.watch.run)


def wire_reviews(core: Core, read: ReadDecisions, decide: DecideApplication) -> ReviewWiring:
    """The parts, on the store's reviews."""
    log, clock = core.store.reviews, core.clock
    metrics = ReviewMetrics(core.metrics.registry)
    again = DecideAgain(AgainDeps(log, read, decide, clock, metrics))
    deps = ReviewDeps(log, read, core.active.current, clock, Ids(), again.wake, metrics)
    use_cases = ReviewUseCases(OperateReviews(deps), clock)
    return ReviewWiring(use_cases, again, QueueWatch(log, clock))
