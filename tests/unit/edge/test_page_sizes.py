"""Sizes of pages: one rule for every list."""

import pkgutil
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module

import pytest

from decision_service.api import v1
from decision_service.api.v1 import decision_service_pb2 as decision_pb
from decision_service.api.v1 import event_service_pb2 as events_pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1 import rollout_service_pb2 as rollout_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.domain.errors import FieldInvalid
from decision_service.server import decisions as filters
from decision_service.server import events, reviews
from decision_service.server.notices import notice_filter
from decision_service.server.outcomes import listed_decision_from
from decision_service.server.page_tokens import page_size
from decision_service.server.rollouts import listed_product_from
from decision_service.server.rulesets import most_from

LISTS: dict[str, Callable[[int], object]] = {
    "GetReview": lambda n: reviews.steps_from(
        review_pb.GetReviewRequest(page_size=n, review_id="rev_01M8F144MHHA311PW2AHKXD3V7-1")
    ),
    "ListDecisions": lambda n: filters.filter_from(decision_pb.ListDecisionsRequest(page_size=n)),
    "ListEvents": lambda n: events.asked_from(events_pb.ListEventsRequest(page_size=n), ""),
    "ListDeadEvents": lambda n: events.size_from(events_pb.ListDeadEventsRequest(page_size=n)),
    "ListNotices": lambda n: notice_filter(notice_pb.ListNoticesRequest(page_size=n), ""),
    "ListOutcomes": lambda n: listed_decision_from(
        outcome_pb.ListOutcomesRequest(page_size=n, decision_id="dec_01M8F144MHHA311PW2AHKXD3V7")
    ),
    "ListPublications": lambda n: most_from(rules_pb.ListPublicationsRequest(page_size=n)),
    "ListReviews": lambda n: reviews.filter_from(
        review_pb.ListReviewsRequest(page_size=n), datetime(2026, 1, 1, tzinfo=UTC)
    ),
    "ListRolloutSteps": lambda n: listed_product_from(
        rollout_pb.ListRolloutStepsRequest(page_size=n, product="personal-loan-ph")
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_only_a_negative_page_size_is_refused(name: str) -> None:
    """The error names field and value; 0 means the default, and a large size the largest."""
    for size in (-1, -(2**31)):
        with pytest.raises(FieldInvalid, match=rf"^page_size is {size}: it must not be negative$"):
            LISTS[name](size)
    for size in (0, 1, 2**31 - 1):
        LISTS[name](size)
        assert 1 <= page_size(size) <= 500


def test_every_list_by_pages_has_its_row_here() -> None:
    """A new list by page_size cannot forget the rule."""
    files = [module.name for module in pkgutil.iter_modules(v1.__path__)]
    found = {
        name.removesuffix("Request")
        for file in files
        if file.endswith("_pb2")
        for name, message in import_module(
            f"{v1.__name__}.{file}"
        ).DESCRIPTOR.message_types_by_name.items()
        if "page_size" in message.fields_by_name
    }
    assert found == set(LISTS)
