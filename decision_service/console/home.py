"""The first page of a person, by roles: what waits for them, and what is wrong. And Operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from starlette.responses import Response
from starlette.routing import Route

from decision_service.api.v1 import rollout_pb2 as rollout_pb
from decision_service.api.v1 import status_service_pb2 as status_pb
from decision_service.cli.releases import WAITING
from decision_service.console.reviews import waiting_for_second
from decision_service.console.web import Pages, Visit

REVIEWERS = ("review", "review_second")
OPERATORS = ("read", "rollout", "rules", "rules_approve")
KNOWN = (*REVIEWERS, *OPERATORS, "decide")
"""The roles of which any page is made."""


class Waits(NamedTuple):
    """Something that a person can do now; `path` leads there."""

    path: str
    number: int
    words: str
    is_late: bool = False


class Wrong(NamedTuple):
    """What should not be so, in a sentence; `path` leads to where it is mended."""

    path: str
    words: str


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/", _home), pages.route("/operations", _operations)]


def _home(visit: Visit) -> Response:
    if not visit.session.may(*KNOWN):
        return visit.page("nobody.html", 403)
    waits = [*_cases(visit), *_steps(visit)]
    wrong = []
    if visit.session.may(*OPERATORS):
        found = visit.service.call("StatusService.GetStatus")
        wrong = [*_wrong(found, _rollouts(visit))]
    return visit.page("home.html", waits=waits, wrong=wrong, may_see=visit.session.may(*OPERATORS))


def _operations(visit: Visit) -> Response:
    """How the service does, and what waits; what is wrong comes first."""
    found = visit.service.call("StatusService.GetStatus")
    return visit.page("operations.html", found=found, wrong=[*_wrong(found, _rollouts(visit))])


def _rollouts(visit: Visit) -> Sequence[rollout_pb.Rollout]:
    """None of them where the caller may not read them."""
    found = visit.service.find("RolloutService.ListRollouts")
    return found.rollouts if found is not None else ()


def _cases(visit: Visit) -> Iterator[Waits]:
    if not visit.session.may(*REVIEWERS):
        return
    chosen: dict[str, Any] = {"state": "REVIEW_STATE_CLAIMED", "page_size": 500}
    claimed = visit.service.call("ReviewService.ListReviews", **chosen).reviews
    mine = [one for one in claimed if one.claimed_by == visit.session.name]
    late = sum(one.overdue for one in mine)
    yield Waits("/reviews#mine", len(mine), "cases are claimed by you")
    if late:
        yield Waits("/reviews?overdue=yes", late, "of them are overdue", is_late=True)
    theirs, _ = waiting_for_second(visit)
    yield Waits("/second", len(theirs), "results of others wait for your confirmation")
    for desk in visit.service.call("ReviewService.GetDesk").desks:
        for one in desk.queues:
            path = f"/reviews?product={desk.product}&queue={one.queue}"
            words = f"cases wait in {one.queue} of {desk.product}"
            if one.unfinished:
                yield Waits(path, one.unfinished, words)
            if one.overdue:
                yield Waits(f"{path}&overdue=yes", one.overdue, f"{words}, overdue", is_late=True)


def _steps(visit: Visit) -> Iterator[Waits]:
    """Rollouts and releases of rules that another person has to confirm."""
    if visit.session.may("rollout"):
        for one in _rollouts(visit):
            if one.HasField("proposed") and one.proposed.by != visit.session.name:
                yield Waits(f"/rollouts/{one.product}", 1, f"step of {one.product} is proposed")
    if visit.session.may("rules_approve"):
        listed = visit.service.call("RulesetService.ListReleases", page_size=20)
        for release in listed.releases:
            if release.state in WAITING and visit.session.name not in release.authors:
                path = f"/rules/releases/{release.digest}"
                yield Waits(path, 1, f"release of rules waits, {release.digest[:12]}")


def _wrong(
    found: status_pb.GetStatusResponse, rollouts: Sequence[rollout_pb.Rollout]
) -> Iterator[Wrong]:
    """What an operator has to know before anything else: what decides nothing comes first."""
    for one in rollouts:
        path = f"/rollouts/{one.product}"
        if one.go_live.killed:
            yield Wrong(path, f"{one.product} is killed: no applicant of it is decided here.")
        if one.HasField("challenger") and one.challenger.killed:
            yield Wrong(path, f"The challenger of {one.product} is killed: the champion decides.")
        if one.paused:
            yield Wrong(path, f"The rollout of {one.product} is paused.")
        if one.refused:
            yield Wrong(path, f"The plan or rules of {one.product} are refused.")
    yield from _wrong_here(found)


def _wrong_here(found: status_pb.GetStatusResponse) -> Iterator[Wrong]:
    """Of the process that answers: its rules, the vendor, and what waits too long."""
    if found.refused:
        yield Wrong("/rules", "The last reading of the rules was refused.")
    if len(found.in_force) > 1:
        yield Wrong("/operations#program", "The processes decide by different rules.")
    if found.vendor.keys_refused:
        yield Wrong("/operations#vendor", "The vendor refuses the key pair: renew it.")
    if found.vendor.circuit == "open":
        yield Wrong("/operations#vendor", "The vendor does not answer: requests are held back.")
    for each in found.backlog:
        if each.late:
            yield Wrong("/operations#backlog", f"{each.late:,} late of {each.name}.")
