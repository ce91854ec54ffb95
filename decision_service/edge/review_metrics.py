"""Metrics of reviews: counted steps, and the queues as they stand."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from decision_service.instruments import counter, read_gauge
from decision_service.pipeline.reviews.queue_watch import QueueWatch
from decision_service.reviewing.model import ReviewState
from decision_service.reviewing.steps import ReviewStep

_RESULT = ("product", "outcome", "reason", "reviewer")


class ReviewMetrics:
    """The `ReviewObserver` that counts; the reviewers' names are those of configured callers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        words = "Reviews that a person completed"
        self._completed = counter(registry, "reviews_completed", words, *_RESULT)
        words = "Completed reviews that approve what was not approved, or the other way round"
        self._overrides = counter(registry, "review_overrides", words, *_RESULT)
        words = "Reviews that ended after they were due"
        self._late = counter(registry, "reviews_late", words, "product", "queue")

    def stepped(self, step: ReviewStep) -> None:
        """Count a step that ended a review."""
        review = step.review
        if review.ended is None or review.ended != step.event.at:
            return
        if review.ended > review.due:
            self._late.labels(review.product, review.queue).inc()
        if review.state is not ReviewState.COMPLETED or review.result is None:
            return
        result = review.result
        labels = (review.product, result.outcome.value, result.reason, review.completed_by)
        self._completed.labels(*labels).inc()
        if review.overrides:
            self._overrides.labels(*labels).inc()


def of_queues(watch: QueueWatch) -> Iterator[Metric]:
    """The unfinished reviews of each queue: how many, how many overdue, and the oldest's age."""
    names = [((one.product, one.queue), one) for one in watch.counts]
    labels, now = ("product", "queue"), watch.clock.now()
    unfinished = ((name, float(one.open)) for name, one in names)
    yield read_gauge("reviews_open", "Unfinished reviews", unfinished, *labels)
    overdue = ((name, float(one.overdue)) for name, one in names)
    yield read_gauge("reviews_overdue", "Unfinished reviews that were due", overdue, *labels)
    ages = ((name, (now - one.oldest).total_seconds()) for name, one in names)
    yield read_gauge("reviews_oldest_seconds", "Age of the oldest unfinished review", ages, *labels)
